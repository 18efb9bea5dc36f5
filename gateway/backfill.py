"""Imports a history that a simulated line has left in a folder, at its first start, behind all live data.

The folder holds `plan.json` (what it is), `chunk-00001.parquet`, ... and, when all are there, `manifest.json` with
their number. A chunk has the columns `source`, `time_ns`, `kind` (gateway.store.base.Kind), `number` and `text`; a
source is the address that the birth of a series names, so the values go into the series that live data fill.

A chunk is one batch of the store and its number the LSN of a log of its own: it becomes durable with the rows, so no
chunk is ever stored twice. What is stored is deleted from the folder.
"""

import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np

from edge_agent.sparkplug.intervals import IntervalSet
from edge_agent.sparkplug.origin import Origin
from edge_agent.sparkplug.quality import Quality
from gateway.catalogue import Catalogue
from gateway.receipts import LogKey, Receipts
from gateway.store.base import EdgeKey, Kind, SampleReader, Samples, Series, WriteBatch

log = logging.getLogger(__name__)

FORMAT = "showroom-history/1"
PATIENCE_S = 30.0
"""How long after the first known signal the others may take to be declared by their edges."""

_LOG_OWNER = EdgeKey("", "history")
"""No edge agent has an empty group, so this log is nobody else's."""
LOOK_S = 0.2
"""How often the folder is looked at while nothing of it can be stored."""
REST = 0.25
"""Rest after a batch, as a share of the time it took: live data and pages come first."""
_HOUR_NS = 3_600_000_000_000
_LOOKED_AT = 8


class BackfillState(Enum):
    """How far an import is."""

    WAITING = "waiting"  # for the history, or for edges that declare its signals
    IMPORTING = "importing"
    DONE = "done"
    DECLINED = "declined"  # see `error`


_ENDED = (BackfillState.DONE, BackfillState.DECLINED)


@dataclass(slots=True)
class BackfillStatus:
    """What people see of an import.

    Attributes:
        state: see BackfillState.
        chunks, of: stored so far, and how many there are; `of` is None until the history is complete.
        samples: stored since the gateway started.
        start_ns, end_ns: span of the history; 0 while it is unknown.
        unknown: signals that no edge agent reads; their values are left out.
        error, remedy: why it was declined, and what to do; empty where it was not.
    """

    state: BackfillState = BackfillState.WAITING
    chunks: int = 0
    of: int | None = None
    samples: int = 0
    start_ns: int = 0
    end_ns: int = 0
    unknown: int = 0
    error: str = ""
    remedy: str = ""


class BackfillError(Exception):
    """The files of a history cannot be used; the text names file and reason."""


@dataclass(frozen=True, slots=True)
class _Plan:
    key: LogKey
    start_ns: int
    end_ns: int


class Backfill:
    """One import; called by the writer thread only, but `status` may be read by all.

    Args:
        folder: where the history lies or will lie.
        catalogue: series that the edges have declared.
        receipts: chunks that are stored already.
        reader: the store, to see whether it holds values of that time already.

    Attributes:
        status: for people.
        hours_left: hours whose rollups are still to be computed.
    """

    def __init__(self, folder: Path, catalogue: Catalogue, receipts: Receipts, reader: SampleReader) -> None:
        self.status = BackfillStatus()
        self._folder = folder
        self._catalogue = catalogue
        self._receipts = receipts
        self._reader = reader
        self._plan: _Plan | None = None
        self._numbers: dict[str, int] = {}
        self._known_since_s: float | None = None
        self._sources: Sequence[str] = ()
        self._next_s = 0.0
        self.hours_left = 0
        self._pending: tuple[int, WriteBatch] | None = None

    def due(self, now_s: float) -> bool:
        """Whether to ask for the next batch now."""
        return now_s >= self._next_s and self.status.state not in _ENDED

    def rest_s(self, now_s: float) -> float:
        """How long the writer may wait for messages before it looks here or after the rollups."""
        if self.status.state in _ENDED:
            return 1.0 if not self.hours_left else LOOK_S
        return min(max(self._next_s - now_s, 0.0), LOOK_S)

    def next(self, now_s: float) -> WriteBatch | None:
        """The next batch to store, the same one until `stored` is called; None while there is none.

        Raises StoreUnavailableError where the store cannot be asked.
        """
        if self._pending is not None:
            return self._pending[1]
        self._next_s = now_s + LOOK_S
        try:
            return self._load_next(now_s)
        except (BackfillError, OSError) as error:
            self._decline(str(error), self._remedy())
            return None

    def stored(self, begin_s: float, end_s: float) -> None:
        """The batch that `next` gave is in the store; loading and writing it took from `begin_s` to `end_s`."""
        if self._pending is None:
            return
        number, batch = self._pending
        self._pending = None
        self._next_s = end_s + REST * (end_s - begin_s)
        self._receipts.commit(batch.receipts)
        self._chunk(number).unlink(missing_ok=True)
        self.status.samples += len(batch.samples)
        self.status.chunks = number
        self.hours_left = (self.status.end_ns - self.status.start_ns) // _HOUR_NS + 2

    def rolled_up(self) -> None:
        """The store has been maintained once."""
        if self.status.state is BackfillState.DONE:
            self.hours_left = max(self.hours_left - 1, 0)

    def _load_next(self, now_s: float) -> WriteBatch | None:
        plan = self._plan or self._read_plan()
        if plan is None:
            return None
        stored = self._receipts.stored(plan.key)
        number = self.status.chunks + 1
        while number in stored:
            self._chunk(number).unlink(missing_ok=True)
            self.status.chunks, number = number, number + 1
        self.status.of = self._read_count()
        if self.status.of is not None and number > self.status.of:
            self._finish()
            return None
        path = self._chunk(number)
        if not path.exists():
            if self.status.of is not None:
                raise BackfillError(f"{path} is missing, though {self._folder / 'manifest.json'} says that it was made")
            return None
        if not self._may_begin(plan, stored, path, now_s):
            return None
        samples = self._samples(path)
        receipts = {plan.key: IntervalSet([(number, number)])}
        self._pending = number, WriteBatch(series=self._catalogue.drain(), samples=samples, receipts=receipts)
        return self._pending[1]

    def _may_begin(self, plan: _Plan, stored: IntervalSet, path: Path, now_s: float) -> bool:
        """Whether the edges have declared the signals, and the store has nothing of that time from elsewhere."""
        if self.status.state is BackfillState.IMPORTING:
            return True
        sources = self._sources = self._sources or _columns(path)["sources"]
        known = {series.address: series for series in self._catalogue.all() if series.origin is Origin.SIMULATED}
        found = [known[source] for source in sources if source in known]
        if not found:
            return False
        if self._known_since_s is None:
            self._known_since_s = now_s
        if len(found) < len(sources) and now_s - self._known_since_s < PATIENCE_S:
            return False
        if not stored and self._holds_values(found, plan):
            self._decline("the store holds values of that time already", "nothing: they are kept as they are")
            return False
        self._numbers = {series.address: series.number for series in found}
        self.status.unknown = len(sources) - len(found)
        self.status.state = BackfillState.IMPORTING
        log.info("history: importing; %d of %d signals are read by edges", len(found), len(sources))
        return True

    def _holds_values(self, series: Sequence[Series], plan: _Plan) -> bool:
        looked_at = series[:: max(len(series) // _LOOKED_AT, 1)]
        return any(self._reader.count(one.number, plan.start_ns, plan.end_ns) for one in looked_at)

    def _read_plan(self) -> _Plan | None:
        path = self._folder / "plan.json"
        if not path.exists():
            return None
        content = _json(path)
        try:
            days, end_ns = float(content["days"]), int(content["until_ns"])
        except (KeyError, TypeError, ValueError) as error:
            raise BackfillError(f"{path}: {error!r} is missing or no number") from error
        identity = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).digest()
        epoch = int.from_bytes(identity[:8], "big") >> 1
        self._plan = _Plan((_LOG_OWNER, epoch), end_ns - round(days * 1440.0) * 60_000_000_000, end_ns)
        self.status.start_ns, self.status.end_ns = self._plan.start_ns, end_ns
        return self._plan

    def _read_count(self) -> int | None:
        path = self._folder / "manifest.json"
        if not path.exists():
            return None
        count = _json(path).get("chunks")
        if not isinstance(count, int):
            raise BackfillError(f"{path}: chunks = {count!r} is no number")
        return count

    def _samples(self, path: Path) -> Samples:
        """Rows of a chunk whose signals are known."""
        columns = _columns(path)
        codes = columns["source"]
        numbers = np.array([self._numbers.get(source, 0) for source in columns["sources"]], np.int32)[codes]
        kind = columns["kind"]
        whole = (kind == Kind.INTEGER) | (kind == Kind.BOOLEAN)
        number = columns["number"]
        samples = Samples(
            series=numbers,
            time_ns=columns["time_ns"],
            kind=kind,
            number=np.where(kind == Kind.TEXT, np.nan, number),
            integer=np.where(whole, number, 0.0).astype(np.int64),
            text=columns["text"] if (kind == Kind.TEXT).any() else None,
            quality=np.full(len(kind), Quality.GOOD, np.int16),
            origin=np.full(len(kind), Origin.SIMULATED, np.uint8),
        )
        return samples if numbers.all() else samples.take(numbers > 0)

    def _chunk(self, number: int) -> Path:
        return self._folder / f"chunk-{number:05}.parquet"

    def _finish(self) -> None:
        if self.status.state is BackfillState.IMPORTING:
            log.info("history: %d samples of %d chunks are stored", self.status.samples, self.status.chunks)
        for path in self._folder.glob("chunk-*"):  # a line that was broken off has made again what was stored
            path.unlink(missing_ok=True)
        self.status.state = BackfillState.DONE

    def _remedy(self) -> str:
        """What to do about spoilt files: the plan, if it can be read, makes the same chunks again."""
        if self._plan is None:
            return "delete the folder; the next start of the line makes the history again"
        return f"delete {self._folder / 'manifest.json'} if it is there; the next start makes the missing chunks again"

    def _decline(self, error: str, remedy: str) -> None:
        log.warning("history: not imported: %s", error)
        self.status.state, self.status.error, self.status.remedy = BackfillState.DECLINED, error, remedy


def _json(path: Path) -> Mapping[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise BackfillError(f"{path} is not JSON: {error}") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise BackfillError(f"{path} is not of the format {FORMAT}")
    return content


def _texts(column: Any) -> list[str | None]:
    """Texts of an array that names each of them once; its own conversion makes an object of every row first."""
    words = np.array([*column.dictionary.to_pylist(), None], object)  # -1, in a hole, is the last of them
    texts: list[str | None] = words[column.indices.fill_null(-1).to_numpy()].tolist()
    return texts


def _columns(path: Path) -> dict[str, Any]:
    """Columns of a chunk as arrays; `sources` are the texts of the numbers in `source`."""
    import pyarrow as pa  # heavy, and needed once in the life of an installation
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path, memory_map=False, page_checksum_verification=True).combine_chunks()
        source = table.column("source").combine_chunks()
        return {
            "source": source.indices.to_numpy(zero_copy_only=False),
            "sources": source.dictionary.to_pylist(),
            "time_ns": table.column("time_ns").to_numpy(),
            "kind": table.column("kind").to_numpy(),
            "number": table.column("number").to_numpy(),
            "text": _texts(table.column("text").combine_chunks()),
        }
    except (pa.ArrowException, KeyError, AttributeError, ValueError, OSError) as error:
        raise BackfillError(f"{path} is no chunk of a history: {error}") from error
