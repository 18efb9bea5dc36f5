"""Work that waits for the log: bounded, and exact about what it gives up."""

import pytest

from edge_agent.sparkplug.encoder import Declaration, ReportedValue
from edge_agent.sparkplug.metric import DataType
from edge_agent.sparkplug.origin import Origin
from edge_agent.sparkplug.quality import Quality
from edge_agent.sparkplug.waiting import Declare, Flush, WaitingWork


def flush(first: int, count: int, metric: int = 0) -> Flush:
    values: list[ReportedValue] = [(metric, first + step, 1.0, Quality.GOOD) for step in range(count)]
    return Flush(first, [("plc", values)], first)


@pytest.mark.parametrize(("keep_oldest", "kept_from"), [(False, 71), (True, 1)])
def test_bounded_and_exact(keep_oldest: bool, kept_from: int) -> None:
    """Beyond the limit whole batches give way at the declared end; what is left and what is counted is what came."""
    waiting = WaitingWork(30, keep_oldest=keep_oldest)
    metrics = [(number, Declaration(f"D{number}", "m", DataType.DOUBLE, Origin.REAL)) for number in (0, 1)]
    declare = Declare("plc", metrics)
    waiting.put(declare)
    for first in range(1, 101, 10):
        waiting.put(flush(first, 10, metric=first // 10 % 2))
        assert waiting.n_values <= 30
    losses = waiting.take_losses()
    assert sum(loss.count for loss in losses) == waiting.dropped == 70
    assert {loss.device_id for loss in losses} == {"D0", "D1"}
    assert {loss.cause for loss in losses} == {"memory_overflow"}
    lost = [time for loss in losses for time in (loss.from_ns, loss.to_ns)]
    assert (min(lost), max(lost)) == ((31, 100) if keep_oldest else (1, 70))
    assert waiting.take() is declare, "declarations are never given up"
    kept = []
    while (item := waiting.take()) is not None:
        assert isinstance(item, Flush)
        kept += [time for _, values in item.batches for _, time, _, _ in values]
    assert kept == list(range(kept_from, kept_from + 30))
    assert waiting.take_losses() == []
    assert waiting.n_values == 0


def test_empty_hand_overs_do_not_pile_up() -> None:
    """Hand-overs of nothing only move the time on."""
    waiting = WaitingWork(30, keep_oldest=False)
    for time_ns in range(1, 100):
        waiting.put(Flush(time_ns, [], time_ns - 5))
    assert waiting.take() == Flush(99, [], 94)
    assert waiting.take() is None
