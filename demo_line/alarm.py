"""Alarms of the line's instruments, with the states of ISA-18.2. Pure: readings and times are arguments."""

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from math import inf
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from demo_line.definition import LineError, describe
from demo_line.measurement import Offer
from demo_line.packml import State
from demo_line.signals import Channel, DataType

SHIPPED_ALARMS = Path(__file__).parent / "scenarios" / "alarms.toml"

Priority = Literal["low", "medium", "high", "critical"]
SEVERITIES: dict[Priority, int] = {"low": 200, "medium": 450, "high": 700, "critical": 950}
"""Severity of OPC 10000-5, 6.4.2 (1 to 1000), in the middle of the bands that OPC 10000-9, Annex E gives priorities."""


class AlarmState(StrEnum):
    """States of ISA-18.2-2016, figure 3."""

    NORMAL = "normal"
    UNACKNOWLEDGED = "unacknowledged"
    ACKNOWLEDGED = "acknowledged"
    RETURNED_TO_NORMAL = "returned_to_normal"
    SHELVED = "shelved"
    SUPPRESSED = "suppressed"
    OUT_OF_SERVICE = "out_of_service"


class AlarmDefinition(BaseModel):
    """One limit of one signal.

    Attributes:
        name: key, unique within its unit.
        channel: signal that is watched, e.g. `PAS-20.holding_a_degc`.
        above, below: the limit; exactly one of them.
        deadband: how far the signal must come back over the limit before the alarm goes.
        on_delay_s, off_delay_s: how long the limit must be exceeded before the alarm comes, and kept before it goes.
        priority: how fast and how gravely it matters.
        text: what is wrong, for people.
        response: what the operator is to do; ISA-18.2 knows no alarm without.
        states: PackML states of the unit in which the alarm means something; outside it is suppressed by design.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    channel: str
    above: float | None = None
    below: float | None = None
    deadband: float = Field(default=0.0, ge=0)
    on_delay_s: float = Field(default=0.0, ge=0)
    off_delay_s: float = Field(default=0.0, ge=0)
    priority: Priority
    text: str = Field(min_length=1)
    response: str = Field(min_length=1)
    states: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _makes_sense(self) -> "AlarmDefinition":
        if (self.above is None) == (self.below is None):
            raise ValueError(f"alarm {self.name} needs either above or below")
        unknown = [name for name in self.states if name not in State.__members__]
        if unknown:
            raise ValueError(
                f"alarm {self.name}: {unknown[0]} is no PackML state; states: {', '.join(State.__members__)}"
            )
        return self

    @property
    def unit_id(self) -> str:
        """Unit of the signal."""
        return self.channel.partition(".")[0]

    def exceeded(self, value: float, *, active: bool) -> bool:
        """Whether a value is beyond the limit; an active alarm holds until the deadband is left too."""
        back = self.deadband if active else 0.0
        if self.above is not None:
            return value > self.above - back
        return self.below is not None and value < self.below + back


class _Definitions(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    alarms: tuple[AlarmDefinition, ...] = ()


class Alarm:
    """One alarm and how it stands.

    Attributes:
        definition: what it watches.
        active: the limit is exceeded, delays and deadband considered.
        acknowledged: nobody needs to look at it any more.
        confirmed: somebody has said that what it asked for is done; nothing waits for it.
        enabled: False while it is out of service; it then judges nothing.
        suppressed: the machine stands in a state in which it means nothing.
        shelved_until_s: when an operator's shelving ends; infinite = with the next return to normal;
            None = it is not.
        changed_s: time of the last change.
        value: last good reading.
    """

    def __init__(self, definition: AlarmDefinition) -> None:
        self.definition = definition
        self.active = False
        self.acknowledged = True
        self.confirmed = True
        self.enabled = True
        self.suppressed = False
        self.shelved_until_s: float | None = None
        self.changed_s = 0.0
        self.value: float | None = None
        self._since_s: float | None = None
        self._shown = False

    @property
    def state(self) -> AlarmState:
        """State of ISA-18.2."""
        if not self.enabled:
            return AlarmState.OUT_OF_SERVICE
        if self.shelved_until_s is not None:
            return AlarmState.SHELVED
        if self.suppressed:
            return AlarmState.SUPPRESSED
        if self.active:
            return AlarmState.ACKNOWLEDGED if self.acknowledged else AlarmState.UNACKNOWLEDGED
        return AlarmState.NORMAL if self.acknowledged else AlarmState.RETURNED_TO_NORMAL

    def watch(self, now_s: float, machine: str | None) -> bool:
        """Judge the last value; returns whether anything changed.

        Args:
            now_s: time.
            machine: PackML state of the unit; None = it is not known.
        """
        if not self.enabled:
            return False
        before = (self.active, self.suppressed, self.shelved_until_s)
        suppressed = bool(self.definition.states) and machine not in self.definition.states
        if self.suppressed and not suppressed:  # what was so at rest says nothing of the work that begins
            self.active, self._since_s = False, None
        self.suppressed = suppressed
        if self.value is not None:
            self._judge(self.value, now_s)
        shelved_until_s = self.shelved_until_s
        if shelved_until_s is not None and (
            now_s >= shelved_until_s or (shelved_until_s == inf and before[0] and not self.active)
        ):
            self.shelved_until_s = None
        self._show()
        changed = before != (self.active, self.suppressed, self.shelved_until_s)
        if changed:
            self.changed_s = now_s
        return changed

    def acknowledge(self, now_s: float) -> None:
        """Take note of it; raises ValueError where there is nothing to acknowledge."""
        if self.acknowledged:
            raise ValueError(f"alarm {self.definition.name} is {self.state}; there is nothing to acknowledge")
        self.acknowledged = True
        self.changed_s = now_s

    def confirm(self, now_s: float) -> None:
        """Say that what it asked for is done; raises ValueError before it is acknowledged, and a second time."""
        if not self.acknowledged or self.confirmed:
            said = "confirmed already" if self.confirmed else "not acknowledged yet"
            raise ValueError(f"alarm {self.definition.name} is {said}; acknowledge it first, then confirm it once")
        self.confirmed = True
        self.changed_s = now_s

    def disable(self, now_s: float) -> None:
        """Take it out of service; raises ValueError when it is."""
        if not self.enabled:
            raise ValueError(f"alarm {self.definition.name} is out of service already")
        self.enabled = self.active = self._shown = False
        self._since_s = None
        self.changed_s = now_s

    def enable(self, now_s: float) -> None:
        """Put it back in service, with its delays from now on; raises ValueError when it is."""
        if self.enabled:
            raise ValueError(f"alarm {self.definition.name} is in service already")
        self.enabled = True
        self.changed_s = now_s

    def shelve(self, now_s: float, seconds: float = inf) -> None:
        """Take it out of sight for some time, or until it has returned to normal; raises ValueError for no time."""
        if not seconds > 0.0:
            raise ValueError(f"alarm {self.definition.name} cannot be shelved for {seconds:g} s")
        self.shelved_until_s = now_s + seconds
        self._show()
        self.changed_s = now_s

    def unshelve(self, now_s: float) -> None:
        """Bring it back; raises ValueError when it is not shelved."""
        if self.shelved_until_s is None:
            raise ValueError(f"alarm {self.definition.name} is not shelved")
        self.shelved_until_s = None
        self._show()
        self.changed_s = now_s

    def _judge(self, value: float, now_s: float) -> None:
        exceeded = self.definition.exceeded(value, active=self.active)
        if exceeded == self.active:
            self._since_s = None
            return
        self._since_s = now_s if self._since_s is None else self._since_s
        delay_s = self.definition.off_delay_s if self.active else self.definition.on_delay_s
        if now_s - self._since_s >= delay_s:
            self.active, self._since_s = exceeded, None

    def _show(self) -> None:
        """An alarm that comes into sight asks for acknowledgement."""
        shown = self.active and not self.suppressed and self.shelved_until_s is None
        if shown and not self._shown:
            self.acknowledged = self.confirmed = False
        self._shown = shown


class Alarms:
    """All alarms of a line.

    Args:
        definitions: alarms of units that the line has not are left out.
        channels: instruments of the line, in the order of their numbers.

    Raises LineError for a signal that a unit of the line does not have, that is no number, or a name used twice.
    """

    def __init__(self, definitions: Iterable[AlarmDefinition], channels: Sequence[Channel]) -> None:
        units = {channel.unit_id for channel in channels}
        numbers = {channel.name: number for number, channel in enumerate(channels)}
        self._watched: dict[int, list[Alarm]] = {}
        self._machines = {
            number: channel.unit_id for number, channel in enumerate(channels) if channel.signal.name == "state_current"
        }
        self._states: dict[str, str] = {}
        self.alarms: dict[tuple[str, str], Alarm] = {}
        for definition in definitions:
            if definition.unit_id not in units:
                continue
            number = numbers.get(definition.channel)
            if number is None or channels[number].signal.datatype is DataType.STRING:
                raise LineError(f"alarm {definition.name}: {definition.channel} is no numeric signal of the line")
            key = (definition.unit_id, definition.name)
            if key in self.alarms:
                raise LineError(f"alarm {definition.name} of {definition.unit_id} is defined twice; rename one")
            self.alarms[key] = Alarm(definition)
            self._watched.setdefault(number, []).append(self.alarms[key])

    def watch(self, offers: Iterable[Offer], now_s: float) -> list[Alarm]:
        """Take the readings of one step; returns the alarms that changed."""
        for offer in offers:
            value = offer.value
            if value is None or isinstance(value, str):
                continue
            if offer.node in self._machines:
                self._states[self._machines[offer.node]] = State(int(value)).name
            for alarm in self._watched.get(offer.node, ()):
                alarm.value = float(value)
        states = self._states
        return [alarm for (unit_id, _), alarm in self.alarms.items() if alarm.watch(now_s, states.get(unit_id))]


def load_alarms(path: Path = SHIPPED_ALARMS) -> tuple[AlarmDefinition, ...]:
    """Read a table of alarms; raises LineError that names file, key and value."""
    try:
        document: Mapping[str, object] = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise LineError(f"alarms {path} cannot be read: {error.strerror}; give the path of a TOML file") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise LineError(f"alarms {path} is not valid TOML: {error}") from error
    try:
        return _Definitions.model_validate(document).alarms
    except ValidationError as error:
        raise LineError(f"alarms {path}: {describe(error)}") from error
