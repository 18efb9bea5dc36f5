"""Where a value comes from, so that no simulated number is ever taken for a real one."""

from enum import IntEnum


class Origin(IntEnum):
    """Origin of a sample; stored beside every value and shown beside every value."""

    REAL = 0
    SIMULATED = 1
    REPLAYED = 2

    @property
    def label(self) -> str:
        """Lower-case word used in configuration, births and the API."""
        return self.name.lower()

    @classmethod
    def parse(cls, label: str) -> "Origin":
        """Read the lower-case word; raises ValueError that lists the accepted words."""
        try:
            return cls[label.upper()]
        except KeyError:
            accepted = ", ".join(origin.label for origin in cls)
            raise ValueError(f"origin {label!r} is not one of: {accepted}") from None
