"""One key, several users: what is told of it. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from keywatch.alerts.key_problems import describe, where, whose
from keywatch.alerts.playbook import READ, SHARED, STRANGER
from keywatch.alerts.sharing import Dimension, Locate, Seen, Sharing, SharingRules, sharing
from keywatch.alerts.words import count, one_line
from keywatch.model.alert import AlertId, Problem, ProblemKind
from keywatch.model.call import Coverage
from keywatch.model.finding import Severity
from keywatch.model.key import Handle, Key, SourceId
from keywatch.model.usage import REST, Usage, start_of

_PLACES = frozenset({Dimension.PROVIDER, Dimension.NETWORK, Dimension.COUNTRY})
_PLURAL = {Dimension.COUNTRY: "countries"}
_SHOWN = 6
_POLICY = "Keys are never to be shared: each user of a key needs one of its own."
_NEW = (
    "Somebody uses it who never did before: its owner in a new place or with a new program, "
    "or whoever has got hold of it."
)
_NEED_TO_KNOW = "Keys are for those who need them, and never to be shared: several have fetched this one."
_NEW_READER = (
    "Somebody has fetched it who never did before: a new program or person, or whoever has got hold of a token."
)
_BY_HOUR = "%Y-%m-%d %Hh"


def sharing_problems(
    keys: Iterable[Key],
    uses: Iterable[Usage],
    coverages: Iterable[Coverage],
    *,
    rules: SharingRules,
    locate: Locate,
    now: datetime,
) -> Iterator[Problem]:
    """
    Yield one problem for each key that more use than should, or that somebody new uses.

    Args:
        keys: the inventory.
        uses: all that are known.
        coverages: what each call source has read, and up to when.
        rules: how many are too many, and what is allowed.
        locate: where a network is.
        now: aware UTC.
    """
    covered = {coverage.source: coverage for coverage in coverages}
    by_handle: dict[Handle, list[Usage]] = {}
    for use in uses:
        by_handle.setdefault(use.handle, []).append(use)
    for key in keys:
        mine = [use for handle in key.handles for use in by_handle.get(handle, ())]
        # Who fetches it from a store is not who uses it: neither is counted among the others.
        for reads in (False, True):
            some = [use for use in mine if use.is_read is reads]
            if len(some) > 1:
                at, since = _known(some, covered, now)
                found = sharing(key, some, rules, locate, at=at, since=since)
                if found is not None:
                    yield _read_problem(key, found) if reads else _problem(key, found)


def _known(
    uses: Iterable[Usage], covered: Mapping[SourceId, Coverage], now: datetime
) -> tuple[datetime, datetime | None]:
    """
    Up to when, and since when without a gap, the sources of these uses tell of them.

    A source that is blind told all it knows: the key is judged as of then, and nobody is taken to have gone. One that
    told of a use later than what it covers (files come in no order) is known up to that.
    """
    last: dict[SourceId, datetime] = {}
    for use in uses:
        last[use.source] = max(start_of(use.spell.last), last.get(use.source, start_of(use.spell.last)))
    known = {source: covered.get(source) for source in last}
    ends = [max(last[source], told.until) for source, told in known.items() if told is not None and told.until]
    starts = [told.since for told in known.values() if told is not None and told.since is not None]
    return min([now, *ends]), max(starts) if len(starts) == len(known) else None


def _problem(key: Key, found: Sharing) -> Problem:
    strange = _strangers(found)
    return Problem(
        id=AlertId(f"{ProblemKind.KEY_SHARED.value}:{key.id}"),
        # What is only new is not yet shared, but it is one alert: a key that is told as one thing may become the other.
        kind=ProblemKind.KEY_SHARED if found.over or found.apart else ProblemKind.KEY_ELSEWHERE,
        severity=_severity(found, strange),
        title=f"{describe(key)}: {_what(found)}",
        facts=(
            ("What", describe(key)),
            ("Whose", whose(key)),
            ("So what", _so_what(found)),
            ("Used from", _listed(_place(use) for use in found.uses)),
            ("Used by", _listed(_who(use) for use in found.uses)),
            ("Evidence", _evidence(found)),
        ),
        next_step=SHARED + " " + STRANGER[key.kind],
        owner=key.owner,
        stage=_stage(found),
    )


def _read_problem(key: Key, found: Sharing) -> Problem:
    return Problem(
        id=AlertId(f"{ProblemKind.SECRET_READ.value}:{key.id}"),
        kind=ProblemKind.SECRET_READ,
        severity=_severity(found, _strangers(found)),
        title=f"{describe(key)}: {_what(found, 'read in its store')}",
        facts=(
            ("What", describe(key)),
            ("Where", where(key)),
            ("Whose", whose(key)),
            ("So what", _so_what(found, reads=True)),
            ("Read from", _listed(_place(use) for use in found.uses)),
            ("Read by", _listed(_who(use) for use in found.uses)),
            ("Evidence", _evidence(found)),
        ),
        next_step=READ + " " + STRANGER[key.kind],
        owner=key.owner,
        stage=_stage(found),
    )


def _strangers(found: Sharing) -> list[Seen]:
    """Uses whose place and program are both new: one alone may be a move or a new library."""
    return [
        use
        for use in found.uses
        if any(found.is_new(use, dimension) for dimension in _PLACES)
        and any(found.is_new(use, dimension) for dimension in Dimension if dimension not in _PLACES)
    ]


def _severity(found: Sharing, strange: list[Seen]) -> Severity:
    if found.apart is not None:
        fresh = any(found.is_new(use, dimension) for use in found.apart[:2] for dimension in _PLACES)
        return Severity.CRITICAL if fresh else Severity.HIGH
    if strange:
        return Severity.HIGH
    only_programs = not found.over and all(dimension is Dimension.AGENT for dimension, _ in found.new)
    return Severity.LOW if only_programs else Severity.MEDIUM


def _stage(found: Sharing) -> str:
    """
    What must change to be told again.

    Numbers count by doublings, so that a key which gathers places one by one is told of a few times and not each day.
    """
    parts = [f"{dimension.value} x{_doubled(number)}" for dimension, number in found.over.items()]
    parts += [f"new x{_doubled(len(found.new))}"] if found.new else []
    parts += ["two countries at once"] if found.apart is not None else []
    return ", ".join(parts)


def _doubled(number: int) -> int:
    return 1 << (number - 1).bit_length()


def _what(found: Sharing, used: str = "used") -> str:
    if found.apart is not None:
        one, two, _ = found.apart
        return f"{used} from {one.where.country} and {two.where.country} in the same hour"
    if found.over:
        places, others = _counted(found, _PLACES), _counted(found, frozenset(Dimension) - _PLACES)
        said = [f"from {' and '.join(places)}"] if places else []
        said += [f"by {' and '.join(others)}"] if others else []
        return f"{used} {' '.join(said)}"
    new = [use for use in found.uses if any(found.is_new(use, dimension) for dimension in _PLACES)]
    if new:
        return f"{used} from somewhere new, {_place(new[0])}"
    return f"{used} by something new, {_news(found)[0]}"


def _so_what(found: Sharing, *, reads: bool = False) -> str:
    policy, new = (_NEED_TO_KNOW, _NEW_READER) if reads else (_POLICY, _NEW)
    said = [policy if found.over or found.apart else new]
    if found.apart is not None:
        one, two, hour = found.apart
        said.append(
            f"In the hour of {hour.strftime(_BY_HOUR)} UTC it was used from {_place(one)} and from {_place(two)}."
        )
    if found.over:
        said.append(f"In one window there were {', '.join(_counted(found, frozenset(Dimension)))}.")
    if found.new:
        said.append(f"Never seen before: {', '.join(_news(found)[:_SHOWN])}.")
    return " ".join(said)


def _counted(found: Sharing, dimensions: frozenset[Dimension]) -> list[str]:
    over = [(dimension, number) for dimension, number in found.over.items() if dimension in dimensions]
    return [count(number, dimension.value, _PLURAL.get(dimension)) for dimension, number in over]


def _news(found: Sharing) -> list[str]:
    """Name what is new, places first."""
    order = [*Dimension]
    return [one_line(value, 60) for _, value in sorted(found.new, key=lambda one: (order.index(one[0]), one[1]))]


def _place(use: Seen) -> str:
    """Say where a use is: network, system, country, as far as they are known."""
    if use.usage.origin == REST:
        return "other networks"
    where = use.where
    system = "" if where.system is None else one_line(f"AS{where.system} {where.organisation}".strip(), 60)
    known = ", ".join(part for part in (system, where.country or "") if part)
    network = one_line(use.usage.origin.network, 60) or "an unknown network"
    return f"{network} ({known})" if known else network


def _who(use: Seen) -> str:
    origin = use.usage.origin
    if origin == REST:
        return "other programs"
    if origin.principal and not origin.agent:
        return one_line(origin.principal, 80)
    agent = one_line(origin.agent, 60) or "a program without a name"
    return f"{agent} as {one_line(origin.principal, 80)}" if origin.principal else agent


def _listed(names: Iterable[str]) -> str:
    different = list(dict.fromkeys(names))
    more = len(different) - _SHOWN
    return "; ".join(different[:_SHOWN] + ([f"and {more} more"] if more > 0 else []))


def _evidence(found: Sharing) -> str:
    """New ones first: they are what somebody has to recognise."""
    new = {use for use in found.uses if any(found.is_new(use, dimension) for dimension in Dimension)}
    ranked = sorted(found.uses, key=lambda use: use not in new)
    lines = [f"{_line(use)}{', new' * (use in new)}" for use in ranked[:_SHOWN]]
    more = len(ranked) - _SHOWN
    lines += [f"and {more} more"] if more > 0 else []
    return one_line(f"{'; '.join(lines)}. Its uses are known since {found.since.strftime(_BY_HOUR)} UTC", 900)


def _line(use: Seen) -> str:
    spell = use.usage.spell
    calls = count(spell.calls, "call") if spell.calls == 1 else f"{spell.calls:,} calls"
    first, last = start_of(spell.first).strftime(_BY_HOUR), start_of(spell.last).strftime(_BY_HOUR)
    when = first if first == last else f"{first} to {last}"
    return f"{_place(use)} by {_who(use)}: {calls}, {when} UTC"
