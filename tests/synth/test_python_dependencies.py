"""Python packages are built at synth for the application's workers, and reach driver and executors."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zipfile import ZipFile

import pytest
from aws_cdk import App, Fn, Stack

from constructs_emrs import (
    Application,
    Architecture,
    Code,
    Configuration,
    PythonDependencies,
    ReleaseLabel,
    SparkJob,
)
from constructs_emrs.jobs._packages import archive, build, uv
from constructs_emrs.jobs._packages.guard import guard_source
from constructs_emrs.jobs._packages.requirements import local_source
from constructs_emrs.jobs._packages.target import Target
from tests.packages import use_index, write_project, write_source_distribution, write_wheel
from tests.templates import request_of, resources

HERE = f"{sys.version_info.major}.{sys.version_info.minor}"


@pytest.fixture
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that is the index."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    use_index(folder, tmp_path / "caches", monkeypatch)
    return folder


def new_job(
    dependencies: PythonDependencies,
    *,
    release: ReleaseLabel = ReleaseLabel.EMR_7_14_0,
    architecture: Architecture = Architecture.X86_64,
    runtime_configuration: tuple[Configuration, ...] = (),
    **arguments: Any,
) -> SparkJob:
    stack = Stack(App(), "Lake")
    application = Application(
        stack,
        "Spark",
        release_label=release,
        architecture=architecture,
        runtime_configuration=runtime_configuration,
    )
    return SparkJob(
        stack,
        "Etl",
        application=application,
        entry_point=Code.from_uri("s3://code/etl.py"),
        python_dependencies=dependencies,
        **arguments,
    )


def parameters(job: SparkJob) -> str:
    return json.dumps(Stack.of(job).resolve(request_of(job)["jobDriver"]["sparkSubmit"].get("sparkSubmitParameters")))


def archive_hash(job: SparkJob) -> str:
    (found,) = re.findall(r"([0-9a-f]{64})\.zip", parameters(job))
    return str(found)


def archives(tmp_path: Path) -> list[Path]:
    return list((tmp_path / "caches").rglob("python-dependencies/*/*.zip"))


def names(tmp_path: Path) -> set[str]:
    return {name for file in archives(tmp_path) for name in ZipFile(file).namelist()}


def packed(tmp_path: Path, name: str) -> str:
    (file,) = archives(tmp_path)
    return ZipFile(file).read(name).decode()


def test_the_packages_are_an_archive_on_the_python_path_of_driver_and_executors(wheels: Path, tmp_path: Path) -> None:
    write_wheel(wheels, "company", requires=("helper>=1",))
    write_wheel(wheels, "helper")
    job = new_job(PythonDependencies.from_packages(["company"], python="3.11"))
    assert re.search(r"--archives .*s3://\S+\.zip.*#python_dependencies --conf", parameters(job))
    for name in ("spark.emr-serverless.driverEnv.PYTHONPATH", "spark.executorEnv.PYTHONPATH"):
        assert f"--conf {name}=./python_dependencies" in parameters(job)
    assert {"company/__init__.py", "helper/__init__.py", "sitecustomize.py"} <= names(tmp_path)
    assert archive_hash(job) in json.dumps(resources(Stack.of(job), "AWS::IAM::Policy"))


def test_what_the_release_has_and_what_no_job_needs_stays_out(wheels: Path, tmp_path: Path) -> None:
    files = {
        "company/__init__.py": "",
        "company/tests/test_it.py": "",
        "company/__pycache__/old.pyc": "",
        "company-1.0.data/scripts/company": "#!python\n",
    }
    write_wheel(wheels, "company", requires=("pyspark==3.5.1", "py4j"), files=files)
    write_wheel(wheels, "pyspark", "3.5.1")
    new_job(PythonDependencies.from_packages(["company", "pyspark"], python="3.11"))
    kept = {"company/__init__.py", *(f"company-1.0.dist-info/{name}" for name in ("METADATA", "RECORD", "WHEEL"))}
    assert names(tmp_path) == {*kept, "sitecustomize.py"}
    record = packed(tmp_path, "company-1.0.dist-info/RECORD").splitlines()
    assert {line.partition(",")[0] for line in record} == kept


def test_two_folders_two_caches_and_two_versions_of_what_builds_give_one_hash(
    wheels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_wheel(wheels, "helper")
    hashes = []
    for name in ("one", "another"):
        use_index(wheels, tmp_path / name / "caches", monkeypatch)
        folder = tmp_path / name / "app"
        write_project(folder, "company", requires='"helper"', generator=f"a backend, {name} version")
        (folder / "requirements.txt").write_text("-e .\n")
        hashes.append(
            archive_hash(new_job(PythonDependencies.from_requirements(folder / "requirements.txt", python="3.11")))
        )
    assert hashes[0] == hashes[1]


def test_a_second_synth_needs_neither_uv_nor_a_network(
    wheels: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_wheel(wheels, "company")
    dependencies = PythonDependencies.from_packages(["company"], python="3.11")
    first = archive_hash(new_job(dependencies))
    said = capsys.readouterr().err.splitlines()
    assert said[0] == "constructs-emrs: Lake/Etl: getting Python packages for Python 3.11, X86_64 and glibc 2.34 …"
    assert re.fullmatch(r"constructs-emrs: Lake/Etl: \d+\.\d MB in \d+\.\d s", said[1])
    monkeypatch.setattr(uv, "_find", lambda: None)
    assert archive_hash(new_job(dependencies)) == first
    assert capsys.readouterr().err == ""


def test_a_changed_source_is_built_again(wheels: Path, tmp_path: Path) -> None:
    del wheels
    project = write_project(tmp_path / "app", "company")
    dependencies = PythonDependencies.from_pyproject(project, python="3.11")
    first = archive_hash(new_job(dependencies))
    (project / "cdk.out").mkdir()
    (project / "cdk.out" / "tree.json").write_text("{}")
    assert archive_hash(new_job(dependencies)) == first
    (project / "src" / "company" / "__init__.py").write_text("CHANGED = True\n")
    assert archive_hash(new_job(dependencies)) != first


@pytest.mark.parametrize(
    ("python", "architecture", "release", "expected"),
    [
        ("3.9", Architecture.X86_64, ReleaseLabel.EMR_7_0_0, "cp39-cp39-manylinux_2_28_x86_64"),
        ("3.11", Architecture.ARM64, ReleaseLabel.EMR_7_14_0, "cp311-cp311-manylinux_2_28_aarch64"),
        ("3.9", Architecture.X86_64, ReleaseLabel.EMR_6_15_0, "cp39-cp39-manylinux_2_17_x86_64"),
        ("3.11", Architecture.ARM64, ReleaseLabel.EMR_SPARK_8_0_0, "cp311-cp311-manylinux_2_28_aarch64"),
    ],
)
@pytest.mark.usefixtures("wheels")
def test_the_wheels_are_those_of_the_workers(
    python: str, architecture: Architecture, release: ReleaseLabel, expected: str, tmp_path: Path
) -> None:
    wheels = tmp_path / "wheels"
    for version, glibc in (("1.0", "2_17"), ("2.0", "2_28"), ("3.0", "2_39")):
        for abi in ("cp39", "cp311"):
            for machine in ("x86_64", "aarch64"):
                tag = f"{abi}-{abi}-manylinux_{glibc}_{machine}"
                files = {"company/__init__.py": "", "company/native.so": tag}
                write_wheel(wheels, "company", version, tag=tag, files=files)
    new_job(PythonDependencies.from_packages(["company"], python=python), release=release, architecture=architecture)
    assert packed(tmp_path, "company/native.so") == expected


@pytest.mark.parametrize(
    ("required", "problem", "reason"),
    [
        (["missing"], "look at the network, or at UV_OFFLINE", "missing was not found"),
        (
            ["sdist"],
            "use a version that has a wheel for that",
            r"sdist(==1\.0)? ha(s|ve) no usable wheels",
        ),
        (["one", "two"], "change what is required", "one depend on helper<1"),
        (["windows"], "use a version that has a wheel", r"windows(==1\.0)? has no wheels with a matching platform tag"),
        (["newer"], "use a version that has a wheel", r"newer(==1\.0)? has no wheels with a matching platform tag"),
        (["company=1"], "change what is required", "no such comparison operator"),
    ],
)
def test_what_can_not_be_had_is_an_error_with_the_reason_of_uv(
    required: list[str], problem: str, reason: str, wheels: Path
) -> None:
    write_source_distribution(wheels, "sdist")
    for version in ("0.5", "1.0", "2.0"):
        write_wheel(wheels, "helper", version)
    write_wheel(wheels, "one", requires=("helper<1",))
    write_wheel(wheels, "two", requires=("helper>1",))
    write_wheel(wheels, "windows", tag="cp311-cp311-win_amd64")
    write_wheel(wheels, "newer", tag="cp311-cp311-manylinux_2_39_x86_64")
    with pytest.raises(ValueError, match="python_dependencies") as error:
        new_job(PythonDependencies.from_packages(required, python="3.11"))
    first, *said = str(error.value).splitlines()
    written = f"PythonDependencies.from_packages({required}, python='3.11')"
    assert first.startswith(
        f"Lake/Etl: python_dependencies={written}: they can't be installed for Python 3.11, X86_64 and "
    )
    assert problem in first
    assert len(said) <= 2
    assert re.search(reason, said[0])


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("-r other.txt", "there is no such file in .*: other.txt"),
        ("-r requirements.txt", "requirements.txt includes itself"),
        ("./nowhere", "there is no file or folder .*/nowhere"),
        ("-r folder", r"folder is a folder; give the file in it"),
    ],
)
def test_a_file_that_is_not_there_is_an_error(text: str, problem: str, wheels: Path, tmp_path: Path) -> None:
    del wheels
    file = tmp_path / "requirements.txt"
    file.write_text(text)
    (tmp_path / "folder").mkdir()
    with pytest.raises(ValueError, match=problem):
        new_job(PythonDependencies.from_requirements(file, python="3.11"))


def test_nested_files_and_constraints_count(wheels: Path, tmp_path: Path) -> None:
    for version in ("1.0", "2.0"):
        write_wheel(wheels, "helper", version)
    nested = tmp_path / "nested"
    nested.mkdir()
    (tmp_path / "requirements.txt").write_text("# the packages\n-r nested/more.txt\n-c nested/limits.txt\n")
    (nested / "more.txt").write_text("helper \\\n  >=1  # any\n")
    limits = nested / "limits.txt"
    limits.write_text("helper<2\n")
    dependencies = PythonDependencies.from_requirements(tmp_path / "requirements.txt", python="3.11")
    new_job(dependencies)
    assert "helper-1.0.dist-info/METADATA" in names(tmp_path)
    limits.write_text("helper<3\n")
    new_job(dependencies)
    assert "helper-2.0.dist-info/METADATA" in names(tmp_path)


@pytest.mark.parametrize(
    ("line", "path", "written"),
    [
        (".", "/app", "file:///w.whl"),
        (".[all]", "/app", "file:///w.whl[all]"),
        ("-e .", "/app", "file:///w.whl"),
        ("-e../shared", "/shared", "file:///w.whl"),
        ("--editable=./lib", "/app/lib", "file:///w.whl"),
        ("./lib[all] ; sys_platform == 'linux'", "/app/lib", "file:///w.whl[all] ; sys_platform == 'linux'"),
        ("lib/company", "/app/lib/company", "file:///w.whl"),
        ("/elsewhere/lib", "/elsewhere/lib", "file:///w.whl"),
        ("./my lib", "/app/my lib", "file:///w.whl"),
        ("-e './my lib'", "/app/my lib", "file:///w.whl"),
        ("./my lib[all] ; sys_platform == 'linux'", "/app/my lib", "file:///w.whl[all] ; sys_platform == 'linux'"),
        ("./my lib.whl --hash=sha256:0", "/app/my lib.whl", "file:///w.whl --hash=sha256:0"),
        ("file:///elsewhere/my%20lib", "/elsewhere/my lib", "file:///w.whl"),
        ("company[all] @ ./lib", "/app/lib", "company[all] @ file:///w.whl"),
        (
            "company @ file:///elsewhere/lib ; sys_platform == 'linux'",
            "/elsewhere/lib",
            "company @ file:///w.whl ; sys_platform == 'linux'",
        ),
    ],
)
def test_a_source_of_this_machine_is_found_in_a_requirement(line: str, path: str, written: str) -> None:
    source = local_source(line, Path("/app"))
    assert source is not None
    assert (str(source.path), source.write(Path("/w.whl"))) == (path, written)


@pytest.mark.parametrize(
    "line",
    [
        "pandas==2.3.*",
        "pandas[all]>=2 ; python_version > '3'",
        "pandas @ https://example.com/pandas-2.3-py3-none-any.whl",
        "https://example.com/pandas-2.3-py3-none-any.whl",
        "git+https://example.com/pandas",
        "pandas @ git+https://example.com/pandas",
        "--find-links ./wheels",
        "-c /app/limits.txt",
    ],
)
def test_what_comes_from_elsewhere_is_no_source_of_this_machine(line: str) -> None:
    assert local_source(line, Path("/app")) is None


def test_a_project_brings_itself_and_its_groups(wheels: Path, tmp_path: Path) -> None:
    for name in ("helper", "extra", "unwanted"):
        write_wheel(wheels, name)
    further = '[dependency-groups]\nmore = ["extra"]\njob = [{include-group = "more"}]\ndev = ["unwanted"]\n'
    project = write_project(tmp_path / "app", "company", requires='"helper"', further=further)
    new_job(PythonDependencies.from_pyproject(project, python="3.11", groups=["job"]))
    found = names(tmp_path)
    assert {"company/__init__.py", "helper/__init__.py", "extra/__init__.py"} <= found
    assert "unwanted/__init__.py" not in found
    with pytest.raises(ValueError, match="has no dependency group 'nix'; use one of its groups: more, job, dev"):
        new_job(PythonDependencies.from_pyproject(project, python="3.11", groups=["nix"]))


def test_a_locked_workspace_brings_its_other_packages(wheels: Path, tmp_path: Path) -> None:
    del wheels
    root = tmp_path / "workspace"
    sources = "[tool.uv.sources]\nb = {workspace = true}\n"
    write_project(root / "packages" / "a", "a", requires='"b"', further=sources)
    write_project(root / "packages" / "b", "b")
    (root / "pyproject.toml").write_text('[tool.uv.workspace]\nmembers = ["packages/*"]\n')
    dependencies = PythonDependencies.from_pyproject(root / "packages" / "a", python="3.11")
    with pytest.raises(ValueError, match=r"has tool\.uv\.sources, which are read through uv\.lock only.*; run uv lock"):
        new_job(dependencies)
    found = uv._find()
    assert found is not None
    subprocess.run([found, "lock", "--quiet", "--python", sys.executable], cwd=root, check=True)
    new_job(dependencies)
    assert {"a/__init__.py", "b/__init__.py"} <= names(tmp_path)
    with pytest.raises(ValueError, match="has no dependency group 'nix'; use one of its groups: none"):
        new_job(PythonDependencies.from_pyproject(root / "packages" / "a", python="3.11", groups=["nix"]))
    (root / "uv.lock").write_text("[[")
    with pytest.raises(ValueError, match=r"uv\.lock is not valid TOML"):
        new_job(dependencies)


def test_a_lock_file_that_lacks_a_dependency_is_an_error(wheels: Path, tmp_path: Path) -> None:
    for name in ("helper", "further", "tool"):
        write_wheel(wheels, name)
    group = '[dependency-groups]\njob = [{include-group = "tools"}]\ntools = ["tool"]\n'
    project = write_project(tmp_path / "app", "company", requires='"helper>=1"', further=group)
    found = uv._find()
    assert found is not None
    subprocess.run([found, "lock", "--quiet", "--python", sys.executable], cwd=project, check=True)
    dependencies = PythonDependencies.from_pyproject(project, python="3.11", groups=["job"])
    new_job(dependencies)
    pyproject = project / "pyproject.toml"
    before = pyproject.read_text()
    for changed in (
        before.replace('"helper>=1"', '"helper>=1", "Further"'),
        before.replace('["tool"]', '["tool", "further"]'),
    ):
        pyproject.write_text(changed)
        with pytest.raises(
            ValueError, match=r"uv\.lock has nothing of [Ff]urther, which .*pyproject\.toml lists; run uv"
        ):
            new_job(dependencies)


@pytest.mark.parametrize(
    ("required", "python", "allowed"),
    [
        (">=3.11", "3.11", True),
        (">=3.11.4", "3.11", True),
        (">=3.12", "3.11", False),
        (">=3.9,<3.12", "3.11", True),
        (">=3.9, <3.11", "3.11", False),
        ("<=3.11", "3.11", True),
        (">3.11", "3.11", True),
        (">3.12.200", "3.12", False),
        ("==3.11.*", "3.11", True),
        ("==3.11.*", "3.12", False),
        ("!=3.11.*", "3.11", False),
        ("~=3.9", "3.11", True),
        ("~=3.9.1", "3.11", False),
        ("==3.11.2", "3.11", True),
        (">=4", "3.11", False),
    ],
)
def test_a_project_says_which_pythons_it_is_for(
    required: str, python: str, allowed: bool, wheels: Path, tmp_path: Path
) -> None:
    del wheels
    (tmp_path / "pyproject.toml").write_text(
        f'[project]\nname = "app"\nversion = "1"\nrequires-python = "{required}"\n'
    )
    dependencies = PythonDependencies.from_pyproject(tmp_path, python=python)
    if allowed:
        new_job(dependencies)
    else:
        with pytest.raises(ValueError, match=r"pyproject\.toml requires Python .*; pass a python that it allows"):
            new_job(dependencies)


def test_a_local_package_with_compiled_code_is_an_error(wheels: Path, tmp_path: Path) -> None:
    del wheels
    project = write_project(tmp_path / "app", "company", tag="cp311-cp311-linux_x86_64")
    with pytest.raises(ValueError, match="has compiled code, which is built for this machine; build its wheel for the"):
        new_job(PythonDependencies.from_pyproject(project, python="3.11"))


def test_a_wheel_of_this_machine_may_be_listed(wheels: Path, tmp_path: Path) -> None:
    del wheels
    write_wheel(tmp_path / "vendor", "company")
    (tmp_path / "requirements.txt").write_text("./vendor/company-1.0-py3-none-any.whl\n")
    new_job(PythonDependencies.from_requirements(tmp_path / "requirements.txt", python="3.11"))
    assert "company/__init__.py" in names(tmp_path)


@pytest.mark.parametrize(
    "option",
    ["--find-links ./my wheels", "-f 'my wheels'", "--find-links=./my wheels"],
    ids=["path", "quoted", "equals"],
)
def test_a_folder_of_wheels_may_be_named_as_pip_reads_it(option: str, wheels: Path, tmp_path: Path) -> None:
    """The path is relative to the file; another wheel in it is another set."""
    del wheels
    write_wheel(tmp_path / "my wheels", "company")
    file = tmp_path / "requirements.txt"
    file.write_text(f"{option}\ncompany\n")
    dependencies = PythonDependencies.from_requirements(file, python="3.11")
    first = archive_hash(new_job(dependencies))
    write_wheel(tmp_path / "my wheels", "company", "2.0")
    assert archive_hash(new_job(dependencies)) != first


def test_blanks_in_paths_and_a_mark_at_the_beginning_are_read(
    wheels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_index(wheels, tmp_path / "größe der" / "caches", monkeypatch)
    write_project(tmp_path / "die firma", "company")
    write_wheel(tmp_path / "die wheels", "helper")
    file = tmp_path / "requirements.txt"
    file.write_text("./die firma\r\n./die wheels/helper-1.0-py3-none-any.whl\r\n", encoding="utf-8-sig")
    new_job(PythonDependencies.from_requirements(file, python="3.11"))
    (made,) = (tmp_path / "größe der").rglob("python-dependencies/*/*.zip")
    assert {"company/__init__.py", "helper/__init__.py"} <= set(ZipFile(made).namelist())


@pytest.mark.usefixtures("wheels")
def test_a_file_that_is_no_text_and_a_project_that_is_a_file_are_errors(tmp_path: Path) -> None:
    file = tmp_path / "requirements.txt"
    file.write_bytes("# größe".encode("latin-1"))
    with pytest.raises(ValueError, match=r"requirements\.txt is not a text in UTF-8; save it in that encoding"):
        new_job(PythonDependencies.from_requirements(file, python="3.11"))
    with pytest.raises(ValueError, match=r"requirements\.txt is a file; give the folder that it is in"):
        new_job(PythonDependencies.from_pyproject(file, python="3.11"))


def test_too_much_for_a_worker_is_an_error(wheels: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_wheel(wheels, "company")
    monkeypatch.setattr(archive, "_MOST_BYTES", 10)
    with pytest.raises(ValueError, match=r"more than half of a worker's 20 GB of disk; leave packages out, or"):
        new_job(PythonDependencies.from_packages(["company"], python="3.11"))


def test_without_uv_the_error_names_the_extra(wheels: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    del wheels
    monkeypatch.setattr(uv, "_find", lambda: None)
    with pytest.raises(
        ValueError, match=r"uv is needed to get them, and is not here; pip install 'constructs-emrs\[uv\]'"
    ):
        new_job(PythonDependencies.from_packages(["company"], python="3.11"))


def test_the_version_of_python_has_to_be_given() -> None:
    with pytest.raises(ValueError, match=r"python: .* needs it; .*a job that prints sys.version says it"):
        PythonDependencies.from_packages(["company"])  # type: ignore[call-arg]
    with pytest.raises(ValueError, match=r"python='3' is not a version of Python; use one such as python='3\.11'"):
        new_job(PythonDependencies.from_packages(["company"], python="3"))


def test_an_imported_application_has_to_say_its_architecture_and_release(wheels: Path) -> None:
    write_wheel(wheels, "company")
    known: dict[str, Any] = {}
    for name, value, problem in (
        (
            "architecture",
            Architecture.ARM64,
            "the architecture of the application, which is imported, is not known; use A",
        ),
        (
            "release_label",
            ReleaseLabel.EMR_7_14_0,
            "the release of the application, which is imported, is not known, and so its C library is not; use A",
        ),
    ):
        with pytest.raises(ValueError, match=problem):
            job_of_imported(known)
        known[name] = value
    assert "python_dependencies" in parameters(job_of_imported(known))


def test_a_release_without_a_version_is_an_error() -> None:
    dependencies = PythonDependencies.from_packages(["company"], python="3.11")
    with pytest.raises(ValueError, match=r"the release '\$\{Token\[…\]\}' of the application has no version at syn"):
        new_job(dependencies, release=ReleaseLabel.of(Fn.import_value("Release")))


def job_of_imported(known: dict[str, Any]) -> SparkJob:
    stack = Stack(App(), "Lake")
    application = Application.from_application_attributes(stack, "Spark", application_id="00f1982r1uukb925", **known)
    dependencies = PythonDependencies.from_packages(["company"], python="3.11")
    entry_point = Code.from_uri("s3://code/etl.py")
    return SparkJob(stack, "Etl", application=application, entry_point=entry_point, python_dependencies=dependencies)


def test_they_stand_behind_what_the_user_has_on_the_path(wheels: Path) -> None:
    write_wheel(wheels, "company")
    dependencies = PythonDependencies.from_packages(["company"], python="3.11")
    of_executors = {"spark.executorEnv.PYTHONPATH": "./theirs"}
    defaults = [Configuration(classification="spark-defaults", properties=of_executors)]
    for arguments, driver, executors in (
        ({"environment": {"PYTHONPATH": "./mine"}}, "./mine:", "./mine:"),
        ({"conf": of_executors}, "", "./theirs:"),
        ({"conf": of_executors, "environment": {"PYTHONPATH": "./mine"}}, "./mine:", "./theirs:"),
        ({"application_configuration": defaults}, "", "./theirs:"),
        ({"runtime_configuration": tuple(defaults)}, "", "./theirs:"),
    ):
        text = parameters(new_job(dependencies, **arguments))
        assert f"driverEnv.PYTHONPATH={driver}./python_dependencies" in text
        assert f"executorEnv.PYTHONPATH={executors}./python_dependencies" in text
        assert text.count("PYTHONPATH") == 2


def test_archives_of_the_job_and_of_the_application_stay(wheels: Path) -> None:
    write_wheel(wheels, "company")
    dependencies = PythonDependencies.from_packages(["company"], python="3.11")
    of_application = Configuration(classification="spark-defaults", properties={"spark.archives": "s3://code/a.zip#a"})
    assert re.search(
        r"--archives s3://code/a\.zip#a,", parameters(new_job(dependencies, runtime_configuration=(of_application,)))
    )
    text = "spark.archives"
    assert parameters(new_job(dependencies, conf={text: "s3://code/c.zip#c"})).count("c.zip#c,") == 1
    own_defaults = [Configuration(classification="spark-defaults", properties={text: "s3://code/d.zip#d"})]
    assert "--archives s3://code/d.zip#d," in parameters(new_job(dependencies, application_configuration=own_defaults))
    own = [Code.from_uri("s3://code/b.zip").named("b")]
    with pytest.raises(
        ValueError, match=r"contradicts archives, which sets s3://code/b.zip#b,\$\{Token\[…\]\}#python_d"
    ):
        new_job(dependencies, archives=own, conf={text: "s3://code/c.zip#c"})
    with pytest.raises(ValueError, match=r"archives\[0\] has the name 'python_dependencies' in the working folder too"):
        new_job(dependencies, archives=[Code.from_uri("s3://code/b.zip").named("python_dependencies")])
    assert re.search(r"--archives s3://code/b\.zip#b,", parameters(new_job(dependencies, archives=own)))


def test_nothing_is_built_for_a_stack_that_is_only_listed_or_destroyed() -> None:
    stack = Stack(App(context={"aws:cdk:bundling-stacks": []}), "Lake")
    SparkJob(
        stack,
        "Etl",
        application=Application(stack, "Spark", release_label=ReleaseLabel.EMR_7_14_0),
        entry_point=Code.from_uri("s3://code/etl.py"),
        python_dependencies=PythonDependencies.from_requirements("nowhere.txt", python="3.11"),
    )


def test_an_archive_that_was_not_used_for_long_is_removed(wheels: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_wheel(wheels, name)
    new_job(PythonDependencies.from_packages(["one"], python="3.11"))
    (old,) = archives(tmp_path)
    os.utime(old.parent, (0, 0))
    new_job(PythonDependencies.from_packages(["two"], python="3.11"))
    assert "two/__init__.py" in names(tmp_path)
    assert "one/__init__.py" not in names(tmp_path)


def test_what_another_synth_works_in_may_be_gone_a_moment_later(
    wheels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_wheel(wheels, "company")
    beside = tmp_path / "caches" / "constructs-emrs" / "python-dependencies" / "making-another"
    beside.mkdir(parents=True)

    def ends_there() -> float:
        if beside.exists():
            beside.rmdir()
        return time.time()

    monkeypatch.setattr(build, "time", SimpleNamespace(time=ends_there, monotonic=time.monotonic))
    new_job(PythonDependencies.from_packages(["company"], python="3.11"))
    assert not beside.exists()
    assert "company/__init__.py" in names(tmp_path)


DRIVER = {"PYSPARK_GATEWAY_PORT": "1"}
EXECUTOR = {"PYTHON_WORKER_FACTORY_SECRET": "x"}
ANOTHER = {"SPARK_HOME": "/usr/lib/spark"}


def started(
    variables: dict[str, str],
    folder: Path,
    target: Target,
    *,
    has_compiled_code: bool = False,
    code: str = "print('on')",
) -> tuple[int, str, str]:
    """The exit code and the outputs of a Python that finds the module on its path."""
    (folder / "packages").mkdir(exist_ok=True)
    source = guard_source(target, has_compiled_code=has_compiled_code)
    (folder / "packages" / "sitecustomize.py").write_text(source)
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": f"{folder / 'packages'}:{folder}", **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


HERE_X86 = Target(python=HERE, architecture=Architecture.X86_64, glibc="2.34")
HERE_ARM = Target(python=HERE, architecture=Architecture.ARM64, glibc="2.34")
OTHER = Target(python="3.2", architecture=Architecture.X86_64, glibc="2.34")


@pytest.mark.parametrize("variables", [DRIVER, EXECUTOR], ids=["driver", "executor"])
def test_a_worker_with_another_python_ends_with_a_line_that_says_so(variables: dict[str, str], tmp_path: Path) -> None:
    line = f'python_dependencies: built for Python 3.2, this worker has {HERE}: pass python="{HERE}"\n'
    assert started(variables, tmp_path, OTHER) == (1, "", line)


def test_a_python_that_spark_did_not_start_is_left_alone(tmp_path: Path) -> None:
    assert started(ANOTHER, tmp_path, OTHER) == (0, "on\n", "")


@pytest.mark.parametrize("variables", [DRIVER, EXECUTOR], ids=["driver", "executor"])
def test_a_python_that_the_one_of_spark_starts_is_left_alone(variables: dict[str, str], tmp_path: Path) -> None:
    """It inherits the variables, and may be another Python, such as that of a command of the image."""
    other = tmp_path / "other"
    other.mkdir()
    (other / "sitecustomize.py").write_text(guard_source(OTHER, has_compiled_code=False))
    code = (
        "import os, subprocess, sys\n"
        f"os.environ['PYTHONPATH'] = {str(other)!r}\n"
        "sys.exit(subprocess.call([sys.executable, '-c', 'print(1)']))"
    )
    assert started(variables, tmp_path, HERE_X86, code=code) == (0, "1\n", "")


def test_a_worker_with_another_cpu_ends_if_there_is_compiled_code(tmp_path: Path) -> None:
    ends = [started(DRIVER, tmp_path, target, has_compiled_code=True) for target in (HERE_X86, HERE_ARM)]
    assert sorted(code for code, _, _ in ends) == [0, 1]
    assert any("compare the architecture of the application" in error for _, _, error in ends)
    assert started(DRIVER, tmp_path, HERE_ARM)[:2] == started(DRIVER, tmp_path, HERE_X86)[:2] == (0, "on\n")


def test_another_sitecustomize_runs_too(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("print('customized')\n")
    assert started(DRIVER, tmp_path, HERE_X86) == (0, "customized\non\n", "")
