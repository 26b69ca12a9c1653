"""What people write: messages in seven languages with a Seller Central password or a secret key in them, or without."""

# ruff: noqa: E501, RUF001 - a case is a line, in seven languages

import json
import quopri
from collections.abc import Iterator
from itertools import product

from keywatch.detect.examples import expand

Case = tuple[str, str, tuple[str, ...]]
"""A name, the text, and the secrets to be found in it."""

CHOSEN = (
    "Sommer2024!",
    "amazon#1Seller",
    "kh-shop88",
    "Passw0rt!2025",
    "Fr4nkfurt-Main",
    "hund&katze7",
    "Qwertz!7788",
    "m4Rk3t*place",
    "Berlin_2023",
    "shop4you",
    "ILove$ales99",
    "tokyo2020Z",
    "Madrid.2019",
    "99Luftballons",
    "xK9#mP2$vL7q",
    "aB3-dE6-gH9",
    "Händler2024!",
    "lucky8888",
    "T0kyo@seller",
    "zu!Hause55",
)
"""Passwords as people choose them."""

LINKED = {
    "en": (
        "My Seller Central password is {p}",
        "the password for my Seller Central account is {p}",
        "Seller Central password: {p}",
        "password for Seller Central: {p}",
        "Here is the password you asked for to log in to Seller Central: {p}",
        "You can log in to Seller Central with jane@kh-shop.test and the password {p}",
        "login to seller central is jane@kh-shop.test, pw is {p}",
        "pw for sellercentral.amazon.com = {p}",
        "Seller Central login: jane@kh-shop.test / {p}",
        "SellerCentral: jane@kh-shop.test, {p}",
        "Sellercentral credentials: jane@kh-shop.test {p}",
        "our sellercentral pass is {p} please check the orders",
        "Hi, I changed the Seller Central password to {p}",
        "we have set the Seller Central password to {p} for you",
        "The new password of our Amazon seller account is now {p}",
        "please use {p} as password for Seller Central",
        "{p} is my password for Seller Central",
        "use the password {p} to get into Seller Central",
        "I can give you my seller central user jane@kh-shop.test and my password, which is {p}",
        "Seller Central Login\nUser: jane@kh-shop.test\nPassword: {p}",
        "Seller Central\njane@kh-shop.test\n{p}",
        "Seller Central access:\nE-mail - jane@kh-shop.test\nPassword - {p}",
        "Seller Central\nUsername\njane@kh-shop.test\nPassword\n{p}",
        "sellercentral.amazon.co.uk\nusername=jane\npassword={p}",
        "user/pw for seller central: jane@kh-shop.test/{p}",
        "Seller Central username and password: jane@kh-shop.test and {p}",
        "pasword for seller central: {p}",
        "Seller Central pwd {p}",
        "Password (Seller Central): {p}",
        "PASSWORD SELLER CENTRAL: {p}",
        "seller central passwort: {p}",
        "Sorry, I forgot: the Seller Central password. It is {p}",
        "Amazon login jane@kh-shop.test pw {p} on Seller Central",
        "| Seller Central | jane@kh-shop.test | {p} |",
        "Seller Central, jane@kh-shop.test, {p}",
        "You asked for the login. Seller Central password would be {p}",
        "for Seller Central the password's {p}",
        "Our vendor central password is {p}",
        "The log-in for Seller Central:\n- email: jane@kh-shop.test\n- pass: {p}",
        "amazon acc -> jane@kh-shop.test, pass -> {p}",
        "The passwrod for sellercentral.amazon.com is {p}",
        "pword for Vendor Central: {p}",
        "Amazon creds (seller): jane@kh-shop.test:{p}",
        "the password for Amazon is {p}",
        "the amzn seller pw changed its {p} now",
        "Amazon\nuser: jane@kh-shop.test\npw: {p}",
        "pw for SC (Amazon) is {p}",
        "Amazon SC pass -> {p}",
    ),
    "de": (
        "Mein Passwort für Seller Central lautet {p}",
        "das Kennwort, mit dem wir uns bei Sellercentral anmelden, ist {p}",
        "Passwort für Seller Central: {p}",
        "Unser Seller-Central-Passwort ist {p}",
        "Seller Central Kennwort: {p}",
        "Die Zugangsdaten für Seller Central: jane@kh-shop.test / {p}",
        "Zugangsdaten Sellercentral\nE-Mail: jane@kh-shop.test\nPasswort: {p}",
        "Hier sind meine Zugangsdaten zu Seller Central: Benutzer jane@kh-shop.test, Passwort {p}",
        "Sie können sich bei Seller Central mit dem Passwort {p} anmelden",
        "{p} ist das Passwort für Seller Central",
        "Mit {p} als Passwort kommen Sie in Seller Central hinein",
        "Das Passwort von unserem Amazon-Verkäuferkonto lautet {p}",
        "ich habe das Passwort für Seller Central auf {p} geändert",
        "Das neue Passwort bei Sellercentral wäre {p}",
        "Login Seller Central: jane@kh-shop.test PW: {p}",
        "Benutzername: jane@kh-shop.test\nKennwort: {p}\n(Seller Central)",
        "Anmeldung bei Seller Central: jane@kh-shop.test, Kennwort {p}",
        "Loggen Sie sich mit jane@kh-shop.test und {p} bei Seller Central ein",
        "als Passwort haben wir für Seller Central {p} gewählt",
        "Passwort lautet für Seller Central: {p}",
        "das Seller Central PW ist momentan {p}",
        "Seller Central\nBenutzer: jane@kh-shop.test\nPasswort:\n{p}",
        "Passwort Amazon Seller Central {p}",
        "Unser Kennwort zum Händlerkonto bei Amazon heißt {p}",
        "Nutzen Sie bitte {p} als Kennwort für Seller Central",
        "Seller Central Zugang: jane@kh-shop.test / {p}",
        "Passwort (Seller Central) = {p}",
        "Bei Seller Central ist unser Passwort {p}",
        "Pw fuer Sellercentral: {p}",
        "Das Passwort, das wir im Amazon Seller Account verwenden, lautet wie folgt: {p}",
        "Zugangsdaten Amazon: Benutzer jane@kh-shop.test Kennwort {p}",
        "Amazon Passwort ist jetzt {p}",
        "Amazon.de Zugang: jane@kh-shop.test / {p}",
        "Passwrot von unserem Amazon Shop: {p}",
        "SC Amazon, Passwort {p}",
        "unser SC Amazon Passwort: {p}",
    ),
    "fr": (
        "Le mot de passe de mon compte Seller Central est {p}",
        "mot de passe Seller Central : {p}",
        "Mon mot de passe pour Seller Central est {p}",
        "Voici mes identifiants Seller Central : jane@kh-shop.test / {p}",
        "mdp seller central : {p}",
        "Identifiant Seller Central : jane@kh-shop.test\nMot de passe : {p}",
        "le mdp de notre compte vendeur Amazon c'est {p}",
        "Vous pouvez vous connecter à Seller Central avec le mot de passe {p}",
        "{p} est le mot de passe de Seller Central",
        "j'ai changé le mot de passe Seller Central en {p}",
        "le nouveau mot de passe Seller Central sera {p}",
        "Pour Seller Central, utilisez {p} comme mot de passe",
        "Connexion Seller Central : jane@kh-shop.test, mot de passe {p}",
        "login Seller Central jane@kh-shop.test mdp {p}",
        "Seller Central\nE-mail : jane@kh-shop.test\nMot de passe :\n{p}",
        "Notre mot de passe, celui que nous utilisons sur Seller Central, est le suivant : {p}",
        "Mot de passe (Seller Central) = {p}",
        "Seller Central : jane@kh-shop.test - {p}",
        "Accès Seller Central : jane@kh-shop.test / {p}",
        "Le mot de passe du Seller Central : « {p} »",
        "notre mot de passe amazon c {p}",
        "Le mot de passe d'Amazon : {p}",
        "le mot de passe de notre amazon c'est {p}",
    ),
    "es": (
        "La contraseña de mi cuenta de Seller Central es {p}",
        "contraseña Seller Central: {p}",
        "Mi clave de Seller Central es {p}",
        "Usuario de Seller Central: jane@kh-shop.test contraseña: {p}",
        "Estos son mis datos de acceso a Seller Central: jane@kh-shop.test / {p}",
        "Puede entrar en Seller Central con la contraseña {p}",
        "{p} es la contraseña de Seller Central",
        "la clave para entrar en Seller Central: {p}",
        "he cambiado la contraseña de Seller Central a {p}",
        "La nueva contraseña de nuestra cuenta de vendedor de Amazon es {p}",
        "Utilice {p} como contraseña de Seller Central",
        "Seller Central\nUsuario: jane@kh-shop.test\nContraseña: {p}",
        "Seller Central, usuario jane@kh-shop.test, clave {p}",
        "el password de seller central es {p}",
        "contrasena sellercentral {p}",
        "Credenciales de Seller Central: jane@kh-shop.test y {p}",
        "Contraseña (Seller Central) = {p}",
        "Seller Central\nCorreo: jane@kh-shop.test\nContraseña:\n{p}",
        "la contra de amazon es {p}",
        "la clave de nuestra cuenta de amazon es {p}",
        "los accesos de amazon son jane@kh-shop.test / {p}",
        "contrasena amazon vendedor {p}",
    ),
    "it": (
        "La password del mio account Seller Central è {p}",
        "password Seller Central: {p}",
        "Le credenziali di Seller Central: jane@kh-shop.test / {p}",
        "Utente Seller Central: jane@kh-shop.test\nPassword: {p}",
        "Può accedere a Seller Central con la password {p}",
        "{p} è la password di Seller Central",
        "ho cambiato la password di Seller Central in {p}",
        "la nuova password di Seller Central sarebbe {p}",
        "Usi {p} come password per Seller Central",
        "la parola d'ordine per Seller Central è {p}",
        "psw seller central: {p}",
        "Ecco i dati di accesso a Seller Central: jane@kh-shop.test, password {p}",
        "La pw dell'account venditore Amazon è {p}",
        "Seller Central\nEmail: jane@kh-shop.test\nPassword:\n{p}",
        "Dati di accesso Seller Central: jane@kh-shop.test e {p}",
        "pw amazon: {p}",
        "la password di amazon e' {p}",
    ),
    "ja": (
        "セラーセントラルのパスワードは{p}です",
        "セラーセントラルのパスワード：{p}",
        "セラーセントラルのパスワードは「{p}」です。",
        "パスワードは {p} です（セラーセントラル）",
        "Seller CentralのログインIDはjane@kh-shop.test、パスワードは{p}です。",
        "セラーセントラル\nメール：jane@kh-shop.test\nパスワード：{p}",
        "セラーセントラルのログイン情報です。\nID: jane@kh-shop.test\nPW: {p}",
        "セラーセントラルには{p}というパスワードでログインしています",
        "{p}がセラーセントラルのパスワードです",
        "Amazon出品用アカウントのパスワードを{p}に変更しました",
        "セラーセントラルのパスは{p}",
        "セラーセントラル パスワード\n{p}",
        "セラーセントラルのID/パスワード：jane@kh-shop.test/{p}",
        "セラーセントラルのログインパスワードは、{p}になります。",
        "セラセンのパスワード {p}",
        "パスワード（セラーセントラル用）：{p}",
        "セラーセントラルに jane@kh-shop.test と {p} でログインしてください",
        "アマゾンのログイン情報です。ID: jane@kh-shop.test PW: {p} よろしくお願いします。",
    ),
    "zh": (
        "卖家中心的密码是{p}",
        "卖家中心密码：{p}",
        "我的卖家后台登录密码为{p}。",
        "卖家中心登录名/密码: jane@kh-shop.test/{p}",
        "亚马逊卖家账号 jane@kh-shop.test，密码 {p}",
        "Seller Central 用户名：jane@kh-shop.test 密码：{p}",
        "卖家中心\n账号：jane@kh-shop.test\n密码：{p}",
        "{p}是卖家中心的密码",
        "密码已改成{p}（卖家中心）",
        "请用密码{p}登录卖家中心",
        "賣家中心的密碼是{p}",
        "賣家後台密碼：{p}",
        "卖家平台口令：{p}",
        "亚马逊后台登录密码「{p}」",
        "卖家中心密码\n{p}",
        "卖家中心账号密码：jane@kh-shop.test {p}",
        "登录卖家中心，用 jane@kh-shop.test 和 {p}",
        "亚马逊的密码是{p}",
    ),
}
"""Messages with a Seller Central password. It may stand before its noun or after it, near or far."""

KEYED = {
    "en": (
        "Hello, my keys do not work. Here is my secret key: {k}",
        "my secret access key is {k}",
        "The secret key for my account: {k}",
        "secret key {k}",
        "my MWS secret: {k}",
        "I am sending you my secret key, {k}, please connect my shop",
        "{k} is my secret key",
        "here you go\n{i}\n{k}",
        "Access key: {i}\nSecret: {k}",
        "the secret key you asked for is\n\n{k}\n\nregards",
        "Secret Key\n{k}",
        "My amazon secret key -> {k}",
        "Developer secret key from Seller Central (User Permissions): {k}",
        "seller id A2ZZ, secretkey {k}",
        "our secret key would be `{k}`",
        "can you use this secret key? {k}",
        "Sekret key amazon {k}",
        "our Login with Amazon client secret is {s}",
        "the client secret of our SP-API app: {s}",
        "ads_client_secret = {s} # amazon advertising",
        "and this is the secret one: {k}",
        "the secret part of it: {k}",
    ),
    "de": (
        "Mein geheimer Schlüssel lautet {k}",
        "Hier ist unser geheimer Schlüssel: {k}",
        "Der geheime Schlüssel unseres MWS-Kontos: {k}",
        "unser Secret Key ist {k}",
        "Geheimschlüssel {k}",
        "der geheime Zugriffsschlüssel, den Sie wollten, lautet {k}",
        "{k} ist mein geheimer Schlüssel",
        "Zugangsschlüssel {i}, geheimer Schlüssel {k}",
        "Unser Geheimer Schluessel: {k}",
        "Mein Secret Key für Amazon lautet wie folgt: {k}",
        "Im Anhang und hier der geheime Schlüssel für MWS:\n{k}",
        "als geheimen Schlüssel haben wir {k} bekommen",
        "Secret-Key: {k}",
        "das Client Secret unserer SP-API App lautet {s} (siehe unten)",
        "geheimer Clientschlüssel für Login with Amazon: {s}",
        "Schluessel geheim: {k}",
        "Schlüssel (geheim): {k}",
        "der geheime Teil: {k}",
    ),
    "fr": (
        "voici ma clé secrète : {k}",
        "Ma clé secrète Amazon est {k}",
        "la clé secrète de notre compte MWS est la suivante : {k}",
        "Clé d'accès secrète : {k}",
        "clef secrète {k}",
        "{k} est ma clé secrète",
        "Clé secrète\n{k}",
        "Je vous envoie la clé secrète, {k}, merci",
        "notre cle secrete: {k}",
        "clé d’accès secrète : « {k} »",
        "le secret client LWA est {s}",
        "notre code secret client pour l'API Amazon: {s}",
        "la clé (secrète) : {k}",
    ),
    "es": (
        "Mi clave secreta es {k}",
        "clave secreta: {k}",
        "La clave secreta de mi cuenta de MWS es la siguiente: {k}",
        "clave de acceso secreta {k}",
        "{k} es mi clave secreta",
        "llave secreta: {k}",
        "Le envío la clave secreta, {k}, gracias",
        "Clave secreta\n{k}",
        "contraseña secreta de MWS: {k}",
        "el secreto de cliente de LWA es {s}",
        "clave (secreta): {k}",
    ),
    "it": (
        "la mia chiave segreta è {k}",
        "chiave segreta: {k}",
        "La chiave segreta del nostro account MWS è la seguente: {k}",
        "chiave di accesso segreta {k}",
        "{k} è la mia chiave segreta",
        "Chiave segreta\n{k}",
        "le invio la chiave segreta, {k}, grazie",
        "il client secret di Login with Amazon: {s}",
        "il segreto client di LWA è {s}",
        "chiave (segreta): {k}",
    ),
    "ja": (
        "シークレットキーは{k}です",
        "シークレットキー：{k}",
        "シークレットアクセスキー：「{k}」",
        "秘密キーは {k} です。",
        "秘密鍵：{k}",
        "MWSのシークレットキーを送ります。\n{k}",
        "シークレット キー\n{k}",
        "アクセスキーIDは{i}、シークレットキーは{k}です。",
        "{k}がシークレットキーです",
        "シークレットキーをお送りします：{k}",
        "クライアントシークレットは {s} です",
    ),
    "zh": (
        "我的密钥是{k}",
        "密钥：{k}",
        "访问密钥ID：{i}\n秘密访问密钥：{k}",
        "私钥: {k}",
        "我的MWS密钥为{k}。",
        "{k}是我的密钥",
        "密鑰：{k}",
        "密钥如下：\n{k}",
        "我把密钥发给你：{k}",
        "秘钥：{k}",
        "客户端密钥是 {s}",
        "卖家的密匙 {k}",
    ),
}
"""Messages with a secret key (k), some with its id (i), or an LWA secret of the old form (s)."""

ENDS = ("", ".", ", thanks!", "\n\nBest regards\nJane")
HELLO = {
    "en": "Hello,\n",
    "de": "Guten Tag,\n",
    "fr": "Bonjour,\n",
    "es": "Buenos días:\n",
    "it": "Buongiorno,\n",
    "ja": "お世話になっております。\n",
    "zh": "您好！\n",
}


def _said(text: str) -> dict[str, str]:
    """Return what tickets, chats and mail programs make of a message."""
    return {
        "plain": text + "\n",
        "quoted": "".join(f"> {line}\n" for line in text.splitlines()),
        "json": json.dumps({"ticket": {"id": 4711, "comment": text}}, ensure_ascii=False),
        "ascii json": json.dumps({"user": "U1", "text": text, "ts": "1.2"}),
        "mail": "Subject: Frage\nContent-Transfer-Encoding: quoted-printable\n\n"
        + quopri.encodestring(text.encode()).decode(),
        "html": "<p>" + text.replace("\n", "<br>\n") + "</p>",
        "chat": "".join(f"[12.03.26, 10:1{n}:12] Jane: {line}\n" for n, line in enumerate(text.splitlines()) if line),
        "csv": '4711,"' + text.replace('"', '""') + '",open\n',
    }


def _in_turn(text: str, turn: int, *, every: bool) -> list[tuple[str, str]]:
    """Return the message as it stands and in one wrapping after the other, or in `every` one at once."""
    said = list(_said(text).items())
    return said if every else [said[0], said[1 + turn % (len(said) - 1)]]


def passwords(*, every: bool = False) -> Iterator[Case]:
    """Yield messages with a Seller Central password: every sentence, with passwords, ends and wrappings in turn."""
    turn = 0
    for language, sentences in LINKED.items():
        for number, sentence in enumerate(sentences):
            for round_ in range(4):
                password = CHOSEN[turn % len(CHOSEN)]
                end = ENDS[round_] if language not in ("ja", "zh") and not sentence.endswith("|") else ""
                text = HELLO[language] * (round_ % 2) + sentence.format(p=password) + end
                for kind, wrapped in _in_turn(text, turn, every=every):
                    yield f"{language} {number} {round_} {kind}: {sentence}", wrapped, (password,)
                turn += 1


def quoted_passwords() -> Iterator[Case]:
    """Yield passwords in every kind of quotation mark."""
    marks = (
        '"{}"',
        "'{}'",
        "`{}`",
        "„{}“",
        "“{}”",
        "«{}»",
        "« {} »",
        "「{}」",
        "『{}』",
        "**{}**",
        "*{}*",
        "[{}]",
        "({})",
        "<b>{}</b>",
        "‘{}’",
        "__{}__",
    )
    for number, (mark, (language, sentences)) in enumerate(product(marks, LINKED.items())):
        for n in (0, 2):
            password = CHOSEN[(number + n) % len(CHOSEN)]
            yield f"{language} {mark} {n}", sentences[n].format(p=mark.format(password)) + "\n", (password,)
    for language, sentences in LINKED.items():
        for end in ("", "\n"):
            password = CHOSEN[0] + "*"
            yield f"{language}, an asterisk of its own", sentences[0].format(p=password) + end, (password,)


def keys(*, every: bool = False) -> Iterator[Case]:
    """Yield messages with a secret key."""
    turn = 0
    for language, sentences in KEYED.items():
        for number, sentence in enumerate(sentences):
            for round_ in range(4):
                turn += 1
                key, old = expand("{base64:40}" + "{}" * turn), expand("{hex:64}" + "{}" * turn)
                end = ENDS[round_] if language not in ("ja", "zh") else ""
                text = (
                    HELLO[language] * (round_ % 2)
                    + sentence.format(k=key, s=old, i=expand("AKIA{base32:16}" + "{}" * turn))
                    + end
                )
                wanted = old if "{s}" in sentence else key
                for kind, wrapped in _in_turn(text, turn, every=every):
                    yield f"{language} {number} {round_} {kind}: {sentence}", wrapped, (wanted,)


def stored() -> Iterator[Case]:
    """Yield Seller Central logins as programs keep and send them."""
    user = "jane@kh-shop.test"
    for number, form in enumerate(
        (
            "SELLER_CENTRAL_PASSWORD={p}",
            "SELLERCENTRAL_USER={u}\nSELLERCENTRAL_PASS={p}\n",
            'seller_central_password: "{p}"',
            "sellerCentralPassword = '{p}'",
            '{{"site": "sellercentral.amazon.com", "username": "{u}", "password": "{p}"}}',
            '{{"sellerCentral": {{"email": "{u}", "password": "{p}"}}}}',
            '{{\n  "url": "https://sellercentral.amazon.de/",\n  "login": "{u}",\n  "pwd": "{p}"\n}}',
            "sellercentral:\n  user: {u}\n  password: {p}\n",
            "machine sellercentral.amazon.com login {u} password {p}\n",
            "name,url,username,password\nAmazon,https://sellercentral.amazon.com/ap/signin,{u},{p}\n",
            '"url","username","password"\n"https://sellercentral.amazon.de","{u}","{p}"\n',
            "Seller Central;{u};{p}\n",
            "Seller Central\t{u}\t{p}\n",
            "Portal\tUser\tPassword\nSeller Central\t{u}\t{p}\n",
            "| Portal | User | Password |\n|---|---|---|\n| Seller Central | {u} | {p} |\n",
            "| Portal | Benutzer | Passwort |\n|---|---|---|\n| Seller Central | {u} | `{p}` |\n",
            "<tr><td>Seller Central</td><td>{u}</td><td>{p}</td></tr>",
            '<input name="password" type="password" value="{p}"> sellercentral',
            "POST https://sellercentral.amazon.com/ap/signin email=jane%40kh-shop.test&password={q}&x=1",
            "<url>https://sellercentral.amazon.com</url><user>{u}</user><password>{p}</password>",
            "driver.get('https://sellercentral.amazon.com')\ndriver.find_element(By.ID, 'ap_email').send_keys('{u}')\ndriver.find_element(By.ID, 'ap_password').send_keys('{p}')\n",
            "await page.goto('https://sellercentral.amazon.com');\nawait page.fill('#ap_password', '{p}');\n",
            "await page.type('#ap_password', '{p}') // seller central",
            "def seller_central_login(user='{u}', password='{p}'):",
            "login_seller_central('{u}', '{p}')",
            "https://{uq}:{q}@sellercentral.amazon.com/",
            "[Seller Central]\nUser={u}\nPassword={p}\n",
            "Title: Seller Central\nUserName: {u}\nPassword: {p}\nURL: https://sellercentral.amazon.com\n",
            '{{"fields": [{{"label": "Seller Central E-Mail", "value": "{u}"}}, {{"label": "Seller Central Password", "value": "{p}"}}]}}',
            '{{"name": "seller_central_password", "value": "{p}"}}',
            "What is your Seller Central password?\n{p}\n",
            "Q: Seller Central password\nA: {p}\n",
            "Seller Central login email: {u}\nSeller Central login password: {p}\nStore name: kh\n",
            "--seller-central-password {p}",
            "--seller-central-password='{p}'",
            '------x\r\nContent-Disposition: form-data; name="seller_central_password"\r\n\r\n{p}\r\n------x--\r\n',
        )
    ):
        for turn in range(3):
            password = CHOSEN[(number + turn * 7) % len(CHOSEN)]
            if not password.isascii() or set("&#$") & set(password):
                password = f"Kh4ndel-{password[-2:].strip('!#$&')}Q7"
            quoted = password.replace("!", "%21").replace("@", "%40").replace("*", "%2A")
            yield (
                f"stored {number} {turn}",
                form.format(u=user, p=password, q=quoted, uq="jane%40kh-shop.test"),
                (password,),
            )
