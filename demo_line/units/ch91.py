"""CH-91: air-cooled chiller without liquid receiver, with the chilled circuit as its thermal store.

The circuit is one well-mixed store: what the plant gives it, what the compressor takes out of it, and what the hall
warms it. The compressor's capacity follows the supply temperature in a proportional band. The refrigerant cycle is
quasi-steady: evaporating and condensing temperatures follow from the heat that passes their exchangers, the pressures
from the saturation curve of R134a, the power from the temperature lift. Without a receiver the charge stands in the
condenser, so subcooling shows it.
"""

from dataclasses import dataclass
from math import exp

from pydantic import Field

from demo_line.draws import Draws
from demo_line.packml import Machine, State, advance
from demo_line.physics.refrigerant import KELVIN, saturation_bar, saturation_degc
from demo_line.plan import OFF
from demo_line.signals import Signal, packml_signals
from demo_line.unit import Parameters, Surroundings, UnitType, approach

ATMOSPHERE_BAR = 1.013

_ON = frozenset({State.EXECUTE, State.SUSPENDING, State.UNSUSPENDING})


class Ch91Parameters(Parameters):
    """Design values of circuit, compressor and heat exchangers, and what faults do to them at severity 1."""

    store_j_k: float = Field(default=5.7e6, gt=0, description="chilled circuit, 1.5 m3 of glycol 20 %")
    store_gain_w_k: float = Field(default=25.0, ge=0, description="heat from the hall into the circuit")
    flow_w_k: float = Field(default=9200.0, gt=0, description="heat capacity flow of the pump, 8.5 m3/h")
    pump_w: float = 1500.0
    pump_heat_share: float = Field(default=0.7, ge=0, le=1, description="of the pump's power, into the circuit")
    fans_w: float = 1600.0
    standby_w: float = 80.0
    set_point_degc: float = Field(default=1.0, description="supply at no load")
    band_k: float = Field(default=2.0, gt=0, description="supply above the set point at full capacity")
    capacity_w: float = Field(default=70000.0, gt=0, description="at -3 degC evaporating and 52 degC condensing")
    capacity_per_k_evaporating: float = 0.033
    capacity_per_k_condensing: float = -0.008
    highest_capacity_share: float = Field(default=1.25, gt=1, description="the motor gives no more, however warm it is")
    efficiency: float = Field(default=0.656, gt=0, le=1, description="of the compressor's work against Carnot's")
    part_load_loss: float = Field(default=0.25, ge=0, lt=1, description="degradation coefficient, AHRI 210/240")
    evaporator_w_k: float = Field(default=11700.0, gt=0, description="against the leaving supply")
    condenser_w_k: float = Field(default=5400.0, gt=0, description="against the entering air")
    lowest_condensing_degc: float = Field(default=25.0, description="fans are switched off below")
    highest_condensing_degc: float = Field(default=74.0, description="the compressor unloads 8 K before")
    superheat_k: float = 6.5
    subcooling_k: float = Field(default=4.3, description="at no load")
    subcooling_load_k: float = Field(default=1.8, description="more at full load")
    dirt_share: float = Field(default=0.6, ge=0, lt=1, description="of the condenser lost to dirt")
    lost_charge: float = Field(default=0.4, ge=0, lt=1, description="of the refrigerant lost")
    drier_subcooling_k: float = Field(default=7.0, description="liquid backs up before a clogged drier")
    starved_superheat_k: float = 14.0
    hot_gas_loss_per_k: float = Field(default=0.008, ge=0, description="work that superheated suction gas costs")
    starved_evaporator: float = Field(default=0.89, ge=0, lt=1, description="share of its surface without liquid")
    starved_capacity: float = Field(default=0.57, ge=0, lt=1, description="share lost by thin suction gas")
    non_condensables_bar: float = Field(default=3.0, ge=0, description="partial pressure of air in the condenser")


@dataclass(slots=True)
class Ch91State:
    """State of CH-91; pressures follow from the temperatures.

    Attributes:
        packml: its state machine.
        supply_degc, return_degc: chilled circuit.
        evaporating_degc, condensing_degc: refrigerant.
        superheat_k, subcooling_k: subcooling as instruments show it, from the condenser's total pressure.
        inlet_degc: air into the condenser.
        cooling_w: heat taken out of the circuit, mean of the step.
        capacity_share: of the compressor in use.
        power_w: mean of the step.
        fouling, charge, drier, non_condensables_bar: hidden state: share of the condenser lost, share of the
            refrigerant left, share of the drier clogged, partial pressure of air.
        starved: how far the evaporator lacks liquid, 0 to 1.
        seen: severities from which the hidden state and the next five values were computed.
        liquid_share: of the subcooling, condenser_w_k, evaporator_w_k, full_w, efficiency: heat exchangers,
            capacity and compressor in their present state.
        unloading: share of the capacity left by the limit of the condensing temperature.
        demand_ws, gain_ws, cold_ws: heat since the start: from the plant, from hall and pump, taken out.
    """

    packml: Machine
    supply_degc: float
    return_degc: float
    evaporating_degc: float
    condensing_degc: float
    superheat_k: float
    subcooling_k: float
    inlet_degc: float
    cooling_w: float
    capacity_share: float
    power_w: float
    fouling: float = 0.0
    charge: float = 1.0
    drier: float = 0.0
    non_condensables_bar: float = 0.0
    starved: float = 0.0
    seen: tuple[float, float, float, float] | None = None
    liquid_share: float = 1.0
    condenser_w_k: float = 0.0
    evaporator_w_k: float = 0.0
    full_w: float = 0.0
    efficiency: float = 0.0
    unloading: float = 1.0
    demand_ws: float = 0.0
    gain_ws: float = 0.0
    cold_ws: float = 0.0

    @property
    def suction_bar(self) -> float:
        """Gauge pressure before the compressor."""
        return saturation_bar(self.evaporating_degc) - ATMOSPHERE_BAR

    @property
    def condensing_bar(self) -> float:
        """Gauge pressure of the condenser, with the part that does not condense."""
        return saturation_bar(self.condensing_degc) + self.non_condensables_bar - ATMOSPHERE_BAR


def _initial(p: Ch91Parameters) -> Ch91State:
    return Ch91State(
        packml=Machine(),
        supply_degc=p.set_point_degc + 0.65 * p.band_k,
        return_degc=7.5,
        evaporating_degc=-2.0,
        condensing_degc=36.0,
        superheat_k=p.superheat_k,
        subcooling_k=p.subcooling_k + 0.65 * p.subcooling_load_k,
        inlet_degc=24.0,
        cooling_w=49000.0,
        capacity_share=0.65,
        power_w=15000.0,
    )


def _step(p: Ch91Parameters, s: Ch91State, around: Surroundings, _draws: Draws) -> None:
    dt_s, supplies = around.dt_s, around.supplies
    mains, wanted = supplies["mains_on"] > 0.5, around.plan.phase is not OFF
    pumping = mains and s.packml.state in _ON
    advance(s.packml, dt_s, run=wanted, starved=not mains)
    _hidden(p, s, around.severity)
    s.inlet_degc = supplies["outdoor_degc"]
    demand_w = around.demands["cooling_demand_w"]
    gain_w = p.store_gain_w_k * (supplies["ambient_degc"] - s.supply_degc)
    if pumping:
        gain_w += p.pump_heat_share * p.pump_w
    capacity_w = _capacity(p, s) if pumping and supplies["shed_stage"] < 2.0 else 0.0
    _store(p, s, dt_s, demand_w + gain_w, capacity_w)
    s.demand_ws += demand_w * dt_s
    s.gain_ws += gain_w * dt_s
    s.cold_ws += s.cooling_w * dt_s
    warmer_k = demand_w / p.flow_w_k if pumping else 0.0
    s.return_degc = approach(s.return_degc, s.supply_degc + warmer_k, dt_s, 60.0)
    compressor_w = _cycle(p, s, dt_s) if capacity_w > 0.0 else _rest(s, dt_s)
    fans_w = p.fans_w * min(4.0 * s.capacity_share, 1.0)
    s.power_w = compressor_w + fans_w + (p.pump_w if pumping else 0.0) + (p.standby_w if mains else 0.0)
    supplies["chilled_supply_degc"] = s.supply_degc


def _hidden(p: Ch91Parameters, s: Ch91State, severity: dict[str, float]) -> None:
    """State of the components, and what follows from it for the cycle.

    The evaporator starves when the liquid before the valve runs out or is throttled. Lost refrigerant leaves more of
    the condenser free of liquid, a clogged drier less.
    """
    lost, drier = severity["low_refrigerant"], severity["clogged_drier"]
    seen = (lost, drier, severity["dirty_condenser"], severity["non_condensables"])
    if seen == s.seen:
        return
    s.seen = seen
    s.fouling = p.dirt_share * severity["dirty_condenser"]
    s.charge = 1.0 - p.lost_charge * lost
    s.drier = drier
    s.non_condensables_bar = p.non_condensables_bar * severity["non_condensables"]
    lacking = max(lost, drier)
    s.starved = ((lacking - 0.1) / 0.9) ** 0.6 if lacking > 0.1 else 0.0
    s.liquid_share = max(1.0 - 2.0 * lost, 0.0)
    s.condenser_w_k = p.condenser_w_k * (1.0 - s.fouling) * (1.0 + 0.15 * lost - 0.1 * drier)
    s.evaporator_w_k = p.evaporator_w_k * (1.0 - p.starved_evaporator * s.starved)
    s.full_w = p.capacity_w * (1.0 - p.starved_capacity * s.starved)
    s.efficiency = p.efficiency * (1.0 - p.hot_gas_loss_per_k * p.starved_superheat_k * s.starved)


def _capacity(p: Ch91Parameters, s: Ch91State) -> float:
    """Heat that the compressor could take out now, in watts."""
    evaporating = 1.0 + p.capacity_per_k_evaporating * (s.evaporating_degc + 3.0)
    condensing = 1.0 + p.capacity_per_k_condensing * (s.condensing_degc - 52.0)
    share = max(evaporating, 0.1) * condensing
    return s.full_w * s.unloading * (share if share < p.highest_capacity_share else p.highest_capacity_share)


def _store(p: Ch91Parameters, s: Ch91State, dt_s: float, heat_w: float, capacity_w: float) -> None:
    """Heat balance of the circuit: C dT/dt = heat - capacity x (T - set point) / band, capacity between 0 and full."""
    before = s.supply_degc
    warmest = before + heat_w * dt_s / p.store_j_k
    if capacity_w > 0.0:
        balance = p.set_point_degc + p.band_k * heat_w / capacity_w
        after = approach(before, balance, dt_s, p.store_j_k * p.band_k / capacity_w)
        coldest = before + (heat_w - capacity_w) * dt_s / p.store_j_k
        s.supply_degc = min(max(after, coldest), warmest)
    else:
        s.supply_degc = warmest
    s.cooling_w = max(heat_w - p.store_j_k * (s.supply_degc - before) / dt_s, 0.0)
    s.capacity_share = s.cooling_w / capacity_w if capacity_w > 0.0 else 0.0


def _cycle(p: Ch91Parameters, s: Ch91State, dt_s: float) -> float:
    """Electrical power of the compressor in watts; moves the refrigerant's temperatures towards their balance.

    W = Q (Tc - Te) / (e Te) with e the share of Carnot's efficiency, less at part load (AHRI 210/240: 1 - Cd (1 - q))
    and with hot suction gas (it is thinner). The condenser rejects Q + W, so Tc is the solution of
    a linear equation. Air that does not condense adds its pressure, against which the compressor works.
    """
    heat_w, share = s.cooling_w, min(s.capacity_share, 1.0)
    part_load = 1.0 - p.part_load_loss * (1.0 - share)
    a = heat_w / (s.efficiency * (s.evaporating_degc + KELVIN) * part_load)
    above_k = _non_condensing_k(s) if s.non_condensables_bar > 0.0 else 0.0
    evaporating = s.supply_degc - heat_w / s.evaporator_w_k
    rejected_w = heat_w + a * (above_k - s.evaporating_degc)
    condensing = (s.inlet_degc + rejected_w / s.condenser_w_k) / (1.0 - min(a / s.condenser_w_k, 0.5))
    condensing = max(condensing, p.lowest_condensing_degc)
    liquid_k = (p.subcooling_k + p.subcooling_load_k * share) * s.liquid_share
    subcooling = max(liquid_k, 0.3) + p.drier_subcooling_k * s.drier + above_k
    superheat = p.superheat_k + p.starved_superheat_k * s.starved
    kept, kept_long = exp(-dt_s / 30.0), exp(-dt_s / 60.0)
    s.evaporating_degc = evaporating + (s.evaporating_degc - evaporating) * kept
    s.condensing_degc = condensing + (s.condensing_degc - condensing) * kept
    s.subcooling_k = subcooling + (s.subcooling_k - subcooling) * kept_long
    s.superheat_k = superheat + (s.superheat_k - superheat) * kept_long
    _unload(p, s, dt_s)
    return a * (s.condensing_degc + above_k - s.evaporating_degc)


def _unload(p: Ch91Parameters, s: Ch91State, dt_s: float) -> None:
    """Slow limiting control: a condenser that gets too hot takes capacity away instead of tripping."""
    target = (p.highest_condensing_degc - s.condensing_degc) / 8.0
    if target < 1.0 or s.unloading < 0.999:
        s.unloading = approach(s.unloading, min(max(target, 0.1), 1.0), dt_s, 300.0)


def _non_condensing_k(s: Ch91State) -> float:
    """How much hotter saturated refrigerant would be at the condenser's total pressure."""
    total_bar = saturation_bar(s.condensing_degc) + s.non_condensables_bar
    return saturation_degc(total_bar, s.condensing_degc + 8.0) - s.condensing_degc


def _rest(s: Ch91State, dt_s: float) -> float:
    """At rest evaporator and condenser come to the temperatures around them; superheat and subcooling vanish."""
    s.evaporating_degc = approach(s.evaporating_degc, s.supply_degc, dt_s, 300.0)
    s.condensing_degc = approach(s.condensing_degc, s.inlet_degc, dt_s, 300.0)
    s.superheat_k = approach(s.superheat_k, 0.0, dt_s, 300.0)
    s.subcooling_k = approach(s.subcooling_k, 0.0, dt_s, 300.0)
    return 0.0


S = Signal[Ch91State]

UNIT = UnitType(
    unit_id="CH-91",
    title="Chiller with chilled circuit",
    parameters=Ch91Parameters,
    initial=_initial,
    step=_step,
    power_w=lambda s: s.power_w,
    machine=lambda s: s.packml,
    reads=("ambient_degc", "outdoor_degc", "mains_on", "shed_stage", "cooling_demand_w"),
    supplies=("chilled_supply_degc",),
    announce=lambda _p, s, supplies: supplies.update(chilled_supply_degc=s.supply_degc),
    signals=(
        *packml_signals(),
        S("supply_degc", "°C", -10, 40, "Chilled supply", lambda s: s.supply_degc, noise=0.02, resolution=0.01),
        S("return_degc", "°C", -10, 40, "Chilled return", lambda s: s.return_degc, noise=0.02, resolution=0.01),
        S("suction_bar", "bar", -1, 10, "Suction pressure of the refrigerant (gauge)",
          lambda s: s.suction_bar, noise=0.01, resolution=0.01),
        S("condensing_bar", "bar", -1, 40, "Condensing pressure (gauge)",
          lambda s: s.condensing_bar, noise=0.02, resolution=0.01),
        S("superheat_k", "K", 0, 40, "Superheat of the suction gas",
          lambda s: s.superheat_k, noise=0.1, resolution=0.1),
        S("subcooling_k", "K", 0, 40, "Subcooling of the liquid, from the condensing pressure",
          lambda s: s.subcooling_k, noise=0.1, resolution=0.1),
        S("condenser_air_degc", "°C", -40, 60, "Air into the condenser",
          lambda s: s.inlet_degc, noise=0.05, resolution=0.1),
        S("cooling_w", "W", 0, 120000, "Heat taken out of the chilled circuit",
          lambda s: s.cooling_w, noise=150.0, resolution=10.0),
        S("power_w", "W", 0, 40000, "Electrical power of the chiller with fans and pump",
          lambda s: s.power_w, noise=40.0, resolution=1.0),
    ),
    truth=(
        S("fouling", "", 0, 1, "Share of the condenser lost to dirt", lambda s: s.fouling),
        S("charge", "", 0, 1, "Share of the refrigerant left", lambda s: s.charge),
        S("drier", "", 0, 1, "Share of the drier that is clogged", lambda s: s.drier),
        S("non_condensables_bar", "bar", 0, None, "Partial pressure of air", lambda s: s.non_condensables_bar),
        S("starved", "", 0, 1, "How far the evaporator lacks liquid", lambda s: s.starved),
        S("condensing_degc", "°C", None, None, "Condensing temperature", lambda s: s.condensing_degc),
        S("evaporating_degc", "°C", None, None, "Evaporating temperature", lambda s: s.evaporating_degc),
        S("supply_degc", "°C", None, None, "Chilled circuit", lambda s: s.supply_degc),
        S("demand_ws", "W·s", 0, None, "Heat from the plant since start", lambda s: s.demand_ws),
        S("gain_ws", "W·s", None, None, "Heat from hall and pump since start", lambda s: s.gain_ws),
        S("cold_ws", "W·s", 0, None, "Heat taken out since start", lambda s: s.cold_ws),
    ),
)  # fmt: skip
