"""The apps in `examples/`, for the tests that synthesise and deploy them."""

from pathlib import Path

EXAMPLES = Path(__file__).parent.parent / "examples"
NAMES = sorted(file.parent.name for file in EXAMPLES.glob("*/cdk.json"))

ENVIRONMENT = {
    "CDK_DEFAULT_ACCOUNT": "123456789012",
    "CDK_DEFAULT_REGION": "us-east-1",
    "VPC_ID": "vpc-0123456789abcdef0",
}
"""What the CDK CLI and the user tell an app, where no CLI runs it."""
