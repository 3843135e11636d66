"""Which argument of a job sets which member of StartJobRun, for error messages and for the reference documentation."""

from ..monitoring.members import arguments_of_monitoring
from ..validation.model import argument_of

ARGUMENT_OF_MEMBER: dict[str, str] = {
    "applicationId": "application",
    "executionRoleArn": "execution_role",
    "executionIamPolicy": "execution_iam_policy",
    "executionIamPolicy.policy": "execution_iam_policy.document",
    "executionIamPolicy.policyArns": "execution_iam_policy.managed_policies",
    "jobDriver.sparkSubmit.entryPoint": "entry_point",
    "jobDriver.sparkSubmit.entryPointArguments": "arguments",
    "jobDriver.sparkSubmit.sparkSubmitParameters": (
        "main_class, jars, py_files, files, archives, packages, python_dependencies, catalog, conf, environment, "
        "driver, executor"
    ),
    "jobDriver.hive.query": "query",
    "jobDriver.hive.initQueryFile": "init_query",
    "jobDriver.hive.parameters": "hive_conf, hive_variables",
    "configurationOverrides.applicationConfiguration": "application_configuration",
    **arguments_of_monitoring("configurationOverrides.monitoringConfiguration"),
    "configurationOverrides.diskEncryptionConfiguration": "encryption",
    "configurationOverrides.diskEncryptionConfiguration.encryptionKeyArn": "encryption.key",
    "configurationOverrides.diskEncryptionConfiguration.encryptionContext": "encryption.disk_encryption_context",
    "tags": "tags",
    "executionTimeoutMinutes": "execution_timeout",
    "name": "job_name",
    "mode": "mode",
    "retryPolicy": "retry_policy",
    "retryPolicy.maxAttempts": "retry_policy.max_attempts",
    "retryPolicy.maxFailedAttemptsPerHour": "retry_policy.max_failed_attempts_per_hour",
    "flexExecution": "flex_execution",
    "flexExecution.enabled": "flex_execution",
}

# A property inside of such a member is reported by its name in brackets.
_ARGUMENT_OF_PROPERTIES = {
    "jobDriver.sparkSubmit.sparkSubmitParameters[": "conf[",
    "jobDriver.hive.parameters[": "hive_conf[",
}

# Members that no argument sets, and why.
SET_ELSEWHERE: dict[str, str] = {
    "clientToken": "made by the custom resource from CloudFormation's request: a repeated one starts no second run",
}


def argument_of_member(member_path: str) -> str:
    """The argument that sets the member, followed by the part of the path that is inside of it."""
    for prefix, argument in _ARGUMENT_OF_PROPERTIES.items():
        if member_path.startswith(prefix):
            return argument + member_path.removeprefix(prefix)
    return argument_of(member_path, ARGUMENT_OF_MEMBER)
