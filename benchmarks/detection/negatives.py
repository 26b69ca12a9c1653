"""Cases in which nobody wants to be told: what looks random, or is named like a secret, and is none."""

import json
from collections.abc import Iterator

from benchmarks.detection.positives import Case
from benchmarks.detection.values import ALNUM, HEX, Values

_PUBLIC_PEM = ("PUBLIC KEY", "CERTIFICATE", "CERTIFICATE REQUEST")


def negatives(values: Values, rounds: int) -> Iterator[Case]:
    """Yield `rounds` of every kind, each with values of its own."""
    for _ in range(rounds):
        yield from _hashes(values)
        yield from _references()
        yield from _code(values)
        yield from _inventories(values)
        yield from _public(values)


def _hashes(values: Values) -> Iterator[Case]:
    yield "git sha", "log.txt", f"commit {values.of(HEX, 40)}\nAuthor: A <a@example.org>\n\n    Rotate the secret key\n"
    yield "git sha", "go.mod.txt", f"secret-lib v0.0.0-20260101000000-{values.of(HEX, 12)}\n"
    yield "checksum", "SHA256SUMS", f"{values.of(HEX, 64)}  client-secret-tool.tar.gz\n"
    yield "checksum", "requirements.txt", f"keyring==1.0 \\\n    --hash=sha256:{values.of(HEX, 64)}\n"
    lock = {"node_modules/token": {"integrity": "sha512-" + values.blob(64), "version": "1.0.0"}}
    yield "lock file", "package-lock.json", json.dumps({"packages": lock}, indent=2)
    yield "lock file", "Cargo.lock", f'[[package]]\nname = "secrecy"\nchecksum = "{values.of(HEX, 64)}"\n'
    yield "sri", "index.html", f'<script src="a.js" integrity="sha384-{values.blob(48)}"></script>\n'
    yield "uuid", "ids.yaml", f"tenant_id: {values.uuid()}\nkey_id: {values.uuid()}\n"
    yield "etag", "s3.json", json.dumps({"Key": "x", "ETag": values.of(HEX, 32), "VersionId": values.of(ALNUM, 32)})


def _references() -> Iterator[Case]:
    for name, text in {
        "role.env": "AWS_SECRET_ACCESS_KEY=AROAQ2W3E4R5T6Y7U2I3\n",
        "split.py": 'SECRET_KEY = "wJalrXUtnFEMI/K7MDEN" + "G/bPxRfiCYEXAMPLEKEY"\n',
        "sql.sql": "INSERT INTO keys (aws_secret_access_key, owner) VALUES ('${AWS_SECRET_ACCESS_KEY}', 'ann');\n",
        ".env.example": "AWS_SECRET_ACCESS_KEY=your-secret-access-key-goes-here\nLWA_CLIENT_SECRET=changeme\n",
        "main.tf": 'secret_key = var.aws_secret_key\npassword = data.vault_generic_secret.db.data["password"]\n',
        "app.py": 'SECRET = os.environ["LWA_CLIENT_SECRET"]\nTOKEN = settings.get_secret("refresh_token")\n',
        "app.js": "const clientSecret = process.env.SELLING_PARTNER_APP_CLIENT_SECRET;\n",
        "values.yaml": "password: ${DB_PASSWORD}\ntoken: {{ .Values.token }}\nsecret: vault:secret/data/app#token\n",
        "ci.yml": "env:\n  AWS_SECRET_ACCESS_KEY: ${{ secrets.AWS_SECRET_ACCESS_KEY }}\n",
        "docs.md": "Set `refresh_token` to `Atzr|...` and `client_secret` to `amzn1.oa2-cs.v1.xxxxxxxx`.\n",
        "aws.md": "aws_access_key_id = AKIAIOSFODNN7EXAMPLE\n"
        "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY\n",
        "ticket.txt": "Where do I find my secret key? The page shows ******** only. My password does not work.\n",
        "reset.txt": "Your Seller Central password has expired on 2026-01-31. Never send it to anybody.\n",
        "zuruecksetzen.txt": "Bitte senden Sie uns niemals Ihr Passwort für Seller Central (Ticket SC-12345).\n",
        "labels.json": '{"seller_central.password.label": "Passwort für Seller Central", "min": "8 Zeichen"}\n',
        "schema.sql": "CREATE TABLE users (password VARCHAR(255) NOT NULL, api_key_hash CHAR(64));\n",
    }.items():
        yield "placeholder or reference", name, text


def _code(values: Values) -> Iterator[Case]:
    names = "".join(f"function {values.of('abcdefgh', 2)}(e,t,n){{return e&&t[{n}]||n}}" for n in range(80))
    yield "minified script", "app.min.js", names + f'var s="{values.blob(60)}";\n'
    yield "image", "logo.css", f".logo {{ background: url(data:image/png;base64,iVBORw0KGgo{values.blob(600)}) }}\n"
    yield "source code", "form.tsx", "const passwordField = document.getElementById('passwordConfirmationInput');\n"
    yield (
        "source code",
        "token.py",
        "class RefreshTokenAuthenticationBackend(TokenAuthentication):\n    token_type = 'bearer'\n",
    )
    yield (
        "source code",
        "i18n.json",
        json.dumps({"login.password.label": "Password", "secretKeyHelp": "Ask your administrator"}),
    )
    yield "notebook", "run.ipynb", json.dumps({"cells": [{"outputs": [{"data": {"image/png": values.blob(900)}}]}]})


def _inventories(values: Values) -> Iterator[Case]:
    yield (
        "key id alone",
        "trail.json",
        json.dumps({"userIdentity": {"accessKeyId": values.key_id(), "type": "IAMUser"}}),
    )
    columns = "INSERT INTO keys (aws_access_key_id, aws_secret_access_key) VALUES"
    yield "key id alone", "keys.sql", f"{columns} ('{values.key_id()}', 'in the vault');\n"
    yield "key id alone", "keys.txt", f"orders-uploader {values.key_id()} Active 2026-01-01\n"
    yield "client id alone", "apps.yaml", f"client_id: {values.client_id()}\nregion: eu\n"


def _public(values: Values) -> Iterator[Case]:
    for kind in _PUBLIC_PEM:
        yield "public key", "key.pem", f"-----BEGIN {kind}-----\n{values.blob(600)}\n-----END {kind}-----\n"
    yield "public key", "id.pub", f"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5{values.of(ALNUM, 48)} ann@example.org\n"
    yield "public key", "keys.json", json.dumps({"kty": "RSA", "n": values.of(ALNUM + "-_", 342), "e": "AQAB"})
