"""M9: dust and fibres clog the condenser's fins, over weeks; worse on hot afternoons."""

from demo_line.fault import Fault, Growth

FAULT = Fault(
    name="dirty_condenser",
    code="M9",
    title="Dirty condenser",
    unit_id="CH-91",
    component="condenser coil",
    mechanism="dirt between the fins",
    growth=Growth("linear", life_h=800.0, spread=0.25, clock="calendar"),
    cures=("clean_condenser",),
)
