"""Filter expressions: what betterleaks' own files and pages write, read as expr-lang reads it, and bounded."""

import pytest

from keywatch.detect.candidate import Candidate
from keywatch.detect.expression import ExpressionError, expression
from keywatch.detect.expression.functions import fails_token_efficiency
from keywatch.detect.filters import REACH, Sheet
from keywatch.detect.rule import Rule
from keywatch.detect.sight import Sight
from keywatch.model.content import Chunk, Origin
from keywatch.model.finding import Confidence, RuleInfo

TEXT = b"first line\n  api_key = 'Abc123-x9'; # demo\r\nlast line\n"
RULE = Rule(info=RuleInfo(id="shop-key", description="a key of the shop", category="custom"))


def sight(data: bytes = TEXT, match: bytes = b"api_key = 'Abc123-x9'", secret: bytes = b"Abc123-x9") -> Sight:
    """Return a hit in `data`, as an expression sees it."""
    start, begin = data.index(match), data.index(secret)
    candidate = Candidate(
        rule=RULE,
        start=start,
        end=start + len(match),
        secret_start=begin,
        secret_end=begin + len(secret),
        secret=secret,
        confidence=Confidence.HIGH,
    )
    return Sight(candidate, Sheet(Chunk(data=data, origin=Origin(target="t", path="src/app/Config.py"))))


TRUE = [
    # what is known of a hit
    'finding["secret"] == "Abc123-x9"',
    "finding.secret == 'Abc123-x9'",
    "finding?.secret == `Abc123-x9`",
    'get(finding, "secret", "") == "Abc123-x9" && get(finding, "secret") == "Abc123-x9"',
    'finding["match"] == "api_key = \'Abc123-x9\'"',
    'finding["line"] contains "demo" and not (finding["line"] contains "first")',
    'finding.context contains "first" && finding.context contains "last"',
    'finding.rule_id == "shop-key" && finding.description matches "^a key"',
    'float(finding.entropy) > 3.1 && entropy(finding["secret"]) < 3.2',
    'finding["fragment_raw"][finding["match_start_idx"]:finding["match_end_idx"]] == finding["match"]',
    'finding["fragment_raw"][finding["match_line_start_idx"]:finding["match_start_idx"]] == "  "',
    'finding["fragment_raw"][finding["match_end_idx"]:finding["match_line_end_idx"]] == "; # demo"',
    'attributes["path"] == "src/app/Config.py" && attributes.path == get(attributes, "path", "x")',
    '(attributes["path"] ?? "") startsWith "src/" && attributes["fs.symlink"] == ""',
    '"path" in attributes && !("secret" in ["a"])',
    # the functions for filters, with and without their namespace
    r'matchesAny(finding["secret"], [`^zzz$`, `(?i)^ABC\d{3}`])',
    r'filter.matchesAny(attributes.path, ["\\.py$"])',
    "!matchesAny(finding.secret, []) && matchesAny('b', ['(?P<n>a)', '(?P<n>b)'])",
    'filter.containsAny(finding["line"], ["nothing", "DEMO"])',
    'containsAny("A_MOCK_VALUE", ["_mock_"])',
    r'filter.findMatch(finding["line"], `[\w.-]{0,50}$`) == "" && filter.findMatch("ab12c", `\d+`) == "12"',
    "filter.entropy('aabb') == 1.0 && entropy('') == 0",
    'failsTokenEfficiency("productionDatabase") && !filter.failsTokenEfficiency("q7x9-zk2v-m4w8-j3q5")',
    # lets, windows, conditions, comments
    "let s = finding.secret; let n = len(s); n == 9 && s[n - 2:] == 'x9'",
    "// the first\n/* and\nthe second */ true // the last",
    '(let x = "a"; x == "a") && true',
    "let x = 1; (let x = 2; x == 2) && x == 1",
    "len(finding.secret) > 20 ? false : finding.secret != ''",
    "false ? true : true ? true : false",
    """let around = finding["fragment_raw"][
        max(finding["match_start_idx"] - 150, finding["match_line_start_idx"]):
        min(finding["match_end_idx"] + 50, finding["match_line_end_idx"])
    ];
    filter.containsAny(around, ["api_key"])""",
    # operators, and how they bind
    "true || false && false",
    "!false && true or false",
    "not false and true",
    "!(1 == 2) == true",
    "1 + 2 * 3 == 7 && 2 ** 3 ** 2 == 512 && 7 % 4 == 3 && -7 % 4 == -3 && 7 / 2 == 3.5",
    "-2 ** 2 == -4.0 && - 1 + 2 == 1",
    "'a' not in ['b', 'c'] && 2 in [1, 2] && 'b' not contains 'a'",
    "'abc' startsWith 'ab' && 'abc' endsWith 'bc' && 'abc' not matches 'z'",
    "nil ?? 'x' == 'x' && ('y' ?? 'x') == 'y'",
    "'a' + 'b' == 'ab' && 'a' < 'b' && 1 <= 1.0 && 0x10 == 16 && 1_000 == 1e3",
    "[1, 2, 3][-1] == 3 && 'abc'[1:] == 'bc' && 'abc'[:-1] == 'ab' && 'abc'[0] == 'a'",
    "true == true && true != 1 && 1 != '1' && nil == nil",
    # builtins of expr-lang
    'lower("AB") == "ab" && upper("ab") == "AB" && trim("  a ") == "a" && trim("xax", "x") == "a"',
    'hasPrefix("ab", "a") && hasSuffix("ab", "b") && trimPrefix("ab", "a") == "b" && trimSuffix("ab", "b") == "a"',
    'indexOf("abcb", "b") == 1 && lastIndexOf("abcb", "b") == 3 && replace("aba", "a", "c") == "cbc"',
    'int("7") == 7 && string(7) == "7" && string(true) == "true" && string("a") == "a"',
    'string(1.5) == "1.5" && float("0.5") == 0.5 && abs(-1) == 1',
    'floor(1.5) == 1 && ceil(1.5) == 2 && len([1, 2]) == 2 && len("é") == 1 && max(1, 3, 2) == 3',
    '"AB" | lower() == "ab" && ("secret" | filter.containsAny(["ecr"]))',
    # strings
    r'"\x41\u0042\t\"" == "AB	\"" && "\101" == "A" && `\n` == "\\n"',
    # as older files write it, for another language
    'finding["secret"].contains("123") && "abc".startsWith("a") && "abc".matches("^a")',
    'attributes.?path.orValue("") == "src/app/Config.py" && attributes[?"path"].orValue("") != ""',
    'cel.bind(s, finding["secret"], s.contains("Abc") && s.size() == 9)',
    'matchesAny(finding["secret"], [r"""^Abc"""])',
]


@pytest.mark.parametrize("source", TRUE)
def test_what_is_true_of_a_hit(source: str) -> None:
    """Each is true of the hit, its negation is not, and nothing of either is left out."""
    assert expression(source).left_out == ()
    assert expression(source).holds(sight())
    if not source.startswith(("let", "//")):
        assert not expression(f"!({source})").holds(sight())


NO_ANSWER = [
    "finding.secret + 1 == 2",
    "finding.secret < 1",
    "1 < finding.secret",
    "!finding.secret",
    "finding.secret",
    "finding.secret && true",
    "finding.secret ? true : false",
    "finding.match_start_idx / 0 == 1",
    "finding.match_start_idx % 0 == 1",
    "[1][finding.match_end_idx] == 1",
    "finding.secret[1000] == 'a'",
    "finding.secret['a':] == 'a'",
    "finding.secret['a'] == 'a'",
    "1 in finding.match_end_idx",
    "int(finding.secret) == 1",
    "float(finding.secret) == 1.0",
    "len(finding.match_end_idx) == 1",
    "[finding.secret] + 'a' == 'b'",
    "nil + 'a' == 'b'",
    "finding.secret + true == 'b'",
    "floor(finding.secret) == 1",
    "max(finding.secret, 1) == 1",
    "-finding.secret == 1",
    "finding.secret[1.5] == 'b'",
    "10 ** finding.match_end_idx ** 9 > 0",
    "(0 - finding.match_end_idx) ** 0.5 > 0",
]


@pytest.mark.parametrize("source", NO_ANSWER)
def test_what_has_no_answer_drops_nothing(source: str) -> None:
    """Where an expression makes no sense of a hit, neither it nor its opposite is true: the hit stays."""
    assert not expression(source).holds(sight())
    assert not expression(f"!({source})").holds(sight())


UNKNOWN = [
    pytest.param('attributes["git.message"] == ""', "attributes['git.message']", id="attribute"),
    pytest.param('get(attributes, "github.owner", "") == ""', "attributes['github.owner']", id="attribute-or-default"),
    pytest.param('"git.sha" in attributes', "attributes['git.sha']", id="attribute-is-there"),
    pytest.param('finding.author == ""', "finding['author']", id="finding"),
    pytest.param("finding[finding.secret] == ''", "finding by a key that is worked out", id="key"),
    pytest.param("len(finding) == 0", "finding as a whole", id="whole"),
    pytest.param("let f = attributes; f.path == ''", "a whole map", id="whole-by-name"),
    pytest.param('captures["a"] == ""', "the name 'captures'", id="name"),
    pytest.param('http.get("https://a.test", 1).status == 200', "the function 'http.get'", id="network"),
    pytest.param('env.get("HOME") == ""', "the function 'env.get'", id="environment"),
    pytest.param("filter.len('a') == 1", "the function 'filter.len'", id="not-a-filter"),
    pytest.param("'a'.reverse() == 'a'", "the function 'reverse'", id="method"),
    pytest.param("matchesAny(finding.secret, [finding.line])", "a pattern that is worked out", id="pattern"),
    pytest.param("finding.secret matches finding.line", "a pattern that is worked out", id="pattern-operator"),
    pytest.param("containsAny(finding.secret, [finding.line])", "terms that are worked out", id="terms"),
    pytest.param("matchesAny(finding.secret, ['(?=a)'])", "the pattern '(?=a)'", id="bad-pattern"),
    pytest.param("filter.findMatch(finding.secret, '(') == ''", "the pattern '('", id="bad-search"),
    pytest.param(
        "matchesAny(finding.secret, ['" + "','".join(f"[a-z]{{900}}{n}" for n in range(300)) + "'])",
        "patterns of more than 200000 instructions",
        id="costly-patterns",
    ),
]


@pytest.mark.parametrize(("source", "what"), UNKNOWN)
def test_what_is_not_known_is_named_and_the_rest_followed(source: str, what: str) -> None:
    """An alternative with something unknown in it is left out: the others beside it hold, it never does."""
    (alone,) = expression(source).left_out
    assert what in alone
    assert not expression(source).holds(sight())
    beside = expression(f"false || ({source}) || finding.secret == 'Abc123-x9'")
    assert len(beside.left_out) == 1
    assert beside.holds(sight())
    assert not expression(f"!(true || ({source}))").holds(sight())
    assert not expression(f"!(false || ({source}))").holds(sight())


def test_a_name_for_something_unknown_takes_only_its_users_with_it() -> None:
    """A `let` that cannot be worked out leaves what does not ask for it."""
    found = expression("let who = attributes['git.author_name']; who == 'bot' || finding.secret startsWith 'Abc'")
    assert len(found.left_out) == 1
    assert found.holds(sight())


def test_a_prefilter_sees_the_path_alone() -> None:
    """There is no hit yet: what asks for one is left out."""
    found = expression("finding.secret == '' || attributes.path endsWith '.py'", hit=False)
    assert len(found.left_out) == 1
    assert found.holds(Sight(None, Sheet(Chunk(data=b"", origin=Origin(target="t", path="a.py")))))


NO_EXPRESSION = [
    ("", "at character 1: the end"),
    ("true true", "at character 6: 'true'"),
    ("finding.secret ==", "the end"),
    ("(true", "where ')' belongs"),
    ("[1, 2", "where ',' belongs"),
    ("finding[]", "']'"),
    ("let = 1; true", "where a name belongs"),
    ("let x = 1 true", "where ';' belongs"),
    ("true ? false", "where ':' belongs"),
    ('"open', "from character 1 on"),
    ("a € b", "from character 3 on"),
    ("any([1], {# > 0})", "from character 11 on"),
    ("1 not 2", "where a name belongs"),
    ("1 not or 2", "cannot be negated"),
    ("entropy() > 1", "calls entropy with 0 arguments, not 1"),
    ("trim(1, 2, 3)", "calls trim with 3 arguments, not 1 to 2"),
    ("matchesAny('a')", "calls matchesAny with 1 arguments, not 2"),
    ("matchesAny('a', [1])", "needs text, not a number"),
    ("1..2 == 1", "'..'"),
    ("9" * 50 + " == 1", "more digits"),
    ("(" * 500 + "true" + ")" * 500, "nested too deeply"),
    ("!" * 500 + "true", "nested too deeply"),
    ("1" + " + 1" * 500 + " == 1", "nested too deeply"),
    ("let a = 1; " * 500 + "true", "nested too deeply"),
    ("x" * 300_000, "longer than 262144 characters"),
]


@pytest.mark.parametrize(("source", "why"), NO_EXPRESSION)
def test_what_is_no_expression_is_refused(source: str, why: str) -> None:
    """The error says why and, where it can, at which character."""
    with pytest.raises(ExpressionError) as caught:
        expression(source)
    assert why in str(caught.value)


def test_thousands_of_alternatives_are_no_depth() -> None:
    """Betterleaks' generic rule is one filter of thousands of terms; such a one is read and asked."""
    source = " || ".join(f"finding.secret == 'a{n}'" for n in range(3000))
    assert not expression(source).holds(sight())
    assert expression(f"{source} || true").holds(sight())
    assert expression(" && ".join(["true"] * 3000)).holds(sight())


GROWING = [
    "let a = finding.fragment_raw + finding.fragment_raw; " + "let a = a + a; " * 40 + "a != ''",
    "let a = finding.fragment_raw; " + "let a = replace(a, 'a', a); " * 40 + "a != ''",
    "let a = 9999999999; " + "let a = a * a; " * 40 + "a != 0",
]


@pytest.mark.parametrize("source", GROWING)
def test_nothing_an_expression_makes_grows_without_bound(source: str) -> None:
    """Text beyond a megabyte and numbers beyond 64 bits are no answer, whatever doubles them."""
    assert not expression(source).holds(sight(b"a" * 5000 + TEXT))


def test_of_a_long_line_only_what_is_near_is_seen() -> None:
    """A minified file is one line of megabytes: a filter sees its part of it, and places counted from there."""
    data = b"x" * 1_000_000 + b" key = 'Abc123-x9' " + b"y" * 1_000_000
    hit = sight(data, b"key = 'Abc123-x9'")
    assert hit.finding("match_start_idx") == REACH
    assert len(str(hit.finding("fragment_raw"))) < 3 * REACH
    assert expression('finding["fragment_raw"][finding["match_start_idx"]:][:3] == "key"').holds(hit)
    assert expression('finding["match_line_start_idx"] == 0').holds(hit)
    assert expression('len(finding["line"]) < 10000 && len(finding.context) < 10000').holds(hit)


@pytest.mark.parametrize("value", ["configuration", "deploymentManager", "user-password", "getElementById"])
def test_words_are_efficient(value: str) -> None:
    """What reads like words takes few tokens for its length."""
    assert fails_token_efficiency(value.encode())


@pytest.mark.parametrize("value", ["qZ7xK2vW9pLm4RtB", "8f14e45fceea167a5a36dedd4bea2543", "x9k2-p4q7-zz81-w3m5", ""])
def test_what_is_generated_is_not(value: str) -> None:
    """What comes out of a generator takes a token for every two bytes or so; so does nothing."""
    assert not fails_token_efficiency(value.encode())
