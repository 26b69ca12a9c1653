"""The packaged rules, one TOML file an issuer, and the way to load further ones."""

from functools import cache
from importlib import resources
from pathlib import Path

from keywatch.detect import rulefile
from keywatch.detect.rule import Allowlist, Condition, RegexTarget, Required, Rule, ValueTest
from keywatch.detect.ruleset import RuleSet

__all__ = ["Allowlist", "Condition", "RegexTarget", "Required", "Rule", "RuleSet", "ValueTest", "load", "packaged"]


@cache
def packaged() -> RuleSet:
    """Return the rules that come with keywatch."""
    found = RuleSet(rules=())
    for file in sorted(resources.files(__name__).iterdir(), key=lambda file: file.name):
        if file.name.endswith(".toml"):
            found = found.extended(rulefile.RuleFile(file.name, file.read_text(encoding="utf-8"), proven=True).read())
    return found


def load(path: Path) -> RuleSet:
    """
    Read a rule file of ours or gitleaks': its own rules, and the packaged ones only where it says `useDefault`.

    Raises:
        RuleError: the file cannot be read, or a rule in it cannot be used: file, line, rule, reason, hint.
    """
    return rulefile.load(path, packaged=packaged())
