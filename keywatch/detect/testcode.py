"""
Files that hold invented values, by their own names, and what a value in them is worth.

A password or a random value without an issuer's shape tells itself only by the name before it. In test code, in a
fixture, in a document of examples nearly all of these were invented, by the hundred, so there it is no more than
slightly believed. What has a shape of its own is what it is wherever it stands: an issuer's token, a key pair, a
private key, a seller's login, a value that we know.
"""

from enum import IntEnum

from keywatch.detect import lazy_re2 as re2
from keywatch.detect.candidate import Candidate
from keywatch.detect.filters import Sheet
from keywatch.detect.rule import ValueTest
from keywatch.detect.value import is_typed
from keywatch.model.finding import Confidence


class Purpose(IntEnum):
    """What a file's own name says of the values in it. A directory's says nothing: people keep real ones anywhere."""

    ANY = 0
    TEMPLATE = 1
    """A configuration to be copied and filled in (`.env.example`): the passwords are there to be replaced."""
    TEST = 2
    """Test code, or data made for tests: fixtures, golden files, snapshots."""
    EXAMPLES = 3
    """A document of examples, as those that come with the model of an interface."""


_TEST = re2.compile(
    rb"(?:^|/)(?:"
    rb"tests?_[\w.-]+\.py|[\w.-]+_tests?\.py|conftest\.py"
    rb"|[\w.-]+_test\.(?:go|dart|exs|cc|cpp|c|rb|php|erl)|[\w.-]+_spec\.(?:rb|lua|cr)"
    rb"|[\w.-]+\.(?:test|tests|spec|e2e-spec|cy)\.(?:[cm]?[jt]sx?|vue|svelte)"
    rb"|[\w-]*[a-z0-9](?:Tests?|TestCase|IT|Specs?)\.(?:java|kt|kts|scala|groovy|cs|fs|vb|php|swift|m|mm)"
    rb"|__tests__/(?:[^/]+/)*[\w.-]+\.[cm]?[jt]sx?"
    rb"|src/test/(?:java|kotlin|scala|groovy)/(?:[^/]+/)*[\w.-]+\.(?:java|kt|scala|groovy)"
    rb")$"
    rb"|(?:^|[/!])(?:[\w.-]*[._-])?(?i:fixtures?|golden)(?:\.[\w.]{1,16})?(?:!|$)|\.snap$"
)
"""
Source code that its own language's test runner finds by its name or place; data that calls itself a fixture, and what
an archive of that name holds. A directory called tests is not enough: it holds configuration and data too.
"""
_EXAMPLES = re2.compile(rb"(?:^|[/!._-])examples(?:-\d{1,3})?\.[a-z0-9]{2,5}$")
_TEMPLATE = re2.compile(
    rb"(?i)(?:\.(?:example|sample|dist|template|tmpl|tpl)|[._-](?:example|sample|template|dist)\.[a-z0-9]{2,10}"
    rb"|(?:^|/)(?:example|sample)\.(?:env|ini|toml|conf|cfg|ya?ml|properties))$"
)
_CHOSEN = frozenset({ValueTest.PASSWORD, ValueTest.STRONG_PASSWORD, ValueTest.WEAK_PASSWORD})
_AMAZON = frozenset({"aws", "lwa", "mws", "seller"})


def purpose(path: bytes) -> Purpose:
    """Return what the name of the file at `path` says of the values in it."""
    if _TEST.search(path) is not None:
        return Purpose.TEST
    if _EXAMPLES.search(path) is not None:
        return Purpose.EXAMPLES
    return Purpose.TEMPLATE if _TEMPLATE.search(path) is not None else Purpose.ANY


def believed(candidate: Candidate, sheet: Sheet) -> Confidence:
    """Return how sure we are of `candidate`, going by where it stands as well."""
    if (
        candidate.confidence is not Confidence.HIGH
        and candidate.rule.info.category not in _AMAZON
        and (file := purpose(sheet.path)) is not Purpose.ANY
        and _may_be_invented(candidate, file)
    ):
        return Confidence.SLIGHT
    return candidate.confidence


def _may_be_invented(candidate: Candidate, file: Purpose) -> bool:
    test = candidate.rule.test
    if test in _CHOSEN:
        return True
    if file is Purpose.TEMPLATE:
        return False
    if test is ValueTest.TOKEN and is_typed(candidate.secret):
        return True
    if file is Purpose.EXAMPLES and test is ValueTest.WEB_TOKEN:
        return True
    # A token whose checksum is wrong has its issuer's shape all the same.
    return candidate.confidence is Confidence.LOW and test is not ValueTest.CRC32
