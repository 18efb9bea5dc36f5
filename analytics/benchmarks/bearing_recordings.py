"""Recordings of bearings in a folder: index.csv, and one .npz file with the waveforms."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import pyarrow as pa
from scipy.signal import resample_poly

from analytics.benchmarks import columns
from analytics.benchmarks.benchmark import Scores
from analytics.diagnosis.bearing_windows import BearingWindow, Verdict, measure
from analytics.errors import UnusableInputError
from analytics.features.bearing import Orders
from analytics.features.spectrum import FloatArray

RATE_HZ = 12_000
WINDOW_S = 0.5
LABELS = ("inner", "outer", "ball", "normal", "unknown")
_ORDER_COLUMNS = {"inner_race": "bpfi_hz", "outer_race": "bpfo_hz", "ball_spin": "bsf_hz", "cage": "ftf_hz"}


@dataclass(frozen=True, slots=True)
class Recording:
    """One row of the index.

    Attributes:
        key: of the waveform.
        place: of the sensor (column `channel`; empty where the index has none).
        shaft_hz: turns a second.
        windows: measurements of each half second in order.
    """

    key: str
    place: str
    shaft_hz: float
    windows: Sequence[BearingWindow]


def read_index(folder: Path) -> pa.Table:
    """Return the index of a folder; keys, labels and channels are text."""
    return columns.read(folder / "index.csv", texts=["key", "fault", "fault_mil", "channel"])


def parse_orders(text: str) -> Orders:
    """Return the orders in `bpfi=5.4152,bpfo=3.5848,bsf=2.3568,ftf=0.3983`, multiples of the shaft frequency."""
    names = {"bpfi": "inner_race", "bpfo": "outer_race", "bsf": "ball_spin", "ftf": "cage"}
    pairs = [part.partition("=")[::2] for part in text.split(",")]
    if sorted(name for name, _ in pairs) != sorted(names):
        raise UnusableInputError("--orders", repr(text), "expected bpfi=,bpfo=,bsf=,ftf= with numbers, each once")
    try:
        values = {names[name]: float(value) for name, value in pairs}
    except ValueError:
        raise UnusableInputError("--orders", repr(text), "expected numbers, multiples of the shaft frequency") from None
    return Orders(**values)


def recordings(folder: Path, index: pa.Table, orders: Orders) -> Iterator[Recording]:
    """Return the recordings of an index, resampled to 12 kHz and measured in windows of half a second.

    The rate must not tell what a recording is: some were sampled at 48 kHz, so every one passes the same 12 kHz.

    Args:
        folder: has one .npz file whose keys are those of the index.
        index: columns key, fs_hz, rpm, scale_g; channel is optional; bpfi_hz, bpfo_hz, bsf_hz and ftf_hz win over
            `orders` in rows that have all four.
        orders: of the bearing in all other rows.

    Raises:
        UnusableInputError: a column, a file or a waveform is missing.
    """
    place = folder / "index.csv"
    keys = columns.texts(index, "key", place)
    rates, rpm, scales = (columns.numbers(index, name, place) for name in ("fs_hz", "rpm", "scale_g"))
    channels = index["channel"].to_pylist() if "channel" in index.column_names else [None] * len(keys)
    hz = _order_columns(index, place)
    files = sorted(folder.glob("*.npz"))
    if len(files) != 1:
        raise UnusableInputError(str(folder), f"{len(files)} .npz files", "expected one, with the keys of index.csv")
    with np.load(files[0]) as waveforms:
        for row, key in enumerate(keys):
            if key not in waveforms:
                raise UnusableInputError(str(files[0]), f"there is no waveform {key!r}", "the index names it")
            shaft_hz = float(rpm[row]) / 60.0
            if not (shaft_hz > 0.0 and rates[row] > 0.0 and np.isfinite(scales[row])):
                raise UnusableInputError(
                    str(place),
                    f"{key}: fs_hz {rates[row]}, rpm {rpm[row]}, scale_g {scales[row]}",
                    "expected all three",
                )
            signal_g = _resampled(waveforms[key].astype(np.float64) * scales[row], float(rates[row]))
            bearing = _own_orders(hz[row], shaft_hz) or orders
            channel = channels[row] or ""
            yield Recording(key, channel, shaft_hz, _windows(signal_g, shaft_hz, bearing, channel))


def as_table(found: Sequence[tuple[str, int, Verdict]], **further: Sequence[str]) -> pa.Table:
    """Return verdicts by key and window in the columns of the interface."""
    return columns.table(
        {
            "key": [key for key, _, _ in found],
            "window": [window for _, window, _ in found],
            "label": [verdict.label for _, _, verdict in found],
            "probability": [verdict.probability for _, _, verdict in found],
            **further,
        }
    )


def score(predictions: pa.Table, truth: Sequence[Path]) -> Scores:
    """Compare labels of windows with the index; `unknown` counts as wrong in `accuracy`."""
    if len(truth) != 1:
        raise UnusableInputError("--truth", f"{len(truth)} files", "expected the index.csv of the recordings")
    index = columns.read(truth[0], texts=["key", "fault", "fault_mil", "channel"])
    known = dict(zip(columns.texts(index, "key", truth[0]), columns.texts(index, "fault", truth[0]), strict=True))
    keys = columns.texts(predictions, "key", "predictions")
    labels = np.array(columns.texts(predictions, "label", "predictions"), dtype=str)
    columns.require(predictions, ["window", "probability"], "predictions")
    strange = sorted(set(labels) - set(LABELS)) + sorted(set(keys) - set(known))
    missing = sorted(set(known) - set(keys))
    if strange or missing:
        raise UnusableInputError(
            "predictions",
            f"unknown {strange[:3]}, missing {missing[:3]}",
            f"expected the keys of {truth[0]} and {LABELS}",
        )
    right_labels = np.array([known[key] for key in keys], dtype=str)
    right = labels == right_labels
    answered = labels != "unknown"
    return {
        "accuracy": float(right.mean()),
        "accuracy_answered": float(right[answered].mean()) if answered.any() else float("nan"),
        "share_answered": float(answered.mean()),
        "per_class": {str(name): float(right[right_labels == name].mean()) for name in np.unique(right_labels)},
    }


def _order_columns(index: pa.Table, place: Path) -> FloatArray:
    """Frequencies of the bearing in each row, float64[n, 4]; NaN where the index has none."""
    names = [name for name in _ORDER_COLUMNS.values() if name in index.column_names]
    if names and len(names) < len(_ORDER_COLUMNS):
        columns.require(index, list(_ORDER_COLUMNS.values()), place)
    return columns.matrix(index, names, place) if names else np.full((index.num_rows, len(_ORDER_COLUMNS)), np.nan)


def _own_orders(hz: FloatArray, shaft_hz: float) -> Orders | None:
    if not np.isfinite(hz).all():
        return None
    return Orders(**dict(zip(_ORDER_COLUMNS, (hz / shaft_hz).tolist(), strict=True)))


def _resampled(signal_g: FloatArray, rate_hz: float) -> FloatArray:
    ratio = Fraction(RATE_HZ / rate_hz).limit_denominator(1000)
    if ratio == 1:
        return signal_g
    return np.asarray(resample_poly(signal_g, ratio.numerator, ratio.denominator), dtype=np.float64)


def _windows(signal_g: FloatArray, shaft_hz: float, orders: Orders, place: str) -> list[BearingWindow]:
    size = round(WINDOW_S * RATE_HZ)
    return [
        measure(signal_g[first : first + size], RATE_HZ, shaft_hz, orders, place)
        for first in range(0, signal_g.size - size + 1, size)
    ]
