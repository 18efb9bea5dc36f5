"""The coarse solver's day is the fine solver's: daily means of all signals of the whole line within 1 %."""

from math import sqrt

import pytest

from demo_line.line import Line, load_definition
from demo_line.signals import Channel, DataType
from tests.demo_line.days import Day, numeric_channels

pytestmark = [pytest.mark.timeout(1800), pytest.mark.xdist_group("days")]
"""The fine day takes a quarter of a minute of CPU time: long on a machine that does much else, and enough once."""

CONTENTS = ("level_pct", "accumulation_pct", "bowl_level_mm")
"""What a tank or a conveyor holds swings between empty and full with every stop; full is what 1 % is taken of."""

CHANCE = ("minor_stop_count", "prod_defective_count", "rejected_label_count", "rejected_cap_count",
          "rejected_fill_count", "packs_rejected_count")  # fmt: skip
"""Rare events that the two solvers draw apart: they agree within four standard deviations of a Poisson number."""

RESTARTING = ("labels_left", "film_left_packs", "order_filled_count", "order_good_count", "in_stock", "on_order",
              "_volume_l")  # fmt: skip
"""Counts that begin anew with each roll, order, delivery or program: their mean tells, not their growth. It is half of
what they reach, of which 1 % is taken."""

EXCEPTIONS: dict[str, tuple[str, float]] = {
    # Exported is what is left of the sun when the load dips below it, which lasts seconds: a cycle of the compressor
    # or of the tunnel's contactors. The coarse solver averages over these cycles, and little is exported at all.
    "EL-92.export_kwh": ("EL-92.pv_kwh", 0.01),
}
"""Channel -> the one of whose growth the tolerance is taken, and the share."""


HIDDEN = (
    "MONO-30.product_filled_l", "MIX-10.blend_water_l", "MIX-10.concentrate_l", "MIX-10.product_out_l",
    "MIX-10.recovered_kwh", "PAS-20.product_out_l", "PAS-20.heater_kwh", "PAS-20.cooling_kwh", "TNK-25.received_l",
    "TNK-25.drawn_l", "CIP-93.water_in_l", "CIP-93.heat_kwh", "WAT-94.water_in_l", "WAT-94.drained_l",
    "CA-90.delivered_m3", "CA-90.used_m3", "CA-90.leaked_m3", "CH-91.demand_ws", "CH-91.cold_ws", "EL-92.load_kwh",
)  # fmt: skip
"""Totals of the truth that balances are made of."""


def compared(line: Line) -> list[Channel]:
    """All signals that measure or count; a state has no mean."""
    kinds = (DataType.DOUBLE, DataType.INT64)
    signals = {channel.name for unit in line.units.values() for channel in _channels(unit)}
    return [c for c in numeric_channels(line) if c.name in signals and c.signal.datatype in kinds]


def _channels(unit: object) -> list[Channel]:
    return [Channel(unit.unit_id, signal) for signal in unit.signals]  # type: ignore[attr-defined]


CHANNELS = {channel.name: channel for channel in compared(Line(load_definition()))}


def difference(name: str, fine: Day, coarse: Day) -> tuple[float, float]:
    """How far the two days lie apart, and how far they may."""
    signal = CHANNELS[name].signal
    counts = signal.high is None and signal.low == 0 and not name.endswith(RESTARTING)
    if not counts:
        a, b = fine.means[name], coarse.means[name]
        if name.endswith(RESTARTING):
            return abs(a - b), 0.02 * abs(a)
        span = 0.0 if signal.high is None or signal.low is None else signal.high - signal.low
        if signal.unit == "°C":  # zero is arbitrary, so a share of the mean says nothing: half a percent of the range
            return abs(a - b), 0.005 * span
        near_zero = abs(a) < 0.1 * span or name.endswith(CONTENTS)
        return abs(a - b), 0.01 * (span if near_zero else abs(a))
    a, b = fine.grown(name), coarse.grown(name)
    if name.endswith(CHANCE):
        return abs(a - b), max(4.0 * sqrt(a + b), 1.0)
    if name in EXCEPTIONS:
        of, share = EXCEPTIONS[name]
        return abs(a - b), share * fine.grown(of)
    return abs(a - b), 0.01 * abs(a)


def test_daily_means_are_those_of_the_fine_solver(fine_day: Day, coarse_day: Day) -> None:
    """Every signal within 1 % of its mean; of its range where the mean is near zero or the signal is a content."""
    wrong = []
    for name in CHANNELS:
        apart, most = difference(name, fine_day, coarse_day)
        if apart > most:
            wrong.append(f"{name}: fine {fine_day.means[name]:.6g}, coarse {coarse_day.means[name]:.6g}")
    assert not wrong, "; ".join(wrong)


def test_totals_of_the_truth_are_those_of_the_fine_solver(fine_day: Day, coarse_day: Day) -> None:
    """Flows, heat and energy of a day within 1 %."""
    fine, coarse = ({name: day.grown(name) for name in HIDDEN} for day in (fine_day, coarse_day))
    assert coarse == pytest.approx(fine, rel=0.01)


def test_product_is_neither_made_nor_lost(fine_day: Day, coarse_day: Day) -> None:
    """What the filler took is in the bottles, in its bowl or in the drain, whatever the step."""
    for day in (fine_day, coarse_day):
        bowl_l = day.grown("MONO-30.bowl_level_mm") / day.line.parameters["MONO-30"].model_dump()["bowl_mm_per_l"]
        filled_l = day.grown("MONO-30.product_filled_l")
        held_l = bowl_l + day.grown("MONO-30.product_drained_l")
        assert day.grown("MONO-30.product_in_l") == pytest.approx(filled_l + held_l, abs=1e-6)
        assert filled_l == pytest.approx(0.5 * day.grown("MONO-30.prod_processed_count"), rel=0.001)


def test_the_whole_line_is_compared() -> None:
    """The table holds every signal that measures or counts, and no exception for one that is not there."""
    assert len(CHANNELS) > 150
    assert set(EXCEPTIONS) <= set(CHANNELS)
    for ending in (*CONTENTS, *CHANCE, *RESTARTING):
        assert any(name.endswith(ending) for name in CHANNELS), ending


def test_a_healthy_day_raises_no_alarm(fine_day: Day, coarse_day: Day) -> None:
    """Production, changeovers, cleaning, the night and the next morning's start stay within every limit."""
    assert fine_day.alarms == coarse_day.alarms == []
