"""The quotas of IAM: how long policies may be, and how many a role may have."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
_INLINE_POLICIES_OF_A_ROLE, _MANAGED_POLICY, _MANAGED_POLICIES_OF_A_ROLE = 10_240, 6_144, 10


def enforce_the_quotas_of_iam() -> None:
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
