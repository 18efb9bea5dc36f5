"""Twin of M9: hot weather; the condensing pressure rises with the air, the approach does not."""

from demo_line.fault import Fault, Growth, Kind

FAULT = Fault(
    name="hot_weather",
    title="Hot weather",
    unit_id="SITE-00",
    component="",
    mechanism="a hot spell of some days",
    growth=Growth("linear", life_h=72.0, spread=0.3, clock="calendar"),
    kind=Kind.TWIN,
    twin_of="dirty_condenser",
    cures=("wait_for_cooler_weather",),
)
