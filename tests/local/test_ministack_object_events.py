"""A bucket that tells EventBridge has its objects' events on the default bus, whoever writes them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.local.cloudformation_support import wait_for_stack
from tests.local.emr_serverless_support import Service, allow, make_role
from tests.local.test_ministack_event_bus import EVENTS_TRUST, Bus

Json = dict[str, Any]
KEYS = ["plain.csv", 'in/a "b" \\ c 😀+%20&=.csv', "year=2026/day 1/ü.parquet", "  ", "a/b//c"]


@pytest.fixture(scope="module")
def bus(service: Service) -> Bus:
    return Bus(service)


def created(bucket: str) -> Json:
    return {"source": ["aws.s3"], "detail-type": ["Object Created"], "detail": {"bucket": {"name": [bucket]}}}


def tell(service: Service, bucket: str) -> Any:
    s3 = service.aws.client("s3")
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={"EventBridgeConfiguration": {}})
    return s3


def test_an_event_is_as_s3_writes_it(bus: Bus, service: Service) -> None:
    s3 = tell(service, "told")
    url = bus.listen("told", created("told"))
    for key in KEYS:
        s3.put_object(Bucket="told", Key=key, Body=b"hello")
    events = {}
    for body in bus.received(url, len(KEYS)):
        event = json.loads(body)
        events[event["detail"]["object"]["key"]] = event
    assert sorted(events) == sorted(KEYS)
    event = events[KEYS[0]]
    detail = event.pop("detail")
    assert event.pop("id")
    assert len(event.pop("time")) == len("2021-11-12T00:00:00Z")
    assert event == {
        "version": "0",
        "detail-type": "Object Created",
        "source": "aws.s3",
        "account": service.aws.account_id,
        "region": service.aws.region,
        "resources": ["arn:aws:s3:::told"],
    }
    assert detail.pop("request-id")
    assert detail["object"].pop("sequencer")
    assert detail.pop("event-version") == "1.0"
    assert detail == {
        "version": "0",
        "bucket": {"name": "told"},
        "object": {"key": KEYS[0], "size": 5, "etag": "5d41402abc4b2a76b9719d911017c592"},
        "requester": service.aws.account_id,
        "source-ip-address": "127.0.0.1",
        "reason": "PutObject",
    }


def test_a_version_is_named(bus: Bus, service: Service) -> None:
    s3 = tell(service, "versioned")
    s3.put_bucket_versioning(Bucket="versioned", VersioningConfiguration={"Status": "Enabled"})
    url = bus.listen("versioned", created("versioned"))
    put = s3.put_object(Bucket="versioned", Key="x", Body=b"")
    detail = json.loads(bus.received(url, 1)[0])["detail"]
    assert detail["object"]["version-id"] == put["VersionId"]


def test_copies_and_large_objects_say_how_they_came(bus: Bus, service: Service) -> None:
    s3 = tell(service, "copied")
    url = bus.listen("copied", created("copied"))
    upload = s3.create_multipart_upload(Bucket="copied", Key="large")["UploadId"]
    part = s3.upload_part(Bucket="copied", Key="large", UploadId=upload, PartNumber=1, Body=b"x")["ETag"]
    parts = {"Parts": [{"PartNumber": 1, "ETag": part}]}
    s3.complete_multipart_upload(Bucket="copied", Key="large", UploadId=upload, MultipartUpload=parts)
    s3.copy_object(Bucket="copied", Key="small", CopySource={"Bucket": "copied", "Key": "large"})
    details = [json.loads(body)["detail"] for body in bus.received(url, 2)]
    assert {detail["object"]["key"]: detail["reason"] for detail in details} == {
        "large": "CompleteMultipartUpload",
        "small": "CopyObject",
    }


def test_a_bucket_that_was_not_told_to_says_nothing(bus: Bus, service: Service) -> None:
    s3 = service.aws.client("s3")
    s3.create_bucket(Bucket="silent")
    tell(service, "loud")
    url = bus.listen("silent", {"source": ["aws.s3"], "detail": {"bucket": {"name": ["silent", "loud"]}}})
    s3.put_object(Bucket="silent", Key="x", Body=b"")
    s3.put_object(Bucket="loud", Key="x", Body=b"")
    assert json.loads(bus.received(url, 1)[0])["detail"]["bucket"]["name"] == "loud"
    assert bus.is_empty(url)


def test_what_a_job_run_writes_starts_a_state_machine_with_the_exact_key(bus: Bus, service: Service) -> None:
    tell(service, "written")
    machine = bus.machine("on-object")
    bus.rule("on-object", created("written"))
    role = make_role(service.aws, "on-object", allow("states:StartExecution", machine), trust=EVENTS_TRUST)
    bus.target("on-object", machine, RoleArn=role)
    script = service.script(
        "writes", "import boto3, sys\nboto3.client('s3').put_object(Bucket='written', Key=sys.argv[1], Body=b'x')\n"
    )
    for key in KEYS:
        service.wait(service.start(script, key), "SUCCESS")
    keys = [json.loads(one["input"])["detail"]["object"]["key"] for one in bus.executions(machine, len(KEYS))]
    assert sorted(keys) == sorted(KEYS)


def test_cloudformation_turns_it_on(bus: Bus, service: Service) -> None:
    properties = {
        "BucketName": "of-template",
        "NotificationConfiguration": {"EventBridgeConfiguration": {"EventBridgeEnabled": True}},
    }
    template = {"Resources": {"Bucket": {"Type": "AWS::S3::Bucket", "Properties": properties}}}
    stacks = service.aws.client("cloudformation")
    stacks.create_stack(StackName="told", TemplateBody=json.dumps(template))
    wait_for_stack(stacks, "stack_create_complete", "told")
    url = bus.listen("of-template", created("of-template"))
    service.aws.client("s3").put_object(Bucket="of-template", Key="x", Body=b"")
    assert json.loads(bus.received(url, 1)[0])["detail"]["object"]["key"] == "x"
