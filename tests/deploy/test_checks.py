"""Checks of the machine say what they saw and what to do."""

import socket
from datetime import UTC, datetime
from pathlib import Path

import pytest

from deploy import checks
from deploy.checks import Level


def test_clock_before_the_release_is_an_error() -> None:
    """A clock that cannot be right stops the start, because every sample would get a wrong time."""
    found = checks.clock(datetime(2020, 1, 1, tzinfo=UTC).timestamp(), synchronised=True)
    assert (found.level, "2020-01-01" in found.seen, "set the clock" in found.remedy) == (Level.ERROR, True, True)


@pytest.mark.parametrize(
    ("synchronised", "words"), [(True, ", synchronised"), (False, "not synchronised"), (None, "not known")]
)
def test_clock_says_what_is_known(synchronised: bool | None, words: str) -> None:
    """Whether the clock follows a time server is said, or that it is not known."""
    found = checks.clock(datetime(2027, 1, 1, tzinfo=UTC).timestamp(), synchronised)
    assert found.level is Level.OK
    assert words in found.seen


def test_release_date_has_passed() -> None:
    """The date that no correct clock precedes is in the past."""
    assert checks.clock(datetime.now(UTC).timestamp(), None).level is Level.OK


def test_port_in_use_is_seen() -> None:
    """A port on which somebody listens is a warning that names the option."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        found = checks.ports({"http": port})[0]
        assert (found.level, "--port" in found.remedy) == (Level.WARNING, True)
    assert checks.ports({"http": port})[0].level is Level.OK


def test_port_of_administrators_is_not_called_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """A port that only administrators may use is said to be one."""

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("socket.socket.bind", refuse)
    assert checks.occupied(80) == "may be used by administrators only"


def test_folder_that_cannot_be_written(tmp_path: Path) -> None:
    """A data folder that is no folder is an error with a remedy."""
    (tmp_path / "file").write_text("", encoding="utf-8")
    found = checks.folder(tmp_path / "file" / "data")
    assert (found.level, "--data-dir" in found.remedy) == (Level.ERROR, True)


@pytest.mark.parametrize(("free", "level"), [(10**8, Level.ERROR), (10**9, Level.WARNING), (10**10, Level.OK)])
def test_room_on_the_disk(free: int, level: Level, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Too little room stops the start, little room is said."""
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": free})())
    assert checks.folder(tmp_path).level is level


def test_little_memory_is_said() -> None:
    """Less memory than needed is a warning."""
    assert checks.memory(500_000_000).level is Level.WARNING


def test_old_python_is_refused() -> None:
    """Python before 3.11 is an error."""
    assert checks.python_version((3, 10, 12)).level is Level.ERROR


def test_missing_broker_names_mosquitto(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the embedded broker has no wheel, the remedy is Mosquitto."""
    monkeypatch.setattr("shutil.which", lambda *_, **__: None)
    found = checks.broker("nats")
    assert found.level is Level.ERROR
    assert "Mosquitto" in found.remedy
    assert "broker=mosquitto" in found.remedy
