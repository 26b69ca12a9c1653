"""A second set, written another way: whole files as the selling-partner libraries have them, whole conversations."""

# ruff: noqa: E501, RUF001 - a case is a line, in seven languages

import json
from collections.abc import Iterator

from keywatch.detect.examples import expand

Case = tuple[str, str, tuple[str, ...]]
"""A name, the text, and the secrets to be found in it."""

TOY = "RobotLamp42"

FILES = {
    "node constructor": "const sp = new SellingPartner({{\n  region:'eu',\n  refresh_token:'{r}',\n  credentials:{{\n    SELLING_PARTNER_APP_CLIENT_ID:'{c}',\n    SELLING_PARTNER_APP_CLIENT_SECRET:'{s}'\n  }},\n  options:{{auto_request_tokens:true}}\n}});",
    "node constructor, old": "const sp = new SellingPartner({{region:'eu', refresh_token:'{r}', credentials:{{SELLING_PARTNER_APP_CLIENT_ID:'{c}', SELLING_PARTNER_APP_CLIENT_SECRET:'{o}', AWS_ACCESS_KEY_ID:'{i}', AWS_SECRET_ACCESS_KEY:'{k}', AWS_SELLING_PARTNER_ROLE:'arn:aws:iam::123456789012:role/x'}}}});",
    "node credentials file": "SELLING_PARTNER_APP_CLIENT_ID={c}\nSELLING_PARTNER_APP_CLIENT_SECRET={o}\nAWS_SELLING_PARTNER_ACCESS_KEY_ID={i}\nAWS_SELLING_PARTNER_SECRET_ACCESS_KEY={k}\n",
    "node debug log": 'Request {{\n  method: \'POST\',\n  url: \'https://api.amazon.com/auth/o2/token\',\n  headers: {{ \'Content-Type\': \'application/json\' }},\n  body: \'{{"grant_type":"refresh_token","refresh_token":"{r}","client_id":"{c}","client_secret":"{o}"}}\'\n}}',
    "node exchange": "await sp.exchange('AN{code}'); // refresh_token: {r}",
    "php make": "$connector = SellingPartnerApi::make(\n    clientId: '{c}',\n    clientSecret: '{o}',\n    refreshToken: '{r}',\n    endpoint: Endpoint::NA,\n)->seller();",
    "php old config": '$config = new Configuration([\n    "lwaClientId" => "{c}",\n    "lwaClientSecret" => "{s}",\n    "lwaRefreshToken" => "{r}",\n    "awsAccessKeyId" => "{i}",\n    "awsSecretAccessKey" => "{k}",\n    "endpoint" => Endpoint::EU\n]);',
    "php cache key": '1700000000.123456 [0 10.0.0.1:5000] "GET" "spapi:rdt:{r}:orders"',
    "csharp credential": 'AmazonConnection c = new AmazonConnection(new AmazonCredential()\n{{\n     ClientId = "{c}",\n     ClientSecret = "{o}",\n     RefreshToken= "{r}",\n     MarketPlaceID = "A2VIGQ35RCS4UG",\n}});',
    "csharp appsettings": '{{\n  "FikaAmazonAPI": {{\n    "ClientId": "{c}",\n    "ClientSecret": "{o}",\n    "RefreshToken": "{r}",\n    "AccessKey": "{i}",\n    "SecretKey": "{k}"\n  }}\n}}',
    "csharp user secrets": "FikaAmazonAPI:ClientId = {c}\nFikaAmazonAPI:ClientSecret = {o}\nFikaAmazonAPI:RefreshToken = {r}\n",
    "csharp init": 'var cred = new AmazonCredential("{i}", "{k}", "arn:aws:iam::1:role/x", "{c}", "{o}", "{r}");',
    "ruby token": 'Peddler::Token.request(\n  client_id: "{c}",\n  client_secret: "{o}",\n  refresh_token: "{r}",\n).parse["access_token"]',
    "ruby env": "export LWA_CLIENT_ID={c}\nexport LWA_CLIENT_SECRET={o}\n",
    "ruby mws": 'client = MWS.orders(marketplace: "DE",\n  merchant_id: "A2EUQ1WTGCTBG2",\n  aws_access_key_id: "{i}",\n  aws_secret_access_key: "{k}",\n  auth_token: "{m}")',
    "python credentials": "credentials = dict(\n    refresh_token='{r}',\n    lwa_app_id='{c}',\n    lwa_client_secret='{o}',\n    aws_secret_key='{k}',\n    aws_access_key='{i}',\n    role_arn='arn:aws:iam::1:role/x',\n)",
    "python yaml": "version: '1.0'\n\ndefault:\n  refresh_token: '{r}'\n  lwa_app_id: '{c}'\n  lwa_client_secret: '{o}'\nanother_account:\n  refresh_token: '{r2}'\n  lwa_app_id: '{c}'\n  lwa_client_secret: '{o2}'\n",
    "python env suffix": "LWA_APP_ID_SHOP1={c}\nLWA_CLIENT_SECRET_SHOP1={o}\nSP_API_REFRESH_TOKEN_SHOP1={r}\nSP_API_ACCESS_KEY={i}\nSP_API_SECRET_KEY={k}\n",
    "python mws": "orders_api = mws.Orders(access_key='{i}', secret_key='{k}', account_id='A2EUQ1WTGCTBG2', region='DE', auth_token='{m}')",
    "python mws positional": "mws.Reports('{i}', '{k}', 'A2EUQ1WTGCTBG2', region='DE')",
    "python ads": "my_credentials = dict(\n    refresh_token='{r}',\n    client_id='{c}',\n    client_secret='{o}',\n    profile_id='123456789012',\n)",
    "java lwa": 'LWAAuthorizationCredentials cred = LWAAuthorizationCredentials.builder()\n  .clientId("{c}")\n  .clientSecret("{o}")\n  .refreshToken("{r}")\n  .endpoint("https://api.amazon.com/auth/o2/token")\n  .build();',
    "java iam": 'AWSAuthenticationCredentials a = AWSAuthenticationCredentials.builder()\n  .accessKeyId("{i}")\n  .secretKey("{k}")\n  .region("us-east-1")\n  .build();',
    "java app config": "ClientId={c}\nClientSecret={o}\nRefreshToken={r}\n",
    "java mws": 'final String accessKeyId = "{i}";\nfinal String secretAccessKey = "{k}";\nfinal String appName = "x";',
    "js app config": 'export const AppConfig = {{\n  lwaClientId: "{c}",\n  lwaClientSecret: "{o}",\n  lwaRefreshToken: "{r}",\n  endpoint: "https://sellingpartnerapi-eu.amazon.com",\n}};',
    "secrets manager": '{{"AppClientId":"{c}","AppClientSecret":"{o}"}}',
    "go sdk": 'cfg := selling.Config{{\n\tClientID:     "{c}",\n\tClientSecret: "{o}",\n\tRefreshToken: "{r}",\n\tAccessKeyID:  "{i}",\n\tSecretKey:    "{k}",\n\tRegion:       "eu-west-1",\n}}',
    "ts bizon": "const auth = new SellingPartnerApiAuth({{\n  clientId: '{c}',\n  clientSecret: '{o}',\n  refreshToken: '{r}',\n}})",
    "airbyte": '{{"lwa_app_id": "{c}", "lwa_client_secret": "{o}", "refresh_token": "{r}", "region": "DE", "account_type": "Seller"}}',
    "php mws config": "$store['Shop']['merchantId'] = 'A2EUQ1WTGCTBG2';//Merchant ID for this store\n$store['Shop']['keyId'] = '{i}'; //Access Key ID\n$store['Shop']['secretKey'] = '{k}'; //Secret Access Key for this store\n$store['Shop']['MWSAuthToken'] = '{m}';",
    "php mws client": "$client = new MWSClient([\n    'Marketplace_Id' => 'A1PA6795UKMFR9',\n    'Seller_Id' => 'A2EUQ1WTGCTBG2',\n    'Access_Key_ID' => '{i}',\n    'Secret_Access_Key' => '{k}',\n    'MWSAuthToken' => '{m}'\n]);",
    "php pay": "$amazonpay_config = array(\n    'public_key_id' => 'SANDBOX-AFXXXXXXXXXXXXXXXXXXXX',\n    'secret_key' => '{k}',\n    'access_key' => '{i}',\n    'merchant_id' => 'A2EUQ1WTGCTBG2');",
    "laravel": "SPAPI_LWA_CLIENT_ID={c}\nSPAPI_LWA_CLIENT_SECRET={o}\nSPAPI_AWS_ACCESS_KEY_ID={i}\nSPAPI_AWS_SECRET_ACCESS_KEY={k}\n",
    "postman env": '{{"id":"1","values":[{{"key":"clientId","value":"{c}","type":"default","enabled":true}},{{"key":"clientSecret","value":"{o}","type":"secret","enabled":true}},{{"key":"refreshToken","value":"{r}","type":"secret"}}]}}',
    "curl": "curl -X POST https://api.amazon.com/auth/o2/token \\\n  -d 'grant_type=refresh_token' \\\n  -d 'refresh_token={r}' \\\n  -d 'client_id={c}' \\\n  -d 'client_secret={o}'",
    "curl urlencode": "curl --request POST --url 'https://api.amazon.com/auth/o2/token' --header 'Content-Type: application/x-www-form-urlencoded' --data-urlencode 'refresh_token={r}' --data-urlencode 'client_id={c}' --data-urlencode 'client_secret={o}'",
    "n8n": '{{"name":"Amazon","type":"oAuth2Api","data":{{"clientId":"{c}","clientSecret":"{o}","scope":""}}}}',
    "gsheet": "Shop\tClient ID\tClient Secret\tRefresh Token\nKH\t{c}\t{o}\t{r}\n",
    "vertical sheet": "LWA Client ID\t{c}\nLWA Client Secret\t{o}\nRefresh Token\t{r}\nIAM Key\t{i}\nIAM Secret\t{k}\n",
    "wiki": "h2. SP-API\n|| Name || Value ||\n| Client identifier | {c} |\n| Client secret | {o} |\n| Refresh token | {r} |\n",
    "console copy": "LWA credentials\nClient identifier\n{c}\nClient secret\n{o}\nRotation deadline\nFeb 1, 2027\n",
    "console copy, new": "Client identifier {c}\nClient secret {s}\n",
    "self authorisation": "Authorized apps\nAmazon.de\nRefresh token:\n{r}\n",
    "mws console": "Seller ID: A2EUQ1WTGCTBG2\nMWS Auth Token: {m}\nAWS Access Key ID: {i}\nSecret Key: {k}\n",
    "docker run": "docker run -e LWA_APP_ID={c} -e LWA_CLIENT_SECRET={o} -e SP_API_REFRESH_TOKEN='{r}' img",
    "vcr": "  - request:\n      body: grant_type=refresh_token&refresh_token={q}&client_id={c}&client_secret={o}\n      headers:\n        User-Agent: [python-sp-api-1.0]\n",
    "traceback": "sp_api.auth.exceptions.AuthorizationError\n  credentials = {{'lwa_app_id': '{c}', 'lwa_client_secret': '{o}', 'refresh_token': '{r}'}}",
    "boto debug": "DEBUG botocore.endpoint: headers={{'X-Amz-Security-Token': b'{t}', 'Authorization': b'AWS4-HMAC-SHA256 Credential={i}/20260101'}}",
    "env in log": "AWS_ACCESS_KEY_ID={i} AWS_SECRET_ACCESS_KEY={k} AWS_SESSION_TOKEN={t} python run.py",
    "zip function": "Resources:\n  F:\n    Properties:\n      Environment:\n        Variables:\n          SP_API_SECRET_KEY: {k}\n          LWA_SECRET: {o}\n",
}
"""Layouts, with c and o/s for a client's id and secret (old, new), r a refresh token, i and k a pair, m an MWS token."""

TALKS = (
    (
        "Subject: Seller Central access for your team\n\nDear support,\n\nas discussed on the phone I hereby send you the login so that you can fix the listings yourselves.\n\nE-mail: shop@kh-shop.test\nPassword: {p}\n\nPlease tell me when you are done.\n",
        "Blau!Wal77",
    ),
    (
        "Hey guys, can't get the API to connect :( maybe easier if you log in yourself? sellercentral login is shop@kh-shop.test and the pw {p} - the 2FA code I can send on whatsapp",
        "kletter7baum",
    ),
    (
        "Betreff: Zugang Seller Central\n\nHallo zusammen,\n\nanbei wie gewünscht unsere Daten:\n\nBenutzername: shop@kh-shop.test\nPasswort: {p}\n\nBitte danach löschen. Danke!\n",
        "Kaffee&Kuchen9",
    ),
    ("Moin, das Passwort hat sich geändert, neu ist {p} (Seller Central)", "Nordsee#2025"),
    ("Unser altes Seller-Central-Passwort war {p}, das neue schicke ich per Post.", "Regen-bogen1"),
    ("Für den Login bei Sellercentral bitte {p} eingeben (Kennwort), Benutzer wie gehabt.", "Tanne_24_Baum"),
    (
        "Bonjour, pour vous connecter à notre Seller Central : identifiant shop@kh-shop.test, mot de passe {p}. Merci de ne pas le diffuser.",
        "Fromage!33",
    ),
    (
        "Objet : accès Seller Central\n\nVoici ce que vous m'avez demandé.\nLogin : shop@kh-shop.test\nMDP : {p}\n\nCordialement",
        "chat0uille",
    ),
    ("Hola, os paso los datos de Seller Central. Usuario: shop@kh-shop.test. Contraseña: {p}. Saludos", "Tortilla$8"),
    ("la contraseña que usamos ahora en Seller Central, por si la necesitáis, es {p}", "verano2025X"),
    ("Ciao, vi mando i dati di Seller Central. Utente: shop@kh-shop.test - Password: {p} - grazie!", "Gelato*99"),
    ("per entrare su Seller Central dovete usare come password {p}", "pizza4Tutti"),
    (
        "お世話になっております。ご依頼のセラーセントラルのログイン情報をお送りします。\nメールアドレス：shop@kh-shop.test\nパスワード：{p}\nよろしくお願いいたします。",
        "Sakura2025!",
    ),
    ("セラーセントラルに入れないとのことですので、こちらのパスワード（{p}）をお使いください。", "neko77Neko"),
    ("您好，这是我们卖家中心的登录信息：\n邮箱：shop@kh-shop.test\n登录密码：{p}\n请查收。", "lanhai888X"),
    ("密码改了，新密码 {p}，卖家后台还是原来的账号", "Zhong9guo!"),
    (
        '{{"channel":"C1","messages":[{{"user":"U1","text":"what\'s the seller central pw again?"}},{{"user":"U2","text":"{p}"}}]}}',
        "hund2Katze!",
    ),
    ("[10:01] ann: what's the seller central password?\n[10:02] bob: {p}\n[10:03] ann: thx", "Wolke#77x"),
    ("Ann: can you send me the Seller Central password\nBob: sure\nBob: {p}\n", "Wolke#77y"),
    ("Seller Central\n  user  shop@kh-shop.test\n  pass  {p}\n", "Moos-gruen5"),
    (
        "Amazon Seller Central (DE)\nhttps://sellercentral.amazon.de\nshop@kh-shop.test\n{p}\n\nOther portal\n",
        "Elch4Elch!",
    ),
    ("- [ ] Seller Central: shop@kh-shop.test // {p}\n- [ ] eBay: n/a\n", "Otter!Otter2"),
    ("Seller Central Login\n====================\n\n:User: shop@kh-shop.test\n:Password: {p}\n", "Dachs-bau77"),
    (
        "<p>Seller Central</p><ul><li>User: shop@kh-shop.test</li><li>Password: <strong>{p}</strong></li></ul>",
        "Fuchs=bau88",
    ),
    (
        '{{"subject":"Login","custom_fields":[{{"id":1,"name":"Seller Central email","value":"shop@kh-shop.test"}},{{"id":2,"name":"Seller Central password","value":"{p}"}}]}}',
        "Biber.Damm9",
    ),
    (
        "Form submission\nSeller Central E-mail *\nshop@kh-shop.test\nSeller Central Password *\n{p}\nMarketplace *\nDE\n",
        "Igel2Igel!",
    ),
    ("shop_name=KH&sc_email=shop%40kh-shop.test&seller_central_password={p}&agree=on", "Luchs77Luchs"),
    (
        "INSERT INTO logins (site, user, password) VALUES ('sellercentral.amazon.de', 'shop@kh-shop.test', '{p}');",
        "Marder5+Marder",
    ),
    (
        'def login():\n    browser.get("https://sellercentral.amazon.com")\n    browser.fill("email", "shop@kh-shop.test")\n    browser.fill("password", "{p}")\n',
        "Hase77!Hase",
    ),
    ("const SELLER_CENTRAL = {{ user: 'shop@kh-shop.test', pass: '{p}' }}", "Reh33Reh!"),
    ("Zugang Amazon-Händlerkonto\nMail: shop@kh-shop.test\nKW: siehe unten\n\nKennwort = {p}\n", "Kranich_9x"),
    ("for seller central i use the same as always, {p}, you know :) (password)", "Amsel4Amsel"),
    ("Our VA can't log in to Seller Central. She types {p} and it says wrong password?!", "Drossel!55"),
    ("PS: Seller Central PW geändert -> {p}", "Fink88!Fink"),
    ("seller central email and password are shop@kh-shop.test {p} thank u", "meise99X"),
)

MORE = (
    ("Hello team, for your reference: Seller Central (UK): orders@acme-toys.test with password '{p}'.", "Robot-Lamp42"),
    ("Seller Central creds -> orders@acme-toys.test:{p}", "Robot.Lamp42"),
    ("sellercentral user orders@acme-toys.test password {p}", TOY),
    ("The password hasn't changed, it's still {p} for seller central", "RobotLamp#42"),
    ("My seller central passphrase: robot lamp 42? no wait, it's {p}", "Robot_Lamp_42"),
    ("I've just reset our Seller Central password. New one: {p}", "RobotLamp42!"),
    ("Temporary password for Seller Central (valid 24h): {p}", "tmp-RL42xx"),
    (
        "Login details\n-------------\nPortal....: Seller Central\nUser......: orders@acme-toys.test\nPassword..: {p}\n",
        TOY,
    ),
    ("Seller Central login info below\nID orders@acme-toys.test\nPW {p}", TOY),
    (
        "SC login (sellercentral.amazon.com)\nEmail Address: orders@acme-toys.test\nPassword (case sensitive): {p}",
        TOY,
    ),
    ("Amazon seller account\tlogin\torders@acme-toys.test\tpassword\t{p}", TOY),
    ("if you need to get into seller central, pass: {p}, otp goes to my phone", TOY),
    ("You wanted my Amazon Seller password, which I don't like giving out, but here: {p}", TOY),
    ("Seller Central Passwort vergessen? Nein, es lautet {p}", TOY),
    ("Wir melden uns bei Seller Central mit der E-Mail orders@acme-toys.test und dem Passwort {p} an.", TOY),
    ("Bitte verwenden Sie für Seller Central das folgende Kennwort: {p}", TOY),
    ("Kennwort wurde auf {p} zurückgesetzt (Seller Central)", TOY),
    (
        "Anbei die Logindaten:\nAmazon Seller Central\nBenutzername / E-Mail: orders@acme-toys.test\nPasswort / PIN: {p}",
        TOY,
    ),
    ("Seller Central\nMail orders@acme-toys.test\nPwd {p}", TOY),
    ("Passwort Seller Central lautet jetzt wieder {p}.", TOY),
    ("Das Passwort ist leider nur {p}, bitte in Seller Central ändern", TOY),
    ("Mein Passwort bei Amazon Seller Central, falls ihr es braucht: {p}", TOY),
    ("wir haben bei sellercentral das pw {p} drin", TOY),
    ("Notre accès à Seller Central : utilisateur orders@acme-toys.test / mot de passe {p}", TOY),
    ("Le mot de passe que j'utilise pour Seller Central, c'est {p}", TOY),
    ("Seller Central – mot de passe provisoire : {p}", TOY),
    ("Je t'envoie le mdp de Seller Central : {p} (à ne pas partager)", TOY),
    ("Mot de passe (nouveau) pour Seller Central → {p}", TOY),
    ("Mi usuario en Seller Central es orders@acme-toys.test y mi contraseña es {p}", TOY),
    ("la contraseña nueva de Seller Central quedó así: {p}", TOY),
    ("Para Seller Central: usuario = orders@acme-toys.test, contraseña = {p}", TOY),
    ("Contraseña actual de Seller Central - {p}", TOY),
    ("Il mio utente su Seller Central è orders@acme-toys.test e la password è {p}", TOY),
    ("la password per Seller Central l'ho cambiata, adesso è {p}", TOY),
    ("Credenziali Seller Central\nutente: orders@acme-toys.test\npwd: {p}", TOY),
    ("セラーセントラルのアカウント情報\nログインID\u3000orders@acme-toys.test\nパスワード\u3000{p}", TOY),
    ("セラーセントラルのパスワードですが、{p} に変更しました", TOY),
    ("パスワードは{p}で、セラーセントラルにログインできます", TOY),
    ("ID：orders@acme-toys.test\u3000PASS：{p}\u3000（セラーセントラル）", TOY),
    ("新しいパスワード「{p}」でセラーセントラルにお入りください", TOY),
    ("卖家中心账号是orders@acme-toys.test，密码是{p}", TOY),
    ("亚马逊卖家中心的新密码：{p}，请保密", TOY),
    ("登录卖家中心的时候密码输入{p}就行", TOY),
    ("账号 orders@acme-toys.test 密码 {p} （亚马逊后台）", TOY),
    ("把卖家中心密码改为 {p} 了", TOY),
    ('{{"type":"message","text":"seller central login:\\norders@acme-toys.test\\n{p}"}}', TOY),
    (
        "Q: Seller Central login email\nA: orders@acme-toys.test\nQ: Seller Central login password\nA: {p}",
        TOY,
    ),
    ("customer>seller central password?\nagent> please don't\ncustomer> {p}", TOY),
    (
        "Name,Username,Password,URL\nSeller Central,orders@acme-toys.test,{p},https://sellercentral.amazon.com\n",
        TOY,
    ),
    (
        "name: Seller Central\nlogin_username: orders@acme-toys.test\nlogin_password: {p}\nlogin_uri: https://sellercentral.amazon.com",
        TOY,
    ),
    ("<tr><th>Seller Central</th><td>orders@acme-toys.test</td><td>{p}</td></tr>", TOY),
    ("||Seller Central||orders@acme-toys.test||{p}||", TOY),
    ("page.locator('#ap_password').fill('{p}'); // sellercentral", TOY),
    ('driver.find_element_by_id("ap_password").send_keys("{p}")', TOY),
    (
        "await page.type('input[name=password]', '{p}'); await page.goto('https://sellercentral.amazon.com')",
        TOY,
    ),
    ("AMAZON_SELLER_EMAIL=orders@acme-toys.test\nAMAZON_SELLER_PASSWORD={p}", TOY),
    ("amazon_seller_central:\n  username: orders@acme-toys.test\n  password: {p}", TOY),
    ("sc_login = {{'site': 'sellercentral', 'user': 'orders@acme-toys.test', 'pass': '{p}'}}", TOY),
    (
        "curl -d 'email=orders@acme-toys.test' -d 'password={p}' https://sellercentral.amazon.com/ap/signin",
        TOY,
    ),
    ("Vendor Central: orders@acme-toys.test / {p}", TOY),
    ("my amazon seller login is orders@acme-toys.test and {p} is the password", TOY),
    ("<div>Seller&nbsp;Central</div><div>Password:&nbsp;{p}</div>", TOY),
    ("Q1. Amazon account e-mail? orders@acme-toys.test\nQ2. Amazon account password? {p}\n", TOY),
    ("re: amazon\n\nlogin orders@acme-toys.test\npwd {p}\n", TOY),
    ("Seller Central -- u: orders@acme-toys.test -- p: {p}", TOY),
    ("Das neue lautet {p} (Passwort Seller Central)", TOY),
    ("Te paso la contraseña del Seller Central 👉 {p}", TOY),
    ("10/11/25, 10:01 - Ana: seller central pass?\n10/11/25, 10:02 - Luis: {p}", TOY),
    ("Jim  10:42 AM\nwhats the seller central password again?\nAna  10:43 AM\n{p}", TOY),
    ("Am 03.04.26 schrieb Dev:\n> wie ist das Passwort für Amazon?\n{p}\n", TOY),
    ("[03.04.26, 11:02] Chef: Amazon Passwort?\n[03.04.26, 11:04] Ich: {p}\n", TOY),
)
"""A third set of messages, written after the rules had seen the second."""

CALM = (
    "Hi, we moved to OAuth in 2024: please authorise the app in Seller Central under Apps & Services; no password is needed. Ticket KH-20241. Regards, Ann (ext. 4711)",
    "Ihr Passwort für Seller Central können Sie unter Einstellungen > Login-Einstellungen ändern. Artikel-Nr. 4711-A, Stand 12/2025.",
    "Seller Central sign-in failed for shop@kh-shop.test (error A-4411) at 2026-01-02T10:00:00Z, wrong password, IP 10.2.3.4",
    "Seller Central: password reset requested by shop@kh-shop.test\nRequest ID: 7f3a2b1c-1111-4222-8333-444455556666\nBrowser: Chrome 120.0.1\n",
    "shop@kh-shop.test wrote on 2026-01-02: Seller Central asks for a password with at least 12 characters incl. 1 upper-case",
    "Seller Central user shop@kh-shop.test, role Admin2, region EU-West1, since 2024Q3",
    "Passwords in Seller Central expire after 365days; see policy DPP-2024.06 section 1.4",
    "test('Seller Central password field', () => { expect(getByLabelText('Password')).toHaveAttribute('type', 'password'); });",
    '<label>Seller Central password</label><input type="password" name="sc_password" placeholder="min. 8 chars" id="pw1">',
    'seller_central:\n  username: "{{ sc_user }}"\n  password: "{{ sc_pass }}"\n',
    "SELLER_CENTRAL_PASSWORD=$(op read op://shop/sc/password)\n",
    "SELLER_CENTRAL_PASSWORD=\nSELLER_CENTRAL_USER=\n",
    "seller_central_password = getpass.getpass('Seller Central password: ')\n",
    "seller_central_password: str = Field(..., min_length=8)\n",
    "const sellerCentralPassword = req.body.password2;\n",
    "assert seller_central.password == settings.SC_PASSWORD_2\n",
    "Seller Central password: (unchanged)\n",
    "Seller Central password: ●●●●●●●●\n",
    "Seller Central password: *****123\n",
    "Seller Central / password manager entry #42\n",
    "Unser Passwort für Seller Central geben wir grundsätzlich nicht heraus (Art. 32 DSGVO, AZ 2024/17).",
    "Le mot de passe Seller Central ne doit jamais être communiqué (règle n°12, v2.1).",
    "La contraseña de Seller Central nunca se comparte, ver norma ISO27001:2022.",
    "セラーセントラルのパスワードは90日ごとに変更してください（ISO27001）。",
    "卖家中心密码每90天更换一次，见规定第12条（2024版）。",
    "Mit dem Passwort-Manager 1Password7 oder KeePass2 verwalten wir Seller Central.",
    "Clientsecret: see Vault path secret/data/spapi/prod#client_secret_v2",
    "refreshToken: 'Atzr|IwEBIA...', clientSecret: 'amzn1.oa2-cs.v1.1234567890asdfghjkl...', clientId: 'amzn1.application-oa2-client.asdfqwertyuiop...'",
    'ClientId = "amzn1.application-XXX-client.XXXXXXXXXXXXXXXXXXXXXXXXXXXX",\nClientSecret = "XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX",\nRefreshToken= "XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX"',
    "SELLING_PARTNER_APP_CLIENT_SECRET=<YOUR_APP_CLIENT_SECRET>\nrefresh_token:'<REFRESH_TOKEN>'\n",
    "| lwa_client_secret | LWA client secret | Yes | amzn1.oa2-cs.v1.… |",
    "My secret key does not work, SignatureDoesNotMatch, RequestId {uuid}, HostId {base64:75}=",
    "Our secret key was rotated in commit {hex:40} (build sha256:{hex:64})",
    "mein geheimer Schlüssel steht in der Datei /etc/keys/AmazonSecretAccessKeyProductionShop2",
    "the secret access key ends in ...{alnum:4}; the id is AKIA{base32:16}",
    "AWS secret key rotation: old key AKIA{base32:16}, new key AKIA{base32:16}, request {uuid}",
    "secret key hash (bcrypt): $2b$12${alnum:22}{alnum:31}",
    "secretAccessKey: arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/aws-{alnum:6}",
    "https://images-na.ssl-images-amazon.com/images/I/{alnum:11}._AC_SL1500_.jpg secret key ring",
    "s3://kh-secret-keys/exports/{uuid}/part-00000-{uuid}.c000.snappy.parquet",
    "aws secret key: see LastPass note 5512345678901234567",
    "Authorization: Bearer ${ACCESS_TOKEN}\nx-amz-access-token: ${LWA_TOKEN}\n",
    "amazon pay: merchantId A2EUQ1WTGCTBG2, storeId amzn1.application-oa2-client.{hex:32}, publicKeyId LIVE-{Alnum:24}",
    "checkoutSessionId {uuid} signature {base64:342}== amazon-pay",
)


def cases() -> Iterator[Case]:
    """Yield whole files and whole conversations, each also in other hands: quoted, added by a diff, in JSON."""
    for number, (name, form) in enumerate(FILES.items()):
        more = "{}" * (number + 2000)
        values = {
            "c": expand("amzn1.application-oa2-client.{hex:32}" + more),
            "o": expand("{hex:64}" + more),
            "s": expand("amzn1.oa2-cs.v1.{hex:64}" + more),
            "r": expand("Atzr|Iw{base64url:340}" + more),
            "i": expand("AKIA{base32:16}" + more),
            "k": expand("{base64:40}" + more),
            "m": expand("amzn.mws.{uuid}" + more),
            "t": expand("IQoJb3JpZ2lu{base64:400}" + more),
            "o2": expand("{hex:64}" + more + "{}"),
            "r2": expand("Atzr|Iw{base64url:340}" + more + "{}"),
            "code": "x",
        }
        values["q"] = values["r"].replace("|", "%7C")
        wanted = tuple(
            value
            for letter, value in values.items()
            if letter in ("o", "s", "r", "k", "m", "t", "o2", "r2") and "{" + letter + "}" in form
        )
        wanted += (values["r"],) if "{q}" in form else ()
        text = form.format(**values)
        yield f"file {name}", text + "\n", wanted
        yield (
            f"file {name}, in a message",
            json.dumps({"text": "I get 403 with this, why?\n```\n" + text + "\n```"}),
            wanted,
        )
        yield f"file {name}, quoted", "".join(f"> {line}\n" for line in text.split("\n")), wanted
        yield f"file {name}, added", "".join(f"+{line}\n" for line in text.split("\n")), wanted
    for number, (form, password) in enumerate((*TALKS, *MORE)):
        text = form.format(p=password)
        yield f"talk {number} {form[:60]!r}", text, (password,)
        yield f"talk {number}, json {form[:60]!r}", json.dumps({"body": text}), (password,)


def calm() -> Iterator[tuple[str, str]]:
    """Yield what holds nothing to tell."""
    for number, template in enumerate(CALM):
        yield f"calm {number}: {template}", expand(template) + "\n"
        yield f"calm {number} in json: {template}", json.dumps({"text": expand(template)})
