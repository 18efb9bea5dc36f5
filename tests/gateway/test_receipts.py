"""Log sequence numbers, what edges are told of them, and losses."""

from pathlib import Path

from edge_agent.sparkplug.delivery import Acknowledgement, Gap
from edge_agent.sparkplug.intervals import IntervalSet
from edge_agent.sparkplug.payload import decode
from gateway.acknowledge import Acknowledgements, acknowledgement_payload
from gateway.columns import RowBuilder
from gateway.inbox import Entry
from gateway.losses import PATIENCE_NS, Losses, declare
from gateway.receipts import Admission, LogBegin, LogKey, Receipts
from gateway.state.open_losses import OpenLosses
from gateway.store.base import DeclaredGap, EdgeKey

EDGE = EdgeKey("showroom", "line-edge")
LOG: LogKey = (EDGE, 2**64 - 1)
OTHER: LogKey = (EDGE, 7)


def stored(*intervals: tuple[int, int], log: LogKey = LOG) -> Receipts:
    return Receipts({log: IntervalSet(intervals)})


def test_a_message_is_new_once_then_waiting_then_stored() -> None:
    """A resend of a queued message is neither stored twice nor acknowledged early."""
    receipts = Receipts({})
    assert receipts.admit(LOG, 5) is Admission.NEW
    assert receipts.admit(LOG, 5) is Admission.WAITING
    receipts.commit({LOG: IntervalSet([(5, 5)])})
    assert receipts.admit(LOG, 5) is Admission.STORED
    assert receipts.admit(OTHER, 5) is Admission.NEW


def test_a_dropped_message_is_new_again() -> None:
    """What a full queue dropped is taken when it is sent again."""
    receipts = Receipts({})
    receipts.admit(LOG, 5)
    receipts.release(LOG, [5])
    assert receipts.admit(LOG, 5) is Admission.NEW


def test_a_birth_is_compared_with_what_is_stored() -> None:
    """Begin without memory, a new log, a hole, and a continued log are told apart."""
    assert Receipts({}).compare(LOG, 8) == (LogBegin.FIRST, IntervalSet([(0, 7)]))
    assert stored((0, 9), log=OTHER).compare(LOG, 1) == (LogBegin.NEW_EPOCH, IntervalSet([(0, 0)]))
    assert stored((0, 4)).compare(LOG, 8) == (LogBegin.HOLE, IntervalSet([(5, 7)]))
    assert stored((0, 9)).compare(LOG, 8) == (LogBegin.CONTINUES, IntervalSet())
    receipts = stored((0, 4))
    receipts.admit(LOG, 6)
    assert receipts.compare(LOG, 8) == (LogBegin.HOLE, IntervalSet([(5, 5), (7, 7)]))


def test_acknowledgements_are_coalesced_and_heal_lost_ones() -> None:
    """An edge hears of whole stored intervals, at most every 100 ms."""
    receipts = stored((0, 20), (30, 40))
    acknowledgements = Acknowledgements("showroom-gateway", receipts)
    acknowledgements.stored(LOG, [(15, 15)])
    acknowledgements.stored(LOG, [(40, 40)])
    ((log, said),) = acknowledgements.due(5.0)
    assert (log, list(said.stored), said.hold) == (LOG, [(0, 20), (30, 40)], False)
    acknowledgements.stored(LOG, [(16, 16)])
    assert acknowledgements.due(5.05) == []
    assert len(acknowledgements.due(5.11)) == 1
    assert acknowledgements.due(6.0) == []


def test_an_acknowledgement_reads_back() -> None:
    """What goes on the wire is what the edge's own parser reads."""
    said = Acknowledgement("showroom-gateway", 2**64 - 1, IntervalSet([(1, 5), (9, 9)]), hold=True)
    (metric,) = decode(acknowledgement_payload(said, 1)).metrics
    assert metric.name == "Delivery/ack"
    assert Acknowledgement.from_json(str(metric.value)) == said


def test_hold_is_said_at_once_repeated_and_taken_back() -> None:
    """Edges hear that the store is down at once and again later, new edges too, and that it is back at once."""
    acknowledgements = Acknowledgements("showroom-gateway", Receipts({}))
    acknowledgements.listen(LOG)
    acknowledgements.set_hold(hold=True)
    assert [said.hold for _, said in acknowledgements.due(1.0)] == [True]
    assert acknowledgements.due(2.0) == []
    assert [said.hold for _, said in acknowledgements.due(6.1)] == [True]
    late = (EdgeKey("showroom", "meter-edge"), 3)
    acknowledgements.listen(late)
    assert [log for log, _ in acknowledgements.due(6.2)] == [late]
    acknowledgements.set_hold(hold=False)
    assert sorted((str(log[0]), said.hold) for log, said in acknowledgements.due(6.21)) == [
        ("showroom/line-edge", False),
        ("showroom/meter-edge", False),
    ]


def entry(lsn: int, at_ns: int, *, historical: bool = False) -> Entry:
    builder = RowBuilder()
    builder.add(1, at_ns, 1.0, 192, 0)
    return Entry(EDGE, builder.rows(), LOG, IntervalSet([(lsn, lsn)]), historical=historical)


def losses_of(tmp_path: Path, receipts: Receipts, stored_until_ns: int = 1_000) -> Losses:
    return Losses(receipts, {EDGE: stored_until_ns}, OpenLosses(tmp_path / "gateway.db"))


def receive(receipts: Receipts, losses: Losses, *entries: Entry) -> None:
    for taken in entries:
        for lsn, _ in taken.lsns:
            receipts.admit(LOG, lsn)
        losses.note(taken)
        receipts.commit({LOG: taken.lsns})


def test_a_lost_log_is_declared_up_to_where_the_new_one_begins(tmp_path: Path) -> None:
    """The gap reaches from the newest stored time to the oldest time the log still holds, once all of it came."""
    receipts = stored((0, 4))
    losses = losses_of(tmp_path, receipts)
    losses.begin(LOG, 8, born_ns=9_000)
    assert losses.ripe(9_100) == []
    receive(receipts, losses, entry(10, 8_990))
    assert losses.ripe(9_100) == []
    receive(receipts, losses, entry(8, 5_000, historical=True), entry(9, 6_000, historical=True))
    ((log, loss),) = losses.ripe(9_200)
    (declared,) = declare(log, loss, [], 9_200)
    assert declared == DeclaredGap(EDGE, LOG[1], Gap(None, None, 1_000, 5_000, None, "log_lost"), 9_200)
    assert list(loss.never) == [(5, 7)]
    losses.settled(log)
    assert losses.ripe(9_300) == ()


def test_a_loss_that_the_edge_declares_itself_is_not_declared_twice(tmp_path: Path) -> None:
    """An edge whose overflow policy dropped rows sends gap records of its own; those balance the books exactly."""
    receipts = stored((0, 4))
    losses = losses_of(tmp_path, receipts)
    losses.begin(LOG, 8, born_ns=9_000)
    receive(receipts, losses, entry(8, 8_990))
    ((log, loss),) = losses.ripe(9_200)
    overflow = DeclaredGap(EDGE, LOG[1], Gap("MIX-10", "flow", 1_100, 4_900, 40, "log_overflow"), 9_100)
    assert declare(log, loss, [overflow], 9_200) == ()
    elsewhere = DeclaredGap(EDGE, OTHER[1], overflow.gap, 9_100)
    assert len(declare(log, loss, [elsewhere], 9_200)) == 1


def test_an_open_loss_survives_a_crash(tmp_path: Path) -> None:
    """A gateway that is killed before it could declare a loss declares the same one afterwards."""
    first = losses_of(tmp_path, stored((0, 4)))
    first.begin(LOG, 8, born_ns=9_000)
    receipts = stored((0, 4))
    again = losses_of(tmp_path, receipts, stored_until_ns=8_995)
    again.begin(LOG, 8, born_ns=9_500)
    receive(receipts, again, entry(8, 7_000))
    ((log, loss),) = again.ripe(9_600)
    assert declare(log, loss, [], 9_600)[0].gap == Gap(None, None, 1_000, 7_000, None, "log_lost")


def test_a_new_epoch_is_declared_from_stored_time_to_birth(tmp_path: Path) -> None:
    """What an old log still held is lost; the gap ends at the birth where nothing older came."""
    receipts = stored((0, 9), log=OTHER)
    losses = losses_of(tmp_path, receipts)
    losses.begin(LOG, 1, born_ns=9_000)
    ((log, loss),) = losses.ripe(9_000 + PATIENCE_NS + 1)
    assert declare(log, loss, [], 0)[0].gap == Gap(None, None, 1_000, 9_000, None, "epoch_changed")


def test_a_gateway_without_memory_declares_nothing(tmp_path: Path) -> None:
    """Where nothing was ever stored of an edge, its log begins at its first LSN and nothing is lost."""
    losses = losses_of(tmp_path, Receipts({}))
    losses.begin(LOG, 500, born_ns=9_000)
    ((log, loss),) = losses.ripe(9_001)
    assert declare(log, loss, [], 9_001) == ()
    assert list(loss.never) == [(0, 499)]
