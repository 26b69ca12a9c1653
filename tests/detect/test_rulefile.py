"""Rule files: gitleaks' TOML as gitleaks reads it, and errors that say where and why."""

from pathlib import Path

import pytest

from keywatch.detect.engine import Detector
from keywatch.detect.rules import Condition, RegexTarget, Required, RuleSet, ValueTest, load, packaged
from keywatch.model.content import Chunk, Origin
from keywatch.model.errors import RuleError
from keywatch.model.finding import Confidence, Severity
from keywatch.model.key import HandleSpace

RULE = "[[rules]]\nid = \"tok\"\ndescription = \"a token\"\nregex = '''tok_([a-z0-9]{8})'''\n"


def read(tmp_path: Path, text: str, name: str = "rules.toml") -> RuleSet:
    """Write a rule file and load it."""
    (tmp_path / name).write_text(text)
    return load(tmp_path / name)


def secrets(rules: RuleSet, text: str, path: str = "src/a.py") -> list[str]:
    """Return what `rules` find in `text`."""
    matches = Detector(rules).scan(Chunk(data=text.encode(), origin=Origin(target="t", path=path)))
    return [match.secret.reveal().decode() for match in matches]


def test_a_gitleaks_rule_loads_with_every_key(tmp_path: Path) -> None:
    """Keys are read whatever their case; what is not given has gitleaks' default."""
    rules = read(
        tmp_path,
        'title = "t"\nminVersion = "v8"\n[[Rules]]\nID = "tok"\nDescription = "d"\nRegex = "t(o)(k)"\nPath = "src"\n'
        'secretGroup = 2\nEntropy = 3.5\nKeywords = ["TOK"]\nTags = ["a"]\nskipReport = true\n'
        '[[Rules.Allowlists]]\ncondition = "&&"\nregexTarget = "line"\nregexes = ["x"]\npaths = ["p"]\n'
        'stopwords = ["Word"]\ncommits = ["c"]\n',
    )
    (rule,) = rules.rules
    assert (rule.id, rule.secret_group, rule.entropy, rule.keywords) == ("tok", 2, 3.5, ("tok",))
    assert (rule.path, rule.skip_report, rule.info.tags) == ("src", True, ("a",))
    (allowlist,) = rule.allowlists
    assert (allowlist.condition, allowlist.target) == (Condition.AND, RegexTarget.LINE)
    assert (allowlist.stopwords, allowlist.commits, allowlist.paths) == (("word",), ("c",), ("p",))
    assert rules.warnings == ()


def test_our_own_keys_load_and_a_file_may_set_defaults(tmp_path: Path) -> None:
    """Severity, confidence and the rest come from the rule, else from the file's defaults."""
    rules = read(
        tmp_path,
        '[defaults]\nseverity = "low"\ncategory = "shop"\nremedy = "Rotate."\nsource = "https://a.test"\n'
        + RULE
        + 'confidence = "High"\ntest = "random"\nspecificity = 0\ncanonical = true\nspan = 99\nanchor = "tok_"\n'
        'matches = ["tok_{hex:8}"]\nignores = ["tok_"]\n'
        '[[rules.required]]\nid = "tok"\nwithinLines = 0\noptional = true\nhandle = "lwa-client-id"\n',
    )
    (rule,) = rules.rules
    assert (rule.info.severity, rule.info.confidence) == (Severity.LOW, Confidence.HIGH)
    assert (rule.info.category, rule.info.remedy, rule.source) == ("shop", "Rotate.", "https://a.test")
    assert (rule.test, rule.specificity, rule.canonical, rule.span) == (ValueTest.RANDOM, 0, True, 99)
    assert rule.required == (Required(id="tok", within_lines=0, optional=True, handle=HandleSpace.LWA_CLIENT_ID),)


def test_unknown_keys_are_told_and_not_followed(tmp_path: Path) -> None:
    """A feature of another scanner is named in a warning, with the place it stands in."""
    rules = read(tmp_path, 'prefilter = "x"\n[extend]\nurl = "https://a.test"\n' + RULE + 'filter = "entropy > 3"\n')
    assert len(rules.rules) == 1
    assert any("rule 'tok': key 'filter' is not known" in warning for warning in rules.warnings)
    assert any("key 'prefilter'" in warning for warning in rules.warnings)
    assert any("url is not followed" in warning for warning in rules.warnings)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[[rules]\n", "not TOML"),
        ('\n\n[[rules]]\nid = "a"\nregex = "("\n', "rules.toml:3: rule 'a': regex is not a pattern: missing"),
        ('[[rules]]\nid = "a"\nregex = "(?=a)"\n', "regex is not a pattern"),
        ('[[rules]]\nid = "a"\nregex = "a"\nsecretGroup = 1\n', "secretGroup is 1, but the regex has 0 groups"),
        ('[[rules]]\nregex = "a"\n', "rules.toml:1: rule 1: has no id"),
        ('[[rules]]\nid = "a"\n', "has neither regex nor path"),
        ('[[rules]]\nid = "a"\nregex = 3\n', "regex must be a string, not a number"),
        ('[[rules]]\nid = "a"\nregex = "a"\nentropy = "x"\n', "entropy must be a number"),
        ('[[rules]]\nid = "a"\nregex = "a"\nspan = -1\n', "span must be a whole number, 0 or more"),
        ('[[rules]]\nid = "a"\nregex = "a"\nkeywords = [1]\n', "keywords must be a list of strings"),
        ('[[rules]]\nid = "a"\nregex = "a"\nseverity = "bad"\n', "severity is 'bad'"),
        ('[[rules]]\nid = "a"\nregex = "a"\n[[rules.required]]\nwithinLines = 3\n', "id is missing"),
        ('[[rules]]\nid = "a"\nregex = "a"\n[[rules.required]]\nid = "b"\n', "requires 'b', which does not exist"),
        ('[[rules]]\nid = "a"\nregex = "a"\n[[rules.required]]\nid = "a"\nhandle = "x"\n', "handle is 'x'"),
        ('[[rules]]\nid = "a"\nregex = "a"\n[[rules.allowlists]]\ndescription = "x"\n', "allows nothing"),
        ('[[rules]]\nid = "a"\nregex = "a"\n[[rules.allowlists]]\npaths = ["("]\n', "paths is not a pattern"),
        ('[[rules]]\nid = "a"\nregex = "a"\n' * 2, "stands in it twice"),
        ("rules = [3]\n", "must be a table, not a number"),
        ('[allowlist]\npaths = ["a"]\n[[allowlists]]\npaths = ["b"]\n', "cannot stand beside allowlists"),
        ('[[allowlists]]\npaths = ["a"]\ntargetRules = ["z"]\n', "is for rule 'z', which does not exist"),
        ('[extend]\nuseDefault = true\npath = "x"\n', "cannot stand beside useDefault"),
        ('[extend]\npath = "missing.toml"\n', "missing.toml: cannot be read"),
    ],
)
def test_a_bad_rule_is_refused_with_place_and_reason(tmp_path: Path, text: str, complaint: str) -> None:
    """The error names the file, the rule and what is wrong with it."""
    with pytest.raises(RuleError) as caught:
        read(tmp_path, text)
    assert complaint in caught.value.message
    assert "toml" in caught.value.message


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    """A rule file is UTF-8."""
    (tmp_path / "r.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(RuleError, match="not UTF-8"):
        load(tmp_path / "r.toml")


def test_the_packaged_rules_can_be_extended_and_switched_off(tmp_path: Path) -> None:
    """`useDefault` brings the packaged rules, `disabledRules` takes some away, or leaves them as a part of others."""
    rules = read(
        tmp_path,
        '[extend]\nuseDefault = true\ndisabledRules = ["github-token", "aws-access-key-id"]\n' + RULE,
    )
    by_id = {rule.id: rule for rule in rules.rules}
    assert "github-token" not in by_id
    assert by_id["aws-access-key-id"].skip_report
    assert {"tok", "lwa-client-secret"} <= by_id.keys()


def test_another_file_can_be_extended_two_deep(tmp_path: Path) -> None:
    """`path` is looked for beside the file that names it; deeper than two levels it is not followed."""
    for name, other in (("a", "b"), ("b", "c"), ("c", "d")):
        (tmp_path / f"{name}.toml").write_text(
            f'[extend]\npath = "{other}.toml"\n[[rules]]\nid = "{name}"\nregex = "{name}"\n'
        )
    assert {rule.id for rule in load(tmp_path / "a.toml").rules} == {"a", "b", "c"}


def test_an_override_replaces_what_it_sets_and_adds_to_lists(tmp_path: Path) -> None:
    """As in gitleaks: regex, entropy, group, path and description replace; tags, keywords, allow-lists add up."""
    (tmp_path / "base.toml").write_text(
        RULE + 'entropy = 2.0\nkeywords = ["a"]\ntags = ["x"]\n[[rules.allowlists]]\nstopwords = ["one"]\n'
    )
    rules = read(
        tmp_path,
        '[extend]\npath = "base.toml"\n[[rules]]\nid = "tok"\nregex = "new(x)"\nkeywords = ["a", "b"]\ntags = ["y"]\n'
        '[[rules.allowlists]]\nstopwords = ["two"]\n[[allowlists]]\npaths = ["vendor/"]\n',
    )
    (rule,) = rules.rules
    assert (rule.regex, rule.entropy, rule.info.description) == ("new(x)", 2.0, "a token")
    assert (rule.keywords, rule.info.tags) == (("a", "b"), ("x", "y"))
    assert [allowlist.stopwords for allowlist in rule.allowlists] == [("one",), ("two",)]
    assert len(rules.allowlists) == 1


def test_the_hash_follows_what_decides() -> None:
    """Another pattern is another rule set; another example or source is not."""
    base = packaged()
    assert base.hash == packaged().hash
    assert len(base.hash) == 64
    assert base.hash != base.without(frozenset({"github-token"})).hash


def test_the_hash_sees_allowlists(tmp_path: Path) -> None:
    """A new allow-list means that everything is to be looked at again."""
    plain = read(tmp_path, RULE)
    listed = read(tmp_path, RULE + '[[allowlists]]\npaths = ["x"]\ntargetRules = ["tok"]\n')
    assert plain.hash != listed.hash
    assert plain.extended(plain).hash == plain.hash


SEMANTICS = [
    pytest.param("", "tok_abcd1234", ["abcd1234"], id="first-group-is-the-secret"),
    pytest.param("entropy = 3.0\n", "tok_abcd1234", [], id="entropy-at-the-threshold-drops"),
    pytest.param("entropy = 2.9\n", "tok_abcd1234", ["abcd1234"], id="entropy-over-the-threshold-keeps"),
    pytest.param('keywords = ["shop"]\n', "tok_abcd1234", [], id="no-keyword-anywhere"),
    pytest.param('keywords = ["shop"]\n', "SHOP\n\ntok_abcd1234", ["abcd1234"], id="keyword-elsewhere"),
    pytest.param('path = "[.]py$"\n', "tok_abcd1234", ["abcd1234"], id="path-fits"),
    pytest.param('path = "[.]go$"\n', "tok_abcd1234", [], id="path-does-not-fit"),
    pytest.param("skipReport = true\n", "tok_abcd1234", [], id="only-a-part"),
    pytest.param('[[rules.allowlists]]\nstopwords = ["BCD"]\n', "tok_abcd1234", [], id="stopword-in-any-case"),
    pytest.param('[rules.allowlist]\nregexes = ["^abcd"]\n', "tok_abcd1234", [], id="legacy-allowlist"),
    pytest.param('[[rules.allowlists]]\nregexes = ["tok_"]\n', "tok_abcd1234", ["abcd1234"], id="target-secret"),
    pytest.param(
        '[[rules.allowlists]]\nregexTarget = "match"\nregexes = ["tok_"]\n', "tok_abcd1234", [], id="target-match"
    ),
    pytest.param(
        '[[rules.allowlists]]\nregexTarget = "line"\nregexes = ["test"]\n',
        "a\ntest tok_abcd1234\n",
        [],
        id="target-line",
    ),
    pytest.param(
        '[[rules.allowlists]]\nregexTarget = "line"\nregexes = ["test"]\n',
        "test\ntok_abcd1234",
        ["abcd1234"],
        id="target-other-line",
    ),
    pytest.param(
        '[[rules.allowlists]]\ncondition = "AND"\npaths = ["src"]\nstopwords = ["zzz"]\n',
        "tok_abcd1234",
        ["abcd1234"],
        id="and-needs-both",
    ),
    pytest.param('[[rules.allowlists]]\npaths = ["src"]\nstopwords = ["zzz"]\n', "tok_abcd1234", [], id="or-needs-one"),
    pytest.param('[[rules.allowlists]]\ncommits = ["abc"]\n', "tok_abcd1234", ["abcd1234"], id="commit-is-not-known"),
    pytest.param('[[allowlists]]\npaths = ["^src/"]\n', "tok_abcd1234", [], id="global-path"),
    pytest.param('[[allowlists]]\nstopwords = ["abcd"]\ntargetRules = ["tok"]\n', "tok_abcd1234", [], id="targeted"),
    pytest.param(
        '[[rules]]\nid = "o"\nregex = "zzz"\n[[allowlists]]\nstopwords = ["abcd"]\ntargetRules = ["o"]\n',
        "tok_abcd1234",
        ["abcd1234"],
        id="targeted-at-another",
    ),
]
NEAR = '[[rules.required]]\nid = "part"\n{}\n[[rules]]\nid = "part"\nregex = "part"\nskipReport = true\n'
PROXIMITY = [
    pytest.param(NEAR.format(""), "tok_abcd1234", [], id="part-is-missing"),
    pytest.param(NEAR.format(""), "part" + "\n" * 50 + "tok_abcd1234", ["abcd1234"], id="part-anywhere"),
    pytest.param(NEAR.format("withinLines = 2"), "part\n\ntok_abcd1234", ["abcd1234"], id="two-lines-off"),
    pytest.param(NEAR.format("withinLines = 2"), "part\n\n\ntok_abcd1234", [], id="three-lines-off"),
    pytest.param(NEAR.format("withinLines = 0"), "tok_abcd1234 part", ["abcd1234"], id="same-line-after"),
    pytest.param(NEAR.format("withinColumns = 5"), "part\n    tok_abcd1234", ["abcd1234"], id="columns-near"),
    pytest.param(NEAR.format("withinColumns = 3"), "part\n    tok_abcd1234", [], id="columns-far"),
]


@pytest.mark.parametrize(("extra", "text", "expected"), [*SEMANTICS, *PROXIMITY])
def test_rules_mean_what_they_mean_in_gitleaks(tmp_path: Path, extra: str, text: str, expected: list[str]) -> None:
    """Secret group, entropy, keywords, paths, allow-lists and required parts work as gitleaks documents them."""
    assert expected == secrets(read(tmp_path, RULE + extra), text)


def test_a_rule_may_look_at_paths_alone(tmp_path: Path) -> None:
    """A file whose name is the finding is told once, at its start."""
    rules = read(tmp_path, "[[rules]]\nid = \"p12\"\npath = '''\\.p12$'''\n")
    assert secrets(rules, "whatever", path="certs/shop.p12") == ["certs/shop.p12"]
    assert secrets(rules, "whatever", path="certs/shop.txt") == []
    later = Chunk(data=b"x", origin=Origin(target="t", path="a.p12"), offset=10)
    assert Detector(rules).scan(later) == []
