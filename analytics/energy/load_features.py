"""What a load forecast may know: past energy of the meter and the calendar, nothing else.

Every feature of an interval uses energy of earlier intervals only; for the day ahead, of earlier days only.
"""

from collections.abc import Callable, Collection
from datetime import date

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_RECENT = (1, 2, 3, 4, 5, 6, 7, 8, 12, 16)
_WINDOWS = (4, 8, 16)
_PROFILE_DAYS = 14
_PROFILE_WEEKS = 4
_RUNNING_SHARE = 0.1
_LIKE_DAYS = 5
_LOOK_BACK_DAYS = 28
_DAY_FEATURES = 12


def next_interval(start: NDArray[np.datetime64], energy: Floats, holidays: Collection[date]) -> Floats:
    """Features of each interval for a forecast made when the one before it has ended.

    Args:
        start: datetime64[s][n], local begin of each interval, without gaps.
        energy: float64[n], energy of each interval; NaN where unknown.
        holidays: local dates on which fewer people work.

    Returns:
        float64[n, features]; NaN where the past does not reach back so far.
    """
    day = intervals_a_day(start)
    week = 7 * day
    neighbours = [lag for cycle in (day, week) for lag in (cycle - 1, cycle, cycle + 1)]
    slot = [_lag(energy, day * count) for count in range(1, _PROFILE_DAYS + 1)]
    before = [_lag(energy, day * count + 1) for count in range(1, _PROFILE_DAYS + 1)]
    profile, usual = _mean(slot), _mean(before)
    weekly = _mean([_lag(energy, week * count) for count in range(1, _PROFILE_WEEKS + 1)])
    last = _lag(energy, 1)
    means = [_rolling(energy, width, np.mean) for width in (*_WINDOWS, day, week)]
    peaks = [_rolling(energy, width, np.max) for width in (_WINDOWS[0], _WINDOWS[-1], day)]
    columns = [_lag(energy, lag) for lag in (*_RECENT, *neighbours)]
    columns += [*means, *peaks, profile, weekly, usual, last - _lag(energy, 2), last - usual, _since_change(energy)]
    return np.column_stack([*columns, *_calendar(start, holidays)])


def next_day(start: NDArray[np.datetime64], energy: Floats, holidays: Collection[date]) -> Floats:
    """Features of each interval for a forecast made at the midnight before its day.

    Arguments and result as of `next_interval`; the first interval begins a day, the last day may be cut.
    """
    per_day = intervals_a_day(start)
    dates = start[::per_day].astype("datetime64[D]")
    table = np.full((len(dates), per_day), np.nan)
    table.flat[: len(energy)] = energy
    weekday, idle = _weekday(dates), _is_idle(dates, holidays)
    parts = [
        _of_day(table, number, weekday, idle) if number else np.full((per_day, _DAY_FEATURES), np.nan)
        for number in range(len(table))
    ]
    around = [np.repeat(_is_idle(dates + shift, holidays), per_day).astype(np.float64) for shift in (-1, 1)]
    of_days = np.column_stack([np.concatenate(parts), *around])[: len(start)]
    return np.column_stack([of_days, *_calendar(start, holidays)])


def intervals_a_day(start: NDArray[np.datetime64]) -> int:
    """Return how many intervals make a day; two intervals at least are given."""
    return int(np.timedelta64(1, "D") / (start[1] - start[0]))


def _of_day(table: Floats, number: int, weekday: NDArray[np.int64], idle: NDArray[np.bool_]) -> Floats:
    """Features of the intervals of one day, float64[intervals, 12], from the days before it."""
    past = np.arange(max(number - _LOOK_BACK_DAYS, 0), number)[::-1]
    like = past[idle[past] == idle[number]][:_LIKE_DAYS]
    same = past[weekday[past] == weekday[number]][:_PROFILE_WEEKS]
    unknown = np.full(table.shape[1], np.nan)
    likeness = np.mean(table[like], axis=0) if len(like) else unknown
    smooth = np.convolve(np.pad(likeness, 2, "edge"), np.full(5, 0.2), "valid")
    profiles = [
        likeness,
        smooth,
        np.median(table[like], axis=0) if len(like) else unknown,
        table[like[0]] if len(like) else unknown,
        np.mean(table[same], axis=0) if len(same) else unknown,
        table[same[0]] if len(same) else unknown,
        table[number - 1],
    ]
    totals = [
        np.mean(table[number - 1, -8:]),
        np.sum(table[number - 1]),
        np.sum(table[same[0]]) if len(same) else np.nan,
        np.sum(table[past[:7]]) / max(len(past[:7]), 1),
        np.sum(likeness),
    ]
    return np.column_stack([*profiles, *(np.full(table.shape[1], total) for total in totals)])


def _calendar(start: NDArray[np.datetime64], holidays: Collection[date]) -> list[Floats]:
    dates = start.astype("datetime64[D]")
    within = (start - dates).astype("timedelta64[s]").astype(np.float64) / 3600.0
    return [within, within % 1.0, _weekday(dates).astype(np.float64), _is_holiday(dates, holidays).astype(np.float64)]


def _weekday(dates: NDArray[np.datetime64]) -> NDArray[np.int64]:
    return np.asarray((dates - np.datetime64("1969-12-29")).astype(np.int64) % 7)


def _is_idle(dates: NDArray[np.datetime64], holidays: Collection[date]) -> NDArray[np.bool_]:
    return np.asarray((_weekday(dates) >= 5) | _is_holiday(dates, holidays))


def _is_holiday(dates: NDArray[np.datetime64], holidays: Collection[date]) -> NDArray[np.bool_]:
    return np.isin(dates, np.array(sorted(holidays), dtype="datetime64[D]"))


def _lag(energy: Floats, count: int) -> Floats:
    shifted = np.full(len(energy), np.nan)
    shifted[count:] = energy[: len(energy) - count]
    return shifted


def _mean(columns: list[Floats]) -> Floats:
    """Mean over what is known; NaN where nothing is."""
    stacked = np.array(columns)
    known = np.isfinite(stacked)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.sum(np.where(known, stacked, 0.0), axis=0) / np.sum(known, axis=0))


def _rolling(energy: Floats, width: int, of: Callable[..., Floats]) -> Floats:
    found = np.full(len(energy), np.nan)
    if len(energy) > width:
        found[width:] = of(sliding_window_view(energy, width), axis=1)[:-1]
    return found


def _since_change(energy: Floats) -> Floats:
    """Intervals since the load last started or stopped, as seen before each interval."""
    with np.errstate(invalid="ignore"):
        peak = np.fmax.accumulate(np.where(np.isfinite(energy), energy, 0.0))
        running = energy > _RUNNING_SHARE * peak
    changed = np.flatnonzero(np.append(True, running[1:] != running[:-1]))
    age = np.arange(len(energy)) - changed[np.searchsorted(changed, np.arange(len(energy)), side="right") - 1]
    return _lag(age.astype(np.float64), 1)
