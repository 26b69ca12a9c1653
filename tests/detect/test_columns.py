"""Columns are what an editor shows: characters, however many bytes they take, on each side of a chunk's border."""

from pathlib import Path

from keywatch.collect.content.windows import Cutter
from keywatch.detect.engine import Detector
from keywatch.detect.examples import expand
from keywatch.detect.lines import Lines
from keywatch.detect.rules import packaged
from keywatch.model.content import Chunk, Origin, characters

HERE = Origin("t", "p")


def test_what_stands_before_counts_by_characters(rules_cache: Path) -> None:
    """Of one, two, three and four bytes; a byte that is none is one."""
    detector, secret = Detector(packaged(), cache_dir=rules_cache), expand("{crc:ghp_:30}")
    for before in ("", "é", "シークレット", "😀 x", "\udcff\udcfe"):
        line = f"first\n{before}token = '{secret}'\n".encode("utf-8", "surrogateescape")
        (match,) = detector.scan(Chunk(line, HERE))
        assert (match.line, match.column) == (2, len(before) + len("token = '") + 1)
        assert (match.end_line, match.end_column) == (2, match.column + len(secret))


def test_a_line_goes_on_behind_the_border_of_a_chunk() -> None:
    """The first column of a chunk is counted alike, wherever the border lies."""
    text = ("x\n" + "é😀シ" * 20_000 + "!\n").encode()
    at = text.index(b"!")
    for size in (16_384 + 9, 40_000, 65_536):
        cutter = Cutter(HERE)
        chunks = [cutter.chunk(text[start : start + size]) for start in range(0, len(text), size)]
        found = {
            Lines(chunk).place(at - chunk.offset)
            for chunk in chunks
            if chunk.offset <= at < chunk.offset + len(chunk.data)
        }
        assert {line for line, _ in found} == {2}
        assert {column for _, column in found} == {60_001}


def test_characters_are_counted_wherever_a_text_is_cut() -> None:
    """And what is no text costs no error."""
    text = "aé😀シ".encode()
    assert {characters(text[:at]) + characters(text[at:]) for at in range(len(text))} == {4}
    assert [characters(text) for text in (b"", b"abc", "é".encode(), b"\xff\xfe", "😀".encode()[:2])] == [0, 3, 1, 2, 1]
