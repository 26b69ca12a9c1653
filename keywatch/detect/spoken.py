"""
Seller Central passwords in what people write: read as `Seller_Central_password="value"`, the form a rule knows.

A message names the password before it or after it, near or far, in seven languages and in forms of all kinds. What is
looked at is only what stands near a mention of Seller Central; there each word that could be a password somebody chose
is judged by what stands between it and the noun: a colon, a verb, a mark that opens a quotation.
"""

# ruff: noqa: RUF001 - the marks of seven languages

from collections.abc import Iterable, Iterator
from itertools import islice

from keywatch.detect.chosen import looks_chosen
from keywatch.detect.encoding import Edit, escape_edits, named, quoted_edits
from keywatch.detect.lazy_re2 import compiled
from keywatch.detect.pattern import Hit, Pattern

_WORD_FOR_IT = (
    r"pa(?:ss|s|ß)[wro]{2,4}[dt]e?s?|passwd|pass(?: ?phrase|code)?|p-?word|pass|pw|pwd|psw|pswd"
    r"|kenn?w(?:o|ö|oe)rte?s?|mots? de passe|mdp|contrase(?:ñ|n)as?|contra|clave|parola d.{1,3}ordine"
)
_LOGIN = (
    r"creds?|credentials?|log-?in|zugang|zugangsdaten|identifiants?|acc(?:è|e)s|accesos?|accesso"
    r"|credenciales|credenziali"
)
_FOR = (
    r"(?:for|to|of|on|at|f[^ ]{1,8}r|zu|zum|von|vom|bei|beim|de|del|du|des|di|da|per|pour|para|en|sur"
    r"|the|our|my|their|your|unser|unsere[mnrs]?|mein|meine[mnrs]?|notre|mon|nuestr[oa]|mi|nostr[oa]|mio|il|la|le|el"
    r"|account|konto|compte|cuenta|conto|shop|store|tienda|boutique|negozio)"
)
MENTIONS = (
    r"(?i)(?:seller|vendor)(?:[ _-]?|&nbsp;|\xC2\xA0)central",
    (
        r"(?i)(?:amazon(?:\.[a-z.]{2,6})?|amzn|amz)[ _-]{0,3}(?:seller|vendor|merchant|h(?:ä|ae)ndler|verk(?:ä|ae)ufer"
        r"|vendedor|vendeur|venditore"
        r"|ac(?:c|ct|ount|count|counts)\b|konto|login|zugang|shops?\b|stores?\b)"
    ),
    rf"(?i)amazon(?:\.[a-z.]{{2,6}})?[ _-]{{1,3}}(?:{_LOGIN}|{_WORD_FOR_IT})\b",
    (
        rf"(?:\b|\\[nrt])(?i:(?:{_LOGIN}|{_WORD_FOR_IT})[ :(-]{{1,3}}(?:{_FOR} ){{0,5}}(?:[dl][^ a-z]{{1,3}})?amazon)"
        r"(?:[^A-Za-z0-9. _-]|[ .](?:[^A-Z]|$)|$)"
    ),
    (
        r"(?:^|[\n>|\"]|\\n|\] [^:\n]{1,30}:)[ >*#_-]{0,6}"
        r"(?i:(?:re|aw|fwd?|wg|subject|betreff|objet|asunto|oggetto): )?"
        r"(?i:amazon)[ *:_-]{0,4}(?:[\r\n<|]|\\[nr])"
    ),
    (
        r"(?:^|[^A-Za-z0-9]|\\[nrt])(?:SC[ /_-]{1,2}\(?(?i:amazon|amzn?)|(?i:amazon|amzn?)[ /_-]{1,2}\(?SC)"
        r"(?:[^A-Za-z0-9-]|-[^0-9]|$)"
    ),
    r"(?i)(?:verk(?:ä|ae)ufer|h(?:ä|ae)ndler)konto",
    r"(?i)(?:compte vendeur|cuenta de vendedor|account venditore|conto venditore)",
    r"セラーセントラル|セラセン|(?:セラー|出品(?:者)?)(?:用)?アカウント",
    r"(?i:amazon|アマゾン)の(?:ログイン|パス|アカウント|暗証)",
    r"卖家(?:中心|平台|后台|账号|账户|帐号)|賣家(?:中心|平台|後台|帳號)|亚马逊(?:的)?(?:后台|账号|账户|店铺|密码|登录)|亞馬遜(?:的)?(?:後台|帳號|密碼)",
    r"(?i)\bap_password|amazon\.[a-z.]{2,6}/ap/signin",
)
"""
What makes a password near it a seller's: its two portals by name, or Amazon's beside a word for what opens it.

Other things of Amazon's have names with a capital letter behind: the password for Amazon RDS is no matter of a policy.
"""

_NOUN = compiled(
    r"((?i:pa(?:ss?|ß)[wro]{2,4}[dt]e?s?|passwd|pass ?phrase|passcode|kenn?w(?:o|ö|oe)rt?d?e?s?|zugangscode"
    r"|mots? de passe|contrase(?:ñ|n)as?|parola (?:d.{1,3}ordine|chiave))|パスワード|パス|暗証番号|密码|密碼|口令)"
    r"|(?:^|[^A-Za-z0-9]|\\[nrt])((?i:pw|pwd|psw|pswd|mdp|pass|p-?word|clave|contra))(?:[^A-Za-z]|$)"
)
"""The noun, and as it is typed in haste: with letters of its second half missing, doubled or in another order."""
_LETTER = r"(?:[A-Za-z./-]|\xC3[\x80-\xBF])"
_CHOSEN = compiled(
    rf"({_LETTER}{{0,40}}(?:[0-9!#$%&*+@^~_=?]|[a-z][A-Z]{{1,8}}[a-z]{{1,8}}[A-Z])(?:(?:[!#$%&()*+./0-9:=?@A-Z\[\]^_a-z{{}}~-]|\xC3[\x80-\xBF]){{0,58}}"
    r"(?:[A-Za-z0-9!#$%&+=@^~-]|\xC3[\x80-\xBF]))?)"
)
"""A word with something in it that is no letter, or with capitals all over, up to what is punctuation at its end."""
_FIELD = compiled(r"^(?:[&?][A-Za-z_.-]{1,32}|(?i:[a-z_.-]{0,24}(?:pass|pw|user|mail|login|key)[a-z_.-]{0,24}))=")
_NEXT_FIELD = compiled(r"&(?:amp;)?[A-Za-z_.]{1,32}=")

_CHAT = r"(?:\[[^\]\n]{6,28}\] [^:\n]{1,30}: |\d{1,2}[/.]\d{1,2}[/.]\d{2,4}, [^\n-]{4,12} - [^:\n]{1,30}: |[AaRr]: ?)"
_OPEN = (
    r"(?:[\s\"'\x60*_>(\[|\\]|“|”|„|‚|‘|’|«|‹|「|『|【|（|　|\xC2\xA0"
    rf"|<[a-z/][^<>\n]{{0,40}}>|&[#a-z0-9]{{2,6}};|\n[> ]{{0,4}}{_CHAT})"
)
_CLOSE = r"(?:[\s\"'\x60*_)\]\\]|“|”|‘|’|»|›|」|』|】|）|</?[a-z][^<>\n]{0,20}>)"
_ANY = r"(?:[^\n.!?]|[.][^\s])"
_FILL = rf"{_ANY}{{0,90}}?(?:\r?\n[> ]{{0,4}}[a-z]{_ANY}{{0,60}}?)?"
_ADVERB = (
    r"(?i:now|still|currently|again|just|simply|actually|only|always|really|also|probably|the same|as follows"
    r"|the following"
    r"|jetzt|nun|momentan|derzeit|aktuell|wieder|leider|nur|noch|immer|einfach|übrigens|weiterhin|auch"
    r"|seit heute|ab sofort"
    r"|wie folgt|folgendes|toujours|maintenant|désormais|encore|simplement|juste|aussi|actuellement"
    r"|le suivant|la suivante"
    r"|ahora|todavía|aún|siempre|solo|sólo|actualmente|simplemente|también|así|la siguiente|el siguiente"
    r"|ora|adesso|ancora|sempre|attualmente|semplicemente|anche|la seguente|il seguente)"
)
_VERB = (
    r"[\s'’](?i:is|its|was|are|be|s|ist|war|lautet|lauten|lautete|hieß|heißt|heisst|wäre|waere|wird"
    rf"|est|c|c.est|sera|serait|était|es|sea|será|sería|era|fue|è|È|e|e'|é|sarà|sarebbe)(?:\s{_ADVERB}){{0,3}}\s{{0,2}}:?"
)
_AFTER = compiled(
    rf"^(?:{_OPEN}{{1,8}}"
    rf"|{_FILL}(?:(?:[:=]|：|＝|->|→|⇒|➡|👉|–|—|\s-\s){_OPEN}{{0,5}}|{_VERB}{_OPEN}{{1,5}}"
    rf"|(?:は|を|が|是|为|為|成|输入|輸入|填|用)(?:、|，)?{_OPEN}{{0,4}})"
    r"|(?:[\s(]{1,2}(?i:für|fuer|for|zu|zum|di|de|del|du|per|pour|para|von|bei|amazon|seller|central|vendor|sellercentral"
    r"|account|konto|login|user|the|my|our|acc|acct|merchant|vendedor|vendeur|venditore|compte|cuenta|verkäufer|händler)[):]?){1,6}"
    rf"{_OPEN}{{1,4}}"
    r"|\]?[\"']\s{0,2}(?:,|\)\.[A-Za-z_]{1,16}\()\s{0,2}[\"'\x60]?"
    r"|[^\n]{0,60}[.?!] [^\n.?!]{0,30}?"
    r"(?i:\b(?:it|es|das|il|c|ce|esta|este|questa|(?:the )?new one|neue?s?|nuev[ao]|nuova|nouveau))"
    rf"(?:{_VERB}|\s{{0,2}}:){_OPEN}{{1,4}})$"
)
"""What stands between the noun and a password behind it."""
_AFTER_IDEOGRAPH = compiled(rf"^{_OPEN}{{0,4}}$")
_TO = compiled(rf"^{_FILL}\s(?i:to|en|a|in|por|as){_OPEN}{{1,4}}$")
_CHANGED = compiled(r"(?i:chang|\bset\b|updat|reset|modifi|cambi|\bmis\b)[^\n.]{0,60}$")
_LAST = compiled(rf"^{_FILL}\s{_OPEN}{{0,3}}$")
_PARTICIPLE = compiled(
    rf"^{_CLOSE}{{1,4}}(?i:gew(?:ä|ae)hlt|ge(?:ä|ae)ndert|genommen|vergeben|eingestellt|festgelegt"
    r"|(?:zur(?:ü|ue)ck|fest)?gesetzt|(?:um)?gestellt|verwendet|benutzt|eingetragen|hinterlegt|drin|einloggen|anmelden|choisi|utilis|scelt|elegid|chosen|selected)"
)
_BEFORE = compiled(
    rf"^{_CLOSE}{{0,4}}(?:[\s=](?i:is|ist|lautet|est|es|as|als|como|come|comme|was|war|wäre|è|e)\s"
    r"(?i:(?:my|our|the|your|his|her|their|a|new|old|current|mein|unser|das|mon|ma|notre|le|la|mi|nuestra|el|su|il|mia|nostra"
    r"|seller|central|sellercentral|amazon|vendor|login|account|de|neue|aktuelle|nouveau|nueva|nuova)[\s-]){0,5}"
    r"|\s?(?:が|は|是|という|って|为)[^\n]{0,60})$"
)
"""What stands between a password and the noun behind it."""
_ASIDE = compiled(rf"^{_CLOSE}{{0,4}}[^\n.!?]{{0,40}}\([^()\n]{{0,24}}$")
_BRACKET = compiled(r"^[^()\n]{0,40}\)")
"""As `_BEFORE`, where the noun is added in brackets."""
_TYPED = compiled(
    r"(?i)(?:types?|typed|enters?|entered|uses?|used|tries|tried|gebe|gibt|tippe|tippt|eingebe|benutze|benutzt|nutze|nutzt"
    r"|saisis|tape|utilise|uso|usa|inserisco)\s[\"'\x60]?$"
)
_ANYHOW = compiled(rf"^{_CLOSE}{{0,4}}[^\n.!?]{{0,60}}$")
_INSTEAD = compiled(r"(?i)\b(?:instead|without|rather|statt|ohne|sans|sin|senza)\b")
_TIME = r"\[?\d{1,2}[:.]\d\d(?:[:.]\d\d)?(?: ?[AaPp]\.?[Mm]\.?)?\]?"
_TALKER = (
    rf"(?:(?:\[[^\]\n]{{1,28}}\] ?)?(?:<[\w .-]{{1,24}}>|[A-Za-z][\w .-]{{0,24}}[:>]) {{0,2}}"
    rf"|[A-Za-z][\w .-]{{0,24}}[ \t]{{1,4}}{_TIME}[ \t]{{0,2}}\r?\n[> ]{{0,3}})"
)
"""Who speaks: before the words, or in a line of its own with the time, as a chat is copied."""
_ANSWER = compiled(
    rf"^[^\n]{{0,80}}(?:\n[> ]{{0,3}}{_TALKER}[^\n]{{0,20}})?\n{{1,2}}[> ]{{0,3}}{_TALKER}$"
    r"|^[^\"\n{}]{0,80}\"[^{}]{0,80}\},?\s{0,20}\{[^{}]{0,120}\"(?i:text|body|message|content|comment)\":\s?\"$"
)
"""What stands between a question for a password and the next one's answer, which is nothing else."""
_REPLY = compiled(rf"^[^\n]{{0,80}}[?](?:\s{{0,2}}\n(?:[> ]{{0,4}}{_CHAT})?|[ \t]{{1,3}}){_OPEN}{{0,4}}$")
_LINE_END = compiled(r"^[.!]?[ \t]{0,2}(?:[\r\n\"<]|$)|^,")
"""What ends a line that holds nothing but the answer to the question above it."""
_ALONE = compiled(r"^[\"\s]|^$")
_USER = compiled(
    r"[A-Za-z0-9._+-]{1,64}(?:@|%40)[A-Za-z0-9-]{1,64}(?:\.[A-Za-z0-9-]{1,64}){0,3}\.[A-Za-z]{2,10}"
    r"|(?i:log-?in|user(?:name|id)?|benutzer(?:name)?|zugangsdaten|zugang|credentials?|identifiants?|acc(?:è|e)s|acceso|usuario"
    r"|utente|credenciales|credenziali|ログイン|账号)[^\n:=]{0,40}(?:[:=]|：)\s{0,2}[A-Za-z0-9._-]{2,40}\s{0,2}[/|]"
    r"|://[^\s:@/\"']{1,64}:"
)
_BESIDE = compiled(
    rf"^(?:{_OPEN}|[/,;:+&-]|–|—|、|，|；|和|と|及|\\[nrt]|{_CHAT}|\b(?i:and|und|et|y|e|con|mit|with|avec)\b|\b[Pp]\b\s?[:=]){{1,8}}$"
)
"""What stands between a user's name and a password."""
_HOST = compiled(r"^(.{6,64})@(?:www\.)?(?i:seller)")
_QUOTED = compiled(r"=3D|=[C-F][0-9A-F](?:=\r?\n)?=[89AB][0-9A-F]|[A-Za-z0-9]=\r?\n[A-Za-z0-9]")
"""What gives quoted-printable text away."""

_NAME = b'\nSeller_Central_password="'
_LINES = 8
_REACH = 2048
_GAP = 240
_TRIES = 4
"""Words looked at on each side of a noun: bounds the work where nouns stand in thousands."""


def spoken_edits(data: bytes, ends: Iterable[int]) -> Iterator[Edit]:
    """
    Yield what puts a name in front of each Seller Central password.

    Args:
        data: the chunk.
        ends: ascending; where a mention of Seller Central ends.
    """
    reached = 0
    for end in ends:
        if end < reached:
            continue
        start, stop = _around(data, end)
        start, reached = max(start, reached), stop
        if _QUOTED.search(data, start, stop) is not None:
            yield from quoted_edits(data, start, stop)  # and read once it is plain
            continue
        for begin, finish in sorted({*_beside_noun(data, start, stop), *_beside_user(data, start, stop)}):
            if data[max(0, begin - len(_NAME)) : begin] != _NAME:
                yield from named(data, _NAME, begin, finish)
        if data.find(b"\\", start, stop) >= 0:
            yield from escape_edits(data, start, stop)


def _around(data: bytes, position: int) -> tuple[int, int]:
    start, stop = max(0, position - _REACH), min(len(data), position + _REACH)
    begin = end = position
    for _ in range(_LINES + 1):
        begin = data.rfind(b"\n", start, begin)
        end = data.find(b"\n", end, stop) + 1
        if begin < 0:
            begin = start
        if end == 0:
            end = stop
    return begin, end


def _hits(pattern: Pattern, data: bytes, start: int, stop: int) -> Iterator[Hit]:
    while (hit := pattern.search(data, start, stop)) is not None:
        yield hit
        start = max(hit.end(), start + 1)


def _passwords(data: bytes, start: int, stop: int) -> Iterator[tuple[int, int]]:
    """Yield the words that could be passwords."""
    for hit in _hits(_CHOSEN, data, start, stop):
        begin, end = hit.span(1)
        if data[begin - 1 : begin] == b"\\" and data[begin] in b"nrt":
            begin += 1  # the letter of an escape
        name = _FIELD.search(data[begin:end])
        begin += name.end() if name is not None else 0
        while begin < end and data[begin] in b"*_=./-?":
            begin += 1  # what joins or adorns
        if (
            data[end : end + 1] == b"*"
            and data[end + 1 : end + 2] != b"*"
            and data[hit.start(1) - 1 : begin].count(b"*") == 0
        ):
            end += 1  # its own: nothing here is set in bold
        field = _NEXT_FIELD.search(data, begin, end)
        if field is not None and field.start() > begin:
            end = field.start()
        if looks_chosen(data[begin:end]):
            yield begin, end


def _beside_noun(data: bytes, start: int, stop: int) -> Iterator[tuple[int, int]]:
    """Yield the passwords that a noun stands by."""
    for noun in _hits(_NOUN, data, start, stop):
        begin, end = max(noun.span(1), noun.span(2))
        ideograph = not data[end - 1 : end].isascii()
        for first, last in islice(_passwords(data, end, min(stop, end + _GAP)), _TRIES):
            gap = data[end:first]
            if gap == b"_" and (data[begin - 1 : begin] == b"_" or data[begin - 1 : begin].isalnum()):
                break  # a name in a program
            if (
                _AFTER.search(gap) is not None
                or (ideograph and _AFTER_IDEOGRAPH.search(gap) is not None)
                or (_ANSWER.search(gap) is not None and _ALONE.search(data[last : last + 1]) is not None)
                or (_REPLY.search(gap) is not None and _LINE_END.search(data[last : last + 4]) is not None)
                or (_TO.search(gap) is not None and _CHANGED.search(data[max(start, begin - 80) : end]) is not None)
                or (_LAST.search(gap) is not None and _PARTICIPLE.search(data[last : last + 60]) is not None)
            ):
                yield first, last
                break
        for first, last in islice(_passwords(data, max(start, begin - _GAP // 2), begin), _TRIES):
            gap = data[last:begin]
            if (
                _BEFORE.search(gap) is not None
                or (_BRACKET.search(data[end : end + 48]) is not None and _ASIDE.search(gap) is not None)
                or (
                    _TYPED.search(data[max(0, first - 24) : first]) is not None
                    and _ANYHOW.search(gap) is not None
                    and _INSTEAD.search(gap) is None
                )
            ):
                yield first, last


def _beside_user(data: bytes, start: int, stop: int) -> Iterator[tuple[int, int]]:
    """Yield the passwords that stand by a user's name."""
    for user in _hits(_USER, data, start, stop):
        end = user.end()
        for first, last in islice(_passwords(data, end, min(stop, end + _GAP // 2)), 1):
            if _BESIDE.search(data[end:first]) is not None:
                yield first, last
        host = _HOST.search(data[end : end + 96]) if data[end - 1 : end] == b":" else None
        if host is not None:
            yield end, end + host.end(1)
