"""What drops a candidate: low entropy, a missing keyword, a value that is no secret, an allow-list, a filter."""

from collections.abc import Callable, Iterator
from functools import cached_property

from keywatch.detect import lazy_re2 as re2
from keywatch.detect.candidate import Candidate
from keywatch.detect.checksum import crc32_holds
from keywatch.detect.chosen import looks_chosen
from keywatch.detect.entropy import entropy
from keywatch.detect.issued import looks_like_token
from keywatch.detect.lines import Lines
from keywatch.detect.password import looks_like_password, looks_like_strong_password, looks_like_weak_password
from keywatch.detect.pattern import compiled
from keywatch.detect.rule import Allowlist, Condition, RegexTarget, Rule, ValueTest
from keywatch.detect.ruleset import RuleSet
from keywatch.detect.value import (
    is_placeholder,
    looks_generated,
    looks_like_aws_secret,
    looks_like_sellers_secret,
    looks_random,
    stands_for_secret,
)
from keywatch.model.content import Chunk

REACH = 4096
"""Bytes a filter or allow-list may look at on each side of a hit; a minified file has lines of megabytes."""

_NAME_REACH = 48
_NAME = re2.compile(rb"[A-Za-z0-9_.-]*$")
_NAME_OF_VALUE = re2.compile(rb"([A-Za-z0-9_.-]+)[^A-Za-z0-9_.-]{1,8}$")
_MARKS = bytes(byte for byte in range(128) if not chr(byte).isalnum())
_SHORTEST_NAME = 8
_CHOSEN = frozenset({ValueTest.PASSWORD, ValueTest.STRONG_PASSWORD, ValueTest.WEAK_PASSWORD})

_CONTROLS = bytes([*range(9), 11, 12, *range(14, 32), 127])
"""What no secret holds, as nobody can type it: the pattern went on beyond the text, into what is not text."""

_TESTS: dict[ValueTest, Callable[[bytes], bool]] = {
    ValueTest.NONE: lambda value: not is_placeholder(value),
    ValueTest.RANDOM: looks_random,
    ValueTest.GENERATED: looks_generated,
    ValueTest.TOKEN: looks_like_token,
    ValueTest.KEY: looks_like_aws_secret,
    ValueTest.PASSWORD: looks_like_password,
    ValueTest.STRONG_PASSWORD: looks_like_strong_password,
    ValueTest.WEAK_PASSWORD: looks_like_weak_password,
    ValueTest.CHOSEN: looks_chosen,
    ValueTest.SELLER: looks_like_sellers_secret,
    ValueTest.CRC32: lambda value: crc32_holds(value) or looks_random(value),
    ValueTest.BASE64: stands_for_secret,
    ValueTest.WEB_TOKEN: lambda value: not is_placeholder(value),
}


def looks_at_lines(rule: Rule, everywhere: RuleSet) -> bool:
    """Tell whether an allow-list of the rule or the set `everywhere` looks at the lines of a hit."""
    return any(one.target is RegexTarget.LINE for one in _lists(rule, everywhere))


def looks_at_path(rule: Rule, everywhere: RuleSet) -> bool:
    """Tell whether the rule or one of its allow-lists looks at the path."""
    return rule.path is not None or any(one.paths for one in _lists(rule, everywhere))


def looks_before(rule: Rule, everywhere: RuleSet) -> int:
    """Return how many bytes before a match patterns and filters look at, but for filters that look at lines."""
    if rule.test in _CHOSEN:
        return 2 * _NAME_REACH
    return _NAME_REACH if any(one.target is RegexTarget.NAME for one in _lists(rule, everywhere)) else 1


def _lists(rule: Rule, everywhere: RuleSet) -> Iterator[Allowlist]:
    yield from rule.allowlists
    yield from (one for one in everywhere.allowlists if not one.rules or rule.id in one.rules)


def encoded_path(path: str) -> bytes:
    """Return a path as patterns see it."""
    return path.replace("\\", "/").encode(errors="surrogateescape")


class Sheet:
    """One chunk, with what is worked out about it at most once and only when asked for."""

    def __init__(self, chunk: Chunk) -> None:
        self.chunk = chunk
        self.data = chunk.data
        self._held: dict[str, bool] = {}

    @cached_property
    def lines(self) -> Lines:
        return Lines(self.chunk)

    @cached_property
    def path(self) -> bytes:
        return encoded_path(self.chunk.origin.path)

    @cached_property
    def lowered(self) -> bytes:
        return self.data.lower()

    def holds(self, word: str) -> bool:
        """Tell whether `word`, in lower case, stands anywhere; looked for once, however many candidates ask."""
        if word not in self._held:
            self._held[word] = word.encode() in self.lowered
        return self._held[word]

    def line(self, start: int, end: int) -> bytes:
        """Text of the lines that hold the bytes from `start` to `end`, within reach."""
        floor = self.data.rfind(b"\n", max(0, start - REACH), start) + 1 or max(0, start - REACH)
        ceiling = self.data.find(b"\n", end, end + REACH)
        return self.data[floor : ceiling if ceiling >= 0 else end + REACH]


def survives(candidate: Candidate, sheet: Sheet, everywhere: RuleSet) -> bool:
    """Tell whether nothing speaks against `candidate`, in its rule or in the set `everywhere` it belongs to."""
    return is_worthy(candidate.rule, candidate.secret) and is_credible(candidate, sheet, everywhere)


def is_worthy(rule: Rule, secret: bytes) -> bool:
    """Tell whether nothing in the value itself speaks against it, as far as its rule asks."""
    if len(secret.translate(None, _CONTROLS)) != len(secret):
        return False
    return not (rule.entropy and entropy(secret) <= rule.entropy) and _TESTS[rule.test](secret)


def is_credible(candidate: Candidate, sheet: Sheet, everywhere: RuleSet) -> bool:
    """Tell whether nothing speaks against `candidate` where it stands."""
    rule = candidate.rule
    if not _has_keyword(candidate, sheet):
        return False
    if any(allows(allowlist, candidate, sheet) for allowlist in rule.allowlists) or _is_own_name(candidate, sheet.data):
        return False
    if (rule.filter or rule.token_efficiency) and _filtered(candidate, sheet):
        return False
    return not excused(candidate, sheet, everywhere)


def _is_own_name(candidate: Candidate, data: bytes) -> bool:
    """Tell whether the value is the name it stands under: `NEO4J_PASSWORD=neo4j_password`, which is nobody's choice."""
    value = candidate.secret.translate(None, _MARKS).lower()
    if candidate.rule.test not in _CHOSEN or len(value) < _SHORTEST_NAME:
        return False
    before = data[max(0, candidate.secret_start - 2 * _NAME_REACH) : candidate.secret_start]
    name = _NAME_OF_VALUE.search(before)
    return name is not None and before[slice(*name.span(1))].translate(None, _MARKS).lower().endswith(value)


def excused(candidate: Candidate, sheet: Sheet, everywhere: RuleSet) -> bool:
    """Tell whether one of the set's own allow-lists or filters excuses `candidate`."""
    rule_id = candidate.rule.id
    if any(
        allows(allowlist, candidate, sheet)
        for allowlist in everywhere.allowlists
        if not allowlist.rules or rule_id in allowlist.rules
    ):
        return True
    if not everywhere.filters:
        return False
    from keywatch.detect.sight import Sight, expression

    return any(expression(text).holds(Sight(candidate, sheet)) for text in everywhere.filters)


def _filtered(candidate: Candidate, sheet: Sheet) -> bool:
    # Few rule sets have filters: those that have none need not load what reads them.
    from keywatch.detect.expression.functions import fails_token_efficiency
    from keywatch.detect.sight import Sight, expression

    rule = candidate.rule
    if rule.token_efficiency and fails_token_efficiency(candidate.secret):
        return True
    return bool(rule.filter) and expression(rule.filter).holds(Sight(candidate, sheet))


def passed_over(sheet: Sheet, everywhere: RuleSet) -> bool:
    """Tell whether the set says by its path alone that the chunk is not to be looked through, whatever the rule."""
    if any(allows_path(allowlist, sheet.path) for allowlist in everywhere.allowlists if not allowlist.rules):
        return True
    if not everywhere.prefilters:
        return False
    from keywatch.detect.sight import Sight, expression

    return any(expression(text, hit=False).holds(Sight(None, sheet)) for text in everywhere.prefilters)


def has_keyword(rule: Rule, sheet: Sheet) -> bool:
    """Tell whether one of the rule's keywords stands anywhere in the chunk; a rule without any always runs."""
    return not rule.keywords or any(map(sheet.holds, rule.keywords))


def _has_keyword(candidate: Candidate, sheet: Sheet) -> bool:
    if not candidate.rule.keywords:
        return True
    near = sheet.data[candidate.start : candidate.end].lower()
    return any(word.encode() in near for word in candidate.rule.keywords) or has_keyword(candidate.rule, sheet)


def allows(allowlist: Allowlist, candidate: Candidate, sheet: Sheet) -> bool:
    """Tell whether `allowlist` excuses `candidate`. A commit is never known here, so it never matches."""
    checks = []
    if allowlist.commits:
        checks.append(False)
    if allowlist.paths:
        checks.append(_path_fits(allowlist, sheet.path))
    if allowlist.regexes:
        text = _target(allowlist.target, candidate, sheet)
        checks.append(any(compiled(regex).search(text) is not None for regex in allowlist.regexes))
    if allowlist.stopwords:
        secret = candidate.secret.lower()
        checks.append(any(word.encode() in secret for word in allowlist.stopwords))
    return all(checks) if allowlist.condition is Condition.AND else any(checks)


def rule_fits(rule: Rule, path: bytes) -> bool:
    """Tell whether the rule looks at all in `path`, going by its pattern for paths."""
    return compiled(rule.path or "").search(path) is not None


def allows_path(allowlist: Allowlist, path: bytes) -> bool:
    """Tell whether the list excuses whatever stands in `path`, by its path patterns alone."""
    if allowlist.condition is Condition.AND and (allowlist.regexes or allowlist.stopwords or allowlist.commits):
        return False
    return _path_fits(allowlist, path)


def _path_fits(allowlist: Allowlist, path: bytes) -> bool:
    return any(compiled(regex).search(path) is not None for regex in allowlist.paths)


def _name_start(data: bytes, position: int) -> int:
    floor = max(0, position - _NAME_REACH)
    return position - len(_NAME.search(data[floor:position]).text())


def _target(target: RegexTarget, candidate: Candidate, sheet: Sheet) -> bytes:
    if target is RegexTarget.SECRET:
        return candidate.secret
    if target is RegexTarget.NAME:
        return sheet.data[_name_start(sheet.data, candidate.start) : candidate.end]
    if target is RegexTarget.MATCH:
        return matched(candidate, sheet.data)
    return sheet.line(candidate.start, candidate.end)


def matched(candidate: Candidate, data: bytes) -> bytes:
    """Return what the rule matched, without line ends around it, as gitleaks has it."""
    return data[candidate.start : candidate.end].strip(b"\n")
