"""What is looked at when an app is synthesised and nothing is added to it any more."""

from collections.abc import Callable, Mapping
from functools import partial

import jsii
from aws_cdk import Stack
from constructs import Construct, IConstruct, IValidation

from .cdk_cache import asked_once, node_of, stack_of
from .model import check_against_model
from .problems import refuse
from .shapes import operation_shape

# Whatever Python asks of the CDK inside a call from Node.js stays on the stack of Node.js until that call returns, and
# some thousand questions overflow it. A check asks some tens; each batch costs a question itself.
_BATCH = 20


class LateChecks:
    """Checks that run when the app is synthesised, however many there are."""

    def __init__(self, scope: Construct) -> None:
        self._scope = scope
        self._last: list[Callable[[], None]] | None = None

    def add(self, check: Callable[[], None]) -> None:
        """Run the check too; it puts what is wrong on a construct as an error, where the CDK CLI stops."""
        if self._last is None or len(self._last) == _BATCH:
            self._last = []
            node_of(self._scope).add_validation(_Batch(self._last))
        self._last.append(check)


def check_late(construct: IConstruct, check: Callable[[], None]) -> None:
    """Run the check of a construct when the app is synthesised."""
    _checks_of(stack_of(construct)).add(check)


def check_tags(tagged: Construct, tags: Callable[[], Mapping[str, str]]) -> None:
    """Check the tags of a job run or an application when all of them are known."""
    shape = operation_shape("StartJobRun").members["tags"]
    check_late(tagged, lambda: check_against_model(tags(), shape, partial(refuse, tagged), "tags"))


@asked_once
def _checks_of(stack: Stack) -> LateChecks:
    return LateChecks(stack)


@jsii.implements(IValidation)
class _Batch:
    def __init__(self, checks: list[Callable[[], None]]) -> None:
        self._checks = checks

    def validate(self) -> list[str]:
        """Run the checks."""
        for check in self._checks:
            check()
        return []
