"""The first word of a host, and what it says about a log."""

from edge_agent.sparkplug.delivery import Acknowledgement
from edge_agent.sparkplug.intervals import IntervalSet
from edge_agent.sparkplug.older_copy import PATIENCE_S, Greeting

NOTHING = IntervalSet()


def word(highest: int | None, *stored: tuple[int, int]) -> Acknowledgement:
    return Acknowledgement("host", 7, IntervalSet(stored), highest=highest)


def test_no_message_is_sent_before_the_host_has_greeted_a_birth() -> None:
    """What a host says without naming the highest number it received is no greeting."""
    greeting = Greeting(needed=True)
    assert not greeting.heard(0.0)
    greeting.born(1.0, 1)
    greeting.believable(word(None), 5, 8, NOTHING)
    assert not greeting.heard(1.0)
    greeting.believable(word(4), 5, 8, NOTHING)
    assert greeting.heard(1.0)


def test_a_host_that_does_not_greet_is_not_waited_for_longer_than_the_patience() -> None:
    """The patience counts from a birth, however long the edge was there before it."""
    greeting = Greeting(needed=True)
    assert not greeting.heard(1_000.0)
    greeting.born(1_000.0, 1)
    assert not greeting.heard(1_000.0 + 0.9 * PATIENCE_S)
    assert greeting.heard(1_000.0 + PATIENCE_S)
    assert Greeting(needed=False).heard(0.0)


def test_a_number_that_was_never_sent_shows_an_older_copy_also_where_the_log_has_given_it_by_now() -> None:
    """The host has 130 messages, this life began at 101 and has logged 150: it deletes none and sends none."""
    greeting = Greeting(needed=True)
    greeting.born(0.0, 95)
    sent = IntervalSet([(90, 100)])
    assert list(greeting.believable(word(130, (1, 130)), 101, 151, sent)) == []
    assert greeting.used_to == 150
    assert not greeting.heard(100.0)
    greeting.used_to = None  # numbered anew, from 1150 on
    greeting.born(101.0, 1_150)
    assert list(greeting.believable(word(130, (1, 130)), 1_150, 1_200, sent)) == [(1, 130)]
    assert greeting.heard(101.0)


def test_what_this_life_sent_and_what_an_earlier_one_may_have_sent_shows_no_older_copy() -> None:
    """Live messages overtake older ones, so the highest number may lie beyond messages that were never sent."""
    greeting = Greeting(needed=True)
    greeting.born(0.0, 95)
    assert list(greeting.believable(word(100, (1, 100)), 101, 101, IntervalSet([(95, 100)]))) == [(1, 100)]
    assert list(greeting.believable(word(120, (120, 120)), 101, 121, IntervalSet([(110, 120)]))) == [(120, 120)]
    assert greeting.used_to is None
    assert greeting.heard(0.0)


def test_numbers_that_the_log_gave_up_show_no_older_copy() -> None:
    """A host counts as done with what lies below the first number of a birth, though it was dropped and never sent."""
    greeting = Greeting(needed=True)
    greeting.born(0.0, 51)
    greeting.believable(word(50, (0, 50)), 1, 80, NOTHING)
    assert greeting.used_to is None
    greeting.believable(word(51), 1, 80, NOTHING)
    assert greeting.used_to == 79
