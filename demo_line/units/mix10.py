"""MIX-10: blend tank with its product pump on a drive.

Water, tempered from a store of the heat that chiller and compressor give off, and cold concentrate are dosed to the
recipe's sugar content. The pump feeds the pasteuriser and, through a fixed orifice, mixes the tank. The drive follows
the flow that the pasteuriser asks for, so speed, pressures, power, current, heat and vibration all follow from flow,
tank level, strainer and wear. Before a changeover or a cleaning the tank is emptied into a return tank, from which the
next batch takes it; its heel is lost.
"""

from dataclasses import dataclass
from math import exp, sqrt

from pydantic import Field

from demo_line.draws import Draws
from demo_line.packml import Machine, State, advance
from demo_line.physics.drink import (
    CONCENTRATE_KJ_L_K,
    WATER_KJ_L_K,
    brix_of,
    concentrate_share,
    density_kg_l,
    heat_capacity_kj_l_k,
)
from demo_line.physics.pump import (
    PumpParameters,
    bearing_friction_w,
    current_a,
    electrical_power_w,
    operating_point,
    standing_suction_bar,
)
from demo_line.physics.waveform import PumpCondition, features
from demo_line.plan import Phase, enters
from demo_line.signals import Signal, packml_signals
from demo_line.unit import Surroundings, UnitType, approach

_VIBRATION_PERIOD_S = 10.0
_BRIX_STEP = 0.01
"""A smaller change of the sugar content does not move density and heat capacity."""

_RUNNING = frozenset(
    {State.EXECUTE, State.SUSPENDING, State.SUSPENDED, State.UNSUSPENDING, State.STARTING, State.UNHOLDING}
)
_BLENDING = frozenset({Phase.WARM_UP, Phase.PRODUCTION, Phase.CHANGEOVER})
_EMPTIED = frozenset({Phase.CHANGEOVER, Phase.CLEANING})


class Mix10Parameters(PumpParameters):
    """Design values of tank and dosing, besides those of the pump."""

    tank_l: float = Field(default=600.0, gt=0)
    max_flow_l_h: float = 2000.0
    refill_start_pct: float = 40.0
    refill_stop_pct: float = 84.0
    refill_l_h: float = Field(default=3600.0, ge=0)
    empty_pct: float = Field(default=4.0, description="the pump is stopped below this level")
    dosing_spread: float = Field(default=0.008, ge=0, description="standard deviation of the dosed concentrate")
    dosing_time_constant_s: float = Field(default=1800.0, gt=0)
    heel_l: float = Field(default=8.0, ge=0, description="lost at every emptying")
    late_interface_l: float = Field(default=60.0, ge=0, description="more of it when the interface is switched late")
    tempered_degc: float = Field(default=27.0, description="set point of the blend water")
    tempering_k: float = Field(default=16.0, ge=0, description="most that recovered heat lifts it above raw water")
    colder_feed_k: float = Field(default=7.2, description="lower blend water with the tempering in bypass")
    rich_recipe_k: float = Field(default=7.6, description="lower blend water of the richer recipe, for its aroma")
    rich_recipe_brix: float = Field(default=5.0, description="sugar content of the richer recipe above the ordered one")
    concentrate_degc: float = Field(default=4.0, description="from the cold store")
    tank_loss_w_k: float = Field(default=15.0, ge=0)
    pump_heat_share: float = Field(default=0.75, description="of the pump's power that stays in the tank")


@dataclass(slots=True)
class Mix10State:
    """State of MIX-10; pressures are gauge pressures.

    Attributes:
        packml: its state machine.
        volume_l, share, blend_degc: content of the tank, its concentrate per litre, its temperature.
        level_pct, brix: as the sensors see it.
        density_kg_l, kj_l_k: density and heat capacity of the blend, worked out for `worked_out_brix`.
        phase: of the last step; emptying follows from its change.
        refilling, emptying: what the tank does.
        parked_l, parked_concentrate_l, parked_degc: in the return tank, and its temperature.
        dosing_error: of the concentrate, as a share.
        product_flow_l_h: mean to the pasteuriser in the step; `ripple_l_h` is what a flow meter sees on top.
        suction_bar, discharge_bar, shaft_speed_rpm, power_w, current_a: of the pump.
        npsh_margin_m, cavitation: how far the pump is from cavitation; 0 none to 1 fully developed.
        wear, misalignment: severities of the drive-end bearing's spall and of the coupling.
        sensor_charge: share of the wireless vibration sensor's battery that its fault has left.
        vibration_left_s: time until the vibration is worked out again.
        water_l, concentrate_l, returned_l, delivered_l, lost_l: totals since the start.
        recovered_kj: recovered heat that has gone into the blend water, since the start.
    """

    packml: Machine
    volume_l: float
    share: float
    blend_degc: float
    level_pct: float
    brix: float
    density_kg_l: float
    kj_l_k: float
    bearing_temperature_degc: float
    worked_out_brix: float = 0.0
    phase: Phase = Phase.PRODUCTION
    refilling: bool = False
    emptying: bool = False
    parked_l: float = 0.0
    parked_concentrate_l: float = 0.0
    parked_degc: float = 20.0
    dosing_error: float = 0.0
    product_flow_l_h: float = 1500.0
    ripple_l_h: float = 0.0
    suction_bar: float = 0.25
    discharge_bar: float = 3.0
    shaft_speed_rpm: float = 2900.0
    power_w: float = 1400.0
    current_a: float = 3.4
    npsh_margin_m: float = 8.0
    cavitation: float = 0.0
    wear: float = 0.0
    misalignment: float = 0.0
    sensor_charge: float = 1.0
    vibration_left_s: float = 0.0
    vibration_velocity_mm_s: float = 0.8
    hf_acceleration_g: float = 0.27
    envelope_acceleration_g: float = 0.05
    water_l: float = 0.0
    concentrate_l: float = 0.0
    returned_l: float = 0.0
    delivered_l: float = 0.0
    lost_l: float = 0.0
    recovered_kj: float = 0.0


def _initial(p: Mix10Parameters) -> Mix10State:
    brix = 11.2
    return Mix10State(
        Machine(),
        volume_l=0.7 * p.tank_l,
        share=concentrate_share(brix),
        blend_degc=25.0,
        level_pct=70.0,
        brix=brix,
        density_kg_l=density_kg_l(brix),
        kj_l_k=heat_capacity_kj_l_k(brix),
        bearing_temperature_degc=47.0,
    )


def _step(p: Mix10Parameters, s: Mix10State, around: Surroundings, draws: Draws) -> None:
    dt_s, supplies, severity = around.dt_s, around.supplies, around.severity
    mains = supplies["mains_on"] > 0.5
    phase = around.plan.phase
    if enters(s, phase):
        s.emptying = phase in _EMPTIED
    if not s.worked_out_brix:  # a run begins with what its first order is made of
        s.brix, s.share = around.plan.recipe.brix, concentrate_share(around.plan.recipe.brix)
        _work_out(s)
    demand_l_h = min(supplies["pasteuriser_demand_l_h"], p.max_flow_l_h)
    s.wear = severity["pump_bearing_outer_race"]
    s.misalignment = severity["misalignment"]
    s.sensor_charge = 1.0 - severity["dead_sensor_battery"]
    running = mains and s.packml.state in _RUNNING
    empty = s.level_pct <= (p.empty_pct if running and not s.packml.starved else p.empty_pct + 5.0)
    turning = running and not empty and not s.emptying
    flow_l_h = approach(s.product_flow_l_h, demand_l_h if turning else 0.0, dt_s, 3.0)
    s.product_flow_l_h = min(flow_l_h, s.volume_l * 3600.0 / dt_s) if flow_l_h > 0.5 else 0.0
    _balance(p, s, around, mains, draws)
    advance(
        s.packml,
        dt_s,
        run=phase in _BLENDING,
        starved=empty or not mains,
        blocked=_blocked(s, demand_l_h),
        fault=s.wear >= 1.0,  # the bearing has seized
    )
    bearing_target = supplies["ambient_degc"]
    if turning:
        bearing_target += p.bearing_k_per_w * _pump(p, s, around, draws)
        bearing_target += p.motor_k_per_w * s.power_w * (1.0 - p.motor_efficiency)
    else:
        _at_rest(p, s, mains, dt_s)
    s.bearing_temperature_degc = approach(s.bearing_temperature_degc, bearing_target, dt_s, p.bearing_time_constant_s)
    s.vibration_left_s -= dt_s
    if s.vibration_left_s <= 0.0:
        _vibrate(s)
    _supply(p, s, supplies)


def _supply(_p: Mix10Parameters, s: Mix10State, supplies: dict[str, float]) -> None:
    supplies["product_flow_l_h"] = s.product_flow_l_h
    supplies["blend_brix_degbx"] = s.brix
    supplies["blend_density_kg_l"] = s.density_kg_l
    supplies["blend_kj_l_k"] = s.kj_l_k
    supplies["blend_degc"] = s.blend_degc


def _pump(p: Mix10Parameters, s: Mix10State, around: Surroundings, draws: Draws) -> float:
    """Let the pump turn; returns the friction of its bearing in watts."""
    dt_s = around.dt_s
    point = operating_point(p, s.product_flow_l_h / 1000.0, s.level_pct, around.severity["strainer_blocked"])
    s.suction_bar, discharge_bar, _, speed, s.npsh_margin_m, s.cavitation = point
    friction_w = bearing_friction_w(p, speed, s.wear)
    s.power_w = electrical_power_w(p, point, friction_w)
    s.discharge_bar = approach(s.discharge_bar, discharge_bar, dt_s, 1.0)
    s.shaft_speed_rpm = approach(s.shaft_speed_rpm, p.rated_speed_rpm * speed, dt_s, 1.5)
    s.current_a = current_a(p, s.power_w, around.supplies["supply_voltage_share"])
    s.ripple_l_h = 0.0
    if s.cavitation > 0.0:
        spread = p.cavitation_ripple * s.cavitation * s.product_flow_l_h / sqrt(max(dt_s, 1.0))
        s.ripple_l_h = spread * draws.normal()
    return friction_w


def _at_rest(p: Mix10Parameters, s: Mix10State, mains: bool, dt_s: float) -> None:
    s.power_w = p.standby_w if mains else 0.0
    s.suction_bar = standing_suction_bar(p, s.level_pct)
    s.discharge_bar = approach(s.discharge_bar, s.suction_bar, dt_s, 1.0)
    s.shaft_speed_rpm = approach(s.shaft_speed_rpm, 0.0, dt_s, 1.5)
    s.current_a = s.cavitation = s.ripple_l_h = 0.0


def _vibrate(s: Mix10State) -> None:
    s.vibration_left_s = _VIBRATION_PERIOD_S - 1e-6
    seen = features(
        PumpCondition(s.shaft_speed_rpm, s.power_w, s.wear, misalignment=s.misalignment, cavitation=s.cavitation)
    )
    s.vibration_velocity_mm_s, s.hf_acceleration_g, s.envelope_acceleration_g = seen


def _blocked(s: Mix10State, demand_l_h: float) -> bool:
    """Nobody takes product; with hysteresis, so that a pasteuriser topping up its tank does not toggle the state."""
    return demand_l_h < (200.0 if s.packml.blocked else 20.0)


def _balance(
    p: Mix10Parameters,
    s: Mix10State,
    around: Surroundings,
    mains: bool,
    draws: Draws,
) -> None:
    """Volume, concentrate and heat of the tank over one step."""
    supplies, dt_s = around.supplies, around.dt_s
    returned_l = supplies["buffer_return_l"]
    if returned_l > 0.0:
        _park(s, returned_l, supplies["buffer_degc"])
        s.returned_l += returned_l
    delivered_l = s.product_flow_l_h * dt_s / 3600.0
    s.volume_l = max(s.volume_l - delivered_l, 0.0)
    s.delivered_l += delivered_l
    if s.emptying:
        _empty(p, s, around)
    s.refilling = (
        mains
        and not s.emptying
        and around.plan.phase in _BLENDING
        and s.level_pct < (p.refill_stop_pct if s.refilling else p.refill_start_pct)
    )
    if s.refilling:
        _blend(p, s, around, draws)
    if s.volume_l > 1.0:
        capacity_j_k = s.volume_l * 1000.0 * s.kj_l_k
        s.blend_degc += s.power_w * p.pump_heat_share * dt_s / capacity_j_k
        time_constant_s = capacity_j_k / p.tank_loss_w_k
        s.blend_degc = approach(s.blend_degc, supplies["ambient_degc"], dt_s, time_constant_s)
    s.level_pct = s.volume_l / p.tank_l * 100.0


def _blend(p: Mix10Parameters, s: Mix10State, around: Surroundings, draws: Draws) -> None:
    """Let water and concentrate run in, with up to a half of what waits in the return tank.

    The dosing aims at the recipe's sugar content of the whole tank when it is full.
    """
    supplies, severity, dt_h = around.supplies, around.severity, around.dt_s / 3600.0
    kept = exp(-around.dt_s / p.dosing_time_constant_s)
    s.dosing_error = kept * s.dosing_error + p.dosing_spread * sqrt(1.0 - kept * kept) * draws.normal()
    inflow_l = min(p.refill_l_h * dt_h, p.tank_l - s.volume_l)
    parked_l = min(0.5 * inflow_l, s.parked_l)
    parked_concentrate_l = s.parked_concentrate_l * parked_l / s.parked_l if s.parked_l > 0.0 else 0.0
    recipe_brix = around.plan.recipe.brix + p.rich_recipe_brix * severity["higher_brix_recipe"]
    target = concentrate_share(recipe_brix)
    still_l = max(p.refill_stop_pct / 100.0 * p.tank_l - s.volume_l, inflow_l)
    wanted = target + (target - s.share) * s.volume_l / still_l
    fresh_l = inflow_l - parked_l if supplies["concentrate_in_stock_l"] > 0.0 else 0.0
    dosed = min(max(wanted * (1.0 + s.dosing_error), 0.0), 0.4)
    concentrate_l = dosed * fresh_l
    inflow_l = parked_l + fresh_l
    if inflow_l <= 0.0:
        return
    volume_l = s.volume_l + inflow_l
    s.share = (s.share * s.volume_l + parked_concentrate_l + concentrate_l) / volume_l
    tempered_degc = _tempered_degc(p, around)
    fresh_degc = _mixed_degc(p, tempered_degc, dosed)
    entering_degc = (fresh_l * fresh_degc + parked_l * s.parked_degc) / inflow_l
    s.blend_degc += (entering_degc - s.blend_degc) * inflow_l / volume_l
    s.volume_l = volume_l
    s.brix = brix_of(s.share)
    if abs(s.brix - s.worked_out_brix) > _BRIX_STEP:
        _work_out(s)
    s.parked_l -= parked_l
    s.parked_concentrate_l -= parked_concentrate_l
    s.water_l += fresh_l - concentrate_l
    s.concentrate_l += concentrate_l
    s.recovered_kj += (fresh_l - concentrate_l) * WATER_KJ_L_K * (tempered_degc - supplies["water_degc"])
    around.demands["water_demand_l_h"] += (fresh_l - concentrate_l) / dt_h
    around.demands["concentrate_used_l"] += concentrate_l


def _park(s: Mix10State, volume_l: float, degc: float) -> None:
    """Product runs into the return tank."""
    s.parked_l += volume_l
    s.parked_concentrate_l += volume_l * s.share
    s.parked_degc += (degc - s.parked_degc) * volume_l / s.parked_l


def _work_out(s: Mix10State) -> None:
    """Density and heat capacity that follow from the sugar content."""
    s.worked_out_brix = s.brix
    s.density_kg_l, s.kj_l_k = density_kg_l(s.brix), heat_capacity_kj_l_k(s.brix)


def _tempered_degc(p: Mix10Parameters, around: Surroundings) -> float:
    """Temperature of the blend water; recovered heat lifts it to its set point as far as it goes."""
    severity, water_degc = around.severity, around.supplies["water_degc"]
    set_degc = p.tempered_degc - p.colder_feed_k * severity["feed_colder"]
    set_degc -= p.rich_recipe_k * severity["higher_brix_recipe"]
    return water_degc + min(max(set_degc - water_degc, 0.0), p.tempering_k)


def _mixed_degc(p: Mix10Parameters, tempered_degc: float, share: float) -> float:
    """Temperature of tempered water and cold concentrate mixed."""
    water, concentrate = (1.0 - share) * WATER_KJ_L_K, share * CONCENTRATE_KJ_L_K
    return (water * tempered_degc + concentrate * p.concentrate_degc) / (water + concentrate)


def _empty(p: Mix10Parameters, s: Mix10State, around: Surroundings) -> None:
    """Pump the tank into the return tank and let its heel go down the drain."""
    dt_h = around.dt_s / 3600.0
    heel_l = p.heel_l + p.late_interface_l * around.severity["product_lost_at_changeover"]
    parked_l = min(max(s.volume_l - heel_l, 0.0), p.refill_l_h * dt_h)
    if parked_l > 0.0:
        _park(s, parked_l, s.blend_degc)
    s.volume_l -= parked_l
    if parked_l == 0.0:
        around.demands["drain_l_h"] += s.volume_l / dt_h
        s.lost_l += s.volume_l
        s.volume_l = 0.0
        s.emptying = False


S = Signal[Mix10State]

UNIT = UnitType(
    unit_id="MIX-10",
    title="Blend tank and product pump",
    parameters=Mix10Parameters,
    initial=_initial,
    step=_step,
    power_w=lambda s: s.power_w,
    machine=lambda s: s.packml,
    announce=_supply,
    reads=("ambient_degc", "mains_on", "supply_voltage_share", "water_degc", "concentrate_in_stock_l",
           "pasteuriser_demand_l_h", "buffer_return_l", "buffer_degc"),
    supplies=("product_flow_l_h", "blend_brix_degbx", "blend_density_kg_l", "blend_kj_l_k", "blend_degc"),
    demands=("water_demand_l_h", "concentrate_used_l", "drain_l_h"),
    signals=(
        *packml_signals(),
        S("level_pct", "%", 0, 100, "Level of the blend tank", lambda s: s.level_pct, noise=0.08, resolution=0.1),
        S("brix_degbx", "°Bx", 0, 20, "Sugar content of the drink", lambda s: s.brix, noise=0.01, resolution=0.01),
        S("blend_temperature_degc", "°C", 0, 60, "Temperature of the blend",
          lambda s: s.blend_degc, noise=0.03, resolution=0.1),
        S("product_flow_l_h", "L/h", 0, 2000, "Product flow to the pasteuriser",
          lambda s: s.product_flow_l_h + s.ripple_l_h, noise=3.0, resolution=0.1),
        S("suction_bar", "bar", -1, 1, "Suction pressure of the pump (gauge)",
          lambda s: s.suction_bar, noise=0.003, resolution=0.001),
        S("discharge_bar", "bar", 0, 6, "Discharge pressure of the pump (gauge)",
          lambda s: s.discharge_bar, noise=0.01, resolution=0.001),
        S("shaft_speed_rpm", "rpm", 0, 3600, "Speed of the pump shaft",
          lambda s: s.shaft_speed_rpm, noise=1.5, resolution=0.1),
        S("power_w", "W", 0, 3000, "Electrical power of the pump with its drive",
          lambda s: s.power_w, noise=6.0, resolution=1.0),
        S("current_a", "A", 0, 10, "Motor current", lambda s: s.current_a, noise=0.01, resolution=0.01),
        S("bearing_temperature_degc", "°C", 0, 120, "Temperature of the pump's drive-end bearing",
          lambda s: s.bearing_temperature_degc, noise=0.05, resolution=0.1),
        S("vibration_velocity_mm_s", "mm/s", 0, 20, "Vibration velocity of the pump, RMS 10-1000 Hz",
          lambda s: s.vibration_velocity_mm_s, noise=0.03, resolution=0.001, period_s=10),
        S("hf_acceleration_g", "g", 0, 20, "High-frequency acceleration of the bearing, RMS 1-5 kHz",
          lambda s: s.hf_acceleration_g, noise=0.008, resolution=0.001, period_s=10),
        S("envelope_acceleration_g", "g", 0, 20, "Envelope of the bearing at its outer race's frequency",
          lambda s: s.envelope_acceleration_g, noise=0.003, resolution=0.001, period_s=10),
        S("delivered_l", "L", 0, None, "Product delivered since start",
          lambda s: s.delivered_l, resolution=0.1, period_s=10),
    ),
    truth=(
        S("bearing_wear", "1", 0, 1, "Wear of the drive-end bearing's outer race", lambda s: s.wear),
        S("misalignment", "1", 0, 1, "Misalignment left by a repair", lambda s: s.misalignment),
        S("sensor_charge", "1", 0, 1, "Battery of the wireless vibration sensor that its fault has left",
          lambda s: s.sensor_charge),
        S("npsh_margin_m", "m", None, None, "NPSH available less NPSH required", lambda s: s.npsh_margin_m),
        S("cavitation", "1", 0, 1, "How far cavitation is developed", lambda s: s.cavitation),
        S("volume_l", "L", 0, None, "Content of the blend tank", lambda s: s.volume_l),
        S("parked_l", "L", 0, None, "Content of the return tank", lambda s: s.parked_l),
        S("blend_water_l", "L", 0, None, "Water blended since start", lambda s: s.water_l),
        S("concentrate_l", "L", 0, None, "Concentrate blended since start", lambda s: s.concentrate_l),
        S("returned_l", "L", 0, None, "Product that came back from the buffer since start", lambda s: s.returned_l),
        S("product_out_l", "L", 0, None, "Product to the pasteuriser since start", lambda s: s.delivered_l),
        S("changeover_lost_l", "L", 0, None, "Product lost with the tank's heel since start", lambda s: s.lost_l),
        S("recovered_kwh", "kWh", 0, None, "Recovered heat in the blend water since start",
          lambda s: s.recovered_kj / 3600.0),
    ),
)  # fmt: skip
