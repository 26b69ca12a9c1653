"""
CloudTrail's log files: `{"Records":[...]}`, decoded a portion at a time. Pure.

A portion is a few dozen records, which are used and gone before the next are made: so all of it stays in the
processor's cache, and a file of a million records takes no more memory than a small one. What is cut is checked:
joined by commas, portions that are lists are the very list they were cut from; anything else is decoded in one.
"""

from collections.abc import Iterator

import msgspec

from keywatch.collect.calls.cloudtrail_record import Record

_HEAD, _BETWEEN, _TAIL = b'{"Records":[', b'},{"eventVersion":', b"]}"
"""As CloudTrail writes a file's beginning and end, and where one record ends and the next begins."""
_PORTION = 64 << 10
_END = ord("]")
_BROKEN = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What decoders raise at what somebody else wrote."""


class _File(msgspec.Struct):
    Records: list[Record]


class _LooseFile(msgspec.Struct):
    Records: list[msgspec.Raw]


_decode_file = msgspec.json.Decoder(_File).decode
_decode_loosely = msgspec.json.Decoder(_LooseFile).decode
_decode_list = msgspec.json.Decoder(list[Record]).decode
_decode_raw = msgspec.json.Decoder(list[msgspec.Raw]).decode
_decode_record = msgspec.json.Decoder(Record).decode


def portions(data: bytes | memoryview, portion: int = _PORTION) -> Iterator[tuple[list[Record], int]]:
    """
    Yield the records of a log file, some at a time, each time with how many more there were that are not records.

    Args:
        data: The inflated file.
        portion: Bytes of it that are decoded at a time; of a record that is larger, as many as it takes.

    Raises:
        ValueError: it is not a CloudTrail log file, or from there on no longer. The text quotes nothing.
    """
    if data[: len(_HEAD)] != _HEAD or data[-len(_TAIL) :] != _TAIL:
        yield decode(data)
        return
    at, size = len(_HEAD), portion
    while at + size < len(data):
        piece = bytearray(b"[")
        piece += data[at : at + size]
        cut = piece.rfind(_BETWEEN)
        if cut < 0:
            size *= 2
            continue
        piece[cut + 1] = _END  # where the comma was
        try:
            found = _portion(memoryview(piece)[: cut + 2])
        except _BROKEN:
            break
        yield found
        at, size = at + cut + 1, portion
    yield decode(b"".join((_HEAD, data[at:])))


def decode(data: bytes | memoryview) -> tuple[list[Record], int]:
    """
    Decode a log file in one: its records, and how many more there are that are not records.

    Raises:
        ValueError: it is not a CloudTrail log file. The text quotes nothing.
    """
    try:
        return _decode_file(data).Records, 0
    except _BROKEN:
        pass
    try:
        return _each(_decode_loosely(data).Records)
    except msgspec.ValidationError:
        raise ValueError("not a CloudTrail log file: it has no list of records") from None
    except RecursionError:
        raise ValueError("not a CloudTrail log file: it is nested too deeply") from None
    except _BROKEN:
        raise ValueError("not JSON, or cut off") from None


def _portion(data: memoryview) -> tuple[list[Record], int]:
    try:
        return _decode_list(data), 0
    except _BROKEN:
        return _each(_decode_raw(data))


def _each(raw: list[msgspec.Raw]) -> tuple[list[Record], int]:
    records = []
    for item in raw:
        try:
            records.append(_decode_record(item))
        except _BROKEN:
            continue
    return records, len(raw) - len(records)
