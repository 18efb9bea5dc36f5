"""The production plan: what the line is to do now. Units follow `PlanState`; they know nothing of shifts and orders."""

from demo_line.plan.state import MODES, Phase, PlanState, Recipe

__all__ = ["MODES", "Phase", "PlanState", "Recipe"]
