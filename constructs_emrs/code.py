"""Where a job's files come from: entry points, jars, Python files, archives, queries."""

from abc import ABC, abstractmethod
from pathlib import Path

from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_s3_assets as s3_assets
from constructs import Construct


class Code(ABC):
    """A file that a job run reads when it starts.

    Made by `Code.from_asset`, `Code.from_bucket` or `Code.from_uri`.
    """

    @staticmethod
    def from_asset(path: str | Path) -> "Code":
        """A file on this machine, uploaded by `cdk deploy`; the execution role may read it.

        A changed file changes the job, so that the next deploy runs it again.

        Args:
            path: The file's path, absolute or from the folder that the app is run in.

        Raises:
            ValueError: There is no such file.
        """
        return _AssetCode(Path(path))

    @staticmethod
    def from_bucket(bucket: s3.IBucket, key: str) -> "Code":
        """An object in a bucket; the execution role may read it.

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
            name: The name, without a slash.
        """
        return _NamedCode(self, name)

    @abstractmethod
    def bind(self, scope: Construct, construct_id: str, reader: iam.IGrantable) -> str:
        """The URI of the file, readable by `reader`. Called by the job that uses the code.

        Args:
            scope: The job.
            construct_id: The id of what has to be created in the job, if anything has.
            reader: Who reads the file.
        """


class _AssetCode(Code):
    def __init__(self, path: Path) -> None:
        self._path = path

    def bind(self, scope: Construct, construct_id: str, reader: iam.IGrantable) -> str:
        if not self._path.is_file():
            raise ValueError(
                f"{scope.node.path}: Code.from_asset({str(self._path)!r}): there is no such file in {Path.cwd()}"
            )
        # Absolute, as the CDK runs in another process, which stays in the folder that it was started in.
        asset = s3_assets.Asset(scope, construct_id, path=str(self._path.resolve()))
        asset.bucket.grant_read(reader, asset.s3_object_key)
        return asset.s3_object_url


class _BucketCode(Code):
    def __init__(self, bucket: s3.IBucket, key: str) -> None:
        self._bucket = bucket
        self._key = key

    def bind(self, scope: Construct, construct_id: str, reader: iam.IGrantable) -> str:
        del scope, construct_id
        self._bucket.grant_read(reader, self._key)
        return self._bucket.s3_url_for_object(self._key)


class _UriCode(Code):
    def __init__(self, uri: str) -> None:
        self._uri = uri

    def bind(self, scope: Construct, construct_id: str, reader: iam.IGrantable) -> str:
        del scope, construct_id, reader
        return self._uri


class _NamedCode(Code):
    def __init__(self, code: Code, name: str) -> None:
        self._code = code
        self._name = name

    def bind(self, scope: Construct, construct_id: str, reader: iam.IGrantable) -> str:
        return f"{self._code.bind(scope, construct_id, reader)}#{self._name}"
