"""
Mail, single messages and mailboxes, line by line: what is text stays where it is, what is encoded is decoded.

The `email` package holds a message whole, and descends by recursion; it is only given headers here.
"""

import binascii
import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass

from keywatch.collect.content.archive.content import STEP, Content, even
from keywatch.collect.content.archive.look import Found, Inside
from keywatch.collect.content.windows import Cutter

_HEADERS = 1 << 16
"""Bytes of a message's or part's headers that are understood."""
_UNDERSTOOD = 8 << 10
"""Bytes of those headers among them that matter here: what reads them takes time by the square of their length."""
_NESTED = 32
"""Parts in parts that are understood; what is deeper is read as it stands."""
_LINE = 1 << 20
"""Bytes of a line that are looked at in one piece."""
_MARKS = re.compile(rb"\n(?=--|From )")
_BLANKS = (b"\n\n", b"\n\r\n")
_NO_ALPHABET = bytes(
    byte for byte in range(256) if byte not in b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="
)
_FAR_FROM_ASCII = ("utf-16", "utf-32", "utf-7", "iso-2022", "utf16", "utf32", "utf7", "cp037", "cp500")
"""How the charsets begin in which a secret is not legible byte by byte."""


@dataclass(frozen=True, slots=True)
class _Part:
    """What the headers of a part say."""

    kind: str
    encoding: str
    charset: str
    boundary: bytes
    name: str
    spoken: str
    """The headers in plain, if they were encoded."""


def read_mail(content: Content, inside: Inside) -> Found:
    """Read a message, or a mailbox of them, with everything attached."""
    return _Letters(content, inside).read()


class _Letters:
    """One pass over the lines."""

    def __init__(self, content: Content, inside: Inside) -> None:
        self._inside = inside
        self._lines = _Lines(even(content.pieces()))
        self._box = content.first.startswith(b"From ")
        self._again: bytes | None = None
        self._blank = True
        """Whether the line before was empty: only then a line may begin the next message of a mailbox."""
        self._open: list[bytes] = []
        """The boundaries of the parts around, without their dashes."""
        self._messages = self._parts = 0
        self._cutter = Cutter(inside.origin)
        self._shown: list[bytes] = []
        self._size = 0

    def read(self) -> Found:
        headers: list[bytes] | None = []
        size = 0
        while (line := self._next()) is not None:
            self._show(line)
            if self._begins_message(line):
                self._open.clear()
                self._messages += 1
                self._parts = 0
                headers, size = [], 0
            elif headers is None:
                headers, size = self._at_boundary(line), 0
            elif line.strip(b"\r\n"):
                size += len(line)
                if size <= _HEADERS:
                    headers.append(line)
            else:
                part = _understood(b"".join(headers))
                headers, size = ([] if part.kind == "message/rfc822" and part.encoding not in _DECODERS else None), 0
                yield from self._body(part)
            self._blank = not line.strip(b"\r\n")
            if headers is None and self._again is None and (lines := self._lines.run()):
                self._show(lines)
                self._blank = _is_blank_behind(lines)
            if self._size >= STEP:
                yield from self._flush()
        yield from self._flush()

    def _body(self, part: _Part) -> Found:
        self._parts += 1
        name = f"{self._messages}/" if self._box else ""
        if part.spoken:
            self._inside.budget.member()
            yield from self._inside.text(f"{name}headers", (part.spoken.encode("utf-8", "replace"),))
        if part.boundary and part.kind.startswith("multipart/"):
            if len(self._open) < _NESTED:
                self._open.append(part.boundary)
        elif part.encoding in _DECODERS or part.charset.startswith(_FAR_FROM_ASCII):
            yield from self._flush()
            name += part.name or f"part-{self._parts}{_ENDINGS.get(part.kind, '')}"
            yield from self._inside.member(name, self._decoded(part))

    def _decoded(self, part: _Part) -> Iterator[bytes]:
        pieces = (
            _DECODERS[part.encoding](self._lines_of_part()) if part.encoding in _DECODERS else self._lines_of_part()
        )
        if not part.charset.startswith(_FAR_FROM_ASCII):
            yield from pieces
            return
        try:
            decoder = codecs.getincrementaldecoder(part.charset)("replace")
        except LookupError:
            yield from pieces
            return
        for piece in pieces:
            yield decoder.decode(piece).encode("utf-8", "replace")
        yield decoder.decode(b"", final=True).encode("utf-8", "replace")

    def _lines_of_part(self) -> Iterator[bytes]:
        """Yield the lines up to the end of the part, and leave them out of what is shown as it stands."""
        blank = False
        while (line := self._next()) is not None:
            if self._is_boundary(line) or (blank and self._box and line.startswith(b"From ")):
                self._again, self._blank = line, blank
                return
            lines = line + self._lines.run()
            blank = _is_blank_behind(lines)
            self._cutter.skip(lines)
            yield lines

    def _next(self) -> bytes | None:
        line, self._again = self._again, None
        return self._lines.next() if line is None else line

    def _begins_message(self, line: bytes) -> bool:
        return self._box and self._blank and line.startswith(b"From ")

    def _is_boundary(self, line: bytes) -> bool:
        return line.startswith(b"--") and any(
            line[2:].rstrip() in {boundary, boundary + b"--"} for boundary in self._open
        )

    def _at_boundary(self, line: bytes) -> list[bytes] | None:
        """Return where to gather the headers that follow a boundary; None: this is none, or the last one."""
        if not self._is_boundary(line):
            return None
        said = line[2:].rstrip()
        # The outermost that fits: whatever was opened inside of it ends with it.
        level = next(n for n, boundary in enumerate(self._open) if said in {boundary, boundary + b"--"})
        closes = said != self._open[level]
        del self._open[level if closes else level + 1 :]
        return None if closes else []

    def _show(self, line: bytes) -> None:
        self._shown.append(line)
        self._size += len(line)

    def _flush(self) -> Found:
        if self._size:
            yield self._cutter.chunk(b"".join(self._shown))
        self._shown, self._size = [], 0


def _is_blank_behind(lines: bytes) -> bool:
    return lines.endswith(_BLANKS) or not lines.strip(b"\r\n")


class _Lines:
    """The lines, one by one where each may mean something, else many together."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._left = b""
        self._at = 0

    def next(self) -> bytes | None:
        """Return the next line with its end, of a very long one a piece; None: there is none."""
        while (end := self._left.find(b"\n", self._at)) < 0:
            if len(self._left) - self._at >= _LINE or not self._fill():
                end = len(self._left) - 1
                break
        line = self._left[self._at : end + 1]
        self._at = end + 1
        return line or None

    def run(self) -> bytes:
        """Return the lines up to the next one that may end a part or begin a message; perhaps there are none."""
        if self._left.rfind(b"\n", self._at) < 0 and not self._fill():
            return b""
        if self._left.startswith((b"--", b"From "), self._at):
            return b""
        mark = _MARKS.search(self._left, self._at)
        end = self._left.rfind(b"\n", self._at) if mark is None else mark.start()
        lines = self._left[self._at : end + 1]
        self._at = max(self._at, end + 1)
        return lines

    def _fill(self) -> bool:
        piece = next(self._pieces, b"")
        self._left, self._at = self._left[self._at :] + piece, 0
        return bool(piece)


def _understood(headers: bytes) -> _Part:
    """Read what headers say, whoever wrote them."""
    from email.header import decode_header, make_header
    from email.parser import BytesHeaderParser

    headers = b"".join(_telling(headers))[:_UNDERSTOOD]
    try:
        message = BytesHeaderParser().parsebytes(headers)
        kind, charset = message.get_content_type(), message.get_content_charset() or ""
        encoding = str(message.get("Content-Transfer-Encoding", "")).strip().lower()
        boundary = (message.get_boundary() or "").encode("ascii", "surrogateescape")
        name = message.get_filename() or ""
        spoken = ""
        if b"=?" in headers:
            name = str(make_header(decode_header(name)))
            told = (
                (key, str(make_header(decode_header(str(text))))) for key, text in message.items() if "=?" in str(text)
            )
            spoken = "".join(f"{key}: {text}\n" for key, text in told)
    except (ValueError, LookupError, TypeError, AttributeError, IndexError, binascii.Error):
        # No promise of that package holds for what a stranger wrote; what is said wrongly is read as it stands.
        return _Part("", "", "", b"", "", "")
    return _Part(kind, encoding, charset.lower(), boundary, _visible(name), spoken)


def _telling(headers: bytes) -> Iterator[bytes]:
    """Yield the headers that say how the body is written, and those that are encoded themselves."""
    tells = False
    for line in headers.splitlines(keepends=True):
        if not line.startswith((b" ", b"\t")):
            tells = line[:8].lower() == b"content-" or b"=?" in line
        if tells or b"=?" in line:
            yield line


def _visible(name: str) -> str:
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _from_base64(pieces: Iterator[bytes]) -> Iterator[bytes]:
    left = b""
    for piece in pieces:
        data = left + piece.translate(None, _NO_ALPHABET)
        cut = len(data) - len(data) % 4
        left = data[cut:]
        try:
            yield binascii.a2b_base64(data[:cut])
        except binascii.Error:
            continue


def _from_quoted_printable(pieces: Iterator[bytes]) -> Iterator[bytes]:
    return map(binascii.a2b_qp, pieces)


_DECODERS = {"base64": _from_base64, "quoted-printable": _from_quoted_printable}
_ENDINGS = {"text/plain": ".txt", "text/html": ".html", "application/json": ".json", "message/rfc822": ".eml"}
