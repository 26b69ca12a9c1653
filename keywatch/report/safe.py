"""Text from the outside world, made fit for a terminal, a table, a page: it may say anything and do nothing."""


def visible(text: str) -> str:
    """
    Return `text` with everything that does not print spelled out: escapes, line ends, text that runs backwards.

    A file may be named so that a terminal obeys it, or so that a report shows another name than it has.
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _spelled(ord(char)) for char in text)


def _spelled(code: int) -> str:
    if code < 0x100:  # noqa: PLR2004 - fits in two digits
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"  # noqa: PLR2004 - fits in four digits


def cell(text: str) -> str:
    """Return `text` for a cell of a table that a spreadsheet may open: never a formula."""
    text = visible(text)
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\\x09", "\\x0d")) else text
