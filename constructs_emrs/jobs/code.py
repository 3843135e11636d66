"""Where a job's files come from: entry points, jars, Python files, archives, queries."""

import re
import shutil
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_s3_assets as s3_assets
from constructs import Construct

from ..permissions.execution_role import allow_reading
from ..validation.argument_names import explained
from ..validation.method_names import NamesMethods
from ..validation.problems import shown
from ..validation.tokens import is_token
from ..validation.type_hints import is_instance

_SUFFIX = re.compile(r"\.[A-Za-z0-9]+")
# Names without a dot and a slash, such as `spark-internal`, mean something to Spark.
_RELATIVE_PATH = re.compile(r"[^:/]+[./][^:]*")


@explained
class Code(ABC, metaclass=NamesMethods):
    """A file that a job run reads when it starts.

    Made by `Code.from_asset`, `Code.from_inline`, `Code.from_bucket` or `Code.from_uri`. What is wrong with their
    arguments, such as a file that is not there, is an error of the job that uses the code.
    """

    bucket: s3.IBucket | None = None
    """The bucket that the user brought, if it is in one."""

    @staticmethod
    def from_asset(path: str | Path) -> "Code":
        """A file on this machine, uploaded by `cdk deploy`; the execution role may read it.

        A changed file changes the job, so that the next deploy runs it again. The arguments of jobs that take a `Code`
        take the path alone too.

        Args:
            path: The file's path, absolute or from the folder that the app is run in.
        """
        return _AssetCode(path)

    @staticmethod
    def from_inline(text: str, *, suffix: str = ".sql") -> "Code":
        """A text that is part of the app, uploaded by `cdk deploy` as a file; the execution role may read it.

        Args:
            text: What is in the file, such as a Hive query.
            suffix: How the file's name ends: `.py` for an entry point of a Spark job. Default: `.sql`.
        """
        return _InlineCode(text, suffix)

    @staticmethod
    def from_bucket(bucket: s3.IBucket, key: str) -> "Code":
        """An object in a bucket; the execution role may read it.

        A changed object does not change the job: when a `BucketDeployment` uploads it, give the `JobRun` a trigger,
        such as `triggers={"scripts": FileSystem.fingerprint("jobs")}`, or `run_when=RunWhen.EVERY_DEPLOY`.

        Args:
            bucket: The bucket, created in this app or imported.
            key: The object's key.
        """
        return _BucketCode(bucket, key)

    @staticmethod
    def from_uri(uri: str) -> "Code":
        """A URI used as it is, such as `local:///usr/lib/spark/examples/src/main/python/pi.py`.

        No permissions are granted: grant what the URI needs to the job yourself.
        """
        return _UriCode(uri)

    def named(self, name: str) -> "Code":
        """The same file under another name where Spark puts it, such as an archive unpacked as `environment`.

        Args:
            name: The name, without slashes, commas and `#`.
        """
        return _NamedCode(self, name)

    @abstractmethod
    def bind(self, scope: Construct, construct_id: str, reader: iam.IGrantable) -> str:
        """The URI of the file, readable by `reader`. Called by the job that uses the code.

        Args:
            scope: The job.
            construct_id: The id of what has to be created in the job, if anything has.
            reader: Who reads the file.

        Raises:
            ValueError: There is no such file, or the code was made with arguments that are none.
        """

    def bind_module(self, scope: Construct, construct_id: str, reader: iam.IGrantable) -> str:
        """The URI of Python code that can be imported by its name; otherwise like `bind`.

        A local `.py` file, a package or a folder whose content is to be imported is uploaded as a zip: assets are named
        by their hash, which is no name for a module. So is a wheel without compiled code, which Spark takes as a zip
        only.
        """
        return self.bind(scope, construct_id, reader)


class UnusableCode(ValueError):
    """A file that can't be what it is given for."""

    def __init__(self, scope: Construct, code: Code, problem: str, remedy: str) -> None:
        super().__init__(f"{scope.node.path}: {code!r}: {problem}; {remedy}")
        self.problem = problem
        self.remedy = remedy


def code_from(code: Code | str | Path) -> Code:
    """The code, or the local file that a string or path stands for."""
    return code if isinstance(code, Code) else _LocalFile(code)


def name_of_file(code: Code, *, is_module: bool = False) -> str | None:
    """What the user calls the file that is uploaded, or the folder that the content of an uploaded zip comes from.

    An absolute path is another one on another machine: there it is the name alone.

    Args:
        code: The file.
        is_module: Whether the URI is that of `Code.bind_module`.
    """
    if isinstance(code, _NamedCode):
        return name_of_file(code._code, is_module=is_module)
    if isinstance(code, _InlineCode):
        return "Code.from_inline"
    if not isinstance(code, _AssetCode):
        return None
    path = Path(code._path)
    written = Path(path.name) if path.is_absolute() else path
    return (written.parent if is_module and _is_imported_by_name(path) else written).as_posix()


class _AssetCode(Code):
    def __init__(self, path: str | Path) -> None:
        self._path = path

    def __repr__(self) -> str:
        return f"Code.from_asset({shown(str(self._path) if isinstance(self._path, Path) else self._path)})"

    def bind(self, scope: Construct, construct_id: str, reader: iam.IGrantable) -> str:
        if not isinstance(self._path, str | Path):
            raise UnusableCode(scope, self, "a path is expected", "use a string or a pathlib.Path")
        if is_token(str(self._path)) or "://" in str(self._path):
            raise UnusableCode(scope, self, "it is no file on this machine", f"use Code.from_uri({shown(self._path)})")
        path = Path(self._path)
        if _is(path.is_dir):
            raise UnusableCode(scope, self, "it is a folder", "use a file, such as a zip of the folder")
        if not _is(path.is_file):
            is_text = any(map(str.isspace, str(self._path)))
            remedy = "correct the path, or use Code.from_inline(…) for a text" if is_text else "correct the path"
            raise UnusableCode(scope, self, f"there is no such file in {Path.cwd()}", remedy)
        if path.name.lower().endswith(".tar.gz"):
            # The CDK keeps the last suffix of the name, and Spark unpacks .tar.gz and .tgz, but copies .gz as it is:
            # https://github.com/apache/spark/blob/v3.5.9/core/src/main/scala/org/apache/spark/util/Utils.scala
            with TemporaryDirectory() as folder:
                copy = Path(shutil.copyfile(path, Path(folder, "archive.tgz")))
                return _upload(scope, construct_id, copy, reader)
        return _upload(scope, construct_id, path, reader)

    def bind_module(self, scope: Construct, construct_id: str, reader: iam.IGrantable) -> str:
        path = Path(self._path).resolve() if isinstance(self._path, str | Path) else Path()
        if _is_imported_by_name(path):
            with TemporaryDirectory() as folder:
                if path.is_file():
                    shutil.copyfile(path, Path(folder, path.name))
                else:
                    shutil.copytree(path, Path(folder, path.name), ignore=shutil.ignore_patterns("__pycache__"))
                return _upload(scope, construct_id, Path(folder), reader)
        if path.is_file() and path.suffix == ".whl":
            if not path.stem.endswith("-none-any"):
                problem = "the wheel has compiled code, which Python imports from no archive"
                remedy = "unpack it into a zip, and use archives and PYTHONPATH in environment"
                raise UnusableCode(scope, self, problem, remedy)
            with TemporaryDirectory() as folder:
                # Spark puts .zip, .egg and .jar on the Python path of executors, and a wheel is a zip:
                # https://github.com/apache/spark/pull/29806
                return _upload(
                    scope, construct_id, Path(shutil.copyfile(path, Path(folder, f"{path.stem}.zip"))), reader
                )
        if isinstance(self._path, str | Path) and path.is_dir():
            return _upload(scope, construct_id, path, reader)
        return self.bind(scope, construct_id, reader)


class _LocalFile(_AssetCode):
    """A local file that was given without `Code.from_asset`."""

    def __repr__(self) -> str:
        return shown(self._path)


class _InlineCode(Code):
    def __init__(self, text: str, suffix: str) -> None:
        self._text = text
        self._suffix = suffix

    def __repr__(self) -> str:
        return f"Code.from_inline({shown(self._text)})"

    def bind(self, scope: Construct, construct_id: str, reader: iam.IGrantable) -> str:
        if not isinstance(self._text, str) or not self._text.strip():
            raise UnusableCode(scope, self, "it is no text", "use a string with the query or the code")
        if is_token(self._text):
            remedy = "give it to the job as an argument, or in hive_conf or hive_variables"
            raise UnusableCode(scope, self, "what is known at deployment only can't be uploaded", remedy)
        if not isinstance(self._suffix, str) or not _SUFFIX.fullmatch(self._suffix):
            raise UnusableCode(
                scope, self, f"{shown(self._suffix)} is no end of a file's name", "use one such as '.sql'"
            )
        with TemporaryDirectory() as folder:
            path = Path(folder, f"inline{self._suffix}")
            path.write_text(self._text, encoding="utf-8")
            return _upload(scope, construct_id, path, reader)


class _BucketCode(Code):
    def __init__(self, bucket: s3.IBucket, key: str) -> None:
        self._bucket = bucket
        self._key = key
        self.bucket = bucket if is_instance(bucket, s3.IBucket) else None

    def __repr__(self) -> str:
        return f"Code.from_bucket({shown(self._bucket)}, {shown(self._key)})"

    def bind(self, scope: Construct, construct_id: str, reader: iam.IGrantable) -> str:
        del construct_id
        if not is_instance(self._bucket, s3.IBucket):
            raise UnusableCode(scope, self, "an IBucket is expected", "use a Bucket, or import one with Bucket.from_…")
        if not isinstance(self._key, str) or not self._key.strip() or self._key.startswith("/"):
            raise UnusableCode(scope, self, "it is no key of an object", "use one such as 'code/etl.py'")
        allow_reading(self._bucket, self._key, reader)
        return self._bucket.s3_url_for_object(self._key)


class _UriCode(Code):
    def __init__(self, uri: str) -> None:
        self._uri = uri

    def __repr__(self) -> str:
        return f"Code.from_uri({shown(self._uri)})"

    def bind(self, scope: Construct, construct_id: str, reader: iam.IGrantable) -> str:
        del construct_id, reader
        if not isinstance(self._uri, str) or not self._uri.strip():
            raise UnusableCode(scope, self, "it is no URI", "use one such as 's3://bucket/key'")
        if not is_token(self._uri) and _RELATIVE_PATH.fullmatch(self._uri):
            remedy = "use Code.from_asset for a file on this machine, or a URI such as 's3://bucket/key'"
            raise UnusableCode(scope, self, "it is a path", remedy)
        return self._uri


class _NamedCode(Code):
    def __init__(self, code: Code, name: str) -> None:
        self._code = code
        self._name = name
        self.bucket = code.bucket

    def __repr__(self) -> str:
        return f"{self._code!r}.named({shown(self._name)})"

    def bind(self, scope: Construct, construct_id: str, reader: iam.IGrantable) -> str:
        if not isinstance(self._name, str) or not self._name.strip() or set(self._name) & set("/#,"):
            raise UnusableCode(scope, self, "it is no name of a file", "use a name without '/', '#' and ','")
        uri = self._code.bind(scope, construct_id, reader)
        if "#" in uri:
            raise UnusableCode(scope, self, f"the file has the name {uri.rpartition('#')[2]!r} already", "name it once")
        return f"{uri}#{self._name}"


def _is_imported_by_name(path: Path) -> bool:
    """Whether it is a module or a package, which is uploaded in a zip that has it under its name."""
    return (path.suffix == ".py" and path.is_file()) or (path / "__init__.py").is_file()


def _is(question: Callable[[], bool]) -> bool:
    """The answer of the file system, which refuses to look at what is too long for a path."""
    try:
        return question()
    except OSError:
        return False


def _upload(scope: Construct, construct_id: str, path: Path, reader: iam.IGrantable) -> str:
    """The URI of a file, or of a zip of a folder's content, that `cdk deploy` uploads."""
    # Absolute, as the CDK runs in another process, which stays in the folder that it was started in.
    asset = s3_assets.Asset(scope, construct_id, path=str(path.resolve()), exclude=["__pycache__"])
    allow_reading(asset.bucket, asset.s3_object_key, reader)
    return asset.s3_object_url
