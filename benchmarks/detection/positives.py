"""Cases in which a person would want to be told: an issuer's value x the ways in which people write it down."""

import base64
import json
from collections.abc import Callable, Iterator
from urllib.parse import quote

from benchmarks.detection.values import ALNUM, HEX, Values

Case = tuple[str, str, str]
"""Family, file name, content."""

_CONTAINERS: dict[str, Callable[[str, str], tuple[str, str]]] = {
    "env": lambda name, value: (".env", f"{name}={value}\n"),
    "export": lambda name, value: ("run.sh", f'#!/bin/sh\nexport {name}="{value}"\n'),
    "docker": lambda name, value: ("Dockerfile", f"FROM scratch\nENV {name} {value}\n"),
    "yaml": lambda name, value: ("config.yaml", f"service:\n  {name.lower()}: {value}\n"),
    "kubernetes": lambda name, value: ("deploy.yaml", f"env:\n  - name: {name}\n    value: {json.dumps(value)}\n"),
    "json": lambda name, value: ("config.json", json.dumps({"settings": {camel(name): value}}, indent=2)),
    "json-pairs": lambda name, value: ("task.json", json.dumps({"environment": [{"name": name, "value": value}]})),
    "properties": lambda name, value: ("app.properties", f"{name.lower().replace('_', '.')} = {value}\n"),
    "ini": lambda name, value: ("credentials", f"[default]\n{name.lower()} = {value}\n"),
    "toml": lambda name, value: ("settings.toml", f'[amazon]\n{name.lower()} = "{value}"\n'),
    "terraform": lambda name, value: ("main.tf", f'variable "x" {{}}\nlocals {{\n  {name.lower()} = "{value}"\n}}\n'),
    "python": lambda name, value: ("client.py", f"def connect():\n    {name.lower()} = '{value}'\n    return 1\n"),
    "python-dict": lambda name, value: ("client.py", f"credentials = {{'{name.lower()}': '{value}'}}\n"),
    "php": lambda name, value: ("config.php", f"<?php return ['{camel(name)}' => '{value}'];\n"),
    "java": lambda name, value: ("App.java", f'class App {{ static String {camel(name)} = "{value}"; }}\n'),
    "csharp": lambda name, value: ("App.cs", f'var c = new Credential {{ {camel(name)} = "{value}" }};\n'),
    "go": lambda name, value: ("main.go", f'package main\nvar {camel(name)} = "{value}"\n'),
    "javascript": lambda name, value: ("app.config.mjs", f"export default {{ {camel(name)}: `{value}` }};\n"),
    "xml": lambda name, value: ("app.xml", f"<config><{camel(name)}>{value}</{camel(name)}></config>\n"),
    "csv": lambda name, value: ("keys.csv", f"owner,{name.lower()}\norders,{value}\n"),
    "url": lambda name, value: ("access.log", f'GET /cb?{name.lower()}={quote(value, safe="")}&x=1 HTTP/1.1" 200\n'),
    "log": lambda name, value: ("app.log", f"2026-11-01 12:00:00 INFO using {name.lower()}={value} for request\n"),
    "shell": lambda name, value: (".bash_history", f"ls\n./tool --{name.lower().replace('_', '-')} {value}\n"),
    "history": lambda name, value: (".zsh_history", f": 1699999999:0;export {name}={value}\n: 1700000007:0;ls\n"),
    "fish": lambda name, value: ("config.fish", f"set -gx {name} {value}\n"),
    "powershell": lambda name, value: ("run.ps1", f'$env:{name} = "{value}"\n'),
    "setx": lambda name, value: ("setup.bat", f"setx {name} {value} /M\r\n"),
    "actions": lambda name, value: ("workflow.yml", f"    env:\n      {name}: {value}\n"),
    "kubernetes-secret": lambda name, value: (
        "secret.yaml",
        f"apiVersion: v1\nkind: Secret\ndata:\n  {name}: {base64.b64encode(value.encode()).decode()}\n",
    ),
    "json-in-json": lambda name, value: ("sqs.json", json.dumps({"Body": json.dumps({camel(name): value})})),
    "json-escaped": lambda name, value: (
        "appsettings.json",
        json.dumps({camel(name): value}).replace("+", "\\u002B").replace("/", "\\u002F").replace("|", "\\u007C"),
    ),
    "postman": lambda name, value: ("api.json", json.dumps([{"key": name.lower(), "value": value, "type": "text"}])),
    "plist": lambda name, value: (
        "Info.plist",
        f"<dict>\n\t<key>{camel(name)}</key>\n\t<string>{value}</string>\n</dict>\n",
    ),
    "form": lambda name, value: ("form.html", f'<input type="text" name="{name.lower()}" value="{value}">\n'),
    "markdown": lambda name, value: ("notes.md", f"| Name | Value |\n|---|---|\n| `{name}` | `{value}` |\n"),
    "two-strings": lambda name, value: ("app.js", f"const {camel(name)} = '{value[:18]}' +\n  '{value[18:]}';\n"),
    "macro": lambda name, value: ("main.rs", f'let {name.lower()} = concat!("{value[:18]}", "{value[18:]}");\n'),
    "continued": lambda name, value: ("run.sh", f"{name}={value[:20]}\\\n{value[20:]}\n"),
    "painted": lambda name, value: ("build.log", f"\x1b[32m{name}\x1b[0m=\x1b[33m{value}\x1b[0m\n"),
    "utf-8-bom": lambda name, value: ("keys.csv", f"\ufeffowner;{name.lower()}\r\norders;{value}\r\n"),
}


def camel(name: str) -> str:
    """Return `LWA_CLIENT_SECRET` as `lwaClientSecret`."""
    first, *others = name.lower().split("_")
    return first + "".join(word.capitalize() for word in others)


def positives(values: Values, rounds: int) -> Iterator[Case]:
    """Yield `rounds` of every combination, each with values of its own."""
    for _ in range(rounds):
        yield from _contained(values)
        yield from _pairs(values)
        yield from _bare(values)
        yield from _people(values)
        yield from _issuers(values)
        yield from _generic(values)


def _contained(values: Values) -> Iterator[Case]:
    kinds: dict[str, tuple[Callable[[], str], tuple[str, ...]]] = {
        "aws secret alone": (values.aws_secret, ("AWS_SECRET_ACCESS_KEY", "SP_API_SECRET_KEY")),
        "lwa client secret": (values.client_secret, ("LWA_CLIENT_SECRET", "SELLING_PARTNER_APP_CLIENT_SECRET")),
        "lwa client secret, old": (values.old_client_secret, ("LWA_CLIENT_SECRET", "SPAPI_CLIENT_SECRET")),
        "refresh token": (values.refresh_token, ("SP_API_REFRESH_TOKEN", "REFRESH_TOKEN")),
        "mws token": (values.mws_token, ("MWS_AUTH_TOKEN",)),
        "mws secret": (values.aws_secret, ("MWS_SECRET_KEY",)),
    }
    for family, (make, names) in kinds.items():
        for container in _CONTAINERS.values():
            yield (family, *container(values.pick(*names), make()))


def _pairs(values: Values) -> Iterator[Case]:
    def pair() -> tuple[str, str]:
        return values.key_id(), values.aws_secret()

    family = "aws pair"
    key, secret = pair()
    yield family, "credentials", f"[default]\naws_access_key_id = {key}\naws_secret_access_key = {secret}\n"
    key, secret = pair()
    yield family, "App.java", f'new BasicAWSCredentials("{key}", "{secret}");\n'
    key, secret = pair()
    yield family, "accessKeys.csv", f"Access key ID,Secret access key\n{key},{secret}\n"
    key, secret = pair()
    yield family, "body.json", json.dumps({"SecretAccessKey": secret, "AccessKeyId": key, "Status": "Active"})
    key, secret = pair()
    yield family, "notes.md", f"# Access\n\n- key: `{key}`\n- secret: `{secret}`\n"
    key, secret = pair()
    yield family, "form.log", f"POST body AWSAccessKeyId={key}&SecretKey={quote(secret, safe='')}\n"
    key, secret = pair()
    yield family, "app.xml", f"<key>{key}</key>\n<secret>{secret}</secret>\n"


def _bare(values: Values) -> Iterator[Case]:
    yield "lwa client secret", "app.log", f"exchange failed for {values.client_secret()} (401)\n"
    yield "refresh token", "app.log", f"token {values.refresh_token()} was refused\n"
    yield (
        "refresh token, encoded",
        "body.log",
        "grant_type=refresh_token&refresh_token=" + values.refresh_token().replace("|", "%7C"),
    )
    yield (
        "refresh token, encoded",
        "dump.json",
        '{"refresh_token":"' + values.refresh_token().replace("|", "\\u007c") + '"}',
    )
    yield "access token", "headers.log", f"x-amz-access-token: {values.access_token()}\n"
    scope = f"{values.key_id()}/20260101/eu-west-1/execute-api/aws4_request"
    signed = f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host;x-amz-date, Signature={values.of(HEX, 64)}"
    yield "signed request", "client.log", f"DEBUG headers: {{'Authorization': '{signed}'}}\n"
    yield "access token", "app.log", f"got {values.access_token()}, expires in 3600\n"
    yield "mws token", "app.log", f"request with {values.mws_token()} failed\n"
    yield (
        "authorisation code",
        "nginx.log",
        f'"GET /oauth?spapi_oauth_code={values.of(ALNUM, 20)}&selling_partner_id=A1EXAMPLE HTTP/1.1"\n',
    )
    event = {
        "notificationType": "APPLICATION_OAUTH_CLIENT_NEW_SECRET",
        "payload": {"newClientSecret": values.client_secret()},
    }
    yield "lwa client secret", "sqs.log", json.dumps({"Body": json.dumps(event)})


def _people(values: Values) -> Iterator[Case]:
    for text in (
        "Hi, here is my secret key: {} thanks",
        "my MWS secret key is {} can you connect it?",
        "mein geheimer Schlüssel lautet {}",
        "voici ma clé secrète : {} merci",
        "mi clave secreta es {}",
        "la mia chiave segreta è {}",
        "シークレットキーは {} です",
        "我的密钥是 {}",
    ):
        yield "seller's secret in words", "ticket.txt", text.format(values.aws_secret()) + "\n"
    for text in (
        "seller central login: bob@example.com password: {}",
        "mein Passwort für sellercentral ist {}",
        "das Kennwort, mit dem wir uns bei Seller Central anmelden, lautet {}",
        "ich habe das Passwort für Seller Central auf {} geändert",
        "mot de passe Seller Central : {}",
        "le mot de passe de notre compte Seller Central est {}",
        "la contraseña de mi cuenta de Seller Central es {}",
        "la password del mio account Seller Central è {}",
        "セラーセントラルのパスワードは{}です",
        "卖家中心的密码是{}",
        "Seller Central\nbob@example.com\n{}",
    ):
        yield "seller central password", "ticket.txt", text.format(values.password()) + "\n"


def _issuers(values: Values) -> Iterator[Case]:
    tokens = {
        "GITLAB_TOKEN": "glpat-" + values.of(ALNUM, 20),
        "SLACK_BOT_TOKEN": f"xoxb-{values.of('123456789', 12)}-{values.of('123456789', 12)}-{values.of(ALNUM, 24)}",
        "STRIPE_KEY": "sk_live_" + values.of(ALNUM, 24),
        "SENDGRID_API_KEY": f"SG.{values.of(ALNUM, 22)}.{values.of(ALNUM, 43)}",
        "GOOGLE_API_KEY": "AIza" + values.of(ALNUM, 35),
        "DATABRICKS_TOKEN": "dapi" + values.of(HEX, 32),
        "DIGITALOCEAN_TOKEN": "dop_v1_" + values.of(HEX, 64),
        "SHOPIFY_TOKEN": "shpat_" + values.of(HEX, 32),
        "VAULT_TOKEN": "hvs." + values.of(ALNUM, 90),
        "HF_TOKEN": "hf_" + values.of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", 34),
        "ANTHROPIC_API_KEY": "sk-ant-api03-" + values.of(ALNUM + "-_", 93) + "AA",
        "DOCKER_PAT": "dckr_pat_" + values.of(ALNUM, 27),
        "TELEGRAM": values.of("123456789", 10) + ":AA" + values.of(ALNUM + "-_", 33),
    }
    for name, token in tokens.items():
        yield "other issuers", "config.yml", f"{name.lower()}: {token}\n"
        yield "other issuers", "run.log", f"calling with {name}={token}\n"
    yield (
        "private key",
        "id_rsa",
        f"-----BEGIN RSA PRIVATE KEY-----\n{values.blob(900)}\n-----END RSA PRIVATE KEY-----\n",
    )
    yield "connection string", "app.py", f"DB = 'postgresql://orders:{values.of(ALNUM, 16)}@db.internal:5432/orders'\n"
    yield "connection string", "app.config", f"Server=db;Database=x;User Id=sa;Password={values.of(ALNUM, 16)};\n"


def _generic(values: Values) -> Iterator[Case]:
    for name in ("API_KEY", "DB_PASSWORD", "AUTH_TOKEN", "CLIENT_SECRET"):
        for container in ("env", "yaml", "json", "python", "php", "properties", "terraform", "kubernetes"):
            yield ("generic", *_CONTAINERS[container](name, values.of(ALNUM, 32)))
