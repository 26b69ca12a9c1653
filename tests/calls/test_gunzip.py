"""Inflating into memory that is used again."""

import gzip

import pytest

from keywatch.collect.gunzip import Buffers, GzipRefused, gunzip


def inflated(data: bytes, buffers: Buffers, piece: int = 1 << 20) -> memoryview:
    return gunzip((data[at : at + piece] for at in range(0, len(data), piece)), most=64 << 20, buffers=buffers)


def test_nothing_of_a_file_is_left_for_the_next() -> None:
    """A large file, a small one, and one in between lie in the same memory, each as it is."""
    buffers = Buffers()
    for text in (b"ab" * (3 << 20), b"", b"short", b"in between" * 50_000, b"xyz" * (2 << 20)):
        content = inflated(gzip.compress(text, 1), buffers)
        assert text == content
        buffers.give(content)
        with pytest.raises(ValueError, match="released"):
            content.tobytes()


def test_what_is_held_is_not_written_to() -> None:
    """Files that are read ahead lie beside each other."""
    buffers = Buffers()
    texts = [bytes([number]) * 100_000 for number in range(20)]
    contents = [inflated(gzip.compress(text), buffers, piece=7) for text in texts]
    assert texts == contents
    for content in contents:
        buffers.give(content)
    assert texts[3] == inflated(gzip.compress(texts[3]), buffers)


def test_a_refused_stream_costs_no_other() -> None:
    """What was inflated before a stream turned out to be none is nobody's."""
    buffers = Buffers()
    buffers.give(inflated(gzip.compress(b"before"), buffers))
    with pytest.raises(GzipRefused, match="cut off"):
        inflated(gzip.compress(b"half of it" * 1000)[:-20], buffers)
    assert b"after" == bytes(inflated(gzip.compress(b"after"), buffers))
