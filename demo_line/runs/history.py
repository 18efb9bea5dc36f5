"""`history`: what the line would have left in a store by now, as files that a gateway imports.

A folder holds `plan.json` (which history it is), `chunk-00001.parquet`, ... in the order of time, each renamed to its
name when it is whole, `end.snapshot` (the line's state at the end) and, last, `manifest.json`. The same plan always
gives the same chunks, so a history that was broken off is made again and nothing of it is imported twice.

Columns of a chunk, grouped by signal: `source` (address of the OPC UA node), `time_ns` (UTC nanoseconds since 1970),
`kind` (1 float, 2 integer, 3 boolean, 4 text), `number`, `text`. A reading that repeats the one before is left out, as
an edge agent does.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from demo_line.clock import NS_PER_S
from demo_line.line import Line
from demo_line.runs.history_plan import FORMAT, MANIFEST, SNAPSHOT, HistoryPlan, put
from demo_line.runs.recorder import Block, Recorder, Resolution
from demo_line.runs.simulation import Simulation, Solver
from demo_line.signals import Channel, DataType

COARSE_ROWS, FINE_ROWS = 300, 450
"""Rows of a chunk: some 50,000 values, which a store takes in a fraction of a second."""

AWAKE_S = 3600.0
"""So long before its end the line may work beyond its calendar, as it does when it is served: it has warmed up then."""

_REPEAT_S = {Resolution.MINUTE: 3600, Resolution.SECOND: 60}
"""A value that stays is given again after this time, so that a line in a chart goes on."""

_KINDS = {
    DataType.DOUBLE: 1,
    DataType.INT32: 2,
    DataType.INT64: 2,
    DataType.BOOLEAN: 3,
    DataType.STRING: 4,
}

_SCHEMA = pa.schema(
    [
        pa.field("source", pa.dictionary(pa.int32(), pa.string())),
        pa.field("time_ns", pa.int64()),
        pa.field("kind", pa.uint8()),
        pa.field("number", pa.float64()),
        pa.field("text", pa.dictionary(pa.int32(), pa.string())),
    ],
    metadata={"format": FORMAT},
)


def write_history(line: Line, plan: HistoryPlan, folder: Path, source: Callable[[Channel], str]) -> Iterator[float]:
    """Simulate and write the chunks; yields the share of the days that is done.

    Args:
        line: the line.
        plan: as `plan_history` gave it.
        folder: where the files go.
        source: address of a channel's node, as an edge agent gives it in its births.
    """
    run_s = (plan.until_ns - plan.start_ns) / NS_PER_S
    coarse_s = run_s - round(plan.fine_hours * 60.0) * 60.0
    simulation = Simulation(line, plan.seed, plan.start_ns, Solver.COARSE)
    chunks = _Chunks(folder, source)
    for solver, resolution, rows, end_s in (
        (Solver.COARSE, Resolution.MINUTE, COARSE_ROWS, coarse_s),
        (Solver.FINE, Resolution.SECOND, FINE_ROWS, run_s),
    ):
        simulation.solver = solver
        recorder = Recorder(line, plan.seed, plan.start_ns, resolution, chunks.take, rows)
        chunks.begin(recorder, resolution)
        while simulation.elapsed_s < end_s:
            if run_s - simulation.elapsed_s <= AWAKE_S:
                line.go_live(simulation.state)
            simulation.advance_to(min(simulation.elapsed_s + rows * solver.step_s, end_s), recorder.observe)
            simulation.state.around.events.clear()
            simulation.state.around.bottles.clear()
            yield simulation.elapsed_s / run_s
        recorder.flush()
    put(folder / SNAPSHOT, simulation.snapshot())
    manifest = {"format": FORMAT, "chunks": chunks.number, "rows": chunks.rows}
    put(folder / MANIFEST, json.dumps(manifest, indent=2).encode() + b"\n")


class _Chunks:
    """Turns blocks of readings into numbered files."""

    def __init__(self, folder: Path, source: Callable[[Channel], str]) -> None:
        self.number = self.rows = 0
        self._folder, self._source = folder, source
        self._channels: tuple[Channel, ...] = ()
        self._texts: Mapping[str, Mapping[str, int]] = {}
        self._repeat_rows = 1

    def begin(self, recorder: Recorder, resolution: Resolution) -> None:
        """The next blocks come from this recorder."""
        self._channels, self._texts = recorder.channels, recorder.texts
        self._repeat_rows = _REPEAT_S[resolution] // resolution.seconds

    def take(self, block: Block) -> None:
        """Write a block as the next chunk."""
        repeated = np.arange(len(block.time_ns)) % self._repeat_rows == 0
        kept = _news(block.values, repeated)
        places, rows = np.nonzero(kept)
        numbers = block.values[kept]
        kinds = np.array([_KINDS[channel.signal.datatype] for channel in self._channels], np.uint8)
        sources = pa.array([self._source(channel) for channel in self._channels], pa.string())
        table = pa.Table.from_arrays(
            [
                pa.DictionaryArray.from_arrays(places.astype(np.int32), sources),
                pa.array(block.time_ns[rows]),
                pa.array(kinds[places]),
                pa.array(numbers),
                self._words(places, numbers),
            ],
            schema=_SCHEMA,
        )
        self.number += 1
        self.rows += table.num_rows
        path = self._folder / f"chunk-{self.number:05}.parquet"
        partial = path.with_suffix(".partial")
        try:
            pq.write_table(
                *(table, partial),
                compression="zstd",
                compression_level=1,
                use_dictionary=["source", "text"],
                write_statistics=False,
                write_page_checksum=True,
            )
            partial.replace(path)
        except OSError as error:
            raise OSError(f"{path} cannot be written: {error}; make room, the next start makes it again") from error

    def _words(self, places: NDArray[np.intp], numbers: NDArray[np.float64]) -> pa.Array:
        """Texts of the values of channels, which are ordered by channel; a hole where a value is a number."""
        known: list[str] = []
        words = np.full(len(places), -1, np.int32)
        for place, channel in enumerate(self._channels):
            if channel.signal.datatype is DataType.STRING:
                own = slice(*np.searchsorted(places, (place, place + 1)))
                words[own] = numbers[own].astype(np.int32) + len(known)
                known.extend(self._texts[channel.name])
        return pa.DictionaryArray.from_arrays(pa.array(words, mask=words < 0), pa.array(known, pa.string()))


def _news(values: NDArray[np.float64], repeated: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Where a value is there and differs from the last one that was, or is due to be given again.

    Args:
        values: channels x rows; NaN where there is none.
        repeated: rows in which values are given again.
    """
    there = np.isfinite(values)
    changed = np.ones(values.shape, np.bool_)
    changed[:, 1:] = values[:, 1:] != values[:, :-1]
    for place in np.flatnonzero(~there.all(axis=1)):
        rows = np.flatnonzero(there[place])
        changed[place, rows[1:]] = values[place, rows[1:]] != values[place, rows[:-1]]
    news: NDArray[np.bool_] = there & (changed | repeated)
    return news
