"""Report rules as the ledger understands them: which missing rows a rule explains.

Written from the rule's definition alone (keys `absolute`, `relative`, `swinging_door`, `min_interval_s`,
`max_interval_s` of the birth property `report`), and on purpose without a line of the code that applies it at the edge.
"""

import json
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from deploy.ledger.account import NUMBER, Offered, same_value

_ROUNDING = 1e-9
"""Share of the magnitude by which an interpolated value may differ through float64 rounding."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Report rule of a series; with all keys 0 every row must be stored."""

    absolute: float = 0.0
    relative: float = 0.0
    swinging_door: float = 0.0
    min_interval_s: float = 0.0
    max_interval_s: float = 0.0

    @classmethod
    def parse(cls, text: str) -> "Rule":
        """Read the birth property; no text means that every row is reported. Raises ValueError naming the text."""
        if not text:
            return cls()
        try:
            content = json.loads(text)
            return cls(**{key: float(content.pop(key, 0.0)) for key in _KEYS} | content)
        except (ValueError, TypeError, AttributeError) as error:
            raise ValueError(f"report rule {text!r} is not understood: {error}") from None

    @property
    def reports_all(self) -> bool:
        """Whether the rule suppresses nothing."""
        return not any(getattr(self, key) for key in _KEYS)

    def suppresses(self, offered: Offered, row: NDArray[np.intp], last: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Whether each `row` may be missing because row `last` was reported before it (deadbands and intervals).

        Quality, kind and null must be the same; the age must be below max_interval; and either the value has not left
        the deadband or the age is below min_interval. Returns bool[n].
        """
        age_ns = offered.time_ns[row] - offered.time_ns[last]
        kind = offered.values.kind
        allowed: NDArray[np.bool_] = (
            (offered.quality[row] == offered.quality[last]) & (kind[row] == kind[last]) & (age_ns >= 0)
        )
        if self.max_interval_s:
            allowed &= age_ns < round(self.max_interval_s * 1e9)
        quiet = same_value(offered.values, row, offered.values, last)
        value, reference = offered.values.number[row], offered.values.number[last]
        band = np.maximum(self.absolute, self.relative * np.abs(reference))
        with np.errstate(invalid="ignore"):
            quiet |= (kind[row] == NUMBER) & (np.abs(value - reference) <= band)
        if self.min_interval_s:
            quiet |= age_ns < round(self.min_interval_s * 1e9)
        return allowed & quiet

    def interpolates(
        self, offered: Offered, row: NDArray[np.intp], left: NDArray[np.intp], right: NDArray[np.intp]
    ) -> NDArray[np.bool_]:
        """Whether each `row` may be missing because it lies on the line between rows `left` and `right`.

        The error bound is `swinging_door`; all three must be numbers of one quality, and the age since `left` below
        max_interval. Returns bool[n].
        """
        time, number, kind, quality = (
            offered.time_ns,
            offered.values.number,
            offered.values.kind,
            offered.quality,
        )
        age_ns = time[row] - time[left]
        span_ns = time[right] - time[left]
        allowed: NDArray[np.bool_] = (
            (kind[row] == NUMBER) & (kind[left] == NUMBER) & (kind[right] == NUMBER) & (span_ns > 0)
            & (quality[row] == quality[left]) & (quality[row] == quality[right])
        )  # fmt: skip
        if self.max_interval_s:
            allowed &= age_ns < round(self.max_interval_s * 1e9)
        with np.errstate(invalid="ignore", divide="ignore"):
            line = number[left] + (number[right] - number[left]) * (age_ns / span_ns)
            slack = _ROUNDING * np.maximum(np.abs(number[left]), np.abs(number[right]))
            allowed &= np.abs(number[row] - line) <= self.swinging_door + slack
        return allowed

    def applies_to_line(self, offered: Offered, row: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Whether the swinging door, and not a comparison with the last row, decides about each row."""
        if not self.swinging_door:
            return np.zeros(len(row), np.bool_)
        numbers: NDArray[np.bool_] = offered.values.kind[row] == NUMBER
        return numbers


_KEYS = tuple(field.name for field in fields(Rule))
