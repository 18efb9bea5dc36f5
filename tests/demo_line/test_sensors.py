"""What sensors make of true values: noise of their own, range, resolution, faults, the same live and recorded."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from demo_line.fault import Fault, Growth, SensorEffect
from demo_line.line import Line, LineDefinition
from demo_line.measurement import Instruments, Offer, Quality
from demo_line.runs.recorder import Block, Recorder, Resolution, attribute_path
from demo_line.runs.simulation import PlannedFault, Simulation, Solver
from demo_line.sensors import SensorError, Sensors
from demo_line.signals import Channel, DataType, Signal
from demo_line.unit import Parameters, UnitType


@dataclass(slots=True)
class TankState:
    """A tank whose level rises by 0.01 % a second."""

    level_pct: float = 20.0
    seconds: int = 0


def _step(_p: Any, s: TankState, around: Any, _draws: Any) -> None:
    s.level_pct += 0.01 * around.dt_s
    s.seconds += round(around.dt_s)


S = Signal[TankState]

TANK = UnitType(
    unit_id="TNK-99",
    title="Tank",
    parameters=Parameters,
    initial=lambda _p: TankState(),
    step=_step,
    signals=(
        S("level_pct", "%", 0, 100, "Level", lambda s: s.level_pct, noise=0.08, resolution=0.1),
        S("slow_pct", "%", 0, 100, "Level, read every ten seconds", lambda s: s.level_pct + 0.0, period_s=10.0),
        S("filled_l", "L", 0, None, "Filled since start", lambda s: float(s.seconds), resolution=0.5),
        S("second_count", "", 0, None, "Seconds since start", lambda s: s.seconds, DataType.INT64, period_s=0),
        S("even", "", None, None, "Whether the second is even", lambda s: s.seconds % 2 == 0, DataType.BOOLEAN,
          period_s=0),
        S("word", "", None, None, "Odd or even", lambda s: "even" if s.seconds % 2 == 0 else "odd", DataType.STRING,
          period_s=0),
    ),
)  # fmt: skip
LEVEL = "TNK-99.level_pct"


def line_with(*effects: SensorEffect) -> Line:
    """A line of the tank alone, with one fault that has these effects and is there at once."""
    growth = Growth("sudden", life_h=1.0)
    fault = Fault("sensor", "Sensor", "TNK-99", "sensor", "broken", growth, sensor=effects)
    return Line(LineDefinition(name="tank", units=("TNK-99",)), {"TNK-99": TANK}, {"sensor": fault})


def record(
    line: Line, seconds: int, resolution: Resolution = Resolution.SECOND, *, onset_s: float | None = None,
    rows: int = 7, solver: Solver = Solver.FINE, seed: int = 3,
) -> tuple[Block, Recorder]:  # fmt: skip
    """All rows of a run as one block."""
    blocks: list[Block] = []
    recorder = Recorder(line, seed, 0, resolution, blocks.append, rows)
    simulation = Simulation(line, seed, 0, solver)
    if onset_s is not None:
        simulation.plan_faults([PlannedFault("sensor", onset_s)], seconds)
    simulation.advance(seconds, recorder.observe)
    recorder.flush()
    parts: list[Any] = [np.concatenate(arrays, axis=-1) for arrays in zip(*blocks, strict=True)]
    return Block(*parts), recorder


def column(block: Block, recorder: Recorder, name: str = LEVEL) -> Any:
    return block.values[[channel.name for channel in recorder.channels].index(name)]


def test_blocks_of_any_length_give_the_same_bytes() -> None:
    """Noise belongs to the step, so how many rows are kept before they are measured changes nothing."""
    line = line_with()
    one, _ = record(line, 3000, rows=10_000)
    other, _ = record(line, 3000, rows=77)
    for left, right in zip(one, other, strict=True):
        assert left.tobytes() == right.tobytes()
    different, recorder = record(line, 3000, seed=4)
    assert not np.array_equal(column(different, recorder), column(one, recorder))


def test_noise_has_its_size_and_readings_their_resolution() -> None:
    """Over an hour the mean error is nothing, the spread is the sensor's, every value a multiple of its resolution."""
    block, recorder = record(line_with(), 3600)
    level = column(block, recorder)
    error = level - (20.0 + 0.01 * np.arange(1, 3601))
    assert abs(error.mean()) < 0.01
    assert error.std() == pytest.approx(np.hypot(0.08, 0.1 / np.sqrt(12.0)), rel=0.05)
    assert set(level) == {float(f"{value:.1f}") for value in level}, (
        "the number nearest to the decimal, as a person says it"
    )
    assert np.array_equal(column(block, recorder, "TNK-99.filled_l"), np.arange(1.0, 3601.0))


def test_a_sensor_that_is_read_seldom_leaves_holes() -> None:
    """Every tenth second a value, nothing in between, and no hole is called bad."""
    block, recorder = record(line_with(), 60)
    slow = column(block, recorder, "TNK-99.slow_pct")
    assert np.flatnonzero(np.isfinite(slow)).tolist() == [9, 19, 29, 39, 49, 59]
    assert not block.bad.any()


@pytest.mark.parametrize("solver", list(Solver))
def test_an_interval_shows_means_and_last_values(solver: Solver) -> None:
    """Analogue readings are averaged over the minute (with less noise), counters and texts are those at its end."""
    block, recorder = record(line_with(), 7200, Resolution.MINUTE, solver=solver)
    assert block.time_ns.tolist() == [minute * 60_000_000_000 for minute in range(1, 121)]
    level = column(block, recorder)
    end = 20.0 + 0.6 * np.arange(1, 121)
    expected = end if solver is Solver.COARSE else end - 0.01 * 29.5
    assert 0.008 < (level - expected).std() < 0.014, "0.08 % over the root of 60 readings, and a little for rounding"
    assert np.array_equal(column(block, recorder, "TNK-99.second_count"), np.arange(60, 7201, 60))
    assert np.isfinite(column(block, recorder, "TNK-99.slow_pct")).all()
    assert list(recorder.texts["TNK-99.word"]) == ["even"]


@pytest.mark.parametrize(
    ("kind", "amount", "low", "high"),
    [
        ("offset", 1.5, 1.5, 1.5),
        ("scale", 0.5, -14.6, -14.4),
        ("scale", 100.0, 2861.0, 2881.0),
        ("spikes", 30.0, 0.3, 0.9),
    ],
)  # fmt: skip
def test_effects_shift_readings_after_the_onset(kind: Any, amount: float, low: float, high: float) -> None:
    """Offset, scale and spikes change the mean by what the fault says, from the onset on and not before.

    A wrong conversion is not held by the instrument's range.
    """
    healthy, recorder = record(line_with(), 1200)
    block, _ = record(line_with(SensorEffect(LEVEL, kind, amount)), 1200, onset_s=600.0)
    shift = column(block, recorder) - column(healthy, recorder)
    assert not shift[:600].any()
    assert low - 0.01 <= shift[600:].mean() <= high + 0.01
    if kind == "spikes":
        assert 2 <= np.count_nonzero(shift) <= 30


def test_a_stuck_sensor_repeats_its_reading_until_repaired() -> None:
    """From the onset on the same reading, also over blocks and a snapshot's memory; a repair frees it."""
    line = line_with(SensorEffect(LEVEL, "stuck"))
    block, recorder = record(line, 1200, onset_s=600.0, rows=50)
    level = column(block, recorder)
    assert len(set(level[:600])) > 20
    assert len(set(level[600:])) == 1
    assert recorder.memory == {LEVEL: level[-1]}
    channel = Channel("TNK-99", TANK.signals[0])
    sensors = Sensors([channel], 3, line.faults)
    sensors.memory = {0: 55.5}
    true = np.array([[30.0], [31.0], [32.0]])
    severity = np.array([[1.0], [0.0], [0.0]])
    values = sensors.sense(true, severity, np.arange(3), 1.0).values[:, 0]
    assert values[0] == 55.5
    assert values[1:] == pytest.approx([31.0, 32.0], abs=0.5)
    assert not sensors.memory


@pytest.mark.parametrize(("kind", "bad"), [("dead", True), ("stale", False)])
def test_a_dead_sensor_is_bad_and_a_stale_one_silent(kind: Any, bad: bool) -> None:
    """Neither gives a value; only the dead one says so."""
    block, recorder = record(line_with(SensorEffect(LEVEL, kind)), 100, onset_s=50.0)
    level = column(block, recorder)
    assert np.isfinite(level[:50]).all()
    assert np.isnan(level[50:]).all()
    assert block.bad.sum() == (50 if bad else 0)


EFFECTS = [
    (),
    (SensorEffect(LEVEL, "offset", 1.5),),
    (SensorEffect(LEVEL, "spikes", 30.0),),
    (SensorEffect(LEVEL, "stuck"), SensorEffect("TNK-99.second_count", "stuck")),
    (SensorEffect(LEVEL, "dead"),),
    (SensorEffect(LEVEL, "stale"),),
]


@pytest.mark.parametrize("effects", EFFECTS)
def test_the_live_line_shows_what_a_recording_shows(effects: Sequence[SensorEffect]) -> None:
    """One rule for both: readings that are served one second at a time are those of the recorded run."""
    line = line_with(*effects)
    block, recorder = record(line, 200, onset_s=100.0)
    instruments = Instruments(recorder.channels, 3, line.faults)
    simulation = Simulation(line, 3, 0)
    simulation.plan_faults([PlannedFault("sensor", 100.0)], 200.0)
    offers: dict[tuple[int, int], Offer] = {}
    for second in range(1, 201):
        simulation.advance(1.0)
        for offer in instruments.measure(simulation.state, second):
            offers[second, offer.node] = offer
    for number in (0, 2):
        recorded = block.values[number].tolist()
        for second, value in enumerate(recorded, start=1):
            shown = offers.get((second, number))
            if np.isfinite(value):
                assert shown is not None
                assert (shown.value, shown.quality) == (value, Quality.GOOD)
            elif block.bad[number, second - 1]:
                assert shown == Offer(number, second, None, Quality.BAD)
            else:
                assert shown is None
    assert type(offers[1, 3].value) is int
    assert type(offers[1, 4].value) is bool
    assert offers[1, 5].value == "odd"


def test_wrong_effects_and_values_are_named() -> None:
    """An effect on a channel that is not there, and a value that is no number, name the channel."""
    with pytest.raises(SensorError, match=r"fault sensor: its sensor effect is on 'TNK-99.level'"):
        record(line_with(SensorEffect("TNK-99.level", "stuck")), 1)
    sensors = Sensors([Channel("TNK-99", TANK.signals[0])], 3, {})
    with pytest.raises(SensorError, match=r"TNK-99.level_pct: the simulated value is nan"):
        sensors.sense(np.array([[1.0], [np.nan]]), np.empty((2, 0)), np.arange(2), 1.0)


def test_only_plain_attributes_are_read_as_such() -> None:
    """A path is found for what does nothing but read an attribute; whatever else a function does is left to it."""
    assert attribute_path(lambda s: s.packml.state) == "packml.state"
    for read in (lambda s: s, lambda s: s.a if s.b else s.c, lambda s: s.a + 1, lambda s: s.a(), lambda s: s.a[0]):
        assert attribute_path(read) is None
    assert attribute_path(len) is None
