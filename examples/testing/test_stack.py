"""Two tests of the stack: what its template has, and that it deploys and its job does its work."""

import json
import subprocess
from pathlib import Path

from aws_cdk import App
from aws_cdk.assertions import Template

from app import Words
from emrs_local import LocalAws


def test_the_stack_has_one_job_run() -> None:
    template = Template.from_stack(Words(App(), "Words"))
    template.resource_count_is("Custom::EMRServerlessJobRun", 1)


def test_the_deployed_job_counts_words(local_aws: LocalAws) -> None:
    local_aws.bootstrap()
    subprocess.run(
        ["npx", "cdk", "deploy", "--require-approval=never", "--outputs-file=outputs.json"],
        env=local_aws.command_environment(),
        check=True,
    )
    bucket = json.loads(Path("outputs.json").read_text())["Words"]["Bucket"]
    s3 = local_aws.client("s3")
    keys = [item["Key"] for item in s3.list_objects_v2(Bucket=bucket, Prefix="words/part-")["Contents"]]
    lines = [line for key in keys for line in s3.get_object(Bucket=bucket, Key=key)["Body"].read().splitlines()]
    counts = {row["word"]: row["count"] for row in map(json.loads, lines)}
    assert counts == {"to": 2, "be": 2, "or": 1, "not": 1}
