"""
A process of its own that reads PDF: the format is vast, and whoever wrote the file may not wish us well.

It is run as a script, imports nothing of keywatch, has no more memory than `MEMORY`, and can write to no file. It is
asked over stdin for one document after another; each question and each part of an answer has its length in front.
"""

import io
import resource
import signal
import struct
import sys
from collections.abc import Iterator
from types import FrameType
from typing import Any, BinaryIO

MEMORY = 1 << 30
"""Bytes of address space."""
SECONDS = 20
"""Of computing, for one document."""
_MOST = 32 << 20
"""Bytes that are told of one document."""
_PAGES = 20_000
LENGTH = struct.Struct(">I")


class _Enough(BaseException):
    """A document takes too long. No `Exception`, as its reader catches those."""


def main() -> None:
    """Answer until nothing more is asked."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # our parent decides
    signal.signal(signal.SIGVTALRM, _stop)
    out = sys.stdout.buffer
    sys.stdout = sys.stderr
    while len(head := sys.stdin.buffer.read(LENGTH.size)) == LENGTH.size:
        _answer(sys.stdin.buffer.read(LENGTH.unpack(head)[0]), out)
        out.flush()


def _answer(data: bytes, out: BinaryIO) -> None:
    """Tell name and text of one part after the other, then nothing, then what went wrong, if anything."""
    room = _MOST
    trouble = b""
    signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS)
    try:
        for name, text in _parts(data):
            encoded = text if isinstance(text, bytes) else text.encode("utf-8", "replace")
            frames = (name.encode("utf-8", "replace"), encoded[:room])
            out.writelines(LENGTH.pack(len(frame)) + frame for frame in frames)
            room -= len(encoded)
            if room <= 0:
                trouble = b"more text than is read"
                break
    except _Enough:
        trouble = b"takes too long to read"
    except MemoryError:
        trouble = b"takes too much memory to read"
    except _Encrypted:
        trouble = b"encrypted"
    except Exception:  # noqa: BLE001 - whatever its reader stumbles over
        trouble = b"broken inside"
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    out.write(LENGTH.pack(0) + LENGTH.pack(len(trouble)) + trouble)


class _Encrypted(Exception):
    """A password is needed."""


def _parts(data: bytes) -> Iterator[tuple[str, str | bytes]]:
    import logging

    logging.disable()
    import pypdf

    reader = pypdf.PdfReader(io.BytesIO(data))
    if reader.is_encrypted and not reader.decrypt(""):
        raise _Encrypted
    about: Any = reader.metadata or {}
    said = "".join(f"{key}: {about[key]}\n" for key in about)
    if said:
        yield "about", said
    broken = 0
    for number, page in enumerate(reader.pages, 1):
        if number > _PAGES:
            break
        try:
            yield f"page {number}", page.extract_text() + "\n"
        except MemoryError:
            raise
        except Exception:  # noqa: BLE001 - one page; the others may be well
            broken += 1
    for name, contents in reader.attachments.items():
        for content in contents:
            yield f"\0{name}", content
    if broken:
        raise ValueError(broken)


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise _Enough


if __name__ == "__main__":
    main()
