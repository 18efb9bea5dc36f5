"""Balances of a day as somebody without the truth draws them up: from what the instruments show."""

from collections.abc import Sequence

import pytest

from demo_line.line import Line, load_definition
from demo_line.measurement import Instruments, channels_of

STEP_S = 60.0
HOUR = 60
"""Readings in an hour."""

Day = Sequence[dict[str, float]]
"""All numbers that the instruments show, minute by minute."""


@pytest.fixture(scope="module")
def day() -> Day:
    line = Line(load_definition())
    state = line.start(6)
    instruments = Instruments(channels_of(line), 6, line.faults)
    shown: dict[str, float] = {}
    minutes = []
    for minute in range(24 * HOUR):
        line.step(state, STEP_S)
        for offer in instruments.measure(state, round(minute * STEP_S * 1e9)):
            if isinstance(offer.value, int | float):
                shown[instruments.channels[offer.node].name] = float(offer.value)
        minutes.append(dict(shown))
    return minutes


def total(day: Day, name: str) -> float:
    """Sum of a reading over time, in its unit times hours."""
    return sum(now[name] for now in day[1:]) * STEP_S / 3600.0


def grown(day: Day, name: str) -> float:
    """What a counter has counted between the first and the last reading."""
    return day[-1][name] - day[0][name]


def test_the_power_meters_of_all_units_add_up_to_what_the_main_board_supplies(day: Day) -> None:
    """Readings of all units and of the hall equal those of grid, photovoltaics and generator, and the counters."""
    consumers = [name for name in day[0] if name.endswith((".power_w", ".heater_power_w", ".hall_w"))]
    supplied_kwh = sum(total(day, f"EL-92.{source}_w") for source in ("grid", "pv", "generator")) / 1000.0
    assert supplied_kwh > 400.0
    assert sum(total(day, name) for name in consumers) / 1000.0 == pytest.approx(supplied_kwh, rel=0.02)
    counted_kwh = sum(grown(day, f"EL-92.{name}_kwh") for name in ("import", "pv", "generator"))
    assert counted_kwh - grown(day, "EL-92.export_kwh") == pytest.approx(supplied_kwh, rel=0.02)


def test_pump_and_pasteuriser_measure_the_same_product(day: Day) -> None:
    """What the pump delivered, by its counter and by its flow meter, the pasteuriser sent on."""
    delivered_l = grown(day, "MIX-10.delivered_l")
    assert delivered_l > 15_000.0
    assert total(day, "MIX-10.product_flow_l_h") == pytest.approx(delivered_l, rel=0.02)
    assert total(day, "PAS-20.forward_flow_l_h") == pytest.approx(delivered_l, rel=0.02)


def test_the_bottles_hold_what_the_pasteuriser_sent(day: Day) -> None:
    """Over four hours of production, with the change of the buffer's level (250 L)."""
    hours = day[: 4 * HOUR]
    assert len({now["LINE-00.phase"] for now in hours}) == 1, "no changeover, which sends product back"
    sent_l = total(hours, "PAS-20.forward_flow_l_h") - grown(hours, "TNK-25.level_pct") / 100.0 * 250.0
    assert 0.5 * grown(hours, "MONO-30.prod_processed_count") == pytest.approx(sent_l, rel=0.02)


def test_counters_of_water_count_what_the_flow_meters_show(day: Day) -> None:
    """Fresh water and drain."""
    assert total(day, "WAT-94.water_flow_m3_h") == pytest.approx(grown(day, "WAT-94.water_m3"), rel=0.02)
    assert total(day, "WAT-94.drain_flow_m3_h") == pytest.approx(grown(day, "WAT-94.drain_m3"), rel=0.02)


def test_the_air_of_the_zones_is_what_leaves_the_receiver(day: Day) -> None:
    """The flow meters of the four zones add up to the one behind the receiver."""
    zones = sum(total(day, f"CA-90.zone_{zone}_m3_min") for zone in range(1, 5))
    assert zones == pytest.approx(total(day, "CA-90.air_demand_m3_min"), rel=0.02)


def test_the_store_gave_what_the_filler_took(day: Day) -> None:
    """To the bottle and the cap."""
    filled = grown(day, "MONO-30.prod_processed_count")
    assert filled > 25_000
    assert (grown(day, "STO-05.bottles_used"), grown(day, "STO-05.caps_used")) == (filled, filled)
