"""Building a line: units found by their files, definitions checked, instruments."""

import textwrap
from pathlib import Path

import pytest
from numpy.random import default_rng

import demo_line.units
from demo_line.clock import NS_PER_S, Grid
from demo_line.line import Line, LineError, discover_units, load_definition
from demo_line.measurement import Instruments, Quality, channels_of
from demo_line.servers.nodes import folders_of, unece_unit_id
from demo_line.signals import DataType

ONE_FILE = """
from dataclasses import dataclass
from demo_line.packml import Machine, advance
from demo_line.signals import Signal, packml_signals
from demo_line.unit import POWER_W, Parameters, UnitType

class LampParameters(Parameters):
    lamp_w: float = 600.0

@dataclass(frozen=True, slots=True)
class LampState:
    packml: Machine
    power_w: float

UNIT = UnitType(
    unit_id="LIGHT-99",
    title="Hall light",
    parameters=LampParameters,
    initial=lambda p: LampState(Machine(), p.lamp_w),
    step=lambda p, s, around, dt_s, rng: LampState(advance(s.packml, dt_s, command=around.command), p.lamp_w),
    demands=lambda s: {POWER_W: s.power_w, "compressed_air_demand_m3_min": 0.2},
    signals=(*packml_signals(), Signal("power_w", "W", 0, 1000, "Power of the light", lambda s: s.power_w)),
)
"""


def test_a_new_unit_is_one_new_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file in the units' folder is all it takes.

    The shipped line has the unit, its nodes, its power and its demands.
    """
    before = Line(load_definition())
    (tmp_path / "light99.py").write_text(textwrap.dedent(ONE_FILE), encoding="utf-8")
    monkeypatch.setattr(demo_line.units, "__path__", [*demo_line.units.__path__, str(tmp_path)])
    line = Line(load_definition())
    assert set(line.units) - set(before.units) == {"LIGHT-99"}
    assert line.initial.power_w == pytest.approx(before.initial.power_w + 600.0)
    assert line.initial.demands["compressed_air_demand_m3_min"] == pytest.approx(
        before.initial.demands["compressed_air_demand_m3_min"] + 0.2
    )
    channels = channels_of(line)
    folders = folders_of(channels, {unit_id: unit.title for unit_id, unit in line.units.items()})
    assert [folder.description for folder in folders if folder.name == "LIGHT-99"] == ["Hall light"]
    assert any(channel.name == "LIGHT-99.power_w" for channel in channels)
    state, generators = line.initial, line.generators(1)
    old_state, old_generators = before.initial, before.generators(1)
    for _ in range(60):
        state, old_state = line.step(state, 1.0, generators), before.step(old_state, 1.0, old_generators)
    assert state.units["MONO-30"] == old_state.units["MONO-30"], "the others' random course stays as it was"
    assert state.units["CA-90"].demand_m3_min > old_state.units["CA-90"].demand_m3_min


def test_a_file_without_a_unit_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module that defines no UNIT is an error with its path, not a silent hole."""
    (tmp_path / "empty98.py").write_text("x = 1\n", encoding="utf-8")
    monkeypatch.setattr(demo_line.units, "__path__", [*demo_line.units.__path__, str(tmp_path)])
    with pytest.raises(LineError, match=r"empty98\.py defines no UNIT"):
        discover_units()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('name = "x"\nunits = ["MIX-11"]', r"units: 'MIX-11' is not known; known units: .*MIX-10"),
        ('name = "x"\n[parameters."CA-90"]\nleaks_m3_min = -1', r"parameters\.CA-90: leaks_m3_min = -1: .*greater"),
        ('name = "x"\n[parameters."CA-90"]\nleek = 1', r"parameters\.CA-90: leek = 1: Extra inputs"),
        ('name = "x"\n[parameters."CA-91"]\nleaks_m3_min = 1', r"parameters\.CA-91: the line has no such unit"),
        ('nmae = "x"', r"x\.toml: .*name.*Field required"),
        ("name = ", r"x\.toml is not valid TOML"),
        ('name = "x"\n[boundary]\nambient_degc = 20.0\noutfeed_blocked = 0.0\nproduct_flow_l_h = 1.0',
         r"MIX-10 supplies product_flow_l_h, which another unit or \[boundary\] supplies too"),
    ],
)  # fmt: skip
def test_a_wrong_definition_names_place_value_and_remedy(tmp_path: Path, text: str, message: str) -> None:
    """Every mistake in a line definition is refused before anything runs."""
    path = tmp_path / "x.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(LineError, match=message):
        Line(load_definition(path))


def test_every_signal_is_described() -> None:
    """Names end in their unit or are counted or logical; floats have a unit, ranges are in order, names are unique."""
    channels = channels_of(Line(load_definition()))
    assert len({channel.name for channel in channels}) == len(channels)
    for channel in channels:
        signal = channel.signal
        assert signal.description, channel.name
        assert signal.name == signal.name.lower()
        if signal.datatype is DataType.DOUBLE:
            assert signal.unit, channel.name
            assert unece_unit_id(signal.unit, signal.name) != -1 or signal.unit == "bottles/h", channel.name
        if signal.low is not None and signal.high is not None:
            assert signal.low < signal.high


def test_a_failed_sensor_is_bad_at_once_and_recovers() -> None:
    """`set_status` shows in the next reading, also of a signal that reports only changes."""
    line = Line(load_definition())
    instruments = Instruments(channels_of(line), default_rng(1))
    numbers = {channel.name: number for number, channel in enumerate(instruments.channels)}
    state, generators = line.initial, line.generators(1)
    instruments.measure(state, 0)
    for name in ("MIX-10.suction_bar", "MONO-30.prod_defective_count", "MIX-10.hf_acceleration_g"):
        for quality in (Quality.BAD, Quality.UNCERTAIN, Quality.GOOD):
            instruments.set_status(name, quality)
            state = line.step(state, 1.0, generators)
            offers = {offer.node: offer for offer in instruments.measure(state, 1)}
            assert offers[numbers[name]].quality is quality
            assert (offers[numbers[name]].value is None) == (quality is Quality.BAD)
    with pytest.raises(KeyError, match="no instrument is called 'x'"):
        instruments.set_status("x", Quality.BAD)


def test_readings_keep_their_rates() -> None:
    """Process values come every second, vibration every ten, states and counters when they change."""
    line = Line(load_definition().model_copy(update={"parameters": {"MONO-30": {"minor_stops_per_h": 0.0}}}))
    instruments = Instruments(channels_of(line), default_rng(1))
    state, generators = line.initial, line.generators(1)
    counts = [0] * len(instruments.channels)
    for second in range(100):
        state = line.step(state, 1.0, generators)
        for offer in instruments.measure(state, second):
            counts[offer.node] += 1
    by_name = {channel.name: count for channel, count in zip(instruments.channels, counts, strict=True)}
    assert by_name["MIX-10.product_flow_l_h"] == 100
    assert by_name["MIX-10.vibration_velocity_mm_s"] == 10
    assert by_name["MIX-10.state_current"] == 1
    assert 80 <= by_name["MONO-30.prod_processed_count"] <= 85


def test_the_grid_catches_up_without_inventing_time() -> None:
    """Late steps come with their own times; a standstill or a jump of the clock is followed, not filled."""
    grid = Grid(NS_PER_S, 1000 * NS_PER_S + 300)
    assert grid.due(1000 * NS_PER_S + 300).times_ns == (1000 * NS_PER_S,)
    assert grid.due(1000 * NS_PER_S + 900).times_ns == ()
    assert grid.due(1003 * NS_PER_S).times_ns == (1001 * NS_PER_S, 1002 * NS_PER_S, 1003 * NS_PER_S)
    ahead = grid.due(4603 * NS_PER_S)
    assert (ahead.times_ns, ahead.jumped_ns) == ((4603 * NS_PER_S,), 3599 * NS_PER_S)
    back = grid.due(1003 * NS_PER_S)
    assert back.times_ns == (1003 * NS_PER_S,)
    assert back.jumped_ns < 0
