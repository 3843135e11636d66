"""What the constructs and the handler agree on; imported by both, so that they cannot drift apart."""

JOB_RUN_TYPE = "Custom::EMRServerlessJobRun"
"""Starts a job run and waits for it; deleting it cancels the run. Its physical id is the job run's ARN."""

JOB_RUN_WAIT_TYPE = "Custom::EMRServerlessJobRunWait"
"""Goes on waiting for a job run, as CloudFormation gives a custom resource an hour at most."""

APPLICATION_STOP_TYPE = "Custom::EMRServerlessApplicationStop"
"""Gives the application its tags. When it is deleted, it cancels the application's runs and stops the application."""

APPLICATION_UPDATE_TYPE = "Custom::EMRServerlessApplicationUpdate"
"""Does nothing until it is updated: then it cancels the application's runs and stops the application."""

# Properties of JOB_RUN_TYPE; those of waiting are JOB_RUN_WAIT_TYPE's too.
REQUEST = "Request"
TRIGGERS = "Triggers"
RUN_ON_ROLLBACK = "RunOnRollback"
APPLICATION_DEFINITION = "ApplicationDefinition"
WAIT_FOR = "WaitFor"
WAIT_TIMEOUT_SECONDS = "WaitTimeoutSeconds"
STABLE_SECONDS = "StableSeconds"
HAND_OVER_SECONDS = "HandOverSeconds"
WAIT_NUMBER = "WaitNumber"
# The names of uploaded files as the user wrote them, by the first digits of the hash that they are uploaded under.
FILE_NAMES = "FileNames"

# What is waited for, and how long, when the properties do not say it: they are written once for each run of a stack.
DEFAULT_WAIT_FOR = "SUCCESS"
DEFAULT_WAIT_TIMEOUT_SECONDS = 55 * 60

# What makes a run a different run; WAIT_FOR and the others say what is done about it.
WORK = (REQUEST, TRIGGERS, APPLICATION_DEFINITION)

# Attributes of JOB_RUN_TYPE and JOB_RUN_WAIT_TYPE, for Fn::GetAtt. The second has the ARN as a property too.
JOB_RUN_ID = "JobRunId"
JOB_RUN_ARN = "JobRunArn"

# Property of APPLICATION_STOP_TYPE and attribute of JOB_RUN_TYPE.
APPLICATION_ID = "ApplicationId"
# Property of APPLICATION_STOP_TYPE: all tags that are known at synth. STOPPED_BY is a property too, so that they are
# set again when CloudFormation has changed the application: what its handler does to tags of others is not documented.
APPLICATION_TAGS = "Tags"

# Property of APPLICATION_STOP_TYPE: "true" or "false", or not there when nobody has said it.
JOB_LEVEL_COST_ALLOCATION = "JobLevelCostAllocation"

# Properties of APPLICATION_UPDATE_TYPE: which resource of the stack the application is, and what it is going to be.
APPLICATION_LOGICAL_ID = "ApplicationLogicalId"
APPLICATION_PROPERTIES = "ApplicationProperties"
STACK_TAGS = "StackTags"

# Attribute of APPLICATION_UPDATE_TYPE: another string for each definition that the application was stopped for.
STOPPED_BY = "StoppedBy"

# Tags that the handler puts on every run it starts; they are how it finds its own runs again.
STACK_TAG = "constructs-emrs:stack-id"
LOGICAL_ID_TAG = "constructs-emrs:logical-id"
REQUEST_ID_TAG = "constructs-emrs:request-id"
# What the run is a run of: tells a request from the one that takes it back.
DEFINITION_TAG = "constructs-emrs:definition"
# Put on a run when another one takes its place: `job_runs.Successor`.
SUCCESSOR_TAG = "constructs-emrs:succeeded-by"
# Put on a stream that is cancelled so that its application can be updated: the request that did it.
STOPPED_TAG = "constructs-emrs:stopped-by"
OWN_TAGS = (STACK_TAG, LOGICAL_ID_TAG, REQUEST_ID_TAG, DEFINITION_TAG, SUCCESSOR_TAG, STOPPED_TAG)

# Where things are in the functions' asset.
START = "handler.functions.start"
STEP = "handler.functions.step"
DATA_FOLDER = "data"

# Variables of the functions' environment.
STATE_MACHINE_ARN = "STATE_MACHINE_ARN"
JOB_RUN_COUNT = "JOB_RUN_COUNT"

# What `step` adds to the event for the state machine.
IS_ANSWERED = "IsAnswered"
WAIT_SECONDS = "WaitSeconds"
ERROR = "Error"
ANSWER = "Answer"
IS_AFTERWARDS = "IsAfterwards"

# How much of an execution's input and of a state's output Step Functions takes, and how much of that an execution of a
# request needs at most for what comes later: the answer, what the steps write down, the error of a function that died.
# https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
STATE_BYTES = 262_144
RESERVED_BYTES = 40_000
# What is left for the properties of a job run, beside the rest of CloudFormation's event and the keys of 200 old tags.
PROPERTIES_BYTES = 190_000

SERVICE = "emr-serverless"
API_VERSION = "2021-07-13"
