"""What the state machine between the functions does."""

from typing import Any

from ..handler import contract

# Lambda that is busy or does not answer is waited for until CloudFormation's hour is over; a function that timed out or
# was killed is called again for some minutes.
# https://docs.aws.amazon.com/step-functions/latest/dg/bp-lambda-serviceexception.html
_RETRY = [
    {
        "ErrorEquals": [
            "Lambda.TooManyRequestsException",
            "Lambda.ServiceException",
            "Lambda.AWSLambdaException",
            "Lambda.SdkClientException",
        ],
        "IntervalSeconds": 2,
        "MaxAttempts": 300,
        "BackoffRate": 2,
        "MaxDelaySeconds": 30,
        "JitterStrategy": "FULL",
    },
    {
        "ErrorEquals": ["States.ALL"],
        "IntervalSeconds": 2,
        "MaxAttempts": 15,
        "BackoffRate": 2,
        "MaxDelaySeconds": 20,
        "JitterStrategy": "FULL",
    },
]
# A function that is to say that it was ended again and again is called for the hour for which CloudFormation waits: 120
# times, half a minute apart. What goes on after the answer is tried for as long as an execution may take.
_LAST_RETRY = [
    {
        "ErrorEquals": ["States.ALL"],
        "IntervalSeconds": 2,
        "MaxAttempts": 120,
        "BackoffRate": 2,
        "MaxDelaySeconds": 60,
        "JitterStrategy": "FULL",
    },
]
# CloudFormation waits for an answer for an hour. What goes on after it ends after a day: the return of streams whose
# application's update fails.
_EXECUTION_SECONDS = 25 * 3600


def definition(function_arn: str) -> dict[str, Any]:
    """The state machine: step, wait, step, …, until CloudFormation has its answer.

    https://docs.aws.amazon.com/step-functions/latest/dg/concepts-amazon-states-language.html
    """
    call = {"Type": "Task", "Resource": function_arn, "Retry": _RETRY}
    give_up = {"ErrorEquals": ["States.ALL"], "ResultPath": f"$.{contract.ERROR}", "Next": "Give up"}
    return {
        "StartAt": "Step",
        "TimeoutSeconds": _EXECUTION_SECONDS,
        "States": {
            "Step": {
                **call,
                "Catch": [give_up],
                "Next": "Is answered",
            },
            "Is answered": {
                "Type": "Choice",
                "Choices": [{"Variable": f"$.{contract.IS_ANSWERED}", "BooleanEquals": True, "Next": "Answered"}],
                "Default": "Wait",
            },
            "Wait": {"Type": "Wait", "SecondsPath": f"$.{contract.WAIT_SECONDS}", "Next": "Step"},
            # Whatever ends the function again and again, CloudFormation is told as soon as it does not any more.
            "Give up": {
                **call,
                "Retry": _LAST_RETRY,
                "Catch": [{**give_up, "Next": "Was answered"}],
                "Next": "Is answered",
            },
            "Was answered": {
                "Type": "Choice",
                "Choices": [{"Variable": f"$.{contract.IS_AFTERWARDS}", "IsPresent": True, "Next": "Step"}],
                "Default": "Not answered",
            },
            "Not answered": {"Type": "Fail", "ErrorPath": f"$.{contract.ERROR}.Error"},
            "Answered": {"Type": "Succeed"},
        },
    }
