"""Meters with a known saving: daily baseline of the year before a measure, saving in the year after it."""

import argparse
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from analytics.benchmarks import columns
from analytics.benchmarks.benchmark import Case, Comparison, Scores
from analytics.energy.baseline import Days, EnergyBaseline, complete_days
from analytics.errors import UnusableInputError

NAME = "meters"
_YEAR_DAYS = 365
_SUFFIXES = (".csv", ".csv.gz")


def _case(meter: str) -> Case:
    folder = "{data}/meter_known_savings/dev"
    return Case(
        name=f"meters {meter.removeprefix('il-electricity-').removesuffix('-hourly')}",
        predict=[
            *("--meter", f"{folder}/{meter}.csv.gz", "--temperature", f"{folder}/il-tempF.csv.gz"),
            *("--blackout-start", "2016-12-26", "--blackout-end", "2017-01-04", "--freq", "hourly"),
        ],
        truth=[f"{folder}/truth.json"],
        comparisons=[
            Comparison("covered", at_least=1.0, published="10.6 / 6.4 / 9.3 / 10.4 % found of 10 % on four meters"),
            Comparison("error", "points"),
            Comparison("standard_error", "points", at_most=3.0),
        ],
        conditions="daily change-point baseline of 365 days, 365 days compared, true saving 10 %",
    )


CASES = [_case("il-electricity-cdd-hdd-hourly"), _case("il-electricity-cdd-only-hourly")]


def add_predict_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the files and the time of the measure."""
    parser.add_argument("--meter", type=Path, required=True, help="columns: start (ISO 8601 with zone), value (kWh)")
    parser.add_argument("--temperature", type=Path, required=True, help="columns: dt, and the temperature of the hour")
    parser.add_argument("--blackout-start", type=date.fromisoformat, required=True, help="first day of the measure")
    parser.add_argument("--blackout-end", type=date.fromisoformat, required=True, help="first day after the measure")
    parser.add_argument("--freq", choices=["hourly", "daily"], required=True, help="interval of the meter")


def add_score_arguments(parser: argparse.ArgumentParser) -> None:
    """Add nothing."""


def predict(arguments: argparse.Namespace) -> pa.Table:
    """Return the saving of one meter with its 90 % interval."""
    days = _days(arguments)
    start, end = np.datetime64(arguments.blackout_start, "D"), np.datetime64(arguments.blackout_end, "D")
    baseline = EnergyBaseline().fit(days.between(start - _YEAR_DAYS, start))
    saving = baseline.saving(days.between(end, end + _YEAR_DAYS))
    reasons = [f"no saving may be claimed: {reason}" for reason in baseline.fit_.reasons()]
    found = {
        "meter": [_name(arguments.meter)],
        "saving_pct": [saving.saving_pct],
        "low": [saving.low_pct],
        "high": [saving.high_pct],
        "standard_error": [saving.standard_error_pct],
    }
    return columns.commented(columns.table(found), reasons)


def trivial(arguments: argparse.Namespace) -> pa.Table:
    """Return the plain difference of the two years, without weather and without an interval."""
    days = _days(arguments)
    start, end = np.datetime64(arguments.blackout_start, "D"), np.datetime64(arguments.blackout_end, "D")
    before = float(np.mean(days.between(start - _YEAR_DAYS, start).energy_kwh))
    after = float(np.mean(days.between(end, end + _YEAR_DAYS).energy_kwh))
    saving = 100.0 * (before - after) / before
    found = {"meter": [_name(arguments.meter)], "saving_pct": [saving], "low": [saving], "high": [saving]}
    return columns.table({**found, "standard_error": [0.0]})


def score(predictions: pa.Table, truth: Sequence[Path], arguments: argparse.Namespace) -> Scores:  # noqa: ARG001
    """Return the mean error in points, and the share of meters whose interval holds the truth."""
    known = {key: value for path in truth for key, value in _truth(path).items()}
    found = predictions.to_pylist()
    unknown = [row["meter"] for row in found if row["meter"] not in known]
    if unknown:
        raise UnusableInputError(str(truth[0]), f"has no meter {unknown[0]!r}", f"it has: {', '.join(known)}")
    return {
        "error": float(np.mean([row["saving_pct"] - known[row["meter"]] for row in found])),
        "covered": float(np.mean([row["low"] <= known[row["meter"]] <= row["high"] for row in found])),
        "standard_error": float(np.mean([row["standard_error"] for row in found])),
    }


def _days(arguments: argparse.Namespace) -> Days:
    """Energy and hourly temperatures of the days that have all of both, in the meter's local time."""
    starts, energy = _readings(arguments.meter, "start", "value")
    times, temperature = _readings(arguments.temperature, "dt", None)
    at = dict(zip(_instants(times, arguments.temperature), temperature.tolist(), strict=True))
    if arguments.freq == "hourly":
        matched = [at.get(instant, np.nan) for instant in _instants(starts, arguments.meter)]
        return complete_days(_day(starts), energy, np.array(matched))
    return _spread(_day(starts), energy, _day(times), np.asarray(temperature))


def _spread(
    meter_day: NDArray[np.datetime64],
    energy: NDArray[np.float64],
    hour_day: NDArray[np.datetime64],
    temperature: NDArray[np.float64],
) -> Days:
    """Give each hour of a day its share of the day's energy, so that both kinds of meter take one way."""
    known = dict(zip(meter_day.tolist(), energy.tolist(), strict=True))
    hours = dict(zip(*(part.tolist() for part in np.unique(hour_day, return_counts=True)), strict=True))
    share = [known.get(day, np.nan) / hours[day] for day in hour_day.tolist()]
    return complete_days(hour_day, np.array(share), temperature)


def _readings(path: Path, time: str, value: str | None) -> tuple[list[str], NDArray[np.float64]]:
    table = columns.read(path, texts=[time])
    columns.require(table, [time], path)
    if value is None:
        others = [name for name in table.column_names if name != time]
        if len(others) != 1:
            raise UnusableInputError(str(path), f"has columns {table.column_names}", f"expected {time} and one other")
        value = others[0]
    return columns.texts(table, time, path), columns.numbers(table, value, path)


def _day(times: Sequence[str]) -> NDArray[np.datetime64]:
    """Local day of each time, as its text says it."""
    return np.array([text[:10] for text in times], dtype="datetime64[D]")


def _instants(times: Sequence[str], path: Path) -> list[datetime]:
    """Return the times in UTC; a time without a zone is taken as UTC."""
    instants = []
    for row, text in enumerate(times):
        try:
            found = datetime.fromisoformat(text)
        except ValueError:
            raise UnusableInputError(f"{path}, row {row}", f"{text!r} is no time", "expected ISO 8601") from None
        instants.append(found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC))
    return instants


def _truth(path: Path) -> dict[str, float]:
    """Return the true saving of each meter in per cent."""
    content: Mapping[str, Mapping[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    return {
        name: 100.0 * (1.0 - meter["annual_reporting_total_load"] / meter["annual_baseline_total_load"])
        for name, meter in content.items()
    }


def _name(path: Path) -> str:
    return next(
        (path.name.removesuffix(suffix) for suffix in reversed(_SUFFIXES) if path.name.endswith(suffix)), path.name
    )
