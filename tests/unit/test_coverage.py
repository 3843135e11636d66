"""Everything that the service's API and the L1 construct can express is expressed by typed arguments."""

import ast
import inspect
import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from aws_cdk import aws_emrserverless as emrserverless
from botocore.model import ListShape, MapShape, Shape, StructureShape

from constructs_emrs import Application, HiveJob, SparkJob
from constructs_emrs.jobs._members import ARGUMENT_OF_MEMBER, SET_ELSEWHERE
from constructs_emrs.jobs.options import JobOptions
from tests.botocore_model import operation_shape
from tests.everything import (
    application_of_everything,
    hive_job_of_everything,
    spark_job_of_everything,
    streaming_job,
)
from tests.templates import new_stack, only, request_of

STRUCTURE_PROPERTIES = {
    name.removesuffix("Property"): getattr(emrserverless.CfnApplication, name)
    for name in dir(emrserverless.CfnApplication)
    if name.endswith("Property")
}


def leaves(shape: Shape, path: str = "", outer: tuple[str, ...] = ()) -> Iterator[str]:
    """The paths of all members below a shape that are not structures themselves; recursion is entered once."""
    match shape:
        case StructureShape():
            for name, member in shape.members.items():
                if outer.count(member.name) < 2:
                    yield from leaves(member, f"{path}.{name}".lstrip("."), (*outer, member.name))
        case ListShape() if isinstance(shape.member, StructureShape):
            yield from leaves(shape.member, path, outer)
        case MapShape() if isinstance(shape.value, StructureShape):
            yield from leaves(shape.value, path, outer)
        case _:
            yield path


def emitted(value: Any, path: str = "") -> Iterator[str]:
    """The paths of all members of a request, and of all above them."""
    yield path
    match value:
        case dict():
            for name, item in value.items():
                yield from emitted(item, f"{path}.{name}".lstrip("."))
        case list():
            for item in value:
                yield from emitted(item, path)


@pytest.fixture(scope="module")
def emitted_members() -> set[str]:
    stack = new_stack()
    jobs = (spark_job_of_everything(stack), streaming_job(stack), hive_job_of_everything(stack))
    return {path for job in jobs for path in emitted(request_of(job))}


@pytest.mark.parametrize("member", sorted(set(leaves(operation_shape("StartJobRun")))))
def test_every_member_of_start_job_run_is_set_by_an_argument(member: str, emitted_members: set[str]) -> None:
    assert member in emitted_members | SET_ELSEWHERE.keys()


def test_the_arguments_that_set_members_exist() -> None:
    arguments = {*inspect.signature(SparkJob.__init__).parameters, *inspect.signature(HiveJob.__init__).parameters}
    named = {
        argument.partition(".")[0].strip() for value in ARGUMENT_OF_MEMBER.values() for argument in value.split(",")
    }
    assert named - arguments == {"tags"}  # set by Tags.of(job)
    assert arguments - named == {"self", "scope", "construct_id"}


def documented_options() -> set[str]:
    """The options of all jobs that have a docstring, which an editor and the reference show."""
    (options,) = ast.parse(inspect.getsource(JobOptions)).body
    assert isinstance(options, ast.ClassDef)
    return {
        item.target.id
        for item, following in pairwise(options.body)
        if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name) and isinstance(following, ast.Expr)
    }


def test_every_argument_of_a_job_is_documented() -> None:
    assert documented_options() == JobOptions.__annotations__.keys()
    for construct, options in ((SparkJob, documented_options()), (HiveJob, documented_options()), (Application, set())):
        documentation = inspect.getdoc(construct.__init__) or ""
        documented = options | set(re.findall(r"^    (\w+): ", documentation, flags=re.MULTILINE))
        assert inspect.signature(construct.__init__).parameters.keys() - documented == {"self"}, construct


def test_every_property_of_the_l1_application_is_set_by_an_argument() -> None:
    stack = new_stack()
    application_of_everything(stack)
    properties = only(stack, "AWS::EMRServerless::Application")
    parameters = set(inspect.signature(emrserverless.CfnApplication.__init__).parameters) - {"self", "scope", "id"}
    assert {"".join(word.title() for word in name.split("_")) for name in parameters} - properties.keys() == set()


def test_every_property_inside_the_l1_application_s_properties_is_set() -> None:
    stack = new_stack()
    application_of_everything(stack)
    names = set()
    for path in emitted(only(stack, "AWS::EMRServerless::Application")):
        names |= set(path.split("."))
    inner = {
        "".join(word.title() for word in parameter.split("_"))
        for structure in STRUCTURE_PROPERTIES.values()
        for parameter in inspect.signature(structure.__init__).parameters
        if parameter != "self"
    }
    assert inner - names == set()
