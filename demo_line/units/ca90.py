"""CA-90: screw compressor with receiver and four zone valves, loading and unloading on pressure.

The receiver is a mass balance of delivery, process demand and leaks. Unloaded, the compressor still takes about a third
of its power, so leaks cost money twice: by the air they lose, and by keeping the machine from ever reaching its run-on
time. Flows are in free air (1 bar, 20 °C). Limits reached within a step are found exactly, so load and unload times do
not depend on the length of the step.
"""

from dataclasses import dataclass, field
from enum import IntEnum
from math import exp, inf

from pydantic import Field, field_validator

from demo_line.draws import Draws
from demo_line.packml import Machine, State, advance
from demo_line.physics.compressed_air import AT_7_BAR, ATMOSPHERE_BAR, CHOKED_ABOVE_BAR, seconds_until
from demo_line.plan import OFF
from demo_line.signals import DataType, Signal, packml_signals
from demo_line.unit import Parameters, Surroundings, UnitType, approach

ZONES = ("filling hall", "labelling", "packing", "process")

_ON = frozenset({State.EXECUTE, State.SUSPENDING, State.SUSPENDED, State.UNSUSPENDING})


class RunState(IntEnum):
    """What the compressor does."""

    OFF = 0
    UNLOADED = 1
    LOADED = 2


_OFF, _UNLOADED, _LOADED = RunState


class Ca90Parameters(Parameters):
    """Design values of compressor, receiver, zones and leaks; leaks are flows at 7 bar(g)."""

    receiver_l: float = Field(default=500.0, gt=0)
    load_below_bar: float = Field(default=6.5, gt=CHOKED_ABOVE_BAR)
    unload_above_bar: float = 7.5
    delivery_m3_min: float = Field(default=2.4, gt=0)
    loaded_w: float = Field(default=17200.0, description="package with a 15 kW motor at full load")
    unloaded_w: float = Field(default=6020.0, description="35 % of full load, blow-down included")
    standby_w: float = 60.0
    run_on_s: float = Field(default=600.0, description="unloaded this long, it switches off")
    off_outside_production: bool = Field(default=True, description="switched off while the plan is OFF, or left on")
    leaks_m3_min: float = Field(default=0.40, ge=0, description="all leaks together at the start")
    leak_shares: tuple[float, float, float, float] = (0.4, 0.1, 0.3, 0.2)
    demand_shares: tuple[float, float, float, float] = (0.5, 0.1, 0.3, 0.1)
    grown_leak_m3_min: float = Field(default=0.25, ge=0, description="more leak in one zone when the fault is complete")
    open_drain_m3_min: float = Field(default=0.25, ge=0, description="through the receiver's drain when it stays open")
    loaded_k: float = Field(default=64.0, description="discharge temperature above the hall's, loaded")
    unloaded_k: float = Field(default=56.0, description="discharge temperature above the hall's, unloaded")
    discharge_time_constant_s: float = 240.0

    @field_validator("leak_shares", "demand_shares")
    @classmethod
    def _are_shares(cls, shares: tuple[float, ...]) -> tuple[float, ...]:
        if min(shares) < 0.0 or abs(sum(shares) - 1.0) > 1e-9:
            raise ValueError(f"shares of the zones add up to {sum(shares):g}; give four that add up to 1")
        return shares


@dataclass(slots=True)
class Ca90State:
    """State of CA-90.

    Attributes:
        packml: its state machine.
        pressure_bar: receiver, gauge, at the end of the step.
        run_state: at the end of the step.
        unloaded_for_s: how long it has run unloaded without a break.
        power_w, demand_m3_min, leak_m3_min, delivery_m3_min, outflow_m3_min: means over the step; demand as asked for,
            outflow as taken and leaked.
        discharge_degc: discharge temperature.
        zone_open: whether each zone valve is open.
        zone_leaks_m3_min: leaks of each zone at the start, at 7 bar(g).
        demand_shares: of each zone.
        grown_leak_m3_min, leaky_zone: leak that has grown, at 7 bar(g), and in which zone; -1 before it begins.
        drain_m3_min: through the open drain at 7 bar(g).
        running_s, loaded_s, load_count: totals since the start.
        delivered_m3, used_m3, leaked_m3: totals since the start; their balance is what the receiver holds.
    """

    packml: Machine
    pressure_bar: float
    run_state: RunState
    unloaded_for_s: float
    power_w: float
    demand_m3_min: float
    leak_m3_min: float
    delivery_m3_min: float
    outflow_m3_min: float
    discharge_degc: float
    zone_leaks_m3_min: tuple[float, ...]
    demand_shares: tuple[float, ...]
    zone_open: list[bool] = field(default_factory=lambda: [True] * len(ZONES))
    grown_leak_m3_min: float = 0.0
    leaky_zone: int = -1
    drain_m3_min: float = 0.0
    running_s: float = 0.0
    loaded_s: float = 0.0
    load_count: int = 0
    delivered_m3: float = 0.0
    used_m3: float = 0.0
    leaked_m3: float = 0.0

    def zone_leak_m3_min(self, zone: int) -> float:
        """Leaks of one zone at 7 bar(g)."""
        return self.zone_leaks_m3_min[zone] + (self.grown_leak_m3_min if zone == self.leaky_zone else 0.0)

    def zone_m3_min(self, zone: int) -> float:
        """Flow through one zone valve at the end of the step."""
        if not self.zone_open[zone]:
            return 0.0
        demand, leak = self.demand_m3_min * self.demand_shares[zone], self.zone_leak_m3_min(zone) / AT_7_BAR
        if self.pressure_bar >= CHOKED_ABOVE_BAR:
            return demand + leak * (self.pressure_bar + ATMOSPHERE_BAR)
        return self.pressure_bar / CHOKED_ABOVE_BAR * (demand + leak * (CHOKED_ABOVE_BAR + ATMOSPHERE_BAR))


def set_zone_valve(s: Ca90State, zone: int, *, is_open: bool) -> None:
    """Open or close a zone valve (0 to 3), as in the zone isolation test.

    A closed zone takes the air from its machines: the pressure switches that release them are in series.
    Raises ValueError for a zone that does not exist.
    """
    if not 0 <= zone < len(ZONES):
        raise ValueError(f"zone {zone} does not exist; zones are 0 to {len(ZONES) - 1}: {', '.join(ZONES)}")
    s.zone_open[zone] = is_open


def _initial(p: Ca90Parameters) -> Ca90State:
    return Ca90State(
        packml=Machine(),
        pressure_bar=7.0,
        run_state=_LOADED,
        unloaded_for_s=0.0,
        power_w=p.loaded_w,
        demand_m3_min=0.0,
        leak_m3_min=p.leaks_m3_min,
        delivery_m3_min=p.delivery_m3_min,
        outflow_m3_min=p.leaks_m3_min,
        discharge_degc=24.0 + p.loaded_k,
        zone_leaks_m3_min=tuple(p.leaks_m3_min * share for share in p.leak_shares),
        demand_shares=p.demand_shares,
    )


def _step(p: Ca90Parameters, s: Ca90State, around: Surroundings, draws: Draws) -> None:
    dt_s = around.dt_s
    s.demand_m3_min = around.demands["compressed_air_demand_m3_min"]
    leaks, served = _zones(p, s, around.severity, draws)
    mains = around.supplies["mains_on"] > 0.5
    wanted = not p.off_outside_production or around.plan.phase is not OFF or around.severity["compressor_left_on"] > 0.5
    released = wanted and mains and s.packml.state in _ON
    if not released:
        s.run_state, s.unloaded_for_s = _OFF, 0.0
    loaded_s, running_s = s.loaded_s, s.running_s
    delivered_m3, leaked_m3, used_m3 = s.delivered_m3, s.leaked_m3, s.used_m3
    _receiver(p, s, dt_s, leaks, served, released=released)
    advance(s.packml, dt_s, run=wanted, starved=not mains, blocked=released and s.run_state is _OFF)
    loaded_s, running_s = s.loaded_s - loaded_s, s.running_s - running_s
    standby_w = p.standby_w if mains else 0.0
    s.power_w = (p.loaded_w * loaded_s + p.unloaded_w * (running_s - loaded_s) + standby_w * (dt_s - running_s)) / dt_s
    s.delivery_m3_min = (s.delivered_m3 - delivered_m3) * 60.0 / dt_s
    s.leak_m3_min = (s.leaked_m3 - leaked_m3) * 60.0 / dt_s
    s.outflow_m3_min = s.leak_m3_min + (s.used_m3 - used_m3) * 60.0 / dt_s
    hotter_k = (p.loaded_k * loaded_s + p.unloaded_k * (running_s - loaded_s)) / dt_s
    time_constant_s = p.discharge_time_constant_s * (1.0 if running_s > 0.0 else 8.0)
    s.discharge_degc = approach(s.discharge_degc, around.supplies["ambient_degc"] + hotter_k, dt_s, time_constant_s)
    around.supplies["compressed_air_bar"] = s.pressure_bar if all(s.zone_open) else 0.0


def _zones(p: Ca90Parameters, s: Ca90State, severity: dict[str, float], draws: Draws) -> tuple[float, float]:
    """Leaks at 7 bar(g) behind open valves with the open drain, and demand behind open valves, in m3/min."""
    grown = severity["compressed_air_leaks"]
    if grown <= 0.0:
        s.leaky_zone = -1
    elif s.leaky_zone < 0:
        s.leaky_zone = int(draws.uniform() * len(ZONES))
    s.grown_leak_m3_min = p.grown_leak_m3_min * grown
    s.drain_m3_min = p.open_drain_m3_min * severity["open_drain"]
    leaks, served = p.leaks_m3_min + s.grown_leak_m3_min + s.drain_m3_min, s.demand_m3_min
    if False in s.zone_open:
        for zone, is_open in enumerate(s.zone_open):
            if not is_open:
                leaks -= s.zone_leak_m3_min(zone)
                served -= s.demand_m3_min * s.demand_shares[zone]
    return max(leaks, 0.0), max(served, 0.0)


def _receiver(
    p: Ca90Parameters, s: Ca90State, dt_s: float, leaks_m3_min: float, demand_m3_min: float, *, released: bool
) -> None:
    """Receiver and run state over one step, from event to event."""
    left_s = dt_s
    while left_s > 1e-9:
        if released and s.run_state is not _LOADED and s.pressure_bar <= p.load_below_bar:
            s.run_state = _LOADED
            s.load_count += 1
        left_s -= _until_event(p, s, left_s, leaks_m3_min, demand_m3_min, released=released)


def _until_event(
    p: Ca90Parameters, s: Ca90State, left_s: float, leaks_m3_min: float, demand_m3_min: float, *, released: bool
) -> float:
    """Go on to the next limit of pressure, the end of the run-on time or of the step; returns the seconds gone by.

    Isothermal: V dp/dt = q_in - q_out, flows in free air at 1 bar. Leaks follow the absolute pressure while they are
    choked; below that range leaks and demand fall with the gauge pressure. In both ranges the pressure runs along an
    exponential, so the time to a limit is exact.
    """
    volume = p.receiver_l * 0.06  # m3 a bar, times seconds a minute
    pressure, run = s.pressure_bar, s.run_state
    delivery = p.delivery_m3_min if run is _LOADED else 0.0
    low_out = demand_m3_min + leaks_m3_min * (CHOKED_ABOVE_BAR + ATMOSPHERE_BAR) / AT_7_BAR
    choked = pressure > CHOKED_ABOVE_BAR or (pressure == CHOKED_ABOVE_BAR and delivery > low_out)
    if choked:
        k = leaks_m3_min / AT_7_BAR / volume
        slope = (delivery - demand_m3_min) / volume - k * (pressure + ATMOSPHERE_BAR)
        waits_to_load = released and run is not _LOADED
        limit = p.unload_above_bar if slope > 0.0 else p.load_below_bar if waits_to_load else CHOKED_ABOVE_BAR
    else:
        k = low_out / CHOKED_ABOVE_BAR / volume
        slope = delivery / volume - k * pressure
        limit = CHOKED_ABOVE_BAR if slope > 0.0 else 0.0
    run_on_s = p.run_on_s - s.unloaded_for_s if run is _UNLOADED else inf
    used_s = run_on_s if run_on_s < left_s else left_s
    after = pressure + (slope * (1.0 - exp(-k * used_s)) / k if k > 0.0 else slope * used_s)
    reached = after >= limit if slope > 0.0 else slope < 0.0 and after <= limit
    if reached:
        used_s, after = min(seconds_until(limit - pressure, slope, k), used_s), limit
    s.pressure_bar = after
    out_m3 = delivery * used_s / 60.0 - (s.pressure_bar - pressure) * p.receiver_l / 1000.0
    served = demand_m3_min * used_s / 60.0 if choked else out_m3 * demand_m3_min / low_out if low_out > 0.0 else 0.0
    _count(s, used_s, delivery * used_s / 60.0, served, out_m3 - served)
    if reached and run is _LOADED and limit == p.unload_above_bar:
        s.run_state, s.unloaded_for_s = _UNLOADED, 0.0
    elif used_s == run_on_s:
        s.run_state, s.unloaded_for_s = _OFF, 0.0
    return used_s


def _count(s: Ca90State, seconds: float, delivered_m3: float, used_m3: float, leaked_m3: float) -> None:
    s.delivered_m3 += delivered_m3
    s.used_m3 += used_m3
    s.leaked_m3 += leaked_m3
    if s.run_state is not _OFF:
        s.running_s += seconds
        if s.run_state is _LOADED:
            s.loaded_s += seconds
        else:
            s.unloaded_for_s += seconds


def _announce(_p: Ca90Parameters, s: Ca90State, supplies: dict[str, float]) -> None:
    supplies["compressed_air_bar"] = s.pressure_bar


S = Signal[Ca90State]


def _zone_signal(zone: int) -> Signal[Ca90State]:
    return S(f"zone_{zone + 1}_m3_min", "m³/min", 0, 3, f"Air into zone {zone + 1}, {ZONES[zone]} (free air)",
             lambda s: s.zone_m3_min(zone), noise=0.004, resolution=0.001)  # fmt: skip


UNIT = UnitType(
    unit_id="CA-90",
    title="Screw compressor with receiver",
    parameters=Ca90Parameters,
    initial=_initial,
    step=_step,
    power_w=lambda s: s.power_w,
    machine=lambda s: s.packml,
    reads=("ambient_degc", "mains_on", "compressed_air_demand_m3_min"),
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
        S("air_demand_m3_min", "m³/min", 0, 5, "Compressed air out of the receiver, leaks included (free air)",
          lambda s: s.outflow_m3_min, noise=0.01, resolution=0.001),
        *(_zone_signal(zone) for zone in range(len(ZONES))),
        S("running_h", "h", 0, None, "Running hours since start",
          lambda s: s.running_s / 3600.0, resolution=0.001, period_s=10),
        S("loaded_h", "h", 0, None, "Loaded hours since start",
          lambda s: s.loaded_s / 3600.0, resolution=0.001, period_s=10),
        S("load_count", "", 0, None, "Load cycles since start", lambda s: s.load_count, DataType.INT64, period_s=0),
    ),
    truth=(
        S("leak_m3_min", "m³/min", 0, None, "Leaks and open drain together", lambda s: s.leak_m3_min),
        S("drain_m3_min", "m³/min", 0, None, "Open drain at 7 bar(g)", lambda s: s.drain_m3_min),
        S("leaky_zone", "", 0, 4, "Zone in which a leak grows, 0 = none", lambda s: s.leaky_zone + 1, DataType.INT32),
        S("delivery_m3_min", "m³/min", 0, None, "Delivery of the compressor", lambda s: s.delivery_m3_min),
        S("demand_m3_min", "m³/min", 0, None, "What the machines ask for", lambda s: s.demand_m3_min),
        S("delivered_m3", "m³", 0, None, "Air delivered since start", lambda s: s.delivered_m3),
        S("used_m3", "m³", 0, None, "Air that the machines got since start", lambda s: s.used_m3),
        S("leaked_m3", "m³", 0, None, "Air lost since start", lambda s: s.leaked_m3),
        S("receiver_bar", "bar", 0, None, "Pressure of the receiver (gauge)", lambda s: s.pressure_bar),
    ),
)  # fmt: skip
