"""Other programs that read the same files, each asked for the latest success of each long-lived key."""

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

_DUCKDB = """
import sys, duckdb
connection = duckdb.connect()
connection.execute("SET threads = 1; SET enable_progress_bar = false")
for row in connection.execute('''
    SELECT r.userIdentity.accessKeyId, max(r.eventTime) FROM (
        SELECT unnest(Records) AS r FROM read_json($files, maximum_object_size = 1073741824, columns = {
            'Records': 'STRUCT(eventTime VARCHAR, eventType VARCHAR, errorCode VARCHAR, errorMessage VARCHAR,'
                       'userIdentity STRUCT(accessKeyId VARCHAR))[]'}))
    WHERE r.errorCode IS NULL AND r.errorMessage IS NULL AND r.eventType = 'AwsApiCall'
      AND starts_with(r.userIdentity.accessKeyId, 'AKIA')
    GROUP BY 1''', {"files": sys.argv[1:]}).fetchall():
    print(*row)
"""
_PYTHON = """
import gzip, json, sys
latest = {}
for name in sys.argv[1:]:
    with gzip.open(name) as file:
        for r in json.load(file)["Records"]:
            key = r["userIdentity"].get("accessKeyId") or ""
            if key.startswith("AKIA") and not (r.get("errorCode") or r.get("errorMessage")):
                if r["eventType"] == "AwsApiCall" and r["eventTime"] > latest.get(key, ""):
                    latest[key] = r["eventTime"]
for pair in latest.items():
    print(*pair)
"""
# A pair a call, so that jq holds one file at a time; sort and awk keep the latest.
_JQ = r"""
set -eu
for file in "$@"; do
    zcat "$file" | jq -r '.Records[] | select((.userIdentity.accessKeyId // "") | startswith("AKIA"))
        | select(.eventType == "AwsApiCall" and (.errorCode // .errorMessage) == null)
        | .userIdentity.accessKeyId + " " + .eventTime'
done | awk '$2 > latest[$1] { latest[$1] = $2 } END { for (key in latest) print key, latest[key] }'
"""


@dataclass(frozen=True, slots=True)
class Reader:
    """A program, and how it is called; the files come behind."""

    name: str
    command: tuple[str, ...]


def readers() -> list[Reader]:
    """Return keywatch, and those peers that are there."""
    found = [
        Reader("keywatch", (sys.executable, "-m", "benchmarks.cloudtrail.read")),
        Reader("Python json", (sys.executable, "-c", _PYTHON)),
    ]
    beside = Path(sys.executable).parent.parent / "peers" / "bin" / "python"
    if beside.exists():
        asked = [str(beside), "-c", "import duckdb; print(duckdb.__version__)"]
        version = subprocess.run(asked, check=False, capture_output=True, text=True)  # noqa: S603
        if version.returncode == 0:
            found.append(Reader(f"DuckDB {version.stdout.strip()}", (str(beside), "-c", _DUCKDB)))
    if shutil.which("jq"):
        version = subprocess.run(["jq", "--version"], check=False, capture_output=True, text=True)  # noqa: S607
        found.append(Reader(version.stdout.strip(), ("/bin/sh", "-c", _JQ, "sh")))
    return found
