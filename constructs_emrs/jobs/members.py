"""Which argument of a job sets which member of StartJobRun, for error messages and for the reference documentation."""

ARGUMENT_OF_MEMBER: dict[str, str] = {
    "applicationId": "application",
    "executionRoleArn": "execution_role",
    "executionIamPolicy": "execution_iam_policy",
    "executionIamPolicy.policy": "execution_iam_policy.document",
    "executionIamPolicy.policyArns": "execution_iam_policy.managed_policies",
    "jobDriver.sparkSubmit.entryPoint": "entry_point",
    "jobDriver.sparkSubmit.entryPointArguments": "arguments",
    "jobDriver.sparkSubmit.sparkSubmitParameters": (
        "main_class, jars, py_files, files, archives, packages, conf, environment, driver, executor"
    ),
    "jobDriver.hive.query": "query",
    "jobDriver.hive.initQueryFile": "init_query",
    "jobDriver.hive.parameters": "hive_conf, hive_variables",
    "configurationOverrides.applicationConfiguration": "application_configuration",
    "configurationOverrides.monitoringConfiguration": "monitoring",
    "configurationOverrides.monitoringConfiguration.s3MonitoringConfiguration": "monitoring.s3_logs",
    "configurationOverrides.monitoringConfiguration.s3MonitoringConfiguration.logUri": "monitoring.s3_logs.prefix",
    "configurationOverrides.monitoringConfiguration.s3MonitoringConfiguration.encryptionKeyArn": (
        "monitoring.s3_logs.encryption_key"
    ),
    "configurationOverrides.monitoringConfiguration.managedPersistenceMonitoringConfiguration": (
        "monitoring.managed_logs"
    ),
    "configurationOverrides.monitoringConfiguration.managedPersistenceMonitoringConfiguration.enabled": (
        "monitoring.managed_logs.enabled"
    ),
    "configurationOverrides.monitoringConfiguration.managedPersistenceMonitoringConfiguration.encryptionKeyArn": (
        "monitoring.managed_logs.encryption_key"
    ),
    "configurationOverrides.monitoringConfiguration.cloudWatchLoggingConfiguration": "monitoring.cloudwatch_logs",
    "configurationOverrides.monitoringConfiguration.cloudWatchLoggingConfiguration.enabled": (
        "monitoring.cloudwatch_logs.enabled"
    ),
    "configurationOverrides.monitoringConfiguration.cloudWatchLoggingConfiguration.logGroupName": (
        "monitoring.cloudwatch_logs.log_group"
    ),
    "configurationOverrides.monitoringConfiguration.cloudWatchLoggingConfiguration.logStreamNamePrefix": (
        "monitoring.cloudwatch_logs.log_stream_name_prefix"
    ),
    "configurationOverrides.monitoringConfiguration.cloudWatchLoggingConfiguration.encryptionKeyArn": (
        "monitoring.cloudwatch_logs.encryption_key"
    ),
    "configurationOverrides.monitoringConfiguration.cloudWatchLoggingConfiguration.logTypes": (
        "monitoring.cloudwatch_logs.log_types"
    ),
    "configurationOverrides.monitoringConfiguration.prometheusMonitoringConfiguration": "monitoring.prometheus",
    "configurationOverrides.monitoringConfiguration.prometheusMonitoringConfiguration.remoteWriteUrl": (
        "monitoring.prometheus.remote_write_url"
    ),
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


def argument_of(member_path: str) -> str:
    """The argument that sets the member, followed by the part of the path that is inside of it."""
    for prefix, argument in _ARGUMENT_OF_PROPERTIES.items():
        if member_path.startswith(prefix):
            return argument + member_path.removeprefix(prefix)
    best = max(
        (known for known in ARGUMENT_OF_MEMBER if _is_inside(member_path, known)),
        key=len,
        default=None,
    )
    return member_path if best is None else ARGUMENT_OF_MEMBER[best] + member_path[len(best) :]


def _is_inside(member_path: str, outer: str) -> bool:
    return member_path.startswith(outer) and member_path[len(outer) : len(outer) + 1] in {"", ".", "[", " "}
