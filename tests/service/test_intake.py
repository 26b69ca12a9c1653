"""`POST /v1/inspect` over HTTP: a verdict, the text without the secret, and nothing kept."""

import json

import httpx

from tests.guard.test_inspection import KEY, LETTERS
from tests.service.installation import Installation

CONFIG = """
[http]
listen = "127.0.0.1:0"
[intake]
enabled = true
authorise = "authorise us at https://example.com/authorise"
[[key]]
name = "x"
kind = "other"
"""


def test_a_text_is_inspected_and_nothing_of_it_is_kept(here: Installation) -> None:
    """Neither in the store, nor in any file of the state directory, nor in the metrics."""
    here.configure(CONFIG)
    with here.open() as keywatch:
        _, web = keywatch.daemon()
        with web, httpx.Client(base_url=web.url) as client:
            answer = client.post("/v1/inspect", content=LETTERS["Japanese"].encode())
            told = answer.json()
            assert (answer.status_code, told["verdict"]) == (200, "seller-secret")
            assert told["text"] == LETTERS["Japanese"].replace(KEY, "[removed]")
            assert "https://example.com/authorise" in told["message"]
            assert [item["rule"] for item in told["found"]] == ["seller-secret-key"]
            clean = client.post("/v1/inspect", json={"message": "hello"}).json()
            assert clean == {"verdict": "clean", "message": "", "found": [], "text": '{"message":"hello"}'}
            metrics = client.get("/metrics").text
            assert 'keywatch_inspected_texts_total{verdict="seller-secret"} 1.0' in metrics
            assert client.post("/v1/inspect", content=b" " * (1 << 20) + b" ").status_code == 413
            assert client.post("/v1/inspect", content=b"x", headers={"Content-Encoding": "br"}).status_code == 415
        assert keywatch._store.findings() == []
    kept = b"".join(path.read_bytes() for path in (here.directory / "state").rglob("*") if path.is_file())
    assert KEY.encode() not in kept
    assert KEY not in metrics + json.dumps(told)


def test_it_is_off_unless_asked_for(here: Installation) -> None:
    """No address is served that nobody wanted."""
    here.configure(CONFIG.replace("enabled = true", "enabled = false"))
    with here.open() as keywatch:
        _, web = keywatch.daemon()
        with web:
            assert httpx.post(f"{web.url}/v1/inspect", content=b"x").status_code == 404
