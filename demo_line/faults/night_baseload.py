"""E1: consumers that nobody needs at night stay on all the time; it shows in the kilowatts at 02:00."""

from demo_line.fault import Fault, Growth

FAULT = Fault(
    name="night_baseload",
    code="E1",
    title="Night baseload",
    unit_id="EL-92",
    component="auxiliary consumers",
    mechanism="run day and night without need",
    growth=Growth("sudden", life_h=1.0, clock="calendar"),
    cures=("apply_shutdown_schedule",),
)
