import json
import time
from typing import Any

import pytest

from tests.local.emr_serverless_support import Service
from tests.local.test_emr_serverless_applications import wait_for_state

PROPERTIES: dict[str, Any] = {
    "ReleaseLabel": "emr-7.9.0",
    "Type": "SPARK",
    "Name": "stacked",
    "Architecture": "ARM64",
    "AutoStartConfiguration": {"Enabled": True},
    "AutoStopConfiguration": {"Enabled": True, "IdleTimeoutMinutes": "20"},
    "InitialCapacity": [
        {"Key": "DRIVER", "Value": {"WorkerCount": 1, "WorkerConfiguration": {"Cpu": "2 vCPU", "Memory": "4 GB"}}}
    ],
    "InteractiveConfiguration": {"LivyEndpointEnabled": True, "StudioEnabled": False},
    "MaximumCapacity": {"Cpu": "8 vCPU", "Memory": "32 GB", "Disk": "100 GB"},
    "MonitoringConfiguration": {
        "CloudWatchLoggingConfiguration": {
            "Enabled": True,
            "LogGroupName": "stacked",
            "LogTypeMap": [{"Key": "SPARK_DRIVER", "Value": ["STDOUT"]}],
        },
        "ManagedPersistenceMonitoringConfiguration": {"Enabled": False},
        "S3MonitoringConfiguration": {"LogUri": "s3://logs/"},
    },
    "NetworkConfiguration": {"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]},
    "RuntimeConfiguration": [{"Classification": "spark-defaults", "Properties": {"spark.executor.cores": "2"}}],
    "SchedulerConfiguration": {"MaxConcurrentRuns": 5, "QueueTimeoutMinutes": 60},
    "WorkerTypeSpecifications": {
        "Driver": {"ImageConfiguration": {"ImageUri": "000000000000.dkr.ecr.us-east-1.amazonaws.com/spark:1"}}
    },
    "Tags": [{"Key": "team", "Value": "data"}],
}


class Stack:
    """A stack with one application."""

    def __init__(self, service: Service, name: str) -> None:
        self._cloudformation = service.aws.client("cloudformation")
        self._name = name

    def create(self, **properties: Any) -> str:
        self._cloudformation.create_stack(StackName=self._name, TemplateBody=self._template(properties))
        return self.settled()

    def update(self, *, tags: dict[str, str] | None = None, **properties: Any) -> str:
        self._cloudformation.update_stack(
            StackName=self._name,
            TemplateBody=self._template(properties),
            Tags=[{"Key": key, "Value": value} for key, value in (tags or {}).items()],
        )
        return self.settled()

    def delete(self) -> str:
        self._cloudformation.delete_stack(StackName=self._stack()["StackId"])
        return self.settled()

    def settled(self) -> str:
        deadline = time.monotonic() + 300
        while (status := str(self._stack()["StackStatus"])).endswith("IN_PROGRESS"):
            assert time.monotonic() < deadline, status
            time.sleep(0.1)
        return status

    def outputs(self) -> dict[str, str]:
        return {output["OutputKey"]: output["OutputValue"] for output in self._stack()["Outputs"]}

    def failures(self) -> str:
        events = self._cloudformation.describe_stack_events(StackName=self._name)["StackEvents"]
        return "\n".join(event.get("ResourceStatusReason", "") for event in events)

    def _stack(self) -> dict[str, Any]:
        stacks = self._cloudformation.describe_stacks()["Stacks"]
        found = [stack for stack in stacks if stack["StackName"] == self._name]
        return dict(found[0]) if found else {"StackStatus": "DELETE_COMPLETE"}

    def _template(self, properties: dict[str, Any]) -> str:
        outputs = {
            "Ref": {"Value": {"Ref": "Spark"}},
            "ApplicationId": {"Value": {"Fn::GetAtt": ["Spark", "ApplicationId"]}},
            "Arn": {"Value": {"Fn::GetAtt": ["Spark", "Arn"]}},
        }
        resource = {"Type": "AWS::EMRServerless::Application", "Properties": {**PROPERTIES, **properties}}
        return json.dumps({"Resources": {"Spark": resource}, "Outputs": outputs})


def application_of(service: Service, stack: Stack) -> dict[str, Any]:
    return dict(service.emr.get_application(applicationId=stack.outputs()["Ref"])["application"])


def test_every_property_reaches_the_application(service: Service) -> None:
    stack = Stack(service, "every-property")
    assert stack.create() == "CREATE_COMPLETE"
    application = application_of(service, stack)
    assert stack.outputs() == {
        "Ref": application["applicationId"],
        "ApplicationId": application["applicationId"],
        "Arn": application["arn"],
    }
    assert application["state"] == "CREATED"
    assert application["tags"] == {"team": "data"}, "no aws:cloudformation:* tags"
    expected = {
        "name": "stacked",
        "releaseLabel": "emr-7.9.0",
        "type": "Spark",
        "architecture": "ARM64",
        "autoStartConfiguration": {"enabled": True},
        "autoStopConfiguration": {"enabled": True, "idleTimeoutMinutes": 20},
        "initialCapacity": {"DRIVER": {"workerCount": 1, "workerConfiguration": {"cpu": "2 vCPU", "memory": "4 GB"}}},
        "interactiveConfiguration": {"livyEndpointEnabled": True, "studioEnabled": False},
        "maximumCapacity": {"cpu": "8 vCPU", "memory": "32 GB", "disk": "100 GB"},
        "monitoringConfiguration": {
            "cloudWatchLoggingConfiguration": {
                "enabled": True,
                "logGroupName": "stacked",
                "logTypes": {"SPARK_DRIVER": ["STDOUT"]},
            },
            "managedPersistenceMonitoringConfiguration": {"enabled": False},
            "s3MonitoringConfiguration": {"logUri": "s3://logs/"},
        },
        "networkConfiguration": {"subnetIds": ["subnet-1"], "securityGroupIds": ["sg-1"]},
        "runtimeConfiguration": [{"classification": "spark-defaults", "properties": {"spark.executor.cores": "2"}}],
        "schedulerConfiguration": {"maxConcurrentRuns": 5, "queueTimeoutMinutes": 60},
    }
    assert {name: application[name] for name in expected} == expected


def test_an_update_keeps_the_application_and_a_new_name_replaces_it(service: Service) -> None:
    stack = Stack(service, "updated")
    stack.create()
    before = stack.outputs()["Ref"]
    assert stack.update(ReleaseLabel="emr-7.10.0", Tags=[{"Key": "team", "Value": "web"}]) == "UPDATE_COMPLETE"
    application = application_of(service, stack)
    assert (application["applicationId"], application["releaseLabel"]) == (before, "emr-7.10.0")
    assert application["tags"]["team"] == "web"
    assert stack.update(Name="renamed") == "UPDATE_COMPLETE"
    assert stack.outputs()["Ref"] != before
    assert service.emr.get_application(applicationId=before)["application"]["state"] == "TERMINATED"


def test_a_started_application_is_neither_updated_nor_deleted(service: Service) -> None:
    stack = Stack(service, "started")
    stack.create(AutoStopConfiguration={"Enabled": False})
    application_id = stack.outputs()["Ref"]
    service.emr.start_application(applicationId=application_id)
    wait_for_state(service, application_id, "STARTED")
    refused = (
        f'Resource handler returned message: "Application {application_id} must be in one of the following statuses '
        "[CREATED, STOPPED]. Current status: STARTED (Service: EmrServerless, Status Code: 400, Request ID: "
    )
    assert stack.update(AutoStopConfiguration={"Enabled": False}, ReleaseLabel="emr-7.10.0").startswith("UPDATE_ROLL")
    assert refused in stack.failures()
    assert stack.delete() == "DELETE_FAILED"
    assert stack.failures().count(refused) >= 2
    assert "HandlerErrorCode: InvalidRequest" in stack.failures()
    service.emr.stop_application(applicationId=application_id)
    wait_for_state(service, application_id, "STOPPED")
    assert stack.delete() == "DELETE_COMPLETE"
    assert service.emr.get_application(applicationId=application_id)["application"]["state"] == "TERMINATED"


@pytest.mark.parametrize("of_stack", [False, True])
def test_no_tag_changes_while_the_application_is_started(service: Service, of_stack: bool) -> None:
    stack = Stack(service, f"tagged-{of_stack}".lower())
    stack.create(AutoStopConfiguration={"Enabled": False})
    application_id = stack.outputs()["Ref"]
    service.emr.start_application(applicationId=application_id)
    wait_for_state(service, application_id, "STARTED")
    change = {} if of_stack else {"Tags": [{"Key": "team", "Value": "web"}]}
    tags = {"cost": "7"} if of_stack else {}
    assert stack.update(tags=tags, AutoStopConfiguration={"Enabled": False}, **change).startswith("UPDATE_ROLL")
    assert "Current status: STARTED" in stack.failures()
    assert application_of(service, stack)["tags"] == {"team": "data"}
    service.emr.tag_resource(resourceArn=stack.outputs()["Arn"], tags={"mine": "1"})
    service.emr.stop_application(applicationId=application_id)
    wait_for_state(service, application_id, "STOPPED")
    assert stack.update(tags=tags, AutoStopConfiguration={"Enabled": False}, **change) == "UPDATE_COMPLETE"
    assert application_of(service, stack)["tags"] == {"mine": "1", "team": "data" if of_stack else "web", **tags}


@pytest.mark.parametrize(
    ("properties", "says"),
    [
        ({"ReleaseLabel": "emr-5.36.0"}, "Release label emr-5.36.0 is not supported"),
        ({"Architecture": "SPARC"}, "Member must satisfy enum value set: [ARM64, X86_64]"),
        ({"Nonsense": 1}, "unsupported property Nonsense"),
        ({"DiskEncryptionConfiguration": {}}, "unsupported property DiskEncryptionConfiguration"),
    ],
)
def test_properties_that_the_service_refuses_fail_the_stack(
    service: Service, properties: dict[str, Any], says: str
) -> None:
    name = "refused-" + "-".join(properties).lower()
    stack = Stack(service, name)
    assert stack.create(**properties) == "ROLLBACK_COMPLETE"
    assert says in stack.failures()
