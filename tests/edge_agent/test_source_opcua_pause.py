"""Pauses between attempts to connect to an OPC UA server."""

from hypothesis import given
from hypothesis import strategies as st

from edge_agent.sources.opcua.source import (
    FIRST_PAUSE_S,
    LONGEST_PAUSE_S,
    OPENING_S,
    OPENING_SHARE,
    SHORTEST_PAUSE_S,
    opening_limit_s,
    pause_s,
)

DRAWS = st.floats(0, 1, exclude_max=True)


@given(st.floats(0, 10), DRAWS)
def test_a_server_that_has_just_gone_is_looked_for_within_a_second(away_s: float, draw: float) -> None:
    """A restart takes seconds; whoever waits as long again misses the 10 s in which values must flow."""
    assert SHORTEST_PAUSE_S <= pause_s(away_s, draw) <= FIRST_PAUSE_S


@given(st.floats(0, 1e6), st.floats(0, 1e6), DRAWS)
def test_pauses_grow_with_the_absence_up_to_a_limit(one_s: float, other_s: float, draw: float) -> None:
    """A server that stays away is looked for ever less, but never more than the limit apart."""
    shorter, longer = sorted((one_s, other_s))
    assert pause_s(shorter, draw) <= pause_s(longer, draw) <= LONGEST_PAUSE_S


def test_pauses_are_spread_over_their_whole_range() -> None:
    """Edges that lost a server together do not come back to it together."""
    assert pause_s(1_000.0, 0.0) == SHORTEST_PAUSE_S
    assert pause_s(1_000.0, 0.75) - pause_s(1_000.0, 0.25) == (LONGEST_PAUSE_S - SHORTEST_PAUSE_S) / 2


@given(st.floats(0.0, 1_000.0), st.floats(0.5, 120.0))
def test_an_attempt_is_cut_short_soon_after_the_loss_and_gets_its_whole_time_later(
    away_s: float, timeout_s: float
) -> None:
    """A connection that a stopping server never answers costs little, and no server is too slow for ever."""
    assert opening_limit_s(away_s, timeout_s) <= timeout_s
    assert opening_limit_s(0.0, timeout_s) <= OPENING_S
    assert opening_limit_s(away_s + timeout_s / OPENING_SHARE, timeout_s) == timeout_s
