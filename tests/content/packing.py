"""Archives of every format, made at run time by the tools that everybody makes them with."""

import bz2
import gzip
import io
import lzma
import sqlite3
import struct
import sys
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from email.message import EmailMessage
from typing import Any

from keywatch.collect.content.archive.limits import Limits
from keywatch.collect.content.archive.look import look
from keywatch.collect.content.text import chunks
from keywatch.model.content import Chunk, Origin
from keywatch.model.source import Skipped

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

Files = dict[str, bytes]


def into_zip(files: Files, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return file.getvalue()


class _Pipe(io.RawIOBase):
    """What cannot be sought in: a zip archive written to it has its sizes behind each file."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:  # noqa: ANN401 - whatever has bytes
        self.parts.append(bytes(data))
        return len(data)


def into_piped_zip(files: Files) -> bytes:
    pipe = _Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return b"".join(pipe.parts)


def into_tar(files: Files, form: int = tarfile.PAX_FORMAT) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=form) as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return file.getvalue()


def into_seven_zip(files: Files, filters: list[dict[str, int]] | None = None) -> bytes:
    """Write what 7-Zip writes without a password: all files in one folder of LZMA2, behind each other."""
    whole = b"".join(files.values())
    packed = lzma.compress(whole, lzma.FORMAT_RAW, filters=filters or [{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 20}])
    names = b"".join(name.encode("utf-16-le") + b"\0\0" for name in files)
    sizes = b"".join(number(len(data)) for data in list(files.values())[:-1])
    header = b"".join(
        [
            b"\x01\x04\x06\0" + number(1) + b"\x09" + number(len(packed)) + b"\0",
            b"\x07\x0b" + number(1) + b"\0" + number(1) + b"\x21\x21\x01\x10",
            b"\x0c" + number(len(whole)) + b"\0",
            b"\x08\x0d" + number(len(files)) + b"\x09" + sizes + b"\0\0",
            b"\x05" + number(len(files)) + b"\x11" + number(len(names) + 1) + b"\0" + names + b"\0\0",
        ]
    )
    start = struct.pack("<QQI", len(packed), len(header), zlib.crc32(header))
    return b"7z\xbc\xaf\x27\x1c\0\x04" + struct.pack("<I", zlib.crc32(start)) + start + packed + header


def number(value: int) -> bytes:
    """Write a number as 7-Zip does."""
    for more in range(8):
        if value < 1 << (7 * (more + 1)):
            first = (0xFF00 >> more & 0xFF) | value >> (8 * more)
            return bytes([first]) + (value & (1 << (8 * more)) - 1).to_bytes(more, "little")
    return b"\xff" + value.to_bytes(8, "little")


def into_mail(files: Files) -> bytes:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "a@example.test", "b@example.test", "hello"
    message.set_content("see the attachment\n")
    for name, data in files.items():
        message.add_attachment(data, maintype="application", subtype="octet-stream", filename=name)
    return message.as_bytes()


def into_database(files: Files) -> bytes:
    with sqlite3.connect(":memory:") as database:
        database.execute("CREATE TABLE files (name TEXT, data TEXT)")
        database.executemany("INSERT INTO files VALUES (?, ?)", [(name, data.decode()) for name, data in files.items()])
        database.commit()
        return database.serialize()


def into_pdf(lines: Iterable[str], *, extra: bytes = b"") -> bytes:
    """Write a document of one page, its text compressed as every program does it."""
    shown = "".join(f"({line.replace(chr(92), chr(92) * 2)}) Tj T*\n" for line in lines)
    return pdf_showing(f"BT /F1 9 Tf 40 700 Td 12 TL\n{shown}ET".encode(), extra=extra)


def pdf_showing(
    shown: bytes,
    *more: bytes,
    extra: bytes = b"",
    catalogue: bytes = b"",
    trailer: bytes = b"",
    pages: bytes = b"3 0 R",
) -> bytes:
    """Write a document of one page that the operators `shown` draw; `more` are its objects from the seventh on."""
    text = zlib.compress(shown)
    return pdf_of(
        [
            b"<</Type/Catalog/Pages 2 0 R" + catalogue + b">>",
            b"<</Type/Pages/Kids[%s]/Count %d>>" % (pages, pages.count(b"R")),
            b"<</Type/Page/Parent 2 0 R/Contents 4 0 R/MediaBox[0 0 600 800]"
            b"/Resources<</Font<</F1 5 0 R/F2 6 0 R>>>>" + extra + b">>",
            b"<</Filter/FlateDecode/Length %d>>stream\n%s\nendstream" % (len(text), text),
            b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
            b"<</Type/Font/Subtype/Type1/BaseFont/Courier>>",
            *more,
        ],
        trailer=trailer,
    )


def pdf_of(objects: Iterable[bytes], *, trailer: bytes = b"") -> bytes:
    data, places = b"%PDF-1.4\n", []
    for count, body in enumerate(objects, 1):
        places.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (count, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    size = len(places) + 1
    return data + b"xref\n0 %d\n0000000000 65535 f \n%strailer\n<</Size %d/Root 1 0 R%s>>\nstartxref\n%d\n%%%%EOF\n" % (
        size,
        table,
        size,
        trailer,
        len(data),
    )


_WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_SHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_SLIDE = "http://schemas.openxmlformats.org/drawingml/2006/main"


def into_docx(paragraphs: Iterable[list[str]]) -> bytes:
    """Write a document; each string of a paragraph looks different from the one before, so it is a run of its own."""
    runs = "".join("<w:p>" + "".join(f"<w:r><w:t>{run}</w:t></w:r>" for run in runs) + "</w:p>" for runs in paragraphs)
    body = f'<?xml version="1.0"?><w:document xmlns:w="{_WORD}"><w:body>{runs}</w:body></w:document>'
    return into_zip({"[Content_Types].xml": b"<Types/>", "word/document.xml": body.encode()})


def into_pptx(lines: Iterable[list[str]]) -> bytes:
    runs = "".join("<a:p>" + "".join(f"<a:r><a:t>{run}</a:t></a:r>" for run in runs) + "</a:p>" for runs in lines)
    body = f'<?xml version="1.0"?><p:sld xmlns:p="urn:p" xmlns:a="{_SLIDE}"><p:txBody>{runs}</p:txBody></p:sld>'
    return into_zip({"[Content_Types].xml": b"<Types/>", "ppt/slides/slide1.xml": body.encode()})


def into_xlsx(rows: list[list[str]], *, unused: tuple[str, ...] = ()) -> bytes:
    words = [cell for row in rows for cell in row]
    count = iter(range(len(words)))
    cells = "".join("<row>" + "".join(f'<c t="s"><v>{next(count)}</v></c>' for _ in row) + "</row>" for row in rows)
    sheet = f'<?xml version="1.0"?><worksheet xmlns="{_SHEET}"><sheetData>{cells}</sheetData></worksheet>'
    listed = "".join(f"<si><t>{word}</t></si>" for word in [*words, *unused])
    return into_zip(
        {
            "[Content_Types].xml": b"<Types/>",
            "xl/worksheets/sheet1.xml": sheet.encode(),
            "xl/sharedStrings.xml": f'<?xml version="1.0"?><sst xmlns="{_SHEET}">{listed}</sst>'.encode(),
        }
    )


def into_odt(paragraphs: Iterable[list[str]]) -> bytes:
    text = "".join(
        "<text:p>" + "".join(f"<text:span>{run}</text:span>" for run in runs) + "</text:p>" for runs in paragraphs
    )
    space = "urn:oasis:names:tc:opendocument:xmlns"
    body = f'<?xml version="1.0"?><o:d xmlns:o="{space}:office:1.0" xmlns:text="{space}:text:1.0">{text}</o:d>'
    return into_zip({"mimetype": b"application/vnd.oasis.opendocument.text", "content.xml": body.encode()})


def into_png(**texts: str) -> bytes:
    def part(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    written = b"".join(part(b"tEXt", f"{key}\0{text}".encode()) for key, text in texts.items())
    picture = part(b"IDAT", zlib.compress(bytes(100)))
    return b"\x89PNG\r\n\x1a\n" + part(b"IHDR", bytes(13)) + picture + written + part(b"IEND", b"")


ARCHIVES: dict[str, Callable[[Files], bytes]] = {
    "zip": into_zip,
    "zip-stored": lambda files: into_zip(files, zipfile.ZIP_STORED),
    "zip-bzip2": lambda files: into_zip(files, zipfile.ZIP_BZIP2),
    "zip-lzma": lambda files: into_zip(files, zipfile.ZIP_LZMA),
    "zip-piped": into_piped_zip,
    "zip-behind-a-program": lambda files: b"#!/bin/sh\nexec me\n" * 10 + into_zip(files),
    "tar": into_tar,
    "tar-gnu": lambda files: into_tar(files, tarfile.GNU_FORMAT),
    "tar-ustar": lambda files: into_tar(files, tarfile.USTAR_FORMAT),
    "7z": into_seven_zip,
    "mail": into_mail,
}
"""What holds files under their names."""
COMPRESSIONS: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zst": zstd.compress,
}

ORIGIN = Origin("target", "outer", "0123")


def found(data: bytes, limits: Limits | None = None) -> tuple[dict[str, bytes], list[Skipped]]:
    """Return the text at each path, and what was skipped."""
    items = look(data, (), ORIGIN, limits=limits) if limits else chunks(data, ORIGIN)
    return gathered(items)


def gathered(items: Iterable[Chunk | Skipped]) -> tuple[dict[str, bytes], list[Skipped]]:
    texts: dict[str, bytes] = {}
    skipped: list[Skipped] = []
    for item in items:
        if isinstance(item, Skipped):
            skipped.append(item)
        else:
            assert item.origin.target == ORIGIN.target
            assert item.origin.blob == ORIGIN.blob
            texts[item.origin.path] = texts.get(item.origin.path, b"") + item.data[item.overlap :]
    return texts, skipped


def pieces_of(data: bytes, size: int) -> Iterator[bytes]:
    return (data[start : start + size] for start in range(0, len(data), size))
