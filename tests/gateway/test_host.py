"""Session of the host application: births, deaths, order, rebirth requests."""

import pytest

from edge_agent.sparkplug.metric import DataType, Metric
from edge_agent.sparkplug.payload import parse
from edge_agent.sparkplug.topic import Topic
from gateway.catalogue import Catalogue
from gateway.host import (
    Arrived,
    AskRebirth,
    Born,
    Died,
    Effect,
    HostRules,
    HostSession,
    Unborn,
    says_offline,
    state_payload,
)
from gateway.rebirth import RebirthPace, RebirthRequests
from gateway.store.base import EdgeKey
from tests.gateway.wire import T0_MS, Wire, WireEdge

EDGE = EdgeKey("showroom", "line-edge")
FLOW = {"flow": (DataType.DOUBLE, 1.0)}


class Host:
    """A session and its clock."""

    def __init__(self) -> None:
        self.session = HostSession(Catalogue(), HostRules(reorder_timeout_s=2.0))
        self.now_s = 100.0

    def take(self, *messages: Wire) -> list[Effect]:
        return [
            effect
            for topic, payload in messages
            for effect in self.session.accept(Topic.parse(topic), parse(payload), self.now_s)
        ]

    def after(self, seconds: float) -> list[Effect]:
        self.now_s += seconds
        return list(self.session.tick(self.now_s))


def kinds(effects: list[Effect]) -> list[type]:
    return [type(effect) for effect in effects]


def born() -> tuple[Host, WireEdge]:
    host, edge = Host(), WireEdge()
    assert kinds(host.take(edge.node_birth(), edge.device_birth("MIX-10", FLOW))) == [Born, Born]
    return host, edge


def flow(edge: WireEdge, value: float = 1.0) -> Wire:
    return edge.data("MIX-10", [edge.number("MIX-10", "flow", value, T0_MS)])


def test_data_of_a_born_device_arrives_with_its_aliases() -> None:
    """Data after the birth is handed on with what its aliases stand for."""
    host, edge = born()
    (effect,) = host.take(flow(edge))
    assert isinstance(effect, Arrived)
    assert effect.aliases.key.device_id == "MIX-10"
    assert list(effect.aliases.by_name) == ["flow"]


def test_data_before_a_birth_asks_for_one_once() -> None:
    """Data of an unknown node is not read; the node is asked for a birth, and again only after a pause."""
    host, edge = Host(), WireEdge()
    edge.node_birth()
    assert kinds(host.take(flow(edge))) == [Unborn, AskRebirth]
    assert kinds(host.take(flow(edge))) == [Unborn]
    assert host.after(0.5) == []
    assert host.after(0.6) == [AskRebirth(EDGE)]
    assert host.after(1.1) == []
    assert host.after(1.0) == [AskRebirth(EDGE)]


def test_data_of_an_unknown_device_asks_for_a_rebirth() -> None:
    """A born node's data of a device that was never born asks for a rebirth."""
    host, edge = born()
    assert kinds(host.take(edge.data("CA-90", []))) == [Unborn, AskRebirth]


def test_a_death_of_an_earlier_session_changes_nothing() -> None:
    """A will that comes after the next birth carries the old bdSeq and is ignored."""
    host, edge = born()
    edge.bd_seq = 1
    host.take(edge.node_birth(), edge.device_birth("MIX-10", FLOW))
    assert host.take(edge.node_death(bd_seq=0)) == []
    assert host.session.nodes[EDGE].online
    assert host.take(edge.node_death(bd_seq=1)) == [Died(EDGE, None)]
    assert not host.session.nodes[EDGE].online


def test_after_a_death_data_needs_a_new_birth() -> None:
    """Aliases of a dead session are not used any more."""
    host, edge = born()
    host.take(edge.node_death())
    assert kinds(host.take(flow(edge))) == [Unborn, AskRebirth]


def test_a_device_death_marks_that_device_alone() -> None:
    """DDEATH ends one device; the others go on."""
    host, edge = born()
    host.take(edge.device_birth("CA-90", FLOW))
    assert host.take(edge.device_death("MIX-10")) == [Died(EDGE, "MIX-10")]
    assert kinds(host.take(edge.data("CA-90", [edge.number("CA-90", "flow", 1.0, T0_MS)]))) == [Arrived]
    assert kinds(host.take(flow(edge))) == [Unborn, AskRebirth]


def test_swapped_messages_are_read_in_order() -> None:
    """A device birth that is overtaken by its data is read first."""
    host, edge = Host(), WireEdge()
    host.take(edge.node_birth())
    birth, data = edge.device_birth("MIX-10", FLOW), flow(edge)
    assert host.take(data) == []
    assert kinds(host.take(birth)) == [Born, Arrived]


def test_a_lost_message_asks_for_a_rebirth_and_loses_nothing_else() -> None:
    """After the reorder time-out, what waited is read and a rebirth is asked for."""
    host, edge = born()
    flow(edge)
    assert host.take(flow(edge), flow(edge)) == []
    assert host.after(1.9) == []
    assert kinds(host.after(0.2)) == [Arrived, Arrived, AskRebirth]
    assert kinds(host.take(flow(edge))) == [Arrived]


def test_a_rebirth_that_leaves_a_device_out_makes_it_stale() -> None:
    """A device that is not born again soon after its node counts as gone."""
    host, edge = born()
    host.take(edge.node_birth())
    assert host.after(4.0) == []
    assert host.after(1.5) == [Died(EDGE, "MIX-10")]


def test_losing_the_broker_makes_every_node_unknown() -> None:
    """Births may have been missed while the broker was away, so no alias of before is trusted."""
    host, edge = born()
    assert host.session.disconnected(host.now_s) == [Died(EDGE, None)]
    assert kinds(host.take(flow(edge))) == [Unborn, AskRebirth]


def test_nodes_are_bounded() -> None:
    """A stranger cannot make the session grow without limit."""
    session = HostSession(Catalogue(), HostRules(), max_nodes=1)
    for number, name in enumerate(("one", "two")):
        topic, payload = WireEdge(name).node_birth()
        if number == 0:
            session.accept(Topic.parse(topic), parse(payload), 0.0)
        else:
            with pytest.raises(ValueError, match="one more than the 1"):
                session.accept(Topic.parse(topic), parse(payload), 0.0)


def test_a_birth_with_one_bad_metric_declares_the_others() -> None:
    """One metric of an unsupported type costs that metric alone."""
    host, edge = Host(), WireEdge(epoch=None)
    topic, payload = edge.node_birth([Metric("Properties/OS", DataType.STRING, "linux", T0_MS)])
    message = parse(payload)
    bad = message.metrics.add(name="matrix", datatype=31, timestamp=T0_MS)
    bad.bytes_value = b"x"
    (effect,) = host.session.accept(Topic.parse(topic), message, 0.0)
    assert isinstance(effect, Born)
    assert list(effect.birth.aliases.by_name) == ["Properties/OS"]
    assert [metric.metric for metric in effect.birth.bad] == ["matrix"]


def test_rebirth_requests_back_off_and_calm_down() -> None:
    """Requests to a node that never satisfies become rare, and prompt again after a calm time."""
    requests = RebirthRequests(RebirthPace(first_s=1.0, longest_s=8.0, calm_s=100.0))
    asked = []
    for tick in range(400):
        requests.want()
        if requests.due(tick / 10):
            asked.append(tick / 10)
        requests.answered()
    assert asked == [0.0, 1.0, 3.0, 7.0, 15.0, 23.0, 31.0, 39.0]
    requests.want()
    assert requests.due(200.0)
    assert not requests.due(200.9)
    assert requests.due(201.0)


@pytest.mark.parametrize(
    ("payload", "offline"),
    [
        (state_payload(online=False, timestamp_ms=5), True),
        (state_payload(online=True, timestamp_ms=5), False),
        (b"OFFLINE", False),
        (b"", False),
    ],
)
def test_only_an_offline_state_says_offline(payload: bytes, offline: bool) -> None:
    """A late will is recognised, and nothing else is taken for one."""
    assert says_offline(payload) is offline
