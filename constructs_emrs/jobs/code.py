"""Where a job's files come from: entry points, jars, Python files, archives, queries."""

from abc import ABC, abstractmethod
from pathlib import Path

from aws_cdk import aws_s3 as s3

from ..validation.argument_names import explained
from ..validation.method_names import NamesMethods
from ..validation.problems import shown
from ..validation.type_hints import is_instance


@explained
class Code(ABC, metaclass=NamesMethods):
    """A file that a job run reads when it starts.

    Made by `Code.from_asset`, `Code.from_inline`, `Code.from_bucket` or `Code.from_uri`. A mistake in their
    arguments, such as a file that is not there, is reported by the job that uses the code.
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
        return AssetCode(path)

    @staticmethod
    def from_inline(text: str, *, suffix: str = ".sql") -> "Code":
        """A text that is part of the app, uploaded by `cdk deploy` as a file; the execution role may read it.

        Args:
            text: What is in the file, such as a Hive query.
            suffix: How the file's name ends: `.py` for an entry point of a Spark job. Default: `.sql`.
        """
        return InlineCode(text, suffix)

    @staticmethod
    def from_bucket(bucket: s3.IBucket, key: str) -> "Code":
        """An object in a bucket; the execution role may read it.

        A changed object does not change the job: when a `BucketDeployment` uploads it, give the `JobRun` a trigger,
        such as `triggers={"scripts": FileSystem.fingerprint("jobs")}`, or `run_when=RunWhen.EVERY_DEPLOY`.

        Args:
            bucket: The bucket, created in this app or imported.
            key: The object's key.
        """
        return BucketCode(bucket, key)

    @staticmethod
    def from_uri(uri: str) -> "Code":
        """A URI used as it is, such as `local:///usr/lib/spark/examples/src/main/python/pi.py`.

        No permissions are granted: grant what the URI needs to the job yourself.
        """
        return UriCode(uri)

    def named(self, name: str) -> "Code":
        """The same file under another name in the working folder, such as an archive unpacked as `environment`.

        For `files` and `archives`. Of a file of `Code.from_bucket` or `Code.from_uri` it is the name for the driver:
        executors have it under that of its key, as Spark on Kubernetes gives names to archives, and to files of the
        driver.

        Args:
            name: The name, without slashes, commas, `#` and `%`.
        """
        return NamedCode(self, name)

    @abstractmethod
    def __repr__(self) -> str:
        """How the code is written."""


class AssetCode(Code):
    """A file on this machine."""

    def __init__(self, path: str | Path) -> None:
        self.path = path

    def __repr__(self) -> str:
        return f"Code.from_asset({shown(str(self.path) if isinstance(self.path, Path) else self.path)})"


class LocalFile(AssetCode):
    """A file on this machine that was given without `Code.from_asset`."""

    def __repr__(self) -> str:
        return shown(self.path)


class InlineCode(Code):
    """A text that becomes a file."""

    def __init__(self, text: str, suffix: str) -> None:
        self.text = text
        self.suffix = suffix

    def __repr__(self) -> str:
        return f"Code.from_inline({shown(self.text)})"


class BucketCode(Code):
    """An object in a bucket."""

    def __init__(self, bucket: s3.IBucket, key: str) -> None:
        self.given_bucket = bucket
        self.key = key
        self.bucket = bucket if is_instance(bucket, s3.IBucket) else None

    def __repr__(self) -> str:
        return f"Code.from_bucket({shown(self.given_bucket)}, {shown(self.key)})"


class UriCode(Code):
    """A URI that is used as it is."""

    def __init__(self, uri: str) -> None:
        self.uri = uri

    def __repr__(self) -> str:
        return f"Code.from_uri({shown(self.uri)})"


class NamedCode(Code):
    """A file under another name."""

    def __init__(self, code: Code, name: str) -> None:
        self.code = code
        self.name = name
        self.bucket = code.bucket

    def __repr__(self) -> str:
        return f"{self.code!r}.named({shown(self.name)})"
