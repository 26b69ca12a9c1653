"""`keywatch scan` on archives: what is told of a secret inside one."""

import hashlib
import json
import shutil
from pathlib import Path

import pytest

from keywatch.cli.main import run
from tests.cli.test_scan import git
from tests.content.packing import into_docx, into_mail, into_tar, into_xlsx, into_zip

LEAK = "amzn1.oa2-cs.v1." + hashlib.sha256(b"EXAMPLE secret in an archive").hexdigest()


@pytest.fixture(autouse=True)
def _own_state(tmp_path: Path, rules_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test has a state directory of its own, but for the compiled rules."""
    (tmp_path / "state").mkdir(mode=0o700)
    shutil.copytree(rules_cache, tmp_path / "state" / "cache")
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))


def test_a_secret_in_a_committed_archive(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its place is the file inside, under every name the archive ever had, with who committed it."""
    repository = tmp_path / "repository"
    repository.mkdir()
    inner = into_tar({"conf/app.env": f"one\nSECRET={LEAK}\n".encode()})
    (repository / "a!b.zip").write_bytes(into_zip({"inner.tar": inner}))
    git(repository, "init", "-q")
    git(repository, "add", "-A")
    git(repository, "commit", "-q", "-m", "a change")
    git(repository, "mv", "a!b.zip", "moved.zip")
    git(repository, "commit", "-q", "-m", "a change")
    git(repository, "rm", "-q", "moved.zip")
    git(repository, "commit", "-q", "-m", "a change")
    assert run(["scan", "--format", "json", str(repository)]) == 1
    (finding,) = json.loads(capsys.readouterr().out)["findings"]
    places = {(place["path"], place["line"], place["column"]) for place in finding["places"]}
    assert places == {
        ("a!b.zip!inner.tar!conf/app.env", 2, 8),
        ("moved.zip!inner.tar!conf/app.env", 2, 8),
    }
    assert all(place["commit"] and "ann@example.org" in place["author"] for place in finding["places"])


def test_secrets_in_documents(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What a person reads in one piece is found in one piece: across runs, in the next cell, in an attachment."""
    folder = tmp_path / "folder"
    folder.mkdir()
    secrets = [hashlib.sha256(f"EXAMPLE {number}".encode()).hexdigest() for number in range(3)]
    (folder / "a.docx").write_bytes(into_docx([["client_", "secret = ", secrets[0][:20], secrets[0][20:]]]))
    (folder / "b.xlsx").write_bytes(into_xlsx([["LWA client secret", secrets[1]]]))
    (folder / "c.eml").write_bytes(into_mail({"app.env": f"CLIENT_SECRET={secrets[2]}\n".encode()}))
    assert run(["scan", "--format", "json", str(folder)]) == 1
    findings = json.loads(capsys.readouterr().out)["findings"]
    assert {place["path"] for finding in findings for place in finding["places"]} == {
        "a.docx!word/document.xml",
        "b.xlsx!xl/worksheets/sheet1.xml",
        "c.eml!app.env",
    }


def test_what_cannot_be_opened_is_not_clean(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 2, what it is and what to do; a name inside that would paint the terminal does not."""
    data = bytearray(into_zip({"a\x1b[31m\n": b"one"}))
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "a.zip").write_bytes(data)
    assert run(["scan", str(tmp_path / "a.zip")]) == 2
    told = capsys.readouterr().err
    assert "encrypted" in told
    assert "unpack it with its password" in told
    assert "\x1b" not in told
