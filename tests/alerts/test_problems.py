"""What is wrong, and in which words."""

from dataclasses import replace
from datetime import timedelta

import pytest

from keywatch.alerts.problems import BlindSource, Grace, SourceRole, inhibited, problems
from keywatch.model.alert import Problem, ProblemKind
from keywatch.model.finding import Confidence, FindingState, Ownership, Severity
from keywatch.model.held_value import HeldAs, Validity
from keywatch.model.key import Gone, HandleSpace, Keeping, Key, KeyKind, KeyStatus, SourceId, Versions
from keywatch.model.standing import Basis, Level, Standing
from tests.alerts.builders import DAY, NOW, Seen, finding, key, place, standing


def only(*standings: Standing, findings: tuple[Seen, ...] = (), blind: tuple[BlindSource, ...] = ()) -> Problem:
    """Return the one problem there is."""
    (found,) = problems(standings, findings, blind, now=NOW)
    return found


def fact(problem: Problem, label: str) -> str:
    """Return one fact of a problem."""
    return dict(problem.facts)[label]


@pytest.mark.parametrize(
    ("level", "severity"),
    [
        (Level.NOTICE, Severity.LOW),
        (Level.WARNING, Severity.MEDIUM),
        (Level.URGENT, Severity.HIGH),
        (Level.CRITICAL, Severity.CRITICAL),
        (Level.LAPSED, Severity.CRITICAL),
    ],
)
def test_a_dying_key_is_as_grave_as_its_deadline_is_near(level: Level, severity: Severity) -> None:
    """Each warning step is a stage of one and the same alert, and graver than the one before."""
    found = only(standing(level))
    assert (ProblemKind.KEY_DYING, severity, level.value) == (found.kind, found.severity, found.stage)
    assert found.id == "key-dying:aws-access-key-id:ID-ORDERS"


def test_a_dying_key_says_what_whose_when_and_why() -> None:
    """The message names the key, its owner, the day Amazon deletes it, and what that rests on."""
    found = only(standing(attempt=NOW - DAY, reasons=("the trail of eu-west-1 is missing",)))
    assert found.title == "AWS access key orders (…DERS): 4 days left"
    assert fact(found, "So what") == "Amazon deletes it on 2026-11-27, in 4 days."
    assert fact(found, "Evidence") == (
        "last successful call 2026-08-29 14:18 UTC; last other use 2026-11-22 14:18 UTC;"
        " the trail of eu-west-1 is missing"
    )
    assert found.owner == "orders@example.com"
    assert "successful call" in found.next_step


def test_whose_says_all_that_is_known() -> None:
    """Application, seller and account stand beside the owner; no owner is said to be unknown."""
    of = key(owner=None, application="orders-app", seller="A1EXAMPLE", account="111122223333")
    whose = fact(only(standing(of=of)), "Whose")
    assert whose == "no owner is known, application orders-app, seller A1EXAMPLE, account 111122223333"


def test_many_places_are_counted() -> None:
    """Three places are named, the others counted; a key without a place is in an unknown one."""
    assert fact(only(standing(of=key(places=5))), "Where").endswith("; and 2 more places")
    assert fact(only(standing(of=key(places=0))), "Where") == "unknown"


@pytest.mark.parametrize(
    ("kind", "level", "left", "words"),
    [
        (KeyKind.LWA_CLIENT_SECRET, Level.LAPSED, -3, "Its window ended on 2026-11-20, 3 days ago: expect Amazon"),
        (KeyKind.VAULT_TOKEN, Level.LAPSED, -1, "Its window ended on 2026-11-22, 1 day ago: it may stop working"),
        (KeyKind.VAULT_TOKEN, Level.CRITICAL, 1, "Its window ends on 2026-11-24, tomorrow."),
        (KeyKind.AWS_ACCESS_KEY, Level.CRITICAL, 0, "Amazon deletes it on 2026-11-23, today."),
        (KeyKind.AWS_ACCESS_KEY, Level.CRITICAL, None, "When its window ends is not known."),
    ],
)
def test_the_end_of_the_window(kind: KeyKind, level: Level, left: int | None, words: str) -> None:
    """Only of Amazon's own keys is it said that Amazon deletes them."""
    of = key(kind=kind, space=HandleSpace.DECLARED)
    assert fact(only(standing(level, of=of, left=left)), "So what").startswith(words)


def test_titles_without_a_day_claim_none() -> None:
    """A lapsed key's window is over; one whose day is unknown is dying."""
    assert only(standing(Level.LAPSED, left=-3)).title.endswith(": its window is over")
    assert only(standing(left=None)).title.endswith("is dying")


def test_an_attempt_is_not_called_a_success() -> None:
    """A key that was used, without a call known to have succeeded, dies unless one did."""
    found = only(standing(basis=Basis.ATTEMPT_ONLY, attempt=NOW))
    assert fact(found, "So what").startswith("It was used, but no call is known to have succeeded. Unless one did: ")
    assert fact(found, "Evidence").startswith("no successful call on record")


def test_a_key_in_good_standing_is_no_problem() -> None:
    """Nothing is said of a key that is used."""
    assert [] == problems([standing(Level.GOOD)], [], [], now=NOW)


def test_a_never_used_key_is_told_with_its_age() -> None:
    """A key that was never used is a problem of its own, with its age in the title."""
    found = only(standing(Level.GOOD, Basis.NEVER, of=key(created_at=NOW - 30 * DAY)))
    assert (found.kind, found.severity, found.stage) == (ProblemKind.KEY_NEVER_USED, Severity.LOW, "good")
    assert found.title == "AWS access key orders (…DERS): never used in 30 days"


def test_a_new_key_has_some_days_of_grace() -> None:
    """A key that was made less than a week ago need not have been used; the week is configurable."""
    fresh = standing(Level.GOOD, Basis.NEVER, of=key(created_at=NOW - 7 * DAY + timedelta(seconds=1)))
    assert [] == problems([fresh], [], [], now=NOW)
    assert 1 == len(problems([fresh], [], [], now=NOW, grace=Grace(first_use=6 * DAY)))


def test_a_never_used_key_of_unknown_age_is_told_without_one() -> None:
    """Where nobody knows when it was made, no age is claimed."""
    found = only(standing(Level.GOOD, Basis.NEVER, of=key(created_at=None), clock=None))
    assert found.title.endswith(": never used")


@pytest.mark.parametrize(
    ("kind", "status", "reason"),
    [
        (KeyKind.MWS_KEY, KeyStatus.ACTIVE, "The service behind it is closed"),
        (KeyKind.OTHER, KeyStatus.INACTIVE, "It is switched off"),
        (KeyKind.OTHER, KeyStatus.EXPIRED, "It has expired"),
        (KeyKind.OTHER, KeyStatus.ACTIVE, "It is of no use"),
    ],
)
def test_a_leftover_is_told_even_where_calls_are_unknown(kind: KeyKind, status: KeyStatus, reason: str) -> None:
    """Whether a key is left over does not depend on evidence of calls."""
    of = key(kind=kind, status=status)
    found = only(standing(Level.LEFTOVER, Basis.UNKNOWN, of=of))
    assert (found.kind, found.severity) == (ProblemKind.KEY_LEFTOVER, Severity.LOW)
    assert fact(found, "So what").startswith(reason)


@pytest.mark.parametrize(
    ("gone", "reason"),
    [
        ((Gone.DELETED,), "Its value was deleted, and can be brought back"),
        ((Gone.DESTROYED,), "Its value was destroyed"),
        ((Gone.DELETED, Gone.DESTROYED), "Its value was deleted, and can be brought back"),
        ((Gone.DESTROYED, None), "It is switched off"),
    ],
)
def test_a_leftover_of_stores_says_what_became_of_its_value(gone: tuple[Gone | None, ...], reason: str) -> None:
    """Deleted in Vault is another thing than destroyed; where another place has it, neither says why it is off."""
    of = key(kind=KeyKind.OTHER, status=KeyStatus.INACTIVE, places=len(gone))
    keeping = tuple(
        Keeping(location=place, versions=Versions(current=1, kept=0, deleted=1, destroyed=0, gone=one))
        for place, one in zip(of.locations, gone, strict=True)
    )
    found = only(standing(Level.LEFTOVER, of=replace(of, keeping=keeping)))
    assert fact(found, "So what").startswith(reason)


@pytest.mark.parametrize(("account", "named"), [("111122223333", "111122223333"), (None, "unknown")])
def test_a_root_key_is_a_problem_however_it_is_used(account: str | None, named: str) -> None:
    """The root user's key is told, used or not, and not told a second time for dying."""
    of = key("root", space=HandleSpace.AWS_ROOT, account=account)
    found = only(standing(Level.CRITICAL, of=of))
    assert (found.kind, found.severity) == (ProblemKind.ROOT_KEY, Severity.HIGH)
    assert found.title == f"The root user of AWS account {named} has an access key"


def test_an_unknown_standing_claims_nothing_and_holds_its_alerts() -> None:
    """Where a source is blind no key is called dying, and no alert about it is called over."""
    unknown = standing(Level.CRITICAL, Basis.UNKNOWN)
    assert [] == problems([unknown], [], [], now=NOW)
    assert inhibited([unknown, standing()]) == {
        "key-dying:aws-access-key-id:ID-ORDERS",
        "key-never-used:aws-access-key-id:ID-ORDERS",
    }


def test_a_leftover_holds_nothing() -> None:
    """A key that is left over is decided, whatever is known of its calls."""
    assert frozenset() == inhibited([standing(Level.LEFTOVER, Basis.UNKNOWN)])


def test_a_leak_names_its_place_and_never_its_value() -> None:
    """A leaked secret is named by rule and fingerprint; its places say whether they are still there, and who did it."""
    places = (
        place(path="old.py", present=False, commit="c0ffee" * 6, author="Ann <ann@example.com>", committed_at=NOW),
        place(path="new.py", line=0, present=True),
        place(path="x.log"),
        place(path="y.log"),
    )
    found = only(findings=(Seen(finding=finding(places=places), places_total=9),))
    assert found.kind is ProblemKind.SECRET_LEAKED
    assert found.title == "Leaked: github token: opens something, in orders-sync"
    assert fact(found, "Where").splitlines() == [
        "orders-sync: new.py, still there",
        "orders-sync: old.py:7, commit c0ffeec0ffee, deleted but still in the history",
        "orders-sync: x.log:7",
        "and 6 more places",
    ]
    assert fact(found, "Evidence").endswith("; committed by Ann <ann@example.com> on 2026-11-23")
    assert fact(found, "What") == f"github token: opens something ({finding().redacted.fingerprint.short})"
    assert found.next_step == "Revoke it."


def test_a_leak_without_a_remedy_or_owner_still_says_what_to_do() -> None:
    """A rule without a remedy gets the general one; whose it is, is said not to be known."""
    found = only(findings=(Seen(finding=finding(remedy="")),))
    assert found.next_step.startswith("Take it for live")
    assert fact(found, "Whose").startswith("not known")
    ours = only(findings=(Seen(finding=finding(ownership=Ownership.OURS)),))
    assert fact(ours, "Whose").startswith("ours")


@pytest.mark.parametrize(
    ("status", "severity", "words"),
    [
        (KeyStatus.ACTIVE, Severity.CRITICAL, "It is live"),
        (KeyStatus.UNKNOWN, Severity.CRITICAL, "Whether it is live is not known"),
        (KeyStatus.INACTIVE, Severity.HIGH, "It is switched off"),
        (KeyStatus.EXPIRED, Severity.HIGH, "It has expired"),
    ],
)
def test_a_leaked_key_of_ours_is_named_with_its_standing(status: KeyStatus, severity: Severity, words: str) -> None:
    """A leaked key of the inventory is named, with its owner and last call, and is critical while it may live."""
    of = key(status=status)
    found = only(standing(Level.GOOD, of=of), findings=(Seen(finding=finding(of=of)),))
    assert found.severity is severity
    assert found.title.startswith("Leaked: AWS access key orders (…DERS)")
    assert fact(found, "So what").startswith(f"{words}; ") or fact(found, "So what").startswith(words)
    assert "last successful call 2026-08-29" in fact(found, "So what")
    assert found.owner == "orders@example.com"
    assert "Deleting the file does not help" in found.next_step


@pytest.mark.parametrize(
    ("held", "kind", "severity", "title", "words"),
    [
        pytest.param(
            HeldAs(place="prod/kv/a#token", validity=Validity.CURRENT),
            KeyKind.OTHER,
            Severity.CRITICAL,
            "Leaked: ",
            "It is live",
            id="in-use",
        ),
        pytest.param(
            HeldAs(place="prod/kv/a#token", validity=Validity.REPLACED, since=NOW - DAY, spent=True),
            KeyKind.OTHER,
            Severity.MEDIUM,
            "Leaked, already rotated: ",
            "It is not the value in use: another one stands in its place since 2026-11-22. Whether its issuer",
            id="rotated",
        ),
        pytest.param(
            HeldAs(place="prod/kv/a#token", validity=Validity.REPLACED, since=NOW - DAY),
            KeyKind.LWA_CLIENT_SECRET,
            Severity.CRITICAL,
            "Leaked: ",
            "It is not the value in use: another one stands in its place since 2026-11-22. Amazon accepts an old client"
            " secret for 7 days more",
            id="rotated-and-live-for-a-while",
        ),
        pytest.param(
            HeldAs(place="prod/kv/a#token", validity=Validity.REPLACED),
            KeyKind.LWA_REFRESH_TOKEN,
            Severity.CRITICAL,
            "Leaked: ",
            "It is not the value in use: another one stands in its place. A new one does not end the old one",
            id="rotated-and-live",
        ),
        pytest.param(
            HeldAs(place="prod/kv/a#token", validity=Validity.REMOVED, since=NOW - DAY),
            KeyKind.OTHER,
            Severity.CRITICAL,
            "Leaked: ",
            "Its store does not hold it any more since 2026-11-22, which does not end it: take it for live.",
            id="gone",
        ),
    ],
)
def test_a_leaked_value_of_a_store_is_told_with_what_became_of_it(
    held: HeldAs, kind: KeyKind, severity: Severity, title: str, words: str
) -> None:
    """Live, rotated and dead, rotated and live, or gone: in title, severity, words and what to do."""
    of = key(kind=kind)
    found = only(standing(Level.GOOD, of=of), findings=(Seen(finding=replace(finding(of=of), held=held)),))
    assert (found.severity, found.title.startswith(title)) == (severity, True)
    assert fact(found, "So what").startswith(words)
    assert "prod/kv/a#token" in fact(found, "What")
    assert found.next_step.startswith("It was rotated already") is held.spent
    ends_by_itself = kind is KeyKind.LWA_CLIENT_SECRET and held.validity is Validity.REPLACED
    assert ("nothing needs rotating once more" in found.next_step) is ends_by_itself


def test_a_value_of_no_key_that_is_listed_is_told_by_its_place() -> None:
    """An inventory that lists it no longer, or never did, makes it nobody else's."""
    held = HeldAs(place="prod/kv/a#token", validity=Validity.CURRENT, more=2)
    found = only(findings=(Seen(finding=replace(finding(ownership=Ownership.OURS), held=held)),))
    assert found.title == "Leaked: prod/kv/a#token, in orders-sync"
    assert "prod/kv/a#token and 2 more places" in fact(found, "What")
    assert fact(found, "So what") == "It is the value in use. Whoever can read that place can use it."
    assert fact(found, "Whose") == "ours, kept in a store: no owner is known"


def test_a_leaked_key_without_a_call_says_so() -> None:
    """No successful call on record is said as such."""
    of = key()
    found = problems([standing(Level.GOOD, Basis.UNKNOWN, of=of)], [Seen(finding=finding(of=of))], [], now=NOW)
    assert "no successful call known" in fact(found[0], "So what")


def test_doubtful_leaks_are_milder() -> None:
    """A match the rule is not sure of is at most medium."""
    assert Severity.MEDIUM is only(findings=(Seen(finding=finding(confidence=Confidence.LOW)),)).severity
    low = Seen(finding=finding(confidence=Confidence.LOW, severity=Severity.LOW))
    assert Severity.LOW is only(findings=(low,)).severity


def test_what_tests_invent_is_no_problem_unless_it_is_ours() -> None:
    """A password in test code alone is on record and wakes nobody; a key of ours is told wherever it is."""
    invented = Seen(finding=finding(confidence=Confidence.SLIGHT))
    assert [] == problems([], [invented], [], now=NOW)
    ours = Seen(finding=finding(confidence=Confidence.SLIGHT, ownership=Ownership.OURS))
    assert only(findings=(ours,)).title.startswith("Leaked")


@pytest.mark.parametrize("state", [FindingState.RESOLVED, FindingState.IGNORED])
def test_settled_findings_are_no_problem(state: FindingState) -> None:
    """What is gone, or what a person has said to ignore, is not told."""
    assert [] == problems([], [Seen(finding=finding(), state=state)], [], now=NOW)


def test_the_stage_of_a_leak_changes_with_its_targets_and_its_key_only() -> None:
    """One more line or commit is no news; another repository, or the discovery that it is ours, is."""
    here = only(findings=(Seen(finding=finding(), places_total=1),))
    more_places = only(findings=(Seen(finding=finding(), places_total=50),))
    elsewhere = only(findings=(Seen(finding=finding(), targets=("other",)),))
    both = only(findings=(Seen(finding=finding(), targets=("orders-sync", "other")),))
    known = problems([standing(Level.GOOD)], [Seen(finding=finding(of=key()))], [], now=NOW)[0]
    assert here.stage == more_places.stage
    assert 4 == len({here.stage, elsewhere.stage, both.stage, known.stage})
    assert here.id == both.id == known.id
    assert both.title.endswith("in orders-sync and 1 more target")


def test_a_finding_without_a_target_can_be_told() -> None:
    """A record without targets does not break the telling."""
    assert only(findings=(Seen(finding=finding(), targets=()),)).title.endswith("in an unknown place")


@pytest.mark.parametrize(
    ("category", "ownership", "of", "expected"),
    [
        pytest.param("seller", Ownership.UNKNOWN, None, True, id="a seller's by its rule"),
        pytest.param("lwa", Ownership.FOREIGN, None, True, id="a selling-partner secret of somebody else"),
        pytest.param("aws", Ownership.FOREIGN, None, False, id="an AWS key of an account that is not ours"),
        pytest.param("github", Ownership.FOREIGN, None, False, id="somebody else's, but not Amazon's"),
        pytest.param("lwa", Ownership.UNKNOWN, None, False, id="perhaps ours"),
        pytest.param("seller", Ownership.OURS, None, False, id="ours by its account"),
        pytest.param("seller", Ownership.UNKNOWN, key(), False, id="ours by the inventory"),
    ],
)
def test_what_is_a_sellers_secret(category: str, ownership: Ownership, of: Key | None, *, expected: bool) -> None:
    """A seller's secret is one by its rule, or an Amazon secret known not to be ours; never one of our own."""
    found = only(findings=(Seen(finding=finding(category=category, ownership=ownership, of=of)),))
    assert (found.kind is ProblemKind.SELLER_SECRET) is expected


def test_a_sellers_secret_is_critical_and_comes_with_the_playbook() -> None:
    """It is never used, never stored, deleted where it was found, and the seller is told to rotate it."""
    found = only(findings=(Seen(finding=finding(category="seller")),))
    assert found.severity is Severity.CRITICAL
    for words in ("Never use it", "Delete the message", "rotate the key", "OAuth"):
        assert words in found.next_step


@pytest.mark.parametrize("role", SourceRole)
def test_a_blind_source_is_told_once_with_since_when(role: SourceRole) -> None:
    """One alert says since when a source cannot be read, what cannot be concluded meanwhile, and what to do."""
    blind = BlindSource(source=SourceId("vault:prod"), role=role, since=NOW, error="vault is sealed", hint="unseal it")
    found = only(blind=(blind, blind))
    assert found.title == "keywatch cannot read vault:prod since 2026-11-23 14:18 UTC"
    assert fact(found, "Evidence") == "vault is sealed (never read so far)"
    assert found.next_step == "unseal it"


def test_a_blind_source_without_a_hint_points_to_check() -> None:
    """Where the error has no hint, `keywatch check` is the next step; when it was read last is said."""
    blind = BlindSource(
        source=SourceId("vault:prod"), role=SourceRole.CALLS, since=NOW, error="sealed", last_success=NOW - DAY
    )
    found = only(blind=(blind,))
    assert "keywatch check" in found.next_step
    assert fact(found, "Evidence") == "sealed (last read 2026-11-22 14:18 UTC)"


def test_a_short_blindness_may_be_forgiven() -> None:
    """With a grace, a source that failed just now is not told yet."""
    blind = BlindSource(source=SourceId("vault:prod"), role=SourceRole.CALLS, since=NOW, error="sealed")
    grace = Grace(blindness=timedelta(minutes=15))
    assert [] == problems([], [], [blind], now=NOW, grace=grace)
    assert 1 == len(problems([], [], [blind], now=NOW + timedelta(minutes=15), grace=grace))
