"""Checks that every model passes, generated from analytics.models.MODELS."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skops.io
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, clone

from analytics.errors import AnalyticsError, UnusableInputError
from analytics.models import MODELS, example, load_model, save_model

ANSWERS = ("predict", "predict_proba", "score_samples", "decision_function", "transform")

pytestmark = pytest.mark.parametrize("module", MODELS)


def trained(module: str) -> tuple[Any, Any, Any]:
    model, inputs, outcome = example(module)
    return fit(model, inputs, outcome), inputs, outcome


def fit(model: Any, inputs: Any, outcome: Any) -> Any:
    return model.fit(inputs) if outcome is None else model.fit(inputs, outcome)


def answers(model: Any, inputs: Any) -> dict[str, NDArray[Any]]:
    found = {name: np.asarray(getattr(model, name)(inputs)) for name in ANSWERS if hasattr(model, name)}
    assert found, "a model answers by one of: " + ", ".join(ANSWERS)
    return found


def equal(one: dict[str, NDArray[Any]], other: dict[str, NDArray[Any]]) -> bool:
    if one.keys() != other.keys():
        return False
    pairs = [(one[name], other[name]) for name in one]
    return all(np.array_equal(left, right, equal_nan=left.dtype.kind == "f") for left, right in pairs)


def test_fit_learns_without_changing_what_it_is_given(module: str) -> None:
    """Fitting returns the model itself, keeps its parameters, and neither X nor y is changed."""
    model, inputs, outcome = example(module)
    parameters = clone(model).get_params()
    copies = np.array(inputs, copy=True), np.array(outcome, copy=True)
    assert isinstance(model, BaseEstimator)
    assert fit(model, inputs, outcome) is model
    answers(model, inputs)
    assert repr(model.get_params()) == repr(parameters)
    assert np.array_equal(np.asarray(inputs), copies[0])
    assert outcome is None or np.array_equal(np.asarray(outcome), copies[1])


def test_one_answer_for_each_row(module: str) -> None:
    """Every answer has as many rows as the input, whatever number that is."""
    model, inputs, _ = trained(module)
    for rows in (len(inputs), 1):
        assert {len(answer) for answer in answers(model, inputs[:rows]).values()} == {rows}


def test_equal_data_give_equal_models(module: str) -> None:
    """Two models of the same parameters and data answer bit for bit the same."""
    model, inputs, outcome = trained(module)
    again = fit(clone(model), inputs, outcome)
    assert equal(answers(model, inputs), answers(again, inputs))


def test_a_saved_model_answers_as_before(module: str, tmp_path: Path) -> None:
    """Through a skops file and back nothing of an answer changes, and strange types in a file are refused."""
    model, inputs, _ = trained(module)
    save_model(model, tmp_path / "model.skops")
    assert equal(answers(load_model(tmp_path / "model.skops"), inputs), answers(model, inputs))
    skops.io.dump(StrangeError("x"), tmp_path / "strange.skops")
    with pytest.raises(UnusableInputError, match="StrangeError"):
        load_model(tmp_path / "strange.skops")


def test_too_little_data_is_refused_in_words(module: str) -> None:
    """One row, and none, is too little for any model: an error that says what would be enough."""
    model, inputs, outcome = example(module)
    for rows in (0, 1):
        with pytest.raises((AnalyticsError, ValueError), match=r"(?i)row|sample|window|least|few|need"):
            fit(clone(model), inputs[:rows], None if outcome is None else outcome[:rows])


def test_what_is_missing_is_refused_or_stays_missing(module: str) -> None:
    """A row of NaN is refused in words, or its answer is NaN or `unknown`: never a number made of nothing."""
    model, inputs, _ = trained(module)
    holed = np.array(inputs[:3], dtype=np.float64, copy=True)
    holed[1] = np.nan
    try:
        found = answers(model, holed)
    except (AnalyticsError, ValueError):
        return
    for answer in found.values():
        middle = np.atleast_1d(answer[1])
        assert np.isnan(middle).all() if middle.dtype.kind == "f" else (middle == "unknown").all()


class StrangeError(Exception):
    """A type that no model file may hold."""
