"""LINE-00: the line control's view of the plan, as a manufacturing execution system offers it to others.

It does nothing but show: what the line is meant to do, which order and recipe it makes, how many bottles it has made,
and for how long it was meant to be busy, from which others compute the effectiveness (ISO 22400-2).
"""

from dataclasses import dataclass, field

from demo_line.draws import Draws
from demo_line.plan import Phase, PlanState
from demo_line.signals import DataType, Signal
from demo_line.unit import Parameters, Surroundings, UnitType


class Line00Parameters(Parameters):
    """It has none."""


@dataclass(slots=True)
class Line00State:
    """State of LINE-00.

    Attributes:
        plan: the plan of the run itself, not a copy.
    """

    plan: PlanState = field(default_factory=PlanState)


def _step(_p: Line00Parameters, s: Line00State, around: Surroundings, _draws: Draws) -> None:
    s.plan = around.plan


S = Signal[Line00State]
_PHASES = ", ".join(f"{phase.value} {phase.name.lower().replace('_', '-')}" for phase in Phase)

UNIT = UnitType(
    unit_id="LINE-00",
    title="Line control with plan and orders",
    parameters=Line00Parameters,
    initial=lambda _p: Line00State(),
    step=_step,
    signals=(
        S("phase", "", 0, 4, f"What the line is meant to do: {_PHASES}",
          lambda s: s.plan.phase.value, DataType.INT32, period_s=0),
        S("shift", "", None, None, "Shift at work; empty while nobody works",
          lambda s: s.plan.shift, DataType.STRING, period_s=0),
        S("crew", "", None, None, "Crew at work", lambda s: s.plan.crew, DataType.STRING, period_s=0),
        S("order_number", "", 0, None, "Order that is made", lambda s: s.plan.order, DataType.INT64, period_s=0),
        S("recipe", "", None, None, "Recipe that the order asks for",
          lambda s: s.plan.ordered.name, DataType.STRING, period_s=0),
        S("lot_code", "", None, None, "Lot", lambda s: s.plan.lot, DataType.STRING, period_s=0),
        S("order_quantity", "", 0, None, "Good bottles that the order asks for",
          lambda s: s.plan.quantity, DataType.INT64, period_s=0),
        S("order_filled_count", "", 0, None, "Bottles filled for the order",
          lambda s: s.plan.order_counts.filled, DataType.INT64, period_s=0),
        S("order_good_count", "", 0, None, "Good bottles of the order",
          lambda s: s.plan.order_counts.good, DataType.INT64, period_s=0),
        S("shift_good_count", "", 0, None, "Good bottles of the shift",
          lambda s: s.plan.shift_counts.good, DataType.INT64, period_s=0),
        S("good_count", "", 0, None, "Good bottles since start",
          lambda s: s.plan.total.good, DataType.INT64, period_s=0),
        S("planned_busy_h", "h", 0, None, "Time since start in which the line was meant to produce or be changed over",
          lambda s: s.plan.planned_busy_s / 3600.0, resolution=0.001, period_s=10),
        S("changeover_step", "", None, None, "Step of the changeover under way; empty outside one",
          lambda s: s.plan.step_title, DataType.STRING, period_s=0),
        S("changeover_left_min", "min", 0, None, "Standstill that the changeover still takes",
          lambda s: s.plan.changeover_left_s / 60.0, resolution=0.1, period_s=10),
    ),
)  # fmt: skip
