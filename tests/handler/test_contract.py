"""The two halves together: what a construct puts into the template is what the handler sends to the service."""

from typing import Any

from aws_cdk import Duration

from constructs_emrs import Application, Code, JobRun, ReleaseLabel, SparkJob
from constructs_emrs.handler import contract
from tests.handler.in_memory_cloudformation import CustomResource
from tests.handler.in_memory_service import APPLICATION, Service
from tests.templates import ACCOUNT, REGION, new_stack, only, resolved, resources


def test_a_template_s_properties_become_the_request_that_was_asked_for() -> None:
    stack = new_stack()
    application = Application(stack, "Spark", release_label=ReleaseLabel.EMR_7_14_0)
    job = SparkJob(
        stack,
        "Etl",
        application=application,
        entry_point=Code.from_uri("s3://code/etl.py"),
        arguments=["1", "true", "two words"],
        conf={"spark.sql.shuffle.partitions": "4"},
        execution_timeout=Duration.hours(2),
    )
    JobRun(stack, "EtlOnDeploy", job=job)

    key_arn = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/0000"
    role_arn = f"arn:aws:iam::{ACCOUNT}:role/Etl"
    references: dict[str, str] = {}
    for name, item in resources(stack).items():
        references |= {
            "AWS::KMS::Key": {f"{name}.Arn": key_arn},
            "AWS::IAM::Role": {f"{name}.Arn": role_arn},
            "AWS::Logs::LogGroup": {name: "Lake-Etl"},
            "AWS::Lambda::Function": {f"{name}.Arn": "arn:aws:lambda:…"},
            "AWS::EMRServerless::Application": {f"{name}.ApplicationId": APPLICATION},
        }.get(item["Type"], {})
    properties = resolved(only(stack, contract.JOB_RUN_TYPE), references)

    service = Service()
    resource = CustomResource(service, between_polls=lambda _: setattr(service.runs["00run1"], "state", "SUCCESS"))
    resource.create(properties)

    request: dict[str, Any] = service.runs["00run1"].request
    assert len(request.pop("clientToken")) == 64
    assert request.pop("tags").keys() == set(contract.OWN_TAGS) - {contract.SUCCESSOR_TAG, contract.STOPPED_TAG}
    assert request == {
        "executionRoleArn": role_arn,
        "name": "Etl",
        "mode": "BATCH",
        "executionTimeoutMinutes": 120,
        "jobDriver": {
            "sparkSubmit": {
                "entryPoint": "s3://code/etl.py",
                "entryPointArguments": ["1", "true", "two words"],
                "sparkSubmitParameters": "--conf spark.sql.shuffle.partitions=4",
            }
        },
        "configurationOverrides": {
            "monitoringConfiguration": {
                "cloudWatchLoggingConfiguration": {
                    "enabled": True,
                    "logGroupName": "Lake-Etl",
                    "encryptionKeyArn": key_arn,
                },
                "managedPersistenceMonitoringConfiguration": {"enabled": True, "encryptionKeyArn": key_arn},
            },
            "diskEncryptionConfiguration": {"encryptionKeyArn": key_arn},
        },
    }
