"""How a job driver becomes a run of Spark on this machine: a command, its environment and its configuration."""

import os
import re
import shlex
import sys
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from emrs_local.spark.added_jars import JARS_VARIABLE
from emrs_local.spark.configuration_files import hadoop_xml, java_properties
from emrs_local.spark.event_logs import event_log_properties
from emrs_local.spark.image import Image
from emrs_local.spark.interpreters import interpreter
from emrs_local.spark.java_command import SPARK_SQL, LeftToTheLauncherError, java_command
from emrs_local.spark.machine import memory_of_the_machine
from emrs_local.spark.object_tree import ObjectTree
from emrs_local.spark.scripts import local_script
from emrs_local.spark.spark_arguments import (
    driver_environment,
    hive_properties,
    memory_mebibytes,
    split_parameters,
    submitted_properties,
)
from emrs_local.spark.working_folder import WorkingFolder

_DEFAULT_DRIVER_MEMORY: Final = "4g"  # in local mode the driver does the executors' work too
_FEW_PROCESSORS: Final = 2
# Java's thorough compiler would have one of the two: it waits for five times as many calls as it would, which what runs
# for seconds has soon, and what starts a job has not.
_LATE_COMPILER: Final = (
    "-XX:Tier4InvocationThreshold=25000",
    "-XX:Tier4MinInvocationThreshold=3000",
    "-XX:Tier4CompileThreshold=75000",
    "-XX:Tier4BackEdgeThreshold=200000",
)
_AGENT: Final = re.compile(r"-(?:javaagent|agentlib|agentpath|XX:StartFlightRecording|XX:\+FlightRecorder)\b")
_CLIENT: Final = "hive.metastore.client.factory.class"
_CLIENT_OF_THE_CATALOG: Final = "AWSGlueDataCatalogHiveClientFactory"
_ICEBERG: Final = re.compile(r"(spark\.sql\.catalog\.[^.]+)\.(catalog-impl|type)")
# Its catalog for Glue is of AWS's SDK for Java; the one for Hive comes to the same tables.
_ICEBERG_ON_GLUE: Final = {
    "org.apache.iceberg.aws.glue.GlueCatalog": "org.apache.iceberg.hive.HiveCatalog",
    "glue": "hive",
}
_ICEBERG_ON_S3: Final = {"org.apache.iceberg.aws.s3.S3FileIO": "org.apache.iceberg.hadoop.HadoopFileIO"}
_CATALOG_ID: Final = "hive.metastore.glue.catalogid"
_HOW_TABLES_STAY: Final = (
    "tables stay where the job uses the AWS Glue Data Catalog: "
    f"{_CLIENT}=com.amazonaws.glue.catalog.metastore.{_CLIENT_OF_THE_CATALOG}"
)
_IN_S3: Final = re.compile("s3[an]?://")
_OTHER_METASTORES: Final = ("hive.metastore.uris", "javax.jdo.option.ConnectionURL")
_ICEBERG_IN_SCRIPT: Final = (
    "emrs_local: the script itself names Iceberg's GlueCatalog, which needs AWS's SDK for Java; where the job's "
    "configuration names it, the local Data Catalog is used without"
)
_HOME, _WAREHOUSE = "home", "warehouse"
_USER: Final = "hadoop"  # whom EMR runs jobs as
_PYTHON_VARIABLES: Final = ("PYSPARK_DRIVER_PYTHON", "PYSPARK_PYTHON")
_PYTHON_PROPERTIES: Final = ("spark.pyspark.driver.python", "spark.pyspark.python")
# What lists paths of the image, and how they are separated.
_JARS: Final = "spark.jars"
_CLASS_PATH: Final = "spark.driver.extraClassPath"
_CLASS_PATHS: Final[Mapping[str, str]] = {_JARS: ",", _CLASS_PATH: ":"}
_WORKERS_PATH: Final = "spark.executorEnv.PYTHONPATH"
_LOG4J2: Final[Mapping[str, str]] = {
    "rootLogger.level": "warn",
    "rootLogger.appenderRef.stderr.ref": "stderr",
    "appender.stderr.type": "Console",
    "appender.stderr.name": "stderr",
    "appender.stderr.target": "SYSTEM_ERR",
    "appender.stderr.layout.type": "PatternLayout",
    "appender.stderr.layout.pattern": "%d{yy/MM/dd HH:mm:ss} %p %c{1}: %m%n%ex",
    # These warn on each start of what no job can help: a missing native library, a new and empty metastore.
    "logger.native.name": "org.apache.hadoop.util.NativeCodeLoader",
    "logger.native.level": "error",
    "logger.hive.name": "org.apache.hadoop.hive.conf.HiveConf",
    "logger.hive.level": "error",
    "logger.metastore.name": "org.apache.hadoop.hive.metastore.ObjectStore",
    "logger.metastore.level": "error",
}


class Submission:
    """One attempt of a job run, ready to be started.

    Args:
        job_driver: StartJobRun's `jobDriver`.
        application_configuration: The merged `applicationConfiguration`.
        scripts: The text of the script or queries.
        job_run_name: The name of the Spark application, unless the job names it.
        work_directory: The directory for everything that the process writes.
        environment: The environment variables of the driver.
        hadoop_properties: Those of the mount that the job sees S3 through.
        java_home: The Java runtime.
        spark_home: The Spark distribution.
        event_logs: The directory for event logs, unless the job says otherwise; None for none.
        java_options: Options of Java over which the job's own win.
        jars: A folder with jars for the class path, beside those of Spark.

    Raises:
        ValueError: If it is not known how the service reads the job driver's parameters.
    """

    def __init__(
        self,
        *,
        job_driver: Mapping[str, Any],
        application_configuration: Sequence[Mapping[str, Any]],
        scripts: str = "",
        job_run_name: str,
        work_directory: Path,
        environment: Mapping[str, str],
        hadoop_properties: Mapping[str, str],
        java_home: Path,
        spark_home: Path,
        event_logs: Path | None = None,
        java_options: Sequence[str] = (),
        jars: Path | None = None,
    ) -> None:
        self._spark_submit: Mapping[str, Any] = job_driver.get("sparkSubmit", {})
        self._hive: Mapping[str, Any] = job_driver.get("hive", {})
        self._parameters = split_parameters(
            self._hive.get("parameters", "") if self._hive else self._spark_submit.get("sparkSubmitParameters", "")
        )
        self._configuration = application_configuration
        self._scripts = scripts
        self._name = job_run_name
        self._directory = work_directory
        self._environment = environment
        self._hadoop_properties = hadoop_properties
        self._java_home = java_home
        self._spark_home = spark_home
        self._event_logs = event_logs
        self._java_options = java_options
        self._jars = jars
        self._image = Image(spark_home=spark_home, working_folder=self.working_directory, jars=jars)
        self._script: Path | None = None
        self._pythons: dict[str, str] = {}
        self._metastore: dict[str, str] = {}
        self._iceberg: dict[str, str] = {}
        self._groups = [_USER]

    @property
    def configuration_directory(self) -> Path:
        """Where the process looks for `configuration_files`."""
        return self._directory / "conf"

    @property
    def temporary_directory(self) -> Path:
        """Where the process puts what is not needed after it; it must exist."""
        return self._directory / "tmp"

    @property
    def working_directory(self) -> Path:
        """Where the process starts, and what `/home/hadoop` is to the job."""
        return self._directory / _HOME

    @property
    def uses_the_data_catalog(self) -> bool:
        """Whether the job's tables are those of the AWS Glue Data Catalog.

        Those of Spark are where its configuration, or the script itself, names the client of the catalog, those of Hive
        unless its configuration names another metastore, and those of Iceberg where a catalog of it is Glue's:
        https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/metastore-config.html
        """
        if self._names_a_metastore:
            return False
        return bool(self._hive or self._iceberg_catalogs) or any(
            _CLIENT_OF_THE_CATALOG in text for text in (self._settings_of_hive.get(_CLIENT, ""), self._scripts)
        )

    @property
    def catalog_id(self) -> str:
        """The account whose Data Catalog it is; empty for the run's own.

        https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/metastore-config.html
        """
        return self._settings_of_hive.get(_CATALOG_ID, "")

    @property
    def uses_iceberg(self) -> bool:
        """Whether it has a catalog of Iceberg's that is the AWS Glue Data Catalog."""
        return bool(self._iceberg_catalogs)

    @property
    def warehouse(self) -> str:
        """The address of the folder for tables that name none."""
        return self._properties["spark.sql.warehouse.dir"]

    @property
    def own_folder(self) -> str:
        """The address of the folder of this run, which no other run reads."""
        return f"file://{self._directory}"  # Hadoop's paths have no escapes

    def use_metastore(self, *, address: str, secret: str) -> None:
        """Have the job use a metastore, before its files are written.

        Args:
            address: Its `hive.metastore.uris`.
            secret: The group that tells it whose clients they are.
        """
        self._metastore = {
            "hive.metastore.uris": address,
            # Hive 2.3 waits before it connects again, as it does for the first insert into partitions.
            "hive.metastore.client.connect.retry.delay": "0s",
        }
        self._groups.append(secret)

    def use_metastore_for_iceberg(self, *, address: str, secret: str) -> None:
        """Have the job's catalogs of Iceberg use a metastore of theirs, before its files are written.

        Args:
            address: Its `hive.metastore.uris`.
            secret: The group that tells it whose clients they are.
        """
        for catalog, name in self._iceberg_catalogs.items():
            self._iceberg |= {name: _ICEBERG_ON_GLUE[self._properties[name]], f"{catalog}.uri": address}
            files = f"{catalog}.io-impl"
            if files in self._properties:
                self._iceberg[files] = _ICEBERG_ON_S3.get(self._properties[files], self._properties[files])
        self._metastore["iceberg.engine.hive.lock-enabled"] = "false"  # commits are checked by the metastore
        self._groups.append(secret)

    @property
    def command(self) -> list[str]:
        """The arguments of the process: Java's, or those of `spark-submit` for what only its launcher understands."""
        try:
            return java_command(
                self._arguments,
                defaults=self._defaults,
                environment=self.environment,
                java_options=self._java_defaults,
            )
        except LeftToTheLauncherError:
            return [str(self._spark_home / "bin" / "spark-submit"), *self._arguments]

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables of the process; no other reaches it."""
        return {
            "LANG": "C.UTF-8",
            "PYTHONUNBUFFERED": "1",  # stdout can be followed
            "TZ": "UTC",
            "PYSPARK_PYTHON": sys.executable,
            # The class path has the job's files: SPARK-43540, for a driver on Kubernetes.
            "SPARK_DIST_CLASSPATH": ":".join(
                [str(self.working_directory), *([f"{self._jars}/*"] if self._jars else [])]
            ),
            **self._job_environment,
            **self._environment,
            "HADOOP_CONF_DIR": str(self.configuration_directory),
            "HADOOP_USER_NAME": _USER,
            "HOME": str(self.working_directory),
            "JAVA_HOME": str(self._java_home),
            "PATH": os.environ.get("PATH", os.defpath),
            "PYTHONHASHSEED": "0",  # as `spark-submit` has it
            "SPARK_CONF_DIR": str(self.configuration_directory),
            "SPARK_HOME": str(self._spark_home),
            # For the short-lived JVM that only puts the command of the driver together.
            "SPARK_LAUNCHER_OPTS": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
            "SPARK_LOCAL_DIRS": str(self.temporary_directory),
            "SPARK_LOCAL_IP": "127.0.0.1",
            "TMPDIR": str(self.temporary_directory),
        }

    @property
    def configuration_files(self) -> dict[str, str]:
        """The configuration, by file name; it is a secret of the attempt, as the Hadoop properties are."""
        logging = dict(_LOG4J2) | self._classified("spark-log4j2", "spark-driver-log4j2")
        # Hive wants its user in a group.
        core = {"hadoop.user.group.static.mapping.overrides": f"{_USER}={','.join(self._groups)}"}
        core |= self._classified("core-site") | dict(self._hadoop_properties)
        return {
            "core-site.xml": hadoop_xml(core),
            "hive-site.xml": hadoop_xml(self._hive_site | self._metastore),
            "log4j2.properties": java_properties(logging),
            "spark-defaults.conf": java_properties(self._defaults),
        }

    def write(self) -> None:
        """Make the directories and write the files that the process finds."""
        for directory in (self.configuration_directory, self.temporary_directory, self.working_directory):
            directory.mkdir(parents=True, exist_ok=True)
            directory.chmod(0o700)
        if self._event_logs:
            self._event_logs.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name, content in self.configuration_files.items():
            (self.configuration_directory / name).write_text(content, encoding="utf-8")

    def fetch(self, tree: Callable[[str], ObjectTree]) -> None:
        """Fill the working directory with what the job brings, and find its script and the Pythons that it asks for.

        Args:
            tree: The files of a bucket, as the job sees them.

        Raises:
            RuntimeError: Something of that is missing, refused, damaged, or not on this machine.
        """
        self._working_folder.fill(tree)
        asked = {self._job_environment.get(name) for name in _PYTHON_VARIABLES}
        asked |= {self._properties.get(name) for name in _PYTHON_PROPERTIES}
        for python in filter(None, asked):
            try:
                self._pythons[python] = interpreter(self._image.here(python), working_folder=self.working_directory)
            except LookupError as error:
                raise RuntimeError(f"the job asks for the Python {python}, which {error}") from error
        entry_point = self._spark_submit.get("entryPoint", "")
        if entry_point and self._image.lacks(entry_point):
            raise RuntimeError(f"the entry point {entry_point} is not on this machine")
        self._script = local_script(entry_point, tree, folder=self._directory / "entry-point")

    @property
    def _arguments(self) -> list[str]:
        """The arguments of `spark-submit`."""
        if self._hive:  # which is what `spark-sql` adds
            queries = ["-i", self._hive["initQueryFile"]] if "initQueryFile" in self._hive else []
            queries += ["-f", self._hive["query"]]
            return ["--class", SPARK_SQL, *self._overrides, *self._site_variables, *self._parameters, *queries]
        return [
            *self._parameters,
            *self._overrides,
            str(self._script or self._image.here(self._spark_submit["entryPoint"])),
            *self._spark_submit.get("entryPointArguments", []),
        ]

    @property
    def _java_defaults(self) -> list[str]:
        """The options of Java over which the job's own win."""
        return [*self._for_few_processors, *self._java_options, *self._for_agents]

    @property
    def _for_few_processors(self) -> list[str]:
        if (os.cpu_count() or 1) > _FEW_PROCESSORS:
            return []
        # Java takes the collector that pauses least, which has only one processor beside the job to work on. It accepts
        # a single choice, so there is none if the job may have made one.
        return [*_LATE_COMPILER, *([] if "GC" in self._jobs_java_options else ["-XX:+UseSerialGC"])]

    @property
    def _for_agents(self) -> list[str]:
        # An agent is shown the classes as they were, and Java 17 crashes if one of an archive is of Java 9 or later in
        # a jar that has it for older ones too, as one of log4j's is.
        return ["-Xshare:off"] if _AGENT.search(self._jobs_java_options) else []

    @property
    def _jobs_java_options(self) -> str:
        names = ("spark.driver.defaultJavaOptions", "spark.driver.extraJavaOptions")
        given = [self._properties.get(name, "") for name in names]
        given += [self.environment.get(name, "") for name in ("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS")]
        return " ".join(given)

    @property
    def notices(self) -> list[str]:
        """What the job ought to know of this machine, for its log."""
        notices = list(self.missing_jars)
        if any(name in self._scripts for name in _ICEBERG_ON_GLUE if "." in name):
            notices.append(_ICEBERG_IN_SCRIPT)
        if _IN_S3.match(self.warehouse) and not self.uses_the_data_catalog and not self._names_a_metastore:
            notices.append(
                f"emrs_local: tables that are made in {self.warehouse} are gone with this job run, though their data "
                f"stays there: it has no catalog; {_HOW_TABLES_STAY}"
            )
        return notices

    @property
    def missing_jars(self) -> list[str]:
        """What the job's class path names of the EMR image and is not here, a line for each property."""
        return [
            f"emrs_local: {name} names jars that are not on this machine: {', '.join(missing)}; "
            "name jars in S3 that have their classes for Spark 3.5 and Scala 2.12, or have such jars in the folder of "
            f"emrs-local start --jars, or of {JARS_VARIABLE}"
            for name in _CLASS_PATHS
            if (missing := self._missing_in(name))
        ]

    def _present_in(self, name: str) -> str:
        return self._here(self._properties.get(name, ""), _CLASS_PATHS[name], without=self._missing_in(name))

    def _missing_in(self, name: str) -> list[str]:
        return [jar for jar in _listed(self._properties.get(name, ""), _CLASS_PATHS[name]) if self._image.lacks(jar)]

    @property
    def _defaults(self) -> dict[str, str]:
        java_options = [f"-Djava.io.tmpdir={self.temporary_directory}", "-Dfile.encoding=UTF-8"]
        return {
            "spark.app.name": self._name,
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.driver.defaultJavaOptions": shlex.join(java_options),
            "spark.driver.host": "127.0.0.1",
            "spark.driver.memory": _DEFAULT_DRIVER_MEMORY,
            # Objects are not nearer to one worker than to another, and asking costs a request a file.
            "spark.sql.sources.ignoreDataLocality": "true",
            # The default asks for an AbstractFileSystem, which Hadoop lacks for these schemes, and warns.
            "spark.sql.streaming.checkpointFileManagerClass": (
                "org.apache.spark.sql.execution.streaming.FileSystemBasedCheckpointFileManager"
            ),
            "spark.sql.warehouse.dir": self._hive_site["hive.metastore.warehouse.dir"],
            "spark.ui.enabled": "false",
            **(event_log_properties(self._event_logs) if self._event_logs else {}),
            **self._classified("spark-defaults"),
        }

    @property
    def _hive_site(self) -> dict[str, str]:
        return {
            "hive.exec.scratchdir": str(self.temporary_directory / "hive"),
            "hive.metastore.warehouse.dir": f"{self.own_folder}/{_WAREHOUSE}",
            **self._classified("hive-site", "spark-hive-site"),
            **hive_properties(self._parameters),
        }

    @property
    def _settings_of_hive(self) -> dict[str, str]:
        return self._classified("core-site") | self._hive_site | self._hadoop_settings

    @property
    def _names_a_metastore(self) -> bool:
        return any(self._settings_of_hive.get(name) for name in _OTHER_METASTORES)

    @property
    def _hadoop_settings(self) -> dict[str, str]:
        """What Spark passes on to Hadoop and Hive."""
        return {name.removeprefix("spark.hadoop."): value for name, value in self._properties.items()}

    @property
    def _site_variables(self) -> list[str]:
        # Hive substitutes ${hiveconf:name} from hive-site too, Spark only from what it is started with.
        site = self._classified("hive-site")
        return [argument for name, value in site.items() for argument in ("--hiveconf", f"{name}={value}")]

    @cached_property
    def _properties(self) -> dict[str, str]:
        return self._defaults | submitted_properties(self._parameters)

    @property
    def _iceberg_catalogs(self) -> dict[str, str]:
        """The catalogs of Iceberg's that are on Glue, each with the property that says so."""
        return {
            found[1]: name
            for name, value in self._properties.items()
            if value in _ICEBERG_ON_GLUE and (found := _ICEBERG.fullmatch(name))
        }

    @cached_property
    def _working_folder(self) -> WorkingFolder:
        return WorkingFolder(
            path=self.working_directory,
            resources=self._directory / "resources",
            properties=self._properties | {_JARS: self._present_in(_JARS)},
            image=self._image,
        )

    @property
    def _job_environment(self) -> dict[str, str]:
        given = self._exported | driver_environment(self._properties)
        if "PYTHONPATH" in given:
            given["PYTHONPATH"] = self._here(given["PYTHONPATH"], ":")
        return given | {
            name: self._pythons.get(given[name], given[name]) for name in _PYTHON_VARIABLES if name in given
        }

    def _here(self, paths: str, separator: str, *, without: Collection[str] = ()) -> str:
        kept = [path for path in _listed(paths, separator) if path not in without]
        return separator.join(self._image.here(path) for path in kept)

    @property
    def _overrides(self) -> list[str]:
        # Being the last, these win over what makes sense only in the EMR image and on the service's workers.
        overrides = ["--master", "local[*]", "--deploy-mode", "client"]
        requested = self._properties
        fixed = {
            name: self._pythons.get(value, value) for name, value in requested.items() if name in _PYTHON_PROPERTIES
        }
        fixed[_CLASS_PATH] = self._present_in(_CLASS_PATH)
        fixed[_WORKERS_PATH] = self._here(requested.get(_WORKERS_PATH, ""), ":")
        fixed |= {f"spark.hadoop.{name}": value for name, value in self._hadoop_properties.items()}
        for name in sorted(fixed.keys() & requested.keys()):
            overrides += ["--conf", f"{name}={fixed[name]}"]
        for name, value in self._iceberg.items():
            overrides += ["--conf", f"{name}={value}"]
        overrides += self._working_folder.arguments
        if _JARS in requested and not self._present_in(_JARS):
            overrides += ["--jars", ""]
        # A worker of the service may have more memory than this machine, and a heap grows until the machine swaps.
        most = memory_of_the_machine() // 2
        if (memory_mebibytes(requested["spark.driver.memory"]) or 0) > most:
            overrides += ["--driver-memory", f"{most}m"]
        return overrides

    @property
    def _exported(self) -> dict[str, str]:
        nested = [entry.get("configurations", []) for entry in self._configuration if _is(entry, "spark-env")]
        return _properties_of(export for entries in nested for export in entries if _is(export, "export"))

    def _classified(self, *classifications: str) -> dict[str, str]:
        return _properties_of(entry for entry in self._configuration if _is(entry, *classifications))


def lost_tables(work_directory: Path) -> list[str]:
    """What the log of a job says of the tables that are gone with its run.

    Args:
        work_directory: The directory of the attempt, which has ended.
    """
    warehouse = work_directory / _WAREHOUSE
    tables = [path for path in warehouse.glob("*") if path.suffix != ".db"] + list(warehouse.glob("*.db/*"))
    names = sorted(path.relative_to(warehouse).as_posix().replace(".db/", ".") for path in tables)
    if (work_directory / _HOME / "metastore_db").exists():
        names = names or ["tables in a Hive metastore of its own"]
    if not names:
        return []
    return [f"emrs_local: gone with this job run: {', '.join(names)}; {_HOW_TABLES_STAY}"]


def _is(configuration: Mapping[str, Any], *classifications: str) -> bool:
    return configuration["classification"] in classifications


def _listed(text: str, separator: str) -> list[str]:
    return [part for part in map(str.strip, text.split(separator)) if part]


def _properties_of(configurations: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    return {name: value for entry in configurations for name, value in entry.get("properties", {}).items()}
