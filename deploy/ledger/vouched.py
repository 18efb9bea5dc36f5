"""Stored rows that nobody offered because nothing changed: values that a source vouched for, repeated by rule. Pure."""

import numpy as np
from numpy.typing import NDArray

from deploy.ledger.account import Offered, Stored, same_value
from deploy.ledger.match import TIE_BREAK_NS
from deploy.ledger.rule import Rule


def find_vouched(
    rule: Rule, offered: Offered, stored: Stored, *, single: bool = False
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Find repeated rows; returns them, and the offered row that each repeats, both ascending.

    With `max_interval_s` a row may be stored at a time at which none was offered, where it has value and quality of the
    last row offered before, and the last row stored before is at least that interval old. Both inputs ascend by time.
    """
    rows = np.arange(len(stored))
    partner = np.searchsorted(offered.time_ns, stored.time_ns, side="right") - 1
    known = (partner >= 0) & bool(rule.max_interval_s)
    rows, partner = rows[known], partner[known]
    time_ns = stored.time_ns[rows]
    before_ns = np.where(rows > 0, stored.time_ns[rows - 1], offered.time_ns[partner])
    alike = time_ns - offered.time_ns[partner] > TIE_BREAK_NS
    alike &= time_ns - before_ns >= round(rule.max_interval_s * 1e9) - TIE_BREAK_NS
    alike &= offered.quality[partner] == stored.quality[rows]
    alike &= same_value(offered.values, partner, stored.values, rows, single=single)
    return rows[alike], partner[alike]


def offer_again(offered: Offered, partner: NDArray[np.intp], time_ns: NDArray[np.int64]) -> Offered:
    """Insert copies of offered rows at later times, so that they are rows that the rule compares the next ones with."""
    again = offered.take(np.concatenate([np.arange(len(offered)), partner]))
    again.time_ns[len(offered) :] = time_ns
    return again.take(np.argsort(again.time_ns, kind="stable"))
