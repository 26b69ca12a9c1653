"""
Office documents: zip archives of XML, in which a word may be cut into pieces at every change of its looks.

Text comes out as a person sees it: a paragraph a line, a row of a table a line with tabs. Parts are known by the names
their XML declares, so it makes no difference what a file is called.
"""

from collections.abc import Callable, Iterator
from itertools import chain
from typing import TYPE_CHECKING

from keywatch.collect.content.archive.limits import Closed, Damaged

if TYPE_CHECKING:
    from keywatch.collect.content.archive.look import Found, Inside

_HEAD = 4096
_PROCESSORS = (
    b"openxmlformats.org/wordprocessingml",
    b"openxmlformats.org/drawingml",
    b"openxmlformats.org/presentationml",
    b"openxmlformats.org/spreadsheetml",
    b"purl.oclc.org/ooxml",
    b"urn:oasis:names:tc:opendocument",
)
_SPOKEN = frozenset({"t", "delText", "instrText", "f"})
"""Elements of Office Open XML that hold text: shown, deleted, of a field, of a formula."""
_LINES = frozenset({"p", "h", "row", "tr", "table-row", "si", "comment", "br", "cr", "line-break"})
_CELLS = frozenset({"c", "tc", "table-cell"})
_NAMES = 10_000
"""Different names of elements and attributes: the parser keeps every one, and a document has some hundreds."""
_LONGEST = 1 << 20
"""Bytes of one element's beginning."""
_DIGITS = 9
_CELL = 32_767
"""Characters that a cell of a spreadsheet can hold."""
_STEP = 16 << 10
"""Bytes of XML the parser gets at a time: every twenty of them may show a cell."""
_MOST = 256 << 20
"""Bytes of a part's XML: it is the one thing here that is read at the pace of Python."""
_STRINGS = 16 << 20
"""Bytes of a spreadsheet's words that are kept to be put into its sheets."""


class Office:
    """Hands on the files of one zip archive; those that are parts of a document, as text."""

    def __init__(self, inside: "Inside") -> None:
        """Hand on to `inside`."""
        self._inside = inside
        self._strings: list[str] = []
        self._unused: set[int] = set()

    def share(self, data: Iterator[bytes]) -> None:
        """Learn the words of a spreadsheet. Where they are damaged, those before the damage."""
        size = 0
        left = ""
        try:
            for piece in _text_of(data, self._word):
                size += len(piece)
                if size > _STRINGS:
                    break
                *words, left = (left + piece.decode()).split("\n")
                self._strings += (word[:_CELL] for word in words)
        except Damaged:
            pass
        self._unused = set(range(len(self._strings)))

    def member(self, name: str, data: Iterator[bytes]) -> "Found":
        """Yield what is found in one file of the archive."""
        first = next(data, b"")
        if not _is_part(first[:_HEAD]):
            yield from self._inside.member(name, chain((first,), data))
            return
        if b"<sst" in first[:_HEAD] and self._strings:
            return  # its sheets show them, and `rest` what they do not
        self._inside.budget.member()
        yield from self._inside.text(name, self._spent(_text_of(chain((first,), data), self._word)))

    def rest(self) -> "Found":
        """Yield the words of a spreadsheet that no cell shows: what is left of cells that were emptied."""
        left = "".join(f"{self._strings[number]}\n" for number in sorted(self._unused))
        if left:
            yield from self._inside.text("xl/sharedStrings.xml", (left.encode(),))

    def _spent(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        for piece in pieces:
            self._inside.budget.spend(len(piece))  # one word may be shown in a million cells
            yield piece

    def _word(self, number: str) -> str:
        if not number.isascii() or not number.isdigit() or int(number) >= len(self._strings):
            return number
        self._unused.discard(int(number))
        return self._strings[int(number)]


def _is_part(head: bytes) -> bool:
    return head.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"<") and any(name in head for name in _PROCESSORS)


def _text_of(data: Iterator[bytes], word: Callable[[str], str]) -> Iterator[bytes]:
    """
    Yield the text of a part, in UTF-8.

    Raises:
        Damaged: it is no XML, or declares entities, as no office program does.
    """
    from xml.parsers import expat  # only tells of elements; nothing is fetched or expanded

    page = _Page(word)
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartElementHandler = page.start
    parser.EndElementHandler = page.end
    parser.CharacterDataHandler = page.say
    parser.EntityDeclHandler = page.refuse
    parser.StartNamespaceDeclHandler = page.declare
    fed = 0
    try:
        for piece in _slices(data):
            parser.Parse(piece, False)
            fed += len(piece)
            if fed > _MOST:
                raise Closed(f"more than {_MOST >> 20} MB of XML; the rest was not read")
            if fed - parser.CurrentByteIndex > _LONGEST:
                raise Damaged("its XML has an element without an end")  # which the parser would hold in memory
            if text := page.taken():
                yield text
        parser.Parse(b"", True)
    except expat.ExpatError:
        if text := page.taken():
            yield text
        raise Damaged("its XML is broken") from None
    if text := page.taken():
        yield text


def _slices(pieces: Iterator[bytes]) -> Iterator[bytes]:
    return (piece[start : start + _STEP] for piece in pieces for start in range(0, len(piece), _STEP))


class _Page:
    """Gathers text from what the parser tells."""

    def __init__(self, word: Callable[[str], str]) -> None:
        self._word = word
        self._out: list[str] = []
        self._spoken = 0
        self._open = 0
        """Elements of OpenDocument around, in which all text counts."""
        self._cells = 0
        self._numbered = False
        self._number: str | None = None
        self._names: set[str | None] = set()

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._names.add(name)
        self._names.update(attributes)
        if len(self._names) > _NAMES:
            raise Damaged("its XML is none of an office program")
        space, _, local = name.rpartition(" ")
        if local in _CELLS:
            self._cells += 1
            self._numbered = attributes.get("t") == "s"
        elif local == "v" and self._cells:
            self._spoken += 1
            self._number = "" if self._numbered else None
        elif local in _SPOKEN:
            self._spoken += 1
        elif local in {"p", "h"} and "opendocument" in space:
            self._open += 1
        elif local == "tab":
            self._out.append("\t")
        elif local == "s" and self._open:
            self._out.append(" ")

    def end(self, name: str) -> None:
        space, _, local = name.rpartition(" ")
        if local in _CELLS:
            self._cells -= 1
            self._out.append("\t")
        elif local == "v" and self._spoken:
            self._spoken -= 1
            self._out.append(self._word(self._number or ""))
            self._number = None
        elif local in _SPOKEN:
            self._spoken -= 1
            if local == "f":
                self._out.append(" ")
        if local in {"p", "h"} and "opendocument" in space:
            self._open -= 1
        if local in _LINES:
            self._out.append(" " if self._cells else "\n")

    def say(self, text: str) -> None:
        if self._number is not None:
            self._number = (self._number + text)[:_DIGITS]
        elif self._spoken or self._open:
            self._out.append(text)

    def declare(self, prefix: str | None, _uri: str) -> None:
        self._names.add(prefix)

    def refuse(self, *_entity: object) -> None:
        raise Damaged("its XML declares entities")

    def taken(self) -> bytes:
        text = "".join(self._out)
        self._out.clear()
        return text.encode("utf-8", "replace")
