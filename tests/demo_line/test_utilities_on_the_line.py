"""Faults of the utilities as the whole line shows them, with the pasteuriser's real demand for cold."""

from collections import defaultdict

import pytest

from demo_line.line import Line, load_definition

HEALTHY = ""


@pytest.fixture(scope="module")
def means() -> dict[str, dict[str, float]]:
    """Means of some hours of production with one fault far on, by fault and quantity."""
    line = Line(load_definition())
    found: dict[str, dict[str, float]] = {}
    severities = {
        HEALTHY: 0.0,
        "low_refrigerant": 0.9,
        "clogged_drier": 0.9,
        "dirty_condenser": 0.8,
        "hot_weather": 1.0,
    }
    for name, severity in severities.items():
        state = line.start(1)
        if name:
            state.around.severity[name] = severity
        sums: dict[str, float] = defaultdict(float)
        count = 0
        for minute in range(6 * 60):
            line.step(state, 60.0)
            if minute > 60 and state.around.plan.run:
                count += 1
                chiller = state.units["CH-91"]
                for signal in line.units["CH-91"].signals:
                    if signal.unit:
                        sums[signal.name] += float(signal.value(chiller))
        found[name] = {quantity: total / count for quantity, total in sums.items()}
        found[name]["intensity"] = found[name]["power_w"] / found[name]["cooling_w"]
    return found


def test_low_refrigerant_on_the_line(means: dict[str, dict[str, float]]) -> None:
    """M10: superheat up; subcooling, suction, condensing pressure down; kW down, but up for each kW of cold; warmer."""
    sound, low = means[HEALTHY], means["low_refrigerant"]
    assert low["superheat_k"] > sound["superheat_k"] + 5.0
    assert low["subcooling_k"] < sound["subcooling_k"] - 3.0
    assert low["suction_bar"] < sound["suction_bar"] - 0.2
    assert low["condensing_bar"] < sound["condensing_bar"] - 0.1
    assert low["power_w"] < 0.98 * sound["power_w"]
    assert low["intensity"] > 1.05 * sound["intensity"]
    assert low["supply_degc"] > sound["supply_degc"] + 2.0


def test_a_clogged_drier_on_the_line(means: dict[str, dict[str, float]]) -> None:
    """Twin of M10: the same but for the subcooling, which is up."""
    sound, low, drier = means[HEALTHY], means["low_refrigerant"], means["clogged_drier"]
    assert drier["superheat_k"] == pytest.approx(low["superheat_k"], abs=0.5)
    assert drier["supply_degc"] == pytest.approx(low["supply_degc"], abs=0.5)
    assert drier["subcooling_k"] > sound["subcooling_k"] + 3.0


def test_a_dirty_condenser_on_the_line(means: dict[str, dict[str, float]]) -> None:
    """M9: condensing pressure and power up, superheat and subcooling as ever; hot weather does it by the air."""
    sound, dirty, hot = means[HEALTHY], means["dirty_condenser"], means["hot_weather"]
    for suspect in (dirty, hot):
        assert suspect["condensing_bar"] > sound["condensing_bar"] + 1.0
        assert suspect["power_w"] > 1.1 * sound["power_w"]
        assert suspect["superheat_k"] == pytest.approx(sound["superheat_k"], abs=0.5)
        assert suspect["subcooling_k"] == pytest.approx(sound["subcooling_k"], abs=1.0)
    assert dirty["condenser_air_degc"] == pytest.approx(sound["condenser_air_degc"], abs=0.1)
    assert hot["condenser_air_degc"] == pytest.approx(sound["condenser_air_degc"] + 10.0, abs=0.1)


def chiller(outdoor_degc: float, **severity: float) -> dict[str, float]:
    """Means of the chiller over an hour of production at an outdoor temperature."""
    definition = load_definition()
    weather = {"mean_degc": outdoor_degc, "season_k": 0.0, "day_k": 0.0, "weather_k": 0.0}
    line = Line(definition.model_copy(update={"parameters": {**definition.parameters, "SITE-00": weather}}))
    state = line.start(1)
    state.around.severity.update(severity)
    sums: dict[str, float] = defaultdict(float)
    for minute in range(105):
        line.step(state, 60.0)
        for signal in line.units["CH-91"].signals if minute >= 45 else ():
            if signal.unit:
                sums[signal.name] += float(signal.value(state.units["CH-91"])) / 60.0
    return sums


def test_dirt_on_the_condenser_shows_early_when_it_is_hot() -> None:
    """M9: while the fans hold the lowest condensing temperature a little dirt changes nothing; on a hot day it does."""
    for outdoor_degc, least, most in ((8.0, 0.0, 0.02), (32.0, 0.15, 1.0)):
        moved = chiller(outdoor_degc, dirty_condenser=0.1)["condensing_bar"] - chiller(outdoor_degc)["condensing_bar"]
        assert least <= moved <= most, outdoor_degc


def test_a_little_lost_refrigerant_costs_power_until_cold_runs_short() -> None:
    """M10: while the circuit gets its cold a worse cycle takes more power; less only once the supply gets warm."""
    sound, some, most = chiller(20.0), chiller(20.0, low_refrigerant=0.35), chiller(20.0, low_refrigerant=0.95)
    assert some["power_w"] > sound["power_w"] + 300.0
    assert some["supply_degc"] < sound["supply_degc"] + 1.0
    assert most["power_w"] < sound["power_w"]
    assert most["supply_degc"] > sound["supply_degc"] + 4.0
