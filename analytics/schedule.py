"""When to train, and what is said while nothing is learnt yet. Pure."""

from analytics.config import TrainingSettings
from analytics.inputs import Past

NS_PER_S = 1_000_000_000
RETRY_S = 60.0
"""A training that failed, or found too little, is tried again after this time; the pause doubles up to the schedule."""
DRIFTED_H = 6.0
"""A plant that has left what the model learnt is learnt anew after so many hours at the latest."""
_LONGEST_RETRY_S = 3_600.0


class Schedule:
    """Decides when a training begins; times are UTC nanoseconds."""

    def __init__(self, settings: TrainingSettings) -> None:
        self._settings = settings
        self._trained_ns: int | None = None
        self._retry_ns = 0
        self._pause_s = RETRY_S

    def trained(self, at_ns: int) -> None:
        """Note that the model in use was made then."""
        self._trained_ns = at_ns
        self._pause_s = RETRY_S

    def tried(self, at_ns: int) -> None:
        """Note that a training has ended, with whatever outcome; the next one waits."""
        self._retry_ns = at_ns + round(self._pause_s * NS_PER_S)
        self._pause_s = min(2 * self._pause_s, _LONGEST_RETRY_S)
        if self._trained_ns is not None:
            self._trained_ns = max(self._trained_ns, at_ns)

    def is_due(self, now_ns: int, *, has_model: bool, past: Past | None, drifted: bool = False) -> bool:
        """Tell whether a training should begin.

        Args:
            now_ns: time.
            has_model: whether a model is in use.
            past: data to learn from; needed only where there is no model.
            drifted: whether the plant has left what the model learnt; then it is due earlier.
        """
        if now_ns < self._retry_ns:
            return False
        if not has_model:
            return past is not None and not past.importing and past.days >= self._settings.least_days
        if self._settings.every_h == 0 or self._trained_ns is None:
            return False
        every_h = min(self._settings.every_h, DRIFTED_H) if drifted else self._settings.every_h
        return now_ns - self._trained_ns >= every_h * 3_600 * NS_PER_S

    def why_learning(self, past: Past, *, running: bool) -> str:
        """Say how far the learning is."""
        settings = self._settings
        seen = f"{past.days:.1f} of {settings.history_days:g} days"
        if running:
            return f"learning from {seen}"
        if past.importing:
            return f"learning, {seen}: {past.importing}"
        if past.days < settings.least_days:
            return f"learning, {seen}: it begins to judge after {settings.least_days:g}"
        return f"learning, {seen}"
