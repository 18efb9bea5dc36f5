"""Report by exception: which readings are worth sending. Pure; time comes with the reading."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ReportRule:
    """Rule of one tag; see the report-by-exception section of edge_agent/README.md."""

    absolute: float = 0.0
    relative: float = 0.0
    swinging_door: float = 0.0
    min_interval_s: float = 0.0
    max_interval_s: float = 0.0
