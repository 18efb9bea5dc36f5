"""Names under which samples stand in InfluxDB, and how names are written: for the store, its rollups and Grafana.

A sample is a point of measurement `signal`. Its tags follow ISA-95: `site`, `edge` (edge agent), `work_unit` (absent
for a metric of the edge agent itself), `signal`, and `origin` (`real`, `simulated`, `replayed`). Its fields: the value
in `f` (float), `i` (integer), `b` (boolean) or `s` (text), so a signal that changes its type never conflicts, and the
quality code in `q` only where it is not GOOD: writing it always costs a quarter of the throughput, because InfluxDB
stores every field as a series of its own. A row of quality BAD or STALE has `q` and no value.

Rollups are measurements `signal_1min` and `signal_1h` in a database of their own that never expires, with the tags of
the signal without `origin`, stamped with the begin of the minute or hour.
"""

import re

from edge_agent.sparkplug.origin import Origin
from gateway.store.base import SeriesKey
from gateway.store.rollup import HOUR, MINUTE, Tier

MEASUREMENT = "signal"
ROLLUP_MEASUREMENTS = {MINUTE.name: "signal_1min", HOUR.name: "signal_1h"}

SITE, EDGE, WORK_UNIT, SIGNAL, ORIGIN = "site", "edge", "work_unit", "signal", "origin"
KEY_TAGS = (SITE, EDGE, WORK_UNIT, SIGNAL)
"""Tags that identify a series, in the order of the fields of SeriesKey."""

FLOAT, INTEGER, BOOLEAN, TEXT, QUALITY = "f", "i", "b", "s", "q"
MINIMUM, MAXIMUM, TOTAL, NUMBERS, COUNT, BAD, LAST = "minimum", "maximum", "total", "numbers", "count", "bad", "last"
"""Fields of rollups: as the columns of the embedded store, see gateway/store/duckdb_schema.py."""

_NEVER_IN_TAGS = re.compile(r"[\x00-\x1f\x7f\\]|%(?=[0-9A-Fa-f]{2})")
_SPECIAL_IN_TAGS = re.compile(r"([,= ])")


def tag_value(name: str) -> str:
    r"""Return the value of a tag for any name.

    Line protocol has no way to write a line break, and no safe way to write a backslash, in a tag. Control characters,
    backslashes, and percent signs that look like an escape are written as in URLs (`%0A`), so different names stay
    different.
    """
    return _NEVER_IN_TAGS.sub(lambda match: f"%{ord(match[0]):02X}", name)


def tags_of(key: SeriesKey) -> dict[str, str]:
    """Return the tags that identify a series; empty where InfluxDB has none, as InfluxQL compares them."""
    names = (key.group_id, key.edge_node_id, key.device_id, key.metric)
    return dict(zip(KEY_TAGS, map(tag_value, names), strict=True))


def escape_tag(value: str) -> str:
    """Write a tag key, tag value or field key in line protocol."""
    return _SPECIAL_IN_TAGS.sub(r"\\\1", value)


def line_prefix(measurement: str, key: SeriesKey, origin: Origin | None = None) -> str:
    """Return measurement and tags of a line, tags in order as the server wants them, with the blank that ends them."""
    tags = tags_of(key)
    if origin is not None:
        tags[ORIGIN] = origin.label
    written = "".join(f",{name}={escape_tag(value)}" for name, value in sorted(tags.items()) if value)
    return f"{measurement}{written} "


def quote_identifier(name: str) -> str:
    """Write a database, measurement, tag or field name in InfluxQL."""
    escaped = name.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def rollup_measurement(tier: Tier) -> str:
    """Return the measurement of a rollup tier."""
    return ROLLUP_MEASUREMENTS[tier.name]
