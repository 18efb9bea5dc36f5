"""Twin of M10: the filter drier clogs and throttles the liquid; the evaporator starves, but subcooling rises."""

from demo_line.fault import Fault, Growth, Kind

FAULT = Fault(
    name="clogged_drier",
    title="Clogged filter drier",
    unit_id="CH-91",
    component="filter drier",
    mechanism="clogged by moisture and debris",
    growth=Growth("linear", life_h=900.0, spread=0.25, clock="calendar"),
    kind=Kind.TWIN,
    twin_of="low_refrigerant",
    cures=("replace_filter_drier",),
)
