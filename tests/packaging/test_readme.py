"""The README cannot go stale: what it names exists, and what exists is named."""

import re
from pathlib import Path

import pytest

from keywatch.cli.main import COMMANDS
from keywatch.report.formats import Format

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")
PAGES = ("README.md", "ARCHITECTURE.md", "CHANGELOG.md")


def test_every_command_is_in_the_table_and_no_other() -> None:
    """A command that the table does not name is one nobody will find."""
    table = re.findall(r"^\| `keywatch (\w+)", README, re.MULTILINE)
    assert sorted(table) == sorted(COMMANDS)


def test_every_make_target_exists() -> None:
    """What a reader is told to type can be typed."""
    told = set(re.findall(r"(?:^|`|\w=\S+ )make ([a-z-]+)", README, re.MULTILINE))
    assert told <= set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))
    assert {"demo", "test"} <= told


def test_every_format_is_named() -> None:
    """The list of formats is the code's."""
    assert ", ".join(form.value for form in Format) in README.replace("\n", " ")


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page: str) -> None:
    """A relative link names a file that is there."""
    targets = re.findall(r"\]\((?!https?:)([^)#]+)\)", (ROOT / page).read_text("utf-8"))
    assert [target for target in targets if not (ROOT / target).exists()] == []


def test_every_room_is_on_the_map() -> None:
    """ARCHITECTURE.md names each package and module at the top."""
    text = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
    rooms = {path.name for path in (ROOT / "keywatch").iterdir() if (path / "__init__.py").exists()}
    modules = {path.name for path in (ROOT / "keywatch").glob("*.py") if not path.name.startswith("__")}
    named = set(re.findall(r"^\| `([a-z.]+)/?` \|", text, re.MULTILINE))
    assert rooms | modules == named
