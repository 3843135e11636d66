"""A certificate for one server: an authority of its own, whose key is not kept, vouches for 127.0.0.1 and localhost.

TLS is not for secrecy here (everything stays on the loopback interface): the CDK's bootstrap bucket refuses plain HTTP.
"""

from __future__ import annotations

import re
import ssl
from dataclasses import dataclass
from pathlib import Path

import trustme

# How OpenSSL looks for a certificate in a folder: by the hash of whom it is of.
_HASHED = re.compile(r"[0-9a-f]{8}\.\d+")


@dataclass(frozen=True, kw_only=True)
class Certificate:
    """PEM files: the server's certificate and key, its authority, and all authorities that a client should trust.

    `authorities` is a folder in which OpenSSL finds each of the system's authorities when it needs it; a file it reads
    as a whole for each context of TLS. None where the system has no such folder.
    """

    certificate: Path
    key: Path
    authority: Path
    ca_bundle: Path
    authorities: Path | None


def make_certificate(directory: Path) -> Certificate:
    """Make a certificate in `directory`, which must be readable by this user alone."""
    authority = trustme.CA(organization_name="emrs-local")
    issued = authority.issue_cert("127.0.0.1", "localhost", organization_name="emrs-local")
    made = Certificate(
        certificate=directory / "server.pem",
        key=directory / "server.key",
        authority=directory / "authority.pem",
        ca_bundle=directory / "ca-bundle.pem",
        authorities=_folder_of_authorities(),
    )
    for position, part in enumerate(issued.cert_chain_pems):
        part.write_to_path(str(made.certificate), append=position > 0)
    made.key.touch(mode=0o600)
    issued.private_key_pem.write_to_path(str(made.key))
    authority.cert_pem.write_to_path(str(made.authority))
    made.ca_bundle.write_text(_system_authorities() + "\n")
    authority.cert_pem.write_to_path(str(made.ca_bundle), append=True)
    return made


def _folder_of_authorities() -> Path | None:
    """The folder of the system's authorities, if it is that of their bundle and has each of them by its hash."""
    paths = ssl.get_default_verify_paths()
    if paths.cafile is None or paths.capath is None:
        return None
    bundle, folder = Path(paths.cafile).resolve(), Path(paths.capath).resolve()
    if bundle.parent != folder:  # it may have others
        return None
    hashed = sum(_HASHED.fullmatch(file.name) is not None for file in folder.iterdir())
    return folder if hashed >= bundle.read_bytes().count(b"-----BEGIN CERTIFICATE-----") else None


def _system_authorities() -> str:
    # A client's *_CA_BUNDLE variable replaces the system's authorities, so the bundle has to hold them.
    system = ssl.get_default_verify_paths().cafile
    if system is None:
        from botocore.httpsession import where  # noqa: PLC0415 - it takes long to import, and is seldom needed

        system = where()
    return Path(system).read_text(encoding="utf-8")
