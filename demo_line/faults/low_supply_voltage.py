"""Twin of M11: the supply voltage sags on all three phases alike."""

from demo_line.fault import Fault, Growth, Kind

FAULT = Fault(
    name="low_supply_voltage",
    title="Low supply voltage",
    unit_id="EL-92",
    component="grid",
    mechanism="overloaded feeder, all three phases alike",
    growth=Growth("sudden", life_h=1.0, clock="calendar"),
    kind=Kind.TWIN,
    twin_of="tunnel_heater_phase_open",
    cures=("change_transformer_tap",),
)
