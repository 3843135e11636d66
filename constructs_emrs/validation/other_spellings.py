"""What people write from habit who know the service's API, spark-submit or other constructs, and what is meant."""

_CONF_OF_EXECUTORS = (
    'conf={"spark.dynamicAllocation.initialExecutors": "…", "spark.dynamicAllocation.maxExecutors": "…"}'
)
_DRIVER = "driver=WorkerResources(cpu=…, memory=Size.gibibytes(…))"
_EXECUTOR = "executor=WorkerResources(cpu=…, memory=Size.gibibytes(…))"
_IMAGE = "repository=…, with tag=… or digest=…"
_KEY = "encryption=Encryption.customer_managed(…)"
_MAXIMUM = "maximum_capacity=MaximumCapacity(cpu=…, memory=Size.gibibytes(…))"
_REQUIREMENTS = "python_dependencies=PythonDependencies.from_requirements(…, python=…)"
_S3_LOGS = "monitoring=Monitoring(s3_logs=S3Logs(bucket=…, prefix=…))"
_SPARK_DEFAULTS = 'runtime_configuration=[Configuration(classification="spark-defaults", properties={…})]'
_SPARK_SUBMIT = "conf={…}, main_class=…, jars=[…], py_files=[…], files=[…], archives=[…], packages=[…]"

# The argument that is meant, with its value where that is not the one that was given; the first that there is.
ARGUMENTS: dict[str, tuple[str, ...]] = {
    "app": ("application",),
    "arch": ("architecture",),
    "arg": ("arguments",),
    "args": ("arguments",),
    "autostop_minutes": ("auto_stop_after=Duration.minutes(…)",),
    "class_name": ("main_class",),
    "cloudwatch": ("cloudwatch_logs",),
    "code": ("entry_point", "query"),
    "conf": ("hive_conf", "runtime_configuration=[Configuration(classification=…, properties={…})]"),
    "configuration_overrides": ("application_configuration, monitoring or encryption",),
    "count": ("worker_count",),
    "cores": ("cpu",),
    "driver_cores": (_DRIVER,),
    "driver_memory": (_DRIVER,),
    "emr_release": ("release_label",),
    "encryption_key": (_KEY, "key"),
    "engine": ("application_type",),
    "entry_point": ("query",),
    "env": ("environment",),
    "environment_variables": ("environment",),
    "execution_timeout_minutes": ("execution_timeout=Duration.minutes(…)",),
    "executor_cores": (_EXECUTOR,),
    "executor_memory": (_EXECUTOR,),
    "file": ("entry_point", "query", "path"),
    "flex": ("flex_execution=True",),
    "hive_conf": ("conf",),
    "iam_role": ("execution_role",),
    "id": ("construct_id",),
    "idle_timeout": ("auto_stop_after",),
    "idle_timeout_minutes": ("auto_stop_after=Duration.minutes(…)",),
    "image_uri": ("image=Image(repository=…)", _IMAGE),
    "init_query_file": ("init_query",),
    "job_role": ("execution_role",),
    "interval": ("period",),
    "kms_key": (_KEY, "encryption_key", "key"),
    "log_uri": (_S3_LOGS,),
    "logging": ("monitoring",),
    "logs": ("monitoring",),
    "livy": ("interactive=Interactive(livy_endpoint=True)",),
    "main": ("main_class",),
    "max_attempts": ("retry_policy=RetryPolicy.attempts(…)", "count"),
    "max_capacity": (_MAXIMUM,),
    "max_executors": (_CONF_OF_EXECUTORS,),
    "max_retries": ("retry_policy=RetryPolicy.attempts(…)",),
    "name": ("job_name", "application_name"),
    "network_configuration": ("vpc, vpc_subnets and security_groups",),
    "num_executors": (_CONF_OF_EXECUTORS,),
    "parameters": ("hive_conf", "arguments"),
    "policy": ("document",),
    "properties": ("conf", "hive_conf"),
    "pyfiles": ("py_files",),
    "query": ("entry_point",),
    "release": ("release_label",),
    "requirements": (_REQUIREMENTS,),
    "requirements_file": (_REQUIREMENTS,),
    "requirements_txt": (_REQUIREMENTS,),
    "retention": ("log_retention",),
    "retries": ("retry_policy=RetryPolicy.attempts(…)",),
    "retry": ("retry_policy",),
    "role": ("execution_role",),
    "runtime_role": ("execution_role",),
    "s3": ("s3_logs",),
    "script": ("entry_point", "query"),
    "security_group": ("security_groups=[…]",),
    "session_policy": ("execution_iam_policy",),
    "spark_conf": ("conf",),
    "spark_config": ("conf",),
    "spark_defaults": ("conf", _SPARK_DEFAULTS),
    "spark_properties": ("conf",),
    "spark_submit_parameters": (_SPARK_SUBMIT,),
    "stat": ("statistic",),
    "storage": ("disk",),
    "streaming": ("mode=JobMode.STREAMING",),
    "subnet_ids": ("vpc_subnets=ec2.SubnetSelection(subnets=[…])",),
    "subnets": ("vpc_subnets=ec2.SubnetSelection(subnets=[…])",),
    "timeout": ("execution_timeout", "wait_timeout", "queue_timeout"),
    "type": ("application_type", "disk_type"),
    "uri": (
        _IMAGE,
        "entry_point=Code.from_uri(…)",
        "remote_write_url",
        "bucket, and prefix",
    ),
    "vcpu": ("cpu",),
    "vcpus": ("cpu",),
    "wait": ("wait_for=JobRunState.SUBMITTED, which does not wait, RUNNING or SUCCESS",),
    "wait_for_completion": ("wait_for=JobRunState.SUCCESS",),
    "workers": ("initial_capacity", "worker_count", "driver"),
}

# The method or value of a class that is meant; those that the class has.
METHODS: dict[str, tuple[str, ...]] = {
    "aws_managed": ("aws_owned",),
    "from_arn": ("from_application_arn", "from_workspace_arn"),
    "from_attributes": ("from_application_attributes",),
    "from_file": ("from_asset",),
    "from_id": ("from_application_id",),
    "from_local": ("from_asset",),
    "from_lookup": ("from_application_id",),
    "from_path": ("from_asset",),
    "from_s3": ("from_bucket", "from_uri"),
    "from_string": ("from_inline", "of"),
    "from_text": ("from_inline",),
    "from_url": ("from_uri",),
    "kms": ("customer_managed",),
    "none": ("aws_owned",),
    "unencrypted": ("aws_owned",),
}
METHODS |= dict.fromkeys(("max_attempts", "retries", "times"), ("attempts",))
METHODS |= dict.fromkeys(("from_kms_key", "from_key", "kms_managed"), ("customer_managed",))

# What to give that has to be looked up first.
MISSING: dict[str, str] = {
    "python": (
        "give that of the workers, such as python='3.11'. AWS does not publish it: a job that prints sys.version says "
        "it. AWS's samples say 3.9 for emr-7.0.0 and 3.11 for emr-7.13.0"
    ),
}

# What no argument does.
REMEDIES: dict[str, str] = {
    "depends_on": "call node.add_dependency(…) of the construct",
    "on_failure": "call on_failure(…) of the JobRun, JobSchedule or JobTrigger",
    "event_pattern": "a JobRun runs the job on deploy; for events, use JobTrigger(…, job=…, event_pattern=…)",
    "schedule": "a JobRun runs the job on deploy; for a schedule, use JobSchedule(…, job=…, schedule=…)",
    "tags": "call Tags.of(…).add(name, value) with the construct",
}
REMEDIES |= dict.fromkeys(("cron", "schedule_expression"), REMEDIES["schedule"])
REMEDIES |= dict.fromkeys(("alarm", "notify", "notifications", "sns_topic"), REMEDIES["on_failure"])
REMEDIES |= dict.fromkeys(("dependencies", "after"), REMEDIES["depends_on"])
REMEDIES |= dict.fromkeys(("on_event", "rule"), REMEDIES["event_pattern"])
