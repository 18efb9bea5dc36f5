"""Training: learn from history, compare with the champion on a held-back window, register, promote what is better."""

import hashlib
import platform
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata

import numpy as np

from analytics.assessor import Assessor
from analytics.drift import reference
from analytics.errors import AnalyticsError, NotEnoughDataError, UnusableInputError
from analytics.machines import Machines
from analytics.registry import Registry, Version
from analytics.window import Window

_DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Trained:
    """What a training came to: the version, and whether it is in use now."""

    version: Version
    promoted: bool


def train(
    history: Window, machines: Machines, registry: Registry, *, least_days: float, held_back: float, now_ns: int
) -> Trained:
    """Learn from the first part of a history and compare with the champion on the rest.

    Args:
        history: rows of a minute.
        machines: the plant.
        registry: where the version goes.
        least_days: days with data below which nothing is learnt.
        held_back: share of the history, its end, that is not learnt from.
        now_ns: for the metadata.

    Raises NotEnoughDataError for too little data; AnalyticsError from the model.
    """
    history = _with_data(history)
    days = len(history) * history.step_s / _DAY_S
    if days < least_days:
        raise NotEnoughDataError("history", f"{days:.2f} days with data", f"at least {least_days:g} are needed")
    cut_ns = int(history.time_ns[round(len(history) * (1.0 - held_back))])
    learnt, held = history.between(0, cut_ns), history.between(cut_ns, 2**63 - 1)
    challenger = Assessor(machines).fit(learnt)
    scores = score(challenger, held)
    champion = _champion(registry, machines)
    promoted, note = _decide(scores, None if champion is None else score(champion, held))
    version = registry.add(
        Version(
            created_ns=now_ns,
            data_start_ns=int(learnt.time_ns[0]),
            data_end_ns=int(learnt.time_ns[-1]),
            rows=len(learnt),
            features=tuple(sorted(learnt.numbers)),
            scores=scores,
            code_version=code_version(),
            plant=fingerprint(machines),
            note=note,
            reference=reference(learnt, sorted(learnt.numbers)),
        ),
        challenger.save,
    )
    if promoted:
        registry.promote(version.number)
    return Trained(version, promoted)


def score(assessor: Assessor, held: Window) -> dict[str, float]:
    """Judge every row of a held-back window of healthy plant.

    Returns `known`, the share of units and rows that were judged; `alarmed`, the share of those beyond the limit; and
    `fitness` = known x (1 - alarmed), by which champion and challenger are compared. All 0 to 1.
    """
    judged = alarmed = cells = 0
    for unit in assessor.course(held).units.values():
        scores = unit.alarm_scores()
        finite = np.isfinite(scores)
        cells += len(scores)
        judged += int(finite.sum())
        alarmed += int((scores[finite] >= 1.0).sum())
    known = judged / cells if cells else 0.0
    alarms = alarmed / judged if judged else 0.0
    return {"known": round(known, 4), "alarmed": round(alarms, 4), "fitness": round(known * (1.0 - alarms), 4)}


def load_champion(registry: Registry, machines: Machines) -> tuple[Version, Assessor] | None:
    """Return the model in use; None while there is none. Raises UnusableInputError where it cannot be used."""
    number = registry.champion
    if number is None:
        return None
    version = registry.version(number)
    if version.plant != fingerprint(machines):
        raise UnusableInputError(
            f"model {number}", "it was trained for another description of the plant", "train: showroom analytics train"
        )
    return version, Assessor.load(machines, registry.model_file(number))


def fingerprint(machines: Machines) -> str:
    """Return what changes with the description of the plant."""
    return hashlib.sha256(machines.model_dump_json().encode()).hexdigest()[:16]


def code_version() -> str:
    """Return the versions of what trained a model."""
    names = ("smart-factory-showroom", "numpy", "scikit-learn")
    return " ".join([*_versions(names), f"python {platform.python_version()}"])


def describe(version: Version, champion: int | None) -> str:
    """Return one line for people."""
    made = datetime.fromtimestamp(version.created_ns / 1e9, UTC).strftime("%Y-%m-%d %H:%M")
    days = (version.data_end_ns - version.data_start_ns) / 1e9 / _DAY_S
    scores = ", ".join(f"{name} {value:.3f}" for name, value in version.scores.items())
    mark = "*" if version.number == champion else " "
    return f"{mark} {version.number:4}  {made}  {days:5.1f} days  {scores}  {version.note}"


def _champion(registry: Registry, machines: Machines) -> Assessor | None:
    """Return the champion, None where there is none that could still be used."""
    try:
        found = load_champion(registry, machines)
    except AnalyticsError:
        return None  # one that cannot be used is no rival; the note of the new version says so
    return None if found is None else found[1]


def _decide(challenger: dict[str, float], champion: dict[str, float] | None) -> tuple[bool, str]:
    if champion is None:
        return True, "promoted: there was no champion that could be used"
    better = challenger["fitness"] > champion["fitness"]
    figures = f"fitness {challenger['fitness']:.3f} against {champion['fitness']:.3f} on the held-back window"
    return better, f"{'promoted' if better else 'not promoted'}: {figures}"


def _with_data(history: Window) -> Window:
    """Leave out the rows before the first with data, so that an empty past does not count as learnt days."""
    known = np.zeros(len(history), np.bool_)
    for column in history.numbers.values():
        known |= np.isfinite(column)
    if not known.any():
        raise NotEnoughDataError("history", "no row holds a value", "let the line run for some days")
    return history.between(int(history.time_ns[int(np.argmax(known))]), 2**63 - 1)


def _versions(names: tuple[str, ...]) -> Iterator[str]:
    for name in names:
        try:
            yield f"{name} {metadata.version(name)}"
        except metadata.PackageNotFoundError:
            yield f"{name} unknown"
