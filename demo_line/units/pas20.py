"""PAS-20: plate pasteuriser with regenerator, electrically heated hot-water heater, holding tube and chilled cooler.

The heat balance decides everything: what the regenerator does not return, heater and cooler must supply. Fouling adds a
resistance between the two streams of the regenerator, so regeneration falls, valve and cooling load rise, and the
holding temperature stays until the heater is saturated. The controller knows only holding sensor A: its error becomes a
wrong true temperature. Below the critical limit the product is diverted, on a full buffer it recirculates; either way
it goes back to the balance tank before the cooler.
"""

import math
from dataclasses import dataclass
from math import exp, sqrt

from pydantic import Field

from demo_line.draws import Draws
from demo_line.packml import EXECUTE, HELD, Machine, State, advance
from demo_line.physics.plates import PlateParameters, clean_plates, lethality_min, regeneration
from demo_line.plan import CHANGEOVER, CLEANING, PRODUCTION, WARM_UP, Phase, PlanState, enters
from demo_line.signals import DataType, Signal, packml_signals
from demo_line.unit import Event, Surroundings, UnitType, approach

_HOT = frozenset({WARM_UP, PRODUCTION, CHANGEOVER})
_FLUSHED = frozenset({CHANGEOVER, CLEANING})
_PIECE_S = 15.0
"""The heat balance of a long step is solved in pieces of about this length."""

_HOT_WATER_S, _PUMP_S, _OUTLET_S, _FLOODED_S = 60.0, 5.0, 20.0, 90.0
"""Time constants of the hot water's wobble, the flow, the cooler's outlet and of plates that the cleaning floods."""

_LEAST_SPAN_K = 5.0
"""With less between inlet and holding tube the controller keeps its last regeneration."""

_LEAST_CONTENT_L = 5.0
"""The balance tank mixes as if it held at least so much."""

_AT_REST = frozenset({State.STOPPED, State.IDLE, State.ABORTED, State.ABORTING, State.CLEARING, State.RESETTING})


class Pas20Parameters(PlateParameters):
    """Design values of heater, cooler and control, besides those of the plates."""

    least_l_h: float = Field(default=1350.0, gt=0)
    most_l_h: float = Field(default=1650.0, gt=0)
    buffer_set_pct: float = 50.0
    flow_gain_l_h_per_pct: float = Field(default=7.5, description="less flow per percent of level above the set point")
    full_pct: float = Field(default=88.0, description="of the buffer: recirculate")
    resume_pct: float = Field(default=60.0, description="of the buffer: forward again")
    balance_l: float = Field(default=40.0, gt=0, description="set point of the balance tank")
    balance_gain_per_h: float = Field(default=20.0, gt=0, description="of its level control, flow over content")
    balance_low_l: float = Field(default=8.0, ge=0)
    balance_resume_l: float = Field(default=25.0, ge=0)
    flush_l_h: float = Field(default=900.0, gt=0, description="product pushed out before a changeover or a cleaning")
    prefill_s: float = Field(default=900.0, ge=0, description="before the end of a changeover: fill the buffer")
    holding_set_degc: float = 92.0
    limit_degc: float = Field(default=91.0, description="critical limit; product below it is diverted")
    forward_degc: float = Field(default=91.4, description="forward again after some time above it")
    warm_s: float = Field(default=60.0, ge=0, description="that time after a divert")
    sterilise_s: float = Field(default=600.0, ge=0, description="that time after cold plates at rest")
    holding_l: float = Field(default=12.5, gt=0, description="30 s at 1,500 L/h")
    set_out_degc: float = 6.0
    fouling_k_kw_h: float = Field(default=0.0005, ge=0, description="growth in healthy running")
    cleaning_time_constant_s: float = Field(default=240.0, gt=0, description="of the deposit in hot detergent")
    cooler_effectiveness: float = Field(default=0.93, gt=0, lt=1, description="at 1,500 L/h, valve fully open")
    heater_w: float = Field(default=31000.0, gt=0, description="thermal, at 100 % valve; linear")
    heater_efficiency: float = Field(default=0.95, gt=0, le=1, description="electric hot-water set")
    hot_water_spread: float = Field(default=0.01, ge=0, description="standard deviation of the hot water's heat")
    loss_w_k: float = Field(default=5.0, ge=0, description="of the hot section to the hall")
    thermal_mass_j_k: float = Field(default=120000.0, gt=0, description="holding tube, heater plates, hot regenerator")
    gain_w_k: float = Field(default=1000.0, ge=0, description="proportional action of the holding controller")
    valve_time_constant_s: float = Field(default=12.0, gt=0, description="actuator of the hot-water valve")
    pumps_w: float = Field(default=1850.0, ge=0, description="booster pump 1.1 kW, hot-water pump 0.75 kW")
    standby_w: float = 60.0
    booster_bar: float = Field(default=0.75, description="product over raw in the regenerator, without plate losses")
    booster_loss: float = Field(default=0.25, description="of the plates' pressure loss that lowers it")
    sensor_offset_k: float = Field(default=1.5, description="of sensor A when its fault is complete")
    cool_down_s: float = Field(default=5400.0, gt=0, description="at rest, towards the hall's temperature")


@dataclass(slots=True)
class Pas20State:
    """State of PAS-20; temperatures in degrees Celsius, flows in litres an hour, totals since the start.

    Attributes:
        packml: its state machine.
        phase: of the last step.
        content_l: product in balance tank and plates.
        buffer_pct: level of the buffer in the last step.
        full, low, cold, flushing: why it does not go forward; `warm_s` of `warm_needed_s` seconds above the limit.
        diverting, divert_began_s: the divert that is under way.
        through_l_h, forward_l_h: flow through the plates; of this, on to TNK-25.
        inlet_degc, regenerated_degc, holding_degc, returned_degc, outlet_degc: true temperatures along the way.
        holding_a_degc: what sensor A, and so the controller, sees.
        valve: opening of the hot-water valve, 0 to 1; `hot_water` is how the supply wobbles.
        regeneration: share of the heat that the regenerator returns; `shown_regeneration` as the controller works it
            out from its own sensors, which is wrong where sensor A is.
        deposit_k_kw: resistance of the healthy deposit, `fouling_k_kw` with the fault's.
        worked_out_l_h: flow for which `clean_k_kw` and `clean_bar` of the clean plates were worked out.
        capacity_w_k: heat capacity of the flow.
        heater_w, cooling_w, power_w: thermal, thermal, electrical.
        plates_bar, over_raw_bar: pressure loss; product above raw.
        demand_l_h: asked from MIX-10.
        holding_l: content of the holding tube.
        in_l, forward_l, under_heated_l, diverted_l, lost_l: totals; `diverted_l` went back, `lost_l` down the drain.
        heater_ws, cooling_ws, running_s: totals.
    """

    packml: Machine
    content_l: float
    inlet_degc: float
    regenerated_degc: float
    holding_degc: float
    returned_degc: float
    outlet_degc: float
    holding_a_degc: float
    valve: float
    phase: Phase = Phase.PRODUCTION
    buffer_pct: float = 50.0
    full: bool = False
    low: bool = False
    cold: bool = False
    warm_s: float = 0.0
    warm_needed_s: float = 0.0
    diverting: bool = False
    divert_began_s: float = 0.0
    flushing: bool = False
    through_l_h: float = 1500.0
    forward_l_h: float = 1500.0
    hot_water: float = 0.0
    regeneration: float = 0.85
    shown_regeneration: float = 0.85
    deposit_k_kw: float = 0.0
    fouling_k_kw: float = 0.0
    worked_out_l_h: float = 0.0
    clean_k_kw: float = 0.0
    clean_bar: float = 0.0
    capacity_w_k: float = 1690.0
    heater_w: float = 17000.0
    cooling_w: float = 49000.0
    power_w: float = 19700.0
    plates_bar: float = 0.8
    over_raw_bar: float = 0.55
    demand_l_h: float = 1500.0
    holding_l: float = 12.5
    in_l: float = 0.0
    forward_l: float = 0.0
    under_heated_l: float = 0.0
    diverted_l: float = 0.0
    lost_l: float = 0.0
    heater_ws: float = 0.0
    cooling_ws: float = 0.0
    running_s: float = 0.0


def _initial(p: Pas20Parameters) -> Pas20State:
    return Pas20State(Machine(), p.balance_l, 25.0, 82.0, p.holding_set_degc, 35.0, 6.0, p.holding_set_degc, 0.56)


def _step(p: Pas20Parameters, s: Pas20State, around: Surroundings, draws: Draws) -> None:
    dt_s, supplies, plan = around.dt_s, around.supplies, around.plan
    phase, mains = plan.phase, supplies["mains_on"] > 0.5
    if enters(s, phase):
        s.flushing = phase in _FLUSHED
    inflow_l = supplies["product_flow_l_h"] * dt_s / 3600.0
    s.content_l += inflow_l
    s.in_l += inflow_l
    if mains and s.through_l_h > 0.0:
        _heat(p, s, around, draws)
    else:
        _cool_down(p, s, around, mains=mains)
    _watch(p, s, supplies, dt_s)
    feeding = mains and _feeding(p, s, plan)
    # Heating up before the shift is waiting; too cold in production is a stop of its own.
    heating_up = s.cold and phase is not PRODUCTION
    waits = s.low or not feeding or heating_up
    advance(s.packml, dt_s, run=phase in _HOT, starved=waits, blocked=s.full, own_stop=s.cold and not heating_up)
    _report_divert(s, around)
    circulates = mains and s.packml.state not in _AT_REST
    forward = circulates and s.packml.state is EXECUTE and not s.cold
    _flows(p, s, supplies, dt_s, circulates=circulates, forward=forward)
    if s.flushing:
        _flush(p, s, around)
    _foul(p, s, around, hot=circulates)
    _count(p, s, dt_s)
    supply_l_h = s.forward_l_h + (p.balance_l - s.content_l) * p.balance_gain_per_h
    s.demand_l_h = max(supply_l_h, 0.0) if feeding and circulates else 0.0
    around.demands["cooling_demand_w"] += s.cooling_w
    _supply(p, s, supplies)


def _watch(p: Pas20Parameters, s: Pas20State, supplies: dict[str, float], dt_s: float) -> None:
    """Conditions for going forward.

    After a divert sensor A must have been warm enough for a while; after cold plates at rest (night, cleaning, power
    cut) long enough to have sterilised everything up to the divert valve.
    """
    level_pct = supplies["buffer_level_pct"]
    # Looked at in the middle of the step to come, so that long steps do not switch later than short ones.
    middle_pct = level_pct + 0.5 * (level_pct - s.buffer_pct)
    s.buffer_pct = level_pct
    s.full = middle_pct >= (p.resume_pct if s.full else p.full_pct)
    s.low = s.content_l < (p.balance_resume_l if s.low else p.balance_low_l)
    s.warm_s = s.warm_s + dt_s if s.holding_a_degc >= p.forward_degc else 0.0
    if s.holding_a_degc < p.limit_degc:
        s.cold, s.warm_needed_s = True, max(s.warm_needed_s, p.warm_s if s.through_l_h > 0.0 else p.sterilise_s)
    elif s.cold and s.warm_s >= s.warm_needed_s:
        s.cold, s.warm_needed_s = False, 0.0


def _report_divert(s: Pas20State, around: Surroundings) -> None:
    """Events of a divert: an alarm when it begins, a stop with its duration when it is over."""
    held = s.packml.state is HELD
    if held == s.diverting:
        return
    s.diverting = held
    if held:
        s.divert_began_s = around.elapsed_s
        fields: dict[str, float | int | str | bool] = {"holding_a_degc": round(s.holding_a_degc, 2)}
        around.events.append(Event(around.elapsed_s, "PAS-20", "alarm", "below the critical limit: diverted", fields))
    else:
        fields = {"duration_s": round(around.elapsed_s - s.divert_began_s, 1), "began_s": s.divert_began_s}
        around.events.append(Event(around.elapsed_s, "PAS-20", "stop", "product too cold", {**fields, "state": "HELD"}))


def _feeding(p: Pas20Parameters, s: Pas20State, plan: PlanState) -> bool:
    """Whether product is wanted: in production, and before it to fill the buffer."""
    if plan.phase is CHANGEOVER:
        return 0.0 < plan.changeover_left_s <= p.prefill_s and not s.flushing
    return plan.phase is PRODUCTION or plan.phase is WARM_UP


def _supply(p: Pas20Parameters, s: Pas20State, supplies: dict[str, float]) -> None:
    supplies["pasteuriser_demand_l_h"] = s.demand_l_h
    supplies["pasteurised_flow_l_h"] = s.forward_l_h
    supplies["pasteurised_degc"] = s.outlet_degc
    supplies["holding_degc"] = s.holding_a_degc  # the record of a bottle holds what the critical sensor has logged
    supplies["under_heated_share"] = 1.0 if s.holding_degc < p.limit_degc else 0.0


def _flows(
    p: Pas20Parameters, s: Pas20State, supplies: dict[str, float], dt_s: float, *, circulates: bool, forward: bool
) -> None:
    """Flow through the plates by the buffer's level; forward as far as the balance tank and the buffer allow."""
    wanted = p.nominal_l_h - p.flow_gain_l_h_per_pct * (supplies["buffer_level_pct"] - p.buffer_set_pct)
    target = min(max(wanted, p.least_l_h), p.most_l_h) if forward else p.least_l_h
    if not circulates:
        s.through_l_h = s.forward_l_h = 0.0
        return
    s.through_l_h = approach(s.through_l_h, target, dt_s, _PUMP_S)
    s.forward_l_h = 0.0
    if forward:
        s.forward_l_h = min(s.through_l_h, min(s.content_l, supplies["buffer_room_l"]) * 3600.0 / dt_s)
        s.content_l -= s.forward_l_h * dt_s / 3600.0


def _flush(p: Pas20Parameters, s: Pas20State, around: Surroundings) -> None:
    """Water pushes the product out to the drain."""
    lost_l = min(p.flush_l_h * around.dt_s / 3600.0, s.content_l)
    s.content_l -= lost_l
    s.lost_l += lost_l
    s.flushing = s.content_l > 0.0
    around.demands["drain_l_h"] += lost_l * 3600.0 / around.dt_s


def _work_out_plates(p: Pas20Parameters, s: Pas20State, supplies: dict[str, float]) -> None:
    """Heat capacity, regeneration and pressures at the flow of the last step."""
    s.capacity_w_k = s.through_l_h / 3.6 * supplies["blend_kj_l_k"]
    if abs(s.through_l_h - s.worked_out_l_h) > 0.5:
        s.worked_out_l_h = s.through_l_h
        s.clean_k_kw, s.clean_bar = clean_plates(p, s.through_l_h)
    s.regeneration = regeneration(s.capacity_w_k, s.clean_k_kw + s.fouling_k_kw)
    s.plates_bar = s.clean_bar * (1.0 + p.fouled_plates_share * s.fouling_k_kw / p.fouled_k_kw)
    s.over_raw_bar = p.booster_bar - p.booster_loss * s.plates_bar


def _heat(p: Pas20Parameters, s: Pas20State, around: Surroundings, draws: Draws) -> None:
    """Heat balance of the plates: M dT/dt = Q - losses - C (1 - eps) (T - T_in), solved exactly piece by piece.

    The flow is that of the last step, so that the divert valve can act on the temperature that comes out.
    """
    supplies, dt_s = around.supplies, around.dt_s
    _work_out_plates(p, s, supplies)
    ambient_degc, eps = supplies["ambient_degc"], s.regeneration
    conductance = s.capacity_w_k * (1.0 - eps)
    total = conductance + p.loss_w_k
    kept = exp(-dt_s / _HOT_WATER_S)
    s.hot_water = kept * s.hot_water + p.hot_water_spread * sqrt(1.0 - kept * kept) * draws.normal()
    pieces = max(round(dt_s / _PIECE_S), 1)
    piece_s = dt_s / pieces
    # The balance tank mixes the blend with what goes back, which has given off the share eps of its heat to what it
    # meets: while all goes back, the inlet creeps up to the holding tube.
    blend_degc, blend_l_h = supplies["blend_degc"], supplies["product_flow_l_h"]
    mixed_l_h = blend_l_h + (s.through_l_h - s.forward_l_h) * (1.0 - eps)
    inlet_kept = exp(-piece_s * mixed_l_h / 3600.0 / max(s.content_l, _LEAST_CONTENT_L))
    blend_share = blend_l_h / mixed_l_h if mixed_l_h > 0.0 else 0.0
    valve_kept, holding_kept = exp(-piece_s / p.valve_time_constant_s), exp(-piece_s * total / p.thermal_mass_j_k)
    # What the controller cannot see is the error of sensor A.
    offset = p.sensor_offset_k * around.severity["holding_sensor_a_high"]
    set_degc = p.holding_set_degc - offset
    inlet, valve, holding, heat_w, returned = s.inlet_degc, s.valve, s.holding_degc, 0.0, 0.0
    for _ in range(pieces):
        feed = holding + blend_share * (blend_degc - holding)
        inlet = feed + inlet_kept * (inlet - feed)
        # Integral action holds A at its set point where it can; the proportional part serves disturbances.
        needed_w = conductance * (set_degc - inlet) + p.loss_w_k * (set_degc - ambient_degc)
        opening = min(max((needed_w + p.gain_w_k * (set_degc - holding)) / p.heater_w, 0.0), 1.0)
        valve = opening + valve_kept * (valve - opening)
        heater_w = p.heater_w * valve * (1.0 + s.hot_water)
        target = (heater_w + conductance * inlet + p.loss_w_k * ambient_degc) / total
        holding = target + holding_kept * (holding - target)
        heat_w += heater_w
        returned += holding - eps * (holding - inlet)
    exchanged = eps * (holding - inlet)
    s.inlet_degc, s.regenerated_degc, s.returned_degc = inlet, inlet + exchanged, holding - exchanged
    s.holding_degc, s.holding_a_degc = holding, holding + offset
    if s.holding_a_degc - inlet > _LEAST_SPAN_K:
        s.shown_regeneration = exchanged / (s.holding_a_degc - inlet)
    s.valve, s.heater_w = valve, heat_w / pieces
    _cool(p, s, supplies, dt_s, returned / pieces)
    s.power_w = s.heater_w / p.heater_efficiency + p.pumps_w


def _cool(p: Pas20Parameters, s: Pas20State, supplies: dict[str, float], dt_s: float, returned_degc: float) -> None:
    """Cooler: from what leaves the regenerator to its set point, as far as the chilled water reaches."""
    if s.forward_l_h <= 0.0:
        s.cooling_w = 0.0
        return
    coldest = returned_degc - p.cooler_effectiveness * (returned_degc - supplies["chilled_supply_degc"])
    s.outlet_degc = approach(s.outlet_degc, max(p.set_out_degc, coldest), dt_s, _OUTLET_S)
    share = s.forward_l_h / s.through_l_h
    s.cooling_w = share * s.capacity_w_k * max(returned_degc - s.outlet_degc, 0.0)


def _cool_down(p: Pas20Parameters, s: Pas20State, around: Surroundings, *, mains: bool) -> None:
    """At rest the plates follow the hall; during cleaning what circulates."""
    supplies, dt_s = around.supplies, around.dt_s
    cleaning = supplies["cip_active"] > 0.5
    target = supplies["cip_degc"] if cleaning else supplies["ambient_degc"]
    kept = exp(-dt_s / (_FLOODED_S if cleaning else p.cool_down_s))
    s.inlet_degc = target + kept * (s.inlet_degc - target)
    s.regenerated_degc = target + kept * (s.regenerated_degc - target)
    s.holding_degc = target + kept * (s.holding_degc - target)
    s.returned_degc = target + kept * (s.returned_degc - target)
    s.outlet_degc = target + kept * (s.outlet_degc - target)
    s.holding_a_degc = s.holding_degc + p.sensor_offset_k * around.severity["holding_sensor_a_high"]
    s.valve = s.heater_w = s.cooling_w = s.capacity_w_k = 0.0
    s.power_w = p.standby_w if mains else 0.0
    share = supplies["cip_flow_l_h"] / p.nominal_l_h if cleaning else 0.0
    s.plates_bar = p.plates_bar * math.pow(share, 1.8)
    s.over_raw_bar = 0.0


def _foul(p: Pas20Parameters, s: Pas20State, around: Surroundings, *, hot: bool) -> None:
    """Deposit grows while the plates are hot; hot detergent takes it off."""
    if hot:
        s.deposit_k_kw += p.fouling_k_kw_h * around.dt_s / 3600.0
    elif around.supplies["cip_detergent"] > 0.0 and s.deposit_k_kw > 0.0:
        s.deposit_k_kw = approach(s.deposit_k_kw, 0.0, around.dt_s, p.cleaning_time_constant_s)
    s.fouling_k_kw = s.deposit_k_kw + p.fouled_k_kw * around.severity["plate_fouling"]


def _count(p: Pas20Parameters, s: Pas20State, dt_s: float) -> None:
    forward_l = s.forward_l_h * dt_s / 3600.0
    s.forward_l += forward_l
    if s.holding_degc < p.limit_degc:
        s.under_heated_l += forward_l
    if s.packml.state is HELD:
        s.diverted_l += s.through_l_h * dt_s / 3600.0
    s.heater_ws += s.heater_w * dt_s
    s.cooling_ws += s.cooling_w * dt_s
    s.running_s += dt_s if s.through_l_h > 0.0 else 0.0


S = Signal[Pas20State]

UNIT = UnitType(
    unit_id="PAS-20",
    title="Plate pasteuriser",
    parameters=Pas20Parameters,
    initial=_initial,
    step=_step,
    power_w=lambda s: s.power_w,
    machine=lambda s: s.packml,
    announce=_supply,
    reads=("ambient_degc", "mains_on", "product_flow_l_h", "blend_degc", "blend_kj_l_k", "buffer_level_pct",
           "buffer_room_l", "chilled_supply_degc", "cip_active", "cip_degc", "cip_flow_l_h", "cip_detergent"),
    supplies=("pasteuriser_demand_l_h", "pasteurised_flow_l_h", "pasteurised_degc", "holding_degc",
              "under_heated_share"),
    demands=("cooling_demand_w", "drain_l_h"),
    signals=(
        *packml_signals(),
        S("flow_l_h", "L/h", 0, 2000, "Flow through the plates", lambda s: s.through_l_h, noise=3.0, resolution=0.1),
        S("forward_flow_l_h", "L/h", 0, 2000, "Pasteurised flow to the buffer",
          lambda s: s.forward_l_h, noise=3.0, resolution=0.1),
        S("inlet_temperature_degc", "°C", 0, 120, "Product before the regenerator",
          lambda s: s.inlet_degc, noise=0.05, resolution=0.1),
        S("regenerated_temperature_degc", "°C", 0, 120, "Product between regenerator and heater",
          lambda s: s.regenerated_degc, noise=0.05, resolution=0.1),
        S("holding_a_degc", "°C", 0, 120, "Holding temperature, sensor A (control and divert)",
          lambda s: s.holding_a_degc, noise=0.04, resolution=0.01),
        S("holding_b_degc", "°C", 0, 120, "Holding temperature, sensor B (indication)",
          lambda s: s.holding_degc, noise=0.04, resolution=0.01),
        S("outlet_temperature_degc", "°C", 0, 120, "Product after the cooler",
          lambda s: s.outlet_degc, noise=0.05, resolution=0.1),
        S("regeneration_pct", "%", 0, 100, "Share of the heat that the regenerator returns, from its temperatures",
          lambda s: s.shown_regeneration * 100.0, noise=0.05, resolution=0.01, period_s=10),
        S("hot_water_valve_pct", "%", 0, 100, "Opening of the hot-water valve",
          lambda s: s.valve * 100.0, noise=0.1, resolution=0.1),
        S("heater_power_w", "W", 0, 40000, "Electrical power of heater and pumps",
          lambda s: s.power_w, noise=50.0, resolution=1.0),
        S("plates_differential_bar", "bar", 0, 4, "Differential pressure of the plates",
          lambda s: s.plates_bar, noise=0.005, resolution=0.001),
        S("product_over_raw_bar", "bar", -1, 2, "Product above raw side in the regenerator",
          lambda s: s.over_raw_bar, noise=0.004, resolution=0.001),
        S("forward", "", None, None, "Divert valve stands to forward",
          lambda s: s.forward_l_h > 0.0, DataType.BOOLEAN, period_s=0),
        S("running_h", "h", 0, None, "Running hours since start",
          lambda s: s.running_s / 3600.0, resolution=0.001, period_s=10),
    ),
    truth=(
        S("holding_true_degc", "°C", None, None, "True holding temperature", lambda s: s.holding_degc),
        S("regeneration", "1", 0, 1, "Effectiveness of the regenerator", lambda s: s.regeneration),
        S("fouling_k_kw", "K/kW", 0, None, "Resistance of the deposit", lambda s: s.fouling_k_kw),
        S("lethality_min", "min", 0, None, "Equivalent minutes at 80 °C, z = 10 K",
          lambda s: lethality_min(s.holding_degc, s.through_l_h, s.holding_l)),
        S("under_heated_l", "L", 0, None, "Product sent on below the critical limit since start",
          lambda s: s.under_heated_l),
        S("diverted_l", "L", 0, None, "Product diverted to the balance tank since start", lambda s: s.diverted_l),
        S("content_l", "L", 0, None, "Product in balance tank and plates", lambda s: s.content_l),
        S("product_in_l", "L", 0, None, "Product from MIX-10 since start", lambda s: s.in_l),
        S("product_out_l", "L", 0, None, "Product to TNK-25 since start", lambda s: s.forward_l),
        S("changeover_lost_l", "L", 0, None, "Product pushed out to the drain since start", lambda s: s.lost_l),
        S("heater_w", "W", 0, None, "Heat given to the product", lambda s: s.heater_w),
        S("cooling_w", "W", 0, None, "Heat taken by the chilled water", lambda s: s.cooling_w),
        S("heater_kwh", "kWh", 0, None, "Heat given to the product since start", lambda s: s.heater_ws / 3.6e6),
        S("cooling_kwh", "kWh", 0, None, "Heat taken by the chilled water since start",
          lambda s: s.cooling_ws / 3.6e6),
    ),
)  # fmt: skip
