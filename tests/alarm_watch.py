"""Which alarms of the shipped table a run would have raised, judged block by block from recorded true values."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from demo_line.alarm import Alarm, load_alarms
from demo_line.packml import State
from demo_line.sensors import Floats, Sensors
from demo_line.signals import Channel


class AlarmWatch:
    """Lets the alarms see what the sensors of a healthy line show.

    Args:
        channels: of the columns that `see` gets.
        seed: of the sensors' noise.

    Attributes:
        raised: what came into sight first of each alarm, e.g. `alarm CA-90 pressure_low = 5.6 at 62460 s`.
    """

    def __init__(self, channels: Sequence[Channel], seed: int) -> None:
        self._names = [channel.name for channel in channels]
        self._sensors = Sensors(channels, seed, {})
        self._alarms = [Alarm(definition) for definition in load_alarms()]
        self.raised: dict[str, str] = {}

    def see(self, true: Floats, end_s: float, step_s: float) -> None:
        """Watch a block of rows; `true` is changed in place.

        Args:
            true: steps x channels.
            end_s: time of the last row.
            step_s: length of a step.
        """
        steps: NDArray[np.int64] = np.arange(len(true)) + round(end_s / step_s) - len(true) + 1
        shown = self._sensors.sense(true, np.empty((len(true), 0)), steps, step_s).values
        times_s = [step * step_s for step in steps.tolist()]
        for alarm in self._alarms:
            self._watch(alarm, shown, times_s)

    def _watch(self, alarm: Alarm, shown: Floats, times_s: Sequence[float]) -> None:
        """Let an alarm see its channel, unless that stays within the limit."""
        definition = alarm.definition
        values = shown[:, self._names.index(definition.channel)]
        limit = math.inf if definition.above is None else definition.above
        floor = -math.inf if definition.below is None else definition.below
        if not alarm.active and not ((values > limit) | (values < floor)).any():
            return
        state = f"{definition.unit_id}.state_current"
        states = shown[:, self._names.index(state)].tolist() if state in self._names else [0.0] * len(times_s)
        for value, number, at_s in zip(values.tolist(), states, times_s, strict=True):
            alarm.value = value
            alarm.watch(at_s, State(int(number)).name if number else None)
            if alarm.active and not alarm.suppressed:
                name = f"alarm {definition.unit_id} {definition.name}"
                self.raised.setdefault(name, f"{name} = {value:.4g} at {at_s:.0f} s")
