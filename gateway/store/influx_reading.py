"""InfluxQL of the production store: statements over rows and buckets, and their answers as columns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_agent.sparkplug.origin import Origin
from edge_agent.sparkplug.quality import Quality
from gateway.store.base import Kind, Samples, SeriesKey
from gateway.store.downsample import GOOD_QUALITIES, Partials
from gateway.store.influx import InfluxClient, ResultSeries
from gateway.store.influx_names import KEY_TAGS, MEASUREMENT, quote_identifier, rollup_measurement, tags_of
from gateway.store.rollup import Tier

_ROW = '"f","i","b","s","q","origin"'
_AGGREGATES = (
    'min("f") AS fmin,max("f") AS fmax,sum("f") AS fsum,count("f") AS fcount,last("f") AS flast,'
    'min("i") AS imin,max("i") AS imax,sum("i") AS isum,count("i") AS icount,last("i") AS ilast,'
    'count("b") AS bcount,last("b") AS blast,count("s") AS scount,count("q") AS qcount'
)
_COUNTS = 'count("f") AS fcount,count("i") AS icount,count("b") AS bcount,count("s") AS scount,count("q") AS qcount'
_ROLLED = (
    'min("minimum") AS minimum,max("maximum") AS maximum,sum("total") AS total,sum("numbers") AS numbers,'
    'sum("count") AS good,sum("bad") AS bad'
)
_TRUE = ('count("b") AS n', '"b" = true')  # InfluxQL adds up no booleans: the true ones are counted
_UNCERTAIN = ('count("q") AS n', f'"q" = {int(Quality.UNCERTAIN)}')  # rows that have both a value and a quality code
_BY_KEY = ",".join(quote_identifier(tag) for tag in KEY_TAGS)
_EXACT_SUM = 2.0**62
ALL_ROWS = 2**31 - 1


class SumOverflowError(Exception):
    """Integers are so large that the server's 64-bit sum of them may have wrapped."""


@dataclass(frozen=True, slots=True)
class Window:
    """Half-open time window, cut into buckets of `width_ns` that begin at start_ns + k * width_ns; 0 is one bucket."""

    start_ns: int
    end_ns: int
    width_ns: int = 0
    origin_ns: int = 0

    def where(self) -> str:
        """Condition on time; the bounds are integers of ours."""
        return f"time >= {self.start_ns} AND time < {self.end_ns}"

    def group(self) -> str:
        """Clause that makes the buckets."""
        return f"time({self.width_ns}ns,{self.origin_ns % self.width_ns}ns)"


@dataclass(frozen=True, slots=True)
class HourRows:
    """Rollup rows of one series: minutes as partials, and the newest numeric value of each (NaN where none)."""

    minutes: Partials
    last: NDArray[np.float64]


def key_condition(key: SeriesKey, index: int = 0) -> tuple[str, dict[str, str]]:
    """Return the condition that selects a series, and the values of its parameters."""
    tags = tags_of(key)
    text = " AND ".join(f"{quote_identifier(tag)} = ${tag}{index}" for tag in KEY_TAGS)
    return text, {f"{tag}{index}": value for tag, value in tags.items()}


def read_rows(client: InfluxClient, bucket: str, number: int, key: SeriesKey, window: Window, limit: int) -> Samples:
    """Return at most `limit` rows, ascending."""
    condition, values = key_condition(key)
    statement = f"SELECT {_ROW} FROM {MEASUREMENT} WHERE {condition} AND {window.where()} ORDER BY time LIMIT {limit}"  # noqa: S608
    (found,) = client.query([statement], bucket, values)
    return Samples.concatenate([rows_to_samples(one, number) for one in found])


def read_newest(client: InfluxClient, bucket: str, numbers: Mapping[tuple[str, ...], int]) -> Samples:
    """Return the newest row of every series; `numbers` gives series numbers by tag values."""
    statement = f"SELECT {_ROW} FROM {MEASUREMENT} GROUP BY {_BY_KEY} ORDER BY time DESC LIMIT 1"  # noqa: S608
    (found,) = client.query([statement], bucket)
    rows = [rows_to_samples(one, numbers[tags]) for one in found if (tags := _tags(one)) in numbers]
    return Samples.concatenate(rows)


def count_rows(client: InfluxClient, bucket: str, key: SeriesKey, window: Window) -> int:
    """Count rows of a window."""
    condition, values = key_condition(key)
    where = f"FROM {MEASUREMENT} WHERE {condition} AND {window.where()}"
    (found,) = client.query([f"SELECT {_COUNTS} {where}"], bucket, values)
    if not found:
        return 0
    total = sum(found[0].column(name)[0] or 0 for name in ("fcount", "icount", "bcount", "scount", "qcount"))
    if found[0].column("qcount")[0]:
        what, condition = _UNCERTAIN
        (found,) = client.query([f"SELECT {what} {where} AND {condition}"], bucket, values)
        total -= found[0].column("n")[0] if found else 0
    return int(total)


def read_raw_partials(client: InfluxClient, bucket: str, key: SeriesKey, windows: Sequence[Window]) -> list[Partials]:
    """Down-sample raw rows at the server; raises SumOverflowError where its arithmetic does not reach."""
    if not windows:
        return []
    condition, values = key_condition(key)
    partials = []
    for window in windows:
        found = _aggregated(client, bucket, condition, values, window, "")
        partials += [_partials(*one) for one in found.values()]
    return partials


def read_rollup_partials(
    client: InfluxClient, bucket: str, tier: Tier, key: SeriesKey, windows: Sequence[Window]
) -> list[Partials]:
    """Merge rollup rows at the server."""
    if not windows:
        return []
    condition, values = key_condition(key)
    statements = [
        f"SELECT {_ROLLED} FROM {rollup_measurement(tier)} WHERE {condition} AND {window.where()} "  # noqa: S608
        f"GROUP BY {window.group()} fill(none)"
        for window in windows
    ]
    return [
        Partials(
            start_ns=np.array(one.column("time"), np.int64),
            minimum=_floats(one, "minimum"),
            maximum=_floats(one, "maximum"),
            total=np.nan_to_num(_floats(one, "total")),
            numbers=_integers(one, "numbers"),
            count=_integers(one, "good"),
            bad=_integers(one, "bad"),
        )
        for found in client.query(statements, bucket, values)
        for one in found
    ]


def read_minutes(
    client: InfluxClient, bucket: str, keys: Sequence[SeriesKey], window: Window
) -> dict[tuple[str, ...], HourRows]:
    """Compute rollup rows of several series, by tag values; `window` has the width of the tier."""
    conditions: list[str] = []
    values: dict[str, str] = {}
    for index, key in enumerate(keys):
        condition, more = key_condition(key, index)
        conditions.append(f"({condition})")
        values |= more
    found = _aggregated(client, bucket, f"({' OR '.join(conditions)})", values, window, f",{_BY_KEY}")
    return {tags: HourRows(_partials(*one), _last(one[0])) for tags, one in found.items()}


def rows_to_samples(found: ResultSeries, number: int) -> Samples:
    """Turn an answer with the columns of a row into samples."""
    columns = {name: found.column(name) for name in ("time", "f", "i", "b", "s", "q", "origin")}
    count = len(found.rows)
    quality = np.array([Quality.GOOD if code is None else code for code in columns["q"]], np.int16)
    kind = np.zeros(count, np.uint8)
    value = np.full(count, np.nan)
    integer = np.zeros(count, np.int64)
    for name, one in (("f", Kind.FLOAT), ("i", Kind.INTEGER), ("b", Kind.BOOLEAN), ("s", Kind.TEXT)):
        present = np.array([entry is not None for entry in columns[name]], np.bool_)
        if not present.any():
            continue
        kind[present] = one
        entries = [entry for entry in columns[name] if entry is not None]
        if one in (Kind.INTEGER, Kind.BOOLEAN):
            integer[present] = np.array(entries, np.int64)
        if one != Kind.TEXT:
            value[present] = np.array(entries, np.float64)
    bad = ~np.isin(quality, GOOD_QUALITIES)  # a row that was good before it was written again keeps its old value
    kind[bad], value[bad], integer[bad] = Kind.NULL, np.nan, 0
    origins = {origin.label: int(origin) for origin in Origin}
    return Samples(
        series=np.full(count, number, np.int32),
        time_ns=np.array(columns["time"], np.int64),
        kind=kind,
        number=value,
        integer=integer,
        text=columns["s"] if (kind == Kind.TEXT).any() else None,
        quality=quality,
        origin=np.array([origins.get(label, 0) for label in columns["origin"]], np.uint8),
    )


_Aggregated = tuple[ResultSeries, Mapping[int, int], Mapping[int, int]]
"""Aggregates of one series, and by bucket begin the counts of true booleans and of uncertain rows."""


def _aggregated(
    client: InfluxClient, bucket: str, condition: str, values: Mapping[str, str], window: Window, by: str
) -> dict[tuple[str, ...], _Aggregated]:
    """Aggregate raw rows by bucket and, with `by`, by series; asks again only for what is rare."""

    def statement(what: str, more: str = "") -> str:
        return (
            f"SELECT {what} FROM {MEASUREMENT} WHERE {condition} AND {window.where()}{more} "  # noqa: S608
            f"GROUP BY {window.group()}{by} fill(none)"
        )

    (found,) = client.query([statement(_AGGREGATES)], bucket, values)
    rare: list[dict[tuple[str, ...], dict[int, int]]] = []
    for column, (what, more) in (("bcount", _TRUE), ("qcount", _UNCERTAIN)):
        answer: list[ResultSeries] = []
        if any(any(one.column(column)) for one in found):
            (answer,) = client.query([statement(what, f" AND {more}")], bucket, values)
        rare.append({_tags(one): dict(zip(one.column("time"), one.column("n"), strict=True)) for one in answer})
    return {_tags(one): (one, rare[0].get(_tags(one), {}), rare[1].get(_tags(one), {})) for one in found}


def _partials(found: ResultSeries, true: Mapping[int, int], uncertain: Mapping[int, int]) -> Partials:
    start_ns = np.array(found.column("time"), np.int64)
    trues = np.array([true.get(time_ns, 0) for time_ns in start_ns.tolist()], np.int64)
    counts = {name: _integers(found, f"{name}count") for name in "fibsq"}
    imin, imax = _floats(found, "imin"), _floats(found, "imax")
    largest = np.nan_to_num(np.fmax(np.abs(imin), np.abs(imax)))
    if (largest * counts["i"] >= _EXACT_SUM).any():
        raise SumOverflowError
    bmin = np.where(counts["b"] > 0, np.where(trues < counts["b"], 0.0, 1.0), np.nan)
    bmax = np.where(counts["b"] > 0, np.where(trues > 0, 1.0, 0.0), np.nan)
    good = counts["f"] + counts["i"] + counts["b"] + counts["s"]
    return Partials(
        start_ns=start_ns,
        minimum=np.fmin(np.fmin(_floats(found, "fmin"), imin), bmin),
        maximum=np.fmax(np.fmax(_floats(found, "fmax"), imax), bmax),
        total=np.nan_to_num(_floats(found, "fsum")) + np.nan_to_num(_floats(found, "isum")) + trues,
        numbers=counts["f"] + counts["i"] + counts["b"],
        count=good,
        bad=counts["q"] - np.array([uncertain.get(time_ns, 0) for time_ns in start_ns.tolist()], np.int64),
    )


def _last(found: ResultSeries) -> NDArray[np.float64]:
    """Return the newest number of each bucket; where a signal changed its type within it, a float goes first."""
    newest = _floats(found, "flast")
    for name in ("ilast", "blast"):
        newest = np.where(np.isnan(newest), _floats(found, name), newest)
    return newest


def _tags(found: ResultSeries) -> tuple[str, ...]:
    return tuple(found.tags.get(tag, "") for tag in KEY_TAGS)


def _floats(found: ResultSeries, name: str) -> NDArray[np.float64]:
    column: list[Any] = found.column(name)
    return np.array([np.nan if value is None else value for value in column], np.float64)


def _integers(found: ResultSeries, name: str) -> NDArray[np.int64]:
    return np.array([value or 0 for value in found.column(name)], np.int64)
