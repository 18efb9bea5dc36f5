"""Values that no message can carry, kept in a file beside the log for people to look at."""

import base64
import json
from pathlib import Path

from edge_agent.sparkplug.delivery import Gap
from edge_agent.sparkplug.encoder import Refused

MAX_FILE_BYTES = 100_000_000


class QuarantineFile:
    """One JSON object a line: time_ns, device_id, metric, datatype, quality, reason, and value or value_base64."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.count = 0

    def put(self, refused: Refused) -> None:
        """Append one value; raises OSError. Beyond MAX_FILE_BYTES the value itself is left out."""
        declaration = refused.line.declaration
        entry: dict[str, object] = {
            "time_ns": refused.time_ns,
            "device_id": declaration.device_id,
            "metric": declaration.metric,
            "datatype": declaration.datatype.name,
            "quality": int(refused.quality),
            "reason": refused.reason,
        }
        size = self.path.stat().st_size if self.path.exists() else 0
        if size < MAX_FILE_BYTES:
            if isinstance(refused.value, bytes):
                entry["value_base64"] = base64.b64encode(refused.value).decode()
            else:
                entry["value"] = refused.value
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")
        self.count += 1


def quarantine_path(log: Path) -> Path:
    """Return where the quarantine of a log lies."""
    return log.with_name(log.name + ".quarantine.jsonl")


def quarantine_gap(refused: Refused) -> Gap:
    """Return the record that declares the value missing."""
    declaration = refused.line.declaration
    return Gap(declaration.device_id, declaration.metric, refused.time_ns, refused.time_ns, 1, "quarantined_at_edge")
