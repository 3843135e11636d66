"""A certificate for one server: an authority of its own, whose key is not kept, vouches for 127.0.0.1 and localhost.

TLS is not for secrecy here (everything stays on the loopback interface): the CDK's bootstrap bucket refuses plain HTTP.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

import trustme


@dataclass(frozen=True, kw_only=True)
class Certificate:
    """PEM files: the server's certificate and key, its authority, and all authorities that a client should trust."""

    certificate: Path
    key: Path
    authority: Path
    ca_bundle: Path


def make_certificate(directory: Path) -> Certificate:
    """Make a certificate in `directory`, which must be readable by this user alone."""
    authority = trustme.CA(organization_name="emrs-local")
    issued = authority.issue_cert("127.0.0.1", "localhost", organization_name="emrs-local")
    made = Certificate(
        certificate=directory / "server.pem",
        key=directory / "server.key",
        authority=directory / "authority.pem",
        ca_bundle=directory / "ca-bundle.pem",
    )
    for position, part in enumerate(issued.cert_chain_pems):
        part.write_to_path(str(made.certificate), append=position > 0)
    made.key.touch(mode=0o600)
    issued.private_key_pem.write_to_path(str(made.key))
    authority.cert_pem.write_to_path(str(made.authority))
    made.ca_bundle.write_text(_system_authorities() + "\n")
    authority.cert_pem.write_to_path(str(made.ca_bundle), append=True)
    return made


def _system_authorities() -> str:
    # A client's *_CA_BUNDLE variable replaces the system's authorities, so the bundle has to hold them.
    system = ssl.get_default_verify_paths().cafile
    if system is None:
        from botocore.httpsession import where  # noqa: PLC0415 - it takes long to import, and is seldom needed

        system = where()
    return Path(system).read_text(encoding="utf-8")
