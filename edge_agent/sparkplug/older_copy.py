"""A log file that is an older copy of itself, put back from a backup: noticed before it sends anything, then mended.

Such a log gives numbers again that it gave before, and the host, which has other messages under them, would say that it
has the new ones. So an edge that was just started sends no message before its host has greeted it with the highest
number it ever received. Where that is one that this life of the edge should have given and never sent, everything that
was logged since the file was opened is numbered anew, beyond all that was used. (A file that was put back without its
watermark is noticed when it is opened, see `log_file`.)

What cannot be noticed: a copy that was used without any contact to its host, and then opened again. Its messages have
numbers that this life takes for old ones.
"""

import logging
import sqlite3

from edge_agent.sparkplug.delivery import Acknowledgement
from edge_agent.sparkplug.intervals import IntervalSet
from edge_agent.sparkplug.log_schema import checksum

_LOG = logging.getLogger(__name__)
PATIENCE_S = 5.0
"""A host that does not greet within this time after a birth does not know how, or its greeting was lost."""
_HIGHEST = 1 << 62
"""No log gives so many numbers: an acknowledgement of them is none."""


class Greeting:
    """Waits for the first word of the host, and compares its words with what was sent; for the worker thread alone."""

    def __init__(self, *, needed: bool) -> None:
        self.used_to: int | None = None
        """Highest number that was used and not by this file; None where nothing is wrong."""
        self._heard = not needed
        self._born_s: float | None = None
        self._first_lsn = 0

    def born(self, now_s: float, first_lsn: int) -> None:
        """NBIRTH was sent. It named the lowest number in the log: the host counts those below it as done with."""
        self._born_s = now_s
        self._first_lsn = first_lsn

    def heard(self, now_s: float) -> bool:
        """Whether messages may be sent."""
        if not self._heard and self._born_s is not None and now_s - self._born_s >= PATIENCE_S:
            self._heard = True
        return self._heard

    def believable(self, word: Acknowledgement, opened_lsn: int, next_lsn: int, sent: IntervalSet) -> IntervalSet:
        """Return what of the acknowledged numbers may be deleted.

        Args:
            word: what the host says.
            opened_lsn: next number when the file was opened.
            next_lsn: next number now.
            sent: numbers that were sent, or may have been in an earlier life.
        """
        highest = max((last for _, last in word.stored), default=0)
        highest = max(highest, word.highest or 0)
        if highest >= _HIGHEST:
            _LOG.error("ignored an acknowledgement of message %d: no log has so many", highest)
            return IntervalSet()
        if highest >= max(opened_lsn, self._first_lsn) and highest not in sent:
            _LOG.error(
                "the host has message %d, which this log never sent: an older copy of the log was put back. What was "
                "logged since the start is numbered anew; what the newer file still held is lost", highest,
            )  # fmt: skip
            self.used_to = max(highest, next_lsn - 1)
            self._heard, self._born_s = False, None
            return IntervalSet()
        if word.highest is not None:
            self._heard = True
        return cut(word.stored, next_lsn)


def cut(lsns: IntervalSet, limit: int) -> IntervalSet:
    """Return the numbers from 0 until before `limit`."""
    return IntervalSet((max(first, 0), min(last, limit - 1)) for first, last in lsns if last >= 0 and first < limit)


def renumber(database: sqlite3.Connection, first: int, shift: int) -> None:
    """Add `shift` to the number of every message from `first` on; the caller commits."""
    database.create_function("checksum_of_row", -1, checksum, deterministic=True)
    database.execute(
        "UPDATE message SET lsn = lsn + :shift, checksum = checksum_of_row(lsn + :shift, device_id, is_gap, created_ns,"
        " first_ns, last_ns, n_values, thinned, payload) WHERE lsn >= :first",
        {"first": first, "shift": shift},
    )
