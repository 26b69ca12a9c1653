"""What a PDF shows, says of itself and carries along is found; what of it cannot be read is told."""

import hashlib
import resource
import zlib
from itertools import cycle

import pytest

from keywatch.collect.content.archive import pdf
from tests.content.packing import found, into_pdf, into_zip, pdf_of, pdf_showing

TOKEN = b"Zx9Kq-Lm2Np_Rt5" + b"Vw7Yb0Cd3Fg6"
HEAD, TAIL = TOKEN[:9], TOKEN[9:]
PAD = bytes.fromhex("28bf4e5e4e758a4164004e56fffa01082e2e00b6d0683e802f0ca9fe6453697a")
"""What a password is padded with (ISO 32000-1, algorithm 2)."""


def test_a_pdf() -> None:
    """The text of a page is legible, though its program compressed it."""
    texts, skipped = found(into_pdf(["password = one", "two"]))
    assert (texts["outer!page 1"], skipped) == (b"password = one\ntwo\n", [])
    assert b"/Catalog" in texts["outer"]
    assert found(into_zip({"b.pdf": into_pdf(["three"])}))[0]["outer!b.pdf!page 1"] == b"three\n"


@pytest.mark.parametrize(
    ("shown", "text"),
    [
        pytest.param(
            b"/F2 10 Tf" + b"".join(b" 1 0 0 1 %d 700 Tm (%c) Tj" % (40 + 6 * at, TOKEN[at]) for at in range(27)),
            TOKEN,
            id="letter-by-letter",
        ),
        pytest.param(
            b"/F1 10 Tf 40 700 Td [" + b" -80 ".join(b"(%c)" % letter for letter in TOKEN) + b"] TJ",
            TOKEN,
            id="kerned",
        ),
        pytest.param(b"/F1 10 Tf 3 Tc 40 700 Td (%s) Tj" % TOKEN, TOKEN, id="spaced-out"),
        pytest.param(b"/F1 10 Tf 40 700 Td (%s) Tj /F2 10 Tf (%s) Tj" % (HEAD, TAIL), TOKEN, id="two-fonts"),
        pytest.param(b"/F1 10 Tf 3 Tr 40 700 Td (%s) Tj" % TOKEN, TOKEN, id="invisible"),
        pytest.param(b"/F1 10 Tf 4000 700 Td (%s) Tj" % TOKEN, TOKEN, id="beside-the-page"),
        pytest.param(b"/F1 10 Tf 0 1 -1 0 300 100 Tm (%s) Tj" % TOKEN, TOKEN, id="upright"),
        pytest.param(b"/F1 10 Tf 40 700 Td (key) Tj 200 0 Td (%s) Tj" % TOKEN, b"key " + TOKEN, id="cell-of-a-table"),
        pytest.param(
            b"/F2 10 Tf 12 TL 40 700 Td (key = %s) Tj T* (%s) Tj" % (TOKEN[:6], TOKEN[6:]),
            b"key = %s\n%s" % (TOKEN[:6], TOKEN[6:]),
            id="line-that-ends-in-a-hyphen",
        ),
    ],
)
def test_a_token_comes_out_of_a_pdf_as_it_is_read(shown: bytes, text: bytes) -> None:
    """However its letters are set, a token has no space more and no letter less."""
    texts, skipped = found(pdf_showing(b"BT %s ET" % shown))
    assert (texts["outer!page 1"], skipped) == (text + b"\n", [])


def test_what_a_pdf_says_of_itself() -> None:
    """The keys that every program writes are told, and those of its author's own making; letters may be wide."""
    wide = "käse".encode("utf-16-be").hex().encode()
    info = b"<</Author(me)/Title<feff%s>/Subject<%s>/Api#4bey(one)>>" % (wide, wide)
    texts, _ = found(pdf_showing(b"", info, trailer=b"/Info 7 0 R"))
    assert texts["outer!about"].decode().splitlines() == [
        "/Author: me",
        "/Title: käse",
        "/Subject: käse",
        "/ApiKey: one",
    ]


def test_what_a_pdf_says_of_itself_in_a_stream_of_objects() -> None:
    """Programs of today pack small objects into a compressed stream."""
    inner = b"7 0 <</Author(me)/ApiKey(two)>>"
    packed = zlib.compress(inner)
    data = pdf_showing(b"BT /F1 9 Tf 40 700 Td (one) Tj ET")
    data = data[: data.index(b"xref\n")]
    stream = b"8 0 obj\n<</Type/ObjStm/N 1/First 4/Filter/FlateDecode/Length %d>>stream\n%s\nendstream\nendobj\n"
    data += stream % (len(packed), packed)
    rows = [(0, 0, 0), *((1, data.index(b"%d 0 obj" % number), 0) for number in range(1, 7)), (2, 8, 0)]
    rows += [(1, data.index(b"8 0 obj"), 0), (1, len(data), 0)]
    table = b"".join(bytes([kind]) + place.to_bytes(3, "big") + bytes([index]) for kind, place, index in rows)
    head = b"9 0 obj\n<</Type/XRef/Size 10/W[1 3 1]/Root 1 0 R/Info 7 0 R/Length %d>>stream\n" % len(table)
    data += head + table + b"\nendstream\nendobj\nstartxref\n%d\n%%%%EOF\n" % len(data)
    texts, skipped = found(data)
    assert (texts["outer!about"], skipped) == (b"/Author: me\n/ApiKey: two\n", [])
    assert texts["outer!page 1"] == b"one\n"


def test_what_is_attached_to_a_pdf() -> None:
    """An attachment is a file of its own, in which others may be packed."""
    content = into_zip({"app.env": b"A=1\n"})
    data = pdf_showing(
        b"",
        b"<</Names[(one)8 0 R(two)10 0 R]>>",
        b"<</Type/Filespec/F(note.txt)/EF<</F 9 0 R>>>>",
        b"<</Type/EmbeddedFile/Length 5>>stream\nB = 2\nendstream",
        b"<</Type/Filespec/F(conf.zip)/UF(conf.zip)/EF<</F 11 0 R/UF 11 0 R>>>>",
        b"<</Type/EmbeddedFile/Length %d>>stream\n%s\nendstream" % (len(content), content),
        catalogue=b"/Names<</EmbeddedFiles 7 0 R>>",
    )
    texts, skipped = found(data)
    assert (texts["outer!note.txt"], texts["outer!conf.zip!app.env"], skipped) == (b"B = 2", b"A=1\n", [])
    locked = data.replace(b"trailer\n<<", b"trailer\n<</StmF/Identity/EFF/StdCF")
    assert [told.why for told in found(locked)[1]] == [
        "not all of its text could be read: its attachments are encrypted"
    ]


def rc4(key: bytes, data: bytes) -> bytes:
    box = list(range(256))
    at = 0
    for index, letter in zip(range(256), cycle(key), strict=False):
        at = (at + box[index] + letter) % 256
        box[index], box[at] = box[at], box[index]
    at, out = 0, bytearray()
    for count, letter in enumerate(data, 1):
        index = count % 256
        at = (at + box[index]) % 256
        box[index], box[at] = box[at], box[index]
        out.append(letter ^ box[(box[index] + box[at]) % 256])
    return bytes(out)


@pytest.mark.parametrize("password", [b"", b"known to few"])
def test_an_encrypted_pdf_is_read_where_nobody_is_asked_for_a_password(password: bytes) -> None:
    """Who opens it is asked for none: then it is read. Otherwise it is told that it is encrypted."""
    owner = rc4(hashlib.md5(PAD, usedforsecurity=False).digest()[:5], PAD)
    secret = (password + PAD)[:32] + owner + (-4 & 0xFFFFFFFF).to_bytes(4, "little") + b"id"
    key = hashlib.md5(secret, usedforsecurity=False).digest()[:5]
    text = rc4(
        hashlib.md5(key + b"\4\0\0\0\0", usedforsecurity=False).digest()[:10], b"BT /F1 9 Tf 40 700 Td (one) Tj ET"
    )
    lock = b"/Filter/Standard/V 1/R 2/P -4/O<%s>/U<%s>" % (owner.hex().encode(), rc4(key, PAD).hex().encode())
    data = pdf_of(
        [
            b"<</Type/Catalog/Pages 2 0 R>>",
            b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
            b"<</Type/Page/Parent 2 0 R/Contents 4 0 R/MediaBox[0 0 600 800]/Resources<</Font<</F1 5 0 R>>>>>>",
            b"<</Length %d>>stream\n%s\nendstream" % (len(text), text),
            b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
        ],
        trailer=b"/ID[(id)(id)]/Encrypt<<%s>>" % lock,
    )
    texts, skipped = found(data)
    assert texts["outer"] == data
    assert texts.get("outer!page 1") == (None if password else b"one\n")
    assert [told.why for told in skipped] == ["not all of its text could be read: encrypted"] * bool(password)


def test_broken_pages_of_a_pdf_are_counted() -> None:
    """The others are read."""
    shown = b"BT /F1 9 Tf 40 700 Td (one) Tj ET"
    texts, (skipped,) = found(pdf_showing(shown, b"(no page)", pages=b"7 0 R 3 0 R 8 0 R"))
    assert texts["outer!page 2"] == b"one\n"
    assert skipped.why == "not all of its text could be read: 2 of its 3 pages cannot be read"


def test_a_broken_page_of_a_pdf_that_shows_nothing_is_told() -> None:
    """It is told from an empty one."""
    assert found(pdf_showing(b""))[1] == []
    compressed = zlib.compress(b"BT /F1 9 Tf 40 700 Td (one) Tj ET")
    data = pdf_showing(b"BT /F1 9 Tf 40 700 Td (one) Tj ET").replace(compressed, bytes(len(compressed)))
    (skipped,) = found(data)[1]
    assert skipped.why == "not all of its text could be read: broken inside"


def test_a_pdf_that_breaks_its_reader_down() -> None:
    """What was read before is kept, the rest is told, and the next document is read."""
    page = b"<</Type/Page/Parent 2 0 R/Contents 8 0 R/Resources<</XObject<</X 9 0 R>>>>>>"
    # It draws itself twice, until there is no more memory.
    form = b"<</Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</X 9 0 R>>>>/Length 11>>"
    data = pdf_showing(
        b"BT /F1 9 Tf 40 700 Td (one) Tj ET",
        page,
        b"<</Length 5>>stream\n/X Do\nendstream",
        form + b"stream\n/X Do /X Do\nendstream",
        pages=b"3 0 R 7 0 R",
    )
    texts, (skipped,) = found(data)
    assert (texts["outer"], texts["outer!page 1"]) == (data, b"one\n")
    assert skipped.why.startswith("not all of its text could be read: ")
    assert found(into_pdf(["two"]))[0]["outer!page 1"] == b"two\n"


def test_the_reader_of_pdf_is_confined() -> None:
    """Whatever a document makes of it, it opens no file, writes to none, and takes no more memory than its share."""
    found(into_pdf(["one"]))
    reader = pdf._child._process
    assert reader is not None
    limits = {
        resource.RLIMIT_NOFILE: 3,  # its three pipes are open
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_AS: 1 << 30,
    }
    assert {limit: resource.prlimit(reader.pid, limit)[1] for limit in limits} == limits
