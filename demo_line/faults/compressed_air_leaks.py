"""E2: couplings, hoses and seals of one air zone begin to leak, over weeks."""

from demo_line.fault import Fault, Growth

FAULT = Fault(
    name="compressed_air_leaks",
    code="E2",
    title="Compressed-air leaks",
    unit_id="CA-90",
    component="distribution pipes, hoses and couplings",
    mechanism="leaking couplings, hoses and seals behind one zone valve",
    growth=Growth("linear", life_h=700.0, spread=0.25, clock="calendar"),
    cures=("repair_air_leaks",),
)
