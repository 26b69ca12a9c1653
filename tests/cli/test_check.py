"""`keywatch check` on AWS: whichever action is missing, that one is named, with whom to allow it to."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from keywatch.cli.main import run
from tests.aws.server import FakeAws
from tests.inventory.stores import HERE, ROLE, THERE, Account, arn, parameter, secret, version

pytestmark = pytest.mark.usefixtures("clean_logging")

POLICY = Path(__file__).parents[2] / "config" / "aws" / "inventory-policy.json"


def allowed() -> list[str]:
    """Every action that the policy for an account allows."""
    statements = json.loads(POLICY.read_text("utf-8"))["Statement"]
    lists = [item["Action"] for item in statements if item["Effect"] == "Allow"]
    return [action for one in lists for action in ([one] if isinstance(one, str) else one)]


@pytest.fixture
def account() -> Account:
    account = Account()
    account.secrets = {HERE: [secret("lwa/a")]}
    account.versions = {arn("lwa/a"): [version("one", 1, "AWSCURRENT")]}
    account.parameters = {THERE: [parameter("/lwa/a")]}
    return account


@pytest.fixture
def aws(account: Account) -> Iterator[FakeAws]:
    with account.serve() as server:
        yield server


def check(directory: Path, aws: FakeAws, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    config = directory / "keywatch.toml"
    regions = f'region = "{HERE}"\nregions = ["{HERE}", "{THERE}"]'
    text = f'state_dir = "{directory}/state"\n[[aws]]\nname = "prod"\n{regions}\nendpoint_url = "{aws.url}"\n'
    config.write_text(text, "utf-8")
    status = run(["check", "--config", str(config)])
    return status, capsys.readouterr().out


def test_nothing_is_missing(tmp_path: Path, aws: FakeAws, capsys: pytest.CaptureFixture[str]) -> None:
    """With all that the policy allows, every permission holds, each in each region; and no other action was tried."""
    status, out = check(tmp_path, aws, capsys)
    assert 0 == status
    assert "  missing" not in out
    for action in ("secretsmanager:ListSecretVersionIds", "ssm:ListTagsForResource"):
        assert [f"ok       {action} in {region}" for region in (HERE, THERE)] == [
            line.strip() for line in out.splitlines() if action in line
        ]
    assert set(allowed()) == {f"{asked.service}:{asked.operation}" for asked in aws.asked}


@pytest.mark.parametrize("action", allowed())
def test_the_one_missing_action_is_named(
    action: str, tmp_path: Path, account: Account, aws: FakeAws, capsys: pytest.CaptureFixture[str]
) -> None:
    """Deny any one action of the policy: it is named with the principal to allow it to, and no other one is."""
    account.refused = {(action.partition(":")[2], "")}
    status, out = check(tmp_path, aws, capsys)
    assert 2 == status
    lines = [line.strip() for line in out.splitlines()]
    assert {f"allow {action} to {ROLE}"} == {line for line in lines if line.startswith("allow")}
    assert all(action in line for line in lines if line.startswith("missing"))
