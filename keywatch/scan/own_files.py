"""
What a target itself says about scanning it: `.gitleaks.toml`, `.betterleaks.toml`, and their lists of what to ignore.

Whoever wrote the target wrote these too, so they are read with care: regular files within the target only, of a bounded
size, whose patterns cost a bounded amount to compile.
"""

import os
from collections.abc import Callable
from pathlib import Path

from keywatch.collect.regular_file import open_regular
from keywatch.model.errors import KeywatchError, RuleError
from keywatch.model.source import Skipped
from keywatch.scan.baseline_file import GitleaksIgnore, ignore_of

RULE_FILES = (".gitleaks.toml", ".betterleaks.toml")
IGNORE_FILES = (".gitleaksignore", ".betterleaksignore")
LARGEST = 1 << 20
"""Bytes of such a file that is read."""
_NAMED = 5
"""Warnings about one file that are told in full."""


def own_files(top: Path, names: tuple[str, ...]) -> tuple[Path, ...]:
    """Return those of `names` that are in the directory `top`; none where it is no directory."""
    return tuple(top / name for name in names if os.path.lexists(top / name)) if top.is_dir() else ()


def has_own(top: Path) -> bool:
    """Tell whether the target says anything about scanning it; `-` and single files never do."""
    return bool(own_files(top, RULE_FILES + IGNORE_FILES))


def text_within(top: Path, path: Path) -> str:
    """
    Return the text of a file of the target `top`.

    Raises:
        RuleError: it is not inside the target, no regular file, too large, or no text.
    """
    hint = "mend it, or leave it out with --no-repo-config"
    try:
        real = path.resolve(strict=True)
        if not real.is_relative_to(top.resolve()):
            raise RuleError(f"{path}: lies outside of {top}, and is not read", hint=hint)
        descriptor, status = open_regular(real)
        with os.fdopen(descriptor, "rb") as file:
            if status.st_size > LARGEST:
                raise RuleError(f"{path}: larger than {LARGEST >> 20} MiB, and not read", hint=hint)
            return file.read(LARGEST).decode()
    except UnicodeDecodeError:
        raise RuleError(f"{path}: not UTF-8 text", hint=hint) from None
    except (OSError, RuntimeError) as error:  # RuntimeError: links in a circle
        why = error.strerror if isinstance(error, OSError) else "links lead in a circle"
        raise RuleError(f"{path}: cannot be read: {why}", hint=hint) from None


def own_ignored(top: Path, note: Callable[[str], None]) -> tuple[GitleaksIgnore, list[Skipped]]:
    """Return what the target's ignore files excuse, and which could not be read; `note` is told of odd lines."""
    places: set[tuple[str, str, str, int]] = set()
    names: list[str] = []
    unread: list[Skipped] = []
    for path in own_files(top, IGNORE_FILES):
        told: list[str] = []
        try:
            places |= ignore_of(path, text_within(top, path), told.append).places
            names.append(str(path))
        except KeywatchError as error:
            unread.append(not_followed(error))
        tell(told, path, note)
    return GitleaksIgnore(frozenset(places), ", ".join(names)), unread


def tell(told: list[str], path: Path, note: Callable[[str], None]) -> None:
    """Pass on what there is to say about a file, in bounds."""
    for text in told[:_NAMED]:
        note(text)
    if len(told) > _NAMED:
        note(f"{path}: {len(told) - _NAMED} further notes of the kind")


def not_followed(error: KeywatchError) -> Skipped:
    """Return what is reported where a file of the target cannot be used: the scan goes on without it."""
    what, _, why = error.message.partition(": ")
    hint = "the target is scanned without this file; mend it, or leave it out with --no-repo-config"
    return Skipped(what, " | ".join(why.split("\n")), hint)
