"""Where a job's files come from, and who may read them."""

import json
import re
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from aws_cdk import App, Stack
from aws_cdk import aws_s3 as s3

from constructs_emrs import Application, Code, Configuration, JobRun, ReleaseLabel, SparkJob
from constructs_emrs.handler import contract
from tests.templates import new_stack, only, request_of, resolved, resources


def entry_point(stack: Stack, code: Code | str | Path) -> str:
    application = Application(stack, "Spark", release_label=ReleaseLabel.EMR_7_14_0)
    job = SparkJob(stack, "Etl", application=application, entry_point=code)
    JobRun(stack, "Run", job=job)
    request = only(stack, contract.JOB_RUN_TYPE)[contract.REQUEST]
    buckets = dict.fromkeys(resources(stack, "AWS::S3::Bucket"), "lake")
    uri = resolved(request["jobDriver"]["sparkSubmit"]["entryPoint"], buckets)
    assert isinstance(uri, str)
    return uri


def read_permissions(stack: Stack) -> str:
    (policy,) = (item for name, item in resources(stack, "AWS::IAM::Policy").items() if name.startswith("Etl"))
    return json.dumps(policy)


def test_a_local_file_is_uploaded_and_readable(script: Path) -> None:
    stack = new_stack()
    uri = entry_point(stack, Code.from_asset(script))
    assert uri.startswith("s3://cdk-hnb659fds-assets-123456789012-us-east-1/")
    assert uri.endswith(".py")
    assert uri.rsplit("/", 1)[1] in read_permissions(stack)


def test_a_path_alone_is_a_local_file(script: Path) -> None:
    expected = entry_point(new_stack(), Code.from_asset(script))
    assert entry_point(new_stack(), script) == entry_point(new_stack(), str(script)) == expected


def test_a_local_tar_gz_is_uploaded_under_a_name_that_spark_unpacks(tmp_path: Path) -> None:
    archive = tmp_path / "environment.tar.gz"
    archive.write_text("one\n")

    def uploaded() -> str:
        stack = new_stack()
        application = Application(stack, "Spark", release_label=ReleaseLabel.EMR_7_14_0)
        code = Code.from_asset(archive).named("environment")
        job = SparkJob(
            stack, "Etl", application=application, entry_point=Code.from_uri("s3://code/x.py"), archives=[code]
        )
        JobRun(stack, "Run", job=job)
        parameters = only(stack, contract.JOB_RUN_TYPE)[contract.REQUEST]["jobDriver"]["sparkSubmit"]
        return str(resolved(parameters["sparkSubmitParameters"], {}))

    first = uploaded()
    assert re.fullmatch(r"--archives s3://\S+/[0-9a-f]{64}\.tgz#environment", first)
    archive.write_text("two\n")
    assert uploaded() != first


def test_a_changed_file_changes_the_request(script: Path) -> None:
    before = entry_point(new_stack(), Code.from_asset(script))
    script.write_text("print('changed')\n")
    assert entry_point(new_stack(), Code.from_asset(script)) != before


def test_an_object_in_a_bucket_is_readable() -> None:
    stack = new_stack()
    assert entry_point(stack, Code.from_bucket(s3.Bucket(stack, "Data"), "code/etl.py")) == "s3://lake/code/etl.py"
    assert "/code/etl.py" in read_permissions(stack)


def test_a_uri_is_used_as_it_is() -> None:
    stack = new_stack()
    uri = "local:///usr/lib/spark/examples/src/main/python/pi.py"
    assert entry_point(stack, Code.from_uri(uri)) == uri
    assert "s3:GetObject" not in read_permissions(stack)


def test_a_file_that_is_not_there_is_an_error_that_names_the_job_and_the_file() -> None:
    with pytest.raises(
        ValueError, match=r"Lake/Etl: entry_point=Code.from_asset\('jobs/missing.py'\): there is no such file in /"
    ):
        entry_point(new_stack(), Code.from_asset("jobs/missing.py"))


def parameters_of(stack: Stack, **arguments: Any) -> str:
    application = Application(stack, "Spark", release_label=ReleaseLabel.EMR_7_14_0)
    job = SparkJob(stack, "Etl", application=application, entry_point=Code.from_uri("s3://code/x.py"), **arguments)
    JobRun(stack, "Run", job=job)
    request = only(stack, contract.JOB_RUN_TYPE)[contract.REQUEST]
    return str(resolved(request["jobDriver"]["sparkSubmit"]["sparkSubmitParameters"], {}))


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [
        ("models.json", None, "models.json"),
        ("models.v2.json", None, "models.v2.json"),
        ("größe", None, "größe"),
        (".env", None, ".env"),
        ("data.tar.gz", None, "data.tar.gz"),
        ("models-v2.json", "models.json", "models.json"),
        ("models.txt", "models.json", "models.json"),
    ],
)
def test_a_local_file_has_its_name_in_the_working_folder(
    name: str, given: str | None, expected: str, tmp_path: Path
) -> None:
    """It is the name of its key, which all parts of Spark go by."""
    file = tmp_path / name
    file.write_text("{}")
    stack = Stack(App(), "Lake")
    sent = parameters_of(stack, files=[Code.from_asset(file) if given is None else Code.from_asset(file).named(given)])
    key = re.fullmatch(rf"--files s3://cdk-\S+?/([0-9a-f]{{64}}/{re.escape(expected)})", sent)
    assert key
    assert json.dumps(key[1]).strip('"') in read_permissions(stack)
    assembly = Path(stack.node.root.synth().directory)  # type: ignore[attr-defined]  # the root is the app
    manifest = json.loads((assembly / f"{stack.artifact_id}.assets.json").read_text())
    (source,) = (
        entry["source"]
        for entry in manifest["files"].values()
        if any(destination["objectKey"] == key[1] for destination in entry["destinations"].values())
    )
    assert source["packaging"] == "file"
    assert (assembly / source["path"]).read_text() == "{}"


def test_a_text_of_the_app_is_a_file_of_the_name_that_it_is_given() -> None:
    sent = parameters_of(new_stack(), files=[Code.from_inline("{}", suffix=".txt").named("models.json")])
    assert re.fullmatch(r"--files s3://\S+/[0-9a-f]{64}/models\.json", sent)


def test_a_local_archive_is_unpacked_in_a_folder_of_its_name(tmp_path: Path) -> None:
    archive = tmp_path / "environment.tar.gz"
    archive.write_text("")
    sent = parameters_of(new_stack(), archives=[archive])
    assert re.fullmatch(r"--archives s3://\S+/[0-9a-f]{64}\.tgz#environment\.tar\.gz", sent)


def test_one_file_twice_and_patterns_have_no_names_that_clash(tmp_path: Path) -> None:
    file = tmp_path / "models.json"
    file.write_text("{}")
    jars = [Code.from_uri("s3://one/*.jar"), Code.from_uri("s3://other/*.jar")]
    parameters_of(new_stack(), files=[file, str(file)], jars=jars)


def test_a_python_file_or_folder_keeps_its_name_in_a_zip(tmp_path: Path, script: Path) -> None:
    stack = Stack(App(), "Lake")
    application = Application(stack, "Spark", release_label=ReleaseLabel.EMR_7_14_0)
    package = tmp_path / "lib" / "tools"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    job = SparkJob(
        stack,
        "Etl",
        application=application,
        entry_point=Code.from_asset(script),
        py_files=[Code.from_asset(script), Code.from_asset(tmp_path / "lib"), Code.from_uri("s3://code/x.py")],
    )
    parameters = stack.resolve(request_of(job)["jobDriver"]["sparkSubmit"]["sparkSubmitParameters"])
    assert json.dumps(parameters).count(".zip") == 2
    assert json.dumps(parameters).count("s3://code/x.py") == 1
    assembly = Path(stack.node.root.synth().directory)  # type: ignore[attr-defined]  # the root is the app
    assert [file.name for file in assembly.glob("asset.*/etl.py")] == ["etl.py"]
    assert [file.name for file in assembly.glob("asset.*/tools/__init__.py")] == ["__init__.py"]


def test_a_package_keeps_its_name_in_a_zip(tmp_path: Path) -> None:
    stack = Stack(App(), "Lake")
    package = tmp_path / "tools"
    package.mkdir()
    (package / "__init__.py").write_text("")
    application = Application(stack, "Spark", release_label=ReleaseLabel.EMR_7_14_0)
    code = Code.from_uri("s3://code/etl.py")
    SparkJob(stack, "Etl", application=application, entry_point=code, py_files=[package])
    assembly = Path(stack.node.root.synth().directory)  # type: ignore[attr-defined]  # the root is the app
    assert len(list(assembly.glob("asset.*/tools/__init__.py"))) == 1


@pytest.mark.parametrize("python", ["./environment/bin/python", "/usr/bin/python3.11", "python3"])
def test_an_interpreter_of_an_archive_or_of_the_image_may_be_used(python: str) -> None:
    stack = new_stack()
    SparkJob(
        stack,
        "Etl",
        application=Application(stack, "Spark", release_label=ReleaseLabel.EMR_7_14_0),
        entry_point=Code.from_uri("s3://code/etl.py"),
        archives=[Code.from_uri("s3://code/env.tar.gz").named("environment")],
        environment={"PYSPARK_PYTHON": python},
    )


def py_files(stack: Stack, path: Path) -> str:
    application = Application(stack, "Spark", release_label=ReleaseLabel.EMR_7_14_0)
    files = [Code.from_asset(path)]
    job = SparkJob(stack, "Etl", application=application, entry_point=Code.from_uri("s3://b/x.py"), py_files=files)
    parameters: str = stack.resolve(request_of(job)["jobDriver"]["sparkSubmit"]["sparkSubmitParameters"])
    return json.dumps(parameters)


def test_a_wheel_is_uploaded_as_the_zip_that_it_is(tmp_path: Path) -> None:
    wheel = tmp_path / "mypkg-1.0-py3-none-any.whl"
    with ZipFile(wheel, "w") as archive:
        archive.writestr("mypkg/__init__.py", "")
    assert '.zip"' in py_files(new_stack(), wheel)


def test_a_wheel_with_compiled_code_is_refused(tmp_path: Path) -> None:
    wheel = tmp_path / "mypkg-1.0-cp311-cp311-manylinux_2_28_x86_64.whl"
    wheel.write_bytes(b"")
    with pytest.raises(ValueError, match="the wheel has compiled code, which Python can't import from an archive"):
        py_files(new_stack(), wheel)


def test_an_inline_text_is_uploaded_as_a_file() -> None:
    stack = new_stack()
    uri = entry_point(stack, Code.from_inline("print('hello')\n", suffix=".py"))
    assert uri.endswith(".py")
    assert uri.rsplit("/", 1)[1] in read_permissions(stack)
    assert entry_point(new_stack(), Code.from_inline("print('hello')\n", suffix=".py")) == uri
    assert entry_point(new_stack(), Code.from_inline("print('other')\n", suffix=".py")) != uri


def test_an_inline_text_is_known_at_synth() -> None:
    stack = new_stack()
    with pytest.raises(ValueError, match="a value that is known only at deployment can't be uploaded"):
        entry_point(stack, Code.from_inline(f"print('{stack.region}')", suffix=".py"))


@pytest.mark.parametrize("known", [True, False], ids=["of the application", "of an imported application"])
def test_an_interpreter_may_come_from_an_archive_of_the_application(known: bool) -> None:
    stack = new_stack()
    archives = {"spark.archives": "s3://code/env.tar.gz#environment"}
    application = (
        Application(
            stack,
            "Spark",
            release_label=ReleaseLabel.EMR_7_14_0,
            runtime_configuration=[Configuration(classification="spark-defaults", properties=archives)],
        )
        if known
        else Application.from_application_id(stack, "Spark", "00f1982r1uukb925")
    )
    environment = {"PYSPARK_PYTHON": "./environment/bin/python"}
    code = Code.from_uri("s3://code/etl.py")
    SparkJob(stack, "Etl", application=application, entry_point=code, environment=environment)


def test_an_interpreter_of_a_local_archive_of_another_name_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "env.tar.gz").write_text("")
    stack = new_stack()
    application = Application(stack, "Spark", release_label=ReleaseLabel.EMR_7_14_0)
    with pytest.raises(ValueError, match=r"no archive is unpacked in a folder 'environment'"):
        SparkJob(
            stack,
            "Etl",
            application=application,
            entry_point=Code.from_uri("s3://code/etl.py"),
            archives=[Code.from_asset(tmp_path / "env.tar.gz").named("env")],
            environment={"PYSPARK_PYTHON": "./environment/bin/python"},
        )


def test_the_src_folder_of_a_project_can_be_imported_from_and_the_project_itself_not(tmp_path: Path) -> None:
    package = tmp_path / "project" / "src" / "tools"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package.parent / "tools.egg-info").mkdir()
    (tmp_path / "project" / "pyproject.toml").write_text("[project]\nname = 'tools'\n")
    stack = Stack(App(), "Lake")
    py_files(stack, package.parent)
    assembly = Path(stack.node.root.synth().directory)  # type: ignore[attr-defined]  # the root is the app
    (packed,) = assembly.glob("asset.*/tools")
    assert [file.name for file in packed.parent.iterdir()] == ["tools"]
    with pytest.raises(ValueError, match=r"it is a project, whose packages are in its folder src; use that folder"):
        py_files(new_stack(), tmp_path / "project")


def test_what_is_made_of_local_files_and_texts_is_in_an_assembly_without_staging(tmp_path: Path, script: Path) -> None:
    def uploaded(*, staged: bool) -> dict[str, str]:
        assembly = tmp_path / ("staged" if staged else "not-staged")
        stack = Stack(App(outdir=str(assembly), context={"aws:cdk:disable-asset-staging": not staged}), "Lake")
        application = Application(stack, "Spark", release_label=ReleaseLabel.EMR_7_14_0)
        job = SparkJob(
            stack,
            "Etl",
            application=application,
            entry_point=Code.from_inline("print('hello')\n", suffix=".py"),
            py_files=[Code.from_asset(script)],
            files=[Code.from_asset(script).named("other.py")],
            archives=[Code.from_asset(archive)],
        )
        JobRun(stack, "Run", job=job)
        stack.node.root.synth()  # type: ignore[attr-defined]  # the root is the app
        files = json.loads((assembly / "Lake.assets.json").read_text())["files"]
        sources = {name: assembly / file["source"]["path"] for name, file in files.items()}
        # The template is another one: it has the paths of what is not staged.
        return {name: str(path) for name, path in sources.items() if path.name != "Lake.template.json"}

    archive = tmp_path / "environment.tar.gz"
    archive.write_text("one\n")
    first = uploaded(staged=False)
    assert len(first) == 5
    assert all(Path(path).exists() and Path(path).is_relative_to(tmp_path / "not-staged") for path in first.values())
    in_assembly = sorted((tmp_path / "not-staged").iterdir())
    assert uploaded(staged=False) == first
    assert sorted((tmp_path / "not-staged").iterdir()) == in_assembly
    assert uploaded(staged=True).keys() == first.keys()
