"""
Test code, and what a value in it is worth.

A password or a random value without an issuer's shape tells itself only by the name before it. In test code nearly all
of these were invented, by the hundred, so there it is no more than slightly believed. What has a shape of its own is
what it is wherever it stands: an issuer's token, a key pair, a private key, a seller's login, a value that we know.
"""

from keywatch.detect import lazy_re2 as re2
from keywatch.detect.candidate import Candidate
from keywatch.detect.filters import Sheet
from keywatch.detect.rule import ValueTest
from keywatch.model.finding import Confidence

_TEST_CODE = re2.compile(
    rb"(?:^|/)(?:"
    rb"tests?_[\w.-]+\.py|[\w.-]+_tests?\.py|conftest\.py"
    rb"|[\w.-]+_test\.(?:go|dart|exs|cc|cpp|c|rb|php|erl)|[\w.-]+_spec\.(?:rb|lua|cr)"
    rb"|[\w.-]+\.(?:test|tests|spec|e2e-spec|cy)\.(?:[cm]?[jt]sx?|vue|svelte)"
    rb"|[\w-]*[a-z0-9](?:Tests?|TestCase|IT|Specs?)\.(?:java|kt|kts|scala|groovy|cs|fs|vb|php|swift|m|mm)"
    rb"|__tests__/(?:[^/]+/)*[\w.-]+\.[cm]?[jt]sx?"
    rb"|src/test/(?:java|kotlin|scala|groovy)/(?:[^/]+/)*[\w.-]+\.(?:java|kt|scala|groovy)"
    rb")$"
)
"""
Source code that its own language's test runner finds by its name or place. A directory called tests is not enough: it
holds configuration and data too, and people keep real ones there.
"""
_CHOSEN = frozenset({ValueTest.PASSWORD, ValueTest.STRONG_PASSWORD, ValueTest.WEAK_PASSWORD})
_AMAZON = frozenset({"aws", "lwa", "mws", "seller"})


def is_test_code(path: bytes) -> bool:
    """Tell whether `path` is that of source code which only tests other code."""
    return _TEST_CODE.search(path) is not None


def believed(candidate: Candidate, sheet: Sheet) -> Confidence:
    """Return how sure we are of `candidate`, going by where it stands as well."""
    if _may_be_invented(candidate) and is_test_code(sheet.path):
        return Confidence.SLIGHT
    return candidate.confidence


def _may_be_invented(candidate: Candidate) -> bool:
    rule = candidate.rule
    if candidate.confidence is Confidence.HIGH or rule.info.category in _AMAZON:
        return False
    if rule.test in _CHOSEN:
        return True
    # A token whose checksum is wrong has its issuer's shape all the same.
    return candidate.confidence is Confidence.LOW and rule.test is not ValueTest.CRC32
