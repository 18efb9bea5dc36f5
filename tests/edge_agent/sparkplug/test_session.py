"""The session of an edge node: births, sequence numbers, the state of the primary host. Pure."""

import pytest

from edge_agent.sparkplug.payload import PayloadError
from edge_agent.sparkplug.session import REBIRTH_PAUSE_S, HostState, Session


def online(timestamp_ms: int = 5) -> HostState:
    return HostState(online=True, timestamp_ms=timestamp_ms)


def offline(timestamp_ms: int = 5) -> HostState:
    return HostState(online=False, timestamp_ms=timestamp_ms)


def test_birth_waits_for_connection_and_host() -> None:
    """The node is born when it is connected and its host is online, and once only."""
    session = Session(waits_for_host=True)
    assert not session.birth_due(0)
    session.connect(3)
    assert not session.birth_due(0)
    session.hear(offline())
    assert not session.birth_due(0)
    session.hear(online())
    assert session.birth_due(0)
    session.begin(0)
    assert not session.birth_due(100)


def test_node_without_host_is_born_at_once() -> None:
    """Without a primary host the connection is enough, and a host that goes offline ends nothing."""
    session = Session(waits_for_host=False)
    session.connect(3)
    assert session.birth_due(0)
    session.begin(0)
    assert not session.hear(online())
    assert not session.hear(offline())


def test_state_is_heard_before_or_after_the_connection_stands() -> None:
    """A retained STATE that comes before the subscriptions are confirmed counts."""
    session = Session(waits_for_host=True)
    session.hear(online())
    session.connect(1)
    assert session.birth_due(0)


@pytest.mark.parametrize(("timestamp_ms", "ends"), [(4, False), (5, True), (6, True)])
def test_late_will_of_the_host_is_told_by_its_time(timestamp_ms: int, ends: bool) -> None:
    """An offline older than the online that was heard belongs to an earlier connection of the host."""
    session = Session(waits_for_host=True)
    session.connect(1)
    session.hear(online(5))
    session.begin(0)
    assert session.hear(offline(timestamp_ms)) is ends
    assert session.host_online is not ends


def test_host_whose_clock_was_set_back_is_believed() -> None:
    """An online that is older than the offline before it still means online: else a clock change stops the plant."""
    session = Session(waits_for_host=True)
    session.connect(1)
    session.hear(online(1_000))
    session.hear(offline(2_000))
    session.hear(online(10))
    assert session.birth_due(0)


def test_rebirths_are_throttled_and_not_lost() -> None:
    """A rebirth asked for too soon comes later, many requests make one."""
    session = Session(waits_for_host=False)
    session.connect(1)
    session.begin(0)
    session.want_rebirth()
    session.want_rebirth()
    assert not session.birth_due(REBIRTH_PAUSE_S / 2)
    assert session.birth_due(REBIRTH_PAUSE_S)
    session.begin(REBIRTH_PAUSE_S)
    assert not session.birth_due(100)


def test_sequence_wraps_and_begins_with_every_birth() -> None:
    """Sequence numbers run 0 to 255 and around; a birth is 0."""
    session = Session(waits_for_host=False)
    session.connect(1)
    assert session.begin(0) == 0
    assert [session.next_seq() for _ in range(257)] == [*range(1, 256), 0, 1]
    assert session.begin(1) == 0
    assert session.next_seq() == 1


@pytest.mark.parametrize("text", ["", "ONLINE", "[]", '{"online":1,"timestamp":2}', '{"online":true}', "null",
                                  '{"online":true,"timestamp":true}'])  # fmt: skip
def test_malformed_state_is_refused(text: str) -> None:
    """What is not a STATE of Sparkplug 3.0 is refused by name."""
    with pytest.raises(PayloadError, match="STATE"):
        HostState.parse(text.encode())
