"""`python -m constructs_emrs`: which version this is, and of what it depends on."""

import argparse
from importlib.metadata import version

from ._version import __version__


def main() -> None:
    """Print the versions."""
    parser = argparse.ArgumentParser(prog="python -m constructs_emrs", description=__doc__)
    parser.add_argument("--version", action="version", version=__version__)
    parser.parse_args()
    print(f"constructs-emrs {__version__}")
    for name in ("aws-cdk-lib", "constructs", "jsii", "botocore"):
        print(f"{name} {version(name)}")


if __name__ == "__main__":
    main()
