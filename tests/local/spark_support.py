"""A local AWS with IAM enforced for the tests of Spark, drivers, and a client of the WebHDFS protocol."""

import json
import posixpath
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlencode, urlsplit

import boto3

from emrs_local import LocalAws
from emrs_local.driver import DriverRequest
from emrs_local.endpoint import Credentials, Endpoint
from emrs_local.spark.driver import SparkDriver
from emrs_local.spark.metastores import Metastores
from emrs_local.spark.s3_file_system import Mount, S3FileSystem
from tests.local.emr_serverless_support import wait_until
from tests.short_jobs import JAVA_OPTIONS

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

REGION: Final = "eu-west-1"
ADMINISTRATOR = Credentials(access_key_id="test", secret_access_key="test")  # noqa: S106 - ministack's own


@dataclass(frozen=True, kw_only=True)
class Aws:
    """A running local AWS."""

    endpoint_url: str
    ca_bundle: str

    @property
    def endpoint(self) -> Endpoint:
        """Where it answers."""
        return Endpoint(url=self.endpoint_url, authority=Path(self.ca_bundle), ca_bundle=Path(self.ca_bundle))

    def client(self, service: Any, *, region: str = REGION) -> Any:
        """An administrator's client."""
        return boto3.client(
            service,
            endpoint_url=self.endpoint_url,
            region_name=region,
            verify=self.ca_bundle,
            aws_access_key_id=ADMINISTRATOR.access_key_id,
            aws_secret_access_key=ADMINISTRATOR.secret_access_key,
        )

    def role_credentials(self, *statements: Mapping[str, Any]) -> Credentials:
        """The credentials of a new role that is allowed what these statements say."""
        name = f"role-{uuid.uuid4().hex}"
        with closing(self.client("iam")) as iam, closing(self.client("sts")) as sts:
            trust = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
            role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=_policy(trust))["Role"]
            if statements:
                iam.put_role_policy(RoleName=name, PolicyName="job", PolicyDocument=_policy(*statements))
            assumed = sts.assume_role(RoleArn=role["Arn"], RoleSessionName="job-run")["Credentials"]
        return Credentials(
            access_key_id=assumed["AccessKeyId"],
            secret_access_key=assumed["SecretAccessKey"],
            session_token=assumed["SessionToken"],
        )


@dataclass(frozen=True, kw_only=True)
class TestBucket:
    """A bucket, seen by an administrator."""

    __test__ = False

    name: str
    s3: "S3Client"

    def put(self, key: str, content: str = "content") -> str:
        """Write an object and return its address."""
        self.s3.put_object(Bucket=self.name, Key=key, Body=content.encode())
        return f"s3://{self.name}/{key}"

    def upload(self, file: Path) -> str:
        """Write an object that is named as a local file, and return its address."""
        self.s3.upload_file(str(file), self.name, f"uploaded/{file.name}")
        return f"s3://{self.name}/uploaded/{file.name}"

    def get(self, key: str) -> str:
        """The content of an object."""
        with closing(self.s3.get_object(Bucket=self.name, Key=key)["Body"]) as body:
            return body.read().decode()

    def keys(self) -> list[str]:
        """The keys of all objects."""
        return [entry["Key"] for entry in self.s3.list_objects_v2(Bucket=self.name).get("Contents", [])]


@contextmanager
def running_aws() -> Iterator[Aws]:
    """Run a local AWS until the context ends."""
    with LocalAws(region=REGION) as local_aws:
        yield Aws(endpoint_url=local_aws.url, ca_bundle=local_aws.environment["AWS_CA_BUNDLE"])


def new_bucket(s3: "S3Client") -> TestBucket:
    """An empty bucket."""
    name = f"bucket-{uuid.uuid4().hex}"
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    return TestBucket(name=name, s3=s3)


def allow(actions: str | Sequence[str], resources: str | Sequence[str]) -> dict[str, Any]:
    """A policy statement."""
    return {"Effect": "Allow", "Action": actions, "Resource": resources}


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a WebHDFS server answers."""

    status: int
    location: str | None
    body: bytes

    @property
    def json(self) -> Any:
        """The body, as JSON."""
        return json.loads(self.body)

    @property
    def exception(self) -> tuple[str, str]:
        """The Java class and the message of the exception that Hadoop would raise."""
        exception = self.json["RemoteException"]
        return exception["javaClassName"].rpartition(".")[2], exception["message"]


class WebHdfs:
    """A client of the WebHDFS protocol, on one bucket."""

    def __init__(self, mount: Mount, bucket: str) -> None:
        properties = mount.hadoop_properties([bucket])
        self._root = urlsplit(properties[f"fs.viewfs.mounttable.{bucket}.linkFallback"])

    def send(self, method: str, path: str, operation: str, *, body: Any = None, **parameters: object) -> Answer:
        """Send one request; `path` is relative to the bucket. A body that is an iterator is sent in chunks."""
        query = urlencode({"op": operation, **parameters})
        full = f"{self._root.path}/{path}"
        # As Hadoop does, which knows directories that are above a bucket, before the client is asked.
        full = posixpath.normpath(full) if ".." in path.split("/") else full
        return self._exchange(method, f"/webhdfs/v1{quote(full)}?{query}", body)

    def get(self, path: str, operation: str, **parameters: object) -> Answer:
        """Ask something."""
        return self.send("GET", path, operation, **parameters)

    def put(self, path: str, operation: str, **parameters: object) -> Answer:
        """Change something."""
        return self.send("PUT", path, operation, **parameters)

    def status(self, path: str) -> Any:
        """The status of a file or directory that exists."""
        return self.get(path, "GETFILESTATUS").json["FileStatus"]

    def names(self, path: str) -> list[str]:
        """The names in a directory; those of directories end in a slash."""
        statuses = self.get(path, "LISTSTATUS").json["FileStatuses"]["FileStatus"]
        return [entry["pathSuffix"] + "/" * (entry["type"] == "DIRECTORY") for entry in statuses]

    def read(self, path: str, **parameters: object) -> Answer:
        """Open a file as Hadoop does: by following a redirection."""
        return self._follow("GET", self.get(path, "OPEN", **parameters), None)

    def create(self, path: str, body: Any = b"content", *, overwrite: bool = True) -> Answer:
        """Write a file as Hadoop does: by following a redirection."""
        return self._follow("PUT", self.put(path, "CREATE", overwrite=str(overwrite).lower()), body)

    def rename(self, source: str, destination: str, **parameters: object) -> Answer:
        """Rename a file or directory."""
        return self.put(source, "RENAME", destination=f"{self._root.path}/{destination}", **parameters)

    def delete(self, path: str, *, recursive: bool = False) -> Answer:
        """Delete a file or directory."""
        return self.send("DELETE", path, "DELETE", recursive=str(recursive).lower())

    def _follow(self, method: str, answer: Answer, body: Any) -> Answer:
        if answer.location is None:
            return answer
        target = urlsplit(answer.location)
        return self._exchange(method, f"{target.path}?{target.query}", body)

    def _exchange(self, method: str, target: str, body: Any) -> Answer:
        with closing(HTTPConnection(self._root.netloc, timeout=300)) as connection:
            connection.request(method, target, body)
            response = connection.getresponse()
            return Answer(status=response.status, location=response.getheader("Location"), body=response.read())


def driver_without_s3(entry_point: str, directory: Path, **spark_submit: Any) -> SparkDriver:
    """A driver for which no S3 is there."""
    nowhere = Endpoint(url="http://127.0.0.1:1", authority=directory, ca_bundle=directory)
    file_system = S3FileSystem(endpoint=nowhere, region=REGION)
    file_system.start()
    request = DriverRequest(
        job_driver={"sparkSubmit": {"entryPoint": entry_point, **spark_submit}},
        application_configuration=[],
        job_run_name="a test",
        work_directory=directory / "run",
        event_logs=directory / "event-logs",
        credentials=ADMINISTRATOR,
        environment={},
        buckets=[],
    )
    mount = file_system.mount(ADMINISTRATOR)
    file_system.stop()
    metastores = Metastores(endpoint=nowhere, region=REGION)
    return SparkDriver(
        request, mount=mount, groups=directory / "groups", metastores=metastores, java_options=JAVA_OPTIONS
    )


def exit_code_of(driver: SparkDriver) -> int:
    """The exit code of a driver, once it has ended."""
    wait_until(lambda: driver.poll() is not None)
    code = driver.poll()
    assert code is not None
    return code


def recorded_group(groups: Path) -> int:
    """The process group of the only driver that has one recorded."""
    (group,) = groups.iterdir()
    return int(group.name)


def _policy(*statements: Mapping[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})
