"""Which messages are sent again, and when: pure rules over LSNs and monotonic times."""

from hypothesis import given
from hypothesis import strategies as st

from edge_agent.sparkplug.intervals import IntervalSet
from edge_agent.sparkplug.resend import Deliveries, ResendRules

RULES = ResendRules(after_s=10, per_s=100, window=5)


def take(deliveries: Deliveries, now_s: float) -> list[int]:
    """Resend what may be resent now."""
    sent = []
    for _ in range(deliveries.allowance(now_s)):
        if not deliveries.has_backlog:
            break
        lsn, _ = deliveries.next_interval()
        deliveries.resent(lsn, now_s)
        deliveries.passed(lsn)
        sent.append(lsn)
    return sent


def test_unacknowledged_messages_expire_into_the_backlog() -> None:
    """A live message that nobody acknowledges is sent again after the time, oldest first, an acknowledged one never."""
    deliveries = Deliveries(RULES, IntervalSet())
    for lsn in range(1, 6):
        deliveries.sent(lsn, float(lsn))
    deliveries.settle(IntervalSet([(2, 2)]))
    deliveries.expire(12.9)
    deliveries.allowance(0)
    assert take(deliveries, 100) == [1]
    deliveries.expire(14)
    assert take(deliveries, 101) == [3, 4]


def test_window_bounds_what_is_under_way() -> None:
    """No more than the window is sent without acknowledgement; each acknowledgement makes room."""
    deliveries = Deliveries(RULES, IntervalSet([(1, 100)]))
    deliveries.allowance(0)
    assert take(deliveries, 1) == [1, 2, 3, 4, 5]
    assert take(deliveries, 2) == []
    deliveries.settle(IntervalSet([(1, 3)]))
    assert take(deliveries, 3) == [6, 7, 8]


def test_rate_is_bounded() -> None:
    """Over a long time no more messages go than the rate allows, however often one asks."""
    deliveries = Deliveries(ResendRules(10, per_s=50, window=10_000), IntervalSet([(1, 10_000)]))
    sent = sum(len(take(deliveries, step / 1_000)) for step in range(4_001))
    assert 190 <= sent <= 206


def test_lost_connection_brings_everything_back() -> None:
    """What was under way when the connection broke is sent again on the next one."""
    deliveries = Deliveries(RULES, IntervalSet([(1, 2)]))
    deliveries.allowance(0)
    assert take(deliveries, 1) == [1, 2]
    deliveries.sent(3, 1)
    deliveries.release_all()
    assert take(deliveries, 2) == [1, 2, 3]


def test_window_delivery_settles_by_time_and_number() -> None:
    """For foreign hosts messages count as delivered after a time, or when too many wait."""
    deliveries = Deliveries(RULES, IntervalSet())
    for lsn in range(1, 11):
        deliveries.sent(lsn, float(lsn))
    assert deliveries.settled_by_time(11.5, window_s=10, window_messages=100) == IntervalSet([(1, 1)])
    assert deliveries.settled_by_time(11.5, window_s=10, window_messages=4) == IntervalSet([(2, 6)])
    assert deliveries.waiting == 4


@given(
    st.lists(
        st.tuples(st.sampled_from(["log live", "log away", "ack", "expire", "resend", "break"]), st.integers(1, 40)),
        max_size=80,
    )
)
def test_no_message_is_forgotten(steps: list[tuple[str, int]]) -> None:
    """Whatever happens, every logged message is acknowledged, under way, or in the backlog."""
    deliveries = Deliveries(ResendRules(3, 1_000, 100), IntervalSet())
    logged: set[int] = set()
    acknowledged: set[int] = set()
    sent: set[int] = set()
    for now_s, (step, number) in enumerate(steps):
        if step.startswith("log"):
            lsn = len(logged) + 1
            logged.add(lsn)
            if step == "log live":
                deliveries.sent(lsn, now_s)
                sent.add(lsn)
            else:
                deliveries.keep(lsn)
        elif step == "ack" and number in sent:
            deliveries.settle(IntervalSet([(number, number)]))
            acknowledged.add(number)
        elif step == "expire":
            deliveries.expire(now_s)
        elif step == "resend":
            sent |= set(take(deliveries, now_s))
        elif step == "break":
            deliveries.release_all()
    deliveries.release_all()
    left: set[int] = set()
    for attempt in range(100):
        left |= set(take(deliveries, 1_000 + attempt))
        deliveries.settle(IntervalSet([(1, 100)]))
    assert logged - acknowledged <= left <= logged
