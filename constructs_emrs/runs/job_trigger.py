"""When to run a job: on an event."""

import re
from collections.abc import Sequence
from typing import Any

from aws_cdk import Duration, Names
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from ..validation.argument_names import explained
from ..validation.argument_types import checked
from ..validation.cdk_cache import child_path
from ..validation.problems import Problems
from ..validation.tokens import pieces_of
from ..watching.failures import tell_of_executions
from ..workflows.arguments import Source, check_arguments, check_items, event_field
from ..workflows.interface import IJob
from ..workflows.state_machine import CAUSE, EVENT, PARTS, PATH, TEXT, execution_input
from ._delivery_rules import check_delivery, check_size

# The template of https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_InputTransformer.html
_MOST_BYTES = 8_192
_FIELD = re.compile(r"\$((?:\.[^.\[\]*]+)+)")


@explained
class JobTrigger(Construct):
    """Runs a job on events, with a rule of Amazon EventBridge and the job's state machine.

    One event is one run, however often EventBridge delivers it: the run's client token is made from the trigger and the
    event's id. Arguments take the event's fields as they are, whatever characters are in them: the state machine gets
    the event itself.

    Example:
        >>> key = events.EventField.from_path("$.detail.object.key")
        >>> on_object = JobTrigger(stack, "OnObject", job=etl,
        ...                        event_pattern=events.EventPattern(source=["aws.s3"], detail_type=["Object Created"]),
        ...                        arguments=["--input", f"s3://{bucket.bucket_name}/{key}"])

    Source: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rules.html
    """

    @checked
    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        job: IJob,
        event_pattern: events.EventPattern,
        event_bus: events.IEventBus | None = None,
        arguments: Sequence[str] | None = None,
        enabled: bool = True,
        retry_attempts: int | None = None,
        max_event_age: Duration | None = None,
        dead_letter_queue: sqs.IQueue | None = None,
        description: str | None = None,
    ) -> None:
        """Create the trigger.

        Args:
            scope: The construct that the trigger is part of.
            construct_id: The id of the trigger in its scope.
            job: What to run.
            event_pattern: Which events.
            event_bus: The bus that they are on. Default: the account's default bus, where AWS's services put theirs.
            arguments: The arguments of a Spark job's entry point, instead of the job's own; an
                `events.EventField.from_path(…)` is an argument or a part of one. A run fails whose event lacks it. What
                is sent with them is 8,192 bytes at most.
            enabled: Whether the rule is on.
            retry_attempts: How often EventBridge tries to start an execution, 0 to 185. Default: 185.
            max_event_age: For how long it tries, 1 minute to a day. Default: a day.
            dead_letter_queue: A queue for events whose execution could not be started. Default: none.
            description: A description, of up to 512 characters. Default: none.

        Raises:
            ValueError: Arguments are not valid; the text lists all that is wrong.
        """
        super().__init__(scope, construct_id)
        problems = Problems(child_path(scope, construct_id))
        check_arguments(problems, job.definition.request, arguments, source=Source.EVENT)
        check_items(problems, arguments)
        check_delivery(
            problems,
            retry_attempts=retry_attempts,
            max_event_age=max_event_age,
            queue=dead_letter_queue,
            description=description,
        )
        taken = None if arguments is None else [_taken(problems, i, item) for i, item in enumerate(arguments)]
        self._job = job
        self._cause = Names.unique_resource_name(self, max_length=80, separator="-")
        sent: dict[str, Any] = execution_input(arguments=taken, cause=self._cause)
        check_size(problems, arguments, sent, most=_MOST_BYTES, who="a rule")
        problems.raise_if_any()
        self._rule = events.Rule(
            self,
            "Resource",
            event_pattern=event_pattern,
            event_bus=event_bus,
            enabled=enabled,
            description=description,
            targets=[
                targets.SfnStateMachine(
                    job.state_machine,
                    input=events.RuleTargetInput.from_object({**sent, EVENT: events.EventField.from_path("$")}),
                    retry_attempts=retry_attempts,
                    max_event_age=max_event_age,
                    dead_letter_queue=dead_letter_queue,
                )
            ],
        )

    @property
    def rule(self) -> events.IRule:
        """The rule in EventBridge."""
        return self._rule

    @checked
    def on_failure(
        self, construct_id: str, target: events.IRuleTarget, *, description: str | None = None
    ) -> events.Rule:
        """Tell of an event whose run failed, was cancelled, or could not be started by the state machine.

        The message has the job's name, the execution, its error and cause, which has the run's id and state details,
        and a command that shows more. What EventBridge could not start is in the `dead_letter_queue`.

        Args:
            construct_id: The id of the rule.
            target: What is told, such as `targets.SnsTopic(topic)`; if it has a message of its own, that.
            description: A description of the rule. Default: what it is a rule on.

        Source: https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html
        """
        # EventBridge names its executions itself. In an event's own texts the quotes are escaped.
        which = {"input": [{"wildcard": f'*"{CAUSE}":"{self._cause}"*'}]}
        return tell_of_executions(
            self, construct_id, job=self._job, which=which, target=target, description=description
        )


def _taken(problems: Problems, position: int, argument: str) -> str | dict[str, Any]:
    """The argument, or how the state machine makes it from the event."""
    parts: list[dict[str, str]] = []
    for piece in pieces_of(argument):
        field = event_field(piece)
        if field is None:
            parts.append({TEXT: piece})
        elif match := _FIELD.fullmatch(field.path):
            parts.append({PATH: match[1].removeprefix(".")})
        else:
            remedy = "name one field, such as $.detail.object.key"
            problems.add(f"arguments[{position}]", argument, f"{field.path} is not a path of names", remedy)
    return {PARTS: parts} if any(PATH in part for part in parts) else argument
