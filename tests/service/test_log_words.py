"""Every line that keywatch logs, as it stands in the code: known fields, and an event that is one fixed verb."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import keywatch
from keywatch.service.log import FIELDS

ROOT = Path(keywatch.__file__).parent
LEVELS = {"debug", "info", "warning", "error", "exception", "critical"}
EVENT = re.compile(r"[a-z]+(?:_[a-z]+)+")
ELSEWHERE = ROOT / "reporter.py"
"""It logs in the programs that it is put into, as these do."""
NOT_SHOWN = {"exc_info"}
"""What the log's own processors take away."""


def logged() -> Iterator[tuple[str, ast.Call]]:
    """Every call of a logger, with where it is."""
    for path in sorted(set(ROOT.rglob("*.py")) - {ELSEWHERE}):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in LEVELS:
                name = ast.unparse(node.func.value).rpartition(".")[2]
                if name.strip("_") in {"log", "logger"}:
                    yield f"{path.relative_to(ROOT)}:{node.lineno}", node


CALLS = dict(logged())


def test_the_calls_are_found() -> None:
    """Else the tests below would prove nothing."""
    assert len(CALLS) > 15


@pytest.mark.parametrize("where", CALLS)
def test_every_field_is_on_the_list(where: str) -> None:
    """A field that is not would be dropped, silently but for a count."""
    names = {keyword.arg for keyword in CALLS[where].keywords}
    assert names <= FIELDS | NOT_SHOWN
    assert None not in names, "** hides what is logged"


@pytest.mark.parametrize("where", CALLS)
def test_every_event_is_a_fixed_snake_case_verb(where: str) -> None:
    """Never an f-string: what happened to which source is in the fields."""
    (event,) = CALLS[where].args
    assert isinstance(event, ast.Constant)
    assert isinstance(event.value, str)
    assert EVENT.fullmatch(event.value)
