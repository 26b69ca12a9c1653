"""What nothing is read from: media, in which nothing is legible, and formats that cannot be opened."""

from keywatch.collect.content.archive.content import Content
from keywatch.collect.content.archive.look import Found, Inside


def leave_out(_content: Content, _inside: Inside) -> Found:
    """Read nothing: no secret in it is legible."""
    return iter(())


def refuse_rar(_content: Content, inside: Inside) -> Found:
    """Say that it cannot be read."""
    return iter((inside.skipped("RAR archives cannot be opened", "unpack it and scan what comes out"),))
