"""Any valid request arrives as it was asked for: construct, template, CloudFormation's strings, handler, service."""

from __future__ import annotations

import json
from typing import Any

from aws_cdk.assertions import Template
from botocore.model import ListShape, MapShape, Shape, StringShape, StructureShape
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from constructs_emrs import Application, Code, JobRun, SparkJob
from constructs_emrs.handler import contract
from tests.botocore_model import operation_shape
from tests.handler.in_memory_cloudformation import CustomResource
from tests.handler.in_memory_service import APPLICATION, Service
from tests.templates import new_stack

# NUL and surrogates can't be in a template.
CHARACTERS = st.characters(exclude_characters="\x00", exclude_categories=["Cs"])
ARNS = {
    "IAMRoleArn": st.just("arn:aws:iam::123456789012:role/Etl"),
    "Arn": st.just("arn:aws:iam::123456789012:policy/Etl"),
    "EncryptionKeyArn": st.just("arn:aws:kms:us-east-1:123456789012:key/0000"),
}
MEMBERS = operation_shape("StartJobRun").members
# The handler adds the first two; the others are what the test steers by.
NOT_GENERATED = {"clientToken", "tags", "applicationId", "executionRoleArn"}


def values(shape: Shape, depth: int = 0) -> st.SearchStrategy[Any]:
    """Values that the shape allows, small ones."""
    match shape:
        case StructureShape():
            return structures(shape, depth)
        case ListShape():
            return st.lists(values(shape.member, depth + 1), min_size=shape.metadata.get("min", 0), max_size=2)
        case MapShape():
            keys, items = values(shape.key, depth + 1), values(shape.value, depth + 1)
            return st.dictionaries(keys, items, min_size=shape.metadata.get("min", 0), max_size=2)
        case StringShape():
            return strings(shape)
    if shape.type_name == "boolean":
        return st.booleans()
    return st.integers(shape.metadata.get("min", 0), shape.metadata.get("max", 10_000))


def structures(shape: StructureShape, depth: int) -> st.SearchStrategy[dict[str, Any]]:
    there_may_be = shape.members if depth < 6 else shape.required_members
    members = {name: values(shape.members[name], depth + 1) for name in there_may_be}
    if shape.metadata.get("union"):
        return st.one_of([st.fixed_dictionaries({name: member}) for name, member in members.items()])
    required = {name: members.pop(name) for name in shape.required_members if name in members}
    return st.fixed_dictionaries(required, optional=members)


def strings(shape: StringShape) -> st.SearchStrategy[str]:
    if shape.enum:
        return st.sampled_from(shape.enum)
    if shape.name in ARNS:
        return ARNS[shape.name]
    low, high = shape.metadata.get("min", 0), min(shape.metadata.get("max", 30), 30)
    text = st.text(CHARACTERS, min_size=low, max_size=high)
    pattern = shape.metadata.get("pattern")
    if pattern is None:
        return text
    if pattern == r".*\S.*":
        return text.filter(lambda value: not value or value.strip() == value != "")
    return st.from_regex(pattern, fullmatch=True).filter(lambda value: low <= len(value) <= high)


REQUESTS = st.fixed_dictionaries(
    {"jobDriver": values(MEMBERS["jobDriver"])},
    optional={name: values(shape) for name, shape in MEMBERS.items() if name not in {*NOT_GENERATED, "jobDriver"}},
)


def sent(members: dict[str, Any]) -> dict[str, Any]:
    """What the service gets for a job whose request has these members and no others."""
    stack = new_stack()
    application = Application.from_application_id(stack, "Spark", APPLICATION)
    job = SparkJob(stack, "Etl", application=application, entry_point=Code.from_uri("s3://code/etl.py"))
    # Past the rules that only some of the generated requests keep: what is under test comes after them.
    job._request = {"applicationId": APPLICATION, "executionRoleArn": job.execution_role.role_arn, **members}
    JobRun(stack, "EtlOnDeploy", job=job)
    template = json.loads(json.dumps(Template.from_stack(stack).to_json()))
    (resource,) = (item for item in template["Resources"].values() if item["Type"] == contract.JOB_RUN_TYPE)
    properties = resource["Properties"]
    properties[contract.REQUEST]["executionRoleArn"] = "arn:aws:iam::123456789012:role/Etl"
    properties[contract.WAIT_FOR] = "SUBMITTED"
    del properties["ServiceToken"]
    service = Service()
    CustomResource(service).create(properties)
    (run,) = service.runs.values()
    return {name: value for name, value in run.request.items() if name not in NOT_GENERATED}


@settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(REQUESTS)
def test_any_valid_request_arrives_as_it_was_asked_for(members: dict[str, Any]) -> None:
    assert sent(members) == members


def test_empty_structures_that_mean_something_to_the_service_arrive() -> None:
    members = {
        "jobDriver": {"sparkSubmit": {"entryPoint": "s3://code/etl.py", "entryPointArguments": ["", " "]}},
        "configurationOverrides": {
            "applicationConfiguration": [{"classification": "spark-defaults", "properties": {}}],
            "monitoringConfiguration": {"s3MonitoringConfiguration": {}},
        },
    }
    assert sent(members) == members
