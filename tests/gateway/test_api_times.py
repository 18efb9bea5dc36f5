"""Times of the API: text and nanoseconds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.api.times import MAX_NS, format_time, parse_time


@given(st.integers(0, MAX_NS))
def test_text_of_a_time_gives_the_same_nanosecond(time_ns: int) -> None:
    """Nothing of a time is lost by writing it down."""
    assert parse_time(format_time(time_ns)) == time_ns
    assert parse_time(str(time_ns)) == time_ns


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T01:00:00+01:00", 0),
        ("1970-01-01t00:00:00.000000001z", 1),
        ("1970-01-01 00:00:01.5Z", 1_500_000_000),
        ("1972-06-30T23:59:60Z", 78_796_800_000_000_000),
        ("0001-01-01T00:00:00Z", 0),
        ("9999-12-31T23:59:59Z", MAX_NS),
        ("-5", 0),
        ("99999999999999999999", MAX_NS),
    ],
)
def test_times_are_read_as_rfc_3339_writes_them(text: str, expected: int) -> None:
    """Offsets, lower case, fractions and leap seconds count; what 64 bits cannot hold becomes the nearest they can."""
    assert parse_time(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", "now", "2026-11-22", "2026-11-22T08:00:00", "2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z", "1.5", "２"],
)
def test_what_is_no_time_is_refused(text: str) -> None:
    """A time without a zone is not guessed, nor is any other form."""
    with pytest.raises(ValueError):
        parse_time(text)
