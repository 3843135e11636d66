"""Who may assume a role that was brought: a job's runs need one that EMR Serverless may assume."""

from typing import Any
from weakref import WeakSet

import jsii
from aws_cdk import Annotations
from aws_cdk import aws_iam as iam
from constructs import Construct, IValidation

from ..validation.cdk_cache import node_of, path_of, stack_of
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
        node_of(resource).add_validation(_Trust(role, resource, path_of(job)))


_checked: WeakSet[iam.IRole] = WeakSet()


@jsii.implements(IValidation)
class _Trust:
    def __init__(self, role: iam.IRole, resource: iam.CfnRole, job_path: str) -> None:
        self._role = role
        self._resource = resource
        self._job_path = job_path

    def validate(self) -> list[str]:
        """Put the problem on the role as an error, which the CDK CLI prints and stops at."""
        document = stack_of(self._resource).resolve(self._resource.assume_role_policy_document) or {"Statement": []}
        principals = [statement.get("Principal") for statement in document["Statement"]]
        if not any(_may_be_the_service(principal) for principal in principals):
            problems = Problems(self._job_path)
            remedy = f'use assumed_by=iam.ServicePrincipal("{EMR_SERVERLESS}")'
            problems.add("execution_role", self._role, "EMR Serverless is not among those that may assume it", remedy)
            Annotations.of(self._resource).add_error(str(problems))
        return []


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
