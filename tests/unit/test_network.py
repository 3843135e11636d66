"""The security groups of an application: the service refuses those that are open to the world."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from aws_cdk import Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk.assertions import Annotations, Match

from constructs_emrs import Application, ReleaseLabel
from tests.templates import new_stack


def errors(stack: Stack) -> list[str]:
    return [str(entry.entry.data) for entry in Annotations.from_stack(stack).find_error("*", Match.any_value())]


def group(stack: Stack, vpc: ec2.IVpc) -> ec2.SecurityGroup:
    return ec2.SecurityGroup(stack, "Group", vpc=vpc)


def imported(stack: Stack, vpc: ec2.IVpc) -> ec2.ISecurityGroup:
    del vpc
    return ec2.SecurityGroup.from_security_group_id(stack, "Group", "sg-1")


def with_separate_rules(stack: Stack, vpc: ec2.IVpc) -> ec2.SecurityGroup:
    return ec2.SecurityGroup(stack, "Group", vpc=vpc, disable_inline_rules=True)


@pytest.mark.parametrize("make", [group, with_separate_rules, imported])
@pytest.mark.parametrize(
    ("peer", "source"), [(ec2.Peer.any_ipv4(), "0.0.0.0/0"), (ec2.Peer.any_ipv6(), "::/0")], ids=["ipv4", "ipv6"]
)
def test_a_group_that_lets_everybody_in_is_an_error(
    make: Callable[[Stack, ec2.IVpc], ec2.ISecurityGroup], peer: ec2.IPeer, source: str
) -> None:
    stack = new_stack()
    vpc = ec2.Vpc(stack, "Vpc", max_azs=1)
    own = make(stack, vpc)
    Application(stack, "Spark", release_label=ReleaseLabel.EMR_7_14_0, vpc=vpc, security_groups=[own])
    own.add_ingress_rule(peer, ec2.Port.tcp(443))
    assert len(errors(stack)) == 1
    assert errors(stack)[0].endswith(
        f"{source} in, which the service refuses; let in a security group, a prefix list or a smaller range of "
        "addresses"
    )
    assert errors(stack)[0].startswith("Lake/Spark: security_groups=")


@pytest.mark.parametrize("make", [group, with_separate_rules, imported])
def test_a_rule_beside_the_group_counts_and_one_of_another_group_does_not(
    make: Callable[[Stack, ec2.IVpc], ec2.ISecurityGroup],
) -> None:
    stack = new_stack()
    vpc = ec2.Vpc(stack, "Vpc", max_azs=1)
    own = make(stack, vpc)
    other = ec2.SecurityGroup(stack, "Other", vpc=vpc)
    Application(stack, "Spark", release_label=ReleaseLabel.EMR_7_14_0, vpc=vpc, security_groups=[own])
    open_to_all: dict[str, Any] = {"ip_protocol": "tcp", "cidr_ip": "0.0.0.0/0", "from_port": 443, "to_port": 443}
    ec2.CfnSecurityGroupIngress(stack, "OfOther", group_id=other.security_group_id, **open_to_all)
    assert errors(stack) == []
    ec2.CfnSecurityGroupIngress(stack, "OfOwn", group_id=own.security_group_id, **open_to_all)
    assert ["0.0.0.0/0 in" in error for error in errors(stack)] == [True]


def test_an_application_that_is_opened_to_the_world_later_is_an_error() -> None:
    stack = new_stack()
    vpc = ec2.Vpc(stack, "Vpc", max_azs=1)
    application = Application(stack, "Spark", release_label=ReleaseLabel.EMR_7_14_0, vpc=vpc)
    application.connections.allow_from_any_ipv4(ec2.Port.all_tcp())
    assert ["0.0.0.0/0" in error for error in errors(stack)] == [True]


def test_a_group_that_lets_a_network_or_another_group_in_is_none() -> None:
    stack = new_stack()
    vpc = ec2.Vpc(stack, "Vpc", max_azs=1)
    application = Application(stack, "Spark", release_label=ReleaseLabel.EMR_7_14_0, vpc=vpc)
    application.connections.allow_from(ec2.Peer.ipv4("10.0.0.0/8"), ec2.Port.all_tcp())
    application.connections.allow_from(group(stack, vpc), ec2.Port.all_tcp())
    application.connections.allow_internally(ec2.Port.all_traffic())
    assert errors(stack) == []
