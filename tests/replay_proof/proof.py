"""One proof: replay a recording over one protocol into one store, and compare every row."""

import csv
import gzip
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from deploy.broker.acl import plain_device
from deploy.ledger.account import SeriesAccount
from deploy.ledger.ledger import Ledger, Terms
from tests.faults.child import Child
from tests.faults.path import DataPath, PathOptions, Store
from tests.faults.plant import opcua_source
from tests.faults.run import audit
from tests.faults.waiting import wait_until
from tests.servers import find_free_port

Protocol = Literal["opcua", "mqtt"]
_REPLAYER = "replayer"
_PREFIX = "replay"


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording of a real plant.

    Attributes:
        name: in nodes, topics and devices.
        path: below the data folder.
        group_column: column whose change begins a new cycle or experiment.
        not_values: columns that are time or group, not value.
        rate_hz: rows a second as recorded, to say how long a replay takes.
    """

    name: str
    path: str
    group_column: str
    not_values: frozenset[str]
    rate_hz: float

    def count(self, data: Path, rows: int | None) -> tuple[int, int]:
        """Count the rows that are replayed, and the columns, straight from the file."""
        with gzip.open(data / self.path, "rt", encoding="utf-8", newline="") as file:
            reader = csv.reader(file)
            columns = len([name for name in next(reader) if name not in self.not_values])
            total = sum(1 for _ in reader)
        return (total if rows is None else min(rows, total)), columns


RECORDINGS = {
    "skab": Recording("skab", "skab/dev/skab_dev.csv.gz", "experiment", frozenset({"datetime", "experiment"}), 1.0),
    "hrss": Recording("hrss", "hrss/dev/normal_standard.csv.gz", "cycle", frozenset({"Timestamp", "cycle"}), 18.0),
}


@dataclass(frozen=True, slots=True)
class Case:
    """What is replayed how, and where to."""

    recording: str
    protocol: Protocol
    store: Store

    def __str__(self) -> str:
        return f"{self.recording}/{self.protocol}/{self.store}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a proof found.

    Attributes:
        case: what was done.
        rows, columns: of the recording, counted from the file.
        values: journalled values that had to arrive; stored: that did, each once.
        proven: rows x columns == journalled == stored, and the ledger balances without any gap.
        problem: what was wrong, empty where nothing was.
        seconds: from the first row to the last stored.
    """

    case: str
    rows: int
    columns: int
    values: int
    stored: int
    proven: bool
    problem: str
    seconds: float

    def as_object(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return asdict(self)


class ReplayPath(DataPath):
    """A data path that reads one recording."""

    def __init__(self, folder: Path, case: Case, recording: Recording, words: list[str]) -> None:
        self._port = find_free_port()
        self._case, self._recording = case, recording
        self.journal = folder / "replay-journal.csv"
        options = PathOptions(
            store=case.store,
            keepalive_s=10,
            edge_reads=(f"{_PREFIX}/#",),
            devices=(plain_device(_REPLAYER, _PREFIX),),
        )
        super().__init__(folder, options, self._sources)
        target = ["--opcua", f"opc.tcp://127.0.0.1:{self._port}/replay", "--wait-subscribers"]
        if case.protocol == "mqtt":
            target = ["--mqtt", f"mqtt://127.0.0.1:{self.broker_port}", "--wait-stdin"]
            target += ["--username", _REPLAYER, "--password-file", str(self.password_file(_REPLAYER))]
            target += ["--prefix", _PREFIX]
        command = ["demo_line", "replay", *words, "--name", recording.name, "--journal", str(self.journal), *target]
        self.replay = self.python("replay", command, lambda: True)

    @property
    def feeders(self) -> list[Child]:
        """The processes that offer values."""
        return [self.replay]

    def _sources(self, broker_port: int) -> str:
        if self._case.protocol == "opcua":
            return opcua_source("replay", self._port, origin="replayed")
        return f"""[[sources]]
name = "replay"
type = "mqtt"
origin = "replayed"
qos = 1
[sources.broker]
port = {broker_port}
username = "line-edge"
password_file = "line-edge.password"
[[sources.discover]]
topic = "{_PREFIX}/{self._recording.name}"
device = "{self._recording.name}"
values = "/values"
time = "/time"
time_unit = "ms"
"""


def prove(case: Case, data: Path, *, speed: str, rows: int | None, patience_s: float) -> Outcome:
    """Replay and compare.

    Args:
        case: what.
        data: folder of the recordings.
        speed: times real time, or `max`: as fast as the reader takes it.
        rows: only so many; None is all.
        patience_s: longest wait for the replay to end, beyond the time it takes by its own speed.
    """
    recording = RECORDINGS[case.recording]
    expected_rows, columns = recording.count(data, rows)
    words = [str((data / recording.path).resolve()), "--group-column", recording.group_column, "--speed", speed]
    words += [] if rows is None else ["--limit", str(rows)]
    own_s = 0.0 if speed == "max" else expected_rows / recording.rate_hz / float(speed)
    begun, ledger, problem = time.monotonic(), None, ""
    with tempfile.TemporaryDirectory(prefix="replay-") as scratch:
        path = ReplayPath(Path(scratch), case, recording, words)
        try:
            path.start_path()
            _replay(path, case, own_s + patience_s)
            path.drain(patience_s)
            path.edge.stop()
            path.gateway.stop()
            ledger = audit(path, [path.journal], Terms(start_ns=0, outages=()))
        except AssertionError as error:
            problem = str(error)
        finally:
            path.close()
    seconds = round(time.monotonic() - begun, 1)
    values = 0 if ledger is None else ledger.total("offered") + ledger.total("repeated")
    stored = 0 if ledger is None else ledger.total("stored")
    problem = problem or _problem(ledger, expected_rows, columns)
    return Outcome(str(case), expected_rows, columns, values, stored, not problem, problem, seconds)


def _replay(path: ReplayPath, case: Case, timeout_s: float) -> None:
    path.replay.start()
    if case.protocol == "mqtt":
        wait_until(_reads(path), 30.0, lambda: f"the edge to read the broker; its log:\n{path.edge.tail(30)}")
        path.replay.say("begin")

    def over() -> bool:
        path.edge.check_alive()
        path.gateway.check_alive()
        return path.replay.ended is not None

    wait_until(over, timeout_s, lambda: f"the replay to end; {path.state()}", poll_s=0.2)
    assert path.replay.ended == 0, f"the replay failed:\n{path.replay.tail(30)}"
    path.replay.forget()


def _reads(path: ReplayPath) -> Callable[[], bool]:
    return lambda: f"connected to 127.0.0.1:{path.broker_port} as" in path.edge.tail(200)


def _problem(ledger: Ledger | None, rows: int, columns: int) -> str:
    if ledger is None:
        return "the books were not checked"
    if not ledger.balanced:
        shown = "\n".join(str(violation) for violation in ledger.violations.first[:10])
        return f"the books do not balance: {dict(ledger.violations.counts)}\n{shown}"
    if ledger.gaps:
        return f"gaps were declared: {ledger.gaps[0][0]}"
    wrong = [account for account in ledger.accounts if _short(account, rows)]
    if len(ledger.accounts) != columns or wrong:
        found = f"{len(ledger.accounts)} series" if not wrong else f"{wrong[0]}"
        return f"{columns} series of {rows} rows each were expected, found {found}"
    return ""


def _short(account: SeriesAccount, rows: int) -> bool:
    return (account.offered, account.stored, account.repeated) != (rows, rows, 0)
