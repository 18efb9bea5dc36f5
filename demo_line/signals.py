"""Signals of a unit: one tuple of frozen descriptions.

Each with the function that reads the true value from the unit's state.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic, Protocol, TypeVar

from demo_line.packml import Machine, State

Value = float | int | bool | str
StateT = TypeVar("StateT")


class DataType(StrEnum):
    """Type of a signal; the names are those of OPC UA's built-in types."""

    DOUBLE = "Double"
    BOOLEAN = "Boolean"
    INT32 = "Int32"
    INT64 = "Int64"
    STRING = "String"


@dataclass(frozen=True)
class Signal(Generic[StateT]):
    """One signal of a unit and the sensor that measures it.

    Attributes:
        name: lower case with the unit as suffix, e.g. `product_flow_l_h`.
        unit: engineering unit as shown to people; empty where there is none.
        low, high: range of the instrument in that unit; None where it has none.
        description: one line for people.
        value: reads the true value from the unit's state.
        datatype: type on the wire.
        noise: standard deviation of the sensor's noise, in the unit.
        resolution: smallest step that the sensor shows, in the unit; 0 = none.
        period_s: seconds between two readings; 0 = a reading only when the value changes.
    """

    name: str
    unit: str
    low: float | None
    high: float | None
    description: str
    value: Callable[[StateT], Value]
    datatype: DataType = DataType.DOUBLE
    noise: float = 0.0
    resolution: float = 0.0
    period_s: float = 1.0

    @property
    def averaged(self) -> bool:
        """Whether an interval shows the mean of its readings.

        States, counters, totals (they have no upper range) and what is reported on change show their last value.
        """
        return self.datatype is DataType.DOUBLE and self.period_s > 0.0 and self.high is not None


@dataclass(frozen=True, slots=True)
class Channel:
    """One instrument: a signal of one unit."""

    unit_id: str
    signal: Signal[Any]

    @property
    def name(self) -> str:
        """Stable name, e.g. `MIX-10.product_flow_l_h`."""
        return f"{self.unit_id}.{self.signal.name}"


class HasPackml(Protocol):
    """State of a unit that follows the PackML state model."""

    @property
    def packml(self) -> Machine:
        """Where the unit stands."""


@dataclass(frozen=True)
class Word(Generic[StateT]):
    """Value function of a signal that names a number, e.g. a state; a recorder keeps the number and names it later.

    Attributes:
        number: reads the number.
        words: text of each number from 0 on.
    """

    number: Callable[[StateT], int]
    words: tuple[str, ...]

    def __call__(self, state: StateT) -> str:
        """The text now."""
        return self.words[self.number(state)]


_STATE_WORD: Word[HasPackml] = Word(
    lambda s: s.packml.state, ("", *(State(number).name for number in range(1, max(State) + 1)))
)

_STATE_NUMBERS = ", ".join(f"{state.value} {state.name}" for state in State)


def packml_signals() -> tuple[Signal[Any], ...]:
    """Signals that every unit with a `packml` attribute in its state has; they are offered when they change."""
    return (
        Signal[HasPackml](
            "state_current",
            "",
            1,
            17,
            f"PackML state: {_STATE_NUMBERS}",
            lambda s: s.packml.state,
            DataType.INT32,
            period_s=0,
        ),
        Signal[HasPackml](
            "state_current_text",
            "",
            None,
            None,
            "PackML state as a word",
            _STATE_WORD,
            DataType.STRING,
            period_s=0,
        ),
        Signal[HasPackml](
            "unit_mode",
            "",
            1,
            5,
            "Unit mode: 1 production, 2 maintenance, 3 manual, 4 changeover, 5 cleaning",
            lambda s: s.packml.mode,
            DataType.INT32,
            period_s=0,
        ),
        Signal[HasPackml](
            "equipment_starved",
            "",
            None,
            None,
            "Waits for material or a utility from upstream",
            lambda s: s.packml.starved,
            DataType.BOOLEAN,
            period_s=0,
        ),
        Signal[HasPackml](
            "equipment_blocked",
            "",
            None,
            None,
            "Waits for downstream to take its product",
            lambda s: s.packml.blocked,
            DataType.BOOLEAN,
            period_s=0,
        ),
    )
