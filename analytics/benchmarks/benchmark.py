"""What a benchmark is: a module of this package with a name, a prediction and a score."""

import argparse
import importlib
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Protocol, runtime_checkable

import pyarrow as pa

from analytics.benchmarks.columns import Prediction
from analytics.errors import UnusableInputError

Scores = Mapping[str, float | Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class Comparison:
    """What one score of a benchmark is compared with.

    Attributes:
        key: of the scores; `seconds` is how long the prediction took, training included.
        unit: of the value, empty where it has none.
        at_least, at_most: the target; both None where a figure is only reported.
        classical, published: best known figures of simple methods and of the literature, in words; empty if unknown.
    """

    key: str
    unit: str = ""
    at_least: float | None = None
    at_most: float | None = None
    classical: str = ""
    published: str = ""

    @property
    def target(self) -> str | None:
        """The target in words."""
        limits = ((">=", self.at_least), ("<=", self.at_most))
        bounds = [f"{sign} {limit:g}" for sign, limit in limits if limit is not None]
        return f"{' and '.join(bounds)} {self.unit}".rstrip() if bounds else None

    def met(self, value: float) -> bool | None:
        """Return whether a value meets the target, None where there is none; NaN meets nothing."""
        if self.target is None:
            return None
        return (self.at_least is None or value >= self.at_least) and (self.at_most is None or value <= self.at_most)


@dataclass(frozen=True, slots=True)
class Case:
    """One prediction and its score on the files that belong to the authors.

    In the arguments `{data}` stands for the folder of the recordings and `{scratch}` for a folder of this case alone.

    Attributes:
        name: what the table calls it, e.g. `hrss standard`.
        predict: arguments of the prediction, without --out.
        truth: files that the score reads.
        comparisons: the rows of the table.
        score: further arguments of the score.
        prepare: cuts files into the scratch folder: (folder of the recordings, scratch folder).
        conditions: what was measured, in words.
    """

    name: str
    predict: Sequence[str]
    truth: Sequence[str]
    comparisons: Sequence[Comparison]
    score: Sequence[str] = ()
    prepare: Callable[[Path, Path], None] | None = None
    conditions: str = ""


@runtime_checkable
class Benchmark(Protocol):
    """A module of this package; its file name is NAME with `_` for `-`.

    Everything that learns or judges lies in the folders beside this package: a benchmark reads columns, calls it, and
    names the columns of the result.
    """

    NAME: str
    CASES: Sequence[Case]

    def add_predict_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the arguments of `predict`; --out and --seed are there already."""

    def add_score_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add arguments of `score`; --predictions, --truth and --json are there already."""

    def predict(self, arguments: argparse.Namespace) -> Prediction:
        """Return the predictions; never opens a truth file and never looks at a label column."""

    def trivial(self, arguments: argparse.Namespace) -> Prediction:
        """Return, from the same arguments, what needs no method, e.g. an alarm on every row."""

    def score(self, predictions: pa.Table, truth: Sequence[Path], arguments: argparse.Namespace) -> Scores:
        """Return the scores by key; NaN where one cannot be given."""


def load(name: str) -> Benchmark:
    """Return a benchmark by its name; UnusableInputError where there is none."""
    module_name = f"{__package__}.{name.replace('-', '_')}"
    if name.replace("-", "_") in _modules() and (found := _benchmark(importlib.import_module(module_name))):
        return found
    known = ", ".join(benchmark.NAME for benchmark in load_all())
    raise UnusableInputError("analytics.benchmarks", f"there is no benchmark {name!r}", f"there are: {known}")


def load_all() -> list[Benchmark]:
    """Return every benchmark, by name."""
    modules = (importlib.import_module(f"{__package__}.{name}") for name in _modules() if name != "__main__")
    return sorted((found for module in modules if (found := _benchmark(module))), key=lambda item: item.NAME)


def _modules() -> list[str]:
    return [module.name for module in pkgutil.iter_modules([str(Path(__file__).parent)])]


def _benchmark(module: ModuleType) -> Benchmark | None:
    if not hasattr(module, "NAME"):
        return None
    if not isinstance(module, Benchmark):
        wanted = ", ".join(name for name in Benchmark.__annotations__ | vars(Benchmark) if not name.startswith("_"))
        raise TypeError(f"{module.__name__} has a NAME but is no benchmark; it needs {wanted}")
    return module
