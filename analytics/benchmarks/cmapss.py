"""C-MAPSS turbofans: cycles left after the last cycle of each test unit."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from analytics.benchmarks import columns
from analytics.benchmarks.benchmark import Case, Comparison, Scores
from analytics.errors import UnusableInputError
from analytics.features.cycles import CycleFeatures, Runs
from analytics.prognosis.remaining_life import RemainingLifeRegressor

NAME = "cmapss"

_SETTINGS = [f"set{number}" for number in range(1, 4)]
_SENSORS = [f"s{number}" for number in range(1, 22)]
_RESAMPLINGS = 1000
_EARLY_CYCLES, _LATE_CYCLES = 13.0, 10.0


def _case(subset: str, rmse: float, nasa: float, classical: float) -> Case:
    folder = "{data}/cmapss/dev"
    return Case(
        name=f"cmapss {subset}",
        predict=["--train", f"{folder}/train_{subset}.csv.gz", "--test", f"{folder}/test_{subset}.csv.gz"],
        truth=[f"{folder}/RUL_{subset}.csv"],
        comparisons=[
            Comparison("rmse", "cycles", at_most=rmse, classical=f"{classical} (gradient boosting)"),
            Comparison("nasa_score", at_most=nasa),
            Comparison("coverage", at_least=0.85, at_most=0.95),
            Comparison("seconds", "s", at_most=15.0),
        ],
        conditions="last cycle of each test unit; truth, prediction and NASA score capped at 125 cycles",
    )


CASES = [_case("FD001", 10.8, 170.0, 11.19), _case("FD003", 9.0, 160.0, 9.15)]


def add_predict_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the files of one subset."""
    parser.add_argument("--train", type=Path, required=True, help="units that ran to their end: unit, cycle, set*, s*")
    parser.add_argument("--test", type=Path, required=True, help="units that were stopped before, same columns")
    parser.add_argument("--cap", type=float, default=125.0, help="longest remaining life, cycles (default: 125)")


def add_score_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the cap."""
    parser.add_argument("--cap", type=float, default=125.0, help="longest remaining life, cycles (default: 125)")


def predict(arguments: argparse.Namespace) -> pa.Table:
    """Return the cycles left of each test unit, with bounds of 90 %."""
    train, test = _read(arguments.train), _read(arguments.test)
    features = CycleFeatures().fit(train)
    regressor = RemainingLifeRegressor(cap=arguments.cap, random_state=arguments.seed)
    regressor.fit(features.transform(train), train.remaining(), train.unit)
    last = [each.stop - 1 for each in test.slices()]
    asked = features.transform(test)[last]
    low, high = regressor.predict_interval(asked)
    return columns.table({"unit": test.unit[last], "rul": regressor.predict(asked), "rul_low": low, "rul_high": high})


def trivial(arguments: argparse.Namespace) -> pa.Table:
    """Return for each unit the mean life of the training units, less its age."""
    train, test = _read(arguments.train), _read(arguments.test)
    mean = float(np.mean([each.stop - each.start for each in train.slices()]))
    ages = np.array([each.stop - each.start for each in test.slices()])
    rul = np.clip(mean - ages, 0.0, arguments.cap)
    unit = test.unit[[each.stop - 1 for each in test.slices()]]
    return columns.table({"unit": unit, "rul": rul, "rul_low": np.zeros(len(rul)), "rul_high": rul})


def score(predictions: pa.Table, truth: Sequence[Path], arguments: argparse.Namespace) -> Scores:
    """Return RMSE with the 90 % range of its bootstrap over units, the NASA score and the coverage.

    The NASA score is the sum of exp(-d/13)-1 for early and exp(d/10)-1 for late predictions: Saxena, Goebel, Simon and
    Eklund, "Damage propagation modeling for aircraft engine run-to-failure simulation", PHM 2008, equation 11.
    """
    if len(truth) != 1:
        raise UnusableInputError("--truth", f"{len(truth)} files", "expected one with unit and RUL")
    right = _lives(columns.read(truth[0]), "RUL", truth[0])
    found = {name: _lives(predictions, name, Path("predictions")) for name in ("rul", "rul_low", "rul_high")}
    if right.keys() != found["rul"].keys():
        odd = sorted(right.keys() ^ found["rul"].keys())
        raise UnusableInputError("predictions", f"unit {odd[0]} is only in one of the two files", f"see {truth[0]}")
    true, rul, low, high = (
        np.minimum(np.array([values[unit] for unit in right]), arguments.cap) for values in (right, *found.values())
    )
    error = rul - true
    resampled = np.random.default_rng(0).integers(0, len(error), (_RESAMPLINGS, len(error)))
    spread = np.sqrt((error[resampled] ** 2).mean(axis=1))
    return {
        "rmse": float(np.sqrt((error**2).mean())),
        "rmse_bootstrap_low": float(np.quantile(spread, 0.05)),
        "rmse_bootstrap_high": float(np.quantile(spread, 0.95)),
        "nasa_score": float(np.expm1(np.where(error < 0.0, -error / _EARLY_CYCLES, error / _LATE_CYCLES)).sum()),
        "coverage": float(((low <= true) & (true <= high)).mean()),
    }


def _read(path: Path) -> Runs:
    table = columns.read(path)
    unit, cycle = (columns.numbers(table, name, path) for name in ("unit", "cycle"))
    order = np.lexsort((cycle, unit))
    settings, sensors = (columns.matrix(table, names, path)[order] for names in (_SETTINGS, _SENSORS))
    return Runs(unit[order].astype(np.int64), settings, sensors)


def _lives(table: pa.Table, name: str, place: Path) -> dict[int, float]:
    units: NDArray[np.float64] = columns.numbers(table, "unit", place)
    return dict(zip(units.astype(int).tolist(), columns.numbers(table, name, place).tolist(), strict=True))
