"""From bytes to stored rows and acknowledgements, over the embedded store, without a broker."""

from array import array
from collections.abc import Callable
from pathlib import Path

import pytest

from edge_agent.sparkplug.delivery import Gap
from edge_agent.sparkplug.intervals import IntervalSet
from edge_agent.sparkplug.metric import DataType, Metric
from edge_agent.sparkplug.origin import Origin
from edge_agent.sparkplug.payload import parse
from edge_agent.sparkplug.quality import Quality
from edge_agent.sparkplug.waveform import encode
from gateway.config import GatewaySettings
from gateway.store.base import StoreUnavailableError
from tests.gateway.bench import EDGE, FAR_NS, FLOW, Bench, begin, flow, flows, running
from tests.gateway.wire import T0_MS, WireEdge
from tests.servers import eventually


def test_rows_are_acknowledged_after_they_are_stored(bench: Bench) -> None:
    """At the moment an acknowledgement leaves, the store holds every row it names."""
    edge = WireEdge()
    begin(bench, edge)
    for number in range(50):
        bench.take(flow(edge, number))
    eventually(lambda: bench.lsns() == IntervalSet([(0, 50)]) or bench.lsns() == IntervalSet([(1, 50)]))
    for said, rows in bench.acknowledged:
        assert said.epoch == edge.epoch
        assert rows >= max((last for _, last in said.stored), default=0)
    assert bench.rows().number.tolist() == [float(number) for number in range(50)]


def test_birth_values_of_our_edges_are_shown_and_not_stored(bench: Bench) -> None:
    """A birth value updates the newest value alone; the same value comes as data with an LSN."""
    edge = WireEdge()
    begin(bench, edge)
    bench.take(flow(edge, 5))
    eventually(lambda: bench.lsns())
    assert bench.rows().number.tolist() == [5.0]
    begin(bench, edge)
    (latest,) = bench.path.latest.snapshot()
    assert (latest.value, latest.quality) == (5.0, Quality.GOOD)


def test_a_signal_whose_source_is_away_at_birth_shows_its_first_value(bench: Bench) -> None:
    """A birth that says STALE has the time of the birth; an older source time of the first value is still shown."""
    edge = WireEdge()
    bench.take(
        edge.node_birth(at_ms=T0_MS + 50),
        edge.device_birth("MIX-10", {"flow": (DataType.DOUBLE, None)}, at_ms=T0_MS + 50, Quality=500),
        flow(edge, 5),
    )
    (latest,) = bench.path.latest.snapshot()
    assert (latest.value, latest.quality) == (5.0, Quality.GOOD)


@pytest.mark.parametrize("historical", [False, True])
@pytest.mark.parametrize("epoch", [1, 2], ids=["salvaged", "new"])
def test_an_edge_that_lost_its_log_doubles_no_value(bench: Bench, historical: bool, epoch: int) -> None:
    """A signal that did not change comes again with its old time, from a new log or what was saved of it: once."""
    before, after = WireEdge(epoch=1), WireEdge(epoch=epoch, first_lsn=1_000, next_lsn=1_000)
    begin(bench, before)
    bench.take(flow(before, 1), flow(before, 2))
    eventually(lambda: 2 in bench.lsns())
    begin(bench, after)
    bench.take(flow(after, 2, historical=historical), flow(after, 3))
    eventually(lambda: any(said.epoch == epoch and 1_001 in said.stored for said, _ in bench.acknowledged))
    assert bench.rows().number.tolist() == [1.0, 2.0, 3.0]


def test_a_birth_is_answered_with_the_highest_number_received(tmp_path: Path) -> None:
    """Also what waits for a store that is down, and what was stored before a restart, counts as received."""
    edge = WireEdge()
    with running(tmp_path) as bench:
        begin(bench, edge)
        eventually(lambda: [said.highest for said, _ in bench.acknowledged] == [0])
        bench.take(flow(edge, 1), flow(edge, 2, lsn=9))
        eventually(lambda: 9 in bench.lsns())
        bench.failing = StoreUnavailableError("no answer", remedy="start it", retry_after_s=0.1)
        bench.take(flow(edge, 3, lsn=12))
        bench.take(edge.node_birth())
        eventually(lambda: bench.acknowledged[-1][0].highest == 12)
        bench.failing = None
        eventually(lambda: 12 in bench.lsns())
    with running(tmp_path) as bench:
        begin(bench, edge)
        eventually(lambda: bench.acknowledged and bench.acknowledged[-1][0].highest == 12)


def test_a_resend_is_acknowledged_again_and_stored_once(tmp_path: Path) -> None:
    """Neither in one run nor over a restart does a message that comes twice make a second row."""
    edge = WireEdge()
    with running(tmp_path) as bench:
        begin(bench, edge)
        bench.take(flow(edge, 1, lsn=1), flow(edge, 1, lsn=1))
        eventually(lambda: 1 in bench.lsns())
        bench.acknowledged.clear()
        bench.take(flow(edge, 1, lsn=1, historical=True))
        eventually(lambda: 1 in bench.lsns())
    with running(tmp_path) as bench:
        begin(bench, edge)
        bench.take(flow(edge, 1, lsn=1, historical=True), flow(edge, 2, lsn=2))
        eventually(lambda: 1 in bench.lsns() and 2 in bench.lsns())
        assert bench.rows().number.tolist() == [1.0, 2.0]
        assert bench.path.receiver.traffic[EDGE].duplicates == 1


@pytest.mark.parametrize("permanent", [False, True])
def test_a_store_that_is_down_loses_nothing(bench: Bench, permanent: bool) -> None:
    """While the store is down edges are told to hold, values stay live, and nothing is acknowledged; then all is."""
    edge = WireEdge()
    begin(bench, edge)
    bench.failing = StoreUnavailableError("no answer", remedy="start it", permanent=permanent, retry_after_s=0.1)
    bench.take(flow(edge, 1))
    eventually(lambda: any(said.hold for said, _ in bench.acknowledged))
    bench.take(flow(edge, 2))
    eventually(lambda: [value.value for value in bench.path.latest.snapshot()] == [2.0])
    assert bench.path.writer.health.remedy == "start it"
    assert bench.path.writer.health.permanent is permanent
    assert 1 not in bench.lsns()
    bench.failing = None
    eventually(lambda: 2 in bench.lsns(), timeout_s=20)
    eventually(lambda: not bench.acknowledged[-1][0].hold)
    assert bench.path.writer.health.error == ""
    assert bench.rows().number.tolist() == [1.0, 2.0]


def test_full_queues_drop_unacknowledged_and_take_the_resend(tmp_path: Path) -> None:
    """Memory stays bounded while the store is down; what did not fit is taken when the edge sends it again."""
    settings = GatewaySettings(live_queue_bytes=1_000_000, history_queue_bytes=1_000_000)
    edge = WireEdge()
    with running(tmp_path, settings) as bench:
        begin(bench, edge)
        bench.failing = StoreUnavailableError("no answer", remedy="start it", retry_after_s=0.1)
        messages = [flows(edge, number) for number in range(1, 501)]
        bench.take(messages[0])
        eventually(lambda: bench.path.writer.health.error)  # now the writer holds its batch, and the queue fills
        bench.take(*messages[1:])
        traffic = bench.path.receiver.traffic[EDGE]
        bench.path.receiver.flush(0.0, 0)
        assert traffic.refused > 200
        assert bench.path.inbox.depth() + traffic.refused <= 500
        assert bench.path.inbox.fill() <= 1.0
        bench.failing = None
        eventually(lambda: bench.path.inbox.depth() == 0, timeout_s=20)

        def all_came() -> bool:
            missing = bench.lsns().missing(1, 500)
            for first, last in missing:
                bench.take(*(flows(edge, number, historical=True) for number in range(first, last + 1)))
            return not missing

        eventually(all_came, timeout_s=20, interval_s=0.5)
        assert bench.rows().number.tolist() == [float(number) for number in range(200, 501 * 200)]


def spoil(change: Callable[..., None]) -> Callable[[bytes], bytes]:
    """Return a function that damages the second metric of a payload (the first is the LSN)."""

    def damaged(payload: bytes) -> bytes:
        message = parse(payload)
        change(message.metrics[1])
        serialised: bytes = message.SerializeToString()
        return serialised

    return damaged


@pytest.mark.parametrize(
    ("damage", "reason", "readable"),
    [
        (lambda payload: payload[:-3], "not a Sparkplug B payload", False),
        (lambda payload: b"", "the payload is empty", False),
        (lambda payload: payload + b"\xf2\x04" + b"\x80" * 9, "not a Sparkplug B payload", False),
        (lambda payload: payload + b"\x00" * 10_000_000, "more than 4000000", False),
        (spoil(lambda metric: setattr(metric, "datatype", 99)), "data type number 99", True),
        (spoil(lambda metric: setattr(metric, "string_value", "12")), "but the value is in string_value", True),
        (spoil(lambda metric: setattr(metric, "bytes_value", b"1")), "but the value is in bytes_value", True),
        (spoil(lambda metric: metric.ClearField("double_value")), "neither a value nor is_null", True),
        (spoil(lambda metric: setattr(metric, "timestamp", 2**63)), "does not fit 64 bits", True),
        (spoil(lambda metric: metric.properties.keys.append("ns")), "1 property keys, 0 values", True),
    ],
)
def test_a_poisoned_message_goes_to_quarantine_and_the_rest_flows(
    bench: Bench, damage: Callable[[bytes], bytes], reason: str, readable: bool
) -> None:
    """What cannot be read is on disk with its reason after one try, acknowledged where its LSN could be read."""
    edge = WireEdge()
    begin(bench, edge)
    topic, payload = flow(edge, 1)
    bench.take((topic, damage(payload)))
    if not readable:
        edge.seq -= 1  # its number was not read, so the next message must not seem to come too early
    bench.take(flow(edge, 2))
    eventually(lambda: 2 in bench.lsns())
    eventually(lambda: bench.quarantine.count() == 1)
    (entry,) = bench.entries()
    assert reason in entry.reason
    assert (entry.topic, entry.lsn) == (topic, 1 if readable else None)
    assert (1 in bench.lsns()) is readable
    assert bench.rows().number.tolist() == [2.0]


def test_one_bad_point_costs_one_point(bench: Bench) -> None:
    """The good values of a message with a bad one are stored, and the bad one is named with its time."""
    edge = WireEdge()
    bench.take(edge.node_birth(), edge.device_birth("MIX-10", {**FLOW, "count": (DataType.UINT64, 0)}))
    big = Metric(None, DataType.UINT64, 2**63, T0_MS + 1, edge.alias("MIX-10", "count"))
    bench.take(edge.data("MIX-10", [edge.number("MIX-10", "flow", 1.5, T0_MS + 1), big]))
    eventually(lambda: 1 in bench.lsns())
    assert bench.rows().number.tolist() == [1.5]
    (value,) = bench.quarantine.values()
    assert (value.series, value.time_ns) == ("showroom/line-edge/MIX-10/count", (T0_MS + 1) * 1_000_000)


def test_a_full_quarantine_keeps_poison_at_the_edge_and_lets_the_rest_flow(tmp_path: Path) -> None:
    """What cannot be put into quarantine is not acknowledged; other messages of the same batch are."""
    edge = WireEdge()
    with running(tmp_path) as bench:
        bench.quarantine._max_bytes = 0
        begin(bench, edge)
        topic, payload = flow(edge, 1)
        bench.take((topic, spoil(lambda metric: setattr(metric, "datatype", 99))(payload)), flow(edge, 2))
        eventually(lambda: 2 in bench.lsns())
        assert 1 not in bench.lsns()
        assert "move the file away" in bench.path.writer.health.quarantine_error
        bench.quarantine._max_bytes = 10**9
        bench.take(flow(edge, 1, lsn=1, historical=True))
        eventually(lambda: 1 in bench.lsns())
        assert bench.rows().number.tolist() == [1.0, 2.0]


WAVE = {**FLOW, "waveform": (DataType.BYTES, None)}


def waveform(edge: WireEdge, level: float, at_ms: int) -> Metric:
    return Metric(None, DataType.BYTES, encode(1000.0, [level, -level]), at_ms, edge.alias("MIX-10", "waveform"))


def test_waveforms_are_kept_before_they_are_acknowledged(bench: Bench) -> None:
    """A block lies beside the store with its time, once, however often it is sent; rows of its message are stored."""
    edge = WireEdge()
    bench.take(edge.node_birth(), edge.device_birth("MIX-10", WAVE))
    both = [edge.number("MIX-10", "flow", 1.5, T0_MS + 1), waveform(edge, 0.5, T0_MS + 2)]
    bench.take(edge.data("MIX-10", both), edge.data("MIX-10", [waveform(edge, 2.0, T0_MS + 9)]))
    bench.take(edge.data("MIX-10", [waveform(edge, 0.5, T0_MS + 2)], historical=True))
    eventually(lambda: 3 in bench.lsns())
    path = "showroom/line-edge/MIX-10/waveform"
    kept = bench.waveforms.list(path, 0, FAR_NS, 10)
    assert [entry.time_ns for entry in kept] == [(T0_MS + 9) * 1_000_000, (T0_MS + 2) * 1_000_000]
    first = bench.waveforms.get(path, (T0_MS + 8) * 1_000_000)
    assert first is not None
    assert array("f", first.waveform.samples).tolist() == [0.5, -0.5]
    assert (first.waveform.rate_hz, first.quality, first.origin) == (1000.0, Quality.GOOD, Origin.SIMULATED)
    assert bench.rows().number.tolist() == [1.5]
    assert bench.entries() == []


def test_bytes_that_are_no_waveform_go_into_quarantine(bench: Bench) -> None:
    """Another host's Bytes cost themselves alone, and the reason says what is stored."""
    edge = WireEdge()
    bench.take(edge.node_birth(), edge.device_birth("MIX-10", WAVE))
    other = Metric(None, DataType.BYTES, b"PNG", T0_MS + 1, edge.alias("MIX-10", "waveform"))
    bench.take(edge.data("MIX-10", [edge.number("MIX-10", "flow", 1.5, T0_MS + 1), other]))
    eventually(lambda: 1 in bench.lsns())
    assert bench.rows().number.tolist() == [1.5]
    (entry,) = bench.entries()
    assert "only where they are waveform blocks" in entry.reason


def test_waveforms_that_cannot_be_kept_wait_at_the_edge_and_the_rest_flows(tmp_path: Path) -> None:
    """With a full disk under the waveforms other messages of the batch are stored; the block is taken when it comes."""
    edge = WireEdge()
    with running(tmp_path) as bench:
        bench.take(edge.node_birth(), edge.device_birth("MIX-10", WAVE))
        bench.waveforms._connection.execute("PRAGMA max_page_count = 1")
        big = Metric(None, DataType.BYTES, encode(1.0, [0.0] * 20_000), T0_MS, edge.alias("MIX-10", "waveform"))
        bench.take(edge.data("MIX-10", [big]), flow(edge, 2))
        eventually(lambda: 2 in bench.lsns())
        assert 1 not in bench.lsns()
        assert "full" in bench.path.writer.health.waveform_error
        bench.waveforms._connection.execute("PRAGMA max_page_count = 1000000")
        bench.take(edge.data("MIX-10", [big], lsn=1, historical=True))
        eventually(lambda: 1 in bench.lsns())
        assert bench.path.writer.health.waveform_error == ""
        assert len(bench.waveforms.list("showroom/line-edge/MIX-10/waveform", 0, FAR_NS, 10)) == 1


def test_a_foreign_edge_may_send_a_waveform_at_birth(bench: Bench) -> None:
    """What a node without durable delivery says in its birth is kept like its values."""
    edge = WireEdge(epoch=None)
    block = {"waveform": (DataType.BYTES, encode(50.0, [1.0]))}
    bench.take(edge.node_birth(), edge.device_birth("MIX-10", block))
    eventually(lambda: bench.waveforms.get("showroom/line-edge/MIX-10/waveform", FAR_NS))


def test_gap_records_are_stored_as_declared(bench: Bench) -> None:
    """A gap record is acknowledged like rows and readable from the store."""
    edge = WireEdge()
    begin(bench, edge)
    gap = Gap("MIX-10", "flow", 10, 20, 7, "log_overflow")
    bench.take(edge.gap(gap))
    eventually(lambda: 1 in bench.lsns())
    (declared,) = bench.store.gaps(0, 100)
    assert (declared.edge, declared.epoch, declared.gap) == (EDGE, edge.epoch, gap)
    assert bench.path.receiver.traffic[EDGE].dropped == 7


def test_a_new_log_is_declared_once(tmp_path: Path) -> None:
    """An edge that lost its log leaves one gap between the newest stored value and the first of the new log."""
    edge = WireEdge()
    with running(tmp_path) as bench:
        begin(bench, edge)
        bench.take(flow(edge, 1))
        eventually(lambda: 1 in bench.lsns())
    renewed = WireEdge(epoch=4)
    for _ in range(2):
        with running(tmp_path) as bench:
            begin(bench, renewed)
            bench.take(flow(renewed, 1_000, lsn=1))
            eventually(lambda: any(0 in said.stored for said, _ in bench.acknowledged) or bench.store.gaps(0, FAR_NS))
            eventually(lambda: 1 in bench.lsns())
            eventually(lambda: bench.store.gaps(0, FAR_NS))
            assert [gap.gap for gap in bench.store.gaps(0, FAR_NS)] == [
                Gap(None, None, (T0_MS + 1) * 1_000_000, (T0_MS + 1_000) * 1_000_000, None, "epoch_changed")
            ]


def test_a_foreign_node_is_stored_with_its_birth_and_without_duplicates(bench: Bench) -> None:
    """Births of nodes without LSNs are samples; a repeated (series, time) is stored once."""
    edge = WireEdge("stranger", epoch=None)
    bench.take(edge.node_birth(), edge.device_birth("PLC", {"level": (DataType.DOUBLE, 7.0)}))
    for number in (1, 2, 1, 2):
        bench.take(edge.data("PLC", [edge.number("PLC", "level", float(number), T0_MS + number)]))
    bench.take(edge.device_birth("PLC", {"level": (DataType.DOUBLE, 7.0)}))
    eventually(lambda: bench.path.writer.health.samples == 6)
    assert bench.rows("level").number.tolist() == [7.0, 1.0, 2.0]
    assert bench.acknowledged == []
    assert [series.key.metric for series in bench.store.series()] == ["level"]


def test_an_unknown_alias_is_not_acknowledged_until_a_rebirth_explains_it(bench: Bench) -> None:
    """Data that cannot be read yet stays at the edge, which is asked for a rebirth and sends it again."""
    edge = WireEdge()
    begin(bench, edge)
    level = edge.data("MIX-10", [edge.number("MIX-10", "level", 3.0, T0_MS + 1)])
    bench.take(level)
    eventually(lambda: bench.rebirths == 1)
    bench.take(edge.node_birth(), edge.device_birth("MIX-10", {**FLOW, "level": (DataType.DOUBLE, None)}))
    bench.take(flow(edge, 5))
    eventually(lambda: 2 in bench.lsns())
    assert 1 not in bench.lsns()
    bench.take(edge.data("MIX-10", [edge.number("MIX-10", "level", 3.0, T0_MS + 1)], lsn=1, historical=True))
    eventually(lambda: 1 in bench.lsns())
    assert bench.rows("level").number.tolist() == [3.0]


def test_a_lost_message_costs_nothing(bench: Bench) -> None:
    """A sequence gap lets later data through after the time-out; the lost message is taken when it comes again."""
    edge = WireEdge()
    begin(bench, edge)
    flow(edge, 1)
    bench.take(flow(edge, 2))
    eventually(lambda: 2 in bench.lsns())
    eventually(lambda: bench.rebirths == 1)
    bench.take(flow(edge, 1, lsn=1, historical=True))
    eventually(lambda: 1 in bench.lsns())
    assert bench.rows().number.tolist() == [1.0, 2.0]


def test_status_of_an_edge_is_heard_and_not_stored(bench: Bench) -> None:
    """Backlog and source states are for people; transient metrics never reach the store."""
    edge = WireEdge()
    begin(bench, edge)
    words = '{"state":"unavailable","error":"refused","remedy":"start the server"}'
    bench.take(
        edge.status(
            [
                Metric("Delivery/backlog", DataType.UINT64, 12, T0_MS, is_transient=True),
                Metric("Delivery/source/process-cell", DataType.STRING, words, T0_MS, is_transient=True),
            ]
        ),
        flow(edge, 1),
    )
    eventually(lambda: 1 in bench.lsns())
    traffic = bench.path.receiver.traffic[EDGE]
    assert traffic.backlog == 12
    assert traffic.sources["process-cell"].remedy == "start the server"
    assert [series.key.metric for series in bench.store.series()] == ["flow"]
