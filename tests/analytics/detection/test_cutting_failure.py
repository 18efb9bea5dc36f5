"""Limits of a milling process and the wear of its tool."""

import numpy as np
import pytest
from numpy.typing import NDArray

from analytics.detection.cutting_failure import CuttingFailureClassifier, example
from analytics.errors import NotEnoughDataError, UnusableInputError

#              air_k  process_k  rpm     torque_nm  wear  limit
NORMAL = [300.0, 310.0, 1500.0, 40.0, 50.0, 11_000.0]
HOT = [303.0, 311.0, 1300.0, 40.0, 50.0, 11_000.0]
WEAK = [300.0, 310.0, 1500.0, 20.0, 50.0, 11_000.0]
OVERSTRAINED = [300.0, 310.0, 1500.0, 60.0, 200.0, 11_000.0]


@pytest.fixture(scope="module")
def model() -> CuttingFailureClassifier:
    _, rows, _ = example()
    known = np.concatenate([rows, np.repeat([HOT, WEAK], 20, axis=0)])
    power = known[:, 3] * known[:, 2] * 2.0 * np.pi / 60.0
    hot = (known[:, 1] - known[:, 0] < 8.6) & (known[:, 2] < 1380.0)
    failed = hot | (power < 3500.0) | (power > 9000.0) | (known[:, 3] * known[:, 4] > 11_000.0)
    return CuttingFailureClassifier().fit(known, failed.astype(np.int64))


@pytest.mark.parametrize(("row", "fails"), [(NORMAL, 0), (HOT, 1), (WEAK, 1), (OVERSTRAINED, 1)])
def test_each_limit_is_a_failure(model: CuttingFailureClassifier, row: list[float], fails: int) -> None:
    """A row that breaks a limit is told as a failure, a normal one is not."""
    assert model.predict(np.array([row]))[0] == fails


def test_a_rule_that_proved_wrong_is_not_believed() -> None:
    """Where rows beyond a limit did not fail while learning, the limit alone is no failure."""
    _, rows, _ = example()
    model = CuttingFailureClassifier().fit(rows, np.zeros(len(rows), dtype=np.int64))
    assert model.predict(np.array([OVERSTRAINED]))[0] == 0


def test_wear_adds_a_hazard_that_was_learnt() -> None:
    """A tool as worn as those that failed is more probable to fail than a fresh one."""
    rows = np.tile(NORMAL, (2000, 1))
    rows[:, 4] = np.arange(2000) % 250
    failed: NDArray[np.int64] = ((rows[:, 4] > 220) & (np.arange(2000) % 3 == 0)).astype(np.int64)
    model = CuttingFailureClassifier().fit(rows, failed)
    fresh, worn = model.predict_proba(rows[[50, 240]])[:, 1]
    assert worn > 5 * fresh


def test_rows_are_judged_one_by_one(model: CuttingFailureClassifier) -> None:
    """The answer to a row does not depend on the rows that stand around it."""
    _, rows, _ = example()
    together = model.predict_proba(rows[:50])
    alone = np.concatenate([model.predict_proba(row[None, :]) for row in rows[:50]])
    assert np.array_equal(together, alone)


def test_a_missing_value_and_too_few_rows_are_refused(model: CuttingFailureClassifier) -> None:
    """An empty cell names its column and row, and less than a hundred rows are too few."""
    holed = np.array([NORMAL, NORMAL])
    holed[1, 3] = np.nan
    with pytest.raises(UnusableInputError, match="torque_nm is missing in row 1"):
        model.predict(holed)
    with pytest.raises(NotEnoughDataError, match="at least 100"):
        CuttingFailureClassifier().fit(np.array([NORMAL]), np.array([0]))
