"""Checks the security groups of an application when all of their rules are known."""

from collections.abc import Iterator, Mapping
from typing import Any

import jsii
from aws_cdk import Stack
from aws_cdk import aws_ec2 as ec2
from constructs import Construct, IValidation

from ..validation.problems import refuse

_WORLD = {"0.0.0.0/0", "::/0"}


@jsii.implements(IValidation)
class ClosedToTheWorld:
    """Checks at synth that the workers' security groups do not let everybody in: `connections` adds rules until then.

    https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/vpc-access.html
    """

    def __init__(self, application: Construct, connections: ec2.Connections) -> None:
        self._application = application
        self._connections = connections

    def validate(self) -> list[str]:
        """Put an error on the application for each group, which the CDK CLI prints and stops at."""
        for group in self._connections.security_groups:
            sources = sorted(set(_sources(group)) & _WORLD)
            if sources:
                problem = f"it lets {' and '.join(sources)} in, which the service refuses"
                remedy = "let in a security group, a prefix list or a smaller range of addresses"
                refuse(self._application, "security_groups", group, problem, remedy)
        return []


def _sources(group: ec2.ISecurityGroup) -> Iterator[str]:
    """The ranges of addresses that a group lets in, as far as the group's stack says so."""
    stack = Stack.of(group)
    name = stack.resolve(group.security_group_id)
    for part in stack.node.find_all():
        if isinstance(part, ec2.CfnSecurityGroup) and stack.resolve(part.attr_group_id) == name:
            rules: Any = stack.resolve(part.security_group_ingress)
        elif isinstance(part, ec2.CfnSecurityGroupIngress) and stack.resolve(part.group_id) == name:
            rules = [{"cidrIp": part.cidr_ip, "cidrIpv6": part.cidr_ipv6}]
        else:
            continue
        for rule in rules or ():
            if isinstance(rule, Mapping):
                yield from (value for value in (rule.get("cidrIp"), rule.get("cidrIpv6")) if isinstance(value, str))
