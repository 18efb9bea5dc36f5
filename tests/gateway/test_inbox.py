"""Queues between network and writer."""

from time import monotonic

from edge_agent.sparkplug.intervals import IntervalSet
from gateway.columns import RowBuilder
from gateway.inbox import Entry, Inbox, InboxLimits
from gateway.state.quarantine import Rejection
from gateway.store.base import EdgeKey

EDGE = EdgeKey("showroom", "line-edge")


def entry(rows: int = 1, *, historical: bool = False, lsn: int = 1) -> Entry:
    builder = RowBuilder()
    for row in range(rows):
        builder.add(1, row, 1.0, 192, 0)
    return Entry(EDGE, builder.rows(), (EDGE, 1), IntervalSet([(lsn, lsn)]), historical=historical)


def test_live_entries_overtake_history() -> None:
    """A batch takes every live message before the first historical one."""
    inbox = Inbox(InboxLimits(linger_s=0.0))
    for lsn, historical in ((1, True), (2, False), (3, True), (4, False)):
        assert inbox.put(entry(historical=historical, lsn=lsn))
    assert [lsn for taken in inbox.take(0.0) for lsn, _ in taken.lsns] == [2, 4, 1, 3]
    assert inbox.depth() == 0


def test_full_history_does_not_stop_live_data() -> None:
    """Each queue has its own bound in bytes; a full one refuses and keeps what it has."""
    inbox = Inbox(InboxLimits(live_bytes=50_000, historical_bytes=10_000, linger_s=0.0))
    history = [inbox.put(entry(100, historical=True)) for _ in range(5)]
    live = [inbox.put(entry(100)) for _ in range(20)]
    assert history == [True, True, False, False, False]
    assert live.count(True) == 12
    assert len(inbox.take(0.0)) == 14
    assert inbox.put(entry(100))


def test_quarantined_payloads_count() -> None:
    """Refused messages wait within the same bound."""
    inbox = Inbox(InboxLimits(live_bytes=100_000))
    rejection = Rejection(0, "spBv1.0/x", "bad", b"x" * 60_000)
    assert inbox.put(Entry(EDGE, rejection=rejection))
    assert not inbox.put(Entry(EDGE, rejection=rejection))


def test_a_batch_is_bounded() -> None:
    """A batch ends with the message that fills it; the rest waits for the next."""
    inbox = Inbox(InboxLimits(batch_rows=250, linger_s=10.0))
    for lsn in range(5):
        inbox.put(entry(100, lsn=lsn))
    assert [lsn for taken in inbox.take(0.0) for lsn, _ in taken.lsns] == [0, 1, 2]
    assert inbox.depth() == 2


def test_taking_from_an_empty_or_closed_inbox_ends() -> None:
    """The writer is never stuck: it gets nothing after the time-out, and at once after the end."""
    inbox = Inbox(InboxLimits(linger_s=30.0))
    assert inbox.take(0.01) == []
    inbox.put(entry())
    inbox.close()
    begin_s = monotonic()
    assert len(inbox.take(30.0)) == 1
    assert inbox.take(30.0) == []
    assert monotonic() - begin_s < 5.0
