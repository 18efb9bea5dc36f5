"""M8: glue and label dust soil the labeller's photo-eye within a shift; labels are missed, the machine stops."""

from demo_line.fault import Fault, Growth
from demo_line.packaging.station import works

FAULT = Fault(
    name="dirty_photo_eye",
    code="M8",
    title="Labeller, dirty photo-eye",
    unit_id="LAB-50",
    component="photo-eye of the labeller",
    mechanism="soiling by glue and dust",
    growth=Growth("linear", life_h=7.0, spread=0.2),
    duty=works("LAB-50"),
    cures=("clean_photo_eye",),
)
