"""What a person says on the command line that is kept: by whom, and in one line."""

from keywatch.model.errors import UsageError

_LONGEST = 500


def one_line(option: str, text: str) -> str:
    """
    Return `text`.

    Raises:
        UsageError: it is no line that can be kept and shown.
    """
    if len(text) > _LONGEST or not text.isprintable():
        raise UsageError(f"{option}: should be one line of at most {_LONGEST} characters")
    return text


def whoever(by: str | None) -> str:
    """Return who says it: as given, else who is logged in."""
    import getpass

    return one_line("--by", by or getpass.getuser())
