"""Load of a plant on hourly prices: cost, carbon, and the cheapest schedule of what can be shifted within its day."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from analytics.benchmarks import columns
from analytics.benchmarks.benchmark import Case, Comparison, Scores
from analytics.benchmarks.interval_meter import hourly
from analytics.energy.shifting import shift_load
from analytics.errors import UnusableInputError

NAME = "tariff"

CASES = [
    Case(
        name="tariff",
        predict=[
            *("--load", "{data}/steel/dev/steel_jan_sep.csv.gz"),
            *("--prices", "{data}/energy_context_de2018/dev/de_2018_jan_sep.csv.gz", "--shiftable", "0.15"),
        ],
        truth=["{data}/energy_context_de2018/dev/de_2018_jan_sep.csv.gz"],
        comparisons=[
            Comparison("cost_before_eur", "EUR", at_least=33104.775, at_most=33104.785, published="33,104.78 exact"),
            Comparison("carbon_before_t", "t", at_least=325.35, at_most=325.45, published="325.4 exact"),
            Comparison("cost_after_eur", "EUR", published="optimum of the linear programme"),
            Comparison("cost_saved_pct", "%"),
        ],
        conditions="January to September, load in local Korean time paired by row with German prices",
    )
]


def add_predict_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the files and what may be shifted."""
    parser.add_argument("--load", type=Path, required=True, help="columns: interval_start (local), usage_kwh")
    parser.add_argument("--prices", type=Path, required=True, help="hourly: utc, day_ahead_eur_mwh, co2_g_kwh")
    parser.add_argument("--shiftable", type=float, required=True, help="most of each hour that may move, 0 to 1")
    parser.add_argument("--max-kwh", type=float, help="most of an hour after shifting (default: the load's largest)")


def add_score_arguments(parser: argparse.ArgumentParser) -> None:
    """Add nothing."""


def predict(arguments: argparse.Namespace) -> pa.Table:
    """Return the load before and after shifting, with the totals as comments."""
    hour, load_kwh, price, carbon = _paired(arguments)
    day = hour.astype("datetime64[D]").astype(np.int64)
    try:
        shift = shift_load(load_kwh, price, day, shiftable=arguments.shiftable, max_kwh=arguments.max_kwh)
    except UnusableInputError as error:
        raise UnusableInputError(str(arguments.load), str(error), "mend the input") from None
    return _table(hour, load_kwh, shift.shifted_kwh, price, carbon)


def trivial(arguments: argparse.Namespace) -> pa.Table:
    """Return the load unshifted."""
    hour, load_kwh, price, carbon = _paired(arguments)
    return _table(hour, load_kwh, load_kwh, price, carbon)


def score(predictions: pa.Table, truth: Sequence[Path], arguments: argparse.Namespace) -> Scores:  # noqa: ARG001
    """Return cost and carbon before and after, of the schedule in the predictions at the prices in the truth."""
    price, carbon = (column[: predictions.num_rows] for column in _prices(truth[0]))
    load = columns.numbers(predictions, "load_kwh", "predictions")
    shifted = columns.numbers(predictions, "shifted_kwh", "predictions")
    before, after = float(load @ price), float(shifted @ price)
    return {
        "cost_before_eur": before,
        "cost_after_eur": after,
        "cost_saved_pct": 100.0 * (before - after) / before,
        "carbon_before_t": float(load @ carbon),
        "carbon_after_t": float(shifted @ carbon),
    }


def _table(
    hour: NDArray[np.datetime64],
    load_kwh: NDArray[np.float64],
    shifted_kwh: NDArray[np.float64],
    price: NDArray[np.float64],
    carbon: NDArray[np.float64],
) -> pa.Table:
    totals = [
        f"{name} {when}: {float(energy @ weight):.2f} {unit}"
        for name, weight, unit in (("cost", price, "EUR"), ("carbon", carbon, "t"))
        for when, energy in (("before", load_kwh), ("after", shifted_kwh))
    ]
    starts = [str(start).replace("T", " ") for start in hour.astype("datetime64[s]")]
    found = {"interval_start": starts, "load_kwh": load_kwh, "shifted_kwh": shifted_kwh}
    return columns.commented(columns.table(found), totals)


def _paired(
    arguments: argparse.Namespace,
) -> tuple[NDArray[np.datetime64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Hours, kWh, EUR/kWh and t/kWh, paired by row from the first hour on; hours without a price are left out."""
    hour, load_kwh = hourly(arguments.load)
    price, carbon = _prices(arguments.prices)
    count = min(len(hour), len(price))
    return hour[:count], load_kwh[:count], price[:count], carbon[:count]


def _prices(path: Path) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """EUR/kWh and t/kWh of each hour."""
    table = columns.read(path, texts=["utc"])
    price = columns.numbers(table, "day_ahead_eur_mwh", path) / 1e3
    return price, columns.numbers(table, "co2_g_kwh", path) / 1e6
