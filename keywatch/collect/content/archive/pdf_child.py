"""
A process of its own that reads PDF: the format is vast, and whoever wrote the file may not wish us well.

It is run as a script and imports nothing of keywatch. Its argument is the library of PDFium, which is written in C++:
so it has no more memory than `MEMORY`, can open no file nor write to one, and what breaks it down ends it alone. It is
asked over stdin for one document after another; each question and each part of an answer has its length in front.

PDFium's functions are called by their names in C, as declared in fpdfview.h, fpdf_text.h, fpdf_doc.h and
fpdf_attachment.h (https://pdfium.googlesource.com/pdfium/+/refs/heads/main/public/).
"""

import ctypes
import re
import resource
import signal
import struct
import sys
import zlib
from collections.abc import Iterator
from ctypes import CDLL, POINTER, c_char_p, c_int, c_size_t, c_uint, c_ulong, c_void_p
from itertools import islice, takewhile

MEMORY = 1 << 30
"""Bytes of address space."""
SECONDS = 20
"""Of computing, for one document; then the process is ended by `TOO_LONG`, as PDFium cannot be called off."""
TOO_LONG = signal.SIGPROF
_MOST = 32 << 20
"""Bytes that are told of one document."""
_PAGES = 20_000
_ATTACHMENTS = 10_000
_SAID = (b"Title", b"Author", b"Subject", b"Keywords", b"Creator", b"Producer", b"CreationDate", b"ModDate", b"Trapped")
"""What every document may say of itself (ISO 32000-1, 14.3.3)."""
_NO_PASSWORD, _NO_SUCH_LOCK = 4, 5
"""Errors of PDFium: a password is needed, or a way to encrypt that it does not know was used."""
_HYPHEN = "\ufffe"
"""What PDFium gives in place of a hyphen at the end of a line, and of that line's end."""
LENGTH = struct.Struct(">I")

_ENDS = 1 << 20
"""Bytes at either end of a document in which its trailer is looked for,"""
_INFOS = 8
"""and how many of those it may have, as it was changed,"""
_SAYS = 10_000
"""and the bytes of what it says of itself."""
_PACKED = 1 << 20
"""Bytes of a stream of objects."""
_INFO = re.compile(rb"/Info\s+(\d{1,8})\s+\d{1,8}\s+R")
_NAME = re.compile(rb"/([^\x00\s()<>\[\]{}/%]{1,127})")
_ESCAPED = re.compile(rb"#([0-9A-Fa-f]{2})")
_NUMBER = re.compile(rb"\d{1,9}")
_STREAM = re.compile(rb"/ObjStm\b[^\x80-\xff]{0,200}?\bstream\r?\n")
_LOCK = re.compile(rb"/(EFF|StmF)\s*/(\w{1,127})")
_CONTENT = re.compile(rb"(?<!end)stream\r?\n")
_FILTER = re.compile(rb"/(\w{1,20})Decode\b")
_FIRST = re.compile(rb"/First\s+(\d{1,7})")


class _Trouble(Exception):
    """Why not all of a document could be read, in words for a person."""


def main(library: str) -> None:
    """Answer until nothing more is asked."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # our parent decides
    signal.signal(TOO_LONG, signal.SIG_DFL)
    pdfium = _load(library)
    b"\0\0".decode("utf-16-le")  # loads what decodes text, for which there is no way later
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))
    asked = sys.stdin.buffer
    while len(head := asked.read(LENGTH.size)) == LENGTH.size:
        _answer(pdfium, asked.read(LENGTH.unpack(head)[0]))


def _load(library: str) -> CDLL:
    pdfium = CDLL(library)
    thing = c_void_p  # a document, a page, its text, an attachment
    for name, result, arguments in (
        ("FPDF_InitLibraryWithConfig", None, (c_void_p,)),
        ("FPDF_LoadMemDocument64", thing, (c_char_p, c_size_t, c_char_p)),
        ("FPDF_GetLastError", c_ulong, ()),
        ("FPDF_GetMetaText", c_ulong, (thing, c_char_p, c_void_p, c_ulong)),
        ("FPDF_GetPageCount", c_int, (thing,)),
        ("FPDF_LoadPage", thing, (thing, c_int)),
        ("FPDFText_LoadPage", thing, (thing,)),
        ("FPDFText_CountChars", c_int, (thing,)),
        ("FPDFText_GetText", c_int, (thing, c_int, c_int, c_void_p)),
        ("FPDFPage_CountObjects", c_int, (thing,)),
        ("FPDFText_ClosePage", None, (thing,)),
        ("FPDF_ClosePage", None, (thing,)),
        ("FPDFDoc_GetAttachmentCount", c_int, (thing,)),
        ("FPDFDoc_GetAttachment", thing, (thing, c_int)),
        ("FPDFAttachment_GetName", c_ulong, (thing, c_void_p, c_ulong)),
        ("FPDFAttachment_GetFile", c_int, (thing, c_void_p, c_ulong, POINTER(c_ulong))),
        ("FPDF_CloseDocument", None, (thing,)),
    ):
        function = getattr(pdfium, name)
        function.restype, function.argtypes = result, arguments
    # Without folders of fonts, text is the same on every machine, and the start does not list them.
    pdfium.FPDF_InitLibraryWithConfig(ctypes.byref(_Config(version=2, fonts=(c_char_p * 1)())))
    return pdfium


class _Config(ctypes.Structure):
    """`FPDF_LIBRARY_CONFIG` in its second version."""

    _fields_ = (("version", c_int), ("fonts", POINTER(c_char_p)), ("isolate", c_void_p), ("slot", c_uint))


def _answer(pdfium: CDLL, data: bytes) -> None:
    """
    Tell name and text of one part after the other, then nothing, then what went wrong, if anything.

    Each part is sent before the next is read, lest it be lost with us.
    """
    trouble = b""
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        for name, text in _bounded(_parts(pdfium, data)):
            _send(name.encode("utf-8", "replace"), text)
    except _Trouble as error:
        trouble = str(error).encode()
    except MemoryError:
        trouble = b"takes too much memory to read"
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    _send(b"", trouble)


def _send(*frames: bytes) -> None:
    sys.stdout.buffer.writelines(LENGTH.pack(len(frame)) + frame for frame in frames)
    sys.stdout.buffer.flush()


def _bounded(parts: Iterator[tuple[str, bytes]]) -> Iterator[tuple[str, bytes]]:
    room = _MOST
    for name, text in parts:
        yield name, text[:room]
        room -= len(text)
        if room <= 0:
            raise _Trouble("more text than is read")


def _parts(pdfium: CDLL, data: bytes) -> Iterator[tuple[str, bytes]]:
    opened = pdfium.FPDF_LoadMemDocument64(data, len(data), None)
    if not opened:
        locked = pdfium.FPDF_GetLastError() in (_NO_PASSWORD, _NO_SUCH_LOCK)
        raise _Trouble("encrypted" if locked else "broken inside")
    document = _Document(pdfium, opened)
    try:
        if said := document.said(_keys(data)):
            yield "about", said
        yield from document.texts()
        if document.attachments and _locked(data):
            raise _Trouble("its attachments are encrypted")
        yield from document.attached()
    finally:
        pdfium.FPDF_CloseDocument(opened)
    if document.trouble:
        raise _Trouble(document.trouble)
    if document.bare:
        _unpack(data)


class _Document:
    """What is in a document that was opened."""

    def __init__(self, pdfium: CDLL, opened: int) -> None:
        self._pdfium = pdfium
        self._opened = opened
        self.attachments = pdfium.FPDFDoc_GetAttachmentCount(opened)
        self.trouble = ""
        self.bare = False
        """Is there a page that shows nothing at all?"""

    def said(self, keys: Iterator[bytes]) -> bytes:
        """Return what the document says of itself, a line each, in its own order."""
        lines = []
        for key in dict.fromkeys((*keys, *_SAID)):
            size = self._pdfium.FPDF_GetMetaText(self._opened, key, None, 0)
            value = ctypes.create_string_buffer(size)
            self._pdfium.FPDF_GetMetaText(self._opened, key, value, size)
            if text := _wide(value):
                lines.append(f"/{key.decode('utf-8', 'replace')}: {text}\n")
        return "".join(lines).encode("utf-8", "replace")

    def texts(self) -> Iterator[tuple[str, bytes]]:
        """Yield the text of each page."""
        pages = self._pdfium.FPDF_GetPageCount(self._opened)
        if not pages:
            self.trouble = "broken inside"
        elif pages > _PAGES:
            self.trouble = "more pages than are read"
        broken = 0
        for number in range(min(pages, _PAGES)):
            text = self._page(number)
            if text is None:
                broken += 1
            else:
                yield f"page {number + 1}", text
        if broken:
            self.trouble = f"{broken} of its {pages} pages cannot be read"

    def _page(self, number: int) -> bytes | None:
        """Return the text of a page, its lines ended as elsewhere, or None if it is broken."""
        page = self._pdfium.FPDF_LoadPage(self._opened, number)
        text = page and self._pdfium.FPDFText_LoadPage(page)
        try:
            if not text:
                return None
            self.bare = self.bare or not self._pdfium.FPDFPage_CountObjects(page)
            count = max(self._pdfium.FPDFText_CountChars(text), 0)
            buffer = ctypes.create_string_buffer(4 * (count + 1))  # twice what is asked for
            size = 2 * max(self._pdfium.FPDFText_GetText(text, 0, count, buffer) - 1, 0)
            shown = buffer.raw[:size].decode("utf-16-le", "replace")
            return (shown.replace("\r\n", "\n").replace(_HYPHEN, "-\n") + "\n").encode("utf-8", "replace")
        finally:
            if text:
                self._pdfium.FPDFText_ClosePage(text)
            if page:
                self._pdfium.FPDF_ClosePage(page)

    def attached(self) -> Iterator[tuple[str, bytes]]:
        """Yield what is attached; a NUL before its name tells it from a page."""
        lost = max(self.attachments - _ATTACHMENTS, 0)
        for number in range(min(self.attachments, _ATTACHMENTS)):
            attachment = self._pdfium.FPDFDoc_GetAttachment(self._opened, number)
            length = c_ulong(0)
            if not attachment or not self._pdfium.FPDFAttachment_GetFile(attachment, None, 0, ctypes.byref(length)):
                lost += 1
                continue
            size = self._pdfium.FPDFAttachment_GetName(attachment, None, 0)
            name = ctypes.create_string_buffer(size)
            self._pdfium.FPDFAttachment_GetName(attachment, name, size)
            content = ctypes.create_string_buffer(length.value)
            self._pdfium.FPDFAttachment_GetFile(attachment, content, length.value, ctypes.byref(length))
            yield "\0" + _wide(name), content.raw
        if lost:
            self.trouble = f"{lost} of its {self.attachments} attachments cannot be read"


def _unpack(data: bytes) -> None:
    """
    See whether all can be unpacked in a document of which a page is bare.

    PDFium tells no difference between a page that is empty and one whose content is broken, or too much for it.
    """
    encrypted = b"/Encrypt" in data
    for stream in _CONTENT.finditer(data):
        filters = _FILTER.findall(data[max(stream.start() - 1000, 0) : stream.start()].rpartition(b"obj")[2])
        content = data[stream.end() : max(data.find(b"endstream", stream.end()), 0)]
        try:
            for _ in takewhile(b"Flate".__eq__, filters):
                unpacking = zlib.decompressobj()
                content = unpacking.decompress(content, _MOST)
                if unpacking.unconsumed_tail:
                    raise _Trouble("unpacks to more than is read")
        except zlib.error:
            if not encrypted:
                raise _Trouble("broken inside") from None


def _keys(data: bytes) -> Iterator[bytes]:
    """
    Find the keys under which a document may say something of itself, as PDFium tells the value of a key but no keys.

    A name too many does no harm: nothing is said under it.
    """
    numbers = set(_INFO.findall(data, max(len(data) - _ENDS, 0))) | set(_INFO.findall(data, 0, _ENDS))
    for number in sorted(numbers)[:_INFOS]:
        # Looked for by its number alone, which is ten times as fast.
        numbered = re.finditer(number + rb"\s+\d{1,8}\s+obj\b", data)
        found = (one.end() for one in numbered if not data[max(one.start() - 1, 0) : one.start()].isdigit())
        for said in (*(data[at : at + _SAYS] for at in islice(found, _INFOS)), *_packed(data, int(number))):
            for name in _NAME.findall(said.partition(b"endobj")[0]):
                yield _ESCAPED.sub(lambda code: bytes([int(code[1], 16)]), name)


def _packed(data: bytes, wanted: int) -> Iterator[bytes]:
    """Find an object in the streams of them (ISO 32000-1, 7.5.7), as most programs write them."""
    for stream in _STREAM.finditer(data):
        first = _FIRST.search(data, max(stream.start() - 200, 0), stream.end())
        if first is None:
            continue
        try:
            content = zlib.decompressobj().decompress(data[stream.end() : stream.end() + _PACKED], _PACKED)
        except zlib.error:
            continue  # encrypted, or compressed in another way
        start = int(first[1])
        head = [int(number) for number in _NUMBER.findall(content, 0, start)]
        numbers, places = head[::2], head[1::2]
        if wanted in numbers[: len(places)]:
            place = start + places[numbers.index(wanted)]
            end = start + min((other for other in places if start + other > place), default=_PACKED)
            yield content[place : min(end, place + _SAYS)]


def _locked(data: bytes) -> bool:
    """See whether attachments have a lock of their own (ISO 32000-1, 7.6.5): PDFium gives such as they are."""
    locks = dict(_LOCK.findall(data))
    return locks.get(b"EFF") not in (None, b"Identity", locks.get(b"StmF"))


def _wide(buffer: "ctypes.Array[ctypes.c_char]") -> str:
    """Decode what PDFium wrote as UTF-16, with a NUL at the end."""
    # Without the mark that says so, UTF-16 in a document is taken for text with a NUL in each letter.
    return buffer.raw.decode("utf-16-le", "replace").replace("\0", "")


if __name__ == "__main__":
    main(sys.argv[1])
