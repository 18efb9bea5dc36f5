"""E3: tank preheaters come on in production, all in the same quarter of an hour, instead of staggered."""

from demo_line.fault import Fault, Growth

FAULT = Fault(
    name="demand_peak",
    code="E3",
    title="Demand peak",
    unit_id="EL-92",
    component="staggering of preheaters",
    mechanism="tunnel, cleaning tanks and chilled buffer charge in the same quarter of an hour",
    growth=Growth("sudden", life_h=1.0, clock="calendar"),
    cures=("stagger_preheaters",),
)
