"""Twin of E5: a coat on the conductivity sensor makes rinses look endless; where they end on it, they take more water.

The reading steers the program, so it is physics of CIP-93 and no `SensorEffect`.
"""

from demo_line.fault import Fault, Growth, Kind

FAULT = Fault(
    name="conductivity_sensor_fouling",
    title="Coated conductivity sensor",
    unit_id="CIP-93",
    component="conductivity sensor in the return",
    mechanism="coat of lime",
    growth=Growth("linear", life_h=240.0, clock="calendar"),
    kind=Kind.TWIN,
    twin_of="rinse_valve_passing",
    cures=("clean_conductivity_sensor",),
)
