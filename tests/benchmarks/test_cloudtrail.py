"""What the benchmark of CloudTrail's files compares is the same in each program."""

from pathlib import Path

from benchmarks.cloudtrail.__main__ import measured
from benchmarks.cloudtrail.peers import readers
from benchmarks.cloudtrail.read import calls
from benchmarks.cloudtrail.records import Trail
from keywatch.model.call import Outcome


def test_no_reader_knows_a_later_call_than_keywatch(tmp_path: Path) -> None:
    """Every key that another reader sees is seen, and never earlier; those of sessions are seen beside them."""
    trail = Trail()
    files, size = trail.files(tmp_path, 3, 400)
    assert 1000 < size / 1200 < 1600  # bytes an event
    ours = {
        call.handle.value: f"{call.at:%Y-%m-%dT%H:%M:%SZ}"
        for call in calls(map(str, files))
        if call.outcome is Outcome.SUCCESS
    }
    json = next(reader for reader in readers() if reader.name == "Python json")
    _, lines = measured(json, files, tmp_path, rounds=1)
    theirs = dict(line.split() for line in lines)
    assert set(theirs) <= set(ours) <= set(trail.keys)
    assert all(ours[key] >= at for key, at in theirs.items())
    assert any(ours[key] > at for key, at in theirs.items())
