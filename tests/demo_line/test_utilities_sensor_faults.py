"""M12, nothing is broken: readings that lie while the line is sound."""

import copy
from collections import defaultdict
from collections.abc import Callable
from functools import cache

import pytest

from demo_line.line import Line, LineState, load_definition
from demo_line.measurement import Instruments, Offer, Quality, channels_of

READINGS_S = 300

M12 = {
    "stale_tag": ("CA-90.receiver_bar",),
    "pressure_unit_swap": ("CH-91.suction_bar",),
    "stuck_sensor": ("CH-91.supply_degc",),
    "spiking_sensor": ("MIX-10.bearing_temperature_degc",),
    "dead_sensor_battery": ("MIX-10.vibration_velocity_mm_s", "MIX-10.hf_acceleration_g"),
}


@pytest.fixture(scope="module")
def line() -> Line:
    return Line(load_definition())


@pytest.fixture(scope="module")
def producing(line: Line) -> LineState:
    """The line after an hour of production."""
    state = line.start(1)
    for _ in range(60):
        line.step(state, 60.0)
    return state


Recorded = tuple[dict[str, list[Offer]], LineState]
"""What the instruments offered, by channel, and the line afterwards."""


@pytest.fixture(scope="module")
def record(line: Line, producing: LineState) -> Callable[[str], Recorded]:
    """Five minutes with one fault complete, or with none; each is made once."""

    @cache
    def recorded(name: str) -> Recorded:
        state = copy.deepcopy(producing)
        instruments = Instruments(channels_of(line), 1, line.faults)
        if name:
            state.around.severity[name] = 1.0
        offers: dict[str, list[Offer]] = defaultdict(list)
        for second in range(READINGS_S):
            line.step(state, 1.0)
            for offer in instruments.measure(state, second):
                offers[instruments.channels[offer.node].name].append(offer)
        return offers, state

    return recorded


@pytest.fixture(scope="module")
def sound(record: Callable[[str], Recorded]) -> Recorded:
    return record("")


def values(offers: list[Offer]) -> list[float]:
    return [float(offer.value) for offer in offers if offer.value is not None]


@pytest.mark.parametrize("name", sorted(M12))
def test_a_lying_sensor_changes_its_own_reading_and_nothing_else(
    name: str, record: Callable[[str], Recorded], sound: Recorded
) -> None:
    """The true state of every unit and all other readings stay what they are without the fault."""
    offers, state = record(name)
    state.units["MIX-10"].sensor_charge = 1.0  # the sensor's own, not the line's
    assert state.units == sound[1].units
    different = {channel for channel in {*offers, *sound[0]} if offers[channel] != sound[0][channel]}
    assert different == set(M12[name])


def test_a_stale_tag_says_nothing_more(record: Callable[[str], Recorded]) -> None:
    """No new time and no new value come from the receiver's transmitter."""
    offers, _ = record("stale_tag")
    assert offers["CA-90.receiver_bar"] == []


def test_a_unit_swap_is_a_factor_of_a_hundred(record: Callable[[str], Recorded], sound: Recorded) -> None:
    """Kilopascals read as bar are a hundred times too much, beyond the range of the instrument."""
    swapped, right = (values(offers["CH-91.suction_bar"]) for offers in (record("pressure_unit_swap")[0], sound[0]))
    assert [reading / 100.0 for reading in swapped] == pytest.approx(right, abs=0.011)
    assert min(swapped) > 10.0


def test_a_stuck_sensor_repeats_one_value(record: Callable[[str], Recorded], sound: Recorded) -> None:
    """Fresh times, one value; a sound sensor shows noise at least."""
    stuck = values(record("stuck_sensor")[0]["CH-91.supply_degc"])
    assert len(stuck) == READINGS_S
    assert len(set(stuck)) == 1
    assert len(set(values(sound[0]["CH-91.supply_degc"]))) > 5


def test_a_spiking_sensor_jumps_now_and_then(record: Callable[[str], Recorded]) -> None:
    """About one reading in fifty is 30 K off, which no bearing can do in a second."""
    readings = values(record("spiking_sensor")[0]["MIX-10.bearing_temperature_degc"])
    usual = sorted(readings)[len(readings) // 2]
    spikes = [reading for reading in readings if reading > usual + 25.0]
    assert 1 <= len(spikes) <= 20
    assert spikes == pytest.approx([usual + 30.0] * len(spikes), abs=1.0)


def test_an_empty_battery_is_bad_quality(record: Callable[[str], Recorded]) -> None:
    """The wireless sensor gives no value any more, and says so once."""
    offers, _ = record("dead_sensor_battery")
    for channel in M12["dead_sensor_battery"]:
        assert offers[channel]
        assert all(offer.quality is Quality.BAD and offer.value is None for offer in offers[channel])
