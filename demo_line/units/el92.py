"""EL-92: main distribution with grid meter, photovoltaics, emergency generator and the loads of the hall.

What the units took in a step is delivered by the source that was on; the source for the next step is decided then.
Without the grid the inverters switch off (EN 50549-1: no island), the generator starts, and whatever it cannot carry
must be shed: first the shrink tunnel, then the chiller's compressor.
"""

from dataclasses import dataclass, field
from enum import IntEnum
from math import exp, inf, sqrt

from pydantic import Field

from demo_line.draws import Draws
from demo_line.packml import Machine, advance
from demo_line.physics.grid_meter import GridMeter
from demo_line.plan import OFF
from demo_line.signals import DataType, Signal, packml_signals
from demo_line.unit import Event, Parameters, Surroundings, UnitType

_KEPT = exp(-60.0 / 1800.0)
"""Share of the voltage's wandering that is left a minute later."""


class Source(IntEnum):
    """What feeds the main busbar."""

    DARK = 0
    GRID = 1
    GENERATOR = 2


DARK, GRID, GENERATOR = Source


class El92Parameters(Parameters):
    """Design values of hall loads, photovoltaics, generator and grid."""

    nominal_v: float = Field(default=230.0, gt=0, description="phase to neutral")
    voltage_spread: float = Field(default=0.003, ge=0, description="slow wandering of the grid's voltage")
    sag_share: float = Field(default=0.13, ge=0, lt=1, description="voltage missing at severity 1")
    light_w: float = Field(default=6000.0, ge=0, description="light, ventilation, staggered preheaters in a shift")
    night_w: float = Field(default=800.0, ge=0, description="emergency light, servers, fire alarm")
    idle_w: float = Field(default=9000.0, ge=0, description="of what is left on after the shift")
    baseload_w: float = Field(default=7000.0, ge=0, description="of what runs day and night without need")
    cold_store_w: float = Field(default=14000.0, ge=0, description="of a rented cold store while it cools")
    preheaters_w: float = Field(default=18000.0, ge=0, description="of tank preheaters that are on together")
    preheat_every_s: float = 7200.0
    preheat_s: float = 900.0
    pv_peak_w: float = Field(default=60000.0, ge=0, description="at 1000 W/m2 and 25 degC")
    pv_performance: float = Field(default=0.86, description="inverter, cables, soiling")
    pv_per_k: float = Field(default=-0.0037, description="of crystalline silicon")
    pv_k_m2_w: float = Field(default=0.03, description="cells above the air for each W/m2 (Ross 1976)")
    generator_w: float = Field(default=80000.0, gt=0)
    generator_starts_s: float = 12.0
    generator_step_share: float = Field(default=1.5, description="load at once that stalls it, against its rating")
    generator_overload_s: float = Field(default=30.0, description="longest time above its rating")
    generator_restart_s: float = 60.0
    generator_tries: int = 3
    fuel_l_kwh: float = 0.3
    automatic_shedding: bool = True
    shed_after_s: float = Field(default=5.0, description="overload after which one stage more is shed")
    shed_release_s: float = Field(default=300.0, description="after the grid has returned")
    inrush_share: float = Field(default=1.5, description="starting motors against the load before, at once")
    inrush_time_constant_s: float = 3.0
    restart_groups: int = Field(default=8, ge=1, description="drives start in so many groups, unless all at once")
    outage_min: float = Field(default=40.0, gt=0, description="median")
    outage_spread: float = 0.3
    reactive_var: float = Field(default=2700.0, description="of idle motors and transformers")
    reactive_share: float = Field(default=0.5, description="more with the load")


@dataclass(slots=True)
class El92State(GridMeter):
    """State of EL-92, with that of its grid meter; powers are means of the step.

    Attributes:
        packml: its state machine; ABORTED never, SUSPENDED while the busbar is dark.
        source: what feeds the busbar.
        wander, minute: slow part of the grid's voltage, against nominal, and the minute for which it was drawn.
        outage_left_s: until the grid is back.
        outage_known, outage_by_grid: whether the present severities have had their outage; whether it ends with the
            severity of `power_cut`.
        at_once: whether all drives restart in the same second.
        start_left_s: until the generator takes over; infinite = it does not try again.
        trips: of the generator in this outage.
        overload_s: how long the generator has been above its rating.
        generator_peak_w: highest load since it last took over, starting motors included.
        shed_stage: 0 nothing, 1 shrink tunnel, 2 chiller too.
        release_left_s: until shed loads come back.
        load_before_w: load when the grid was lost.
        inrush_w, since_on_s: peak of the starting motors, and time since the busbar got voltage.
        power_w: loads of the hall and inrush.
        load_w, pv_w, generator_w: all consumers, photovoltaics, generator.
        tariff: period of the tariff.
        load_ws, pv_ws, generator_ws: totals since the start.
    """

    packml: Machine = field(default_factory=Machine)
    power_w: float = 0.0
    source: Source = Source.GRID
    wander: float = 0.0
    minute: int = -1
    outage_left_s: float = 0.0
    outage_known: bool = False
    outage_by_grid: bool = False
    at_once: bool = False
    start_left_s: float = inf
    trips: int = 0
    overload_s: float = 0.0
    generator_peak_w: float = 0.0
    shed_stage: int = 0
    release_left_s: float = 0.0
    load_before_w: float = 0.0
    inrush_w: float = 0.0
    since_on_s: float = inf
    load_w: float = 0.0
    pv_w: float = 0.0
    generator_w: float = 0.0
    tariff: str = ""
    load_ws: float = 0.0
    pv_ws: float = 0.0
    generator_ws: float = 0.0


def shed(s: El92State, stage: int) -> None:
    """Shed loads by hand: 0 nothing, 1 the shrink tunnel, 2 the chiller's compressor too.

    A generator that has given up is started again.

    Raises ValueError for another stage.
    """
    if stage not in (0, 1, 2):
        raise ValueError(f"shed stage {stage} does not exist; give 0 (nothing), 1 (shrink tunnel) or 2 (chiller too)")
    s.shed_stage, s.release_left_s = stage, inf
    if s.source is Source.DARK and s.start_left_s == inf:
        s.trips, s.start_left_s = 0, 0.0


def pv_w(p: El92Parameters, irradiance_w_m2: float, outdoor_degc: float) -> float:
    """Photovoltaic power: P = Ppeak G / 1000 x performance x (1 + c (Tcell - 25)), Tcell = Tair + k G (Ross 1976)."""
    if irradiance_w_m2 <= 0.0:
        return 0.0
    cell_degc = outdoor_degc + p.pv_k_m2_w * irradiance_w_m2
    return p.pv_peak_w * irradiance_w_m2 / 1000.0 * p.pv_performance * (1.0 + p.pv_per_k * (cell_degc - 25.0))


def _initial(p: El92Parameters) -> El92State:
    return El92State(nominal_v=p.nominal_v, power_w=p.light_w)


def _step(p: El92Parameters, s: El92State, around: Surroundings, draws: Draws) -> None:
    dt_s, severity, plan = around.dt_s, around.severity, around.plan
    energised = s.source is not DARK
    others_w = sum(around.power_w.values()) - around.power_w.get("EL-92", 0.0)
    s.power_w = _hall_w(p, around) + _inrush_w(p, s, dt_s) if energised else 0.0
    s.load_w = others_w + s.power_w
    sun_w = pv_w(p, around.supplies["irradiance_w_m2"], around.supplies["outdoor_degc"])
    if s.source is GRID:
        s.pv_w, s.generator_w = sun_w, 0.0
        s.grid_w, s.reactive_var = s.load_w - sun_w, p.reactive_var + p.reactive_share * s.load_w
    else:
        s.pv_w = s.grid_w = s.reactive_var = 0.0
        s.generator_w = s.load_w if s.source is GENERATOR else 0.0
    s.tariff = plan.tariff
    s.load_ws += s.load_w * dt_s
    s.pv_ws += s.pv_w * dt_s
    s.generator_ws += s.generator_w * dt_s
    s.count(dt_s, plan.local_hour, plan.price_kwh)
    _grid(p, s, dt_s, around, draws)
    at_once = severity["restart_inrush"] > 0.5
    _choose_source(p, s, around, at_once=at_once)
    s.at_once = at_once
    advance(s.packml, dt_s, starved=s.source is DARK)
    _announce(p, s, around.supplies)


def _hall_w(p: El92Parameters, around: Surroundings) -> float:
    """Loads that belong to no unit."""
    severity, plan = around.severity, around.plan
    power = p.baseload_w * severity["night_baseload"]
    if plan.phase is OFF:
        power += p.night_w + p.idle_w * severity["idle_left_on"]
    else:
        power += p.light_w
    if plan.run:
        power += severity["demand_peak"] * _moved_preheat_w(p, plan.local_hour)
    needed = severity["cold_store_needed"]
    if needed > 0.0:
        power += p.cold_store_w * needed * _cooling_share(around)
    return power


def _moved_preheat_w(p: El92Parameters, local_hour: float) -> float:
    """What preheaters that come on together add to their staggered mean, which they do not take at other times."""
    # A millisecond keeps a rounded time of day from falling on the wrong side of the quarter of an hour.
    together = (local_hour * 3600.0 + 1e-3) % p.preheat_every_s < p.preheat_s
    return p.preheaters_w * (float(together) - p.preheat_s / p.preheat_every_s)


def _cooling_share(around: Surroundings) -> float:
    """Part of the step in which the cold store's compressor runs: twenty-minute cycles, longer when it is warm."""
    cycle_s = 1200.0
    on_s = cycle_s * min(max(0.5 + 0.015 * (around.supplies["outdoor_degc"] - 15.0), 0.15), 1.0)

    def run_s(until_s: float) -> float:
        return until_s // cycle_s * on_s + min(until_s % cycle_s, on_s)

    return (run_s(around.elapsed_s) - run_s(around.elapsed_s - around.dt_s)) / around.dt_s


def _inrush_w(p: El92Parameters, s: El92State, dt_s: float) -> float:
    """Starting motors, mean of the step: a peak that fades exponentially after the busbar got voltage."""
    if s.since_on_s > 20.0 * p.inrush_time_constant_s:
        return 0.0
    tau_s = p.inrush_time_constant_s
    begin, end = exp(-s.since_on_s / tau_s), exp(-(s.since_on_s + dt_s) / tau_s)
    s.since_on_s += dt_s
    return s.inrush_w * tau_s * (begin - end) / dt_s


def _grid(p: El92Parameters, s: El92State, dt_s: float, around: Surroundings, draws: Draws) -> None:
    """Voltage and outages of the grid; the voltage is drawn once a minute, so every step length sees the same."""
    severity = around.severity
    minute = int((around.elapsed_s - 1e-6) / 60.0)
    if minute != s.minute:
        s.minute = minute
        # Ornstein-Uhlenbeck process with a time constant of half an hour, exact for steps of a minute.
        s.wander = _KEPT * s.wander + sqrt(1.0 - _KEPT * _KEPT) * p.voltage_spread * draws.normal()
    s.voltage_share = 1.0 + s.wander - p.sag_share * severity["low_supply_voltage"]
    cut, at_once = severity["power_cut"] > 0.5, severity["restart_inrush"] > 0.5
    if s.outage_left_s > 0.0:
        s.outage_left_s = 0.0 if s.outage_by_grid and not cut else max(s.outage_left_s - dt_s, 0.0)
    elif (cut or at_once) and not s.outage_known:
        s.outage_left_s = draws.lognormal(p.outage_min * 60.0, p.outage_spread)
        s.outage_known, s.outage_by_grid = True, cut
        around.events.append(Event(around.elapsed_s, "EL-92", "alarm", "grid lost"))
    s.outage_known = s.outage_known and (cut or at_once)
    s.grid_on = s.outage_left_s <= 0.0


def _choose_source(p: El92Parameters, s: El92State, around: Surroundings, *, at_once: bool) -> None:
    """Source for the next step; a start of the generator shorter than a coarse step happens within it."""
    dt_s = around.dt_s
    if s.grid_on:
        if s.source is not GRID:
            _energise(p, s, GRID, at_once=at_once)
            s.trips, s.start_left_s, s.release_left_s = 0, inf, p.shed_release_s
            around.events.append(Event(around.elapsed_s, "EL-92", "alarm", "grid back"))
        elif s.shed_stage and s.release_left_s < inf:
            s.release_left_s -= dt_s
            s.shed_stage = s.shed_stage if s.release_left_s > 0.0 else 0
        return
    if s.source is GRID:
        s.source, s.load_before_w, s.start_left_s = DARK, s.load_w, p.generator_starts_s
        if p.automatic_shedding and s.shed_stage < 1:
            _shed_more(s, around)
        if dt_s <= 10.0:
            return
    if s.source is DARK:
        if s.at_once and not at_once:  # the restart sequence was repaired, so it is worth another try
            s.trips, s.start_left_s = 0, 0.0
        s.start_left_s -= dt_s
        if s.start_left_s <= 0.0:
            _energise(p, s, GENERATOR, at_once=at_once)
            s.generator_peak_w = s.inrush_w
            if s.inrush_w > p.generator_step_share * p.generator_w:
                _trip(p, s, around)
    else:
        _watch_generator(p, s, around)


def _energise(p: El92Parameters, s: El92State, source: Source, *, at_once: bool) -> None:
    s.source, s.since_on_s, s.overload_s = source, 0.0, 0.0
    s.inrush_w = p.inrush_share * s.load_before_w / (1 if at_once else p.restart_groups)


def _watch_generator(p: El92Parameters, s: El92State, around: Surroundings) -> None:
    """Shed what is too much, or trip after some time above the rating."""
    s.generator_peak_w = max(s.generator_peak_w, s.generator_w)
    s.overload_s = s.overload_s + around.dt_s if s.generator_w > p.generator_w else 0.0
    if p.automatic_shedding and s.overload_s > p.shed_after_s and s.shed_stage < 2:
        _shed_more(s, around)
    elif s.overload_s >= p.generator_overload_s:
        _trip(p, s, around)


def _shed_more(s: El92State, around: Surroundings) -> None:
    s.shed_stage += 1
    s.overload_s = 0.0
    around.events.append(Event(around.elapsed_s, "EL-92", "alarm", "load shed", {"stage": s.shed_stage}))


def _trip(p: El92Parameters, s: El92State, around: Surroundings) -> None:
    s.source, s.since_on_s = DARK, inf
    s.trips += 1
    s.start_left_s = p.generator_restart_s if s.trips < p.generator_tries else inf
    around.events.append(Event(around.elapsed_s, "EL-92", "alarm", "generator tripped", {"trips": s.trips}))


def _announce(_p: El92Parameters, s: El92State, supplies: dict[str, float]) -> None:
    supplies["mains_on"] = 0.0 if s.source is DARK else 1.0
    supplies["supply_voltage_share"] = s.voltage_share if s.source is GRID else 1.0
    supplies["shed_stage"] = float(s.shed_stage)


S = Signal[El92State]


def _phase_signals(phase: int) -> tuple[Signal[El92State], ...]:
    name = f"L{phase + 1}"
    key = name.lower()
    return (
        S(f"{key}_v", "V", 0, 300, f"Grid voltage {name} to neutral", lambda s: s.volts(phase),
          noise=0.1, resolution=0.1),
        S(f"{key}_a", "A", 0, 250, f"Grid current {name}", lambda s: s.amperes(phase), noise=0.05, resolution=0.01),
        S(f"{key}_w", "W", -40000, 60000, f"Active power from the grid, {name}",
          lambda s: s.watts(phase), noise=10.0, resolution=1.0),
        S(f"{key}_power_factor", "1", 0, 1, f"Power factor at the grid meter, {name}",
          lambda s: s.power_factor, noise=0.001, resolution=0.001),
    )  # fmt: skip


UNIT = UnitType(
    unit_id="EL-92",
    title="Main distribution with grid meter, PV and generator",
    parameters=El92Parameters,
    initial=_initial,
    step=_step,
    power_w=lambda s: s.power_w,
    machine=lambda s: s.packml,
    reads=("irradiance_w_m2", "outdoor_degc"),
    supplies=("mains_on", "supply_voltage_share", "shed_stage"),
    announce=_announce,
    signals=(
        *packml_signals(),
        *(signal for phase in range(3) for signal in _phase_signals(phase)),
        S("frequency_hz", "Hz", 0, 60, "Grid frequency", lambda s: 50.0 if s.grid_on else 0.0,
          noise=0.01, resolution=0.01),
        S("grid_w", "W", -80000, 160000, "Power from the grid, negative = into the grid",
          lambda s: s.grid_w, noise=30.0, resolution=10.0),
        S("demand_w", "W", 0, 160000, "Mean power from the grid in the last full quarter of an hour",
          lambda s: s.demand_w, resolution=10.0, period_s=0),
        S("pv_w", "W", 0, 70000, "Photovoltaic power", lambda s: s.pv_w, noise=20.0, resolution=10.0),
        S("generator_w", "W", 0, 160000, "Power of the generator", lambda s: s.generator_w,
          noise=20.0, resolution=10.0),
        S("generator_peak_w", "W", 0, 250000, "Highest load of the generator since it last took over",
          lambda s: s.generator_peak_w, resolution=100.0, period_s=0),
        S("hall_w", "W", 0, 60000, "Light, ventilation and other loads of the hall",
          lambda s: s.power_w, noise=10.0, resolution=10.0),
        S("source", "", 0, 2, "What feeds the busbar: 0 nothing, 1 grid, 2 generator",
          lambda s: int(s.source), DataType.INT32, period_s=0),
        S("shed_stage", "", 0, 2, "Loads shed: 0 none, 1 shrink tunnel, 2 chiller too",
          lambda s: s.shed_stage, DataType.INT32, period_s=0),
        S("tariff_period", "", None, None, "Period of the tariff", lambda s: s.tariff, DataType.STRING, period_s=0),
        S("import_kwh", "kWh", 0, None, "Energy from the grid since start",
          lambda s: s.import_ws / 3.6e6, resolution=0.01, period_s=10),
        S("export_kwh", "kWh", 0, None, "Energy into the grid since start",
          lambda s: s.export_ws / 3.6e6, resolution=0.01, period_s=10),
        S("pv_kwh", "kWh", 0, None, "Photovoltaic energy since start",
          lambda s: s.pv_ws / 3.6e6, resolution=0.01, period_s=10),
        S("generator_kwh", "kWh", 0, None, "Energy of the generator since start",
          lambda s: s.generator_ws / 3.6e6, resolution=0.01, period_s=10),
    ),
    truth=(
        S("load_w", "W", 0, None, "All consumers together", lambda s: s.load_w),
        S("load_kwh", "kWh", 0, None, "Energy of all consumers since start", lambda s: s.load_ws / 3.6e6),
        S("import_kwh", "kWh", 0, None, "Energy from the grid since start", lambda s: s.import_ws / 3.6e6),
        S("export_kwh", "kWh", 0, None, "Energy into the grid since start", lambda s: s.export_ws / 3.6e6),
        S("pv_kwh", "kWh", 0, None, "Photovoltaic energy since start", lambda s: s.pv_ws / 3.6e6),
        S("generator_kwh", "kWh", 0, None, "Energy of the generator since start", lambda s: s.generator_ws / 3.6e6),
        S("peak_demand_w", "W", 0, None, "Highest quarter of an hour since start", lambda s: s.peak_demand_w),
        S("generator_trips", "", 0, None, "Trips of the generator in this outage", lambda s: s.trips, DataType.INT32),
        S("energy_cost", "1", 0, None, "Energy bought since start, in the tariff's currency", lambda s: s.cost),
    ),
)  # fmt: skip
