"""Twin of M8: a badly wound label roll tears; the labeller stops as often, but its photo-eye sees well."""

from demo_line.fault import Fault, Growth, Kind
from demo_line.packaging.station import works

FAULT = Fault(
    name="label_roll",
    title="Badly wound label roll",
    unit_id="LAB-50",
    component="",
    mechanism="label web tears, the machine is sound",
    growth=Growth("linear", life_h=4.0, spread=0.2),
    kind=Kind.TWIN,
    twin_of="dirty_photo_eye",
    duty=works("LAB-50"),
    cures=("change_label_roll",),
)
