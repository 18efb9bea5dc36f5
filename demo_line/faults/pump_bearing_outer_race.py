"""M1: the pump's drive-end bearing 6205 spalls on its outer race, within weeks of duty.

Cavitation and misalignment load the bearing and shorten its life.
"""

from demo_line.fault import Fault, Growth
from demo_line.packml import State

_TURNING = frozenset({State.EXECUTE, State.SUSPENDED, State.SUSPENDING, State.UNSUSPENDING})

FAULT = Fault(
    name="pump_bearing_outer_race",
    code="M1",
    title="Pump bearing, outer race",
    unit_id="MIX-10",
    component="drive-end bearing 6205",
    mechanism="spalling of the outer race",
    growth=Growth("exponential", life_h=500.0, spread=0.25),
    duty=lambda units: 1.0 if units["MIX-10"].packml.state in _TURNING else 0.0,
    rate=lambda severity: 1.0 + 1.5 * severity.get("strainer_blocked", 0.0) + severity.get("misalignment", 0.0),
    aborts=True,
    cures=("replace_pump_bearing",),
)
