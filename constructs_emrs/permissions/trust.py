"""Who may assume a role that was brought: a job's runs need one that EMR Serverless may assume."""

from typing import Any
from weakref import WeakSet

from aws_cdk import Annotations
from aws_cdk import aws_iam as iam
from constructs import Construct

from ..validation.cdk_cache import node_of, path_of, stack_of
from ..validation.late_checks import check_late
from ..validation.problems import Problems
from .arns import EMR_SERVERLESS


def check_trust(job: Construct, role: iam.IRole) -> None:
    """Say at synth, once for a role, that EMR Serverless can't assume it; others may be added to its trust until then.

    https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/jobs-troubleshoot.html
    """
    # The role itself may be behind one that is not to be changed from here: Role.without_policy_updates.
    resource = None if role in _checked else node_of(role).default_child
    if isinstance(resource, iam.CfnRole):
        _checked.add(role)
        check_late(resource, lambda: _check(role, resource, path_of(job)))


_checked: WeakSet[iam.IRole] = WeakSet()


def _check(role: iam.IRole, resource: iam.CfnRole, job_path: str) -> None:
    document = stack_of(resource).resolve(resource.assume_role_policy_document) or {"Statement": []}
    if not any(_may_be_the_service(statement.get("Principal")) for statement in document["Statement"]):
        problems = Problems(job_path)
        remedy = f'use assumed_by=iam.ServicePrincipal("{EMR_SERVERLESS}")'
        problems.add("execution_role", role, "EMR Serverless is not allowed to assume it", remedy)
        Annotations.of(resource).add_error(str(problems))


def _may_be_the_service(principal: Any) -> bool:
    match principal:
        case {"Service": services}:
            listed = services if isinstance(services, list) else [services]
            return any(not isinstance(service, str) or service == EMR_SERVERLESS for service in listed)
        case {"AWS": "*"}:
            return True
        case {"AWS": _} | {"Federated": _} | {"CanonicalUser": _}:
            return False
        case _:
            return True
