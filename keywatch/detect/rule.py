"""What a detection rule is: a pattern, what must be near it, and what excuses a hit."""

from dataclasses import dataclass
from enum import StrEnum

from keywatch.model.finding import RuleInfo
from keywatch.model.key import HandleSpace

DEFAULT_SPAN = 8192
"""Bytes. The longest text a rule may match unless it says otherwise; keeps the work for one hit bounded."""

GENERIC = 20
"""Rules up to this specificity know a secret by its name and by chance alone: the value may be an encoded one."""


class Condition(StrEnum):
    """How the parts of an allow-list combine."""

    OR = "OR"
    AND = "AND"


class RegexTarget(StrEnum):
    """What the patterns of an allow-list are searched in."""

    SECRET = "secret"  # noqa: S105 - the name of a target
    MATCH = "match"
    LINE = "line"
    NAME = "name"
    """The match with all of the word it begins in: `csrf_` before `token=…`. Our own rules only."""


class ValueTest(StrEnum):
    """A test of the secret itself, beyond what a pattern can say."""

    NONE = ""
    RANDOM = "random"
    """It must look generated: `keywatch.detect.value`."""
    GENERATED = "generated"
    """It must look generated, or be a UUID of chance."""
    TOKEN = "token"  # noqa: S105 - the name of a test
    """Less is asked of it than of a random one, for the pattern names the issuer: a series may pass, a word may not."""
    KEY = "key"
    """It must look like 40 characters of an AWS secret, not like a path, a hash or a word list."""
    PASSWORD = "password"  # noqa: S105 - the name of a test
    """A person may have chosen it, but it is neither a word of a sentence nor a placeholder."""
    STRONG_PASSWORD = "strong-password"  # noqa: S105 - the name of a test
    """As before, and it is hardly anything but a password: for names that stand in every program."""
    WEAK_PASSWORD = "weak-password"  # noqa: S105 - the name of a test
    """Even a word will do: for places where only a password can stand."""
    CHOSEN = "chosen"
    """A password in a message: not a word of the language, not a date, an order, a product, an address."""
    SELLER = "seller"
    """What a seller may send: an AWS or MWS secret, an LWA client secret of either form."""
    CRC32 = "crc32"
    """
    Its last six characters are the base62 CRC-32 of those between prefix and checksum (GitHub, npm).

    A token that fails is kept with low confidence if it looks random: the scheme is described in prose only.
    """
    BASE64 = "base64"
    """It is base64 of no placeholder."""
    WEB_TOKEN = "web-token"  # noqa: S105 - the name of a test
    """
    A JSON Web Token. One that tells neither who issued it nor when, or is the one of the manuals, is kept with low
    confidence: services say both, tests do not.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowlist:
    """What excuses a hit, as gitleaks defines it: any matching list drops the hit."""

    description: str = ""
    condition: Condition = Condition.OR
    commits: tuple[str, ...] = ()
    """
    Lower case. The engine sees bytes only and never matches on them: `keywatch.scan.commits` does.
    """
    paths: tuple[str, ...] = ()
    regexes: tuple[str, ...] = ()
    target: RegexTarget = RegexTarget.SECRET
    stopwords: tuple[str, ...] = ()
    rules: frozenset[str] = frozenset()
    """For a global list: only hits of these rules. Empty: hits of any rule."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Required:
    """A second rule that must (or may) match near the first."""

    id: str
    within_lines: int | None = None
    """Greatest distance between the two matches' first lines. None: anywhere in the chunk."""
    within_columns: int | None = None
    optional: bool = False
    """Its absence does not drop the hit; its presence raises the confidence one step."""
    handle: HandleSpace | None = None
    """The text the second rule found is a public name of the key, in this naming scheme."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule. `regex`, `path` or both are given; patterns are in RE2's syntax and see bytes (Latin-1)."""

    info: RuleInfo
    regex: str | None = None
    path: str | None = None
    secret_group: int = 0
    """0: the first group that took part and is not empty, else the whole match."""
    entropy: float = 0.0
    """Bits a byte (Shannon). A secret at or under it is dropped; 0 switches the test off."""
    keywords: tuple[str, ...] = ()
    """Lower case. At least one must stand somewhere in the chunk; none: the rule always runs."""
    allowlists: tuple[Allowlist, ...] = ()
    required: tuple[Required, ...] = ()
    skip_report: bool = False
    """Only ever a part of another rule's match."""
    matches: tuple[str, ...] = ()
    """Templates (`keywatch.detect.examples`) of text in which the rule must find a secret."""
    ignores: tuple[str, ...] = ()
    """Templates of text in which it must find none."""
    source: str = ""
    """URL of the issuer's description of the format."""
    filter: str = ""
    """An expression (`keywatch.detect.expression`) that is true of a hit which is no secret."""
    token_efficiency: bool = False
    """Drop a secret that reads like natural language, as betterleaks judges it."""
    specificity: int = 50
    """Of two rules that see overlapping secrets the more specific one is reported."""
    canonical: bool = False
    """Undo URL, JSON and unicode escapes in the secret, so that every spelling has one fingerprint."""
    anchor: str | None = None
    """
    A simpler pattern for the first pass, where the regex is too large or too noisy for it: wherever the regex matches,
    the anchor matches from the same place on.
    """
    test: ValueTest = ValueTest.NONE
    span: int = DEFAULT_SPAN
    """Bytes. No match of the rule is longer."""

    @property
    def id(self) -> str:
        return self.info.id
