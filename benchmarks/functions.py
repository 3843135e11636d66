"""What the functions of a deploy do for a job run: calls of Lambda and transitions of Step Functions, by its length.

python benchmarks/functions.py

The functions run with the state machine that the template has, against services in memory and a clock that is moved.
Prints Markdown.
"""

import random
from datetime import timedelta

from constructs_emrs.custom_resources.state_machine import definition
from constructs_emrs.handler import contract
from tests.handler.in_memory_cloudformation import CustomResource
from tests.handler.in_memory_service import APPLICATION, Service

LENGTHS = {
    "1 minute": timedelta(minutes=1),
    "1 hour": timedelta(hours=1),
    "12 hours": timedelta(hours=12),
}
REQUEST = {
    "applicationId": APPLICATION,
    "executionRoleArn": "arn:aws:iam::123456789012:role/Etl",
    "jobDriver": {"sparkSubmit": {"entryPoint": "s3://code/etl.py"}},
}
HAND_OVER_SECONDS = contract.DEFAULT_WAIT_TIMEOUT_SECONDS
# The states that an execution passes with each call of the function.
EACH_CALL = [name for name in ("Step", "Is answered", "Wait") if name in definition("")["States"]]


def steps(length: timedelta) -> tuple[int, int]:
    """How many custom resources wait for a run that takes so long, and how often the function is called for them."""
    random.seed(0)
    service, calls, resources = Service(), 0, 0
    began_at = service.now
    run = "00run1"

    def count(resource: CustomResource) -> None:
        step = resource.cloudformation.step

        def counting(*args: object) -> object:
            nonlocal calls
            calls += 1
            if run in service.runs and service.now - began_at > length:
                service.runs[run].state = "SUCCESS"
            return step(*args)  # type: ignore[arg-type]

        resource.cloudformation.step = counting  # type: ignore[method-assign, assignment]

    waiting = {contract.WAIT_TIMEOUT_SECONDS: 13 * 3600, contract.HAND_OVER_SECONDS: HAND_OVER_SECONDS}
    first = CustomResource(service)
    count(first)
    first.create({contract.REQUEST: REQUEST, **waiting})
    resources = 1
    while service.runs[run].state != "SUCCESS":
        resources += 1
        number = {contract.JOB_RUN_ARN: first.physical_id, contract.WAIT_NUMBER: resources}
        further = CustomResource(service, contract.JOB_RUN_WAIT_TYPE, f"Wait{resources}")
        count(further)
        further.create({**number, **waiting})
    return resources, calls


def main() -> None:
    """Print what each length costs."""
    print("\n## Functions of a deploy\n")
    print("| a run of | custom resources | calls of Lambda | transitions of Step Functions |\n|---|---|---|---|")
    for name, length in LENGTHS.items():
        resources, calls = steps(length)
        print(f"| {name} | {resources} | {resources + calls} | {len(EACH_CALL) * calls} |")


if __name__ == "__main__":
    main()
