"""What schedules of a job cost: resources and bytes of the template, with this library and by hand.

python benchmarks/starting.py

By hand: a state machine with one state that runs the job and waits, a schedule that starts it, and what the roles need.
It skips no occurrence, tells two deliveries of one from two, reports no reason, and has no arguments. Prints Markdown.
"""

import json
from collections.abc import Callable
from typing import Any

from aws_cdk import App, Duration, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_scheduler_targets as targets
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk.assertions import Template

from constructs_emrs import Application, Code, JobSchedule, ReleaseLabel, SparkJob

DAILY = scheduler.ScheduleExpression.rate(Duration.days(1))
RULE = "StepFunctionsGetEventsForEMRServerlessJobRule"

Schedules = Callable[[Stack, SparkJob, int], None]


def ours(stack: Stack, job: SparkJob, schedules: int) -> None:
    """With `JobSchedule`."""
    for number in range(schedules):
        JobSchedule(stack, f"Schedule{number}", job=job, schedule=DAILY)


def by_hand(stack: Stack, job: SparkJob, schedules: int) -> None:
    """With aws-cdk-lib."""
    if not schedules:
        return
    request = {name[:1].upper() + name[1:]: value for name, value in capitals(job.definition.request).items()}
    state = sfn.CustomState(
        stack,
        "Run",
        state_json={
            "Type": "Task",
            "Resource": "arn:aws:states:::emr-serverless:startJobRun.sync",
            "Parameters": {**request, "ClientToken.$": "States.UUID()"},
        },
    )
    machine = sfn.StateMachine(stack, "Machine", definition_body=sfn.DefinitionBody.from_chainable(state))
    job.grant_start(machine)
    runs = job.application.job_run_arn_pattern
    of_runs = ["emr-serverless:GetJobRun", "emr-serverless:CancelJobRun"]
    machine.add_to_role_policy(iam.PolicyStatement(actions=of_runs, resources=[runs]))
    rule = stack.format_arn(service="events", resource="rule", resource_name=RULE)
    of_rule = ["events:PutTargets", "events:PutRule", "events:DescribeRule"]
    machine.add_to_role_policy(iam.PolicyStatement(actions=of_rule, resources=[rule]))
    for number in range(schedules):
        target = targets.StepFunctionsStartExecution(machine)
        scheduler.Schedule(stack, f"Schedule{number}", schedule=DAILY, target=target)


def capitals(value: Any) -> Any:
    """Members as Step Functions spells them; this request has no maps."""
    if isinstance(value, dict):
        return {name[:1].upper() + name[1:]: capitals(item) for name, item in value.items()}
    return value


def measured(schedule: Schedules, schedules: int) -> tuple[int, int]:
    """Resources and bytes, compact."""
    stack = Stack(App(), "Lake")
    application = Application(stack, "Spark", release_label=ReleaseLabel.EMR_7_14_0)
    job = SparkJob(stack, "Etl", application=application, entry_point=Code.from_uri("s3://code/etl.py"))
    schedule(stack, job, schedules)
    template = Template.from_stack(stack).to_json()
    return len(template["Resources"]), len(json.dumps(template, separators=(",", ":")))


def main() -> None:
    """Compare a first schedule of a job, and a further one."""
    print("\n## Schedules\n\n| | resources of the first | bytes | resources of a further one | bytes |")
    print("|---|---|---|---|---|")
    for name, contender in (("ours", ours), ("by hand", by_hand)):
        none, one, two = (measured(contender, schedules) for schedules in range(3))
        print(f"| {name} | {one[0] - none[0]} | {one[1] - none[1]:,} | {two[0] - one[0]} | {two[1] - one[1]:,} |")


if __name__ == "__main__":
    main()
