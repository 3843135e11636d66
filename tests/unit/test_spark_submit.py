"""What is asked of spark-submit reaches it as it was given."""

import shlex

import pytest
from aws_cdk import Size
from hypothesis import given
from hypothesis import strategies as st

from constructs_emrs import Application, Code, ReleaseLabel, SparkJob, WorkerResources
from constructs_emrs._problems import Problems
from constructs_emrs._spark_submit import spark_submit_parameters
from tests.everything import BIG_WORKER, spark_job_of_everything
from tests.templates import new_stack, request_of

NAMES = st.from_regex(r"[A-Za-z][A-Za-z0-9._-]{0,30}", fullmatch=True)
# NUL can't be in an argument of a process; surrogates are no characters.
VALUES = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]))
AWKWARD = [
    "two words",
    "it's",
    '"quoted"',
    "a=b",
    "$HOME",
    "`id`",
    '{"a": [1, "b"]}',
    "C:\\n",
    "line\nbreak",
    "ü€😀",
    "",
]


def split_like_the_service(parameters: str) -> dict[str, str]:
    """The Spark properties of a string of parameters, which the service splits like a shell."""
    words = shlex.split(parameters)
    assert words[::2] == ["--conf"] * (len(words) // 2)
    return dict(word.split("=", 1) for word in words[1::2])


@given(st.dictionaries(NAMES, VALUES | st.sampled_from(AWKWARD), min_size=1))
def test_every_property_arrives_as_it_was_given(conf: dict[str, str]) -> None:
    problems = Problems("Lake/Etl")
    parameters = spark_submit_parameters(problems, main_class=None, uris={}, packages=[], conf=conf, workers={})
    problems.raise_if_any()
    assert parameters is not None
    assert split_like_the_service(parameters) == conf


def test_everything_has_its_option() -> None:
    job = spark_job_of_everything(new_stack())
    parameters = request_of(job)["jobDriver"]["sparkSubmit"]["sparkSubmitParameters"]
    words = shlex.split(parameters)
    assert words[: words.index("--conf")] == [
        *("--class", "com.example.Etl"),
        *("--jars", "s3://code/a.jar,s3://code/b.jar"),
        *("--py-files", "s3://code/lib.zip"),
        *("--files", "s3://code/settings.json"),
        *("--archives", "s3://code/environment.tar.gz#environment"),
        *("--packages", "org.example:tools:1.0"),
    ]
    assert split_like_the_service(shlex.join(words[words.index("--conf") :])) == {
        "spark.driver.cores": "4",
        "spark.driver.memory": "14894m",
        "spark.emr-serverless.driver.disk": "200g",
        "spark.emr-serverless.driver.disk.type": "shuffle_optimized",
        "spark.executor.cores": "4",
        "spark.executor.memory": "14894m",
        "spark.emr-serverless.executor.disk": "200g",
        "spark.emr-serverless.executor.disk.type": "shuffle_optimized",
        "spark.sql.shuffle.partitions": "8",
    }


def test_nothing_is_sent_when_nothing_is_asked_for() -> None:
    stack = new_stack()
    spark = Application(stack, "Spark", release_label=ReleaseLabel.EMR_7_14_0)
    job = SparkJob(stack, "Etl", application=spark, entry_point=Code.from_uri("s3://code/etl.py"))
    assert request_of(job)["jobDriver"] == {"sparkSubmit": {"entryPoint": "s3://code/etl.py"}}


@pytest.mark.parametrize("worker", ["driver", "executor"])
def test_every_property_that_a_typed_argument_sets_can_not_be_contradicted(worker: str) -> None:
    for name, value in BIG_WORKER.spark_conf(worker):
        for own, accepted in ((value, True), ("1", False)):
            problems = Problems("Lake/Etl")
            spark_submit_parameters(
                problems, main_class=None, uris={}, packages=[], conf={name: own}, workers={worker: BIG_WORKER}
            )
            if accepted:
                problems.raise_if_any()
            else:
                with pytest.raises(ValueError, match=f"it contradicts {worker}, which sets {value}"):
                    problems.raise_if_any()


@given(st.sampled_from([(1, 2), (1, 8), (4, 16), (16, 120), (32, 244)]))
def test_a_worker_s_heap_and_overhead_fit_into_its_memory(size: tuple[int, int]) -> None:
    cpu, memory = size
    conf = dict(WorkerResources(cpu=cpu, memory=Size.gibibytes(memory)).spark_conf("driver"))
    heap = int(conf["spark.driver.memory"].removesuffix("m"))
    overhead = max(384, heap // 10)
    assert heap + overhead <= memory * 1024 < heap + overhead + 16
