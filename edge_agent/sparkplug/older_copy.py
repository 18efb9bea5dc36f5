"""A log file that is an older copy of itself, put back from a backup: noticed by what the host has stored, then mended.

Such a log gives numbers again that it gave before, and the host, which has stored other messages under them, would say
that it has the new ones. So what was logged since the file was opened is numbered anew, beyond all that was ever used.
Where the copy and its watermark were put back together nothing else tells; a file alone is noticed by its watermark.
"""

import logging
import sqlite3

from edge_agent.sparkplug.intervals import IntervalSet
from edge_agent.sparkplug.log_schema import checksum

_LOG = logging.getLogger(__name__)
_HIGHEST = 1 << 62
"""No log gives so many numbers: an acknowledgement of them is none."""


class OlderCopy:
    """Compares acknowledgements with the numbers that a log gave; used by the worker thread alone."""

    def __init__(self) -> None:
        self.used_to: int | None = None
        """Highest number that was used and not by this file; None where nothing is wrong."""

    def believable(self, stored: IntervalSet, opened_lsn: int, next_lsn: int) -> IntervalSet:
        """Return what of the acknowledged numbers may be deleted.

        Args:
            stored: what the host says.
            opened_lsn: next number when the file was opened.
            next_lsn: next number now.
        """
        highest = max((last for _, last in stored), default=-1)
        if highest >= _HIGHEST:
            _LOG.error("ignored an acknowledgement of message %d: no log has so many", highest)
            return IntervalSet()
        if highest >= next_lsn and self.used_to is None:
            _LOG.error(
                "the host has stored message %d, but this log has given %d numbers only: an older copy of it was put "
                "back. What was logged since the start is numbered anew; what the newer file held is lost",
                highest, next_lsn - 1,
            )  # fmt: skip
            self.used_to = highest
        return cut(stored, next_lsn if self.used_to is None else opened_lsn)


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
