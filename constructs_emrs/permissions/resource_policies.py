"""What AWS services may do with keys and repositories: the policies of these."""

import json
from collections.abc import Mapping
from weakref import WeakKeyDictionary

from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from .arns import EMR_SERVERLESS, service_principal
from .missing import warn_of_missing


def allow_pulling(application: Construct, repository: ecr.IRepository, application_arns: str) -> None:
    """Let EMR Serverless pull images of the repository for the applications.

    https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/application-custom-image.html
    """
    statement = iam.PolicyStatement(
        sid="EMRServerless",
        principals=[service_principal(EMR_SERVERLESS)],
        actions=["ecr:BatchGetImage", "ecr:DescribeImages", "ecr:GetDownloadUrlForLayer"],
        conditions={"ArnLike": {"aws:SourceArn": application_arns}},
    )
    if not repository.add_to_resource_policy(statement).statement_added:
        warn_of_missing(application, "image", repository, statement)


class _KeyPolicy:
    """The statements that jobs added to the policy of one key, which many may share.

    One statement for each application would be more than the 32 KB that KMS allows from some hundred applications on:
    what differs in the values of conditions alone is one statement with all of them.
    """

    def __init__(self, key: kms.IKey) -> None:
        self._key = key
        self._statements: dict[str, tuple[iam.PolicyStatement, dict[str, dict[str, list[str]]]]] = {}
        self._refused: dict[str, list[iam.PolicyStatement]] = {}

    def allow(
        self, service: str, actions: list[str], conditions: Mapping[str, Mapping[str, list[str]]]
    ) -> list[iam.PolicyStatement]:
        """Allow it; the statements that the key does not take are returned."""
        keys = {operator: sorted(values) for operator, values in conditions.items()}
        kind = json.dumps([service, actions, keys], sort_keys=True)
        if kind in self._statements:
            self._add_values(*self._statements[kind], conditions)
            return []
        asked = json.dumps([kind, conditions], sort_keys=True)
        if asked not in self._refused:
            # No statement id: ids have to be unique in a policy.
            statement = iam.PolicyStatement(
                principals=[service_principal(service)],
                actions=actions,
                resources=["*"],
                conditions={operator: _short(values) for operator, values in conditions.items()},
            )
            if self._key.add_to_resource_policy(statement).statement_added:
                known = {operator: dict(values) for operator, values in conditions.items()}
                self._statements[kind] = (statement, known)
                return []
            self._refused[asked] = [statement]
        return self._refused[asked]

    @staticmethod
    def _add_values(
        statement: iam.PolicyStatement,
        known: dict[str, dict[str, list[str]]],
        conditions: Mapping[str, Mapping[str, list[str]]],
    ) -> None:
        for operator, values in conditions.items():
            merged = {key: list(dict.fromkeys(known[operator][key] + value)) for key, value in values.items()}
            if merged != known[operator]:
                known[operator] = merged
                statement.add_condition(operator, _short(merged))


def _short(values: Mapping[str, list[str]]) -> dict[str, str | list[str]]:
    return {key: value[0] if len(value) == 1 else value for key, value in values.items()}


_key_policies: WeakKeyDictionary[kms.IKey, _KeyPolicy] = WeakKeyDictionary()


def allow_using(
    key: kms.IKey, service: str, actions: list[str], conditions: Mapping[str, Mapping[str, list[str]]]
) -> list[iam.PolicyStatement]:
    """Let a service use the key; the statements that the key does not take are returned."""
    return _key_policies.setdefault(key, _KeyPolicy(key)).allow(service, actions, conditions)
