"""What is asked of spark-submit reaches it as it was given."""

from typing import Any

import pytest
from aws_cdk import Size
from aws_cdk.assertions import Annotations, Match
from hypothesis import given
from hypothesis import strategies as st

from constructs_emrs import (
    Application,
    ApplicationType,
    Code,
    Configuration,
    HiveJob,
    ReleaseLabel,
    SparkJob,
    WorkerResources,
)
from constructs_emrs.jobs._classification import Setting
from constructs_emrs.jobs._request import worker_properties
from constructs_emrs.jobs._rules.parameters import check_spark_parameters
from constructs_emrs.jobs._spark_submit import spark_submit
from constructs_emrs.validation.problems import Problems
from emrs_local.spark.spark_arguments import split_parameters
from tests.everything import BIG_WORKER, hive_job_of_everything, spark_job_of_everything
from tests.templates import new_stack, request_of

NAMES = st.from_regex(r"[A-Za-z][A-Za-z0-9._-]{0,30}", fullmatch=True)
CODE = Code.from_uri("s3://code/etl.py")
# NUL can't be in an argument of a process; surrogates are no characters.
VALUES = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]))
AWKWARD = [
    "two words",
    " both ends ",
    "it's",
    '"quoted"',
    '{"a": [1, "b"]}',
    "a=b $HOME `id`",
    "C:\\new\\",
    """say "it's" C:\\""",
    "line\nbreak\ttab",
    "ü€😀",
    "",
]
"""Values of properties that a shell, a splitter or a file of properties may change."""


def properties_in(parameters: str) -> dict[str, str]:
    """The Spark properties of a string of parameters, as the local AWS reads it."""
    words = split_parameters(parameters)
    assert words[::2] == ["--conf"] * (len(words) // 2)
    return dict(word.split("=", 1) for word in words[1::2])


def arrived(conf: dict[str, str]) -> dict[str, str] | None:
    """What the service gets of properties, from its two sources; None if they are refused."""
    problems = Problems("Lake/Etl")

    def warn(member: str, value: str, problem: str, remedy: str) -> None:
        # A value may end with a comma; only of what people have written themselves it is said.
        if not remedy.startswith("leave out the comma"):
            problems.add(member, value, problem, remedy)

    submit = spark_submit(problems, main_class=None, uris={}, packages=[], conf=conf)
    if str(problems):
        return None
    # What the library writes is never found odd by the rules of what people write.
    check_spark_parameters(submit.parameters or "", "parameters", problems.add, warn)
    problems.raise_if_any()
    return properties_in(submit.parameters or "") | {item.name: item.value for item in submit.defaults}


@given(st.dictionaries(NAMES, VALUES | st.sampled_from(AWKWARD), min_size=1))
def test_every_property_arrives_as_it_was_given_or_is_refused(conf: dict[str, str]) -> None:
    for name, value in conf.items():
        got = arrived({name: value})
        assert got in (None, {name: value})
        if not set(value) & {'"', "\r"} and not value.endswith("\\"):
            assert got is not None
    assert arrived(conf) in (None, conf)


@pytest.mark.parametrize("value", AWKWARD)
def test_awkward_properties_arrive(value: str) -> None:
    assert arrived({"spark.a": value}) == {"spark.a": value}


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("s3://bucket/key?a=b&c#d", "s3://bucket/key?a=b&c#d"),
        ("$HOME/{a,b}/*~`id`;(x)|!", "$HOME/{a,b}/*~`id`;(x)|!"),
        ("", ""),
        ("-Da=1 -Db=2", '"-Da=1 -Db=2"'),
        (" both ends ", '" both ends "'),
        ("it's", '"it\'s"'),
        ("C:\\n", '"C:\\n"'),
        ("line\nbreak\t", '"line\nbreak\t"'),
        ("\u00a0", '"\u00a0"'),
    ],
)
def test_a_value_has_double_quotes_if_it_needs_quotes(value: str, written: str) -> None:
    submit = spark_submit(Problems("Etl"), main_class=None, uris={}, packages=[], conf={"spark.a": value})
    assert (submit.parameters, submit.defaults) == (f"--conf spark.a={written}", [])


@pytest.mark.parametrize("value", ['{"a": 1}', '"', "C:\\", 'say "it\'s"', '\\"'])
def test_what_double_quotes_do_not_carry_goes_into_spark_defaults(value: str) -> None:
    stack = new_stack()
    spark = Application(stack, "Spark", release_label=ReleaseLabel.EMR_7_14_0)
    job = SparkJob(stack, "Etl", application=spark, entry_point=CODE, conf={"spark.a": value, "spark.b": "c"})
    request = request_of(job)
    assert request["jobDriver"]["sparkSubmit"]["sparkSubmitParameters"] == "--conf spark.b=c"
    assert request["configurationOverrides"]["applicationConfiguration"] == [
        {"classification": "spark-defaults", "properties": {"spark.a": value}}
    ]


def test_the_name_of_an_archive_has_no_quotes() -> None:
    stack = new_stack()
    spark = Application(stack, "Spark", release_label=ReleaseLabel.EMR_7_14_0)
    archive = Code.from_uri("s3://bucket/env.tar.gz").named("environment")
    job = SparkJob(stack, "Etl", application=spark, entry_point=CODE, archives=[archive])
    parameters = request_of(job)["jobDriver"]["sparkSubmit"]["sparkSubmitParameters"]
    assert parameters == "--archives s3://bucket/env.tar.gz#environment"


def test_the_uri_of_a_file_has_double_quotes_if_it_needs_quotes() -> None:
    uris = {"jars": ["s3://b/a b.jar", "s3://b/it's.jar"]}
    submit = spark_submit(Problems("Etl"), main_class=None, uris=uris, packages=[], conf={})
    assert submit.parameters == '--jars "s3://b/a b.jar,s3://b/it\'s.jar"'


QUOTED = {"spark.a": '"1"'}
OF_APPLICATION = [
    Configuration(classification="spark-defaults", properties={"spark.a": "0", "spark.app": "1"}),
    Configuration(classification="core-site", properties={"a": "b"}),
]


def defaults_of(release: ReleaseLabel = ReleaseLabel.EMR_7_14_0, **arguments: Any) -> list[dict[str, Any]]:
    """What a job sends as its configuration whose application has configuration too."""
    stack = new_stack()
    spark = Application(stack, "Spark", release_label=release, runtime_configuration=OF_APPLICATION)
    job = SparkJob(stack, "Etl", application=spark, entry_point=CODE, **arguments)
    sent: list[dict[str, Any]] = request_of(job)["configurationOverrides"].get("applicationConfiguration", [])
    return sent


def test_a_value_in_spark_defaults_takes_nothing_away_that_the_application_sets() -> None:
    assert defaults_of(conf=QUOTED) == [
        {"classification": "spark-defaults", "properties": {"spark.a": '"1"', "spark.app": "1"}}
    ]


def test_nothing_of_the_application_is_sent_that_applies_anyway() -> None:
    assert defaults_of(conf={"spark.a": "no quotes"}) == []
    assert defaults_of(ReleaseLabel.EMR_SPARK_8_1_0, conf=QUOTED) == [
        {"classification": "spark-defaults", "properties": {"spark.a": '"1"'}}
    ]


def test_nothing_of_the_application_is_sent_that_the_job_replaces() -> None:
    own = [
        Configuration(classification="hive-site", properties={"a": "b"}),
        Configuration(classification="spark-defaults", properties={"spark.b": "2"}),
    ]
    assert defaults_of(conf=QUOTED, application_configuration=own) == [
        {"classification": "hive-site", "properties": {"a": "b"}},
        {"classification": "spark-defaults", "properties": {"spark.b": "2", "spark.a": '"1"'}},
    ]


def test_what_an_imported_application_sets_is_not_known_and_that_is_said() -> None:
    stack = new_stack()
    spark = Application.from_application_attributes(stack, "Spark", application_id="00f1982r1uukb925")
    SparkJob(stack, "Plain", application=spark, entry_point=CODE, conf={"spark.a": "b c"})
    SparkJob(stack, "Quoted", application=spark, entry_point=CODE, conf=QUOTED)
    (warning,) = Annotations.from_stack(stack).find_warning("*", Match.string_like_regexp("spark-defaults"))
    assert warning.id == "/Lake/Quoted"
    assert "repeat them in a spark-defaults of application_configuration" in str(warning.entry.data)


def test_more_quoted_properties_than_a_classification_takes_are_refused_without_blaming_anything_else() -> None:
    stack = new_stack()
    spark = Application(stack, "Spark", release_label=ReleaseLabel.EMR_7_14_0)
    conf = {f"spark.a{number}": '"1"' for number in range(101)}
    with pytest.raises(ValueError, match="which has 101 properties with what needs it too; use 100 at most"):
        SparkJob(stack, "Etl", application=spark, entry_point=CODE, conf=conf)


def test_hive_properties_that_need_quotes_go_into_hive_site() -> None:
    stack = new_stack()
    site = {"hive.exec.scratchdir": "s3://lake/scratch", "hive.metastore.warehouse.dir": "s3://lake/warehouse"}
    hive = Application(
        stack,
        "Hive",
        release_label=ReleaseLabel.EMR_7_14_0,
        application_type=ApplicationType.HIVE,
        runtime_configuration=[Configuration(classification="hive-site", properties=site)],
    )
    job = HiveJob(stack, "Query", application=hive, query=CODE, hive_conf={"day": "20230203", "text": 'say "hi"'})
    request = request_of(job)
    assert request["jobDriver"]["hive"]["parameters"] == "--hiveconf day=20230203"
    assert request["configurationOverrides"]["applicationConfiguration"] == [
        {"classification": "hive-site", "properties": {**site, "text": 'say "hi"'}}
    ]


def test_hive_variables_are_sent_with_their_option() -> None:
    parameters = request_of(hive_job_of_everything(new_stack()))["jobDriver"]["hive"]["parameters"]
    assert split_parameters(parameters) == [
        *("--hiveconf", "hive.exec.scratchdir=s3://data/scratch"),
        *("--hiveconf", "hive.metastore.warehouse.dir=s3://data/warehouse"),
        *("--hivevar", "day=20230203"),
    ]


def test_everything_has_its_option() -> None:
    job = spark_job_of_everything(new_stack())
    parameters = request_of(job)["jobDriver"]["sparkSubmit"]["sparkSubmitParameters"]
    words = split_parameters(parameters)
    assert words[: words.index("--conf")] == [
        *("--class", "com.example.Etl"),
        *("--jars", "s3://code/a.jar,s3://code/b.jar"),
        *("--py-files", "s3://code/lib.zip"),
        *("--files", "s3://code/settings.json"),
        *("--archives", "s3://code/environment.tar.gz#environment"),
        *("--packages", "org.example:tools:1.0"),
    ]
    assert properties_in(parameters[parameters.index("--conf") :]) == {
        "spark.driver.cores": "4",
        "spark.driver.memory": "14894m",
        "spark.emr-serverless.driver.disk": "200g",
        "spark.emr-serverless.driver.disk.type": "shuffle_optimized",
        "spark.executor.cores": "4",
        "spark.executor.memory": "14894m",
        "spark.emr-serverless.executor.disk": "200g",
        "spark.emr-serverless.executor.disk.type": "shuffle_optimized",
        "spark.emr-serverless.driverEnv.STAGE": "test",
        "spark.executorEnv.STAGE": "test",
        "spark.sql.shuffle.partitions": "8",
    }


def test_nothing_is_sent_when_nothing_is_asked_for() -> None:
    stack = new_stack()
    spark = Application(stack, "Spark", release_label=ReleaseLabel.EMR_7_14_0)
    job = SparkJob(stack, "Etl", application=spark, entry_point=Code.from_uri("s3://code/etl.py"))
    assert request_of(job)["jobDriver"] == {"sparkSubmit": {"entryPoint": "s3://code/etl.py"}}


@pytest.mark.parametrize("worker", ["driver", "executor"])
def test_every_property_that_a_typed_argument_sets_can_not_be_contradicted(worker: str) -> None:
    for name, value in worker_properties(worker, BIG_WORKER, None).items():
        for own, accepted in ((value, True), ("1", False)):
            problems = Problems("Lake/Etl")
            typed = [Setting(worker, *named) for named in worker_properties(worker, BIG_WORKER, None).items()]
            spark_submit(problems, main_class=None, uris={}, packages=[], conf={name: own}, typed=typed)
            if accepted:
                problems.raise_if_any()
            else:
                with pytest.raises(ValueError, match=f"it contradicts {worker}, which sets {value}"):
                    problems.raise_if_any()


@given(st.sampled_from([(1, 2), (1, 8), (4, 16), (16, 120), (32, 244)]))
def test_a_worker_s_heap_and_overhead_fit_into_its_memory(size: tuple[int, int]) -> None:
    cpu, memory = size
    conf = worker_properties("driver", WorkerResources(cpu=cpu, memory=Size.gibibytes(memory)), None)
    heap = int(conf["spark.driver.memory"].removesuffix("m"))
    overhead = max(384, heap // 10)
    assert heap + overhead <= memory * 1024 < heap + overhead + 16
