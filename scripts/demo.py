"""Deploys app.py, shows what its Spark job did, and destroys it: run by `make demo` inside `emrs-local exec`."""

import json
import subprocess
import tempfile
from pathlib import Path

import boto3

ROOT = Path(__file__).parent.parent
STACK = "FlightDelays"


def heading(text: str) -> None:
    """Say what comes next."""
    print(f"\n=== {text}", flush=True)


def cdk(*arguments: str) -> None:
    """Run the CDK CLI; its output is the user's."""
    command = [str(ROOT / "node_modules" / ".bin" / "cdk"), *arguments]
    code = subprocess.run(command, cwd=ROOT, check=False).returncode
    if code:
        raise SystemExit(code)


def show_job_run(outputs: dict[str, str]) -> None:
    """Print how the run ended."""
    emr = boto3.client("emr-serverless")
    run = emr.get_job_run(applicationId=outputs["ApplicationId"], jobRunId=outputs["JobRunId"])["jobRun"]
    seconds = run.get("totalExecutionDurationSeconds", 0)
    print(f"job run {run['jobRunId']} of application {run['applicationId']}: {run['state']} after {seconds} s")


def show_logs(log_group: str) -> None:
    """Print what the driver printed, as it arrived in CloudWatch Logs, and where it is."""
    logs = boto3.client("logs")
    streams = logs.describe_log_streams(logGroupName=log_group)["logStreams"]
    for stream in streams:
        name = stream["logStreamName"]
        events = logs.get_log_events(logGroupName=log_group, logStreamName=name, startFromHead=True)["events"]
        print(f"CloudWatch log group {log_group}, stream {name}: {len(events)} events")
        if name.endswith("/stdout"):
            print("\n".join(event["message"].rstrip("\n") for event in events))


def show_output(bucket: str) -> None:
    """Print the objects that the job wrote."""
    objects = boto3.client("s3").list_objects_v2(Bucket=bucket, Prefix="delays/").get("Contents", [])
    for item in objects:
        print(f"{item['Size']:>8} bytes  s3://{bucket}/{item['Key']}")


def main() -> None:
    """The demo from deploy to destroy."""
    with tempfile.TemporaryDirectory(prefix="emrs-demo-") as folder:
        assembly, outputs_file = Path(folder, "cdk.out"), Path(folder, "outputs.json")
        heading("cdk deploy: role, log group and key are created, the Spark job runs, the deploy waits for it")
        cdk("deploy", "--require-approval=never", f"--output={assembly}", f"--outputs-file={outputs_file}")
        outputs: dict[str, str] = json.loads(outputs_file.read_text())[STACK]

        heading("The job run")
        show_job_run(outputs)
        heading("Its logs and its result")
        show_logs(outputs["LogGroupName"])
        heading("What it wrote")
        show_output(outputs["BucketName"])

        heading("cdk destroy: the run is ended, the application stopped, everything deleted")
        cdk("destroy", "--force", f"--app={assembly}")
    print("\nThe same app.py deploys to AWS: npx cdk deploy")


if __name__ == "__main__":
    main()
