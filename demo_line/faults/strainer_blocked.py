"""M2: fibres block the suction strainer within hours, until the pump cavitates."""

from demo_line.fault import Fault, Growth

FAULT = Fault(
    name="strainer_blocked",
    code="M2",
    title="Blocked suction strainer",
    unit_id="MIX-10",
    component="suction strainer",
    mechanism="blocked by fibres; the pump cavitates",
    growth=Growth("linear", life_h=8.0),
    duty=lambda units: units["MIX-10"].product_flow_l_h / 1500.0,
    cures=("clean_strainer",),
)
