"""M11: a phase of the shrink tunnel's heaters opens at once; half the heat is left, the tunnel cannot recover."""

from demo_line.fault import Fault, Growth

FAULT = Fault(
    name="tunnel_heater_phase_open",
    code="M11",
    title="Shrink tunnel, heater phase open",
    unit_id="SHR-60",
    component="heater supply of the shrink tunnel",
    mechanism="open circuit at a burnt terminal of one phase",
    growth=Growth("sudden", life_h=0.0),
    places=3,
    cures=("replace_heater_terminal",),
)
