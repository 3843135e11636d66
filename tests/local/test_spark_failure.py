from emrs_local.spark.failure import failure_summary

PYTHON = """\
26/01/01 00:00:00 WARN Utils: something
Traceback (most recent call last):
  File "/tmp/job.py", line 3, in <module>
    main()
  File "/tmp/job.py", line 1, in main
    raise Stop("enough")
__main__.Stop: enough
"""

JAVA = """\
Exception in thread "main" org.apache.spark.SparkException: Job aborted
\tat org.apache.spark.Main.main(Main.scala:1)
Caused by: java.io.FileNotFoundException: s3://b/k
\tat java.base/java.lang.Thread.run(Unknown Source)
\t... 3 more
"""


def test_a_python_exception_is_the_end_of_its_traceback() -> None:
    assert failure_summary(PYTHON) == "__main__.Stop: enough"


def test_a_java_exception_is_followed_by_its_causes() -> None:
    assert failure_summary(JAVA) == (
        'Exception in thread "main" org.apache.spark.SparkException: Job aborted\n'
        "Caused by: java.io.FileNotFoundException: s3://b/k"
    )


def test_a_java_exception_in_a_python_job_is_shown() -> None:
    output = (
        "py4j.protocol.Py4JJavaError: An error occurred while calling o1.csv.\n: java.io.IOException: broken\n\tat x\n"
    )

    assert failure_summary(output).splitlines() == [
        "py4j.protocol.Py4JJavaError: An error occurred while calling o1.csv.",
        "java.io.IOException: broken",
    ]


def test_what_spark_sql_says_is_shown() -> None:
    assert failure_summary("[TABLE_OR_VIEW_NOT_FOUND] The table t cannot be found.\n").startswith("[TABLE_OR_VIEW")


def test_the_last_exceptions_are_kept_once_each_within_a_thousand_characters() -> None:
    output = "".join(f"ValueError: {number} {'x' * 1000}\n" for number in range(50)) + "KeyError: 'a'\n" * 9

    summary = failure_summary(output)

    assert summary.count("KeyError: 'a'") == 1
    assert summary.endswith("KeyError: 'a'")
    assert "ValueError: 49" in summary
    assert len(summary) <= 1000


def test_output_without_an_exception_has_no_summary() -> None:
    assert failure_summary("") == ""
    assert failure_summary("all is well\nno Error here\n") == ""


def test_binary_output_does_not_matter() -> None:
    garbage = bytes(range(256)).decode("utf-8", "replace") * 1000

    assert failure_summary(f"{garbage}\nValueError: \x00\x1b[31mbroken\n{garbage}") == "ValueError: [31mbroken"
