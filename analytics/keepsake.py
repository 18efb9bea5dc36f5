"""Alarms over a restart: a small JSON file, written whole or not at all, and what operators ask of them."""

import json
import logging
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from analytics.alarms import Alarm

_LOG = logging.getLogger(__name__)
FORMAT = "showroom-alarm-states/1"


class Keepsake:
    """The file; a damaged one is said and begun anew, because alarms come back by themselves while they hold."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._saved: dict[tuple[str, str], Alarm] = {}

    def load(self) -> dict[tuple[str, str], Alarm]:
        """Return the alarms as they were, by unit and quantity."""
        try:
            content = json.loads(self._path.read_text(encoding="utf-8"))
            if content["format"] != FORMAT:
                raise ValueError(f"format {content['format']!r}")
            self._saved = {(str(one.pop("unit")), str(one.pop("quantity"))): Alarm(**one) for one in content["alarms"]}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            _LOG.warning("%s cannot be used (%s); alarms begin anew", self._path, error)
            return {}
        return dict(self._saved)

    def save(self, alarms: Mapping[tuple[str, str], Alarm]) -> None:
        """Write the alarms where they changed; what cannot be written is said once a change."""
        if alarms == self._saved:
            return
        self._saved = dict(alarms)
        rows = [{"unit": unit, "quantity": quantity} | asdict(alarm) for (unit, quantity), alarm in self._saved.items()]
        partial = self._path.with_suffix(".partial")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            partial.write_text(json.dumps({"format": FORMAT, "alarms": rows}, indent=1), encoding="utf-8")
            partial.replace(self._path)
        except OSError as error:
            _LOG.warning("%s cannot be written: %s", self._path, error)
