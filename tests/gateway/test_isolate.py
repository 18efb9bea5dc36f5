"""Messages on which the store fails in a way that it does not name, and what a full quarantine cannot take."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edge_agent.sparkplug.intervals import IntervalSet
from gateway.columns import Rows
from gateway.decode import read_data
from gateway.fast_decode import Part, read_fast
from gateway.inbox import Entry
from gateway.isolate import Isolation
from gateway.store.base import EdgeKey, Reject, RejectedSamples, WriteBatch
from tests.gateway.bench import Bench, begin, flow, flows, running
from tests.gateway.wire import WireEdge
from tests.servers import eventually

DEFECT_S = 60.0
"""The store is tried again with growing pauses before a message is given up."""


def stumble_at(*numbers: float) -> Callable[[WriteBatch], None]:
    """Return a defect that shows where one of these values is written."""

    def stumble(batch: WriteBatch) -> None:
        for samples in (batch.samples, batch.unnumbered):
            if np.isin(samples.number, numbers).any():
                raise ZeroDivisionError("a defect")

    return stumble


def test_the_guilty_are_found_among_many_and_all_others_pass() -> None:
    """Each entry is either written once or found guilty, in few attempts."""
    edge = EdgeKey("site", "edge")
    entries = [Entry(edge, lsns=IntervalSet.of([lsn]), count=1) for lsn in range(1, 65)]
    guilty = {8, 41}
    written: list[int] = []
    attempts = 0

    def write(run: Sequence[Entry]) -> None:
        nonlocal attempts
        attempts += 1
        numbers = [next(entry.lsns.numbers()) for entry in run]
        if guilty.intersection(numbers):
            raise ZeroDivisionError
        written.extend(numbers)

    isolation = Isolation([entries])
    isolation.run(write)
    assert written == [lsn for lsn in range(1, 65) if lsn not in guilty]
    assert {next(entry.lsns.numbers()) for entry, _ in isolation.guilty} == guilty
    assert isolation.passed
    assert attempts <= 2 * 2 * 6 + 1


def test_a_message_that_breaks_the_store_costs_itself_alone(bench: Bench) -> None:
    """The guilty messages of a batch, and of a bundle in it, are quarantined with their values; the rest is stored."""
    edge = WireEdge()
    begin(bench, edge)
    bench.take(flow(edge, 1))
    eventually(lambda: 1 in bench.lsns())
    bench.defect = stumble_at(400.0, 650.0)
    bench.take(*(flows(edge, lsn) for lsn in range(2, 8)))
    eventually(lambda: bench.lsns() == IntervalSet([(0, 7)]), timeout_s=DEFECT_S)
    kept = [float(number) for lsn in range(4, 8) for number in range(200 * lsn, 200 * lsn + 200)]
    assert bench.rows().number.tolist() == [1.0, *kept]
    entries = bench.entries()
    assert sorted(entry.lsn or 0 for entry in entries) == [2, 3]
    assert "ZeroDivisionError: a defect" in entries[0].reason
    assert len(list(bench.quarantine.values(entries[0].id))) == 200
    eventually(lambda: bench.path.writer.health.error == "")


def test_a_store_that_breaks_on_everything_costs_no_message(bench: Bench) -> None:
    """Where no message can be stored, be it one or many, all of them wait until the store works again."""
    edge = WireEdge()
    begin(bench, edge)
    bench.take(flow(edge, 1))
    eventually(lambda: 1 in bench.lsns())
    attempts: list[int] = []
    stumble = stumble_at(*range(100))

    def stumble_always(batch: WriteBatch) -> None:
        attempts.append(len(batch.samples) + len(batch.unnumbered))
        stumble(batch)

    bench.defect = stumble_always
    bench.take(flow(edge, 2))
    eventually(lambda: len(attempts) > 3, timeout_s=DEFECT_S)
    bench.take(*(flow(edge, number) for number in range(3, 7)))
    eventually(lambda: max(attempts) == 5, timeout_s=DEFECT_S)
    tried = len(attempts)
    eventually(lambda: len(attempts) > tried + 9, timeout_s=DEFECT_S)
    assert bench.entries() == []
    assert max(last for _, last in bench.lsns()) == 1
    assert "defect of the gateway" in bench.path.writer.health.remedy
    bench.defect = None
    eventually(lambda: 6 in bench.lsns(), timeout_s=DEFECT_S)
    assert bench.rows().number.tolist() == [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]


def test_a_lone_message_that_breaks_the_store_waits_for_another_that_does_not(bench: Bench) -> None:
    """One message that fails proves nothing; when a later one is stored, the first is quarantined."""
    edge = WireEdge()
    begin(bench, edge)
    bench.defect = stumble_at(1.0)
    bench.take(flow(edge, 1))
    eventually(lambda: bench.path.writer.health.error, timeout_s=DEFECT_S)
    bench.take(flow(edge, 2))
    eventually(lambda: bench.lsns() == IntervalSet([(0, 2)]), timeout_s=DEFECT_S)
    assert bench.rows().number.tolist() == [2.0]
    assert [entry.lsn for entry in bench.entries()] == [1]


def test_a_full_quarantine_keeps_what_the_store_refuses_at_its_edge(tmp_path: Path) -> None:
    """Rows that the store refuses and the quarantine cannot take wait at their edge; other messages are stored."""
    edge, other = WireEdge(), WireEdge("other-edge", epoch=9, next_lsn=100)
    with running(tmp_path) as bench:
        begin(bench, edge)
        begin(bench, other)
        bench.quarantine._max_bytes = 1
        write = bench._write

        def refuse_sevens(batch: WriteBatch, reject: Reject) -> None:
            refused = batch.samples.number == 7.0
            if refused.any():
                reject(RejectedSamples(batch.samples.take(refused), "the store has no sevens"))
            write(replace(batch, samples=batch.samples.take(~refused)), reject)

        bench._write = refuse_sevens
        bench.take(flow(edge, 1), flow(other, 1))
        eventually(lambda: 1 in bench.lsns() and 100 in bench.lsns())
        bench.take(flow(edge, 7), flow(edge, 8), flow(other, 9))
        eventually(lambda: 3 in bench.lsns() and 101 in bench.lsns())
        assert 2 not in bench.lsns()
        assert "its limit of 1 bytes" in bench.path.writer.health.quarantine_error
        assert bench.path.writer.health.error == ""
        bench.quarantine._max_bytes = 10**9
        bench.take(flow(edge, 7, lsn=2, historical=True))
        eventually(lambda: 2 in bench.lsns())
        assert bench.path.writer.health.quarantine_error == ""
        assert [entry.reason for entry in bench.entries()] == ["the store has no sevens"]


def test_a_message_on_which_decoding_fails_costs_itself_alone(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the fast path fails on a bundle, its messages are read one by one, and the guilty one is quarantined."""
    edge = WireEdge()
    begin(bench, edge)

    def fail_fast(parts: list[Part]) -> tuple[Rows, object]:
        if any(len(part.metrics) == 200 for part in parts):
            raise IndexError("a defect")
        return read_fast(parts)

    def fail_on_many(metrics: list[object], *arguments: object, **options: object) -> object:
        if len(metrics) == 200:
            raise IndexError("a defect")
        return read_data(metrics, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr("gateway.numbered.read_fast", fail_fast)
    monkeypatch.setattr("gateway.numbered.read_data", fail_on_many)
    bench.take(flow(edge, 1), flows(edge, 2), flow(edge, 3))
    eventually(lambda: bench.lsns() == IntervalSet([(0, 3)]))
    assert bench.rows().number.tolist() == [1.0, 3.0]
    assert [(entry.lsn, entry.reason) for entry in bench.entries()] == [(2, ": IndexError('a defect')")]
