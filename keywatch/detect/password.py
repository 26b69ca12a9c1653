"""
How much a value looks like a password that somebody chose.

A generated secret gives itself away; a chosen one may be any word. So values are graded, and a rule says by its test
which grade its context asks for: behind `psexec -p` a word will do, in a bare assignment in source code it must be
something nobody would take for a name, a label or a piece of code.
"""

from enum import IntEnum
from itertools import pairwise

from keywatch.detect import lazy_re2 as re2
from keywatch.detect.value import is_placeholder, takes_turns

_SHORTEST = 4
_LONG = 6
_LONGEST = 256
"""Bytes. Nobody chooses more; what is longer was generated, and only a placeholder is refused."""
_FEWEST = 3
_MANY = 3


class Grade(IntEnum):
    """From what is no password at all to what is hardly anything else."""

    NONE = 0
    """A placeholder, a reference, a template, code, a type, a path, a text of a user interface."""
    WEAK = 1
    """A word, words, a number, a name: a password only where nothing but a password can stand."""
    FAIR = 2
    """A word with digits or marks in it (`hunter2`)."""
    STRONG = 3
    """Kinds of characters mixed as in no name (`Kx4!bq9`)."""


_MASKS = (
    r"\W?<.*>|@@.*@@|\[%.*%\]|values?[-_ ]?\d{1,3}|\*.*\*|\[[\w .,|-]*\]|\(.*\)|\{[^{}]*\}",
    r"\{\{.*\}\}|%[^%\s]*%|%[0-9$.-]*[a-z].{0,2}|@\w+@|__\w+__|#\{?.*\}",
    r".*(?:\*{3,}|x{4,}|\.{3,}|_{3,}|-{3,}|#{4,}|[…•●○■▪]).*",
)
_REFERENCES = (
    r"\$[a-z_][\w.:>()\[\]'\"-]*|\$\(.*|.*\$\$\w+\$\$.*|&\w+;?|\*[a-z]\w*|@?null",
    r"!(?:vault|reference|ref|sub|join|getatt|secret|env\w*)",
    r"enc[\[(].*|vault:.*|\{cipher\}.*|\{vault\}.*|op://.*|arn:.*|ssm:.*|ref\+.*|secretref:.*|file:.*",
)
_FIGURES = (r"v?[\d.,:/ -]*[.,:/ -][\d.,:/ -]*", r"\d{4}-\d\d-\d\dt.*", r"#[0-9a-f]{3,8}")
"""Versions, dates, addresses, colours."""
_TEMPLATES = (
    r"\$\{[\w.:@?/'\" +-]*\}|\$\{\{|\{\{[^{}]*\}\}|#\{[^{}]*\}|\$\([\w ./-]+\)|<%|%>|^#\{",
    r"\{%|%\}|(?:^|[^{])\{\w*(?::\d+)?\}",
    r"%\(\w+\)|%[sdvq]\b|%\d\$s|\$[A-Z_]{3,}$|^\$[A-Za-z_]|&(?:quot|amp|lt|gt|apos|#\d+);",
)
_CODE = (
    r"^\w+(?:\|\w+)+;?$|=!\d|^[A-Za-z_$][\w$.]*(?:\(.*|\[.*\].*|->.*|::.*)$|=>|\(\)|\);|\)\.|&&|\|\||={2,3}[^=]|!=|\+\s|\s\+",
    r"\\[nrtdwsb]|\\x[0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\(\?|\[\^?[a-z0A]-|\.[*+]|\[\w+[~^*$]?=",
    r"=[0-9A-F]{2}=[0-9A-F]{2}|^#!|\($|^\)|^#[A-Za-z_-]+$|^[.#][\w-]+\s|^&|;$|^[:,;]|[^\w]:$|\\$|/>|</",
)
_PLACES = (
    r"^(?:[a-z]+://|\.{0,2}/|~/|[A-Za-z]:\\|\\\\|@/)|/$|^[\w.-]+/[\w.-]+/|^[\w./-]+#[a-z-]+$",
    r"\.(?:pem|key|json|ya?ml|txt|py|js|ts|php|html?|xml|crt|p12|jks|pfx|conf)$",
    r"^[a-z]+@$",  # an address without a host: what anonymous FTP takes for a password
    r"^[\w.+-]+@[\w-]+(?:\.[\w-]+)+$|^[\w-]+(?:\.[\w-]+)*\.(?:com|org|net|io|local|test)$",
    r"^[A-Za-z_$][\w$]*(?:\??[.:][A-Za-z_$][\w$]*)+$",
)
_SENTENCE = r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}]{4}"
"""Written without spaces; passwords are typed, and not with an input method."""
_NO_VALUE = re2.compile(
    "|".join(
        (f"(?i:^(?:{'|'.join((*_MASKS, *_REFERENCES, *_FIGURES))})$)", *_TEMPLATES, *_CODE, *_PLACES, _SENTENCE)
    ).encode()
)
"""What stands for a password, or where one is found, or how one is asked for."""
_NUMBER = re2.compile(rb"^\d{4,12}$")
_GENERATED = re2.compile(rb"(?i)^(?:0x[0-9a-f]+|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$")
"""Numbers and identifiers: secret only if something else than their looks says so."""
_SLUG = re2.compile(rb"^[A-Za-z]+(?:[_./:+-]?[A-Za-z]+)*(?:[_./:+-]?\d+)?$")
_PIECE = re2.compile(rb"[A-Z]?[a-z]+|[A-Z]+")
_DIGITS = re2.compile(rb"\d{3}")
_TALK = re2.compile(
    rb"(?i)passw(?:or)?d|passwor|passwd|passphrase|passwort|kennwort|mot.?de.?passe|contrase|senha|wachtwoord|has.?o\b|heslo"
    rb"|parola|geheim\b|\bparole\b|l.senord|adgangskode|salasana|secret|credential|example|placeholder|change.?(?:me|it|this)|your|redacted"
    rb"|replace|insert|dummy|fake|sample|default|invalid|incorrect|required|optional|missing|forgot|please|enter|hidden"
    rb"|masked|removed|unused|undefined|encrypted|token|api.?key|to.?do|fixme|n/a\b|not.?set|no.?pass"
)
"""Words by which a text or a name speaks of passwords; in a password they are no sign of one."""
_SPELLED = bytes.maketrans(b"013457@$!", b"oieastasi")
"""How people spell a word so that it passes for a password: `P@ssw0rd`."""
_THE_WORD = re2.compile(
    rb"(?i)^(?:my|the|new|db|test|admin)?[_-]?(?:p[as]{2,3}word|pass(?:wd)?|secret)"
    rb"(?:[_-]?(?:pw|key|tk|[\W_ioeastl]{1,4}))?$"
)
_HABITS = frozenset(
    (
        b"none null nil true false yes no string str text bytes int integer char varchar object any bool boolean var "
        b"let self this void unknown plain plaintext value values input output prompt password pass passwd pass1 pass2 "
        b"pwd pw key auth basic digest login user username admin root guest test testing tests testpass test123 type "
        b"name label foo bar baz foobar qux xxx empty blank env vault stdin file ask auto random generated generate "
        b"postgres mysql md5 sha1 sha256 sha512 bcrypt scrypt argon2 pbkdf2 base64 utf8 utf-8 ascii latin1 hex aes128 "
        b"aes256 rsa oauth2 http https ldap ntlm krb5 kerberos sasl plain scram sha-256 sha-1 sha-512 aes-256 v1 v2 "
        b"option1 s3 ec2 abc abc123 abcd1234 abc12345 qwerty12"
    ).split()
)
"""What stands where a password could, written by everybody and kept by nobody: types, schemes, first ideas."""

_LOWER, _UPPER, _DIGIT, _SOFT, _HARD = b"aA0-!"
"""Kinds of characters. Soft marks stand in names and paths too; bytes beyond ASCII are letters."""
_KINDS = bytes(
    _LOWER if chr(byte).islower() or not chr(byte).isascii()
    else _UPPER if chr(byte).isupper()
    else _DIGIT if chr(byte).isdigit()
    else _SOFT if byte in b"-_.:/ "
    else _HARD
    for byte in range(256)
)  # fmt: skip
_LETTERS = frozenset((_LOWER, _UPPER))


def grade(value: bytes) -> Grade:
    """Grade `value`; the work is linear in its length, of which at most `_LONGEST` bytes are looked at."""
    if not _is_text(value):
        return Grade.NONE
    if len(value) > _LONGEST:
        return Grade.NONE if is_placeholder(value) else Grade.STRONG
    found = _shape(value)
    if found is Grade.NONE or value.lower() in _HABITS or _NO_VALUE.search(value) is not None:
        return Grade.NONE
    return min(found, _spoken(value, found), Grade.FAIR if takes_turns(value) else Grade.STRONG)


def looks_like_strong_password(value: bytes) -> bool:
    """Tell whether `value` is hardly anything but a password."""
    return _is_at_least(Grade.STRONG, value)


def looks_like_password(value: bytes) -> bool:
    """Tell whether `value` could be a password somebody uses: more than a word, and nothing that stands for one."""
    return _is_at_least(Grade.FAIR, value)


def looks_like_weak_password(value: bytes) -> bool:
    """Tell whether `value` could be a password where nothing else can stand: a word will do."""
    return _is_at_least(Grade.WEAK, value)


def _is_at_least(least: Grade, value: bytes) -> bool:
    # Most values fail by their shape, which costs a fraction of the rest.
    return (len(value) > _LONGEST or _shape(value) >= least) and grade(value) >= least


def _is_text(value: bytes) -> bool:
    """Tell whether `value` can be typed: what stands behind a label in a compiled program seldom can."""
    try:
        return value.decode().isprintable()
    except UnicodeDecodeError:
        return False


def _spoken(value: bytes, found: Grade) -> Grade:
    """Return the best grade the words in `value` leave it: `Password123!` is used, and written about in every test."""
    if _TALK.search(value) is not None:
        kinds = value.translate(_KINDS)
        if _DIGIT not in kinds:
            return Grade.NONE
        return Grade.FAIR if found is Grade.STRONG and _HARD in kinds else Grade.WEAK
    spelled = value.translate(_SPELLED)
    if _THE_WORD.search(spelled) is not None:
        return Grade.WEAK
    return Grade.FAIR if _TALK.search(spelled) is not None else Grade.STRONG


def _shape(value: bytes) -> Grade:
    """Grade by the kinds of characters alone, and how they follow one another."""
    kinds = value.translate(_KINDS)
    has = frozenset(kinds)
    if not _SHORTEST <= len(value) <= _LONGEST or has <= {_SOFT, _HARD}:
        return Grade.NONE
    if _NUMBER.search(value) is not None:
        return Grade.WEAK if len(set(value)) > 1 else Grade.NONE
    if len(set(value)) < _FEWEST:
        return Grade.NONE
    if b" " in value or _GENERATED.search(value) is not None:
        return Grade.WEAK
    return _marked(value, kinds, has) if _HARD in has else _unmarked(value, kinds, has)


def _marked(value: bytes, kinds: bytes, has: frozenset[int]) -> Grade:
    """Grade a value that holds marks no name has."""
    long = len(value) >= _LONG
    if not has & _LETTERS:
        return Grade.WEAK
    if _DIGIT in has:
        return Grade.STRONG if long else Grade.FAIR
    if long and len({mark for mark, kind in zip(value, kinds, strict=True) if kind == _HARD}) >= _MANY:
        return Grade.STRONG
    exclaimed = kinds[0] == _UPPER and _HARD not in kinds.rstrip(bytes([_HARD]))  # `Welcome!`
    return Grade.FAIR if long and value.isascii() and not exclaimed else Grade.WEAK


def _unmarked(value: bytes, kinds: bytes, has: frozenset[int]) -> Grade:
    """Grade a value that could be a name by its characters."""
    long, mixed_case = len(value) >= _LONG, has >= _LETTERS
    pieces = [hit.text() for hit in _PIECE.finds(value)] if mixed_case else []
    jumbled = len(pieces) >= _MANY and sum(map(len, pieces)) < _MANY * len(pieces)
    if _DIGIT not in has or len(value) == _SHORTEST:
        return Grade.FAIR if jumbled and long else Grade.WEAK
    turns = sum((a == _DIGIT and b in _LETTERS) or (a in _LETTERS and b == _DIGIT) for a, b in pairwise(kinds))
    if long and (turns >= _MANY or jumbled or (mixed_case and turns > 1 and _SOFT not in has)):
        return Grade.STRONG
    if mixed_case or _DIGITS.search(value) is not None or _SLUG.search(value) is None:
        return Grade.FAIR
    return Grade.FAIR if len([*_PIECE.finds(value)]) == 1 else Grade.WEAK
