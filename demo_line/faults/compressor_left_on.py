"""The compressor is not switched off after the shift and feeds leaks all night."""

from demo_line.fault import Fault, Growth

FAULT = Fault(
    name="compressor_left_on",
    title="Compressor left on outside production",
    unit_id="CA-90",
    component="shutdown schedule",
    mechanism="not switched off after the shift",
    growth=Growth("sudden", life_h=1.0, clock="calendar"),
    cures=("apply_shutdown_schedule",),
)
