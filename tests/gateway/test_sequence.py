"""Order of messages by sequence number."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.sequence import Sequence


@settings(deadline=None)
@given(st.integers(0, 255), st.integers(1, 600), st.integers(1, 100), st.randoms(use_true_random=False))
def test_messages_shuffled_within_a_window_come_out_in_order(
    first: int, count: int, window: int, shuffle: random.Random
) -> None:
    """Whatever the start and the window, messages leave in the order in which they were numbered."""
    order: Sequence[int] = Sequence()
    order.begin((first - 1) % 256)
    arrivals: list[int] = []
    for start in range(0, count, window):
        block = list(range(start, min(start + window, count)))
        shuffle.shuffle(block)
        arrivals.extend(block)
    left = [item for message in arrivals for item in order.accept((first + message) % 256, message, 0.0)]
    assert left == list(range(count))


def test_a_hole_is_given_up_after_the_time_out() -> None:
    """What waits behind a missing number leaves in order when the time-out is over, and not before."""
    order: Sequence[str] = Sequence()
    order.begin(0)
    assert order.accept(3, "three", 10.0) == []
    assert order.accept(2, "two", 11.0) == []
    assert order.time_out(11.9, 2.0) is None
    assert order.time_out(12.0, 2.0) == ["two", "three"]
    assert order.accept(4, "four", 13.0) == ["four"]
    assert order.accept(1, "one, late", 13.0) == ["one, late"]


def test_the_time_out_starts_anew_for_a_second_hole() -> None:
    """A filled hole does not shorten the patience for the next one."""
    order: Sequence[int] = Sequence()
    order.begin(0)
    order.accept(2, 2, 10.0)
    order.accept(4, 4, 10.5)
    assert order.accept(1, 1, 11.5) == [1, 2]
    assert order.time_out(12.5, 2.0) is None
    assert order.time_out(13.5, 2.0) == [4]
