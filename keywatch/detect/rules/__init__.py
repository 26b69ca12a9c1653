"""The packaged rules, one TOML file an issuer, and the way to load further ones."""

from contextlib import suppress
from functools import cache
from pathlib import Path

from keywatch.detect import cachefile, rulecache
from keywatch.detect.rule import Allowlist, Condition, RegexTarget, Required, Rule, ValueTest
from keywatch.detect.ruleset import RuleSet

__all__ = [
    "Allowlist",
    "Condition",
    "RegexTarget",
    "Required",
    "Rule",
    "RuleSet",
    "ValueTest",
    "added",
    "load",
    "packaged",
]


@cache
def packaged(cache_dir: Path | None = None) -> RuleSet:
    """
    Return the rules that come with keywatch.

    Args:
        cache_dir: where they are kept once they are parsed; a later start then reads only those it needs. None: parse.
    """
    if cache_dir is None:
        return _parsed()
    try:
        key = cachefile.code_digest()
    except OSError:
        return _parsed()
    file = cache_dir / f"packaged-{key[:32]}.rules"
    with suppress(ValueError, KeyError, TypeError):
        if (kept := cachefile.read(file, key)) is not None:
            return rulecache.loaded(kept[0])
    found = _parsed()
    cachefile.write(file, key, rulecache.dumped(found))
    return found


def _parsed() -> RuleSet:
    from importlib import resources

    from keywatch.detect.rulefile import RuleFile

    found = RuleSet(rules=())
    for file in sorted(resources.files(__name__).iterdir(), key=lambda file: file.name):
        if file.name.endswith(".toml"):
            found = found.extended(RuleFile(file.name, file.read_text(encoding="utf-8"), proven=True).read())
    return found


def load(path: Path, cache_dir: Path | None = None) -> RuleSet:
    """
    Read a rule file of ours or gitleaks': its own rules, and the packaged ones only where it says `useDefault`.

    Args:
        path: the file.
        cache_dir: see `packaged`.

    Raises:
        RuleError: the file cannot be read, or a rule in it cannot be used: file, line, rule, reason, hint.
    """
    from keywatch.detect import rulefiles

    return rulefiles.load(path, packaged=packaged(cache_dir))


def added(path: Path, to: RuleSet) -> RuleSet:
    """
    Return the rules of `to` with those of a rule file added, which may switch off some where it says `useDefault`.

    Raises:
        RuleError: as `load`.
    """
    from keywatch.detect import rulefiles

    return rulefiles.added(path, to=to)
