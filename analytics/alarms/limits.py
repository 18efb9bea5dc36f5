"""When a quantity is in alarm: limit, deadband and delays (ANSI/ISA-18.2-2016, 10.5 and annex on chattering alarms)."""

from dataclasses import dataclass

NS_PER_S = 1_000_000_000


@dataclass(frozen=True, slots=True)
class AlarmLimit:
    """When an alarm is raised and when it returns to normal.

    Attributes:
        limit: the alarm is raised when the value reaches this, in the unit of the quantity.
        deadband: it returns to normal when the value falls below limit - deadband; not negative.
        on_delay_s: the value must have been at the limit for so long.
        off_delay_s: the value must have been below the deadband for so long.
        priority: 1 = act at once, 2 = this shift, 3 = plan.
    """

    limit: float
    deadband: float = 0.0
    on_delay_s: float = 0.0
    off_delay_s: float = 0.0
    priority: int = 3

    def __post_init__(self) -> None:
        for name in ("deadband", "on_delay_s", "off_delay_s"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} = {getattr(self, name)}: must not be negative")
        if self.priority not in (1, 2, 3):
            raise ValueError(f"priority = {self.priority}: expected 1, 2 or 3")
