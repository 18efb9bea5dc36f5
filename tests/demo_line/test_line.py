"""Building a line: units found by their files, definitions checked, instruments."""

import copy
import textwrap
from pathlib import Path

import pytest

import demo_line.units
from demo_line.cells import nameplates_of
from demo_line.clock import NS_PER_S, Grid
from demo_line.line import Line, LineDefinition, LineError, discover_units, load_definition
from demo_line.measurement import Instruments, Quality, channels_of
from demo_line.packml import UnitMode
from demo_line.plan import MODES, Phase, enters
from demo_line.servers.nodes import folders_of, unece_unit_id
from demo_line.signals import DataType
from demo_line.unit import plain

ONE_FILE = """
from dataclasses import dataclass, field
from demo_line.packml import Machine, advance
from demo_line.signals import DataType, Signal, packml_signals
from demo_line.unit import Parameters, UnitType

class LampParameters(Parameters):
    lamp_w: float = 600.0

@dataclass(slots=True)
class LampState:
    packml: Machine
    power_w: float
    switched: int = 0

def step(p, s, around, draws):
    advance(s.packml, around.dt_s, run=around.plan.run)
    s.switched = int(around.elapsed_s // 25.0)
    around.demands["compressed_air_demand_m3_min"] += 0.2

UNIT = UnitType(
    unit_id="LIGHT-99",
    title="Hall light",
    parameters=LampParameters,
    initial=lambda p: LampState(Machine(), p.lamp_w),
    step=step,
    power_w=lambda s: s.power_w,
    machine=lambda s: s.packml,
    demands=("compressed_air_demand_m3_min",),
    signals=(
        *packml_signals(),
        Signal("power_w", "W", 0, 1000, "Power of the light", lambda s: s.power_w, noise=1.0),
        Signal("lamp_degc", "°C", 0, 100, "Temperature of the lamp", lambda s: 50.0, period_s=10),
        Signal("switch_count", "", 0, None, "Switchings", lambda s: s.switched, DataType.INT64, period_s=0),
    ),
)
"""


def add_lamp(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "light99.py").write_text(textwrap.dedent(ONE_FILE), encoding="utf-8")
    monkeypatch.setattr(demo_line.units, "__path__", [*demo_line.units.__path__, str(folder)])


@pytest.fixture
def lamp_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Line:
    """Line that consists of the lamp alone."""
    add_lamp(tmp_path, monkeypatch)
    return Line(LineDefinition(name="lamp", units=("LIGHT-99",)))


def test_a_new_unit_is_one_new_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file in the units' folder and its id in the definition are all it takes.

    The line has the unit, its nodes, its power and its demands, and the others' random course stays as it was.
    """
    definition = load_definition()
    before = Line(definition)
    add_lamp(tmp_path, monkeypatch)
    line = Line(definition.model_copy(update={"units": (*definition.units, "LIGHT-99")}))
    assert set(line.units) - set(before.units) == {"LIGHT-99"}
    channels = channels_of(line)
    folders = folders_of(channels, nameplates_of(line))
    assert [folder.description for folder in folders if folder.name == "LIGHT-99"] == ["Hall light"]
    assert any(channel.name == "LIGHT-99.power_w" for channel in channels)
    state, old_state = line.start(1), before.start(1)
    line.step(state, 1.0)
    before.step(old_state, 1.0)
    assert state.around.power_w["LIGHT-99"] == 600.0
    assert state.energy_ws["LIGHT-99"] == 600.0
    assert state.around.demands["compressed_air_demand_m3_min"] == pytest.approx(
        old_state.around.demands["compressed_air_demand_m3_min"] + 0.2
    )
    for unit_id in before.units:
        assert state.draws[unit_id].normal() == old_state.draws[unit_id].normal(), unit_id


def test_a_copy_of_the_state_goes_on_equally() -> None:
    """A deep copy is a snapshot: both go on with the same numbers, and stepping one leaves the other alone."""
    line = Line(load_definition())
    state = line.start(3)
    for _ in range(30):
        line.step(state, 1.0)
    snapshot = copy.deepcopy(state)
    for _ in range(30):
        line.step(state, 1.0)
    assert snapshot.elapsed_s == 30.0
    for _ in range(30):
        line.step(snapshot, 1.0)
    assert snapshot.units == state.units
    assert snapshot.around == state.around


def test_equal_seeds_give_equal_runs_and_different_seeds_do_not() -> None:
    """The seed decides everything that is drawn."""
    line = Line(load_definition())
    states = [line.start(seed) for seed in (5, 5, 6)]
    for state in states:
        for _ in range(120):
            line.step(state, 1.0)
    assert states[0].units == states[1].units
    assert states[0].units != states[2].units


def test_a_file_without_a_unit_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module that defines no UNIT is an error with its path, not a silent hole."""
    (tmp_path / "empty98.py").write_text("x = 1\n", encoding="utf-8")
    monkeypatch.setattr(demo_line.units, "__path__", [*demo_line.units.__path__, str(tmp_path)])
    with pytest.raises(LineError, match=r"empty98\.py defines no UNIT"):
        discover_units()


CA_90 = 'name = "x"\nunits = ["CA-90"]\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('name = "x"\nunits = ["MIX-11"]', r"units: 'MIX-11' is not known; known units: .*MIX-10"),
        (CA_90 + '[parameters."CA-90"]\nleaks_m3_min = -1', r"parameters\.CA-90: leaks_m3_min = -1: .*greater"),
        (CA_90 + '[parameters."CA-90"]\nleek = 1', r"parameters\.CA-90: leek = 1: Extra inputs"),
        (CA_90 + '[parameters."CA-91"]\nleaks_m3_min = 1', r"parameters\.CA-91: the line has no such unit; .*CA-90"),
        ('nmae = "x"', r"x\.toml: .*name.*Field required"),
        ("name = ", r"x\.toml is not valid TOML"),
        (CA_90 + "[boundary]\nambient_degc = 20.0\ncompressed_air_bar = 7.0",
         r"CA-90 supplies compressed_air_bar, which \[boundary\] supplies too"),
        (CA_90, r"CA-90 reads ambient_degc.*, which no unit of the line supplies; add the unit or give it"),
    ],
)  # fmt: skip
def test_a_wrong_definition_names_place_value_and_remedy(tmp_path: Path, text: str, message: str) -> None:
    """Every mistake in a line definition is refused before anything runs."""
    path = tmp_path / "x.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(LineError, match=message):
        Line(load_definition(path))


def test_packaging_alternates_machines_and_conveyors(lamp_line: Line) -> None:
    """A unit that moves no bottles is refused among the packaging machines."""
    definition = lamp_line.definition.model_copy(update={"packaging": ("LIGHT-99",)})
    with pytest.raises(LineError, match="packaging: LIGHT-99 stands where a machine must be"):
        Line(definition)


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


def test_a_failed_sensor_is_bad_at_once_and_recovers(lamp_line: Line) -> None:
    """`set_status` shows in the next reading, also of a signal that reports only changes."""
    instruments = Instruments(channels_of(lamp_line), 1, lamp_line.faults)
    numbers = {channel.name: number for number, channel in enumerate(instruments.channels)}
    state = lamp_line.start(1)
    instruments.measure(state, 0)
    for name in ("LIGHT-99.power_w", "LIGHT-99.switch_count", "LIGHT-99.lamp_degc"):
        for quality in (Quality.BAD, Quality.UNCERTAIN, Quality.GOOD):
            instruments.set_status(name, quality)
            lamp_line.step(state, 1.0)
            offers = {offer.node: offer for offer in instruments.measure(state, 1)}
            assert offers[numbers[name]].quality is quality
            assert (offers[numbers[name]].value is None) == (quality is Quality.BAD)
    with pytest.raises(KeyError, match="no instrument is called 'x'"):
        instruments.set_status("x", Quality.BAD)


def test_readings_keep_their_rates(lamp_line: Line) -> None:
    """A signal comes at its period, states and counters when they change."""
    instruments = Instruments(channels_of(lamp_line), 1, lamp_line.faults)
    state = lamp_line.start(1)
    counts = [0] * len(instruments.channels)
    for second in range(100):
        lamp_line.step(state, 1.0)
        for offer in instruments.measure(state, second):
            counts[offer.node] += 1
    by_name = {channel.name: count for channel, count in zip(instruments.channels, counts, strict=True)}
    assert by_name["LIGHT-99.power_w"] == 100
    assert by_name["LIGHT-99.lamp_degc"] == 10
    assert by_name["LIGHT-99.state_current"] == 1
    assert by_name["LIGHT-99.switch_count"] == 5


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


def test_a_step_reads_the_values_of_the_parameters_from_a_plain_record() -> None:
    """Every field has its value, and what follows from the design values is what the parameters themselves say."""
    for unit in discover_units().values():
        parameters = unit.parameters.model_validate({})
        values = plain(parameters)
        assert {name: getattr(values, name) for name in unit.parameters.model_fields} == dict(parameters)
    conveyor = discover_units()["CNV-4"].parameters.model_validate({"magnetising_share": 0.5, "rated_current_a": 4.0})
    assert plain(conveyor).magnetising_a2 == 4.0


@pytest.mark.parametrize("phase", list(Phase))
def test_the_mode_of_a_unit_follows_the_phase_once(phase: Phase) -> None:
    """A unit learns once that a phase begins; its mode is the phase's then and stays what somebody makes of it."""
    tank = discover_units()["TNK-25"]
    state = tank.initial(tank.parameters.model_validate({}))
    assert enters(state, phase) is (phase is not Phase.PRODUCTION)
    assert state.packml.mode is MODES[phase]
    state.packml.mode = UnitMode.MAINTENANCE
    assert not enters(state, phase)
    assert state.packml.mode is UnitMode.MAINTENANCE
