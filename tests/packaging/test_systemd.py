"""The systemd unit keeps the promises of its comments."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

UNIT = Path(__file__).resolve().parents[2] / "systemd" / "keywatch.service"

PROMISED = {
    # it is watched, and comes back
    "Type": ["notify"],
    "WatchdogSec": ["60"],
    "Restart": ["on-failure"],
    "StartLimitIntervalSec": ["0"],
    "KillMode": ["mixed"],
    # it owns its state and nothing else
    "DynamicUser": ["yes"],
    "StateDirectory": ["keywatch"],
    "StateDirectoryMode": ["0700"],
    "UMask": ["0077"],
    "LimitCORE": ["0"],
    "ProtectSystem": ["strict"],
    "ProtectHome": ["yes"],
    "PrivateTmp": ["yes"],
    "PrivateDevices": ["yes"],
    "PrivateUsers": ["yes"],
    "PrivateMounts": ["yes"],
    "ProtectProc": ["invisible"],
    "ProtectKernelTunables": ["yes"],
    "ProtectKernelModules": ["yes"],
    "ProtectKernelLogs": ["yes"],
    "ProtectControlGroups": ["yes"],
    "ProtectClock": ["yes"],
    "ProtectHostname": ["yes"],
    # it gains no right
    "NoNewPrivileges": ["yes"],
    "CapabilityBoundingSet": [""],
    "AmbientCapabilities": [""],
    "RestrictNamespaces": ["yes"],
    "RestrictRealtime": ["yes"],
    "RestrictSUIDSGID": ["yes"],
    "LockPersonality": ["yes"],
    "MemoryDenyWriteExecute": ["yes"],
    "RestrictAddressFamilies": ["AF_INET AF_INET6 AF_UNIX"],
    "SystemCallArchitectures": ["native"],
    "SystemCallFilter": ["@system-service", "~@privileged @resources"],
    "SystemCallErrorNumber": ["EPERM"],
}

EXPOSURE_GATE = 1.5


def directives(unit: Path) -> dict[str, list[str]]:
    """Every directive of a unit with its values in order; comments are left out."""
    found: dict[str, list[str]] = {}
    for line in unit.read_text().splitlines():
        if line and not line.startswith(("#", ";", "[")):
            name, _, value = line.partition("=")
            found.setdefault(name, []).append(value)
    return found


@pytest.mark.parametrize(("name", "values"), PROMISED.items(), ids=PROMISED)
def test_each_promised_directive_is_set(name: str, values: list[str]) -> None:
    """The unit is hardened: each directive stands in it, with this value and no later one that takes it back."""
    assert directives(UNIT).get(name) == values


def test_the_daemon_gets_the_time_it_promises_to_stop_in() -> None:
    """A stop may take the daemon ten seconds; systemd kills it no sooner."""
    (seconds,) = directives(UNIT)["TimeoutStopSec"]
    assert 10 < int(seconds) <= 30


def test_the_daemon_runs_as_process_of_the_unit() -> None:
    """ExecStart is an absolute path without a shell, and names the configuration it reads."""
    (command,) = directives(UNIT)["ExecStart"]
    assert re.fullmatch(r"/\S+/keywatch run --config /etc/keywatch/keywatch\.toml", command)


def test_no_secret_stands_in_the_environment() -> None:
    """Secrets come as credentials: the unit sets no environment variable."""
    assert not {"Environment", "EnvironmentFile", "PassEnvironment"} & directives(UNIT).keys()


@pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="measures the unit with systemd; not installed here"
)
def test_systemd_measures_little_exposure() -> None:
    """Rated by systemd itself, the unit's exposure is 1.5 of 10 or less (by the directives above)."""
    threshold = str(round(EXPOSURE_GATE * 10))
    command = ["systemd-analyze", "security", "--offline=true", f"--threshold={threshold}", "--no-pager", str(UNIT)]
    rated = subprocess.run(command, capture_output=True, text=True, check=False)
    assert rated.returncode == 0, rated.stdout.splitlines()[-1] + rated.stderr
