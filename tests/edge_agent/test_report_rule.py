"""Report by exception: the bounds hold for every sequence of readings."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from edge_agent.report import Point, Reporter, ReportRule
from edge_agent.sparkplug.metric import Value
from edge_agent.sparkplug.quality import Quality

SECOND = 1_000_000_000
NUMBERS = st.floats(-1e6, 1e6, allow_nan=False, width=32) | st.integers(-1000, 1000).map(float)


def _points(values: list[tuple[int, float]]) -> list[Point]:
    """Turn (step, value) pairs into good points whose times strictly increase."""
    time_ns = 1_700_000_000 * SECOND
    points = []
    for step, value in values:
        time_ns += step
        points.append(Point(time_ns, value, Quality.GOOD))
    return points


def _run(rule: ReportRule, offered: list[Point]) -> list[Point]:
    reporter = Reporter(rule)
    reported = [point for reading in offered for point in reporter.offer(*reading)]
    return [*reported, *reporter.pending()]


SEQUENCES = st.lists(st.tuples(st.integers(1, 20 * SECOND), NUMBERS), min_size=1, max_size=60).map(_points)


@given(SEQUENCES, st.floats(0.001, 1e3), st.sampled_from([0.0, 7.0, 30.0]))
def test_swinging_door_keeps_its_bound(offered: list[Point], bound: float, max_interval_s: float) -> None:
    """Interpolating linearly between reported points is never wrong by more than the bound."""
    reported = _run(ReportRule(swinging_door=bound, max_interval_s=max_interval_s), offered)
    assert reported[0] == offered[0]
    assert reported[-1] == offered[-1]
    times = {point.time_ns for point in reported}
    for point in offered:
        if point.time_ns in times:
            continue
        after = next(index for index, other in enumerate(reported) if other.time_ns > point.time_ns)
        (t0, v0, _), (t1, v1, _) = reported[after - 1], reported[after]
        assert isinstance(v0, float)
        assert isinstance(v1, float)
        assert isinstance(point.value, float)
        expected = v0 + (v1 - v0) * ((point.time_ns - t0) / (t1 - t0))
        assert abs(expected - point.value) <= bound * (1 + 1e-6) + 1e-6


@given(SEQUENCES, st.floats(0, 1e3), st.floats(0, 2))
def test_deadbands_keep_their_bound(offered: list[Point], absolute: float, relative: float) -> None:
    """Every suppressed value lies within the deadband around the value reported last before it."""
    rule = ReportRule(absolute=absolute, relative=relative, max_interval_s=1000)
    reported = _run(rule, offered)
    times = {point.time_ns for point in reported}
    last = offered[0].value
    for point in offered:
        assert isinstance(point.value, float)
        assert isinstance(last, float)
        outside = abs(point.value - last) > max(absolute, relative * abs(last))
        if point.time_ns in times:
            last = point.value
        else:
            assert not outside


@given(SEQUENCES, st.floats(0, 10), st.sampled_from([0.0, 1.5, 8.0]))
def test_intervals_hold(offered: list[Point], absolute: float, min_interval_s: float) -> None:
    """No two points are closer than min_interval_s (but a flush), none offered after max_interval_s is suppressed."""
    rule = ReportRule(absolute=absolute, min_interval_s=min_interval_s, max_interval_s=20)
    reporter = Reporter(rule)
    last_ns = None
    for reading in offered:
        points = reporter.offer(*reading)
        if last_ns is not None and reading.time_ns - last_ns >= 20 * SECOND:
            assert points == (reading,)
        for point in points:
            assert last_ns is None or point.time_ns - last_ns >= round(min_interval_s * 1e9)
            last_ns = point.time_ns


@given(SEQUENCES, st.sampled_from([0.5, 5.0]))
def test_quiet_source_is_never_left_wrong(offered: list[Point], min_interval_s: float) -> None:
    """After the flush of a quiet tag the last reported value is within the rule of the last reading."""
    reported = _run(ReportRule(min_interval_s=min_interval_s), offered)
    assert reported[-1].value == offered[-1].value


@given(st.lists(st.tuples(st.sampled_from([None, 1, 1.0, True, "1"]), st.sampled_from(list(Quality)))))
def test_defaults_report_every_reading(readings: list[tuple[Value, Quality]]) -> None:
    """A rule of all defaults reports every reading, changed or not."""
    reporter = Reporter(ReportRule())
    for index, (value, quality) in enumerate(readings):
        assert reporter.offer(index, value, quality) == (Point(index, value, quality),)


@pytest.mark.parametrize(
    "rule",
    [ReportRule(absolute=1e9), ReportRule(swinging_door=1e9), ReportRule(relative=1e9), ReportRule(min_interval_s=1e6)],
    ids=["absolute", "swinging_door", "relative", "min_interval_s"],
)
def test_changes_of_kind_are_always_reported(rule: ReportRule) -> None:
    """A change of quality, of type, or between null and value is reported under the widest rule."""
    reporter = Reporter(rule)
    sequence: list[tuple[Value, Quality]] = [
        (1.0, Quality.GOOD),
        (1.0, Quality.UNCERTAIN),
        (None, Quality.BAD),
        (None, Quality.STALE),
        (1.0, Quality.GOOD),
        (1, Quality.GOOD),
        (True, Quality.GOOD),
        ("1", Quality.GOOD),
    ]
    for index, (value, quality) in enumerate(sequence):
        assert reporter.offer(index, value, quality) == (Point(index, value, quality),)


def test_held_point_precedes_a_change_of_quality() -> None:
    """The swinging door gives up its held point before it reports a change of quality."""
    reporter = Reporter(ReportRule(swinging_door=1.0))
    reporter.offer(0, 0.0, Quality.GOOD)
    assert reporter.offer(10, 5.0, Quality.GOOD) == ()
    assert reporter.held
    assert reporter.offer(20, None, Quality.BAD) == (Point(10, 5.0, Quality.GOOD), Point(20, None, Quality.BAD))
    assert not reporter.held


@pytest.mark.parametrize("value", [True, "text", 7])
def test_equal_values_are_suppressed_until_max_interval(value: Value) -> None:
    """Text and truth values are reported on change, or when the maximum interval has passed."""
    reporter = Reporter(ReportRule(max_interval_s=10))
    assert reporter.offer(0, value, Quality.GOOD)
    assert reporter.offer(9 * SECOND, value, Quality.GOOD) == ()
    assert reporter.offer(10 * SECOND, value, Quality.GOOD)


def test_late_reading_is_reported_and_changes_nothing() -> None:
    """A reading older than the last reported one is sent on without moving the deadband."""
    reporter = Reporter(ReportRule(absolute=1.0))
    reporter.offer(10, 5.0, Quality.GOOD)
    assert reporter.offer(5, 5.0, Quality.GOOD) == (Point(5, 5.0, Quality.GOOD),)
    assert reporter.offer(11, 5.5, Quality.GOOD) == ()


@pytest.mark.parametrize(
    ("fields", "key"),
    [
        ({"absolute": -1}, "absolute"),
        ({"relative": math.nan}, "relative"),
        ({"swinging_door": math.inf}, "swinging_door"),
        ({"swinging_door": 1, "absolute": 1}, "absolute"),
        ({"swinging_door": 1, "min_interval_s": 1}, "min_interval_s"),
        ({"min_interval_s": 5, "max_interval_s": 1}, "max_interval_s"),
        ({"absolute": True}, "absolute"),
    ],
)
def test_impossible_rules_are_refused(fields: dict[str, float], key: str) -> None:
    """A rule that cannot hold names the key that is wrong."""
    with pytest.raises(ValueError, match=f"rule: {key}"):
        ReportRule(**fields)


def test_json_form_round_trips() -> None:
    """What a birth carries is read back as the same rule; a stranger's key is refused by name."""
    for rule in (ReportRule(), ReportRule(absolute=0.1, relative=0.02, max_interval_s=60), ReportRule(swinging_door=2)):
        assert ReportRule.from_json(rule.to_json()) == rule
    assert ReportRule().to_json() == "{}"
    with pytest.raises(ValueError, match="deadband"):
        ReportRule.from_json('{"deadband": 1}')
    with pytest.raises(ValueError, match="absolute"):
        ReportRule.from_json('{"absolute": "1"}')


class _Config(BaseModel):
    rule: ReportRule = ReportRule()


def test_configuration_refuses_misspelt_keys() -> None:
    """A typing error in a rule of a configuration file is an error, not a default."""
    assert _Config.model_validate({"rule": {"absolute": 1}}).rule == ReportRule(absolute=1)
    with pytest.raises(ValidationError, match="absolut"):
        _Config.model_validate({"rule": {"absolut": 1}})


def test_an_unchanged_value_is_repeated_once_an_interval_while_its_source_vouches() -> None:
    """Its time is that until which the source vouches; a deadband repeats the newest reading, as a reading would be."""
    reporter = Reporter(ReportRule(absolute=1.0, max_interval_s=10))
    assert reporter.repeat(100 * SECOND) == ()
    reporter.offer(0, 5.0, Quality.GOOD)
    reporter.offer(2 * SECOND, 5.5, Quality.GOOD)
    assert reporter.repeat(9 * SECOND) == ()
    assert reporter.repeat(11 * SECOND) == (Point(11 * SECOND, 5.5, Quality.GOOD),)
    assert reporter.repeat(20 * SECOND) == ()
    assert reporter.repeat(21 * SECOND) == (Point(21 * SECOND, 5.5, Quality.GOOD),)
    assert reporter.offer(22 * SECOND, 6.4, Quality.GOOD) == ()
    assert reporter.offer(23 * SECOND, 6.6, Quality.GOOD) == (Point(23 * SECOND, 6.6, Quality.GOOD),)


def test_nothing_stale_held_or_without_an_interval_is_repeated() -> None:
    """A repeated value never precedes a reading or a stale mark, nor does it overtake a point that waits."""
    reporter = Reporter(ReportRule(max_interval_s=10))
    reporter.offer(0, 5.0, Quality.GOOD)
    reporter.offer(30 * SECOND, None, Quality.STALE)
    assert reporter.repeat(100 * SECOND) == ()
    reporter.offer(0, 5.0, Quality.GOOD)  # the source is back, and the value is what it was
    assert reporter.repeat(30 * SECOND) == ()
    assert reporter.repeat(31 * SECOND) == (Point(31 * SECOND, 5.0, Quality.GOOD),)
    late = Reporter(ReportRule(max_interval_s=10))
    late.offer(50 * SECOND, 5.0, Quality.GOOD)
    assert late.offer(40 * SECOND, 7.0, Quality.GOOD) == (Point(40 * SECOND, 7.0, Quality.GOOD),)
    assert late.repeat(60 * SECOND) == (Point(60 * SECOND, 5.0, Quality.GOOD),)
    door = Reporter(ReportRule(swinging_door=1.0, max_interval_s=10))
    door.offer(0, 5.0, Quality.GOOD)
    door.offer(SECOND, 5.5, Quality.GOOD)
    assert door.repeat(20 * SECOND) == ()
    assert door.pending() == (Point(SECOND, 5.5, Quality.GOOD),)
    assert door.repeat(20 * SECOND) == (Point(20 * SECOND, 5.5, Quality.GOOD),)
    assert Reporter(ReportRule()).repeat(SECOND) == ()
    deadband = Reporter(ReportRule(absolute=1.0))
    deadband.offer(0, 5.0, Quality.GOOD)
    assert deadband.repeat(10_000 * SECOND) == ()
