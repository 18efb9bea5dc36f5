"""CA-90: screw compressor with receiver, loading and unloading on pressure.

The receiver is a mass balance of delivery, process demand and leaks. Unloaded, the compressor still takes about a third
of its power, so leaks cost
money twice: by the air they lose and by keeping the machine from ever reaching its run-on time.
"""

from dataclasses import dataclass
from enum import IntEnum

from pydantic import Field

from demo_line.draws import Draws
from demo_line.packml import Machine, State, advance
from demo_line.signals import DataType, Signal, packml_signals
from demo_line.unit import Parameters, Surroundings, UnitType, approach

ATMOSPHERE_BAR = 1.013


class RunState(IntEnum):
    """What the compressor does."""

    OFF = 0
    UNLOADED = 1
    LOADED = 2


class Ca90Parameters(Parameters):
    """Design values of compressor, receiver and leaks."""

    receiver_l: float = Field(default=500.0, gt=0)
    load_below_bar: float = 6.5
    unload_above_bar: float = 7.5
    delivery_m3_min: float = Field(default=2.4, gt=0, description="free air at 1 bar")
    loaded_w: float = 17200.0
    unloaded_w: float = Field(default=6020.0, description="35 % of full load, blow-down included")
    standby_w: float = 60.0
    run_on_s: float = Field(default=600.0, description="unloaded this long, it switches off")
    leaks_m3_min: float = Field(
        default=0.40, ge=0, description="at 7 bar(g); follows the absolute pressure (choked flow)"
    )
    loaded_degc: float = Field(default=64.0, description="discharge temperature above ambient, loaded")
    unloaded_degc: float = Field(default=56.0, description="discharge temperature above ambient, unloaded")
    discharge_time_constant_s: float = 240.0


@dataclass(slots=True)
class Ca90State:
    """State of CA-90; `power_w` is the mean over the step."""

    packml: Machine
    pressure_bar: float
    run_state: RunState
    unloaded_for_s: float
    power_w: float
    demand_m3_min: float
    leak_m3_min: float
    delivery_m3_min: float
    discharge_degc: float
    running_s: float
    loaded_s: float
    load_count: int


def _initial(p: Ca90Parameters) -> Ca90State:
    return Ca90State(
        Machine(), 7.0, RunState.LOADED, 0.0, p.loaded_w, 0.0, p.leaks_m3_min, p.delivery_m3_min, 86.0, 0.0, 0.0, 0
    )


def leak_m3_min(p: Ca90Parameters, pressure_bar: float) -> float:
    """Leak at a gauge pressure: flow through a hole is choked, so it follows the absolute pressure."""
    return p.leaks_m3_min * (pressure_bar + ATMOSPHERE_BAR) / (7.0 + ATMOSPHERE_BAR)


def _power_of(p: Ca90Parameters, run_state: RunState) -> float:
    return {RunState.OFF: p.standby_w, RunState.UNLOADED: p.unloaded_w, RunState.LOADED: p.loaded_w}[run_state]


@dataclass(frozen=True, slots=True)
class _Balance:
    pressure_bar: float
    run_state: RunState
    unloaded_for_s: float
    energy_ws: float = 0.0
    loaded_s: float = 0.0
    load_count: int = 0


def _balance(p: Ca90Parameters, start: _Balance, demand_m3_min: float, dt_s: float) -> _Balance:
    """Receiver pressure over one step, switching exactly when a limit is reached.

    Isothermal receiver: V dp/dt = q_in - q_out with flows in free air at 1 bar. Within a step the flows are constant
        between two events (a limit
    reached, the run-on time over), so the time to the next event is exact and load and unload times do not depend on
    the step length.
    """
    now, left_s = start, dt_s
    while left_s > 1e-9:
        delivery = p.delivery_m3_min if now.run_state is RunState.LOADED else 0.0
        slope_bar_s = (delivery - demand_m3_min - leak_m3_min(p, now.pressure_bar)) / 60.0 / (p.receiver_l / 1000.0)
        lasts_s, following = _next_event(p, now, slope_bar_s)
        used_s = min(lasts_s, left_s)
        unloaded_for_s = now.unloaded_for_s + used_s if now.run_state is RunState.UNLOADED else 0.0
        after = following if lasts_s <= left_s else now.run_state
        now = _Balance(
            max(now.pressure_bar + slope_bar_s * used_s, 0.0),
            after,
            unloaded_for_s if after is RunState.UNLOADED and now.run_state is RunState.UNLOADED else 0.0,
            now.energy_ws + _power_of(p, now.run_state) * used_s,
            now.loaded_s + (used_s if now.run_state is RunState.LOADED else 0.0),
            now.load_count + (after is RunState.LOADED and now.run_state is not RunState.LOADED),
        )
        left_s -= used_s
    return now


def _next_event(p: Ca90Parameters, now: _Balance, slope_bar_s: float) -> tuple[float, RunState]:
    """Seconds until the run state changes at this slope, and what it changes to."""
    if now.run_state is RunState.LOADED:
        if slope_bar_s <= 0.0:
            return float("inf"), RunState.LOADED
        return max(p.unload_above_bar - now.pressure_bar, 0.0) / slope_bar_s, RunState.UNLOADED
    until_load = max(now.pressure_bar - p.load_below_bar, 0.0) / -slope_bar_s if slope_bar_s < 0.0 else float("inf")
    until_off = max(p.run_on_s - now.unloaded_for_s, 0.0) if now.run_state is RunState.UNLOADED else float("inf")
    return (until_load, RunState.LOADED) if until_load <= until_off else (until_off, RunState.OFF)


def _step(p: Ca90Parameters, s: Ca90State, around: Surroundings, _draws: Draws) -> None:
    dt_s = around.dt_s
    s.demand_m3_min = around.demands["compressed_air_demand_m3_min"]
    released = s.packml.state in (State.EXECUTE, State.SUSPENDING, State.SUSPENDED, State.UNSUSPENDING)
    start = _Balance(s.pressure_bar, s.run_state if released else RunState.OFF, s.unloaded_for_s)
    # A stopped machine only loses pressure: without a release nothing loads it again.
    effective = p if released else p.model_copy(update={"load_below_bar": -1.0})
    after = _balance(effective, start, s.demand_m3_min, dt_s)
    advance(s.packml, dt_s, blocked=released and after.run_state is RunState.OFF)
    ambient = around.supplies["ambient_degc"]
    target = {
        RunState.OFF: ambient,
        RunState.UNLOADED: ambient + p.unloaded_degc,
        RunState.LOADED: ambient + p.loaded_degc,
    }[after.run_state]
    time_constant = p.discharge_time_constant_s * (8.0 if after.run_state is RunState.OFF else 1.0)
    s.pressure_bar = after.pressure_bar
    s.run_state = after.run_state
    s.unloaded_for_s = after.unloaded_for_s
    s.power_w = after.energy_ws / dt_s
    s.leak_m3_min = leak_m3_min(p, after.pressure_bar)
    s.delivery_m3_min = p.delivery_m3_min * after.loaded_s / dt_s
    s.discharge_degc = approach(s.discharge_degc, target, dt_s, time_constant)
    s.running_s += dt_s if after.run_state is not RunState.OFF else 0.0
    s.loaded_s += after.loaded_s
    s.load_count += after.load_count
    around.supplies["compressed_air_bar"] = s.pressure_bar


def _announce(_p: Ca90Parameters, s: Ca90State, supplies: dict[str, float]) -> None:
    supplies["compressed_air_bar"] = s.pressure_bar


S = Signal[Ca90State]

UNIT = UnitType(
    unit_id="CA-90",
    title="Screw compressor with receiver",
    parameters=Ca90Parameters,
    initial=_initial,
    step=_step,
    power_w=lambda s: s.power_w,
    machine=lambda s: s.packml,
    reads=("ambient_degc", "compressed_air_demand_m3_min"),
    supplies=("compressed_air_bar",),
    announce=_announce,
    signals=(
        *packml_signals(),
        S("receiver_bar", "bar", 0, 10, "Pressure of the receiver (gauge)",
          lambda s: s.pressure_bar, noise=0.004, resolution=0.001),
        S("run_state", "", 0, 2, "What the compressor does: 0 off, 1 unloaded, 2 loaded",
          lambda s: s.run_state.value, DataType.INT32, period_s=0),
        S("power_w", "W", 0, 20000, "Electrical power of the compressor package",
          lambda s: s.power_w, noise=40.0, resolution=1.0),
        S("discharge_temperature_degc", "°C", 0, 130, "Discharge temperature",
          lambda s: s.discharge_degc, noise=0.1, resolution=0.1),
        S("air_demand_m3_min", "m³/min", 0, 5, "Compressed air into the line, leaks included (free air)",
          lambda s: s.demand_m3_min + s.leak_m3_min, noise=0.01, resolution=0.001),
        S("running_h", "h", 0, None, "Running hours since start",
          lambda s: s.running_s / 3600.0, resolution=0.001, period_s=10),
        S("loaded_h", "h", 0, None, "Loaded hours since start",
          lambda s: s.loaded_s / 3600.0, resolution=0.001, period_s=10),
        S("load_count", "", 0, None, "Load cycles since start", lambda s: s.load_count, DataType.INT64, period_s=0),
    ),
)  # fmt: skip
