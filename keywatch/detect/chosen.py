"""Whether a word of a message is a password somebody chose: no word of the language, and no number of the trade."""

from keywatch.detect import lazy_re2 as re2
from keywatch.detect.value import is_placeholder, looks_like_sellers_secret

_SHORTEST = 6
_HUMPS = 3
_MANY_HUMPS = 4
_HUMP = 2.5
_LONG_HUMP = 3
_LONGEST = 64

_NUMBER = re2.compile(rb"^[+#]?v?\d+(?:[./:,_\s-]?\d+)*%?$")
"""A date, a time, a version, an order, a telephone number; a PIN has not enough of its own to be told from them."""
_DATED = re2.compile(
    rb"^\d{4}-\d\d-\d\d|^\d{1,2}[:.]\d\d(?:[:.]\d\d)?(?:[ap]m|h|uhr)?$|^(?i:Q|KW|H)\d{1,2}[-/']\d{2,4}$"
)
_CODE = re2.compile(
    rb"^(?:[A-Z]{1,5}-?\d{1,10}[A-Z]{0,2}|B0[A-Z0-9]{8}|A[A-Z0-9]{10,14}|[A-Z0-9]{1,7}"
    rb"|[A-Z]+\d[A-Z0-9-]*[A-Z][A-Z0-9-]*)$"
)
"""A ticket, an error, a norm, an ASIN, a seller, a marketplace."""
_COUNT = re2.compile(rb"^\d{1,3}[-+]?(?:[a-z]{1,14}|[a-z]+-[a-z]+)$")
_COUNTED = re2.compile(
    rb"(?i)^\d{1,4}[-+]?(?:st|nd|rd|th|x|d|h|s|m|min|days?|hours?|minutes?|weeks?|months?|years?|digits?|char(?:acter)?s?"
    rb"|tage?n?|stunden|zeichen|stellig.*|jours|heures|caract.*|d.as|horas|giorni|ore|caratteri|factor|step)$"
)
_ADDRESS = re2.compile(rb"(?i)^[^\s@]+(?:@|%40)[a-z0-9-]+(?:\.[a-z0-9-]+)+|://|^www\.|^mailto:")
_DOMAIN = re2.compile(rb"(?i)^(?:[a-z0-9-]+\.)+[a-z]{2,6}(?:[/:?#].*)?$")
_PATH = re2.compile(rb"^(?:[A-Za-z]:|~|\.{0,2})?/[\w.-]+(?:/|$)|^[\w.-]+/[\w.-]+/")
_NAME = re2.compile(
    rb"(?i)^[a-z]+(?:_[a-z]+)+$|^[a-z]*(?:_?[a-z0-9]+)*_?(?:pass(?:word|wd)?|pwd|secret|token|user|e?mail|login)(?:_[a-z0-9]+)+$"
    rb"|(?:your|enter|ihr|votre|new|old|my|the|insert)[-_. ]?.{0,40}pass"
    rb"|pass(?:word|wort)[-_.]?(?:here|field|input|reset|hash|label)"
    rb"|[#./:](?:password|secret|key|token)$"
)
_WORDS = re2.compile(rb"^[A-Za-z\x80-\xff]+(?:[-./'_][A-Za-z\x80-\xff]+)*[!?.:=*~&+_-]*$")
_SEGMENT = re2.compile(rb"[A-Za-z]+")
_PIECE = re2.compile(rb"[A-Z]?[a-z]+|[A-Z]+")
_SYNTAX = re2.compile(
    rb"[(){}\[\]]{2}|\)[.;]|^\$|^[a-z_]\w*[([]|^//|^--|^@[a-z]|^&?#?[a-z0-9]+;|^(?:#[0-9a-fA-F]{6}|&[a-z]+)$"
    rb"|=[0-9A-F]{2}(?:$|[=A-Za-z])|(?i:^(?:[&?][a-z_.-]+|[a-z_.-]*(?:pass|pw|user|mail|login|key)[a-z_.-]*)=)"
    rb"|^[A-Za-z_.-]+=[A-Za-z\x80-\xff._-]*$"
)
_UNTYPED = re2.compile(rb"[\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}]")
"""Nobody types a password with an input method."""
_PATTERN = re2.compile(rb"\(\?|^[imsU]{1,4}:[^:]*$|^\^[A-Za-z]|\[\^|\\[bdswnrt]|[\])][*+?{]")
"""A regular expression in which Seller Central is spoken of."""
_MEMBER = re2.compile(
    rb"(?i)^(?:req|request|self|this|process|config|cfg|settings|os|env|data|form|user|args|params|opts|options|props|state"
    rb"|input|body|values|secrets?|vault|account|credentials|session)(?:\??\.[a-z_]\w*)+$|^[A-Za-z_]\w*(?:\.[A-Za-z_]\w*){2,}$"
)
_HASH = re2.compile(rb"(?i)^(?:[0-9a-f]{32,}|[0-9a-f]{8}-[0-9a-f]{4}-.*)$")
_PRODUCT = re2.compile(
    rb"(?i)^(?:(?:1password|lastpass|bitwarden|dashlane|nordpass)\d{0,4}|office365|o365|windows\d+|iphone\d+|chrome\d+|firefox\d+|python\d.*|utf-?\d+"
    rb"|keepass\w*|base64|sha-?\d+|md5|oauth2?|2fa|web3|s3|ec2|e2e|h264|mp[34]|x509)$"
)
_FILE = re2.compile(
    rb"(?i)\.(?:html?|php|aspx?|jsp|js|ts|css|png|jpe?g|gif|svg|pdf|docx?|xlsx?|csv|txt|zip|json|xml|ya?ml)$"
)

_REFUSED = (_UNTYPED, _PATTERN,
    _NUMBER, _DATED, _COUNTED, _COUNT, _CODE, _ADDRESS, _DOMAIN, _PATH, _NAME, _SYNTAX, _MEMBER, _HASH,
    _PRODUCT, _FILE,
)  # fmt: skip


def looks_chosen(value: bytes) -> bool:
    """Tell whether `value`, which stands where a message names a password, is one."""
    if not _SHORTEST <= len(value) <= _LONGEST or is_placeholder(value) or looks_like_sellers_secret(value):
        return False
    return not any(shape.search(value) for shape in _REFUSED) and (_WORDS.search(value) is None or _is_jumbled(value))


def _is_jumbled(value: bytes) -> bool:
    """Tell whether capitals stand in `value` as in no word, name or abbreviation: `kBwCz`, not `PayPal` or `GmbH`."""
    for segment in _SEGMENT.finds(value):
        pieces = [piece.text() for piece in _PIECE.finds(segment.text())]
        longest = _LONG_HUMP if len(pieces) >= _MANY_HUMPS else _HUMP
        if len(pieces) >= _HUMPS and len(segment.text()) <= longest * len(pieces):
            return True
    return False
