"""Which argument sets which member of a monitoring configuration."""

ARGUMENT_OF_MEMBER: dict[str, str] = {
    "": "monitoring",
    ".s3MonitoringConfiguration": "monitoring.s3_logs",
    ".s3MonitoringConfiguration.logUri": "monitoring.s3_logs.prefix",
    ".s3MonitoringConfiguration.encryptionKeyArn": "monitoring.s3_logs.encryption_key",
    ".managedPersistenceMonitoringConfiguration": "monitoring.managed_logs",
    ".managedPersistenceMonitoringConfiguration.enabled": "monitoring.managed_logs.enabled",
    ".managedPersistenceMonitoringConfiguration.encryptionKeyArn": "monitoring.managed_logs.encryption_key",
    ".cloudWatchLoggingConfiguration": "monitoring.cloudwatch_logs",
    ".cloudWatchLoggingConfiguration.enabled": "monitoring.cloudwatch_logs.enabled",
    ".cloudWatchLoggingConfiguration.logGroupName": "monitoring.cloudwatch_logs.log_group",
    ".cloudWatchLoggingConfiguration.logStreamNamePrefix": "monitoring.cloudwatch_logs.log_stream_name_prefix",
    ".cloudWatchLoggingConfiguration.encryptionKeyArn": "monitoring.cloudwatch_logs.encryption_key",
    ".cloudWatchLoggingConfiguration.logTypes": "monitoring.cloudwatch_logs.log_types",
    ".prometheusMonitoringConfiguration": "monitoring.prometheus",
    ".prometheusMonitoringConfiguration.remoteWriteUrl": "monitoring.prometheus.remote_write_url",
}


def arguments_of_monitoring(path: str) -> dict[str, str]:
    """The arguments by the paths of members.

    Args:
        path: Where in the request the monitoring configuration is.
    """
    return {f"{path}{member}": argument for member, argument in ARGUMENT_OF_MEMBER.items()}
