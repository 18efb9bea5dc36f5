"""WAT-94: water meter, pressure booster and drains of the line.

The meter counts what blending, rinsing, cleaning and the hall take; the drain what of it, and of lost product, leaves.
What the meter shows while nothing runs is waste.
"""

from dataclasses import dataclass

from pydantic import Field

from demo_line.draws import Draws
from demo_line.packml import Machine, advance
from demo_line.plan import MODES, OFF
from demo_line.signals import Signal, packml_signals
from demo_line.unit import Parameters, Surroundings, UnitType


class Wat94Parameters(Parameters):
    """Design values of the water supply."""

    hall_l_h: float = Field(
        default=250.0, ge=0, description="floors, hand wash, conveyor lubrication while people work"
    )
    hall_night_l_h: float = Field(default=5.0, ge=0, description="the same at night")
    colder_k: float = Field(default=9.0, ge=0, description="when the waterworks switch to another source")
    base_w: float = Field(default=250.0, ge=0, description="pressure booster")
    booster_w_m3_h: float = Field(default=220.0, ge=0, description="more with the flow")


@dataclass(slots=True)
class Wat94State:
    """State of WAT-94: `water_degc` at the meter, flows as means over the step, totals since the start."""

    packml: Machine
    water_degc: float = 13.0
    water_l_h: float = 1500.0
    drain_l_h: float = 600.0
    power_w: float = 750.0
    water_l: float = 0.0
    drain_l: float = 0.0
    hall_l: float = 0.0


def _step(p: Wat94Parameters, s: Wat94State, around: Surroundings, _draws: Draws) -> None:
    dt_h, supplies, demands, phase = around.dt_s / 3600.0, around.supplies, around.demands, around.plan.phase
    mains = supplies["mains_on"] > 0.5
    s.packml.mode = MODES[phase]
    advance(s.packml, around.dt_s, starved=not mains)
    s.water_degc = max(supplies["raw_water_degc"] - p.colder_k * around.severity["raw_water_colder"], 1.0)
    hall_l_h = p.hall_night_l_h if phase is OFF else p.hall_l_h
    demands["water_demand_l_h"] += hall_l_h
    demands["drain_l_h"] += hall_l_h
    s.water_l_h, s.drain_l_h = demands["water_demand_l_h"], demands["drain_l_h"]
    s.water_l += s.water_l_h * dt_h
    s.drain_l += s.drain_l_h * dt_h
    s.hall_l += hall_l_h * dt_h
    s.power_w = p.base_w + p.booster_w_m3_h * s.water_l_h / 1000.0 if mains else 0.0
    supplies["water_degc"] = s.water_degc


def _announce(_p: Wat94Parameters, s: Wat94State, supplies: dict[str, float]) -> None:
    supplies["water_degc"] = s.water_degc


S = Signal[Wat94State]

UNIT = UnitType(
    unit_id="WAT-94",
    title="Water meter and drains",
    parameters=Wat94Parameters,
    initial=lambda _p: Wat94State(Machine()),
    step=_step,
    power_w=lambda s: s.power_w,
    machine=lambda s: s.packml,
    announce=_announce,
    reads=("raw_water_degc", "mains_on"),
    supplies=("water_degc",),
    demands=("water_demand_l_h", "drain_l_h"),
    signals=(
        *packml_signals(),
        S("water_flow_m3_h", "m³/h", 0, 10, "Water into the line",
          lambda s: s.water_l_h / 1000.0, noise=0.002, resolution=0.001),
        S("drain_flow_m3_h", "m³/h", 0, 10, "Water and lost product to the drain",
          lambda s: s.drain_l_h / 1000.0, noise=0.004, resolution=0.001),
        S("water_m3", "m³", 0, None, "Water into the line since start",
          lambda s: s.water_l / 1000.0, resolution=0.0001, period_s=10),
        S("drain_m3", "m³", 0, None, "Water and lost product to the drain since start",
          lambda s: s.drain_l / 1000.0, resolution=0.0001, period_s=10),
        S("water_temperature_degc", "°C", 0, 40, "Temperature of the water at the meter",
          lambda s: s.water_degc, noise=0.02, resolution=0.1, period_s=10),
    ),
    truth=(
        S("water_in_l", "L", 0, None, "Water into the line since start", lambda s: s.water_l),
        S("drained_l", "L", 0, None, "Everything to the drain since start", lambda s: s.drain_l),
        S("hall_l", "L", 0, None, "Water for floors, hands and lubrication since start", lambda s: s.hall_l),
    ),
)  # fmt: skip
