"""Messages no edge agent of ours sends: each costs itself alone, and what honest edges send is stored."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from edge_agent.sparkplug.delivery import BD_SEQ, EPOCH, FIRST_LSN, GAP, LSN
from edge_agent.sparkplug.metric import DataType, Metric
from edge_agent.sparkplug.payload import PayloadError, decode
from edge_agent.sparkplug.topic import MessageType
from gateway.host import says_offline
from gateway.receive import MAX_METRICS
from tests.gateway.bench import FLOW, Bench, begin, flow, running
from tests.gateway.wire import T0_MS, Wire, WireEdge
from tests.servers import eventually

DEEP = "[" * 100_000
PLACE, BROKEN = "NAMEX", b"\xff\xfe\xfd\xfc\xfb"


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with running(tmp_path) as started:
        yield started


def broken(message: Wire) -> Wire:
    """Put bytes that are not UTF-8 in the place of a text."""
    topic, payload = message
    assert PLACE.encode() in payload
    return topic, payload.replace(PLACE.encode(), BROKEN)


def node_birth(edge: WireEdge, epoch: int, first_lsn: int) -> Wire:
    """A birth whose numbers of durable delivery are signed."""
    metrics = [
        Metric(BD_SEQ, DataType.INT64, 0, T0_MS),
        Metric(EPOCH, DataType.INT64, epoch, T0_MS),
        Metric(FIRST_LSN, DataType.INT64, first_lsn, T0_MS),
    ]
    return WireEdge(edge.edge_node_id, epoch=None).node_birth(metrics)


def gap(edge: WireEdge, text: str) -> Wire:
    number = edge.next_lsn
    edge.next_lsn += 1
    metrics = [
        Metric(None, DataType.UINT64, number, T0_MS, edge.alias(None, LSN)),
        Metric(None, DataType.STRING, text, T0_MS, edge.alias(None, GAP)),
    ]
    return edge.status(metrics)


def gap_of(device: str) -> Callable[[WireEdge], Sequence[Wire]]:
    text = f'{{"device_id":{device},"metric":null,"from_ns":1,"to_ns":2,"count":1,"cause":"source_down"}}'
    return lambda edge: [gap(edge, text)]


ATTACKS: dict[str, Callable[[WireEdge], Sequence[Wire]]] = {
    "negative epoch": lambda edge: [node_birth(edge, -5, 1), edge.device_birth("MIX-10", FLOW), flow(edge, 1)],
    "negative first LSN": lambda edge: [node_birth(edge, 5, -9), edge.device_birth("MIX-10", FLOW), flow(edge, 1)],
    "gap with half a surrogate pair": gap_of('"\\ud800"'),
    "gap nested too deep": lambda edge: [gap(edge, DEEP)],
    "name that is not UTF-8": lambda edge: [
        broken(edge.data("MIX-10", [Metric(PLACE, DataType.DOUBLE, 1.0, T0_MS)])),
    ],
    "text that is not UTF-8": lambda edge: [
        edge.device_birth("MIX-10", {**FLOW, "text": (DataType.STRING, "")}),
        broken(edge.data("MIX-10", [Metric(None, DataType.STRING, PLACE, T0_MS, edge.alias("MIX-10", "text"))])),
    ],
    "birth that is not UTF-8": lambda edge: [broken(edge.device_birth("X", {PLACE: (DataType.DOUBLE, 1.0)}))],
    "property that is not UTF-8": lambda edge: [broken(edge.device_birth("X", FLOW, engUnit=PLACE))],
    "millions of empty metrics": lambda edge: [(edge.topic(MessageType.NBIRTH), b"\x12\x00" * (MAX_METRICS + 1))],
}


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_a_hostile_message_stops_nobody_else(bench: Bench, attack: Callable[[WireEdge], Sequence[Wire]]) -> None:
    """It goes into quarantine, and the next message of an honest edge is stored and acknowledged."""
    stranger, honest = WireEdge("stranger"), WireEdge(epoch=77)
    begin(bench, stranger)
    begin(bench, honest)
    bench.take(*attack(stranger))
    bench.take(flow(honest, 7, lsn=5))
    eventually(lambda: any(said.epoch == 77 and 5 in said.stored for said, _ in bench.acknowledged))
    eventually(bench.entries)
    assert not bench.path.writer.health.error


def test_what_an_edge_says_of_a_source_may_be_nonsense(bench: Bench) -> None:
    """A status that cannot be read is shown as it is."""
    edge = WireEdge()
    begin(bench, edge)
    bench.take(edge.status([Metric("Delivery/source/x", DataType.STRING, DEEP, T0_MS, is_transient=True)]))
    (traffic,) = bench.path.receiver.traffic.values()
    assert traffic.sources["x"].state == DEEP


def test_a_state_nested_too_deep_is_not_ours() -> None:
    """A STATE message that cannot be read says nothing."""
    assert not says_offline(DEEP.encode())


def test_a_command_that_is_not_utf8_is_refused() -> None:
    """Decoding names the metric instead of handing out bytes as text."""
    _, payload = broken(WireEdge(epoch=None).node_birth([Metric(PLACE, DataType.BOOLEAN, value=True)]))
    with pytest.raises(PayloadError, match="not UTF-8"):
        decode(payload)
