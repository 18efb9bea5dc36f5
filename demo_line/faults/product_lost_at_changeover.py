"""The interface between product and water is switched late, so every emptying sends more product to the drain."""

from demo_line.fault import Fault, Growth

FAULT = Fault(
    name="product_lost_at_changeover",
    title="Product lost at changeover",
    unit_id="MIX-10",
    component="interface sensor of the tanks' outlets",
    mechanism="switches from product to drain too early",
    growth=Growth("sudden", life_h=0.0),
    cures=("set_interface_sensor",),
)
