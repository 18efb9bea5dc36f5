"""Load forecast of a steel plant: a quarter of an hour ahead, or the whole next day at midnight."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import holidays
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from analytics.benchmarks import columns
from analytics.benchmarks.benchmark import Case, Comparison, Scores
from analytics.benchmarks.interval_meter import cut_in_time, intervals
from analytics.energy.forecast import Forecast, Horizon, LoadForecast
from analytics.errors import UnusableInputError

NAME = "steel"
_HORIZONS = {"15min": Horizon.NEXT_INTERVAL, "1d": Horizon.NEXT_DAY}
_COUNTRY = "KR"  # the plant stands in Gwangyang; public holidays are calendar facts


def _case(horizon: str, comparisons: Sequence[Comparison]) -> Case:
    return Case(
        name=f"steel {horizon}",
        predict=["--train", "{scratch}/train.csv", "--data", "{scratch}/data.csv", "--horizon", horizon],
        truth=["{scratch}/data.csv"],
        comparisons=[*comparisons, Comparison("coverage", at_least=0.85, at_most=0.95)],
        prepare=cut_in_time("steel/dev/steel_jan_sep.csv.gz", "2018-08-01"),
        conditions="learnt on January to July, August and September forecast",
    )


CASES = [
    _case("15min", [Comparison("cv_rmse", "%", at_most=32.0, classical="35.2 on October to December")]),
    _case("1d", [Comparison("wape", "%", at_most=33.0, classical="36.1 on October to December")]),
]


def add_predict_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the files and the horizon."""
    parser.add_argument("--train", type=Path, required=True, help="columns: interval_start (local), usage_kwh")
    parser.add_argument("--data", type=Path, required=True, help="what follows on --train, same columns")
    parser.add_argument("--horizon", choices=list(_HORIZONS), required=True, help="next interval, or next day")


def add_score_arguments(parser: argparse.ArgumentParser) -> None:
    """Add nothing."""


def predict(arguments: argparse.Namespace) -> pa.Table:
    """Return the forecast of every interval of --data."""
    start, energy, first = _joined(arguments)
    years = range(int(str(start[0])[:4]), int(str(start[-1])[:4]) + 2)  # the day after the last one may be a holiday
    known = holidays.country_holidays(_COUNTRY, years=years)
    model = LoadForecast(_HORIZONS[arguments.horizon], holidays=set(known), random_state=arguments.seed)
    return _table(start[first:], model.fit(start[:first], energy[:first]).predict(start, energy, first))


def trivial(arguments: argparse.Namespace) -> pa.Table:
    """Return the interval before, or the same one of the week before."""
    start, energy, first = _joined(arguments)
    lag = 1 if arguments.horizon == "15min" else 7 * 96
    same = energy[first - lag : len(energy) - lag]
    return _table(start[first:], Forecast(same, same, same))


def score(predictions: pa.Table, truth: Sequence[Path], arguments: argparse.Namespace) -> Scores:  # noqa: ARG001
    """Return CV(RMSE), WAPE and NMBE in per cent of the mean, and the share of intervals inside q05 to q95."""
    start, energy = intervals(truth[0])
    at = dict(zip(start.astype("datetime64[s]").tolist(), energy.tolist(), strict=True))
    times = np.array(columns.texts(predictions, "interval_start", "predictions"), dtype="datetime64[s]").tolist()
    unknown = [time for time in times if time not in at]
    if unknown:
        raise UnusableInputError(str(truth[0]), f"has no interval {unknown[0]}", "give the file that was forecast")
    actual = np.array([at[time] for time in times])
    forecast, low, high = columns.matrix(predictions, ["forecast", "q05", "q95"], "predictions").T
    error, mean = forecast - actual, float(np.mean(actual))
    return {
        "cv_rmse": 100.0 * float(np.sqrt(np.mean(error**2))) / mean,
        "wape": 100.0 * float(np.sum(np.abs(error)) / np.sum(actual)),
        "nmbe": -100.0 * float(np.mean(error)) / mean,
        "coverage": float(np.mean((low <= actual) & (actual <= high))),
    }


def _joined(arguments: argparse.Namespace) -> tuple[NDArray[np.datetime64], NDArray[np.float64], int]:
    """Both files end to end, and the number of the first row of --data."""
    (before, past), (after, energy) = intervals(arguments.train), intervals(arguments.data)
    step = before[1] - before[0]
    start = np.concatenate([before, after])
    broken = np.flatnonzero(np.diff(start) != step)
    if len(broken):
        row = int(broken[0])
        raise UnusableInputError(
            str(arguments.data if row >= len(before) - 1 else arguments.train),
            f"{start[row + 1]} follows {start[row]}",
            f"intervals of {step} without gaps are needed, --data right after --train",
        )
    return start, np.concatenate([past, energy]), len(before)


def _table(start: NDArray[np.datetime64], forecast: Forecast) -> pa.Table:
    written = [str(time).replace("T", " ") for time in start.astype("datetime64[s]")]
    found = {"interval_start": written, "forecast": forecast.central, "q05": forecast.low, "q95": forecast.high}
    return columns.table(found)
