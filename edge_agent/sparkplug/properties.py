"""Keys of metric properties.

Quality is defined by Sparkplug B 3.0; engUnit, engLow, engHigh and documentation are the keys that common hosts already
understand; the others are ours and ignored by strangers.
"""

QUALITY = "Quality"
"""Int32 code of edge_agent.sparkplug.quality; sent in data only where it is not GOOD."""

UNIT = "engUnit"
LOW = "engLow"
HIGH = "engHigh"
DESCRIPTION = "documentation"

ORIGIN = "origin"
"""String: real, simulated or replayed (edge_agent.sparkplug.origin). Absent means real."""

SOURCE = "source"
"""String: address at the source, e.g. 'nsu=urn:x;s=MIX-10.flow' or 'shellies/em/events/rpc#/params/em:0/a_voltage'."""

REPORT = "report"
"""String: the report rule as compact JSON (edge_agent.report), so that anyone can check what was suppressed."""

SUB_MS = "ns"
"""UInt32: nanoseconds to add to the metric's millisecond timestamp, 1..999999; absent means 0."""
