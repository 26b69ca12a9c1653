"""Rule files: gitleaks' TOML as gitleaks reads it, and errors that say where and why."""

from pathlib import Path

import pytest

from keywatch.detect.engine import Detector
from keywatch.detect.rulefile import RuleFile
from keywatch.detect.rules import Condition, RegexTarget, Required, RuleSet, ValueTest, added, load, packaged
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
        'secretGroup = 2\nEntropy = 3.5\nKeywords = ["TOK"]\nTags = ["a"]\nskipReport = false\n'
        '[[Rules.Allowlists]]\ncondition = "&&"\nregexTarget = "line"\nregexes = ["x"]\npaths = ["p"]\n'
        'stopwords = ["Word"]\ncommits = ["c"]\n',
    )
    (rule,) = rules.rules
    assert (rule.id, rule.secret_group, rule.entropy, rule.keywords) == ("tok", 2, 3.5, ("tok",))
    assert (rule.path, rule.skip_report, rule.info.tags) == ("src", False, ("a",))
    (allowlist,) = rule.allowlists
    assert (allowlist.condition, allowlist.target) == (Condition.AND, RegexTarget.LINE)
    assert (allowlist.stopwords, allowlist.commits, allowlist.paths) == (("word",), ("c",), ("p",))
    (warning,) = rules.warnings
    assert "rules.toml:19: rule 'tok': allowlists 1: commits AND a value are not followed" in warning


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


def test_a_list_of_names_stands_for_any_of_them(tmp_path: Path) -> None:
    """`{list}` in a regex or an anchor is any word of that list as it is written; `?` is a separator, or none."""
    rules = read(
        tmp_path,
        '[names]\nshops = """\ncorner?shop a.b\n"""\n[[rules]]\nid = "tok"\n'
        "regex = '(?i){shops} (x[0-9]{3})'\nanchor = '(?i){shops} x'\n",
    )
    assert rules.warnings == ()
    assert secrets(rules, "Corner-Shop x123, cornershop x456, a.b x789, a-b x000, corner x111") == [
        "x123",
        "x456",
        "x789",
    ]


def test_unknown_keys_are_told_and_not_followed(tmp_path: Path) -> None:
    """A feature of another scanner is named in a warning, with the place it stands in."""
    rules = read(tmp_path, 'colour = "x"\n[extend]\nurl = "https://a.test"\n' + RULE + 'report = ["x"]\n')
    assert len(rules.rules) == 1
    file = tmp_path / "rules.toml"
    assert rules.warnings == (
        f"{file}:3: extend: url is not followed: rules are read from local files only",
        f"{file}:8: rule 'tok': key 'report' is not known and not followed",
        f"{file}:1: key 'colour' is not known and not followed",
    )


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[[rules]\n", "not TOML"),
        ('\n\n[[rules]]\nid = "a"\nregex = "("\n', "rules.toml:5: rule 'a': regex is not a pattern: missing"),
        ('[[rules]]\nid = "a"\nregex = "(?=a)"\n', "regex is not a pattern"),
        ('[[rules]]\nid = "a"\nregex = "a"\nsecretGroup = 1\n', "secretGroup is 1, but the regex has 0 groups"),
        ('[[rules]]\nregex = "a"\n', "rules.toml:1: has no id"),
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
        (
            '[[rules]]\nid = "a\\u001b[2J"\nregex = "a"\n',
            "rules.toml:2: rule 'a\\x1b[2J': id has characters that do not",
        ),
        ("rules = [3]\n", "rules.toml:1: must be a table, not a number"),
        ("x = " + "[" * 5000, "not TOML: nested too deeply"),
        ("x = 1" + "0" * 5000, "not TOML: Exceeds the limit"),
        ('x = 1\ny = "\n', "not TOML: Illegal character '\\n' (at line 2, column 6)"),
        (
            '[[rules]]\nid = "a"\nregex = "a(?!b)"\n',
            "rules.toml:3: rule 'a': regex is not a pattern: invalid perl operator",
        ),
        ('[[rules]]\nid = "a"\nregex = "(a)\\\\1"\n', "rules.toml:3: rule 'a': regex is not a pattern: invalid escape"),
        (
            '[[rules]]\nid = "a"\nregex = "a"\n[[rules.allowlists]]\nregexes = [\n"a",\n"(",\n]\n',
            "rules.toml:5: rule 'a'",
        ),
        ('[[rules]]\nid = "a"\nregex = "a"\n[[rules.allowlists]]\npaths = ["x"]\ncondition = "XOR"\n', ":6: rule 'a'"),
        (
            '[[rules]]\nid = "a"\nregex = "a"\n[[rules.allowlists]]\npaths = ["x"]\nregexTarget = "file"\n',
            ":6: rule 'a'",
        ),
        ('[[rules]]\nid = "a"\nregex = "a"\n[rules.allowlist]\npaths = ["x"]\n[[rules.allowlists]]\n', "stand beside"),
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


def test_every_bad_rule_of_a_file_is_told(tmp_path: Path) -> None:
    """One run tells all that is wrong, each with file, line, rule and reason; the lines of strings are no headers."""
    text = (
        "[[rules]]\nid = 'a'\ndescription = '''\n[[rules]]\nregex = 'no key'\n'''\nregex = '('\n"
        "[[rules]]\nid = 'b'\nregex = 'b'\nkeywords = [\n  'x', # [[rules]]\n]\nentropy = true\n"
        "[[rules]]\nid = 'c'\nregex = 'c'\n[[rules.allowlists]]\nstopwords = []\n"
        "[[rules]]\nid = 'd'\nregex = 'd'\n"
        "[[allowlists]]\npaths = ['[']\n"
    )
    with pytest.raises(RuleError) as caught:
        read(tmp_path, text)
    lines = [line.removeprefix(f"{tmp_path}/") for line in caught.value.message.split("\n")]
    assert [line.split(": ")[:2] for line in lines] == [
        ["rules.toml:7", "rule 'a'"],
        ["rules.toml:14", "rule 'b'"],
        ["rules.toml:18", "rule 'c'"],
        ["rules.toml:24", "paths is not a pattern"],
    ]
    assert caught.value.hint is not None
    assert caught.value.hint.count("RE2's syntax") == 1


def test_what_only_the_whole_set_shows_is_told_at_once(tmp_path: Path) -> None:
    """Missing parts, missing targets and groups that are not there are all named, with the line of their rule."""
    text = (
        RULE + "secretGroup = 2\n[[rules.required]]\nid = 'x'\n[[allowlists]]\nstopwords = ['a']\ntargetRules = ['y']\n"
    )
    with pytest.raises(RuleError) as caught:
        read(tmp_path, text)
    assert [line.removeprefix(f"{tmp_path}/") for line in caught.value.message.split("\n")] == [
        "rules.toml:5: rule 'tok': secretGroup is 2, but the regex has 1 groups",
        "rules.toml:1: rule 'tok': requires 'x', which does not exist",
        "rules.toml: an allow-list is for rule 'y', which does not exist",
    ]


def test_a_thousand_bad_rules_are_not_a_thousand_lines(tmp_path: Path) -> None:
    """What is told of one file is bounded."""
    with pytest.raises(RuleError, match="and 950 more of the kind") as caught:
        read(tmp_path, "[[rules]]\nid = 'a'\nregex = '('\n" * 1000)
    assert caught.value.message.count("\n") == 50


def test_of_twins_the_last_one_counts(tmp_path: Path) -> None:
    """Gitleaks takes the later of two rules with one id; so do we, and say so."""
    rules = read(tmp_path, RULE + "[[rules]]\nid = 'tok'\nregex = 'zzz_[0-9]{9}'\n")
    assert [rule.regex for rule in rules.rules] == ["zzz_[0-9]{9}"]
    assert "rules.toml:5: rule 'tok': stands in the file twice; the last one counts" in rules.warnings[0]


def test_no_packaged_file_has_twins() -> None:
    """In a file of ours the second of two rules would be a mistake of ours."""
    with pytest.raises(RuleError, match=r"ours.toml: rule 'tok': stands in it twice"):
        RuleFile("ours.toml", RULE + RULE, proven=True).read()


def test_a_rule_may_change_one_of_another_file_without_a_pattern_of_its_own(tmp_path: Path) -> None:
    """Only the whole rule needs a pattern: what changes one may have allow-lists or a group alone."""
    (tmp_path / "base.toml").write_text(RULE)
    head = '[extend]\npath = "base.toml"\n'
    rules = read(tmp_path, head + "[[rules]]\nid = 'tok'\n[[rules.allowlists]]\nstopwords = ['abcd']\n")
    assert secrets(rules, "tok_abcd1234 tok_xyzw9876") == ["xyzw9876"]
    with pytest.raises(RuleError, match=r"rules.toml:5: rule 'tok': secretGroup is 3"):
        read(tmp_path, head + "[[rules]]\nid = 'tok'\nsecretGroup = 3\n")


def test_another_regex_takes_the_first_pass_pattern_with_it(tmp_path: Path) -> None:
    """A rule whose pattern is replaced is not looked for by the anchor of the old one."""
    (tmp_path / "base.toml").write_text(RULE + "anchor = 'tok_'\n")
    rules = read(tmp_path, "[extend]\npath = 'base.toml'\n[[rules]]\nid = 'tok'\nregex = 'new_([a-z0-9]{8})'\n")
    assert secrets(rules, "new_abcd1234") == ["abcd1234"]


def test_a_file_is_added_to_what_there_is(tmp_path: Path) -> None:
    """With `added` a file extends the set in use: it changes its rules, names them, and may switch some off."""
    file = tmp_path / "team.toml"
    file.write_text(
        "[extend]\nuseDefault = true\ndisabledRules = ['github-token', 'of-another-scanner']\n"
        "[[rules]]\nid = 'npm-token'\n[[rules.allowlists]]\npaths = ['^docs/']\n"
        "[[allowlists]]\nstopwords = ['dummy']\ntargetRules = ['slack-token']\n" + RULE
    )
    before = packaged()
    by_id = {rule.id: rule for rule in before.rules}
    after = added(file, before)
    changed = {rule.id: rule for rule in after.rules}
    assert {"github-token"} == by_id.keys() - changed.keys()
    assert {"tok"} == changed.keys() - by_id.keys()
    assert changed["npm-token"].allowlists[-1].paths == ("^docs/",)
    assert changed["npm-token"].regex == by_id["npm-token"].regex
    assert any("disabledRules names what is not there: of-another-scanner" in text for text in after.warnings)
    assert added(file, after).hash == after.hash


def test_switching_rules_off_needs_something_to_switch_them_off_in(tmp_path: Path) -> None:
    """`disabledRules` without `useDefault` or `path` does nothing, in gitleaks too: we say so."""
    rules = read(tmp_path, "[extend]\ndisabledRules = ['tok']\n" + RULE)
    assert len(rules.rules) == 1
    assert "disabledRules has no effect" in rules.warnings[0]


def test_a_part_may_be_a_file_name(tmp_path: Path) -> None:
    """A rule that looks at paths alone can be what another one requires, and is told on its own only if it reports."""
    part = "[[rules.required]]\nid = 'env'\n[[rules]]\nid = 'env'\npath = '[.]env$'\nskipReport = true\n"
    rules = read(tmp_path, RULE + part)
    assert secrets(rules, "tok_abcd1234", path="prod.env") == ["abcd1234"]
    assert secrets(rules, "tok_abcd1234", path="prod.py") == []
    near = read(tmp_path, RULE + part.replace("id = 'env'\n[", "id = 'env'\nwithinLines = 1\n[", 1))
    assert secrets(near, "tok_abcd1234\n\n\ntok_abcd9999", path="prod.env") == ["abcd1234"]


def test_a_part_needs_no_keyword_of_its_own(tmp_path: Path) -> None:
    """The keywords of the whole decide whether its parts are looked for."""
    part = (
        "[[rules.required]]\nid = 'p'\n[[rules]]\nid = 'p'\nregex = 'part'\nkeywords = ['absent']\nskipReport = true\n"
    )
    assert secrets(read(tmp_path, RULE + part), "part tok_abcd1234") == ["abcd1234"]


PATH_LISTS = [
    pytest.param("[[rules.allowlists]]\npaths = ['^test/']\n", [], id="path"),
    pytest.param("[[rules.allowlists]]\ncondition = 'AND'\npaths = ['^test/']\n", [], id="and-of-a-path-alone"),
    pytest.param("[[rules.allowlists]]\npaths = ['^other/']\n", ["test/a.p12"], id="another-path"),
    pytest.param("[[rules.allowlists]]\nregexes = ['p12']\n", ["test/a.p12"], id="a-path-is-no-value"),
    pytest.param("[[allowlists]]\ntargetRules = ['p12']\npaths = ['^test/']\n", [], id="targeted"),
    pytest.param("[[allowlists]]\ncondition = '&&'\npaths = ['^test/']\n", [], id="global-and"),
]


@pytest.mark.parametrize(("extra", "expected"), PATH_LISTS)
def test_allow_lists_of_rules_for_paths(tmp_path: Path, extra: str, expected: list[str]) -> None:
    """A rule that looks at paths alone is excused by paths alone."""
    assert secrets(read(tmp_path, "[[rules]]\nid = 'p12'\npath = '[.]p12$'\n" + extra), "x", "test/a.p12") == expected


def test_line_ends_at_the_edges_of_a_match_are_no_part_of_it(tmp_path: Path) -> None:
    """As in gitleaks: neither of the secret nor of what an allow-list on the match sees."""
    text = "[[rules]]\nid = 'a'\nregex = '\\\\nkey-[a-z0-9]{8}\\\\n'\n".replace("\\\\", "\\")
    assert secrets(read(tmp_path, text), "x\nkey-abcd1234\ny") == ["key-abcd1234"]
    listed = text + "[[rules.allowlists]]\nregexTarget = 'match'\nregexes = ['^key-.*4$']\n"
    assert secrets(read(tmp_path, listed), "x\nkey-abcd1234\ny") == []


FILTERS = [
    pytest.param("", "tok_document", ["document"], id="no-filter"),
    pytest.param("filter = 'entropy(finding[\"secret\"]) <= 3.0'\n", "tok_abcd1234", [], id="at-the-threshold"),
    pytest.param("filter = 'entropy(finding[\"secret\"]) < 3.0'\n", "tok_abcd1234", ["abcd1234"], id="below-it"),
    pytest.param("filter = 'finding.line contains \"demo\"'\n", "demo\ntok_abcd1234", ["abcd1234"], id="other-line"),
    pytest.param("filter = 'finding.line contains \"demo\"'\n", "x\ndemo tok_abcd1234", [], id="same-line"),
    pytest.param('filter = \'get(attributes, "path", "") startsWith "src/"\'\n', "tok_abcd1234", [], id="path"),
    pytest.param("filter = 'finding.secret + 1 == 2'\n", "tok_abcd1234", ["abcd1234"], id="no-answer-keeps"),
    pytest.param("tokenEfficiency = true\n", "tok_document", [], id="reads-like-words"),
    pytest.param("tokenEfficiency = true\n", "tok_q7x9zk2v", ["q7x9zk2v"], id="reads-like-nothing"),
]


@pytest.mark.parametrize(("extra", "text", "expected"), FILTERS)
def test_filters_drop_what_they_are_true_of(tmp_path: Path, extra: str, text: str, expected: list[str]) -> None:
    """A rule's `filter` and `tokenEfficiency` are followed as betterleaks follows them."""
    assert secrets(read(tmp_path, RULE + extra), text) == expected


def test_filters_for_all_rules(tmp_path: Path) -> None:
    """A `filter` at the top holds for every rule, a `prefilter` passes files over by their path."""
    rules = read(
        tmp_path, "filter = 'finding.secret endsWith \"34\"'\nprefilter = 'attributes.path matches \"^dist/\"'\n" + RULE
    )
    assert secrets(rules, "tok_abcd1234 tok_abcd9999") == ["abcd9999"]
    assert secrets(rules, "tok_abcd9999", path="dist/a.js") == []
    assert rules.hash != read(tmp_path, RULE).hash


def test_what_a_file_extends_gives_its_filters_only_where_it_has_none(tmp_path: Path) -> None:
    """In betterleaks the filters of the file itself win over those of what it extends; a rule's likewise."""
    (tmp_path / "base.toml").write_text("filter = 'finding.secret contains \"a\"'\n" + RULE + "filter = 'false'\n")
    head = "[extend]\npath = 'base.toml'\n"
    assert secrets(read(tmp_path, head), "tok_abcd1234") == []
    assert secrets(read(tmp_path, "filter = 'false'\n" + head), "tok_abcd1234") == ["abcd1234"]
    changed = "filter = 'false'\n" + head + "[[rules]]\nid = 'tok'\nfilter = 'true'\n"
    assert secrets(read(tmp_path, changed), "tok_abcd1234") == []


def test_what_cannot_be_followed_of_a_filter_is_named(tmp_path: Path) -> None:
    """A warning names file, line, rule and part; the rest of the filter holds, and a rule whose filter is none runs."""
    rules = read(
        tmp_path,
        'prefilter = \'get(attributes, "git.author_name", "") == "bot"\'\n'
        + RULE
        + "filter = '''\nfinding.secret endsWith \"34\"\n|| attributes[\"git.message\"] contains \"wip\"\n'''\n"
        + "[[rules]]\nid = 'other'\nregex = 'oth_([a-z0-9]{8})'\nfilter = 'finding.secret ='\nvalidate = 'x'\n",
    )
    what = "which is not known here; that part is not followed"
    message, author = 'attributes["git.message"]', 'get(attributes, "git.author_name", "") == "bot"'
    assert [warning.removeprefix(f"{tmp_path}/rules.toml") for warning in rules.warnings] == [
        f":6: rule 'tok': filter: '{message} contains \"wip\"' needs attributes['git.message'], {what}",
        ":13: rule 'other': filter cannot be read at character 16: '='; hits are kept as if it were not there",
        f":1: prefilter: '{author}' needs attributes['git.author_name'], {what}",
        ": `validate` (1x) is never run: keywatch tries no secret it finds",
    ]
    assert secrets(rules, "tok_abcd1234 tok_abcd9999 oth_abcd1234") == ["abcd9999", "abcd1234"]


def test_specificity_is_read_on_the_scale_of_its_file(tmp_path: Path) -> None:
    """Betterleaks' middle is 100, ours 50: its generic rule at 0 gives way, its rule at 100 is like any other."""
    rule = "[[rules]]\nid = '{0}'\nregex = '{0}'\nspecificity = {1}\n"
    theirs = read(tmp_path, "betterleaksMinVersion = '1.6'\n" + rule.format("a", 0) + rule.format("b", 100) + RULE)
    assert [one.specificity for one in theirs.rules] == [0, 50, 50]
    assert [one.specificity for one in read(tmp_path, rule.format("a", 100)).rules] == [100]


def test_patterns_share_pieces_and_lists_of_names(tmp_path: Path) -> None:
    """What `[names]` and `[parts]` hold stands in a pattern for its key; a piece may hold an earlier one."""
    text = (
        "[names]\nshops = 'corner market?hall'\n"
        "[parts]\nletter = '[a-z]'\nword = '{letter}{4}'\n"
        "[[rules]]\nid = 'r'\nregex = '{shops}_({word}[0-9]{2})'\n"
    )
    rules = read(tmp_path, text)
    assert [rule.regex for rule in rules.rules] == ["(?:corner|market[-_. ]?hall)_([a-z]{4}[0-9]{2})"]
    assert secrets(rules, "corner_abcd12 market-hall_wxyz34 other_abcd56") == ["abcd12", "wxyz34"]
