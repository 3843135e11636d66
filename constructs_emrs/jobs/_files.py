"""The files of a job: uploads them, lets its execution role read them, and says where they are."""

import re
import shutil
from collections.abc import Callable, Sequence
from enum import Enum, auto
from pathlib import Path
from tempfile import TemporaryDirectory

from aws_cdk import AssetStaging, Aws, FileAssetPackaging, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_s3_assets as s3_assets
from constructs import Construct, IConstruct

from ..applications.settings import ApplicationType
from ..permissions.execution_role import allow_reading
from ..validation.made_files import add_file_asset, lasting
from ..validation.problems import Problems, shown
from ..validation.tokens import is_token
from ._dependencies import ARGUMENT, FOLDER
from ._packages.build import Archive
from ._packages.errors import UnusableError
from ._rules.files import name_of, problem_of_entry_point, problem_of_uri
from .code import AssetCode, BucketCode, Code, InlineCode, LocalFile, NamedCode, UriCode
from .python_dependencies import PythonDependencies

_SUFFIX = re.compile(r"\.[A-Za-z0-9]+")
# Names without a dot and a slash, such as `spark-internal`, mean something to Spark.
_RELATIVE_PATH = re.compile(r"[^:/]+[./][^:]*")
# An asset is uploaded under a SHA-256 hash. So many digits of it tell the files of a job apart.
_DIGITS_OF_HASH = 8
# What is a path, ends an item or begins a name in a list of spark-submit, or is an escape in a URI.
_NO_NAME = set("/,#%")
_PATTERN = set("*?[")


class Use(Enum):
    """What a file is for, and so what its name is for."""

    CONTENT = auto()
    """The name tells nobody anything."""
    MODULE = auto()
    """Python code is imported by its name."""
    FILE = auto()
    """It is opened by its name in the working folder."""
    ARCHIVE = auto()
    """It is unpacked in a folder of its name in the working folder."""


class Files:
    """The files of one job."""

    def __init__(self, job: Construct, problems: Problems, engine: ApplicationType, execution_role: iam.IRole) -> None:
        """Begin with none.

        Args:
            job: The job, in which assets are made.
            problems: Takes what is wrong with a file.
            engine: The job's engine.
            execution_role: The role that reads the files.
        """
        self._job = job
        self._problems = problems
        self._engine = engine
        self._execution_role = execution_role
        self.names: dict[str, str] = {}
        """The names of uploaded files as the user wrote them, by the first digits of their hashes."""
        self.buckets: list[IConstruct] = []
        """The buckets that the user brought."""
        self._in_working_folder: dict[str, tuple[str, str]] = {}

    def uri(
        self, argument: str, construct_id: str, given: Code | str | Path | None, *, use: Use = Use.CONTENT
    ) -> str | None:
        """The URI of a file that the execution role may read; notes a file that can't be used.

        Args:
            argument: The argument that has the file.
            construct_id: The id of the asset, if one has to be made.
            given: The argument's value; a string or path is a file on this machine.
            use: What it is for.
        """
        if given is None:
            return None
        code = given if isinstance(given, Code) else LocalFile(given)
        if code.bucket is not None:
            self.buckets.append(code.bucket)
        try:
            uri = self._uri(construct_id, code, use)
        except UnusableError as error:
            self._problems.add_written(argument, repr(code), error.problem, error.remedy)
            # It has been noted what is wrong with the file. That it has no URI is not to be noted too.
            return Aws.NO_VALUE
        problem_of = problem_of_entry_point if argument == "entry_point" else problem_of_uri
        if self._engine is ApplicationType.SPARK and (problem := problem_of(uri)):
            self._problems.add_written(argument, repr(code), *problem)
        return uri

    def dependencies(self, construct_id: str, dependencies: PythonDependencies, archive: Archive) -> str:
        """The URI of an archive of Python packages, with the name of the folder that it is unpacked in."""
        uri = f"{self._upload(construct_id, archive.path, content_hash=archive.content_hash)}#{FOLDER}"
        self._check_name(ARGUMENT, repr(dependencies), uri)
        return uri

    def uris(
        self, argument: str, construct_id: str, codes: Sequence[Code | str | Path], *, use: Use = Use.CONTENT
    ) -> list[str]:
        """The URIs of the files of one argument; notes two that have one name in the working folder."""
        uris = []
        for position, code in enumerate(codes):
            place = f"{argument}[{position}]"
            uri = self.uri(place, f"{construct_id}{position}", code, use=use)
            if uri is not None:
                uris.append(uri)
                self._check_name(place, repr(code if isinstance(code, Code) else LocalFile(code)), uri)
        return uris

    def _check_name(self, argument: str, written: str, uri: str) -> None:
        """Note a name that another file has: the driver has the later one, and an executor fails to fetch it.

        https://github.com/apache/spark/blob/v3.5.9/core/src/main/scala/org/apache/spark/util/Utils.scala, copyFile
        """
        name = name_of(uri)
        if is_token(name) or set(name) & _PATTERN:
            return
        other, uri_of_other = self._in_working_folder.setdefault(name, (argument, uri))
        if uri_of_other != uri:
            problem = f"{other} has the name {name!r} in the working folder too"
            self._problems.add_written(argument, written, problem, "give one of them another name")

    def _uri(self, construct_id: str, code: Code, use: Use) -> str:
        match code:
            case AssetCode():
                return self._asset(construct_id, code, use)
            case InlineCode():
                return self._inline(construct_id, code, use)
            case BucketCode():
                return self._object(code)
            case UriCode():
                return _own_uri(code)
            case NamedCode():
                return self._named(construct_id, code, use)
            case _:
                raise UnusableError("it is not made by Code", "use Code.from_asset(…), or another method of Code")

    def _asset(self, construct_id: str, code: AssetCode, use: Use) -> str:
        if use is Use.MODULE:
            return self._module(construct_id, code)
        if use is Use.CONTENT or not isinstance(code.path, str | Path):
            return self._local_file(construct_id, code)
        return self._named(construct_id, NamedCode(code, Path(code.path).name), use)

    def _local_file(self, construct_id: str, code: AssetCode, name: str | None = None) -> str:
        if not isinstance(code.path, str | Path):
            raise UnusableError("a path is expected", "use a string or a pathlib.Path")
        if is_token(str(code.path)) or "://" in str(code.path):
            raise UnusableError("it is not a file on this machine", f"use Code.from_uri({shown(code.path)})")
        path = Path(code.path)
        if _is(path.is_dir):
            raise UnusableError("it is a folder", "use a file, such as a zip of the folder")
        if not _is(path.is_file):
            is_text = any(map(str.isspace, str(code.path)))
            remedy = "correct the path, or use Code.from_inline(…) for a text" if is_text else "correct the path"
            raise UnusableError(f"there is no such file in {Path.cwd()}", remedy)
        if name is not None:
            return self._upload_as(construct_id, path, name)
        if path.name.lower().endswith(".tar.gz"):
            # The CDK keeps the last suffix of the name, and Spark unpacks .tar.gz and .tgz, but copies .gz as it is:
            # https://github.com/apache/spark/blob/v3.5.9/core/src/main/scala/org/apache/spark/util/Utils.scala
            return self._upload_copy(construct_id, path, "archive.tgz", written=path)
        return self._upload(construct_id, path, written=path)

    def _module(self, construct_id: str, code: AssetCode) -> str:
        """Upload Python code so that it can be imported by its name.

        A local `.py` file, a package or a folder whose content is to be imported is uploaded as a zip: assets are named
        by their hash, which is no name for a module. So is a wheel without compiled code, which Spark takes as a zip
        only.
        """
        if not isinstance(code.path, str | Path):
            return self._local_file(construct_id, code)
        path = Path(code.path).resolve()
        if (path.suffix == ".py" and path.is_file()) or (path / "__init__.py").is_file():
            with TemporaryDirectory() as folder:
                if path.is_file():
                    shutil.copyfile(path, Path(folder, path.name))
                else:
                    shutil.copytree(path, Path(folder, path.name), ignore=shutil.ignore_patterns("__pycache__"))
                made = lasting(self._job, Path(folder))
                return self._upload(construct_id, made, written=Path(code.path), is_folder_of=True)
        if path.is_file() and path.suffix == ".whl":
            if not path.stem.endswith("-none-any"):
                problem = "the wheel has compiled code, which Python can't import from an archive"
                raise UnusableError(problem, "unpack it into a zip, and use archives and PYTHONPATH in environment")
            # Spark puts .zip, .egg and .jar on the Python path of executors, and a wheel is a zip:
            # https://github.com/apache/spark/pull/29806
            return self._upload_copy(construct_id, path, f"{path.stem}.zip", written=Path(code.path))
        if path.is_dir():
            if (path / "pyproject.toml").is_file() and (path / "src").is_dir():
                problem = "it is a project, whose packages are in its folder src"
                raise UnusableError(problem, "use that folder, or PythonDependencies.from_pyproject")
            return self._upload(construct_id, path, written=Path(code.path))
        return self._local_file(construct_id, code)

    def _inline(self, construct_id: str, code: InlineCode, use: Use, name: str | None = None) -> str:
        if not isinstance(code.text, str) or not code.text.strip():
            raise UnusableError("it is not a text", "use a string with the query or the code")
        if is_token(code.text):
            remedy = "give it to the job as an argument, or in hive_conf or hive_variables"
            raise UnusableError("a value that is known only at deployment can't be uploaded", remedy)
        if not isinstance(code.suffix, str) or not _SUFFIX.fullmatch(code.suffix):
            raise UnusableError(f"{shown(code.suffix)} is not a valid file name extension", "use one such as '.sql'")
        if use is Use.FILE and name is None:
            raise UnusableError("it has no name in the working folder", "add .named('…')")
        with TemporaryDirectory() as folder:
            path = Path(folder, f"inline{code.suffix}")
            path.write_text(code.text, encoding="utf-8")
            if name is not None:
                return self._upload_as(construct_id, path, name)
            made = lasting(self._job, Path(folder)) / path.name
            return self._upload(construct_id, made, written=Path("Code.from_inline"))

    def _object(self, code: BucketCode) -> str:
        if code.bucket is None:
            raise UnusableError("an IBucket is expected", "use a Bucket, or import one with Bucket.from_…")
        if not isinstance(code.key, str) or not code.key.strip() or code.key.startswith("/"):
            raise UnusableError("it is not a valid key of an object", "use one such as 'code/etl.py'")
        allow_reading(code.bucket, code.key, self._execution_role)
        return code.bucket.s3_url_for_object(code.key)

    def _named(self, construct_id: str, code: NamedCode, use: Use) -> str:
        if use not in {Use.FILE, Use.ARCHIVE}:
            raise UnusableError("Spark gives no name to it, only to files and archives", "leave .named(…) out")
        if not isinstance(code.name, str) or not code.name.strip() or set(code.name) & _NO_NAME:
            raise UnusableError("it is not a valid file name", "use a name without '/', '#', ',' and '%'")
        if use is Use.FILE and isinstance(code.code, AssetCode):
            return self._local_file(construct_id, code.code, code.name)
        if use is Use.FILE and isinstance(code.code, InlineCode):
            return self._inline(construct_id, code.code, use, code.name)
        if isinstance(code.code, AssetCode):
            uri = self._local_file(construct_id, code.code)
        else:
            uri = self._uri(construct_id, code.code, use)
        if "#" in uri:
            raise UnusableError(f"the file has the name {uri.rpartition('#')[2]!r} already", "name it once")
        return f"{uri}#{code.name}"

    def _upload_as(self, construct_id: str, path: Path, name: str) -> str:
        """The URI of a file that is uploaded as `HASH/NAME`.

        A name behind a `#` is not enough: Spark on Kubernetes gives it to the copy of the driver, while executors have
        the file under the name of its key. Spark documents such names for YARN only, and AWS for no file.
        https://github.com/apache/spark/tree/v3.5.9/core/src/main/scala/org/apache/spark:
        `downloadResourcesToCurrentDirectory` in deploy/SparkSubmit.scala, `fetchFile` in util/Utils.scala
        """
        if is_token(name):
            raise UnusableError("the name of a file that is uploaded has to be known at synth", "use a literal string")
        scope, stack = Construct(self._job, construct_id), Stack.of(self._job)
        with TemporaryDirectory() as folder:
            # What is staged alone has a name of the CDK's, whose extension would be that of the key.
            shutil.copyfile(path, Path(folder, name))
            staging = AssetStaging(scope, "Stage", source_path=str(lasting(self._job, Path(folder))))
        location = add_file_asset(
            stack,
            Path(staging.absolute_staged_path, name),
            source_hash=f"{staging.asset_hash}/{Path(name).stem}",
            packaging=FileAssetPackaging.FILE,
        )
        key = location.kms_key_arn and kms.Key.from_key_arn(scope, "Key", location.kms_key_arn)
        bucket = s3.Bucket.from_bucket_attributes(
            scope, "AssetBucket", bucket_name=location.bucket_name, encryption_key=key or None
        )
        allow_reading(bucket, location.object_key, self._execution_role)
        return location.s3_object_url

    def _upload_copy(self, construct_id: str, path: Path, name: str, *, written: Path) -> str:
        with TemporaryDirectory() as folder:
            shutil.copyfile(path, Path(folder, name))
            return self._upload(construct_id, lasting(self._job, Path(folder)) / name, written=written)

    def _upload(
        self,
        construct_id: str,
        path: Path,
        *,
        written: Path | None = None,
        is_folder_of: bool = False,
        content_hash: str | None = None,
    ) -> str:
        """The URI of a file, or of a zip of a folder's content, that `cdk deploy` uploads.

        Args:
            construct_id: The id of the asset.
            path: The file or folder.
            written: What the user calls it. An absolute path is another one on another machine: there it is the name
                alone.
            is_folder_of: Whether the folder is uploaded that what the user wrote is in.
            content_hash: What tells the file from another one. Default: the hash of its bytes.
        """
        # Absolute, as the CDK runs in another process, which stays in the folder that it was started in.
        asset = s3_assets.Asset(
            self._job,
            construct_id,
            path=str(path.resolve()),
            exclude=["__pycache__", "*.egg-info"],
            asset_hash=content_hash,
        )
        allow_reading(asset.bucket, asset.s3_object_key, self._execution_role)
        if written is not None:
            name = Path(written.name) if written.is_absolute() else written
            self.names[asset.asset_hash[:_DIGITS_OF_HASH]] = (name.parent if is_folder_of else name).as_posix()
        return asset.s3_object_url


def _own_uri(code: UriCode) -> str:
    if not isinstance(code.uri, str) or not code.uri.strip():
        raise UnusableError("it is not a valid URI", "use one such as 's3://bucket/key'")
    if not is_token(code.uri) and _RELATIVE_PATH.fullmatch(code.uri):
        remedy = "use Code.from_asset for a file on this machine, or a URI such as 's3://bucket/key'"
        raise UnusableError("it is a path", remedy)
    return code.uri


def _is(question: Callable[[], bool]) -> bool:
    """The answer of the file system, which refuses to look at what is too long for a path."""
    try:
        return question()
    except OSError:
        return False
