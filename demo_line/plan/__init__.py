"""The production plan: what the line is to do now. Units follow `PlanState`; they know nothing of shifts and orders."""

from demo_line.plan.state import (
    CHANGEOVER,
    CLEANING,
    MODES,
    OFF,
    PRODUCTION,
    WARM_UP,
    Phase,
    PlanState,
    Recipe,
    enters,
)

__all__ = [
    "CHANGEOVER",
    "CLEANING",
    "MODES",
    "OFF",
    "PRODUCTION",
    "WARM_UP",
    "Phase",
    "PlanState",
    "Recipe",
    "enters",
]
