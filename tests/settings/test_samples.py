"""Every sample loads as it stands, and the template is the sample with its settings switched off."""

import json
import tomllib
from importlib.resources import files
from pathlib import Path

import pytest

from keywatch.settings.load import load
from keywatch.settings.schema import Settings

CONFIG = Path(__file__).parents[2] / "config"
TEMPLATE = files("keywatch.settings").joinpath("template.toml").read_text("utf-8")


@pytest.mark.parametrize("sample", sorted(CONFIG.glob("*.toml")), ids=lambda path: path.name)
def test_a_sample_loads(sample: Path) -> None:
    """`config/` holds nothing that `keywatch check` would refuse."""
    assert isinstance(load(sample), Settings)


def test_the_template_changes_nothing_until_a_setting_is_switched_on(tmp_path: Path) -> None:
    """What `keywatch init` writes is valid, and equal to no configuration at all."""
    path = tmp_path / "keywatch.toml"
    path.write_text(TEMPLATE, "utf-8")
    assert load(path) == Settings()


def test_the_template_switched_on_is_the_sample() -> None:
    """One text explains both."""
    switched_on = "".join(line.removeprefix("#:") for line in TEMPLATE.splitlines(keepends=True))
    assert switched_on == (CONFIG / "keywatch.toml").read_text("utf-8")


def test_every_setting_is_explained() -> None:
    """A table that the schema knows and the sample does not show is one nobody will find."""
    sample = tomllib.loads((CONFIG / "keywatch.toml").read_text("utf-8"))
    assert set(Settings.model_fields) == set(sample)


def test_the_aws_policy_allows_reading_and_denies_values() -> None:
    """It is valid JSON, every allowed action only reads, and reading values is denied whatever else is granted."""
    statements = json.loads((CONFIG / "aws" / "inventory-policy.json").read_text("utf-8"))["Statement"]
    allowed = [action for item in statements if item["Effect"] == "Allow" for action in _actions(item)]
    denied = [action for item in statements if item["Effect"] == "Deny" for action in _actions(item)]
    assert allowed
    assert all(action.partition(":")[2].startswith(("List", "Get")) for action in allowed)
    assert {"secretsmanager:GetSecretValue", "ssm:GetParameter", "iam:CreateAccessKey"} <= set(denied)


@pytest.mark.parametrize(
    ("name", "needed"),
    [
        ("buckets-policy.json", {"s3:ListBucket", "s3:GetObject", "kms:Decrypt"}),
        ("log-groups-policy.json", {"logs:DescribeLogGroups", "logs:FilterLogEvents"}),
    ],
)
def test_a_policy_for_content_allows_what_is_asked_and_no_more(name: str, needed: set[str]) -> None:
    """Each is valid JSON, and grants the actions that the source takes, all reading, on named resources."""
    statements = json.loads((CONFIG / "aws" / name).read_text("utf-8"))["Statement"]
    assert needed == {action for item in statements for action in _actions(item)}
    assert {"Allow"} == {item["Effect"] for item in statements}


def _actions(statement: dict[str, str | list[str]]) -> list[str]:
    action = statement["Action"]
    return [action] if isinstance(action, str) else action
