"""What others send: found in every form a request has, taken out of it, and said in words."""

import base64
import io
import json
import zipfile
from collections.abc import Callable
from urllib.parse import parse_qs, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keywatch.detect.engine import Detector
from keywatch.detect.rules import packaged
from keywatch.guard import Guard, Inspection, Verdict, Words
from keywatch.guard.answer import told
from keywatch.guard.inspection import MASK
from keywatch.guard.slots import taken_apart

KEY = "wq8Zr3Tn" + "5Lk2Vb9Xc4Md7Pf1" + "Jh6Gs0Ya3Qe8Ru2T"
PASSWORD = "Sommer" + "wind!" + "84"
LETTERS = {
    "English": f"Hello,\nhere is my secret key: {KEY}\nthanks",
    "German": f"Guten Tag, mein geheimer Schlüssel lautet {KEY}, danke",
    "French": f"Bonjour, voici ma clé secrète : {KEY}",
    "Spanish": f"Hola, mi clave secreta es {KEY}",
    "Italian": f"Ciao, la mia chiave segreta è {KEY}",
    "Japanese": f"シークレットキーは {KEY} です",
    "Chinese": f"我的密钥是 {KEY} 谢谢",
    "a login": f"Login for sellercentral.amazon.de: anna@example.com password: {PASSWORD}",
}
BOUNDARY = "----x7"


def as_multipart(text: str) -> bytes:
    return (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="subject"\r\n\r\nHelp\r\n'
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="message"\r\n\r\n{text}\r\n--{BOUNDARY}--\r\n'
    ).encode()


FORMS: dict[str, Callable[[str], bytes]] = {
    "text/plain; charset=utf-8": lambda text: text.encode(),
    "text/plain; charset=utf-16-le": lambda text: text.encode("utf-16-le"),
    "application/json": lambda text: json.dumps({"ticket": {"body": [text]}}).encode(),
    "application/vnd.api+json; charset=utf-8": lambda text: json.dumps({"m": text}, ensure_ascii=False).encode(),
    "application/x-www-form-urlencoded": lambda text: urlencode({"subject": "Help", "message": text}).encode(),
    f"multipart/form-data; boundary={BOUNDARY}": as_multipart,
    "": lambda text: text.encode(),
}


@pytest.fixture(scope="module")
def guard(rules_cache: object) -> Guard:
    return Guard(Detector(packaged(), cache_dir=rules_cache, honour_comments=False))  # type: ignore[arg-type]


def secrets_in(seen: Inspection) -> list[str]:
    """What of the planted values is left, however it may be written."""
    forms = (seen.body, seen.body.replace(b"\0", b""), json.dumps(parse_qs(seen.text)).encode())
    return [value for value in (KEY, PASSWORD) if any(value.encode() in form for form in forms)]


@pytest.mark.parametrize("kind", FORMS)
@pytest.mark.parametrize("letter", LETTERS)
def test_a_sellers_secret_is_seen_and_taken_out_whatever_the_form(guard: Guard, letter: str, kind: str) -> None:
    """In seven languages and every form a browser or a program sends; what stands around it stays."""
    seen = guard.inspect(FORMS[kind](LETTERS[letter]), kind)
    assert seen.verdict is Verdict.SELLER
    assert seen.removed
    assert secrets_in(seen) == []
    assert guard.inspect(seen.body, kind).verdict is Verdict.CLEAN
    assert KEY not in repr(seen)


def test_what_is_clean_comes_back_as_the_very_same_bytes(guard: Guard) -> None:
    """No field is written anew where nothing was found."""
    for body, kind in (
        (b'{"b" : 1,\n "a":"\\u00e9 2"}', "application/json"),
        (b"a=1&a=%20+&b", "application/x-www-form-urlencoded"),
        (b"\xff\xfe\x00 broken", "text/plain"),
        (b"", ""),
    ):
        seen = guard.inspect(body, kind)
        assert (seen.verdict, seen.body is body) == (Verdict.CLEAN, True)


def test_json_keeps_everything_else(guard: Guard) -> None:
    """Numbers, nulls, order, names that stand there twice: only the secret goes."""
    body = b'{"n": 1.50, "secret_key": "%s", "x": null, "x": true, "l": [[], {}, "\\ud83d"]}' % KEY.encode()
    seen = guard.inspect(body, "application/json")
    assert seen.body == body.replace(KEY.encode(), MASK.encode())


def test_a_secret_under_a_name_that_stands_there_twice_is_seen(guard: Guard) -> None:
    """A parser that keeps the last one would never see the first."""
    seen = guard.inspect(b'{"secret_key": "%s", "secret_key": "none"}' % KEY.encode(), "application/json")
    assert seen.verdict is not Verdict.CLEAN
    assert secrets_in(seen) == []


def test_a_pair_in_two_fields_is_seen(guard: Guard) -> None:
    """An access key id in one field makes a secret of what stands in the next."""
    form = urlencode({"Access Key ID": "AKIA" + "Q3EGXAMPLE7ZYWVU"[:16], "Secret": KEY})
    assert guard.inspect(form.encode(), "application/x-www-form-urlencoded").verdict is Verdict.SELLER


def test_a_comment_excuses_nothing_here(guard: Guard) -> None:
    """It is for who owns the code; a stranger could write it as well."""
    assert guard.inspect(f"here is my secret key: {KEY}  # keywatch:allow").verdict is Verdict.SELLER


def test_an_attachment_is_looked_into_but_not_rewritten(guard: Guard) -> None:
    """What cannot be taken out is said not to be."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("keys.txt", LETTERS["English"])
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="f"; filename="keys.zip"\r\n\r\n'.encode()
    body = head + packed.getvalue() + f"\r\n--{BOUNDARY}--\r\n".encode()
    seen = guard.inspect(body, f"multipart/form-data; boundary={BOUNDARY}")
    assert (seen.verdict, seen.removed, seen.body) == (Verdict.SELLER, False, body)


def test_what_cannot_be_opened_is_not_called_clean(guard: Guard) -> None:
    """An archive under a password may hold anything."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("keys.txt", LETTERS["English"])
    locked = bytearray(packed.getvalue())
    for sign, at in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        locked[locked.index(sign) + at] |= 1  # the flag that says: encrypted
    assert guard.inspect(bytes(locked), "application/zip").verdict is Verdict.UNSURE


def test_encoded_text_goes_as_a_whole(guard: Guard) -> None:
    """What decodes to a secret is one."""
    seen = guard.inspect("see " + base64.b64encode(LETTERS["English"].encode()).decode() + " thanks")
    assert (seen.verdict, seen.text) == (Verdict.SELLER, f"see {MASK} thanks")


def test_many_secrets_are_summed_and_all_go(guard: Guard) -> None:
    """One line a kind, with its count."""
    token = "xox" + "b-123456789012-1234567890123-" + "AbCdEfGhIjKlMnOpQrStUvWx"
    seen = guard.inspect(f"{LETTERS['English']}\nand {token}\nand again {token}")
    assert {item.rule: item.count for item in seen.found}.keys() >= {"seller-secret-key"}
    assert token not in seen.text
    assert KEY not in seen.text


def test_the_sender_is_told_what_to_do_and_nothing_of_what_was_sent(guard: Guard) -> None:
    """In sentences; the application may put in its own."""
    seen = guard.inspect(LETTERS["English"])
    words = Words(authorise="authorise us at https://example.com/authorise")
    said = words.message(seen)
    assert "Amazon does not allow us to accept that" in said
    assert "authorise us at https://example.com/authorise" in said
    assert KEY not in json.dumps(told(seen, words))
    assert Words(compose=lambda _: "Nein danke.").message(seen) == "Nein danke."


@given(
    st.binary(max_size=300), st.sampled_from([*FORMS, "multipart/form-data; boundary=a", "text/plain; charset=nope"])
)
def test_taking_apart_and_putting_together_loses_nothing(data: bytes, kind: str) -> None:
    """Whatever is sent: no error, and what is not changed means the same."""
    body = taken_apart(data, kind)
    again = body.rebuilt([slot.text for slot in body.slots])
    assert [slot.text for slot in taken_apart(again, kind).slots] == [slot.text for slot in body.slots]
    if "multipart" in kind:
        assert again == data
