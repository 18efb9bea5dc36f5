"""M7: the chain of the conveyor before the palletiser runs dry within weeks and wears its gearbox."""

from demo_line.fault import Fault, Growth
from demo_line.packaging.station import works

FAULT = Fault(
    name="dry_chain",
    code="M7",
    title="Conveyor CNV-4, dry chain and gearbox",
    unit_id="CNV-4",
    component="chain and sprockets",
    mechanism="lack of lubrication, friction and wear, the gearbox's too",
    growth=Growth("exponential", life_h=400.0, spread=0.25),
    duty=works("CNV-4"),
    aborts=True,
    cures=("lubricate_chain",),
)
