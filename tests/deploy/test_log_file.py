"""Logs of processes: rotated, bounded, and never in the way."""

from pathlib import Path
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from deploy.backoff import BASE_S, CAP_S, HEALTHY_S, Backoff
from deploy.log_file import LogFile


def test_rotation_keeps_the_newest_lines(tmp_path: Path) -> None:
    """However much a process prints, the log is bounded and its end is complete and in order."""
    log = LogFile(tmp_path / "edge.log", max_bytes=1000, keep=2)
    for number in range(1000):
        log.write(b"line %04d\n" % number)
    log.close()
    files = [tmp_path / "edge.log.2", tmp_path / "edge.log.1", tmp_path / "edge.log"]
    assert set(files) >= set(tmp_path.iterdir())
    kept = [int(line.split()[1]) for path in files if path.exists() for line in path.read_text("utf-8").splitlines()]
    assert kept == list(range(kept[0], 1000))
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 3 * 1010
    assert log.tail[-1] == "line 0999"


def test_lines_that_cannot_be_written_are_counted(tmp_path: Path) -> None:
    """While the place of the log cannot be written nothing fails; afterwards the log says how much is missing."""
    blocker = tmp_path / "logs"
    blocker.write_text("", encoding="utf-8")  # a file where the folder should be
    log = LogFile(blocker / "edge.log")
    log.write(b"one\n")
    log.write(b"two\n")
    blocker.unlink()
    log.write(b"three\n")
    log.close()
    assert (tmp_path / "logs" / "edge.log").read_text("utf-8") == "(2 lines could not be written here)\nthree\n"


def test_a_second_run_appends(tmp_path: Path) -> None:
    """Yesterday's log is still there after a restart."""
    for word in (b"yesterday\n", b"today\n"):
        log = LogFile(tmp_path / "edge.log")
        log.write(word)
        log.close()
    assert (tmp_path / "edge.log").read_text("utf-8") == "yesterday\ntoday\n"


@given(st.lists(st.floats(0, 2 * HEALTHY_S), min_size=1, max_size=40), st.integers())
def test_backoff_stays_within_its_bounds(runs: list[float], seed: int) -> None:
    """The pause doubles its bound with every quick failure, never exceeds the cap and starts anew after a good run."""
    random, backoff, quick = Random(seed), Backoff(), 0
    for ran_s in runs:
        backoff = backoff.failed(ran_s)
        quick = 1 if ran_s >= HEALTHY_S else quick + 1
        assert 0.0 <= backoff.delay_s(random) <= min(CAP_S, BASE_S * 2 ** (quick - 1))
