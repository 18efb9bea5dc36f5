"""One unit of the line driven alone: its surroundings are what the test says, and time passes in steps."""

from collections.abc import Callable
from typing import Any

from numpy.random import default_rng

from demo_line.draws import Draws
from demo_line.line import discover_faults
from demo_line.plan import Phase
from demo_line.unit import AnyUnit, Surroundings

DAY_S = 86_400.0

FAULTS = discover_faults()


class Driven:
    """A unit with surroundings that stay as they are unless a test changes `around`.

    Args:
        unit: what is driven.
        dt_s: length of a step.
        parameters: values that replace design values.
        supplies, demands: couplings.
        severity: of faults by name.
        seed: of its random numbers.
    """

    def __init__(
        self,
        unit: AnyUnit,
        *,
        dt_s: float = 1.0,
        parameters: dict[str, Any] | None = None,
        supplies: dict[str, float] | None = None,
        demands: dict[str, float] | None = None,
        severity: dict[str, float] | None = None,
        seed: int = 1,
    ) -> None:
        self.unit = unit
        self.parameters = unit.parameters.model_validate(parameters or {})
        self.state = unit.initial(self.parameters)
        unknown = set(severity or {}) - set(FAULTS)
        if unknown:
            raise ValueError(f"no such fault: {', '.join(sorted(unknown))}")
        self.around = Surroundings(
            dt_s=dt_s,
            supplies={"mains_on": 1.0, "ambient_degc": 24.0, "outdoor_degc": 24.0, "shed_stage": 0.0}
            | (supplies or {}),
            demands=dict(demands or {}),
            severity=dict.fromkeys(FAULTS, 0.0) | (severity or {}),
            places=dict.fromkeys(FAULTS, 1),
        )
        self.around.plan.phase = Phase.PRODUCTION
        self.around.plan.local_hour, self.around.plan.day_of_year = 0.0, 150
        self.draws = Draws(default_rng(seed))
        self.energy_ws = 0.0

    def run(self, seconds: float, each: Callable[[Any], None] = lambda _state: None) -> Any:
        """Let time pass, with calendar; `each` sees the state after every step. Returns the state."""
        around, unit = self.around, self.unit
        first_day = around.plan.day_of_year - int(around.elapsed_s / DAY_S)
        for _ in range(round(seconds / around.dt_s)):
            around.plan.local_hour = around.elapsed_s % DAY_S / 3600.0
            around.plan.day_of_year = first_day + int(around.elapsed_s / DAY_S)
            around.elapsed_s += around.dt_s
            unit.step(self.parameters, self.state, around, self.draws)
            if unit.power_w is not None:
                self.energy_ws += unit.power_w(self.state) * around.dt_s
            each(self.state)
        return self.state

    @property
    def mean_w(self) -> float:
        """Mean power since the start."""
        return self.energy_ws / self.around.elapsed_s
