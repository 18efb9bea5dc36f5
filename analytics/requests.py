"""What operators ask of alarms: one small file a request, which the live process takes at its next cycle.

Files, because whoever may write into the data folder may run analytics anyway: no port is opened, no password needed.
"""

import json
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from analytics.cycle import Cycle
from analytics.errors import UnusableInputError

_NS_PER_H = 3_600_000_000_000


class _Request(BaseModel):
    """One request; `until_ns` counts for shelve, 0 takes the alarm off the shelf."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    action: Literal["acknowledge", "shelve"]
    unit_id: str = Field(min_length=1)
    quantity: str = Field(min_length=1)
    until_ns: int = Field(default=0, ge=0)


def leave_request(folder: Path, action: str, alarm: str, hours: float, now_ns: int) -> None:
    """Write a request.

    Args:
        folder: where the live process looks.
        action: `acknowledge` or `shelve`.
        alarm: work unit and quantity, `MIX-10.anomaly`.
        hours: how long it is shelved; 0 = no more.
        now_ns: UTC nanoseconds.

    Raises UnusableInputError for what is no request, OSError where it cannot be written.
    """
    unit_id, _, quantity = alarm.rpartition(".")
    until_ns = now_ns + round(hours * _NS_PER_H) if action == "shelve" and hours > 0 else 0
    try:
        request = _Request.model_validate(
            {"action": action, "unit_id": unit_id, "quantity": quantity, "until_ns": until_ns}
        )
    except ValidationError:
        raise UnusableInputError(
            f"alarm {alarm!r}", "is no alarm", "name work unit and quantity, e.g. MIX-10.anomaly"
        ) from None
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / f"{now_ns:020}-{secrets.token_hex(4)}.partial"
    partial.write_text(request.model_dump_json(), encoding="utf-8")
    partial.replace(partial.with_suffix(".json"))


def take_requests(folder: Path, cycle: Cycle) -> Iterator[str]:
    """Do what was asked, in order, and delete it; yields what was done, or why not."""
    for path in sorted(folder.glob("*.json")):
        try:
            request = _Request.model_validate(_read(path))
        except (OSError, ValueError) as error:
            path.unlink(missing_ok=True)
            yield f"{path} is no request: {error}"
            continue
        path.unlink(missing_ok=True)
        if request.action == "acknowledge":
            done = cycle.acknowledge(request.unit_id, request.quantity)
        else:
            done = cycle.shelve(request.unit_id, request.quantity, request.until_ns)
        what = f"{request.action} {request.unit_id}.{request.quantity}"
        yield what if done else f"{what}: there is no such alarm"


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))
