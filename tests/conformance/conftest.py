"""A local AWS for the kit, and the kit in this process."""

from __future__ import annotations

import functools
import secrets
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from unittest import mock

import boto3
import botocore.loaders
import pytest

from conformance.account import Account, Delays
from conformance.kit import Kit
from conformance.probe import Probe
from emrs_local import LocalAws

# A run ends long before: its minutes last half a second, and a machine may be as slow as it likes.
RUN_MINUTES = 720
# What the local AWS is told it knows.
AT_ONCE = Delays(permissions=0, lists=0)


@pytest.fixture(scope="session", autouse=True)
def models_are_read_once() -> Iterator[None]:
    """By all accounts of the process: each has a session of its own, which would read them again."""
    with mock.patch("botocore.session.create_loader", functools.cache(botocore.loaders.create_loader)):
        yield


@pytest.fixture(scope="session")
def server() -> Iterator[LocalAws]:
    """A local AWS in which only the report has Spark."""
    with LocalAws(server_command=(sys.executable, "-m", "tests.conformance.server")) as server:
        yield server


MakeAccount = Callable[[], Account]


MakeKit = Callable[[Sequence[Probe]], Kit]


@pytest.fixture
def make_account(server: LocalAws, monkeypatch: pytest.MonkeyPatch) -> MakeAccount:
    """Makes an account of the server, for another run of the kit each time."""
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    return lambda: Account(boto3.Session(), run=secrets.token_hex(4), run_minutes=RUN_MINUTES, delays=AT_ONCE)


@pytest.fixture
def account(make_account: MakeAccount) -> Account:
    """An account of the server."""
    return make_account()


@pytest.fixture
def kit(account: Account, tmp_path: Path) -> MakeKit:
    """Makes a kit that asks the server."""

    def make(probes: Sequence[Probe]) -> Kit:
        recording, state = tmp_path / "recording.json", tmp_path / "state"
        return Kit(account=account, probes=probes, recording=recording, state=state, say=print)

    return make
