"""What the constructs and the handler agree on; imported by both, so that they cannot drift apart."""

JOB_RUN_TYPE = "Custom::EMRServerlessJobRun"
"""Starts a job run; deleting it cancels the run. Its physical id is the job run's ARN."""

APPLICATION_STOP_TYPE = "Custom::EMRServerlessApplicationStop"
"""Does nothing until it is deleted: then it cancels the application's runs and stops the application."""

# Properties of JOB_RUN_TYPE.
REQUEST = "Request"
WAIT_FOR = "WaitFor"
WAIT_TIMEOUT_SECONDS = "WaitTimeoutSeconds"
TRIGGERS = "Triggers"

# Attributes of JOB_RUN_TYPE, for Fn::GetAtt.
JOB_RUN_ID = "JobRunId"
JOB_RUN_ARN = "JobRunArn"

# Property of APPLICATION_STOP_TYPE and attribute of JOB_RUN_TYPE.
APPLICATION_ID = "ApplicationId"

# Tags that the handler puts on every run it starts; they are how it finds its own runs again.
STACK_TAG = "constructs-emrs:stack-id"
LOGICAL_ID_TAG = "constructs-emrs:logical-id"
REQUEST_ID_TAG = "constructs-emrs:request-id"
OWN_TAGS = (STACK_TAG, LOGICAL_ID_TAG, REQUEST_ID_TAG)

# Where things are in the functions' asset.
ON_EVENT = "handler.functions.on_event"
IS_COMPLETE = "handler.functions.is_complete"
MODEL_FOLDER = "data"

SERVICE = "emr-serverless"
API_VERSION = "2021-07-13"
