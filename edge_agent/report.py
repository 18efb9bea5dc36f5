"""Report by exception: which readings are worth sending. Pure; time comes with the reading."""

import json
import math
from dataclasses import dataclass, fields
from typing import ClassVar, NamedTuple

from edge_agent.sparkplug.metric import Value
from edge_agent.sparkplug.quality import Quality

DEFAULT_HOLD_S = 10.0
"""How long a held point of a quiet source waits where the rule itself says nothing."""


@dataclass(frozen=True, slots=True)
class ReportRule:
    """Rule of one tag. With all defaults every reading is reported.

    A reading is compared with the last *reported* one of its tag:

    1. The first reading, a change of quality, of type, or between null and a value is reported, always.
    2. At least `max_interval_s` (where not 0) after the last reported one it is reported, whatever its value. A source
       that gives a value only when it changes vouches meanwhile that it has not; then the value is repeated.
    3. Less than `min_interval_s` after the last reported one it is not reported.
    4. Text, truth values, bytes and null are reported when they differ.
    5. A number is reported where |value - last| > max(absolute, relative * |last|); with `swinging_door` where linear
       interpolation would otherwise be wrong by more than that bound (see Reporter).

    So a rule that sets only `max_interval_s` reports changes, and unchanged values once per interval. A reading older
    than the last reported one (late data) is outside this order: it is reported and changes nothing.

    Attributes:
        absolute: deadband in the unit of the signal.
        relative: deadband as a fraction of the magnitude of the last reported value.
        swinging_door: bound of the interpolation error in the unit of the signal; excludes the two deadbands and
            `min_interval_s`, which would break the bound.
        min_interval_s: shortest distance of two reported values of the same quality, in source time.
        max_interval_s: longest silence of a source that goes on giving readings or vouches for its last ones, in
            source time; 0 is no limit.
    """

    absolute: float = 0.0
    relative: float = 0.0
    swinging_door: float = 0.0
    min_interval_s: float = 0.0
    max_interval_s: float = 0.0

    # Read by pydantic where a rule stands in a configuration file: a misspelt key is an error there.
    __pydantic_config__: ClassVar[dict[str, object]] = {"extra": "forbid"}

    def __post_init__(self) -> None:
        for key in KEYS:
            value = getattr(self, key)
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise ValueError(f"rule: {key} must be a number, not {value!r}")  # noqa: TRY004 - pydantic reports these
            if not math.isfinite(value) or value < 0:
                raise ValueError(f"rule: {key} is {value!r}; it must be finite and not negative")
        if self.swinging_door:
            for key in ("absolute", "relative", "min_interval_s"):
                if getattr(self, key):
                    raise ValueError(
                        f"rule: {key} cannot be combined with swinging_door, whose error bound it would break"
                    )
        if self.max_interval_s and self.max_interval_s < self.min_interval_s:
            raise ValueError(
                f"rule: max_interval_s is {self.max_interval_s!r}, shorter than min_interval_s {self.min_interval_s!r}"
            )

    @property
    def passes_all(self) -> bool:
        """True where every reading is reported, so that no Reporter is needed."""
        return not (self.absolute or self.relative or self.swinging_door or self.min_interval_s or self.max_interval_s)

    @property
    def hold_s(self) -> float:
        """Seconds of silence of a source (own monotonic time) after which `Reporter.pending` is to be sent."""
        return self.min_interval_s or self.max_interval_s or DEFAULT_HOLD_S

    def to_json(self) -> str:
        """Return the compact form that births carry; keys that are 0 are left out, so `{}` reports everything."""
        return json.dumps({key: getattr(self, key) for key in KEYS if getattr(self, key)}, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> "ReportRule":
        """Parse the compact form; raises ValueError that names the key and what is wrong with it."""
        try:
            content = json.loads(text)
        except ValueError as error:
            raise ValueError(f"rule {text!r} is not JSON: {error}") from None
        if not isinstance(content, dict):
            raise ValueError(f"rule {text!r} is not a JSON object")  # noqa: TRY004 - bad text is a bad value
        unknown = sorted(set(content) - set(KEYS))
        if unknown:
            raise ValueError(f"rule: unknown key {unknown[0]!r}; known are {', '.join(KEYS)}")
        return cls(**content)


KEYS = tuple(field.name for field in fields(ReportRule))


class Point(NamedTuple):
    """One value worth reporting."""

    time_ns: int
    value: Value
    quality: Quality


class Reporter:
    """Applies one rule to the readings of one tag, in the order in which they come.

    Swinging door: E. H. Bristol, "Swinging door trending: adaptive trend recording?", ISA National Conference 1990,
    pp. 749-753, and US patent 4,669,097 (1987). From the last reported point a fan of slopes is kept that passes within
    the bound of every reading since. A reading inside the fan becomes the held point; one outside closes the door: the
    held point is reported and a new fan opens from it. Requiring the line to the held point itself to lie in the fan
    (rather than any line, as in the patent) makes the bound hold for straight interpolation between reported points.
    """

    __slots__ = ("_held", "_high", "_last", "_low", "_max_ns", "_min_ns", "_newest", "_newest_ns", "rule")

    def __init__(self, rule: ReportRule) -> None:
        self.rule = rule
        self._min_ns = round(rule.min_interval_s * 1e9)
        self._max_ns = round(rule.max_interval_s * 1e9)
        self._last: Point | None = None
        self._held: Point | None = None
        self._newest: Point | None = None  # of those in order
        self._newest_ns = 0
        self._low = -math.inf
        self._high = math.inf

    def offer(self, time_ns: int, value: Value, quality: Quality) -> tuple[Point, ...]:
        """Take a reading; return the points to report now, oldest first: none, one, or the held one and this one."""
        point = Point(time_ns, value, quality)
        last, newest = self._last, self._newest
        self._newest = point
        if time_ns > self._newest_ns:
            self._newest_ns = time_ns
        if last is None or self.rule.passes_all:
            return self._report(point)
        if quality != last.quality or type(value) is not type(last.value):
            return self._report_held_and(point)
        age_ns = time_ns - last.time_ns
        if age_ns < 0:
            self._newest = newest
            return (point,)
        if self.rule.swinging_door and type(value) in (int, float):
            return self._swing(point, last)
        if self._max_ns and age_ns >= self._max_ns:
            return self._report(point)
        if not self._exceeds(value, last.value):
            self._held = None  # back at what was reported: nothing is owed any more
            return ()
        if age_ns < self._min_ns:
            self._held = point
            return ()
        return self._report(point)

    @property
    def held(self) -> bool:
        """True while a point waits that differs from what was reported."""
        return self._held is not None

    def pending(self) -> tuple[Point, ...]:
        """Report the held point (0 or 1): at shutdown, or when its source has been quiet for `rule.hold_s`."""
        return () if self._held is None else self._report(self._held)

    def repeat(self, until_ns: int) -> tuple[Point, ...]:
        """Report the newest value again (0 or 1 point) where `max_interval_s` is over.

        Args:
            until_ns: source time until which its source vouches that the value has not changed; the time of the
                repeated point. What is stale or held back is not repeated, nor is anything before the newest reading.
        """
        newest, last = self._newest, self._last
        if not self._max_ns or newest is None or last is None or self._held is not None:
            return ()
        if newest.quality is Quality.STALE or until_ns <= self._newest_ns or until_ns - last.time_ns < self._max_ns:
            return ()
        self._newest_ns = until_ns
        return self._report(Point(until_ns, newest.value, newest.quality))

    def _report(self, point: Point) -> tuple[Point, ...]:
        self._last = point
        self._held = None
        self._low, self._high = -math.inf, math.inf
        return (point,)

    def _report_held_and(self, point: Point) -> tuple[Point, ...]:
        held = self._held if self.rule.swinging_door else None  # what min_interval_s holds is overtaken
        self._report(point)
        return (point,) if held is None else (held, point)

    def _exceeds(self, value: Value, last: Value) -> bool:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return value != last
        if not isinstance(last, int | float):
            return True
        return abs(value - last) > max(self.rule.absolute, self.rule.relative * abs(last))

    def _swing(self, point: Point, last: Point) -> tuple[Point, ...]:
        held = self._held
        age_ns = point.time_ns - last.time_ns
        if age_ns == 0 or (held is not None and point.time_ns <= held.time_ns):
            # Two values at one time cannot be interpolated; an older one than the held point is late.
            return self._report_held_and(point) if held is None or point.time_ns == held.time_ns else (point,)
        rise = point.value - last.value  # type: ignore[operator]  # offer has checked that both are numbers
        if not self._low <= rise / age_ns <= self._high:
            if held is None:
                raise AssertionError("the fan is open until a point is held")
            self._report(held)
            return (held, *self._swing(point, held))
        if self._max_ns and age_ns >= self._max_ns:
            return self._report(point)
        bound = self.rule.swinging_door
        self._low = max(self._low, (rise - bound) / age_ns)
        self._high = min(self._high, (rise + bound) / age_ns)
        self._held = point
        return ()
