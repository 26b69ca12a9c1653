"""
Cases of the Amazon family that are no names and values: headers, addresses, queues, positional arguments, broken lines.

All values are expanded from templates, so the same case is the same text always.
"""

# ruff: noqa: E501, RUF001 - a case is a line, in seven languages

import base64
import json
import quopri
import textwrap
from collections.abc import Iterator
from urllib.parse import quote

from keywatch.detect.examples import expand

Case = tuple[str, str, tuple[str, ...]]
"""A name, the text, and the secrets to be found in it."""

ID, KEY, OLD = "AKIA{base32:16}", "{base64:40}", "{hex:64}"
CLIENT, SECRET = "amzn1.application-oa2-client.{hex:32}", "amzn1.oa2-cs.v1.{hex:64}"
REFRESH, ACCESS, RESTRICTED = "Atzr|Iw{base64url:300}", "Atza|Iw{base64url:300}", "Atz.sprdt|Iw{base64url:200}"
MWS = "amzn.mws.{uuid}"
SESSION = "IQoJb3JpZ2lu{base64:400}"
TOKENS = {"refresh": REFRESH, "access": ACCESS, "restricted": RESTRICTED, "secret": SECRET}


def cases() -> Iterator[Case]:
    """Yield every case."""
    yield from _positional()
    yield from _tokens_in_text()
    yield from _escaped()
    yield from _wrapped()
    yield from _concatenated()
    yield from _headers()
    yield from _addresses()
    yield from _queues()
    yield from _sessions()
    yield from _files()
    yield from _sections()
    yield from _unmarked()
    yield from _pay()
    yield from _mws()


def _positional() -> Iterator[Case]:
    for number, form in enumerate(
        (
            'new BasicAWSCredentials("{i}", "{k}")',
            "new AWSCredentials('{i}','{k}')",
            'AwsBasicCredentials.create(\n    "{i}",\n    "{k}"\n)',
            'credentials.NewStaticCredentials("{i}", "{k}", "")',
            'aws.Credentials{{"{i}", "{k}", "", "s"}}',
            "Aws::Credentials.new('{i}', '{k}')",
            'boto3.client("s3", "eu-west-1", None, True, None, None, "{i}", "{k}")',
            "boto.connect_s3('{i}', '{k}')",
            'MWS("{i}", "{k}", "A1B2C3D4E5F6G7")',
            "S3Connection('{i}','{k}')",
            'AmazonS3Client("{i}", "{k}", RegionEndpoint.EUWest1)',
            'Credentials::new("{i}", "{k}", None, None, "x")',
            'new MarketplaceWebServiceClient("{i}", "{k}", "app", "1.0", config)',
            "new Client($a, '{i}', '{k}')",
            'keys = ("{i}", "{k}")',
            "keys = ['{k}', '{i}']",
            'credentials: ["{i}", "{k}"]',
            "{i}:{k}",
            "{i},{k}",
            "{i};{k}",
            "{i}\t{k}",
            "{i} {k}",
            "{i} / {k}",
            "{i}\n{k}",
            "{i}|{k}",
            "bucket:{i}:{k}",
            "  - {i}\n  - {k}",
            "* {i}\n* {k}",
            "> {i}\n> {k}",
            "<td>{i}</td><td>{k}</td>",
            "curl --user {i}:{k} --aws-sigv4 aws:amz:us-east-1:s3 https://x.test",
            "curl -u '{i}:{k}' https://x.test",
            "aws configure <<< $'{i}\\n{k}\\neu-west-1\\njson'",
            "AWS Access Key ID [None]: {i}\nAWS Secret Access Key [None]: {k}\n",
            "s3cmd --access_key={i} --secret_key={k} ls",
            "rclone config create x s3 access_key_id {i} secret_access_key {k}",
            "mc alias set x https://s3.test {i} {k}",
            "restic: id {i} pass {k}",
            "open s3://{i}:{kq}@bucket/prefix",
            "jdbc:awsathena://AwsRegion=us-east-1;UID={i};PWD={k};S3OutputLocation=s3://x",
            "jdbc:redshift:iam://x.test/db?AccessKeyID={i}&SecretAccessKey={kq}",
            "COPY t FROM 's3://b/k' CREDENTIALS 'aws_access_key_id={i};aws_secret_access_key={k}' CSV;",
            "CREATE STAGE s URL='s3://b' CREDENTIALS=(AWS_KEY_ID='{i}' AWS_SECRET_KEY='{k}');",
            "s3a://{i}:{kq}@bucket/path",
            "sqs://{i}:{kq}@",
            "SET s3_access_key_id='{i}'; SET s3_secret_access_key='{k}';",
            "spark.hadoop.fs.s3a.access.key {i}\nspark.hadoop.fs.s3a.secret.key {k}",
            "my key is {i} and the other one is {k}",
            "Schlüssel-ID {i}, dazu gehört {k}.",
            "アクセスキーは{i}、シークレットは{k}です",
            "访问密钥ID：{i}，密码：{k}。",
            "Login: {i} Passwort: {k}",
            "user={i}&pass={kq}",
            '{{"k":"{i}","s":"{k}"}}',
            "{{k: {i}, s: {k}}}",
            "$ export A={i} B={k}",
        )
    ):
        key_id, key = expand(ID + "{}" * number), expand(KEY + "{}" * number)
        yield f"pair {number}: {form}", form.format(i=key_id, k=key, kq=quote(key, safe="")), (key,)


def _tokens_in_text() -> Iterator[Case]:
    for name, template in TOKENS.items():
        for number, form in enumerate(
            (
                "{}",
                "token: {}",
                '"{}"',
                "({})",
                "[{}]",
                "<{}>",
                "`{}`",
                "**{}**",
                "„{}“",
                "「{}」",
                "トークンは{}です",
                "令牌是{}。",
                "failed for {}, retrying",
                "failed for {}.",
                "a={};b=1",
                "x{{{}}}",
                "Bearer {}",
                "{}\r\n",
                "{}\\n",
                "key_{}",
                "set:{}:x",
                "/tokens/{}/x",
                "1,{},2",
                "&quot;{}&quot;",
                "=3D{}",
                "%22{}%22",
                '\\"{}\\"',
                "\x1b[32m{}\x1b[0m",
                "\x00{}\x00",
            )
        ):
            value = expand(template + "{}" * number)
            yield f"{name} in {form!r}", "Hello\n" + form.format(value) + "\nworld", (value,)


def _escaped() -> Iterator[Case]:
    for name, template in list(TOKENS.items())[:3]:
        for number, bar in enumerate(
            (
                "%7C",
                "%7c",
                "\\u007c",
                "\\u007C",
                "\\\\u007c",
                "%257C",
                "&#124;",
                "&#x7c;",
                "&vert;",
                "\\x7c",
                "\\|",
                "=7C",
            )
        ):
            value = expand(template + "{}" * (number + 40))
            yield f"{name} with {bar}", "refresh_token=" + value.replace("|", bar) + "&a=1", (value,)
        value = expand(template + "{}" * 60)
        yield f"{name}, json in json", json.dumps({"a": json.dumps({"b": value})}).replace("|", "\\u007c"), (value,)
        yield f"{name}, base64", "body: " + base64.b64encode(f'{{"token":"{value}"}}'.encode()).decode(), (value,)
        yield (
            f"{name}, gzip-like url",
            "https://x.test/cb?d=" + quote(quote(f"token={value}", safe=""), safe=""),
            (value,),
        )
        yield f"{name}, utf-16", f"token={value}\r\n".encode("utf-16-le").decode("latin-1"), (value,)


def _wrapped() -> Iterator[Case]:
    """Lines broken by mail programs, terminals, YAML and shells."""
    wraps = {
        "soft": (76, "=\n", 1),
        "soft crlf": (76, "=\r\n", 1),
        "flowed": (72, " \n", 0),
        "plain": (72, "\n", 0),
        "quoted": (70, "\n> ", 0),
        "twice quoted": (68, "\n>> ", 0),
        "indented": (64, "\n    ", 0),
        "commented": (66, "\n# ", 0),
        "slashes": (66, "\n// ", 0),
        "shell": (70, "\\\n", 0),
        "narrow": (60, "\n", 0),
        "soft quoted": (70, "=\n> ", 0),
        "table": (60, "\n| ", 0),
        "tab": (70, "\n\t", 0),
        "log": (76, "\n  | ", 0),
    }
    for name, template in TOKENS.items():
        for kind, (width, end, less) in wraps.items():
            value = expand(template + "{}" * (70 + width))
            text = f"{name}: {value}"
            lines = [text[start : start + width - less] for start in range(0, len(text), width - less)]
            yield f"{name} wrapped, {kind}", "Hi,\n" + end.join(lines) + "\n\nThanks\n", (value,)
        value = expand(template + "{}" * 90)
        yield (
            f"{name} folded",
            "token: >-\n  " + "\n  ".join(textwrap.wrap(value, 80, break_on_hyphens=False)) + "\nb: 1\n",
            (value,),
        )
        yield (
            f"{name} double-quoted yaml",
            'token: "' + "\\\n  ".join(textwrap.wrap(value, 70, break_on_hyphens=False)) + '"\n',
            (value,),
        )
        yield (
            f"{name} soft mail",
            quopri.encodestring(f"Grüße, hier der Token: {value} danke".encode()).decode(),
            (value,),
        )
    for number, end in enumerate(("=\n", "=\r\n", "=\n> ")):
        key = expand(KEY + "{}" * (90 + number))
        for at in (1, 7, 20, 33, 39):
            yield (
                f"key wrapped at {at} by {end!r}",
                f"Here is my AWS secret access key: {key[:at]}{end}{key[at:]} thanks\n",
                (key,),
            )
    for at in (1, 30, 63):
        old = expand(OLD + "{}" * at)
        yield f"old secret wrapped at {at}", f"my LWA client secret: {old[:at]}=\n{old[at:]}\n", (old,)


def _concatenated() -> Iterator[Case]:
    joints = {
        "python": '"\n    "',
        "plus": '" + "',
        "plus end": '" +\n    "',
        "plus start": '"\n    + "',
        "php": "' . '",
        "php end": "' .\n  '",
        "lua": '" .. "',
        "vb": '" & "',
        "vb line": '" & _\n    "',
        "perl": "' .\n    '",
        "backslash": '" \\\n    "',
        "elixir": '" <> "',
        "haskell": '" ++ "',
        "sql": "' || '",
        "c": '"\n"',
        "sh": '""',
        "r comma": None,
        "js template": "` + `",
        "f": '" f"',
        "cmake": '" "',
    }
    for joint, text in joints.items():
        if text is None:
            continue
        quote_ = text[0]
        for name, template, label in (
            ("key", KEY, "aws_secret_access_key"),
            ("refresh", REFRESH, "refresh_token"),
            ("secret", SECRET, "client_secret"),
            ("old", OLD, "lwa_client_secret"),
        ):
            if name == "refresh" and joint in ("sh", "f", "cmake"):
                continue  # two strings side by side are one for a few languages only; a token has no fixed length
            value = expand(template + "{}" * (100 + len(joint)))
            third = len(value) // 3
            whole = text.join((value[:third], value[third : 2 * third], value[2 * third :]))
            yield f"{name} joined, {joint}", f"{label} = {quote_}{whole}{quote_}\n", (value,)
    for number, form in enumerate(
        (
            'key = "{i}"\nsecret = "{a}" + "{b}"\n',
            "$id='{i}'; $secret='{a}'.'{b}';",
            "const id = '{i}', secret = '{a}' +\n  '{b}';",
        )
    ):
        key_id, key = expand(ID + "{}" * (150 + number)), expand(KEY + "{}" * (150 + number))
        yield f"bare secret joined, {number}", form.format(i=key_id, a=key[:20], b=key[20:]), (key,)
    key = expand(KEY + "{}" * 140)
    yield "key joined by a call", f'secret_key = "".join(["{key[:18]}", "{key[18:]}"])\n', (key,)


def _headers() -> Iterator[Case]:
    for number, form in enumerate(
        (
            "x-amz-access-token: {}\r\nhost: x.test\r\n",
            '-H "x-amz-access-token: {}"',
            "> x-amz-access-token: {}\n> accept: */*",
            '{{"name": "x-amz-access-token", "value": "{}"}}',
            '{{"key":"X-Amz-Access-Token","value":"{}","type":"text"}}',
            '10.0.0.1 - - [01/Jan/2026:10:00:00 +0000] "GET / HTTP/1.1" 200 5 "-" "c" "{}"',
            '[2026-01-01T10:00:00Z] "GET /orders HTTP/2" 200 - x-amz-access-token={} upstream=1',
            "headers={{'x-amz-access-token': '{}', 'user-agent': 'a'}}",
            "x-amz-access-token=[{}]",
            "reply: Authorization: Bearer {}",
            "DEBUG urllib3 send: b'GET / HTTP/1.1\\r\\nx-amz-access-token: {}\\r\\n\\r\\n'",
            "[x-amz-access-token:{} host:x.test]",
            'set req.http.x-amz-access-token = "{}";',
            "x-amz-access-token {} (redact me)",
            "headers: {{\n  'x-amz-access-token':\n   '{}',\n}}",
        )
    ):
        value = expand(ACCESS + "{}" * (200 + number))
        yield f"header {number}", form.format(value), (value,)
    key_id, key = expand(ID + "{}{}"), expand(KEY + "{}{}")
    signature = expand("{hex:64}")
    yield (
        "signed request with its key",
        f"Authorization: AWS4-HMAC-SHA256 Credential={key_id}/20260101/us-east-1/execute-api/aws4_request, SignedHeaders=host, Signature={signature}\nsecret used: {key}\n",
        (key,),
    )
    for number, form in enumerate(
        (
            "Authorization: AWS4-HMAC-SHA256 Credential={}, SignedHeaders=host;x-amz-date, Signature={}",
            "{{'Authorization': 'AWS4-HMAC-SHA256 Credential={}, SignedHeaders=host;x-amz-security-token, Signature={}'}}",
            '"authorization":["AWS4-HMAC-SHA256 Credential={},SignedHeaders=host,Signature={}"]',
            "-H 'Authorization: AWS4-HMAC-SHA256 Credential={}, SignedHeaders=host, Signature={}' \\",
            "DEBUG:urllib3: b'authorization: AWS4-HMAC-SHA256 Credential={}, SignedHeaders=host, Signature={}\\r\\n'",
        )
    ):
        scope = expand(ID + "{}" * (3 + number)) + "/20260101/eu-west-1/execute-api/aws4_request"
        yield f"signed request {number}", form.format(scope, signature), (scope,)
    token = expand(SESSION + "{}")
    yield (
        "security token header",
        f"X-Amz-Security-Token: {token}\r\nAuthorization: AWS4-HMAC-SHA256 Credential=x",
        (token,),
    )


def _addresses() -> Iterator[Case]:
    for number, form in enumerate(
        (
            "https://shop.test/cb?spapi_oauth_code={}&state=1&selling_partner_id=A2ZZ",
            "GET /cb?state=1&selling_partner_id=A2&spapi_oauth_code={} HTTP/1.1",
            '"queryString":[{{"name":"spapi_oauth_code","value":"{}"}}]',
            "redirect%3Fspapi_oauth_code%3D{}%26state%3D1",
            '{{"spapi_oauth_code": "{}"}}',
            'Parameters: {{"spapi_oauth_code"=>"{}", "state"=>"x"}}',
            "params: {{ spapi_oauth_code: '{}' }}",
            "spapi_oauth_code={}",
            "spapi_oauth_code: {}",
            "[spapi_oauth_code] => {}",
            "{{'spapi_oauth_code': ['{}'], 'state': ['1']}}",
            "&amp;spapi_oauth_code={}&amp;mws_auth_token=",
            "Referer: https://shop.test/cb?spapi_oauth_code={}",
            "grant_type=authorization_code&code={}&client_id=amzn1.application-oa2-client.0123456789abcdef0123456789abcdef",
        )
    ):
        code = expand("AN{alnum:18}" + "{}" * number)
        yield f"code {number}", form.format(code), (code,)


def _queues() -> Iterator[Case]:
    secret, client = expand(SECRET + "{}" * 300), expand(CLIENT + "{}" * 300)
    event = {
        "notificationVersion": "1.0",
        "notificationType": "APPLICATION_OAUTH_CLIENT_NEW_SECRET",
        "payload": {
            "applicationOAuthClientNewSecret": {
                "clientId": client,
                "newClientSecret": secret,
                "newClientSecretExpiryTime": "2026-08-01T00:00:00.000Z",
            }
        },
    }
    plain = json.dumps(event)
    message = json.dumps({"Messages": [{"MessageId": "1", "Body": plain}]})
    topic = json.dumps({"Type": "Notification", "Message": plain})
    for name, text in {
        "raw": plain,
        "indented": json.dumps(event, indent=2),
        "message": message,
        "records": json.dumps({"Records": [{"body": plain}]}),
        "topic": topic,
        "topic in queue": json.dumps({"Records": [{"body": topic}]}),
        "logged": f"2026-01-01T00:00:00Z INFO got SQSEvent(records=[SQSMessage(body={plain})])",
        "python": repr({"Body": plain}),
        "python dict": repr(event),
        "go": f'level=info msg="{plain}"'.replace('"', '\\"'),
        "base64": "data: " + base64.b64encode(plain.encode()).decode(),
        "twice": json.dumps({"message": message}),
        "log group": "1767225600000\t" + json.dumps({"logEvents": [{"message": topic}]}),
        "url": "Action=SendMessage&MessageBody=" + quote(plain, safe=""),
        "xml": "<Message><Body>" + plain.replace('"', "&quot;") + "</Body></Message>",
        "java": f"NewSecret(clientId={client}, newClientSecret={secret})",
    }.items():
        yield f"queue, {name}", text, (secret,)
        old = expand(OLD + "{}" * len(name))
        if secret in text:
            yield f"queue, old form, {name}", text.replace(secret, old), (old,)


def _sessions() -> Iterator[Case]:
    for number, start in enumerate(("IQoJb3JpZ2lu", "FwoGZXIvYXdz", "FQoGZXIvYXdz", "AQoDYXdz")):
        for kind, form in enumerate(
            (
                "aws_session_token = {}",
                "AWS_SESSION_TOKEN={}",
                '"SessionToken": "{}"',
                "<SessionToken>{}</SessionToken>",
                "sessionToken: '{}',",
                'export AWS_SECURITY_TOKEN="{}"',
                "X-Amz-Security-Token={}&X-Amz-Date=1",
                "Temporary token: {}",
            )
        ):
            token = expand(start + "{base64:400}" + "{}" * (number + kind)) + "=="
            written = quote(token, safe="") if "&" in form else token
            yield f"session {number} {kind}", form.format(written), (token,)
    key_id, key, token = expand("ASIA{base32:16}"), expand(KEY + "{}" * 500), expand(SESSION + "{}" * 500)
    credentials = {"AccessKeyId": key_id, "SecretAccessKey": key, "SessionToken": token, "Expiration": "2026-01-01"}
    yield "assumed role", json.dumps({"Credentials": credentials, "AssumedRoleUser": {"Arn": "a"}}), (key, token)
    yield "assumed role, indented", json.dumps({"Credentials": credentials}, indent=4), (key, token)
    yield "assumed role, text", f"CREDENTIALS\t{key_id}\t2026-01-01T00:00:00Z\t{key}\t{token}\n", (key, token)
    yield "assumed role, python", repr({"Credentials": credentials}), (key, token)


def _files() -> Iterator[Case]:
    """Files of programs that hold a pair under names of their own."""
    for number, (name, form) in enumerate(
        {
            "rclone": "[s3]\ntype = s3\nprovider = AWS\naccess_key_id = {i}\nsecret_access_key = {k}\nregion = eu\n",
            "s3cfg": "[default]\naccess_key = {i}\nbucket_location = US\nsecret_key = {k}\nuse_https = True\n",
            "boto": "[Credentials]\naws_access_key_id = {i}\naws_secret_access_key = {k}\n",
            "passwd-s3fs": "bucket:{i}:{k}\n",
            "credentials": "[a]\naws_access_key_id={i}\naws_secret_access_key={k}\naws_session_token=\n",
            "winscp": "[Sessions\\s3]\nHostName=s3.amazonaws.com\nUserName={i}\nPassword={k}\n",
            "cyberduck": "<dict><key>Username</key><string>{i}</string><key>Password</key><string>{k}</string></dict>",
            "fluentd": "<match **>\n  @type s3\n  aws_key_id {i}\n  aws_sec_key {k}\n  s3_bucket x\n</match>",
            "logstash": 'output {{ s3 {{ access_key_id => "{i}" secret_access_key => "{k}" bucket => "x" }} }}',
            "paperclip": "production:\n  access_key_id: {i}\n  secret_access_key: {k}\n",
            "laravel": "AWS_ACCESS_KEY_ID={i}\nAWS_SECRET_ACCESS_KEY={k}\nAWS_DEFAULT_REGION=us-east-1\n",
            "wordpress": "define( 'AS3CF_SETTINGS', serialize( array( 'provider' => 'aws', 'access-key-id' => '{i}', 'secret-access-key' => '{k}', ) ) );",
            "django": "AWS_ACCESS_KEY_ID = '{i}'\nAWS_SECRET_ACCESS_KEY = '{k}'\nAWS_STORAGE_BUCKET_NAME = 'x'\n",
            "terraform": 'provider "aws" {{\n  region = "eu"\n  access_key = "{i}"\n  secret_key = "{k}"\n}}',
            "packer": '{{"builders": [{{"type": "amazon-ebs", "access_key": "{i}", "secret_key": "{k}"}}]}}',
            "vagrant": 'aws.access_key_id = "{i}"\naws.secret_access_key = "{k}"\n',
            "knife": 'knife[:aws_access_key_id] = "{i}"\nknife[:aws_secret_access_key] = "{k}"\n',
            "composer": "mailer: ses+api://{i}:{kq}@default?region=eu-west-1\n",
            "magento": "<amazon><access_key>{i}</access_key><secret_key>{k}</secret_key></amazon>",
            "phpAmazonMWS": "$store['x']['keyId'] = '{i}';\n$store['x']['secretKey'] = '{k}';\n",
            "meertensm": "'Access_Key_ID' => '{i}',\n'Secret_Access_Key' => '{k}',\n",
            "iam csv": "Access key ID,Secret access key\n{i},{k}\n",
            "iam csv bom": "\ufeffAccess key ID,Secret access key\r\n{i},{k}\r\n",
            "create-access-key": '{{\n "AccessKey": {{\n  "UserName": "a",\n  "AccessKeyId": "{i}",\n  "Status": "Active",\n  "SecretAccessKey": "{k}"\n }}\n}}',
            "create-access-key table": "|  AccessKeyId     |  {i}  |\n|  CreateDate      |  2026-01-01  |\n|  SecretAccessKey |  {k}  |\n",
            "create-access-key text": "ACCESSKEY\t{i}\t2026-01-01T00:00:00Z\t{k}\tActive\ta\n",
            "tfstate": '{{"attributes": {{"create_date": "x", "encrypted_secret": null, "id": "{i}", "key_fingerprint": null, "pgp_key": null, "secret": "{k}", "status": "Active", "user": "a"}}}}',
            "tfstate lines": '"id": "{i}",\n"key_fingerprint": null,\n"pgp_key": null,\n"secret": "{k}",\n"ses_smtp_password": "x",\n"status": "Active",\n',
            "athena odbc": "Driver=x;AuthenticationType=IAM Credentials;UID={i};PWD={k};",
            "insomnia": '{{"name": "env", "data": {{"accessKey": "{i}", "secretKey": "{k}"}}}}',
            "postman auth": '"awsv4": [{{"key": "secretKey","value": "{k}","type": "string"}},{{"key": "accessKey","value": "{i}","type": "string"}}]',
        }.items()
    ):
        key_id, key = expand(ID + "{}" * (600 + number)), expand(KEY + "{}" * (600 + number))
        yield f"file of {name}", form.format(i=key_id, k=key, kq=quote(key, safe="")), (key,)


def _sections() -> Iterator[Case]:
    """A key whose name is nothing without the name of the section it stands in."""
    for number, form in enumerate(
        (
            "aws:\n  credentials:\n    secret: {k}\n",
            "aws:\n  region: eu-west-1\n  bucket: shop\n  secret: '{k}'\n",
            "[s3]\nbucket = shop\nsecret = {k}\n",
            '"aws": {{"region": "eu-west-1", "secret": "{k}"}}',
            "'s3' => [\n  'region' => 'eu',\n  'secret' => '{k}',\n]",
            'aws {{\n  secret = "{k}"\n}}\n',
        )
    ):
        key = expand(KEY + "{}" * (900 + number))
        yield f"section {number}", form.format(k=key), (key,)


def _unmarked() -> Iterator[Case]:
    """A token without the beginning that tokens have, under the name that the interface has for it."""
    for number, form in enumerate(
        (
            '{{"restrictedDataToken": "{t}", "expiresIn": 3600}}',
            "x-amz-access-token: {t}\n",
            "-H 'x-amz-access-token: {t}' https://sellingpartnerapi-eu.amazon.com/",
            "{{ 'x-amz-access-token': '{t}' }}",
            "RestrictedDataToken={t}",
        )
    ):
        token = expand("{base64url:280}" + "{}" * number)
        yield f"unmarked {number}", form.format(t=token), (token,)


def _pay() -> Iterator[Case]:
    body = expand("{base64:64}\n" * 24).strip()
    for number, kind in enumerate(("RSA PRIVATE KEY", "PRIVATE KEY")):
        pem = f"-----BEGIN {kind}-----\n{body}\n-----END {kind}-----"
        one = pem.replace("\n", "\\n")
        indented = pem.replace("\n", "\n  ")
        public = expand("{Alnum:24}")
        for name, text, written in (
            ("php", f"'public_key_id' => 'SANDBOX-{public}',\n'private_key' => '{pem}',\n'sandbox' => true,", pem),
            ("json", json.dumps({"publicKeyId": f"LIVE-{public}", "privateKey": pem}), one),
            ("env", f'AMAZON_PAY_PUBLIC_KEY_ID=LIVE-{public}\nAMAZON_PAY_PRIVATE_KEY="{one}"\n', one),
            ("yaml", f"public_key_id: SANDBOX-{public}\nprivate_key: |\n  {indented}\n", indented),
            ("js", f"privateKey: `{pem}`", pem),
        ):
            yield f"pay {number} {name}", text, (written,)


def _mws() -> Iterator[Case]:
    for number, form in enumerate(
        (
            "MWSAuthToken=amzn&AWSAccessKeyId=x&MWSAuthToken={}&SellerId=A2",
            '"MWSAuthToken": "{}"',
            "auth token: {}.",
            "https://mws.amazonservices.com/?MWSAuthToken={}&Action=x",
            "token {}, thanks",
            "&mws_auth_token={}&state=1",
            "Mein MWS-Token ist {}!",
            "トークン{}です",
        )
    ):
        token = expand(MWS + "{}" * number)
        yield f"mws {number}", form.format(token), (token,)
