"""`make test-aws` deploys to an account only when a person says so, and only what needs nothing local."""

import subprocess
import sys
from pathlib import Path

import pytest

from conformance.account import Account
from emrs_local import LocalAws
from tests.e2e.aws import account_of

ROOT = Path(__file__).parent.parent.parent


class Options(dict[str, bool]):
    """The options of a pytest that is started."""

    def getoption(self, name: str) -> bool:
        return self.get(name, False)


def asked_for(**options: bool) -> pytest.Config:
    return Options({f"--{name.replace('_', '-')}": value for name, value in options.items()})  # type: ignore[return-value]


@pytest.mark.usefixtures("account")
def test_whose_account_it_is_is_said_and_nothing_done_without_consent(
    server: LocalAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CI", raising=False)
    assert account_of(asked_for()) is None
    expected = f"account {server.account_id}, Region {server.region}: .* --yes-spend-money says yes to that"
    with pytest.raises(pytest.UsageError, match=expected):
        account_of(asked_for(aws=True))
    found = account_of(asked_for(aws=True, yes_spend_money=True))
    assert found is not None
    assert found.account_id == server.account_id
    with pytest.raises(pytest.UsageError, match="cdk bootstrap aws://000000000000/us-east-1 first"):
        found.bootstrap()


def test_a_machine_deploys_nothing(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    del account  # whose credentials would do
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.UsageError, match="CI=true says that nobody is here"):
        account_of(asked_for(aws=True, yes_spend_money=True))


@pytest.mark.usefixtures("account")
def test_tests_that_need_something_local_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    files = ("tests/e2e/test_lake.py", "tests/conformance/test_recording.py")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-q", "--aws", "--yes-spend-money", *files],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "test_lake.py::test_deploy_update_and_destroy" in done.stdout
    assert "test_recording.py" not in done.stdout
    assert "deselected" in done.stdout
