"""`keywatch report`: the evidence, in four formats that say the same, and that a change of it shows."""

import csv
import io
import json
import re
from contextlib import closing
from html.parser import HTMLParser
from pathlib import Path

import pytest

from keywatch.cli.main import run
from keywatch.model.call import Coverage
from keywatch.model.key import SourceId
from keywatch.policy import packaged
from keywatch.store import Store
from tests.guard.test_inspection import KEY
from tests.service.installation import Installation

NASTY = 'orders"><script>alert(1)</script>|=cmd()\u202e'
VOID = {"meta", "br", "hr", "img", "link", "input"}


@pytest.fixture
def lived(here: Installation, capsys: pytest.CaptureFixture[str]) -> Installation:
    """An installation in which a leak was found and mended, another is open, and somebody has confirmed something."""
    here.configure(
        f'[[key]]\nname = {json.dumps(NASTY)}\nkind = "other"\nowner = "=1+1"\n'
        '[[scan]]\nname = "d"\ndirectory = "HERE/d"\n[[scan]]\nname = "gone"\ndirectory = "HERE/nothing"\n'
    )
    here.write("d/mended", f"Hello, here is my secret key: {KEY}\n")
    here.write("d/<b>&", "Hello, here is my secret key: " + KEY[::-1] + "\n")
    here.cycle()
    (here.directory / "d" / "mended").unlink()
    here.cycle()
    words = ["policy", "attest", "laws", "--by", "Anna <b>", "--note", "=HYPERLINK(1)", "--config", config(here)]
    assert run(words) == 0
    capsys.readouterr()
    return here


def config(here: Installation) -> str:
    return str(here.directory / "keywatch.toml")


def written(here: Installation, form: str, capsys: pytest.CaptureFixture[str]) -> str:
    assert run(["report", "--format", form, "--period", "3650d", "--config", config(here)]) == 0
    return capsys.readouterr().out


class Page(HTMLParser):
    """Checks that tags are closed in order, and collects what a browser would show and fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.fetched: list[str] = []
        self.cells: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.fetched += [value or "" for name, value in attrs if name in ("src", "href", "action", "data")]
        assert not [name for name, _ in attrs if name.startswith("on")]
        if tag not in VOID:
            self.open.append(tag)
        if tag == "td":
            self.cells.append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] == ["td"]:
            self.cells[-1] += data


def test_every_format_tells_the_same(lived: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    """Each obligation, key, alert, finding, source and word; and no secret in any."""
    document = json.loads(written(lived, "json", capsys))
    texts = {form: written(lived, form, capsys) for form in ("html", "csv", "md")}
    assert len(document["obligations"]) == len(packaged().obligations)
    assert [item["state"] for item in document["findings"]].count("resolved") == 1
    assert [item["failing_since"] is not None for item in document["sources"]].count(True) == 1
    assert document["attestations"][0]["by"] == "Anna <b>"
    states = {item["id"]: item["state"] for item in document["obligations"]}
    assert (states["no-seller-keys"], states["laws"]) == ("broken", "kept")
    for text in texts.values():
        for item in document["obligations"]:
            assert item["id"] in text
    for text in (*texts.values(), json.dumps(document)):
        assert KEY[:8] not in text
        assert KEY[::-1][:8] not in text


def test_what_a_source_would_not_see_is_told(lived: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    """An auditor reads beside the time that is covered what of it was left out."""
    clause = "the trail records writes only: reads would not be seen"
    coverage = Coverage(
        source=SourceId("files:d"), kinds=frozenset(), unseen=(clause,), data_unseen=True, since=None, until=None
    )
    with closing(Store.open(lived.directory / "state")) as store:
        store.save_coverage(coverage)
    told = [clause, "calls for data, as of S3 objects, would not be seen"]
    sources = json.loads(written(lived, "json", capsys))["sources"]
    assert [[], told] == sorted(item["not_seen"] for item in sources if item["reads"] == "content")
    assert "; ".join(told) in written(lived, "csv", capsys)


def test_the_page_stands_alone_and_runs_nothing(lived: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever names say: nothing is fetched, no tag comes from outside, every tag is closed."""
    text = written(lived, "html", capsys)
    page = Page()
    page.feed(text)
    page.close()
    assert (page.open, page.fetched) == ([], [])
    assert any(cell.startswith('orders"><script>alert(1)') for cell in page.cells)
    assert re.findall(r"<script[^>]*>", text) == ['<script type="application/json" id="evidence">']
    assert "\u202e" not in text
    assert "@media print" in text


def test_a_spreadsheet_gets_no_formula_and_markdown_no_markup(
    lived: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    """What comes from outside stays text there, too."""
    rows = list(csv.reader(io.StringIO(written(lived, "csv", capsys))))
    assert not [text for row in rows for text in row if text.startswith(("=", "+", "-", "@"))]
    assert any("'=HYPERLINK(1)" in row for row in rows)
    markdown = written(lived, "md", capsys)
    tables = [line for line in markdown.splitlines() if line.startswith("|")]
    assert "<script>" not in re.sub(r"\\<", "", markdown)
    widths = {len(re.findall(r"(?<!\\)\|", line)) for line in tables if "orders" in line}
    assert widths == {10}


@pytest.mark.parametrize("form", ["html", "json"])
def test_a_change_shows(lived: Installation, capsys: pytest.CaptureFixture[str], tmp_path: Path, form: str) -> None:
    """Of the data, of the digest, of what the page shows; and another installation's report is not ours."""
    path = tmp_path / "report"
    words = ["report", "--verify", str(path), "--config", config(lived)]
    text = written(lived, form, capsys)
    path.write_text(text, "utf-8")
    assert run(words) == 0
    assert "is as it was made here" in capsys.readouterr().out
    for old, new in (("Anna", "Bernd"), ("broken", "kept"), ('"version": 1', '"version": 2')):
        assert old in text
        path.write_text(text.replace(old, new, 1), "utf-8")
        assert run(words) == 1
        assert "was changed" in (said := capsys.readouterr().out) or "shows something else" in said
    document = json.loads(re.search(r'"evidence">(.*)</script>', text)[1] if form == "html" else text)  # type: ignore[index]
    document["installation"] = "00000000"
    path.write_text(json.dumps(document), "utf-8")
    assert run(words) == 1
    assert "another installation" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--format", "pdf"], "not one of"),
        (["--period", "0d"], "invalid"),
        (["--period", "soon"], "invalid"),
        (["--output", "/nowhere/report.html"], "No such file"),
        (["--verify", "/nowhere/report.html"], "No such file"),
        (["--verify", "/dev/null"], "holds no evidence"),
    ],
)
def test_what_cannot_be_done_is_a_sentence(
    here: Installation, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    """Status 2, and what to do."""
    here.configure('[[key]]\nname = "x"\nkind = "other"\n')
    here.cycle()
    assert run(["report", *words, "--config", config(here)]) == 2
    assert said in capsys.readouterr().err
