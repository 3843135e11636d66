"""ministack as the local AWS: what is added to it, asked of it and corrected in it."""

from __future__ import annotations

import json
import re
import secrets
import string
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, cast

from emrs_local.ministack.cloudformation import install_cloudformation
from emrs_local.ministack.functions import install_functions
from emrs_local.ministack.state_machines import install_state_machines

Headers = dict[str, str]
Query = dict[str, list[str]]
RequestHandler = Callable[[str, str, Headers, bytes, Query], Awaitable[tuple[int, Headers, bytes]]]
Asgi = Callable[..., Awaitable[None]]


@dataclass(frozen=True, kw_only=True)
class Scope:
    """The account and region that a request is for; every resource lives in one."""

    account_id: str
    region: str


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
class SessionCredentials:
    """Temporary credentials of an assumed role."""

    access_key_id: str
    secret_access_key: str
    session_token: str
    arn: str


def application() -> Asgi:
    """The ASGI application that is the local AWS."""
    from ministack.app import app

    _name_log_resources_as_aws_does()
    _name_log_groups_as_cloudformation_does()
    _keep_the_tags_of_buckets()
    _enforce_the_quotas_of_iam()
    _let_functions_log_what_their_roles_allow()
    _decrypt_logs_for_those_who_may()
    _check_the_signatures_of_root()
    install_cloudformation()
    install_functions()
    install_state_machines(_role_may)
    return cast("Asgi", app)


def register_service(name: str, handler: RequestHandler) -> None:
    """Answer requests that are signed for the service `name` with `handler`.

    ministack checks a request's signature before it calls a handler and sets its account and region; the handler
    authorizes it (`denial`), because ministack knows no actions of the service.
    """
    from ministack import app
    from ministack.core import router

    router.SERVICE_PATTERNS[name] = {"credential_scope": name}
    app.SERVICE_HANDLERS[name] = handler


def register_resource_type(
    name: str,
    *,
    create: Callable[[str, dict[str, Any], str], tuple[str, dict[str, str]]],
    update: Callable[[str, dict[str, Any], dict[str, Any], str], tuple[str, dict[str, str]]],
    delete: Callable[[str, dict[str, Any]], None],
    create_only_properties: Sequence[str],
) -> None:
    """Give CloudFormation the resource type `name`, with a list property `Tags` that stack tags are merged into.

    `create(logical_id, properties, stack_name)` and `update(physical_id, old, new, stack_name)` return the physical id
    and the attributes; `delete(physical_id, properties)` returns nothing. They run on the event loop and may not block.
    """
    from ministack.services.cloudformation import provisioners

    provisioners._RESOURCE_HANDLERS[name] = {"create": create, "update": update, "delete": delete}
    provisioners._REPLACING_PROPERTIES[name] = tuple(create_only_properties)
    provisioners._STACK_TAG_PROPERTY[name] = ("Tags", "list")


def register_custom_resource_type(
    name: str,
    *,
    create: Callable[[str, dict[str, Any], str], tuple[str, dict[str, Any]]],
    update: Callable[[str, dict[str, Any], dict[str, Any], str], tuple[str, dict[str, Any]]],
    delete: Callable[[str, dict[str, Any]], None],
) -> None:
    """Provision the custom resource type `name` (`Custom::…`) here instead of by its function; may block."""
    from ministack.services.cloudformation import provisioners

    provisioners._RESOURCE_HANDLERS[name] = {"create": create, "update": update, "delete": delete}


def function_role(function_arn: str) -> str:
    """The ARN of the execution role of a function."""
    from ministack.services import lambda_svc

    _, configuration, _ = lambda_svc._get_func_record_for_ref(function_arn)
    if configuration is None:
        raise LookupError(f"there is no function {function_arn}")
    return cast("str", configuration["Role"])


def current_scope() -> Scope:
    """The account and region of the request, or of the stack, that is being handled."""
    from ministack.core.responses import get_account_id, get_region

    return Scope(account_id=get_account_id(), region=get_region())


@contextmanager
def in_scope(scope: Scope) -> Iterator[None]:
    """Look at the resources of `scope`: a thread of ours has no request that says which account it is for."""
    from ministack.core.responses import set_request_account_id, set_request_region

    before = current_scope()
    set_request_account_id(scope.account_id)
    set_request_region(scope.region)
    try:
        yield
    finally:
        set_request_account_id(before.account_id)
        set_request_region(before.region)


def caller(headers: Headers, query: Query) -> Caller:
    """Who makes the request that is being handled."""
    from ministack.core.iam_evaluator import caller_arn
    from ministack.core.router import extract_access_key_id

    return Caller(access_key_id=extract_access_key_id(headers, query) or "", arn=caller_arn(), scope=current_scope())


def denial(
    caller: Caller, *, action: str, resource: str, context: Mapping[str, str | list[str]] | None = None
) -> Denial | None:
    """Whether the caller's policies (and for a key: its key policy) forbid `action` on `resource`; None if allowed."""
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
    return Denial(
        code="AccessDeniedException",
        message=f"User: {refused.principal_arn} is not authorized to perform: {action} on resource: {resource}",
    )


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


def role_trust_policy(role_arn: str) -> str | dict[str, Any] | None:
    """The trust policy of a role; None if there is no such role."""
    from ministack.services import iam

    account_id, name = role_arn.split(":")[4], role_arn.rsplit("/", 1)[-1]
    role = iam._roles.get_scoped(account_id, None, name)
    return None if role is None or role["Arn"] != role_arn else role["AssumeRolePolicyDocument"]


def issue_role_session(
    role_arn: str, *, session_name: str, policy: str | None, policy_arns: Sequence[str]
) -> SessionCredentials:
    """Credentials of the role, limited by the session policies; valid until `revoke_role_session`."""
    from ministack.services import iam, sts

    account_id, role_name = role_arn.split(":")[4], role_arn.rsplit("/", 1)[-1]
    partition = role_arn.split(":")[1]
    credentials = SessionCredentials(
        access_key_id=iam._gen_session_access_key(),
        secret_access_key=iam._gen_secret(),
        session_token=iam._gen_session_token(),
        arn=f"arn:{partition}:sts::{account_id}:assumed-role/{role_name}/{session_name}",
    )
    limited = policy is not None or bool(policy_arns)
    sts.register_session(
        credentials.access_key_id,
        {
            "Arn": credentials.arn,
            "UserId": f"{sts._role_id(role_arn)}:{session_name}",
            "SecretAccessKey": credentials.secret_access_key,
            "SessionToken": credentials.session_token,
            "AccountId": account_id,
            "PrincipalType": "AssumedRole",
            "SessionPolicies": {"Policy": policy, "PolicyArns": list(policy_arns)} if limited else None,
        },
    )
    return credentials


def revoke_role_session(access_key_id: str) -> None:
    """End a session: its credentials are unknown from now on."""
    from ministack.services import sts

    sts._sessions.pop(access_key_id, None)


def key_policy(key_arn: str) -> str | None:
    """The policy of a KMS key of the current scope; None if there is no such key."""
    from ministack.services import kms

    found = kms.key_policy_for_arn(key_arn)
    return None if found is None else cast("str", found[0])


def key_description(key_arn: str) -> Mapping[str, Any] | None:
    """`KeyState` and `KeySpec` of a KMS key of the current scope; None if there is no such key."""
    from ministack.services import kms

    return cast("Mapping[str, Any] | None", kms._resolve_key(key_arn))


def bucket_names() -> list[str]:
    """The buckets of the current scope's account."""
    from ministack.services import s3

    return sorted(s3._buckets.keys())


def associate_log_group_key(log_group_name: str, key_arn: str) -> None:
    """What CloudWatch Logs' AssociateKmsKey does; ministack's service lacks the operation."""
    from ministack.services import cloudwatch_logs

    cloudwatch_logs._log_groups[log_group_name]["kmsKeyId"] = key_arn


def _name_log_groups_as_cloudformation_does() -> None:
    """Name a log group without a name STACK-LOGICALID-RANDOM; key policies may rely on that it starts with the stack's.

    ministack 1.5.33 names it /aws/cloudformation/STACK/LOGICALID.
    """
    from ministack.services.cloudformation import provisioners

    handlers = provisioners._RESOURCE_HANDLERS["AWS::Logs::LogGroup"]
    create, update = handlers["create"], handlers["update"]

    def create_named(logical_id: str, properties: dict[str, Any], stack_name: str) -> Any:
        suffix = "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(12))
        name = f"{stack_name}-{logical_id}-{suffix}"
        return create(logical_id, {"LogGroupName": name, **properties}, stack_name)

    def update_named(
        physical_id: str, old: dict[str, Any], new: dict[str, Any], stack_name: str, logical_id: str | None = None
    ) -> Any:
        was, now = ({"LogGroupName": physical_id, **properties} for properties in (old, new))
        return update(physical_id, was, now, stack_name, logical_id)

    handlers["create"], handlers["update"] = create_named, update_named


def _let_functions_log_what_their_roles_allow() -> None:
    """Write a function's log with the permissions of its role, as Lambda does.

    ministack 1.5.33 writes it without asking; a function that is still ending when its stack is deleted would bring the
    deleted log group back.
    """
    from ministack.core.responses import get_region
    from ministack.services import cloudwatch_logs, lambda_svc

    original = lambda_svc._emit_lambda_logs

    def emit(function: dict[str, Any], *arguments: Any, **options: Any) -> None:
        configuration = function.get("config") or function
        own = f"/aws/lambda/{configuration.get('FunctionName')}"
        group = configuration.get("LoggingConfig", {}).get("LogGroup") or own
        actions = ["logs:CreateLogStream", "logs:PutLogEvents"]
        if group not in cloudwatch_logs._log_groups:
            actions.append("logs:CreateLogGroup")
        role_arn = configuration["Role"]
        resource = f"arn:aws:logs:{get_region()}:{role_arn.split(':')[4]}:log-group:{group}:log-stream:"
        if all(_role_may(role_arn, action, resource) for action in actions):
            original(function, *arguments, **options)

    lambda_svc._emit_lambda_logs = emit


def _check_the_signatures_of_root() -> None:
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


def _decrypt_logs_for_those_who_may() -> None:
    """Refuse the events of an encrypted log group to whoever may not decrypt with its key through CloudWatch Logs.

    CloudWatch Logs User Guide, "Encrypt log data", step 3. It names more actions than kms:Decrypt for readers too, but
    reading encrypts nothing. ministack 1.5.33 asks for no permission on the key.
    """
    from ministack import app
    from ministack.core.responses import error_response_json
    from ministack.services import cloudwatch_logs

    original = app.SERVICE_HANDLERS["logs"]

    async def handle(method: str, path: str, headers: Headers, body: bytes, query: Query) -> tuple[int, Headers, bytes]:
        if headers.get("x-amz-target", "").endswith((".GetLogEvents", ".FilterLogEvents")):
            name = cloudwatch_logs._resolve_log_group_name(json.loads(body or b"{}"))
            group = cloudwatch_logs._log_groups.get(name) or {}
            key_arn = group.get("kmsKeyId")
            if key_arn:
                reader = caller(headers, query)
                context = {
                    "kms:ViaService": f"logs.{reader.scope.region}.amazonaws.com",
                    "kms:EncryptionContext:aws:logs:arn": group["arn"].removesuffix(":*"),
                }
                denied = denial(reader, action="kms:Decrypt", resource=key_arn, context=context)
                if denied:
                    refusal = error_response_json("AccessDeniedException", denied.message, 400)
                    return cast("tuple[int, Headers, bytes]", refusal)
        return cast("tuple[int, Headers, bytes]", await original(method, path, headers, body, query))

    app.SERVICE_HANDLERS["logs"] = handle


def _role_may(role_arn: str, action: str, resource: str) -> bool:
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


def _keep_the_tags_of_buckets() -> None:
    """Give a bucket the tags of its template, which ministack 1.5.33 forgets."""
    from ministack.services import s3
    from ministack.services.cloudformation import provisioners

    handlers = provisioners._RESOURCE_HANDLERS["AWS::S3::Bucket"]
    create, update = handlers["create"], handlers["update"]

    def tag(bucket: str, properties: dict[str, Any]) -> None:
        s3._bucket_tags[bucket] = {item["Key"]: item["Value"] for item in properties.get("Tags", [])}

    def create_tagged(logical_id: str, properties: dict[str, Any], stack_name: str) -> Any:
        created = create(logical_id, properties, stack_name)
        tag(created[0], properties)
        return created

    def update_tagged(physical_id: str, old: dict[str, Any], new: dict[str, Any], *rest: Any) -> Any:
        updated = update(physical_id, old, new, *rest)
        tag(updated[0], new)
        return updated

    handlers["create"], handlers["update"] = create_tagged, update_tagged


# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
_INLINE_POLICIES_OF_A_ROLE, _MANAGED_POLICY, _MANAGED_POLICIES_OF_A_ROLE = 10_240, 6_144, 10


def _enforce_the_quotas_of_iam() -> None:
    """Refuse policies that are too long, and more policies than a role may have, which ministack 1.5.33 accepts."""
    from ministack.services import iam
    from ministack.services.cloudformation import provisioners

    def inline_is_too_long(role_name: str, policies: Mapping[str, Any]) -> str | None:
        if sum(map(_length_of_policy, policies.values())) <= _INLINE_POLICIES_OF_A_ROLE:
            return None
        return f"Maximum policy size of {_INLINE_POLICIES_OF_A_ROLE} bytes exceeded for role {role_name}"

    def put_role_policy(request: Any) -> str | None:
        name = iam._p(request, "RoleName")
        others = iam._roles.get(name, {}).get("InlinePolicies", {})
        new = {iam._p(request, "PolicyName"): iam._p(request, "PolicyDocument")}
        return inline_is_too_long(name, {**others, **new})

    def managed_is_too_long(document: Any) -> str | None:
        is_too_long = _length_of_policy(document) > _MANAGED_POLICY
        return f"Cannot exceed quota for PolicySize: {_MANAGED_POLICY}" if is_too_long else None

    def write_policy(request: Any) -> str | None:
        return managed_is_too_long(iam._p(request, "PolicyDocument"))

    def too_many_are_attached(entity: Mapping[str, Any], arn: str) -> str | None:
        attached = {*entity.get("AttachedPolicies", []), arn}
        if "RoleName" not in entity or len(attached) <= _MANAGED_POLICIES_OF_A_ROLE:
            return None
        return f"Cannot exceed quota for PoliciesPerRole: {_MANAGED_POLICIES_OF_A_ROLE}"

    def attach_role_policy(request: Any) -> str | None:
        return too_many_are_attached(iam._roles.get(iam._p(request, "RoleName"), {}), iam._p(request, "PolicyArn"))

    def refusing(action: Callable[..., Any], problem: Callable[..., str | None]) -> Callable[..., Any]:
        def checked(request: Any) -> Any:
            text = problem(request)
            return action(request) if text is None else iam._error(409, "LimitExceeded", text, ns="iam")

        return checked

    # CloudFormation's resource types call the functions, the API looks them up.
    iam._put_role_policy = refusing(iam._put_role_policy, put_role_policy)
    iam._create_policy = refusing(iam._create_policy, write_policy)
    iam._create_policy_version = refusing(iam._create_policy_version, write_policy)
    iam._attach_role_policy = refusing(iam._attach_role_policy, attach_role_policy)
    iam._IAM_HANDLERS.update(
        PutRolePolicy=iam._put_role_policy,
        CreatePolicy=iam._create_policy,
        CreatePolicyVersion=iam._create_policy_version,
        AttachRolePolicy=iam._attach_role_policy,
    )

    def raising(action: Callable[..., Any], problem: Callable[..., str | None]) -> Callable[..., Any]:
        def checked(*arguments: Any, **options: Any) -> Any:
            text = problem(*arguments)
            if text is not None:
                raise ValueError(f"{text} (Service: Iam, Status Code: 409, Error Code: LimitExceeded)")
            return action(*arguments, **options)

        return checked

    iam.attach_managed_policy = raising(iam.attach_managed_policy, too_many_are_attached)
    iam.store_policy = raising(iam.store_policy, lambda _arn, _name, _path, document: managed_is_too_long(document))

    def own_policies(properties: Mapping[str, Any]) -> dict[str, Any]:
        return {item["PolicyName"]: item["PolicyDocument"] for item in properties.get("Policies", [])}

    def update_role(name: str, old: Mapping[str, Any], new: Mapping[str, Any], *_: Any) -> str | None:
        there = iam._roles.get(name, {}).get("InlinePolicies", {})
        others = {policy: document for policy, document in there.items() if policy not in own_policies(old)}
        return inline_is_too_long(name, {**others, **own_policies(new)})

    handlers = provisioners._RESOURCE_HANDLERS["AWS::IAM::Role"]
    handlers["create"] = raising(
        handlers["create"], lambda name, properties, *_: inline_is_too_long(name, own_policies(properties))
    )
    handlers["update"] = raising(handlers["update"], update_role)


def _length_of_policy(document: str | Mapping[str, Any]) -> int:
    """Without white space, as IAM counts."""
    return len(re.sub(r"\s", "", document if isinstance(document, str) else json.dumps(document)))


def _name_log_resources_as_aws_does() -> None:
    """Authorize CloudWatch Logs calls on the ARNs that AWS uses, so that the policies AWS documents match.

    AWS evaluates calls on a log group as `log-group:NAME:log-stream:STREAM`, with empty names where a call has none,
    which `log-group:NAME:*` matches. ministack 1.5.33 evaluates them as `log-group:NAME`, or as `*` when no group is
    named; then the grants of AWS's own pages are refused, and grants that do nothing on AWS pass.
    """
    from ministack.core import iam_actions

    original = iam_actions.extract_resource_arn
    original_context = iam_actions.logs_service_context

    def extract_resource_arn(  # noqa: PLR0917 - the signature is ministack's
        service: str, method: str, path: str, headers: Headers, body: bytes, query: Query, region: str, account: str
    ) -> str:
        target = headers.get("x-amz-target", "").rsplit(".", 1)[-1]
        if service != "logs" or target.endswith(("TagResource", "TagsForResource")):
            return cast("str", original(service, method, path, headers, body, query, region, account))
        try:
            document = json.loads(body or b"{}")
        except ValueError:
            document = {}
        group = document.get("logGroupName") or document.get("logGroupIdentifier") or ""
        group = group.partition(":log-group:")[2] or group
        stream = document.get("logStreamName") or ""
        return f"arn:aws:logs:{region}:{account}:log-group:{group}:log-stream:{stream}"

    def logs_service_context(action: str, body: bytes, resource_arn: str, region: str, account: str) -> dict[str, Any]:
        group_arn = resource_arn.partition(":log-stream:")[0]
        return cast("dict[str, Any]", original_context(action, body, group_arn, region, account))

    iam_actions.extract_resource_arn = extract_resource_arn
    iam_actions.logs_service_context = logs_service_context
