"""The command line as people and machines use it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.state.quarantine import Quarantine, QuarantinedValue, Rejection
from tests.conftest import Influx

ROOT = Path(__file__).parents[2]


def showroom(*arguments: str, cwd: Path = ROOT) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "deploy", *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, encoding="utf-8", check=False, timeout=60, cwd=cwd, env=environment()
    )


def environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(ROOT), "NO_COLOR": "1", "COLUMNS": "120", "PYTHONUTF8": "1"}


COMMANDS = [
    "up",
    "doctor",
    "check-config",
    "ledger check",
    "quarantine list",
    "quarantine show",
    "influx init",
    "analytics train",
    "analytics models",
    "analytics rollback",
    "analytics acknowledge",
    "analytics shelve",
    "version",
]


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_of_every_command(command: str) -> None:
    """Every command explains itself."""
    done = showroom(*command.split(), "--help")
    assert done.returncode == 0, done.stderr
    assert "Usage: " in done.stdout
    assert len(done.stdout.splitlines()) > 4


def test_overview_names_every_command() -> None:
    """Whoever types only `showroom` sees what there is."""
    told = showroom("--help").stdout
    assert all(command.split()[0] in told for command in COMMANDS)


def test_overview_is_not_cut_off() -> None:
    """Each command is described in whole words."""
    assert "..." not in showroom("--help").stdout.partition("Commands:")[2]


def test_impossible_port_is_explained() -> None:
    """A port that cannot exist is refused with its limits."""
    done = showroom("up", "--port", "99999")
    assert done.returncode == 2
    assert "--port" in done.stderr
    assert "65535" in done.stderr
    assert "Traceback" not in done.stderr


def test_version_for_machines() -> None:
    """The versions come as JSON too."""
    assert json.loads(showroom("version", "--json").stdout)["duckdb"][0].isdigit()


def test_doctor_for_machines(tmp_path: Path) -> None:
    """The doctor's findings have a level, what was seen and a remedy, and the exit code says whether it can run."""
    done = showroom("doctor", "--json", "--data-dir", str(tmp_path / "data"))
    findings = {finding["check"]: finding for finding in json.loads(done.stdout)}
    assert findings["python"]["level"] == "ok"
    assert {"clock", "data folder", "memory", "broker"} <= set(findings)
    assert done.returncode == int(any(finding["level"] == "error" for finding in findings.values()))


def test_doctor_fails_where_nothing_can_be_written(tmp_path: Path) -> None:
    """A machine that is not fit gives exit code 1 and a remedy."""
    (tmp_path / "file").write_text("", encoding="utf-8")
    done = showroom("doctor", "--data-dir", str(tmp_path / "file"))
    assert done.returncode == 1
    assert "-> free some space" in done.stdout


def test_check_config_names_what_is_wrong(tmp_path: Path) -> None:
    """One wrong file among right ones is named on standard error, and the exit code is 2."""
    good = ROOT / "deploy" / "profiles" / "laptop" / "profile.toml"
    bad = tmp_path / "line.toml"
    bad.write_text("[line]\nsede = 1\n", encoding="utf-8")
    done = showroom("check-config", str(good), str(bad))
    assert (done.returncode, "sede" in done.stderr, str(bad) in done.stderr) == (2, True, True)
    assert f"{good}: a valid profile configuration" in done.stdout
    report = json.loads(showroom("check-config", "--json", str(good), str(bad)).stdout)
    assert [entry["kind"] for entry in report] == ["profile", None]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["up", "--profile", "laptpo"], "profile 'laptpo' was not found"),
        (["up", "--profile", "influx"], "needs the setting influx_token_file"),
        (["up", "--set", "seed"], "write --set NAME=VALUE"),
        (["doctor", "--profile", "laptpo"], "profile 'laptpo' was not found"),
    ],
)
def test_errors_name_the_remedy(arguments: list[str], expected: str, tmp_path: Path) -> None:
    """Mistakes end with exit code 2, what was wrong and what to do, not with a traceback."""
    done = showroom(*arguments, "--data-dir", str(tmp_path))
    assert done.returncode == 2
    assert expected in done.stderr
    assert "->" in done.stderr
    assert "Traceback" not in done.stderr


def test_quarantine_is_readable(tmp_path: Path) -> None:
    """What was refused is listed with its reason, and one entry is shown with its values and payload."""
    file = tmp_path / "quarantine.db"
    quarantine = Quarantine.open(file)
    value = QuarantinedValue("showroom/line-edge/MIX-10/level", 1_800_000_000_000_000_000, "x", "not a number")
    quarantine.add(
        [Rejection(1_800_000_000_000_000_000, "spBv1.0/showroom/DDATA/e/d", "cut short", b"\x01\x02", values=[value])]
    )
    quarantine.close()
    listed = showroom("quarantine", "list", "--file", str(file))
    assert "cut short" in listed.stdout
    assert "1 in quarantine" in listed.stdout
    entry = json.loads(showroom("quarantine", "list", "--json", "--file", str(file)).stdout)["entries"][0]
    shown = json.loads(showroom("quarantine", "show", str(entry["id"]), "--json", "--file", str(file)).stdout)
    assert shown["payload_hex"] == "0102"
    assert shown["values"][0]["reason"] == "not a number"
    missing = showroom("quarantine", "show", "99", "--file", str(file))
    assert (missing.returncode, "99" in missing.stderr) == (2, True)


def test_quarantine_without_a_file(tmp_path: Path) -> None:
    """Where no gateway has run yet that is said."""
    done = showroom("quarantine", "list", "--data-dir", str(tmp_path))
    assert (done.returncode, "no gateway has run there yet" in done.stderr) == (2, True)


def test_influx_is_set_up(influxd_auth: Influx, tmp_path: Path) -> None:
    """Databases and retention are made by one command, which may be repeated, and a wrong password is explained."""
    password = tmp_path / "password"
    password.write_text(influxd_auth.password + "\n", encoding="utf-8")
    password.chmod(0o600)
    options = ["influx", "init", "--profile", "influx1", "--set", f"influx_url={influxd_auth.url}"]
    options += ["--set", f"influx_user={influxd_auth.username}", "--set"]
    for _ in range(2):
        done = showroom(*options, f"influx_password_file={password}")
        assert done.returncode == 0, done.stderr
        assert "showroom_rollup keeps rollups for ever" in done.stdout
    password.write_text("n0t-the-one\n", encoding="utf-8")
    refused = showroom(*options, f"influx_password_file={password}")
    assert refused.returncode == 2
    assert "->" in refused.stderr
    assert "n0t-the-one" not in refused.stderr
