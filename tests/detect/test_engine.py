"""The matching engine: places, repeats, comments, threads, cache, and whatever hostile input may do."""

import base64
import pickle
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from keywatch.detect.database import Database, Mode, loosened
from keywatch.detect.engine import Detector
from keywatch.detect.examples import expand
from keywatch.detect.pattern import compiled
from keywatch.detect.rules import Required, Rule, RuleSet, packaged
from keywatch.model.content import Chunk, Origin
from keywatch.model.finding import Confidence, Match, RuleInfo
from keywatch.model.key import HandleSpace
from keywatch.model.secret import Pepper

DETECTOR = Detector(packaged())
TOKEN = expand("Atzr|Iw{base64url:100}")
SECRET = expand("amzn1.oa2-cs.v1.{hex:64}")
KEY_ID, KEY = expand("AKIA{base32:16}"), expand("{base64:40}")


def chunk(text: str | bytes, *, more: bool = False, **where: int) -> Chunk:
    """Return a chunk of one nameless file."""
    data = text.encode() if isinstance(text, str) else text
    return Chunk(data=data, origin=Origin(target="t", path="a/b.txt"), more=more, **where)  # type: ignore[arg-type]


def rule(regex: str, **more: object) -> Rule:
    """Return a rule called `r`."""
    return Rule(info=RuleInfo(id="r", description="d", category="c"), regex=regex, **more)  # type: ignore[arg-type]


def found(detector: Detector, text: str | bytes) -> list[bytes]:
    """Return the secrets found in `text`."""
    return [match.secret.reveal() for match in detector.scan(chunk(text))]


ALIKE = [
    rule(r"[ab]{1,5}([0-9]{6,})\b"),
    rule(r"b([0-9]{6}-{2,})\b", anchor=r"[ab]{1,5}[0-9]{6}-{2,}\b"),
    rule(r"b([0-9]{6}-\b)", anchor=r"[ab]{1,5}[0-9]{6}-\b"),
    rule(r"ab=([0-9]{6});", anchor="[ab]{1,9}="),
    rule(r"ab=([0-9]{6});", anchor=r"ab=[^\n]*"),
    rule(r"b[a=]{0,4}([0-9]{6}(?:;|$))", anchor="[ab]{1,9}=?"),
    rule(r".*ab=([0-9]{6})", span=16),
]
"""Rules whose matches may begin later than they are sighted, or end elsewhere."""
DETECTORS = [Detector(RuleSet(rules=(one,))) for one in ALIKE]
PIECES = ("a", "b", "ab", "=", "ab=", "-", "--", "481973", "481973;", "6", " ", "\n", "c")


@example(which=1, pieces=["ab", "481973", "--", "-", "6"])
@example(which=2, pieces=["ab", "481973", "-", "c"])
@example(which=4, pieces=["ab=", "481973;", "c", "ab=", "481973;"])
@example(which=5, pieces=[*"aaaaaaaaaab", "481973;"])
@given(which=st.integers(0, len(ALIKE) - 1), pieces=st.lists(st.sampled_from(PIECES), max_size=24))
def test_what_is_found_is_what_the_pattern_matches(which: int, pieces: list[str]) -> None:
    """
    Wherever the first pass sights it and whatever came of like text before: match after match, left to right.

    The detectors are those of all examples, so that they remember.
    """
    data = "".join(pieces).encode()
    hits = compiled(ALIKE[which].regex or "").finds(data)
    assert [data[slice(*hit.span(1))] for hit in hits] == found(DETECTORS[which], data)


def test_a_part_that_waits_for_its_rule_is_found_near_it() -> None:
    """A rule with an anchor is looked for by that, and its part near it: on the right lines, and nowhere else."""
    part = Rule(info=RuleInfo(id="p", description="d", category="c"), regex="shop[a-z]{0,8}", skip_report=True)
    main = rule("tok_([a-z]{8})", anchor="tok_[a-z]{4}", required=(Required(id="p", within_lines=1),))
    detector = Detector(RuleSet(rules=(part, main)))
    assert len(detector._plan.seen) == 1
    assert found(detector, "the shop:\ntok_abcdefgh") == [b"abcdefgh"]
    assert found(detector, "tok_abcdefgh\n(the shop)") == [b"abcdefgh"]
    assert found(detector, "the shop:\n\ntok_abcdefgh") == []
    assert found(detector, "tok_abcdefgh, shop shop shop\n" * 3) == [b"abcdefgh"] * 3


def test_a_part_that_waits_still_takes_what_it_overlaps() -> None:
    """What a less specific rule finds is not told where it is part of another, wherever that is looked for."""
    part = Rule(info=RuleInfo(id="p", description="d", category="c"), regex="shop-[a-z]{8}", skip_report=True)
    main = rule("tok_([a-z]{8})", anchor="tok_[a-z]{4}", required=(Required(id="p", within_lines=1),))
    other = Rule(info=RuleInfo(id="o", description="d", category="c"), regex="key=([a-z-]{8,20})", specificity=9)
    detector = Detector(RuleSet(rules=(part, main, other)))
    assert found(detector, "key=shop-abcdefgh") == []
    assert found(detector, "key=abcdefghijkl") == [b"abcdefghijkl"]


def test_a_match_says_where_the_secret_is() -> None:
    """Line and column count from 1, in characters, and honour what the chunk says of its own place."""
    data = f"première ligne\nü {TOKEN}\n"
    (match,) = DETECTOR.scan(chunk(data, offset=1000, first_line=7, first_column=5))
    assert (match.line, match.column) == (8, 3)
    assert (match.end_line, match.end_column) == (8, 3 + len(TOKEN))
    assert (match.offset, match.length) == (1000 + data.encode().index(b"Atzr"), len(TOKEN))


def test_the_first_line_of_a_chunk_starts_at_its_first_column() -> None:
    """A chunk that begins inside a line shifts the columns of that line only."""
    (match,) = DETECTOR.scan(chunk(f"x {SECRET}", first_line=3, first_column=11))
    assert (match.line, match.column) == (3, 13)


def test_unknown_lines_stay_unknown() -> None:
    """A chunk that does not know its line numbers makes matches without any."""
    (match,) = DETECTOR.scan(chunk(f"a\nb {SECRET}", first_line=0))
    assert (match.line, match.end_line) == (0, 0)


@pytest.mark.parametrize(("overlap", "expected"), [(0, 1), (2 + len(SECRET) - 1, 1), (2 + len(SECRET) + 5, 0)])
def test_a_match_inside_the_overlap_is_a_repeat(overlap: int, expected: int) -> None:
    """What ends inside the overlap was told with the previous chunk; what reaches beyond it was not."""
    assert expected == len(DETECTOR.scan(chunk(f"x {SECRET} and on", overlap=overlap)))


def test_a_pair_whose_later_half_is_new_is_told() -> None:
    """A secret in the overlap is told again when the id that makes a pair of it comes after the overlap."""
    text = f"secret: {KEY}\nid: {KEY_ID}\n"
    (match,) = DETECTOR.scan(chunk(text, overlap=len(f"secret: {KEY}\n")))
    assert match.rule.id == "aws-key-pair"


def test_a_pair_is_one_match_that_names_the_key() -> None:
    """Id and secret make one match: the secret is the secret, the id its handle."""
    (match,) = DETECTOR.scan(chunk(f"aws_access_key_id = {KEY_ID}\naws_secret_access_key = {KEY}\n"))
    assert match.secret.reveal() == KEY.encode()
    assert [(handle.space, handle.value) for handle in match.handles] == [(HandleSpace.AWS_ACCESS_KEY_ID, KEY_ID)]


@pytest.mark.parametrize("order", ["id first", "secret first"])
def test_neighbouring_pairs_are_not_mixed_up(order: str) -> None:
    """In a file of several profiles each secret goes with its own id."""
    pairs = [(expand(f"AKIA{{base32:16}}{{}}{'{}' * n}"), expand(f"{{base64:40}}{'{}' * n}")) for n in range(4)]
    text = "".join(
        f"id={key_id}\nsecret={secret}\n" if order == "id first" else f"secret={secret}\nid={key_id}\n"
        for key_id, secret in pairs
    )
    matches = DETECTOR.scan(chunk(text))
    assert pairs == [(match.handles[0].value, match.secret.reveal().decode()) for match in matches]


def test_a_client_id_nearby_raises_confidence_and_names_the_application() -> None:
    """An optional part adds its name."""
    client = expand("amzn1.application-oa2-client.{hex:32}")
    (match,) = DETECTOR.scan(chunk(f"{client}\n{SECRET}"))
    assert [str(handle) for handle in match.handles] == [f"lwa-client-id:{client}"]
    assert match.confidence is Confidence.HIGH


def test_a_key_id_alone_is_not_a_leak() -> None:
    """CloudTrail records, inventories and logs name keys: that is not a finding."""
    record = f'{{"userIdentity":{{"accessKeyId":"{KEY_ID}"}},"sourceIPAddress":"192.0.2.1"}}'
    assert DETECTOR.scan(chunk(record)) == []


@pytest.mark.parametrize("bar", ["|", "%7C", "%7c", "\\u007c", "\\u007C", "\\\\u007c"])
def test_every_spelling_of_a_token_has_one_fingerprint(bar: str) -> None:
    """A token in a URL, in JSON and in plain text is one secret."""
    pepper = Pepper(bytes(32))
    (match,) = DETECTOR.scan(chunk(TOKEN.replace("|", bar)))
    (plain,) = DETECTOR.scan(chunk(TOKEN))
    assert pepper.fingerprint(match.secret) == pepper.fingerprint(plain.secret)


def test_an_escaped_slash_is_a_slash() -> None:
    """A secret in a URL or in PHP's JSON is canonical as well, and its length is that of what is written."""
    secret = "Ab1" + expand("{alnum:17}/{alnum:19}")
    for written in (secret.replace("/", "%2F"), secret.replace("/", "\\/")):
        (match,) = DETECTOR.scan(chunk(f"secret_key={written}"))
        assert (match.secret.reveal(), match.length) == (secret.encode(), len(written))


def test_a_failed_checksum_lowers_confidence() -> None:
    """A token whose checksum holds is certain; one that merely looks right is not; a sequence is no token."""
    (good,) = DETECTOR.scan(chunk(expand("{crc:ghp_:30}")))
    (odd,) = DETECTOR.scan(chunk(expand("ghp_{alnum:36}")))
    assert (good.confidence, odd.confidence) == (Confidence.HIGH, Confidence.LOW)


@pytest.mark.parametrize(
    "comment",
    [
        "# keywatch:allow",
        "// gitleaks:allow",
        "betterleaks:allow",
        "trufflehog:ignore",
        "kingfisher:ignore",
        "ggignore",
        "HashiCorpIgnore",
        "# checkov:skip=CKV_SECRET_6: rotated",
        "// secretlint-disable-line",
        "# pragma: allowlist secret",
        "# pragma: whitelist secret",
    ],
)
def test_a_comment_on_the_line_excuses_its_secret_only(comment: str) -> None:
    """The inline comments of every common scanner are honoured, for their own line."""
    other = expand("amzn1.oa2-cs.v1.{hex:64}{}")
    assert [other.encode()] == found(DETECTOR, f"a {SECRET} {comment}\nb {other}\n")


@pytest.mark.parametrize("comment", ["# pragma: allowlist nextline secret", "// secretlint-disable-next-line"])
def test_a_comment_may_excuse_the_next_line(comment: str) -> None:
    """It speaks of the line below it."""
    other = expand("amzn1.oa2-cs.v1.{hex:64}{}")
    text = f"a {other}\n{comment}\nb {SECRET}\n"
    assert [other.encode()] == found(DETECTOR, text)


def test_comments_can_be_overruled() -> None:
    """A detector that reads other people's text does not take their word for it."""
    strict = Detector(RuleSet(rules=(rule("tok_[a-z]{8}"),)), honour_comments=False)
    assert [b"tok_abcdefgh"] == found(strict, "tok_abcdefgh keywatch:allow")


def test_a_specific_rule_silences_a_generic_one() -> None:
    """One secret is told once, by the rule that knows most of it."""
    assert ["lwa-client-secret"] == [m.rule.id for m in DETECTOR.scan(chunk(f'client_secret = "{SECRET}"'))]


@pytest.mark.parametrize(
    "text",
    [
        "aws_access_key_id=AKIAIOSFODNN7EXAMPLE\naws_secret_access_key=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "LWA_CLIENT_SECRET=<amzn1.oa2-cs.v1.your-secret>",
        "password: changeme",
        "api_key = ${API_KEY_OF_THE_SHOP_12}",
        'token = "xxxxxxxxxxxxxxxxxxxxxxxx1"',
        "secret_key = os.environ['AWS_SECRET_ACCESS_KEY_1']",
        '"integrity": "sha512-' + expand("{base64:86}") + '=="',
        "secret_hash = " + expand("{hex:40}"),
        "NEO4J_PASSWORD=neo4j_password",
        "AWS_SECRET_ACCESS_KEY=" + expand("{alnum:38}"),
        "AWS_SECRET_ACCESS_KEY=" + expand("{hex:42}"),
        "AWS_SECRET_ACCESS_KEY=" + expand("AROA{base32:17}"),
        "jira_token: " + base64.b64encode(b"0a:" + b"x" * 30).decode(),
    ],
)
def test_placeholders_examples_and_references_are_not_secrets(text: str) -> None:
    """What stands for a secret without being one is passed over."""
    assert DETECTOR.scan(chunk(text)) == []


def test_eight_threads_see_the_same() -> None:
    """One detector serves many threads: each has its own scratch."""
    text = "\n".join(expand(f"{t}{{}}") for r in packaged().rules[::5] for t in r.matches)
    expected = [(m.rule.id, m.offset) for m in DETECTOR.scan(chunk(text))]
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda _: [(m.rule.id, m.offset) for m in DETECTOR.scan(chunk(text))], range(24)))
    assert len(expected) > 50
    assert all(result == expected for result in results)


def test_the_compiled_database_is_cached_privately(tmp_path: Path) -> None:
    """The second start loads what the first compiled; nobody else may read or write the file."""
    first = Database(["tok_[a-z]{8}"], tmp_path / "cache")
    second = Database(["tok_[a-z]{8}"], tmp_path / "cache")
    (file,) = (tmp_path / "cache").iterdir()
    assert (first.from_cache, second.from_cache) == (False, True)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert first.sightings(b"a tok_abcdefgh") == second.sightings(b"a tok_abcdefgh")


@pytest.mark.parametrize("damage", ["truncated", "flipped", "empty", "other format", "other rules"])
def test_a_damaged_cache_is_made_anew(tmp_path: Path, damage: str) -> None:
    """A cache file is only ever a shortcut: what is wrong with it costs a compilation, not a scan."""
    Database(["tok_[a-z]{8}"], tmp_path)
    (file,) = tmp_path.iterdir()
    body = file.read_bytes()
    if damage == "other rules":
        Database(["a", "b"], tmp_path)
        (other,) = set(tmp_path.iterdir()) - {file}
        file.write_bytes(other.read_bytes())
    else:
        changed = {"truncated": body[:-9], "flipped": body[:-1] + b"?", "empty": b"", "other format": b"?" + body}
        file.write_bytes(changed[damage])
    rebuilt = Database(["tok_[a-z]{8}"], tmp_path)
    assert not rebuilt.from_cache
    assert rebuilt.sightings(b"tok_abcdefgh")[0] == {0: ([0], [12])}
    assert Database(["tok_[a-z]{8}"], tmp_path).from_cache


def test_a_cache_that_cannot_be_written_is_done_without(tmp_path: Path) -> None:
    """A full or read-only disk does not stop a scan."""
    (tmp_path / "file").write_text("")
    database = Database(["tok_[a-z]{8}"], tmp_path / "file" / "cache")
    assert database.sightings(b"tok_abcdefgh")[0]


def test_a_failed_write_leaves_nothing_behind(tmp_path: Path) -> None:
    """A cache file that cannot be put in its place is removed again."""
    Database(["tok_[a-z]{8}"], tmp_path)
    (file,) = tmp_path.iterdir()
    file.unlink()
    file.mkdir()
    (file / "in the way").write_text("")
    assert not Database(["tok_[a-z]{8}"], tmp_path).from_cache
    assert [file] == list(tmp_path.iterdir())


def test_patterns_too_large_for_the_first_pass_still_work() -> None:
    """A pattern Hyperscan cannot take as it is falls back to a looser one, or to the exact one alone."""
    patterns = ["tok_[a-z]{8}", "a[a-z]{1,900}x[0-9]{5,900}y", r"(?i)\pL\p{Greek}+[a-z]{3}", "k(?:e(?:y)){3}"]
    rules = tuple(
        Rule(info=RuleInfo(id=f"r{n}", description="d", category="c"), regex=p) for n, p in enumerate(patterns)
    )
    detector = Detector(RuleSet(rules=rules))
    assert Mode.START in detector._database.modes
    assert {Mode.END, Mode.WHOLE} & set(detector._database.modes)
    assert [b"tok_abcdefgh", b"abcx12345y"] == found(detector, "tok_abcdefgh -- abcx12345y")
    assert [b"abcx12345y"] * 2 == found(detector, f"abcx12345y{'-' * 20_000}abcx12345y")


def test_a_loose_hit_without_a_keyword_is_not_looked_into() -> None:
    """Where the first pass can only say "perhaps", a rule's keywords are asked before its exact pattern."""
    detector = Detector(RuleSet(rules=(rule("a[a-z]{1,900}x[0-9]{5,900}y", keywords=("shop",)),)))
    assert detector._database.modes[-1] is not Mode.START
    assert [] == found(detector, "abcx12345y")
    assert [b"abcx12345y"] == found(detector, "Shop abcx12345y")


def test_one_long_token_is_one_match() -> None:
    """A repeat without an end is seen at every length and told once, at its longest."""
    detector = Detector(RuleSet(rules=(rule(r"tok_[a-z0-9]{4,}"),)))
    assert [b"tok_" + b"ab12" * 20] == found(detector, "x tok_" + "ab12" * 20 + " y")


def test_a_match_far_from_its_leftmost_start_is_found() -> None:
    """A pattern that may begin anywhere on a long line still confirms the token at the line's end."""
    detector = Detector(RuleSet(rules=(rule(r"a.*(tok_[a-z]{8})", span=100),)))
    assert [b"tok_abcdefgh"] == found(detector, "a" + "a" * 500 + " tok_abcdefgh")


@pytest.mark.parametrize("before", range(3950, 4040, 10))
def test_a_long_stretch_is_looked_through_in_blocks_without_a_seam(before: int) -> None:
    """A token across the seam of two blocks is found whole, once."""
    part = Rule(info=RuleInfo(id="p", description="d", category="c"), regex="part", skip_report=True)
    near = rule("tok_[a-z]{8,60}", span=64, required=(Required(id="p", within_lines=0),))
    token = "tok_" + "abcdefghij" * 6
    text = "-" * 5000 + "part" + "-" * before + token + "-"
    assert [token.encode()] == found(Detector(RuleSet(rules=(part, near))), text)


def test_equals_share_and_part_as_the_spans_say() -> None:
    """Of equally specific rules the first tells a secret both see; secrets that merely overlap are both told."""
    rules = tuple(
        Rule(info=RuleInfo(id=f"r{n}", description="d", category="c"), regex=p)
        for n, p in enumerate(("tok_[a-z]{8}", "tok_[a-z]{8,9}", "k_[a-z]{8}"))
    )
    told = [(m.rule.id, m.length) for m in Detector(RuleSet(rules=rules)).scan(chunk("tok_abcdefgh"))]
    assert told == [("r0", 12), ("r2", 10)]


@pytest.mark.parametrize(
    ("regex", "expected"),
    [
        (r"ghp_[a-z]{8,}\b", r"ghp_[a-z]{8}"),
        (r"(ghp_[a-z]{8,20})", r"(ghp_[a-z]{8})"),
        (r"ghp_\w+", r"ghp_\w"),
        (r"ghp_[a-z]{0,}", r"ghp_[a-z]{0,}"),
        (r"ghp_\{3,\}", r"ghp_\{3,\}"),
        (r"ghp", r"ghp"),
    ],
)
def test_the_first_pass_looks_for_the_least(regex: str, expected: str) -> None:
    """The first pass needs to see where a match starts, not at how many places it may end."""
    assert expected == loosened(regex)


HOSTILE = [
    pytest.param(b"password=" * 400_000, id="names-only"),
    pytest.param(b"a" * 3_000_000, id="one-letter"),
    pytest.param(b"Atzr|" * 500_000, id="prefixes"),
    pytest.param(b"AKIA" + b"A" * 16 + b" ", id="one-id"),
    pytest.param((KEY_ID.encode() + b" ") * 50_000, id="ids"),
    pytest.param(b"-----BEGIN RSA PRIVATE KEY-----" * 50_000, id="private-key-heads"),
    pytest.param(b"my secret key my secret key " * 80_000, id="phrases"),
    pytest.param(b"\n" * 3_000_000, id="empty-lines"),
    pytest.param(b"eyJ" + b"a" * 3_000_000, id="one-endless-token"),
    pytest.param(b"http://" + b"a:" * 1_000_000, id="colons"),
    pytest.param(b"\xff\xfe\x00" * 700_000, id="not-text"),
    pytest.param(b"seller central password is " * 60_000, id="mentions"),
]


@pytest.mark.parametrize("data", HOSTILE)
def test_hostile_input_is_got_through(data: bytes) -> None:
    """Whatever the bytes, a scan ends, and every location lies inside them."""
    for match in DETECTOR.scan(chunk(data)):
        assert 0 <= match.offset < match.offset + match.length <= len(data)


def test_a_quadratic_pattern_is_cut_off_and_said_so() -> None:
    """A rule file's own pattern cannot stall a scan: its budget ends, and the detector says for which rule."""
    detector = Detector(RuleSet(rules=(rule(r"(?s)a[^b]{3,}b|aa", span=1 << 20),)))
    detector.scan(chunk(b"a" * 300_000))
    assert detector.overruns["r"] == 1


def test_a_pattern_that_is_everywhere_is_cut_off_and_said_so() -> None:
    """Memory is bounded: no more than so many sightings of one pattern are kept."""
    detector = Detector(RuleSet(rules=(rule("ab"),)))
    detector.scan(chunk(b"ab" * 250_000))
    assert detector.overruns["r"] >= 1


PARTS = st.sampled_from(
    [
        SECRET,
        TOKEN,
        KEY_ID,
        KEY,
        "\n",
        "secret=",
        " ",
        "keywatch:allow",
        "password: ",
        "sellercentral ",
        "\\u007c",
        "%7C",
    ]
).map(str.encode)


@given(st.lists(st.one_of(st.binary(max_size=40), PARTS), max_size=30), st.integers(0, 60), st.integers(0, 3))
def test_any_bytes_make_sound_matches(parts: list[bytes], overlap: int, first_line: int) -> None:
    """No input makes detection fail, and what it reports lies where it says."""
    data = b"".join(parts)
    for match in DETECTOR.scan(chunk(data, overlap=min(overlap, len(data)), first_line=first_line, offset=5)):
        start = match.offset - 5
        assert 0 <= start <= start + match.length <= len(data)
        assert match.length > 0
        assert match.column >= 1
        if first_line:
            assert match.line == first_line + data.count(b"\n", 0, start)


@given(st.integers(1, 400))
def test_chunks_that_overlap_tell_each_secret_once(cut: int) -> None:
    """However content is cut, with an overlap longer than a secret each secret is told, and at one place only."""
    text = f"{'x ' * 60}\n{SECRET}\n{'y ' * 60}".encode()
    overlap = min(cut, 120)
    first = chunk(text[:cut])
    second = chunk(text[cut - overlap :], offset=cut - overlap, overlap=overlap)
    offsets = {match.offset for part in (first, second) for match in DETECTOR.scan(part)}
    assert {text.index(SECRET.encode())} == offsets


@pytest.mark.parametrize("cut", range(1, 80))
def test_a_token_cut_by_a_chunks_end_is_told_whole(cut: int) -> None:
    """Where content goes on, what ends with the chunk is left to the next, which shows all of it."""
    token = expand("nvapi-{alnum:70}")
    text = f"{'x ' * 60}\n{token}\n{'y ' * 60}".encode()
    at = text.index(token.encode()) + cut
    first = chunk(text[:at], more=True)
    second = chunk(text[at - 100 :], offset=at - 100, overlap=100)
    assert {token.encode()} == {match.secret.reveal() for part in (first, second) for match in DETECTOR.scan(part)}


def test_what_the_next_chunk_cannot_show_is_not_left_to_it() -> None:
    """A secret whose other part lies before the overlap is told with the chunk it ends, though content goes on."""
    part = Rule(info=RuleInfo(id="part", description="d", category="c"), regex=r"id\d{4}", skip_report=True)
    detector = Detector(RuleSet(rules=(part, rule(r"key[a-z0-9]{10,40}", required=(Required(id="part"),)))))
    near, far = (f"id7301 {'- ' * gap}keyq7w9e2r5t8z" for gap in (20, detector.overlap))
    assert [b"keyq7w9e2r5t8z"] == found(detector, near) == found(detector, far)
    assert not detector.scan(chunk(near, more=True))
    assert detector.scan(chunk(far, more=True))


def test_a_match_shows_no_secret() -> None:
    """A match can be printed, logged or raised with: the plaintext does not come along."""
    (match,) = DETECTOR.scan(chunk(f"id {KEY_ID} secret {KEY}"))
    assert isinstance(match, Match)
    assert KEY not in repr(match)
    with pytest.raises(TypeError):
        pickle.dumps(match)


def test_the_overlap_that_is_asked_for_holds_any_match() -> None:
    """The detector says by how much chunks must overlap: the longest span of its rules."""
    assert DETECTOR.overlap == max(r.span for r in packaged().rules)


def test_an_empty_chunk_holds_nothing() -> None:
    """No bytes, no matches."""
    assert DETECTOR.scan(chunk(b"")) == []
