"""Iceberg itself, on the local AWS: a job as it is configured for AWS, with Iceberg's jar and no other.

The jar is the one that is on PyPI, in a package of Snowflake's. It is that of Maven Central without its Jackson, which
is put back here from Spark's, in Iceberg's own package, as the build of Iceberg does.
"""

from __future__ import annotations

import json
import shutil
import struct
import sys
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from emrs_local import LocalAws
from tests.jars import spark_jars
from tests.local.emr_serverless_support import allow, make_role, wait_until
from tests.release.test_release import UV, run
from tests.short_jobs import SERVER_COMMAND

PACKAGE = Path(__file__).parent / "iceberg.txt"
ICEBERG = "org.apache.iceberg"
SCRIPT = """
from pyspark.sql import SparkSession

spark = SparkSession.builder.getOrCreate()
spark.sql("CREATE TABLE glue_catalog.lake.daily USING iceberg PARTITIONED BY (day) AS SELECT 1 AS id, 'monday' AS day")
spark.sql("INSERT INTO glue_catalog.lake.daily VALUES (2, 'tuesday')")
spark.sql("UPDATE glue_catalog.lake.daily SET day = 'friday' WHERE id = 2")
spark.sql("ALTER TABLE glue_catalog.lake.daily RENAME TO glue_catalog.lake.renamed")
rows = sorted(map(tuple, spark.table("glue_catalog.lake.renamed").collect()))
assert rows == [(1, "monday"), (2, "friday")], rows
assert spark.table("glue_catalog.lake.renamed.snapshots").count() == 3
"""
CONF = {
    "spark.hadoop.hive.metastore.client.factory.class": (
        "com.amazonaws.glue.catalog.metastore.AWSGlueDataCatalogHiveClientFactory"
    ),
    "spark.sql.extensions": f"{ICEBERG}.spark.extensions.IcebergSparkSessionExtensions",
    "spark.sql.catalog.glue_catalog": f"{ICEBERG}.spark.SparkCatalog",
    "spark.sql.catalog.glue_catalog.catalog-impl": f"{ICEBERG}.aws.glue.GlueCatalog",
    "spark.sql.catalog.glue_catalog.warehouse": "s3://lake/warehouse",
    "spark.sql.shuffle.partitions": "1",
}
# Sizes of the entries of a constant pool by their tags, https://docs.oracle.com/javase/specs/jvms/se17/html/jvms-4.html
_TEXT, _WIDE = 1, (5, 6)
_SIZES = {3: 4, 4: 4, 5: 8, 6: 8, 7: 2, 8: 2, 9: 4, 10: 4, 11: 4, 12: 4, 15: 3, 16: 2, 17: 4, 18: 4, 19: 2, 20: 2}
_JACKSON, _SHADED = b"com/fasterxml/jackson", b"org/apache/iceberg/shaded/com/fasterxml/jackson"


def relocated(code: bytes) -> bytes:
    """A class of Jackson's in Iceberg's package."""
    count, place, number, pool = struct.unpack(">H", code[8:10])[0], 10, 1, [code[:10]]
    while number < count:
        tag = code[place]
        if tag == _TEXT:
            (length,) = struct.unpack(">H", code[place + 1 : place + 3])
            text = code[place + 3 : place + 3 + length].replace(_JACKSON, _SHADED)
            text = text.replace(_JACKSON.replace(b"/", b"."), _SHADED.replace(b"/", b"."))
            pool.append(bytes([tag]) + struct.pack(">H", len(text)) + text)
            place += 3 + length
        else:
            pool.append(code[place : place + 1 + _SIZES[tag]])
            place += 1 + _SIZES[tag]
        number += 2 if tag in _WIDE else 1
    return b"".join([*pool, code[place:]])


@pytest.fixture
def jars(tmp_path: Path) -> Path:
    """A folder with Iceberg's jar, whole."""
    install = (UV, "pip", "install", "--quiet", "--no-deps", "--require-hashes", "--only-binary=:all:")
    run(*install, "--python", sys.executable, "--target", tmp_path, "--requirement", PACKAGE, cwd=tmp_path)
    folder = tmp_path / "jars"
    folder.mkdir()
    (jar,) = tmp_path.rglob("iceberg-spark-runtime-3.5_2.12-*.jar")
    shutil.copyfile(jar, folder / jar.name)  # what uv installs is a link to what it keeps
    with ZipFile(folder / jar.name, "a") as iceberg:
        for name in ("annotations", "core", "databind"):
            (jackson,) = (file for file in spark_jars() if file.name.startswith(f"jackson-{name}-2"))
            with ZipFile(jackson) as classes:
                for entry in classes.namelist():
                    if entry.startswith(_JACKSON.decode()) and entry.endswith(".class"):
                        moved = entry.replace(_JACKSON.decode(), _SHADED.decode())
                        iceberg.writestr(moved, relocated(classes.read(entry)))
    return folder


def test_a_job_that_is_configured_for_aws_has_iceberg_s_tables(jars: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMRS_LOCAL_JARS", str(jars))
    with LocalAws(server_command=SERVER_COMMAND) as aws:
        s3, glue = aws.client("s3"), aws.client("glue")
        s3.create_bucket(Bucket="lake")
        s3.put_object(Bucket="lake", Key="etl.py", Body=SCRIPT.encode())
        glue.create_database(DatabaseInput={"Name": "lake"})
        words = ["--jars /usr/share/aws/iceberg/lib/iceberg-spark3-runtime.jar"]
        words += [f"--conf {name}={value}" for name, value in CONF.items()]
        submit = {"entryPoint": "s3://lake/etl.py", "sparkSubmitParameters": " ".join(words)}
        ended = job_run(aws, {"sparkSubmit": submit})
        assert ended["state"] == "SUCCESS", ended["stateDetails"]
        table = glue.get_table(DatabaseName="lake", Name="renamed")["Table"]
    assert table["Parameters"]["table_type"] == "ICEBERG"
    assert table["Parameters"]["metadata_location"].startswith("s3://lake/warehouse/lake.db/daily/metadata/")
    assert json.loads(table["Parameters"]["current-snapshot-summary"])["total-records"] == "2"


def job_run(aws: LocalAws, job_driver: dict[str, Any]) -> dict[str, Any]:
    """A job run that has ended, of a role that may use the Data Catalog and S3."""
    client = aws.client("emr-serverless")
    role = make_role(aws, "job", allow(["glue:*", "s3:*"]))
    application = client.create_application(type="SPARK", releaseLabel="emr-7.9.0")["applicationId"]
    started = client.start_job_run(applicationId=application, executionRoleArn=role, jobDriver=job_driver)

    def found() -> dict[str, Any]:
        run = client.get_job_run(applicationId=application, jobRunId=started["jobRunId"])["jobRun"]
        return dict(run)

    wait_until(lambda: found()["state"] in {"SUCCESS", "FAILED", "CANCELLED"})
    return found()
