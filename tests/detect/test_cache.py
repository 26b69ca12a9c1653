"""What is kept between two starts: it says what was computed, nobody else can change it, and its loss costs time."""

import os
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, replace
from pathlib import Path

import pytest

from keywatch.detect import cachefile, rulecache
from keywatch.detect.cachefile import code_digest, digest_of
from keywatch.detect.database import Database
from keywatch.detect.engine import Detector
from keywatch.detect.examples import expand
from keywatch.detect.rule import Allowlist, Condition, RegexTarget, Required, Rule, ValueTest
from keywatch.detect.rulecache import KeptRules
from keywatch.detect.rules import RuleSet, load, packaged
from keywatch.model.content import Chunk, Origin
from keywatch.model.finding import Confidence, RuleInfo, Severity
from keywatch.model.key import HandleSpace

EVERYTHING = Rule(
    info=RuleInfo(
        id="r",
        description="ünïcode ✓",
        category="c",
        severity=Severity.CRITICAL,
        confidence=Confidence.LOW,
        remedy="turn\nit",
        tags=("a", "b"),
    ),
    regex=r"tok_[a-z]{8}\x{e9}",
    path=r"\.txt$",
    secret_group=0,
    entropy=1.25,
    keywords=("tok_",),
    allowlists=(
        Allowlist(condition=Condition.AND, commits=("c",), regexes=("x",), target=RegexTarget.LINE),
        Allowlist(stopwords=("stop",), paths=("p",), rules=frozenset({"r"})),
    ),
    required=(
        Required(id="p", within_lines=2, within_columns=3, optional=True, handle=HandleSpace.LWA_CLIENT_ID),
        Required(id="q"),
    ),
    skip_report=True,
    matches=("m",),
    ignores=("i",),
    source="https://example.org",
    specificity=7,
    canonical=True,
    anchor="tok",
    test=ValueTest.RANDOM,
    span=99,
    filter="entropy(secret) < 3",
    token_efficiency=True,
)
"""Every field is set to something that is not its default."""


def simple(regex: str, rule_id: str = "r") -> Rule:
    """Return a rule with nothing but a pattern."""
    return Rule(info=RuleInfo(id=rule_id, description="d", category="c"), regex=regex)


def copied(rules_cache: Path, directory: Path) -> Path:
    """Return the packaged rules as they are kept, in a directory of the test's own."""
    (file,) = rules_cache.glob("packaged-*.rules")
    copy = directory / file.name
    copy.write_bytes(file.read_bytes())
    copy.chmod(0o600)
    return copy


def told(detector: Detector, text: str) -> list[tuple[str, int, bytes, tuple[str, ...]]]:
    """Return what a detector says of `text`."""
    found = detector.scan(Chunk(text.encode(), Origin("t", "a/b.txt")))
    return [(m.rule.id, m.offset, m.secret.reveal(), tuple(map(str, m.handles))) for m in found]


def test_rules_come_back_as_they_were_parsed(rules_cache: Path, tmp_path: Path) -> None:
    """The packaged rules from the cache are those in the files, each in every part and of every type."""
    copied(rules_cache, tmp_path)
    parsed, kept = packaged(), packaged(tmp_path)
    assert isinstance(kept.rules, KeptRules)
    assert (parsed.hash, parsed.ids, parsed.warnings) == (kept.hash, kept.ids, kept.warnings)
    assert [type(one) for one in parsed.allowlists] == [type(one) for one in kept.allowlists]
    assert parsed.allowlists == kept.allowlists
    assert [repr(rule) for rule in parsed.rules] == [repr(rule) for rule in kept.rules]
    assert parsed == kept


def test_every_field_of_a_rule_is_kept() -> None:
    """Also those that no packaged rule sets; and what is worked out from the rules is the same again."""
    default = Rule(info=RuleInfo(id="", description="", category=""))
    assert [name for name in Rule.__slots__ if getattr(EVERYTHING, name) == getattr(default, name)] == ["secret_group"]
    rules = RuleSet(
        rules=(EVERYTHING, simple("a")),
        allowlists=EVERYTHING.allowlists,
        warnings=("w",),
        filters=("a",),
        prefilters=("b",),
    )
    assert [f.name for f in fields(RuleSet) if not getattr(rules, f.name)] == []
    kept = rulecache.loaded(rulecache.dumped(rules))
    assert repr(rules.rules[0]) == repr(kept.rules[0])
    assert (rules, rules.warnings, rules.hash) == (kept, kept.warnings, kept.hash)
    assert kept.hash == replace(kept, rules=tuple(kept.rules)).hash


def test_kept_rules_are_a_sequence() -> None:
    """They can be sliced, counted from the end, compared and hashed as a tuple can."""
    rules = (simple("a", "a"), simple("b", "b"), simple("c", "c"))
    kept = rulecache.loaded(rulecache.dumped(RuleSet(rules=rules))).rules
    assert (kept[-1], kept[1:], len(kept), kept[0] is kept[0]) == (rules[-1], rules[1:], 3, True)
    assert (kept == rules, rules == kept, hash(kept) == hash(rules), kept == rules[1:]) == (True, True, True, False)
    with pytest.raises(IndexError):
        kept[3]


def test_only_what_was_sighted_is_made(rules_cache: Path, tmp_path: Path) -> None:
    """A scan of clean content makes no rule at all, one with a token makes few."""
    copied(rules_cache, tmp_path)
    rules = packaged(tmp_path)
    made = rules.rules._made  # type: ignore[attr-defined]
    detector = Detector(rules, cache_dir=rules_cache)
    assert detector._database.from_cache
    assert (told(detector, "nothing\nof note\n"), len(made)) == ([], 0)
    assert [rule for rule, *_ in told(detector, expand("x {crc:ghp_:30}"))] == ["github-token"]
    assert 0 < len(made) < 20


def test_a_kept_detector_finds_what_a_new_one_finds(rules_cache: Path) -> None:
    """The engine's plan, its database and its rules from the cache tell the same of an example of every rule."""
    kept, new = Detector(packaged(rules_cache), cache_dir=rules_cache), Detector(packaged())
    assert kept._database.from_cache
    assert not new._database.from_cache
    assert kept.overlap == new.overlap
    text = "\n".join(expand(f"{t}{{}}") for rule in packaged().rules for t in rule.matches)
    assert told(new, text) == told(kept, text) != []


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda body: body[:-9], id="truncated"),
        pytest.param(lambda body: body[:5000] + b"?" + body[5001:], id="changed"),
        pytest.param(lambda body: body + b" ", id="longer"),
        pytest.param(lambda _: b"", id="empty"),
        pytest.param(lambda body: b"?" + body[1:], id="another-format"),
        pytest.param(lambda body: body.replace(code_digest().encode(), b"0" * 64, 1), id="another-version"),
        pytest.param(lambda body: body[:82] + b"9" * 20 + b" 0" + body[104:], id="enormous"),
        pytest.param(lambda body: body[:17] + b"x y z \xff -1" + body[28:], id="nonsense"),
    ],
)
def test_damaged_rules_are_parsed_anew(damage: Callable[[bytes], bytes], rules_cache: Path, tmp_path: Path) -> None:
    """They are never half read, and the next start finds them whole again."""
    file = copied(rules_cache, tmp_path)
    whole = file.read_bytes()
    file.write_bytes(damage(whole))
    assert packaged(tmp_path) == packaged()
    assert file.read_bytes() == whole


def test_what_was_never_written_as_rules_is_refused(rules_cache: Path, tmp_path: Path) -> None:
    """A whole file with other content in it is not taken for rules."""
    file = copied(rules_cache, tmp_path)
    cachefile.write(file, code_digest(), b"[]")
    assert packaged(tmp_path) == packaged()


def test_another_version_has_another_name(tmp_path: Path) -> None:
    """The name changes with the version, with every module and rule, and with what they are called; not with time."""
    (tmp_path / "rules").mkdir()
    module, rules = tmp_path / "module.py", tmp_path / "rules" / "issuer.toml"
    module.write_text("a")
    rules.write_text("b")
    seen = {digest_of(tmp_path, "1"), digest_of(tmp_path, "2")}
    module.write_text("c")
    seen.add(digest_of(tmp_path, "1"))
    rules.write_text("d")
    last = digest_of(tmp_path, "1")
    os.utime(rules, (1, 1))
    (tmp_path / "notes.txt").write_text("no part of it")
    assert last == digest_of(tmp_path, "1")
    rules.rename(tmp_path / "rules" / "another.toml")
    assert len({*seen, last, digest_of(tmp_path, "1")}) == 5


def test_a_file_is_read_under_its_own_key_only(tmp_path: Path) -> None:
    """What was kept for one purpose is not taken for another."""
    file = tmp_path / "a.rules"
    cachefile.write(file, "key", b"one", b"", b"two")
    assert cachefile.read(file, "key") == [b"one", b"", b"two"]
    assert cachefile.read(file, "other") is None
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_file_that_others_may_write_is_not_used(mode: int, tmp_path: Path) -> None:
    """Somebody else could have written it; it is made anew, for its owner alone."""
    Database(["tok_[a-z]{8}"], tmp_path)
    (file,) = tmp_path.iterdir()
    file.chmod(mode)
    assert not Database(["tok_[a-z]{8}"], tmp_path).from_cache
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert Database(["tok_[a-z]{8}"], tmp_path).from_cache


@pytest.mark.parametrize("kind", ["link", "pipe", "directory"])
def test_only_a_regular_file_is_read(kind: str, tmp_path: Path) -> None:
    """A link may lead anywhere, and a pipe would be waited for."""
    file = tmp_path / "a.rules"
    if kind == "link":
        cachefile.write(tmp_path / "elsewhere", "key", b"one")
        file.symlink_to(tmp_path / "elsewhere")
    elif kind == "pipe":
        os.mkfifo(file)
    else:
        file.mkdir()
    assert cachefile.read(file, "key") is None


def test_those_who_start_at_once_do_not_disturb_one_another(tmp_path: Path) -> None:
    """Each reads a whole file or none, and one is left."""
    with ThreadPoolExecutor(8) as pool:
        databases = list(pool.map(lambda _: Database(["tok_[a-z]{8}"], tmp_path), range(40)))
    assert {str(database.sightings(b"tok_abcdefgh")) for database in databases} == {"({0: ([0], [12])}, frozenset())"}
    assert len(list(tmp_path.iterdir())) == 1
    assert Database(["tok_[a-z]{8}"], tmp_path).from_cache


def test_the_oldest_go_first(tmp_path: Path) -> None:
    """A cache does not grow without end; files of another kind are left alone."""
    cachefile.write(tmp_path / "other.rules", "key", b"one")
    for number in range(12):
        file = tmp_path / f"{number:02d}.hsdb"
        cachefile.write(file, "key", b"one")
        os.utime(file, (number, number))
    left = [f"{number:02d}.hsdb" for number in range(4, 12)]
    assert [*left, "other.rules"] == sorted(path.name for path in tmp_path.iterdir())


def test_rules_of_ones_own_are_kept_by_their_content(tmp_path: Path) -> None:
    """A second start with the same file loads; a change in it, or in what is decoded, compiles."""
    file, cache = tmp_path / "own.toml", tmp_path / "cache"

    def start(regex: str, depth: int = 0) -> bool:
        file.write_text(f"[[rules]]\nid = 'own'\nregex = '{regex}'\n")
        detector = Detector(load(file), cache_dir=cache, depth=depth)
        assert [rule for rule, *_ in told(detector, "a tok_abcdefgh")] == (["own"] if "tok" in regex else [])
        return detector._database.from_cache

    started = [start("tok_[a-z]{8}"), start("tok_[a-z]{8}"), start("kot_[a-z]{8}"), start("kot_[a-z]{8}")]
    assert [*started, start("tok_[a-z]{8}"), start("tok_[a-z]{8}", depth=1)] == [False, True, False, True, True, False]


def test_a_part_looked_for_near_another_is_found_with_a_kept_plan(tmp_path: Path) -> None:
    """What the plan says of composite rules and of rules for paths holds after it was kept."""
    part = simple("part[0-9]", "p")
    near = Rule(
        info=RuleInfo(id="n", description="d", category="c"),
        regex="tok_[a-z]{8}",
        required=(Required(id="x", optional=True), Required(id="p", within_lines=1)),
    )
    path = Rule(info=RuleInfo(id="f", description="d", category="c"), path=r"\.txt$")
    rules = RuleSet(rules=(near, path, part, simple("other", "x")))
    text = "part1 tok_abcdefgh\n\n\ntok_abcdefgh"
    first, second = (Detector(rules, cache_dir=tmp_path) for _ in range(2))
    assert (first._database.from_cache, second._database.from_cache) == (False, True)
    assert told(first, text) == told(second, text)
    assert [rule for rule, *_ in told(second, text)] == ["f", "p", "n"]


def test_without_files_of_its_own_nothing_is_kept(tmp_path: Path) -> None:
    """Where there is nowhere to write, everything is worked out each time."""
    (tmp_path / "file").touch()
    assert packaged(tmp_path / "file" / "cache") == packaged()
