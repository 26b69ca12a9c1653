"""`keywatch athena`: the table's statement, shown or run."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from keywatch.cli.main import run
from tests.aws.server import AwsFault, FakeAws

pytestmark = pytest.mark.usefixtures("clean_logging")

ENTRY = """
[[athena]]
name = "{name}"
database = "security"
bucket = "example-cloudtrail"
workgroup = "keywatch"
output = "s3://example-results/keywatch/"
accounts = ["111122223333"]
regions = ["us-east-1"]
endpoint_url = "{url}"
"""


@pytest.fixture
def aws() -> Iterator[FakeAws]:
    with FakeAws() as server:
        yield server


@pytest.fixture
def config(tmp_path: Path, aws: FakeAws) -> Path:
    """A configuration with one `[[athena]]`."""
    path = tmp_path / "keywatch.toml"
    path.write_text(f'state_dir = "{tmp_path}/state"\n' + ENTRY.format(name="org", url=aws.url))
    return path


def test_the_statement_is_shown(config: Path, aws: FakeAws, capsys: pytest.CaptureFixture[str]) -> None:
    """A person may read it, or paste it into Athena's console; nobody is asked."""
    assert run(["athena", "--config", str(config)]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("CREATE EXTERNAL TABLE IF NOT EXISTS `security`.`cloudtrail`")
    assert "s3://example-cloudtrail/AWSLogs/${account}/CloudTrail/${region}/${day}" in shown
    assert aws.calls() == 0


def test_the_table_is_made(config: Path, aws: FakeAws, capsys: pytest.CaptureFixture[str]) -> None:
    """The statement that is shown is the one that is run, in the workgroup and with the place for results."""
    run(["athena", "org", "--config", str(config)])
    statement = capsys.readouterr().out.strip()
    started: list[dict[str, Any]] = []

    def start(params: dict[str, Any], _: object) -> dict[str, Any]:
        started.append(params)
        return {"QueryExecutionId": "1"}

    aws.on("athena", "StartQueryExecution", start)
    aws.on("athena", "GetQueryExecution", lambda _, __: {"QueryExecution": {"Status": {"State": "SUCCEEDED"}}})
    assert run(["athena", "org", "--create-table", "--config", str(config)]) == 0
    assert "security.cloudtrail: the table is there" in capsys.readouterr().out
    [asked] = started
    assert (statement, "keywatch") == (asked["QueryString"].strip(), asked["WorkGroup"])
    assert {"OutputLocation": "s3://example-results/keywatch/"} == asked["ResultConfiguration"]


def test_what_athena_refuses_is_told(config: Path, aws: FakeAws, capsys: pytest.CaptureFixture[str]) -> None:
    """In a line with what to allow, and exit status 2."""
    aws.on("athena", "StartQueryExecution", lambda _, __: AwsFault("AccessDeniedException"))
    assert run(["athena", "--create-table", "--config", str(config)]) == 2
    told = capsys.readouterr().err
    assert "athena:org: athena:StartQueryExecution was refused" in told
    assert "allow athena:StartQueryExecution" in told


def test_which_one_must_be_clear(config: Path, aws: FakeAws, capsys: pytest.CaptureFixture[str]) -> None:
    """Of several one is named; a name that is none, and a configuration without any, are errors with a way out."""
    with config.open("a") as file:
        file.write(ENTRY.format(name="other", url=aws.url))
    assert run(["athena", "--config", str(config)]) == 2
    assert "there are several [[athena]]: org, other" in capsys.readouterr().err
    assert run(["athena", "wrong", "--config", str(config)]) == 2
    assert "there is: org, other" in capsys.readouterr().err
    assert run(["athena", "other", "--config", str(config)]) == 0
    config.write_text("")
    capsys.readouterr()
    assert run(["athena", "--config", str(config)]) == 2
    assert "no [[athena]] is configured" in capsys.readouterr().err
