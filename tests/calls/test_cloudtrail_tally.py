"""Many records counted at once say what each says by itself; a file read in portions says what it says as a whole."""

import json
import random
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keywatch.collect.calls.cloudtrail_file import decode, portions
from keywatch.collect.calls.cloudtrail_record import (
    IdentityType,
    Record,
    issued,
    known_version,
    moment,
    outcome,
    own,
    signed,
    signer,
)
from keywatch.collect.calls.cloudtrail_sessions import Tracer
from keywatch.collect.calls.origins import family_of, network_of
from keywatch.model.call import Call, Outcome
from keywatch.model.key import Handle, HandleSpace, SourceId
from keywatch.model.usage import Origin, Spell, Usage, add, hour_of
from tests.calls.trail_records import ACCOUNT, EXCEPTIONS, KEYS, NOW, record, some

SOURCE = SourceId("cloudtrail:org")
AHEAD = NOW + timedelta(minutes=5)
Found = tuple[dict[tuple[Handle, Outcome], Call], dict[tuple[Handle, Origin], Spell], Counter[str]]


def encoded(records: list[Any]) -> bytes:
    return json.dumps({"Records": records}, separators=(",", ":")).encode()


def one_by_one(records: list[Record]) -> Found:  # noqa: C901 - in one place, to be read beside the real one
    """What the records say, each looked at by itself, with nothing left out that could be known already."""
    makers = {
        session: key
        for each in records
        if (key := signer(each)) and known_version(each) and outcome(each) is Outcome.SUCCESS and not own(each)
        if (session := issued(each)) and session != key and judged(each) is None
    }
    calls: dict[tuple[Handle, Outcome], Call] = {}
    uses: dict[Handle, dict[Origin, Spell]] = {}
    trouble: Counter[str] = Counter()
    for each in records:
        if not known_version(each):
            trouble["are of an unknown version"] += 1
            continue
        key, result = signer(each), outcome(each)
        if key is None or result is None:
            continue
        if (why := judged(each)) is not None:
            trouble[why] += not own(each)
            continue
        while key in makers:
            key = makers[key]
        if key.startswith("ASIA"):
            continue
        who = each.user_identity
        assert who is not None
        handles = [Handle(HandleSpace.AWS_ACCESS_KEY_ID, key)]
        if who.type is IdentityType.ROOT and who.account_id:
            handles.append(Handle(HandleSpace.AWS_ROOT, who.account_id))
        network, agent = network_of(each.source_ip), family_of(each.user_agent)
        for handle in handles:
            if network and "keywatch" not in (each.user_agent or "") and signed(each):
                add(uses.setdefault(handle, {}), Origin(network, agent), Spell.of(hour_of(moment(each))))
            held = calls.get((handle, result))
            if own(each) or (held is not None and held.at >= moment(each)):
                continue
            action = f"{each.event_source.removesuffix('.amazonaws.com')}:{each.event_name}"
            calls[handle, result] = Call(
                handle=handle,
                at=moment(each),
                outcome=result,
                source=SOURCE,
                action=action,
                principal=who.arn,
                address=each.source_ip,
            )
    return (
        calls,
        {(handle, origin): spell for handle, all_of in uses.items() for origin, spell in all_of.items()},
        trouble,
    )


def judged(each: Record) -> str | None:
    try:
        return "are from the future" if moment(each) > AHEAD else None
    except ValueError:
        return "have no time"


def counted(
    files: list[list[dict[str, Any]]], chance: random.Random, *, signers: int = 5000, codes: int = 50_000
) -> Found:
    """What a reader says of the files, that puts together now and then what it has, and is restarted now and then."""
    tracer = Tracer(signers=signers, codes=codes)
    calls: list[Call] = []
    uses: list[Usage] = []
    trouble: Counter[str] = Counter()
    for file in files:
        for records, broken in portions(encoded(file), 5000):
            assert broken == 0
            trouble += tracer.collect(records, AHEAD)
        if chance.random() < 0.3:
            calls += tracer.take(SOURCE)
            uses += tracer.take_uses(SOURCE)
            saved = json.loads(json.dumps(tracer.to_json()))
            tracer = Tracer(signers=signers, codes=codes)
            tracer.load(saved)
    calls += tracer.take(SOURCE)
    uses += tracer.take_uses(SOURCE)
    latest: dict[tuple[Handle, Outcome], Call] = {}
    for call in sorted(calls, key=lambda each: each.at):
        latest[call.handle, call.outcome] = call
    spells: dict[tuple[Handle, Origin], Spell] = {}
    for use in uses:
        known = spells.get((use.handle, use.origin))
        spells[use.handle, use.origin] = use.spell if known is None else known.joined(use.spell)
    return latest, spells, trouble


def a_day(seed: int) -> tuple[list[dict[str, Any]], random.Random]:
    """Records that can be read, from several places and programs, some of them twice; and chance to cut them up."""
    chance = random.Random(seed)  # noqa: S311 - the same for the same seed
    found = []
    for each in some(seed, 300):
        moved = dict(each)
        if moved.get("sourceIPAddress"):
            address = chance.choice(["192.0.2.1", "192.0.2.9", "198.51.100.1", "2001:db8::1", "ec2.amazonaws.com", ""])
            moved["sourceIPAddress"] = address
        if moved.get("userAgent") == "aws-cli/2.0":
            moved["userAgent"] = chance.choice([f"aws-cli/2.{chance.randrange(9)}", "Boto3/1.4 os/linux", ""])
        found += [moved] * chance.choice([1, 1, 1, 2])
    chance.shuffle(found)
    found = [each for each in found if decode(encoded([each]))[1] == 0]
    rooted: set[str | None] = {KEYS[-1]}
    for each in sorted(found, key=lambda each: str(each["eventTime"])):
        # A key is root's or a user's, and so are its sessions.
        who = each.get("userIdentity") or {}
        if who.get("accessKeyId") in rooted - {None, ""}:
            if who.get("type") not in ("AWSAccount", "AWSService"):
                who |= {"type": "Root", "accountId": ACCOUNT}
            answer = each.get("responseElements")
            rooted.add(((answer if isinstance(answer, dict) else {}).get("credentials") or {}).get("accessKeyId"))
        elif who.get("type") == "Root":
            who["type"] = "IAMUser"
    return found, chance


@pytest.mark.parametrize("seed", range(8))
def test_counted_at_once_or_one_by_one(seed: int) -> None:
    """Exceptions, sessions of sessions, duplicates, files in no order and restarts: what is proven is the same."""
    records, chance = a_day(seed)
    expected = one_by_one(decode(encoded(records))[0])
    assert len(expected[0]) > len(KEYS)
    assert len(expected[1]) > len(KEYS)
    assert expected[2]["are of an unknown version"]
    cuts = sorted(chance.sample(range(len(records)), 12))
    files = [records[start:end] for start, end in zip([0, *cuts], [*cuts, None], strict=True)]
    assert expected == counted(files, chance)
    # With room for next to nothing the same is put together more often.
    assert expected == counted(files, chance, signers=2, codes=3)
    chance.shuffle(files)
    assert expected == counted(files, chance, codes=1)


@pytest.mark.parametrize("change", EXCEPTIONS)
def test_each_exception_alone(change: dict[str, Any]) -> None:
    """Nothing that a record can be is judged otherwise because it is counted in a hurry."""
    records, _ = decode(encoded([record(NOW - timedelta(hours=1), **dict(change))]))
    tracer = Tracer()
    trouble = tracer.collect(records, AHEAD)
    calls = {(call.handle, call.outcome): call for call in tracer.take(SOURCE)}
    uses = {(use.handle, use.origin): use.spell for use in tracer.take_uses(SOURCE)}
    assert one_by_one(records) == (calls, uses, trouble)


def test_a_session_is_known_longer_than_there_is_room() -> None:
    """More sessions are made than are remembered: what each did before it was forgotten is its key's."""
    at = NOW - timedelta(hours=1)
    tracer = Tracer(most=8)
    records = []
    for number in range(8):
        session = f"ASIA{'KEYWATCHTEST'}{number:04d}"
        key = f"AKIA{'KEYWATCHTEST'}{number:04d}"
        answer = {"credentials": {"accessKeyId": session}}
        records.append(
            record(at, key, eventSource="sts.amazonaws.com", eventName="AssumeRole", responseElements=answer)
        )
        records.append(record(at + timedelta(minutes=1), session))
    tracer.collect(decode(encoded(records))[0], AHEAD)
    assert {at + timedelta(minutes=1)} == {call.at for call in tracer.take(SOURCE)}


NESTED: dict[str, Any] = {
    "requestParameters": {"events": [{"eventVersion": "1"}, {"eventVersion": "2"}, {"eventVersion": "3"}]}
}
items = st.one_of(
    st.just(record(NOW)),
    st.just(record(NOW, **NESTED)),
    st.just(record(NOW, requestParameters='},{"eventVersion":')),
    st.just({"eventName": "first"} | record(NOW)),
    st.just(record(NOW, userIdentity=7)),
    st.sampled_from([7, None, {}, [{"eventVersion": "1.11"}, {"eventVersion": "1.11"}]]),
    st.integers(0, 3000).map(lambda size: record(NOW, requestParameters="x" * size)),
)


@given(found=st.lists(items, max_size=12), portion=st.integers(1, 4000), pretty=st.booleans())
def test_a_file_in_portions_is_the_file(found: list[Any], portion: int, *, pretty: bool) -> None:
    """Wherever it is cut, whatever lies inside of records, and however it was written down."""
    data = json.dumps({"Records": found}, indent=1).encode() if pretty else encoded(found)
    whole = decode(data)
    parts = list(portions(memoryview(data), portion))
    assert whole == ([each for records, _ in parts for each in records], sum(broken for _, broken in parts))


@given(count=st.integers(1, 20), portion=st.integers(1, 3000), cut=st.integers(0, 20_000), tail=st.binary(max_size=3))
def test_a_file_that_is_cut_off_is_refused_at_its_end(count: int, portion: int, cut: int, tail: bytes) -> None:
    """What came before the end holds, record by record; that it is no whole file is said."""
    data = encoded([record(NOW)] * count)
    data = data[: cut % len(data)] + tail
    records: list[Record] = []
    refused = cut_off = ""
    try:
        for part, _ in portions(data, portion):
            records += part
    except ValueError as error:
        refused = str(error)
    try:
        decode(data)
    except ValueError as error:
        cut_off = str(error)
    assert (refused[:4], refused) == (cut_off[:4], cut_off)
    assert records == decode(encoded([record(NOW)] * len(records)))[0]


@pytest.mark.parametrize("more", ['],"x":[', "],[", '}],"Records":[{"y":1'])
def test_what_only_looks_like_a_list_is_not_taken_for_one(more: str) -> None:
    """A file with something between its records is read as a whole, or refused as a whole file would be."""
    one = json.dumps(record(NOW), separators=(",", ":"))
    data = f'{{"Records":[{one},{one}{more}{one},{one}]}}'.encode()
    try:
        expected: object = decode(data)
    except ValueError as error:
        expected = str(error)
    found: list[Record] = []
    broken = 0
    try:
        for records, lost in portions(data, 1):
            found += records
            broken += lost
        actual: object = (found, broken)
    except ValueError as error:
        actual = str(error)
    assert actual == expected
