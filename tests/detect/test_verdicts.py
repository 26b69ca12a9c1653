"""What is remembered of a text is said again only where all that it rests on is the same."""

import pytest

from keywatch.detect.candidate import Budget, confirmed
from keywatch.detect.engine import Detector
from keywatch.detect.rule import Allowlist, RegexTarget, Required
from keywatch.detect.rules import Rule, RuleSet
from keywatch.model.content import Chunk, Origin
from keywatch.model.finding import RuleInfo


def rule(regex: str, **more: object) -> Rule:
    """Return a rule called `r`."""
    return Rule(info=RuleInfo(id="r", description="d", category="c"), regex=regex, **more)  # type: ignore[arg-type]


def found(detector: Detector, text: str, path: str = "a/b.txt") -> list[tuple[int, bytes]]:
    """Return where in `text` a secret stands, and which."""
    chunk = Chunk(text.encode(), Origin("t", path))
    return [(match.offset, match.secret.reveal()) for match in detector.scan(chunk)]


MINE = RuleSet(rules=(rule("tok_([a-z]{8})(?:;|$)", keywords=("tok_",)),))
SPOKEN = RuleSet(rules=(rule("tok_([a-z]{8})", keywords=("shop",)),))
LISTED = RuleSet(
    rules=(rule("tok_([a-z]{8})", allowlists=(Allowlist(regexes=("harmless",), target=RegexTarget.LINE),)),)
)
HARMLESS = Allowlist(regexes=("harmless",), target=RegexTarget.LINE)
LISTED_FOR_ALL = RuleSet(rules=(rule("tok_([a-z]{8})"),), allowlists=(HARMLESS,))
NAMED = RuleSet(rules=(rule("tok_([a-z]{8})", allowlists=(Allowlist(regexes=("^my",), target=RegexTarget.NAME),)),))
BESIDE = RuleSet(
    rules=(
        Rule(info=RuleInfo(id="p", description="d", category="c"), regex="id=[0-9]{6}", skip_report=True),
        rule("tok_([a-z]{8})", required=(Required(id="p", within_lines=2),)),
    )
)
PLACED = RuleSet(rules=(rule("tok_([a-z]{8})", allowlists=(Allowlist(paths=(r"\.md$",)),)),))


@pytest.mark.parametrize(
    ("rules", "texts"),
    [
        pytest.param(MINE, ["tok_abcdefgh", "tok_abcdefgh;", "tok_abcdefghi", " tok_abcdefgh"], id="what follows"),
        pytest.param(SPOKEN, ["tok_abcdefgh", "shop\ntok_abcdefgh", "tok_abcdefgh "], id="a keyword elsewhere"),
        pytest.param(
            LISTED, ["\ntok_abcdefgh\n", "\ntok_abcdefgh harmless\n", "\nharmless tok_abcdefgh\n"], id="lines"
        ),
        pytest.param(
            LISTED_FOR_ALL,
            [
                f"\n{word} {'.' * 200} tok_abcdefgh {'.' * 200}{end}\n"
                for word in ("some", "harmless")
                for end in ("", " x")
            ],
            id="lines for all rules",
        ),
        pytest.param(
            BESIDE,
            [
                "tok_abcdefgh tok_ijklmnop",
                "id=123456 tok_abcdefgh tok_ijklmnop",
                "\n\nid=123456 tok_abcdefgh tok_ijklmnop",
                "id=123456\ntok_abcdefgh\n\ntok_ijklmnop",
            ],
            id="several near one part",
        ),
        pytest.param(NAMED, ["x tok_abcdefgh ", "x mytok_abcdefgh ", "x my tok_abcdefgh "], id="the word before"),
    ],
)
def test_what_was_said_of_one_text_is_not_said_of_another(rules: RuleSet, texts: list[str]) -> None:
    """In whatever order they come, each is told as by a detector that has seen nothing before."""
    alone = {text: found(Detector(rules), text) for text in texts}
    assert len({bool(told) for told in alone.values()}) == 2
    for order in (texts, texts[::-1]):
        detector = Detector(rules)
        assert {text: found(detector, text) for text in [*order, *order]} == alone


def test_a_path_that_matters_makes_it_another_text() -> None:
    detector = Detector(PLACED)
    text = "tok_abcdefgh "
    assert [bool(found(detector, text, path)) for path in ("a.md", "a.py", "b.md", "b.py")] == [False, True] * 2


@pytest.mark.parametrize(
    ("regex", "text", "secret"),
    [
        (r"x(?:(\w{2})$|(\w))", b"xabc", b"a"),
        (r"x(?:(\w{2})$|(\w))", b"xab", b"ab"),
        (r"x(\w+)\b", b"xab cd", b"ab"),
        (r"x(?:(\w+);|(\w{2}))", b"xabcd", b"ab"),
    ],
)
def test_groups_hold_what_they_hold_in_all_of_the_text(regex: str, text: bytes, secret: bytes) -> None:
    """They are asked of what matched alone, which may end where the text does not."""
    (one,) = confirmed(rule(regex), text, [(0, len(text), len(text))], Budget(len(text)))
    assert one.secret == secret
