import errno
import uuid
from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from emrs_local.endpoint import Credentials
from emrs_local.spark.bucket import Bucket
from emrs_local.spark.metastores import TableFiles
from emrs_local.spark.s3_file_system import Mount, S3FileSystem
from tests.local.spark_support import (
    ADMINISTRATOR,
    REGION,
    Aws,
    TestBucket,
    WebHdfs,
    allow,
    new_bucket,
    running_aws,
)

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client


@pytest.fixture(scope="module")
def aws() -> Iterator[Aws]:
    with running_aws() as aws:
        yield aws


@pytest.fixture(scope="module")
def s3(aws: Aws) -> Iterator["S3Client"]:
    with closing(aws.client("s3")) as client:
        yield client


@pytest.fixture(scope="module")
def file_system(aws: Aws) -> Iterator[S3FileSystem]:
    file_system = S3FileSystem(endpoint=aws.endpoint, region=REGION)
    file_system.start()
    yield file_system
    file_system.stop()


@pytest.fixture
def bucket(s3: "S3Client") -> TestBucket:
    return new_bucket(s3)


@pytest.fixture
def mount(file_system: S3FileSystem) -> Iterator[Mount]:
    mount = file_system.mount(ADMINISTRATOR)
    yield mount
    mount.unmount()


@pytest.fixture
def hdfs(mount: Mount, bucket: TestBucket) -> WebHdfs:
    return WebHdfs(mount, bucket.name)


@pytest.fixture
def role_hdfs(aws: Aws, file_system: S3FileSystem, bucket: TestBucket) -> Iterator["RoleView"]:
    view = RoleView(aws=aws, file_system=file_system, bucket=bucket)
    yield view
    view.close()


class RoleView:
    """Mounts the bucket with roles that are allowed little."""

    def __init__(self, *, aws: Aws, file_system: S3FileSystem, bucket: TestBucket) -> None:
        self._aws = aws
        self._file_system = file_system
        self._bucket = bucket
        self._mounts: list[Mount] = []

    def allowed(self, action: str, key: str) -> WebHdfs:
        arn = f"arn:aws:s3:::{self._bucket.name}"
        mount = self._file_system.mount(self._aws.role_credentials(allow(action, f"{arn}/{key}" if key else arn)))
        self._mounts.append(mount)
        return WebHdfs(mount, self._bucket.name)

    def close(self) -> None:
        for mount in self._mounts:
            mount.unmount()


def test_an_object_is_a_file(hdfs: WebHdfs, bucket: TestBucket) -> None:
    bucket.put("data/a.csv", "1,2,3")

    status = hdfs.status("data/a.csv")

    assert (status["type"], status["length"], status["pathSuffix"]) == ("FILE", 5, "")
    assert status["blockSize"] > 0
    modified = bucket.s3.head_object(Bucket=bucket.name, Key="data/a.csv")["LastModified"]
    assert status["modificationTime"] == modified.timestamp() * 1000


@pytest.mark.parametrize("path", ["", "data", "data/deep", "marker"])
def test_a_bucket_a_prefix_and_a_marker_are_directories(hdfs: WebHdfs, bucket: TestBucket, path: str) -> None:
    bucket.put("data/deep/a.csv")
    bucket.put("marker/", "")

    assert hdfs.status(path)["type"] == "DIRECTORY"


def test_the_beginning_of_a_name_is_not_a_directory(hdfs: WebHdfs, bucket: TestBucket) -> None:
    bucket.put("data-old/a.csv")

    answer = hdfs.get("data", "GETFILESTATUS")

    assert answer.status == 404
    java_class, message = answer.exception
    assert java_class == "FileNotFoundException"
    assert f"s3://{bucket.name}/data" in message


def test_a_directory_lists_what_is_directly_in_it(hdfs: WebHdfs, bucket: TestBucket) -> None:
    for key in ("a.csv", "data/", "data/a.csv", "data/b/1.csv", "data/b/2.csv", "data//nameless", "data-old/c.csv"):
        bucket.put(key)

    assert hdfs.names("") == ["a.csv", "data/", "data-old/"]
    assert hdfs.names("data") == ["a.csv", "b/"]
    assert hdfs.names("data/a.csv") == [""]  # a file lists itself
    assert hdfs.get("nothing", "LISTSTATUS").exception[0] == "FileNotFoundException"


def test_a_directory_lists_more_objects_than_a_page_of_s3_holds(hdfs: WebHdfs, bucket: TestBucket) -> None:
    keys = [f"many/{number:04}" for number in range(1001)]
    for key in keys:
        bucket.put(key, "")

    assert [f"many/{name}" for name in hdfs.names("many")] == keys
    assert hdfs.delete("many", recursive=True).json == {"boolean": True}
    assert bucket.keys() == []


def test_a_batched_listing_comes_in_one_batch(hdfs: WebHdfs, bucket: TestBucket) -> None:
    bucket.put("data/a.csv")

    listing = hdfs.get("data", "LISTSTATUS_BATCH").json["DirectoryListing"]

    assert listing["remainingEntries"] == 0
    assert [entry["pathSuffix"] for entry in listing["partialListing"]["FileStatuses"]["FileStatus"]] == ["a.csv"]


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({}, b"0123456789"),
        ({"offset": 0}, b"0123456789"),
        ({"offset": 4}, b"456789"),
        ({"length": 3}, b"012"),
        ({"offset": 4, "length": 3}, b"456"),
        ({"offset": 8, "length": 100}, b"89"),
    ],
)
@pytest.mark.parametrize("path", ["digits", "_temporary/digits"])
def test_a_file_is_read_from_an_offset_on(
    hdfs: WebHdfs, path: str, parameters: dict[str, int], expected: bytes
) -> None:
    hdfs.create(path, b"0123456789")

    assert hdfs.read(path, **parameters).body == expected


def test_an_empty_file_is_written_and_read(hdfs: WebHdfs, bucket: TestBucket) -> None:
    assert hdfs.create("empty", b"").status == 201

    assert bucket.get("empty") == ""
    assert hdfs.status("empty")["length"] == 0
    assert hdfs.read("empty").body == b""


def test_a_file_is_written_in_chunks_and_parts(hdfs: WebHdfs) -> None:
    chunks = [bytes([number]) * 100_000 for number in range(200)]  # more than one part of an upload holds

    assert hdfs.create("large", iter(chunks)).status == 201

    assert hdfs.read("large").body == b"".join(chunks)


def test_a_file_is_only_overwritten_if_asked(hdfs: WebHdfs, bucket: TestBucket) -> None:
    bucket.put("a", "first")

    answer = hdfs.create("a", b"second", overwrite=False)
    assert answer.exception == ("FileAlreadyExistsException", f"s3://{bucket.name}/a already exists as a file")
    assert bucket.get("a") == "first"

    assert hdfs.create("a", b"second", overwrite=True).status == 201
    assert bucket.get("a") == "second"


def test_a_file_whose_writer_leaves_is_not_written(hdfs: WebHdfs) -> None:
    def broken_content() -> Iterator[bytes]:
        yield b"first half"
        raise InterruptedError

    with pytest.raises(InterruptedError):
        hdfs.create("a", broken_content())

    assert hdfs.names("") == []


@pytest.mark.parametrize(
    "key",
    [
        "with space",
        "k=v/x",
        "50%",
        "a%20b",
        "a+b c",
        "grüße/日本.txt",
        "12:30.txt",
        "semi;colon",
        "what?",
        "#1",
        "[a]{b}*",
    ],
)
def test_any_key_that_hadoop_can_name_works(hdfs: WebHdfs, bucket: TestBucket, key: str) -> None:
    assert hdfs.create(f"in/{key}", key.encode()).status == 201
    assert hdfs.rename(f"in/{key}", f"out/{key}").json == {"boolean": True}

    assert bucket.keys() == [f"out/{key}"]
    assert hdfs.read(f"out/{key}").body.decode() == key
    directory = f"out/{key}".rpartition("/")[0]
    assert hdfs.names(directory)[0].removeprefix("./") == key.rpartition("/")[2]


def test_a_bucket_in_another_region_is_found(aws: Aws, mount: Mount) -> None:
    with closing(aws.client("s3", region="us-west-2")) as elsewhere:
        name = f"bucket-{uuid.uuid4().hex}"
        elsewhere.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
        bucket = TestBucket(name=name, s3=elsewhere)
        bucket.put("a/b")
        hdfs = WebHdfs(mount, name)
        assert hdfs.names("a") == ["b"]
        assert hdfs.status("a/b")["length"] == len("content")
        assert hdfs.create("c", b"new").status == 201
        assert bucket.get("c") == "new"


def test_of_a_large_file_that_is_not_written_no_parts_stay(
    hdfs: WebHdfs, bucket: TestBucket, s3: "S3Client", monkeypatch: pytest.MonkeyPatch
) -> None:
    put_part = Bucket._put_part

    def put_first_part(self: Bucket, key: str, upload: str, number: int, part: bytes) -> str:
        if number > 1:
            raise OSError(errno.EIO, "the second part")
        return put_part(self, key, upload, number, part)

    monkeypatch.setattr(Bucket, "_put_part", put_first_part)
    assert hdfs.create("large", iter([bytes(1024 * 1024)] * 9)).exception == ("IOException", "the second part")
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket.name)
    assert bucket.keys() == []


def test_making_a_directory_writes_nothing(hdfs: WebHdfs, bucket: TestBucket) -> None:
    assert hdfs.put("a/b/c", "MKDIRS").json == {"boolean": True}

    assert hdfs.status("a/b/c")["type"] == "DIRECTORY"
    assert hdfs.names("a") == ["b/"]
    assert hdfs.names("a/b/c") == []
    assert bucket.keys() == []


def test_a_file_is_renamed(hdfs: WebHdfs, bucket: TestBucket) -> None:
    bucket.put("a", "content of a")

    assert hdfs.rename("a", "dir/b").json == {"boolean": True}

    assert bucket.keys() == ["dir/b"]
    assert bucket.get("dir/b") == "content of a"


def test_a_directory_is_renamed_with_all_below_it(hdfs: WebHdfs, bucket: TestBucket) -> None:
    for key in ("a/1", "a/b/2", "ab/3"):
        bucket.put(key, key)

    assert hdfs.rename("a", "c").json == {"boolean": True}

    assert bucket.keys() == ["ab/3", "c/1", "c/b/2"]
    assert bucket.get("c/b/2") == "a/b/2"


def test_what_is_renamed_to_a_directory_moves_into_it(hdfs: WebHdfs, bucket: TestBucket) -> None:
    bucket.put("a")
    bucket.put("dir/1")

    assert hdfs.rename("a", "dir").json == {"boolean": True}

    assert bucket.keys() == ["dir/1", "dir/a"]
    assert hdfs.rename("dir/1", "").json == {"boolean": True}
    assert bucket.keys() == ["1", "dir/a"]


@pytest.mark.parametrize(
    ("source", "destination"),
    [("missing", "x"), ("a", "b"), ("dir", "dir/below"), ("a", "taken"), ("dir", "dir"), ("", "x")],
)
def test_a_rename_that_hdfs_would_not_do_is_not_done(
    hdfs: WebHdfs, bucket: TestBucket, source: str, destination: str
) -> None:
    for key in ("a", "b", "dir/1", "taken/a"):
        bucket.put(key)

    assert hdfs.rename(source, destination).json == {"boolean": False}
    assert bucket.keys() == ["a", "b", "dir/1", "taken/a"]


def test_a_rename_replaces_a_file_only_with_the_option_to(hdfs: WebHdfs, bucket: TestBucket) -> None:
    bucket.put("a", "new")
    bucket.put("b", "old")

    assert hdfs.rename("a", "b", renameoptions="NONE").exception[0] == "FileAlreadyExistsException"
    assert bucket.get("b") == "old"
    assert hdfs.rename("a", "b", renameoptions="OVERWRITE").status == 200
    assert (bucket.keys(), bucket.get("b")) == (["b"], "new")
    assert hdfs.rename("a", "b", renameoptions="OVERWRITE").exception[0] == "FileNotFoundException"
    assert hdfs.rename("b", "b", renameoptions="OVERWRITE").exception[0] == "FileAlreadyExistsException"
    assert bucket.keys() == ["b"]


def test_nothing_is_renamed_into_another_bucket(hdfs: WebHdfs, bucket: TestBucket) -> None:
    bucket.put("a")

    answer = hdfs.put("a", "RENAME", destination="/other/place")

    assert answer.exception[0] == "IOException"
    assert bucket.keys() == ["a"]


def test_a_file_is_deleted(hdfs: WebHdfs, bucket: TestBucket) -> None:
    bucket.put("a")

    assert hdfs.delete("a").json == {"boolean": True}
    assert hdfs.delete("a").json == {"boolean": False}
    assert bucket.keys() == []


def test_a_directory_is_deleted_with_its_content_only_recursively(hdfs: WebHdfs, bucket: TestBucket) -> None:
    for key in ("a/", "a/1", "a/b/2", "ab"):
        bucket.put(key)

    assert hdfs.delete("a").exception == ("IOException", f"s3://{bucket.name}/a is not empty")
    assert hdfs.delete("a", recursive=True).json == {"boolean": True}
    assert bucket.keys() == ["ab"]


def test_a_marker_alone_is_an_empty_directory(hdfs: WebHdfs, bucket: TestBucket) -> None:
    bucket.put("a/", "")

    assert hdfs.names("a") == []
    assert hdfs.delete("a").json == {"boolean": True}
    assert bucket.keys() == []


def test_a_bucket_is_never_emptied(hdfs: WebHdfs, bucket: TestBucket) -> None:
    bucket.put("a")

    assert hdfs.delete("", recursive=True).json == {"boolean": False}
    assert bucket.keys() == ["a"]


def test_a_summary_counts_files_directories_and_bytes(hdfs: WebHdfs, bucket: TestBucket) -> None:
    for key in ("a/1", "a/b/2", "a/b/c/3", "other"):
        bucket.put(key, "12345")

    summary = hdfs.get("a", "GETCONTENTSUMMARY").json["ContentSummary"]
    assert (summary["directoryCount"], summary["fileCount"], summary["length"]) == (3, 3, 15)
    summary = hdfs.get("a/1", "GETCONTENTSUMMARY").json["ContentSummary"]
    assert (summary["directoryCount"], summary["fileCount"], summary["length"]) == (0, 1, 5)


@pytest.mark.parametrize("operation", ["SETPERMISSION", "SETTIMES", "SETOWNER"])
def test_permissions_times_and_owners_are_accepted(hdfs: WebHdfs, bucket: TestBucket, operation: str) -> None:
    bucket.put("a")

    assert hdfs.put("a", operation).status == 200
    assert hdfs.put("a", "SETREPLICATION").json == {"boolean": True}


def test_access_is_checked_by_looking(hdfs: WebHdfs, bucket: TestBucket) -> None:
    bucket.put("a")

    assert hdfs.get("a", "CHECKACCESS").status == 200
    assert hdfs.get("b", "CHECKACCESS").status == 404


def test_a_file_is_a_single_block(hdfs: WebHdfs) -> None:
    blocks = hdfs.get("a", "GET_BLOCK_LOCATIONS", offset=0, length=7).json["LocatedBlocks"]

    assert [block["block"]["numBytes"] for block in blocks["locatedBlocks"]] == [7]


def test_the_server_tells_its_defaults(hdfs: WebHdfs) -> None:
    assert hdfs.get("", "GETSERVERDEFAULTS").json["FsServerDefaults"]["blockSize"] > 0
    assert hdfs.get("", "GETHOMEDIRECTORY").json == {"Path": "/user/hadoop"}


def test_what_s3_cannot_do_is_said_to_be_unsupported(hdfs: WebHdfs, bucket: TestBucket) -> None:
    bucket.put("a")

    assert hdfs.send("POST", "a", "APPEND").exception[0] == "UnsupportedOperationException"
    assert hdfs.get("a", "OPEN", step="content", offset="x").exception[0] == "IllegalArgumentException"


def test_uncommitted_output_is_not_in_s3(hdfs: WebHdfs, bucket: TestBucket) -> None:
    hdfs.put("out/_temporary/0", "MKDIRS")
    hdfs.create("out/_temporary/0/attempt/year=1/part-0", b"rows", overwrite=False)

    assert bucket.keys() == []
    assert hdfs.status("out/_temporary/0/attempt/year=1/part-0")["length"] == 4
    assert hdfs.names("out") == ["_temporary/"]
    assert hdfs.names("out/_temporary/0/attempt") == ["year=1/"]
    assert hdfs.create("out/_temporary/0/attempt/year=1/part-0", overwrite=False).status == 403
    assert hdfs.get("out/_temporary/1", "LISTSTATUS").status == 404


@pytest.mark.parametrize("scratch", ["out/_temporary/0", "out/.spark-staging-1"])
def test_output_is_in_s3_once_it_is_committed(hdfs: WebHdfs, bucket: TestBucket, scratch: str) -> None:
    hdfs.create(f"{scratch}/attempt/year=1/part-0", b"rows")

    assert hdfs.rename(f"{scratch}/attempt", f"{scratch}/task").json == {"boolean": True}
    assert bucket.keys() == []
    assert hdfs.rename(f"{scratch}/task/year=1", "out/year=1").json == {"boolean": True}
    assert hdfs.delete(scratch, recursive=True).json == {"boolean": True}

    assert bucket.keys() == ["out/year=1/part-0"]
    assert bucket.get("out/year=1/part-0") == "rows"
    assert hdfs.get(scratch, "GETFILESTATUS").status == 404


def test_a_role_that_may_only_get_an_object_can_read_it(role_hdfs: RoleView, bucket: TestBucket) -> None:
    bucket.put("data/a", "readable")
    hdfs = role_hdfs.allowed("s3:GetObject", "data/a")

    assert hdfs.status("data/a")["length"] == 8
    assert hdfs.names("data/a") == [""]
    assert hdfs.read("data/a").body == b"readable"


def test_a_role_that_may_only_put_objects_can_write_them(role_hdfs: RoleView, bucket: TestBucket) -> None:
    hdfs = role_hdfs.allowed("s3:PutObject", "out/*")

    assert hdfs.create("out/direct").status == 201
    assert bucket.keys() == ["out/direct"]


@pytest.mark.parametrize(("operation", "action"), [("GETFILESTATUS", "s3:GetObject"), ("LISTSTATUS", "s3:ListBucket")])
def test_a_denied_look_says_what_s3_says(role_hdfs: RoleView, bucket: TestBucket, operation: str, action: str) -> None:
    bucket.put("secret/a")
    hdfs = role_hdfs.allowed("s3:GetObject", "public/*")

    answer = hdfs.get("secret/a", operation)

    assert answer.status == 403
    java_class, message = answer.exception
    assert java_class == "AccessControlException"
    assert f"s3://{bucket.name}/secret/a" in message
    assert "AccessDenied" in message
    assert f"not authorized to perform: {action}" in message


def test_a_denied_read_write_and_delete_say_what_s3_says(role_hdfs: RoleView, bucket: TestBucket) -> None:
    bucket.put("secret/a")
    hdfs = role_hdfs.allowed("s3:GetObject", "public/*")
    reader = role_hdfs.allowed("s3:GetObject", "secret/*")

    for answer, action in [
        (hdfs.read("secret/a"), "s3:GetObject"),
        (hdfs.create("secret/b", iter([b"x" * 100_000] * 100)), "s3:PutObject"),
        (reader.delete("secret/a"), "s3:DeleteObject"),
        (reader.rename("secret/a", "secret/b"), "s3:"),
    ]:
        assert answer.status == 403
        java_class, message = answer.exception
        assert java_class == "AccessControlException"
        assert f"s3://{bucket.name}/secret/" in message
        assert f"not authorized to perform: {action}" in message
    assert bucket.keys() == ["secret/a"]


def test_a_batch_of_deletions_is_denied_as_a_whole(role_hdfs: RoleView, bucket: TestBucket) -> None:
    bucket.put("a/1")
    bucket.put("a/2")
    hdfs = role_hdfs.allowed("s3:ListBucket", "")

    assert hdfs.delete("a", recursive=True).exception[0] == "AccessControlException"
    assert bucket.keys() == ["a/1", "a/2"]


@pytest.mark.parametrize("operation", ["LISTSTATUS", "GETFILESTATUS"])
def test_a_missing_bucket_is_more_than_a_missing_file(mount: Mount, operation: str) -> None:
    hdfs = WebHdfs(mount, "no-such-bucket")

    java_class, message = hdfs.get("a", operation).exception

    assert java_class == "IOException"
    assert message.startswith("s3://no-such-bucket/a/: An error occurred (NoSuchBucket)")


@pytest.mark.parametrize("path", ["../OTHER/a", "../../a", "../../../webhdfs/v1/x/y", "../nothing"])
def test_a_path_that_leaves_its_bucket_is_said_to(mount: Mount, bucket: TestBucket, path: str) -> None:
    other = WebHdfs(mount, bucket.name)
    bucket.put("a")

    answer = WebHdfs(mount, "no-such-bucket").get(path.replace("OTHER", bucket.name), "GETFILESTATUS")

    assert answer.exception == (
        "IllegalArgumentException",
        "the path leaves its bucket with '..': S3 has nothing above a bucket",
    )
    assert other.names("") == ["a"]


def test_credentials_that_s3_does_not_know_are_denied(file_system: S3FileSystem, bucket: TestBucket) -> None:
    mount = file_system.mount(Credentials(access_key_id="AKIAUNKNOWN", secret_access_key="x"))  # noqa: S106 - made up

    assert WebHdfs(mount, bucket.name).get("a", "LISTSTATUS").exception[0] == "AccessControlException"
    mount.unmount()


def test_only_the_token_of_a_mount_gives_access(file_system: S3FileSystem, mount: Mount, bucket: TestBucket) -> None:
    bucket.put("a")
    other = file_system.mount(ADMINISTRATOR)
    view = WebHdfs(other, bucket.name)
    assert view.status("a")["type"] == "FILE"

    other.unmount()

    for answer in (view.get("a", "GETFILESTATUS"), view.read("a"), view.create("b"), view.delete("a")):
        assert answer.status == 403
        assert answer.exception == ("AccessControlException", "no job run has mounted this file system")
    assert WebHdfs(mount, bucket.name).names("") == ["a"]


def test_what_a_mount_did_not_commit_is_gone_with_it(file_system: S3FileSystem, bucket: TestBucket) -> None:
    first = file_system.mount(ADMINISTRATOR)
    WebHdfs(first, bucket.name).create("_temporary/a")
    first.unmount()

    second = file_system.mount(ADMINISTRATOR)
    assert WebHdfs(second, bucket.name).get("_temporary/a", "GETFILESTATUS").status == 404
    second.unmount()


def test_the_properties_name_each_bucket_and_no_credentials(mount: Mount) -> None:
    properties = mount.hadoop_properties(["one", "two"])

    assert {f"fs.viewfs.mounttable.{bucket}.linkFallback" for bucket in ("one", "two")} < properties.keys()
    assert {"fs.s3.impl", "fs.s3a.impl", "fs.s3n.impl"} < properties.keys()
    assert ADMINISTRATOR.secret_access_key not in properties.values()


def test_the_secret_parts_of_credentials_are_not_printed() -> None:
    credentials = Credentials(access_key_id="AKIA", secret_access_key="private", session_token="token")  # noqa: S106 - made up

    assert repr(credentials) == "Credentials(access_key_id='AKIA')"


def test_nothing_is_mounted_before_the_start(aws: Aws) -> None:
    file_system = S3FileSystem(endpoint=aws.endpoint, region=REGION)

    with pytest.raises(RuntimeError, match="not started"):
        file_system.mount(ADMINISTRATOR)
    file_system.stop()


@pytest.mark.parametrize("others", [0, 20], ids=["one", "many"])
def test_directories_of_tables_are_there_for_other_runs_too(mount: Mount, bucket: TestBucket, others: int) -> None:
    bucket.put("lake/t/day=1/a.parquet")
    mount.tree(bucket.name).make_directory("lake/t/day=2")  # which this run alone sees
    days = [f"day={number}" for number in range(1, 3 + others)]
    files, place = TableFiles(mount), f"s3://{bucket.name}/lake"
    files.make_directories([f"{place}/t/{day}" for day in days])
    files.make_directories([f"{place}/new", "file:///elsewhere", ""])
    marks = [f"lake/t/{day}/" for day in days[1:]]
    assert sorted(bucket.keys()) == sorted(["lake/new/", "lake/t/day=1/a.parquet", *marks])


def test_files_of_tables_are_moved_and_deleted_with_all_that_is_below(mount: Mount, bucket: TestBucket) -> None:
    for key in ("lake/t/day=1/a.parquet", "lake/t/day=2/b.parquet", "lake/other.parquet"):
        bucket.put(key)
    files, place = TableFiles(mount), f"s3://{bucket.name}/lake"
    with pytest.raises(FileExistsError):
        files.move(f"{place}/t/day=1", f"{place}/t/day=2")
    with pytest.raises(OSError, match="is in another file system than"):
        files.move(f"{place}/t/day=1", "s3://elsewhere/day=1")
    files.move(f"{place}/t/day=1", f"{place}/t/day=3")
    files.move(f"{place}/t/day=1", f"{place}/t/day=4")  # there is nothing
    assert bucket.keys() == ["lake/other.parquet", "lake/t/day=2/b.parquet", "lake/t/day=3/a.parquet"]
    files.delete(f"{place}/t/")
    files.delete(f"s3://{bucket.name}")  # never a whole bucket
    assert bucket.keys() == ["lake/other.parquet"]
