"""What a file is, by its first bytes: text is everything that is nothing else. A name proves nothing."""

from enum import Enum, auto


class Kind(Enum):
    """What is not read as it stands."""

    PICTURE = auto()
    MEDIA = auto()
    """Sound, film, fonts: nothing in them is legible."""
    GZIP = auto()
    BZIP2 = auto()
    XZ = auto()
    ZSTD = auto()
    TAR = auto()
    ZIP = auto()
    SEVEN_ZIP = auto()
    RAR = auto()
    DATABASE = auto()
    PDF = auto()
    MAIL = auto()


_SIGNS = {
    b"\x89PNG\r\n\x1a\n": Kind.PICTURE,
    b"\xff\xd8\xff": Kind.PICTURE,
    b"GIF8": Kind.MEDIA,
    b"wOFF": Kind.MEDIA,
    b"wOF2": Kind.MEDIA,
    b"RIFF": Kind.MEDIA,
    b"OggS": Kind.MEDIA,
    b"ID3": Kind.MEDIA,
    b"\x1aE\xdf\xa3": Kind.MEDIA,
    b"\x1f\x8b\x08": Kind.GZIP,
    b"BZh": Kind.BZIP2,
    b"\xfd7zXZ\0": Kind.XZ,
    b"\x28\xb5\x2f\xfd": Kind.ZSTD,
    b"PK\x03\x04": Kind.ZIP,
    b"PK\x05\x06": Kind.ZIP,
    b"7z\xbc\xaf\x27\x1c": Kind.SEVEN_ZIP,
    b"Rar!\x1a\x07": Kind.RAR,
    b"SQLite format 3\0": Kind.DATABASE,
    b"%PDF-": Kind.PDF,
    b"From ": Kind.MAIL,
    b"From: ": Kind.MAIL,
    b"Return-Path: ": Kind.MAIL,
    b"Received: ": Kind.MAIL,
    b"Delivered-To: ": Kind.MAIL,
    b"Message-ID: ": Kind.MAIL,
    b"MIME-Version: ": Kind.MAIL,
    b"Subject: ": Kind.MAIL,
    b"Date: ": Kind.MAIL,
    b"To: ": Kind.MAIL,
    b"X-": Kind.MAIL,
    b"Content-Type: ": Kind.MAIL,
}
SIGNS = tuple(_SIGNS)
"""One of these begins everything that `kind_of` may call something, but tar."""
_HEADERS = 1 << 16
_BZIP2_BLOCKS = (b"1AY&SY", b"\x17rE8P\x90")


def kind_of(head: bytes) -> Kind | None:
    """Return what a file is that begins with `head`: a few kilobytes, or all there is. None: read it as it stands."""
    if not head.startswith(SIGNS):
        return Kind.TAR if head[257:262] == b"ustar" else None
    kind = next(kind for sign, kind in _SIGNS.items() if head.startswith(sign))
    if kind is Kind.MAIL:
        return kind if _is_mail(head[:_HEADERS]) else None
    if kind is Kind.BZIP2 and head[4:10] not in _BZIP2_BLOCKS:
        return None
    return kind


def _is_mail(head: bytes) -> bool:
    """Whether parts of it may be encoded; other mail is text as it stands."""
    lower = b"\n" + head.lower()
    return b"\ncontent-transfer-encoding:" in lower or b"\ncontent-type:" in lower or b"=?" in lower


def ends_as_zip(data: bytes) -> bool:
    """Whether a zip archive stands behind something else, as in a program that unpacks itself, up to the end."""
    return data[-22:-18] == b"PK\x05\x06"
