"""What git writes is read in C as in Python, and what git does not write is refused by both."""

import io
import random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from keywatch.collect.content.git_history import changes_in
from keywatch.collect.content.listing import Listed, Listing, PlainListing
from keywatch.native import library
from keywatch.native.listing import KernelListing, brought

NAMES = st.integers(0, 30).map(lambda number: f"{number * 0x1234567:040x}")
PATHS = st.text("ab/:\n\t 1", min_size=1, max_size=9)
MODES = st.sampled_from(("100644", "100755", "120000", "160000", "000000"))
HEADER = "\x01" + "c" * 40 + "\x02Ann\x021767225600\x01"


@st.composite
def logs(draw: st.DrawFn) -> bytes:
    """Return a log as git writes it."""
    made = []
    for _ in range(draw(st.integers(0, 8))):
        made.append(HEADER.replace("Ann", draw(st.sampled_from(("Ann", "a\x02b", ":100644 x", "")))) + "\0\0")
        for _ in range(draw(st.integers(0, 4))):
            sides = draw(st.integers(2, 4))
            modes = draw(st.lists(MODES, min_size=sides, max_size=sides))
            names = draw(st.lists(NAMES, min_size=sides, max_size=sides))
            made.append(":" * (sides - 1) + " ".join([*modes, *names, "M" * (sides - 1)]) + "\0" + draw(PATHS) + "\0")
    return "".join(made).encode()


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """Return a log of which a part is gone or other bytes have come."""
    log = draw(logs())
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(log)))
        log = log[:at] + draw(st.sampled_from((b"", b":", b"\0", b"\n:", b"g", b" ", b"::::"))) + log[at + 1 :]
    return log


def native(size: int = 20, expected: int = 0) -> KernelListing:
    kernel = library()
    assert kernel is not None, "make native"
    return KernelListing(kernel, size, expected)


def taken(found: Listing, kind: str, text: bytes) -> Listed | None:
    try:
        getattr(found, kind)(text)
        return Listed(*found.listed())
    except ValueError:
        return None


@given(logs())
def test_a_log_is_read_alike(log: bytes) -> None:
    """The same blobs in the same order, with the same paths."""
    expected = taken(PlainListing(20), "log", log)
    assert expected is not None
    assert expected == taken(native(), "log", log)


@given(damaged())
@example(b":")
@example(b":\0\0")
@example(b"\n:100644 100644 " + b"a" * 40 + b" " + b"b" * 40 + b" M\0")
@example(b":" * 500 + b"\0x\0")
def test_a_damaged_log_harms_nobody(log: bytes) -> None:
    """C takes nothing that Python refuses, and the other way round only what has another length than it should."""
    expected, found = taken(PlainListing(20), "log", log), taken(native(), "log", log)
    if found is not None and expected is not None:
        assert expected == found


@given(st.lists(st.tuples(NAMES, st.text("ab \t", max_size=5))))
def test_lines_are_read_alike(lines: list[tuple[str, str]]) -> None:
    """With a path or none, which may hold spaces."""
    text = "".join(f"{name} {path}\n" if path else f"{name}\n" for name, path in lines).encode()
    expected = taken(PlainListing(20), "lines", text)
    assert expected is not None
    assert expected == taken(native(), "lines", text)


@pytest.mark.parametrize("text", [b"x", b"\n", b"a" * 40, b"a" * 39 + b"\n", b"a" * 41 + b"\n"])
def test_what_is_no_line_is_refused(text: bytes) -> None:
    """By both."""
    assert [taken(found, "lines", text) for found in (PlainListing(20), native())] == [None, None]


@pytest.mark.parametrize("size", [20, 32])
def test_a_list_grows(size: int) -> None:
    """It may become longer than was expected, and its paths longer than usual."""
    chance = random.Random(1)  # noqa: S311 - no secret
    lines = [
        f"{chance.randbytes(size).hex()} {'long/' * chance.randrange(40)}{number // 2}" for number in range(20_000)
    ]
    text = "\n".join([*lines, *lines[:10], ""]).encode()
    expected = taken(PlainListing(size), "lines", text)
    assert expected is not None
    assert len(expected.path_of) == 20_000
    assert expected == taken(native(size), "lines", text)
    half = text.index(b"\n", len(text) // 2) + 1
    found = native(size, 100)
    found.lines(text[:half])
    found.lines(b"")
    found.lines(text[half:])
    assert expected == Listed(*found.listed())


@given(logs(), st.sets(NAMES, max_size=10))
def test_what_brought_a_blob_in_is_found_alike(log: bytes, names: set[str]) -> None:
    """Only what came counts, and submodules are not asked for."""
    kernel = library()
    assert kernel is not None
    wanted = {name.encode() for name in names}
    expected = list(changes_in(io.BytesIO(log), wanted)) if wanted else []
    assert expected == list(brought(kernel, log, sorted(wanted), 20))


def test_more_is_found_than_fits_at_once() -> None:
    """It is asked again from where it was."""
    kernel = library()
    assert kernel is not None
    name = "ab" * 20
    change = f":000000 100644 {'0' * 40} {name} A\0path\0"
    log = "".join(f"{HEADER.replace('Ann', str(number))}\0\0{change * 3}" for number in range(1500)).encode()
    found = list(brought(kernel, log, [name.encode()], 20))
    assert len(found) == 4500
    assert [header.split(b"\x02")[1] for _, _, header in found[::3]] == [b"%d" % number for number in range(1500)]
