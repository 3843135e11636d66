"""Who makes a request, and what the policies of roles and keys allow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, cast

from emrs_local.endpoint import Credentials
from emrs_local.ministack.scope import Scope, current_scope, in_scope

Headers = dict[str, str]
Query = dict[str, list[str]]


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Who makes a request: an authenticated access key and the principal it stands for."""

    access_key_id: str
    arn: str
    scope: Scope


@dataclass(frozen=True, kw_only=True)
class Denial:
    """Why a call is refused: an error code and AWS's sentence."""

    code: str
    message: str


@dataclass(frozen=True, kw_only=True)
class AssumedRole:
    """A session of a role: its credentials and its own ARN."""

    credentials: Credentials
    arn: str


def caller(headers: Headers, query: Query) -> Caller:
    """Who makes the request that is being handled."""
    from ministack.core.iam_evaluator import caller_arn
    from ministack.core.router import extract_access_key_id

    return Caller(access_key_id=extract_access_key_id(headers, query) or "", arn=caller_arn(), scope=current_scope())


def denial(
    caller: Caller, *, action: str, resource: str, context: Mapping[str, str | list[str]] | None = None
) -> Denial | None:
    """Whether the caller's policies (and for a key: its key policy) forbid `action` on `resource`; None if allowed."""
    from ministack.core.iam_actions import identity_denial_message
    from ministack.core.iam_evaluator import AuthError, enforce

    service = action.partition(":")[0]
    with in_scope(caller.scope):
        refused = enforce(
            caller.access_key_id,
            action,
            service,
            caller.scope.region,
            resource_arn=resource,
            service_context=dict(context or {}),
        )
    if refused is None:
        return None
    if isinstance(refused, AuthError):
        return Denial(code=refused.code, message=refused.message)
    message = identity_denial_message(action, refused.principal_arn, resource, refused.decision == "Deny")
    return Denial(code="AccessDeniedException", message=message)


def service_may_use(
    policy: str | dict[str, Any], *, service: str, action: str, resource: str, scope: Scope, context: Mapping[str, str]
) -> bool:
    """Whether a trust policy or key policy allows `action` to the service principal, e.g. emr-serverless.amazonaws.com.

    ministack's own trust evaluation lets its root caller pass for any service principal, so conditions on
    `aws:SourceAccount` and `aws:SourceArn` would not be looked at; its evaluator of resource policies looks at them.
    """
    from ministack.core.iam_evaluator import EvalContext, evaluate_resource_policy

    keys = {"aws:PrincipalServiceName": service, "aws:PrincipalIsAWSService": "true", **context}
    evaluated = EvalContext(
        principal_arn=service,
        principal_type="Service",
        principal_account="",
        action=action,
        resource_arn=resource,
        region=scope.region,
        secure_transport=True,
        service_context={key.lower(): value for key, value in keys.items()},
    )
    return bool(evaluate_resource_policy(policy, evaluated, service=service).decision == "Allow")


def role_may(role_arn: str, action: str, resource: str) -> bool:
    """Whether the policies of a role allow `action` on `resource`, in the region of the current scope."""
    from ministack.core.iam_evaluator import EvalContext, _gather_role_policies, evaluate
    from ministack.core.responses import get_region

    account_id, name = role_arn.split(":")[4], role_arn.rsplit("/", 1)[-1]
    evaluated = EvalContext(
        principal_arn=role_arn,
        principal_type="AssumedRole",
        principal_account=account_id,
        action=action,
        resource_arn=resource,
        region=get_region(),
        secure_transport=True,
    )
    return bool(evaluate(evaluated, _gather_role_policies(name, account_id)).decision == "Allow")


def role_trust_policy(role_arn: str) -> str | dict[str, Any] | None:
    """The trust policy of a role; None if there is no such role."""
    from ministack.services import iam

    account_id, name = role_arn.split(":")[4], role_arn.rsplit("/", 1)[-1]
    role = iam._roles.get_scoped(account_id, None, name)
    return None if role is None or role["Arn"] != role_arn else role["AssumeRolePolicyDocument"]


@contextmanager
def assumed_role(
    role_arn: str, *, session_name: str, policy: str | None = None, policy_arns: Sequence[str] = ()
) -> Iterator[AssumedRole]:
    """A session of the role, limited by the session policies; its credentials are unknown afterwards."""
    from ministack.services import iam, sts

    account_id, role_name = role_arn.split(":")[4], role_arn.rsplit("/", 1)[-1]
    partition = role_arn.split(":")[1]
    arn = f"arn:{partition}:sts::{account_id}:assumed-role/{role_name}/{session_name}"
    credentials = Credentials(
        access_key_id=iam._gen_session_access_key(),
        secret_access_key=iam._gen_secret(),
        session_token=iam._gen_session_token(),
    )
    limited = policy is not None or bool(policy_arns)
    sts.register_session(
        credentials.access_key_id,
        {
            "Arn": arn,
            "UserId": f"{sts._role_id(role_arn)}:{session_name}",
            "SecretAccessKey": credentials.secret_access_key,
            "SessionToken": credentials.session_token,
            "AccountId": account_id,
            "PrincipalType": "AssumedRole",
            "SessionPolicies": {"Policy": policy, "PolicyArns": list(policy_arns)} if limited else None,
        },
    )
    try:
        yield AssumedRole(credentials=credentials, arn=arn)
    finally:
        sts._sessions.pop(credentials.access_key_id, None)


def key_policy(key_arn: str) -> str | None:
    """The policy of a KMS key of the current scope; None if there is no such key."""
    from ministack.services import kms

    found = kms.key_policy_for_arn(key_arn)
    return None if found is None else cast("str", found[0])


def key_description(key_arn: str) -> Mapping[str, Any] | None:
    """`KeyState` and `KeySpec` of a KMS key of the current scope; None if there is no such key."""
    from ministack.services import kms

    return cast("Mapping[str, Any] | None", kms._resolve_key(key_arn))


def check_the_signatures_of_root() -> None:
    """Have requests with the root key checked as all others are: ministack takes every signature of it.

    It leaves them out where it keeps a request for its check; the check itself knows the root key's secret.
    """
    from ministack import app
    from ministack.core import iam_evaluator

    is_root_key, pin_signed_request = iam_evaluator._is_root_key, iam_evaluator.pin_signed_request
    pinning = ContextVar("pinning", default=False)

    def is_root_key_unless_pinning(access_key_id: str) -> bool:
        return not pinning.get() and is_root_key(access_key_id)

    def pin_any_signed_request(*arguments: Any, **keywords: Any) -> None:
        token = pinning.set(True)
        try:
            pin_signed_request(*arguments, **keywords)
        finally:
            pinning.reset(token)

    iam_evaluator._is_root_key = is_root_key_unless_pinning
    app.pin_signed_request = pin_any_signed_request
