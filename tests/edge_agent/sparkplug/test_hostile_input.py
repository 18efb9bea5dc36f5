"""What sources, hosts and strangers may say to an edge node without ending it or making it forget a message."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from edge_agent.sparkplug.client import Message
from edge_agent.sparkplug.delivery import ACK, Gap
from edge_agent.sparkplug.encoder import Declaration, Encoder
from edge_agent.sparkplug.log import DurableLog, LogConfig
from edge_agent.sparkplug.log_row import LoggedRow, gap_row
from edge_agent.sparkplug.metric import DataType, Metric
from edge_agent.sparkplug.origin import Origin
from edge_agent.sparkplug.payload import Payload, encode
from edge_agent.sparkplug.publisher import NodeIdentity, Publisher
from edge_agent.sparkplug.quality import Quality
from edge_agent.sparkplug.recover import recover_times
from edge_agent.sparkplug.session import HostState
from edge_agent.sparkplug.unique_times import LATEST_NS

NOW_NS = 1_795_000_000_000_000_000
MS = 1_000_000
YEAR_9999_NS = 253_402_300_799 * 10**9
DEEP = "[" * 100_000


class _Sent:
    """A connection that takes everything."""

    def publish(self, topic: str, payload: bytes, qos: int = 0, retain: bool = False) -> bool:
        return True

    def renew(self, last: Sequence[Message]) -> None:
        return


class Edge:
    """Log, encoder and publisher of one node with one metric, without threads."""

    def __init__(self, folder: Path) -> None:
        self.config = LogConfig(path=folder / "log.db")
        self.log = DurableLog.open(self.config, NOW_NS)
        self.encoder = Encoder(recover_times(self.log))
        identity = NodeIdentity("showroom", "edge", "host")
        self.publisher = Publisher(identity, self.config, self.log, self.encoder, dict)
        self.publisher.use(_Sent())
        declaration = Declaration("D", "m", DataType.DOUBLE, Origin.REAL)
        (alias,) = self.log.aliases.of([declaration.key])
        self.encoder.add(0, declaration, alias, self.log.aliases.first("D", "m"))
        self.publisher.connected(0)
        self.publisher.session.hear(HostState(online=True, timestamp_ms=1))
        self.publisher.bear(0.0, NOW_NS)
        self.command(json.dumps({"host_id": "host", "epoch": self.log.epoch, "stored": [], "highest": 0}))

    def give(self, *times_ns: int) -> int:
        """Log and publish values; returns how many were refused."""
        rows, refused = self.encoder.encode([(0, time_ns, 1.0, Quality.GOOD) for time_ns in times_ns], NOW_NS)
        appended = self.log.append(rows, NOW_NS, {"s": max((row.last_ns for row in rows), default=0)})
        logged = [
            LoggedRow(lsn, row.device_id, row.payload)
            for lsn, row in zip(appended.lsns, rows, strict=True)
            if lsn is not None
        ]
        self.publisher.publish(logged, 0.0, NOW_NS)
        return len(refused)

    def command(self, text: str) -> None:
        payload = encode(Payload(1, [Metric(ACK, DataType.STRING, text, 1)]))
        self.publisher.hear(Message("spBv1.0/showroom/NCMD/edge", payload), NOW_NS)

    def acknowledge(self, *intervals: tuple[int, int]) -> None:
        self.command(json.dumps({"host_id": "host", "epoch": self.log.epoch, "stored": intervals}))

    def settle(self) -> int:
        """Delete what was acknowledged; returns how many messages are left."""
        self.log.acknowledge(self.publisher.stored, {})
        return self.log.count


@pytest.fixture
def edge(tmp_path: Path) -> Edge:
    """A born node."""
    return Edge(tmp_path)


@pytest.mark.parametrize("time_ns", [YEAR_9999_NS, 2**63 - 1, 2**63, 2**70, LATEST_NS + 1, 0, -(2**63), -(2**70)])
def test_value_of_an_impossible_time_is_set_aside(edge: Edge, time_ns: int) -> None:
    """A time that no file and no store can hold costs its value alone; the values around it are logged."""
    assert edge.give(NOW_NS, time_ns, NOW_NS + MS) == 1
    edge.log.mark(NOW_NS)
    edge.log.close()
    again = DurableLog.open(edge.config, NOW_NS)
    assert again.count == 1
    assert not again.opened.damage
    recover_times(again)
    again.close()


@pytest.mark.parametrize(("from_ns", "to_ns"), [(1, 2**70), (-(2**70), 5), (2**64, 2**65)])
def test_gap_of_impossible_times_is_logged(edge: Edge, from_ns: int, to_ns: int) -> None:
    """A gap whose times come from such a value is logged as it is."""
    edge.log.append([gap_row(Gap("D", "m", from_ns, to_ns, None, "source_down"), NOW_NS)], NOW_NS)
    edge.log.mark(NOW_NS)
    assert edge.log.count == 1


def test_mark_of_an_impossible_time_is_left_out(edge: Edge) -> None:
    """A stale mark that follows an impossible time ends nothing."""
    rows, refused = edge.encoder.encode([(0, YEAR_9999_NS, None, Quality.STALE)], NOW_NS)
    assert (rows, refused) == ([], [])


@pytest.mark.parametrize("text", [DEEP, '{"host_id":"host","epoch":1,"stored":' + DEEP, "{", "7", '{"epoch":1}'])
def test_malformed_acknowledgement_is_ignored(edge: Edge, text: str) -> None:
    """An acknowledgement that cannot be read deletes nothing and ends nothing."""
    edge.give(NOW_NS)
    edge.command(text)
    assert edge.settle() == 1


@pytest.mark.parametrize("payload", [DEEP, '{"online":true,"timestamp":' + DEEP, "null", "[]", '{"online":1}', ""])
def test_malformed_state_is_ignored(edge: Edge, payload: str) -> None:
    """A retained STATE that cannot be read must not end the edge agent at every start."""
    edge.publisher.hear(Message("spBv1.0/STATE/host", payload.encode(), retain=True), NOW_NS)
    assert edge.publisher.session.born


@pytest.mark.parametrize(
    ("stored", "left"), [((1, 2**70), 3), ((-(2**70), 1), 2), ((2, 10**6), 3), ((4, 2**70), 3), ((-9, -1), 3)]
)
def test_acknowledgement_reaches_no_further_than_the_log(edge: Edge, stored: tuple[int, int], left: int) -> None:
    """Only messages that existed when it came are deleted, and none where it names numbers that the log never gave."""
    for number in range(3):
        edge.give(NOW_NS + number * MS)
    edge.acknowledge(stored)
    edge.give(NOW_NS + 10 * MS)
    assert edge.settle() == left + 1
