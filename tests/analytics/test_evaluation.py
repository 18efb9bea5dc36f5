"""Assessing and scoring a real simulated run: what was hidden is found, and what is said of it is scored right."""

import json
from pathlib import Path

import pytest

from analytics.assessor import Assessor
from analytics.errors import AnalyticsError, UnusableInputError
from analytics.evaluation import plan as plans
from analytics.evaluation.__main__ import main
from analytics.evaluation.plan import Plan
from analytics.evaluation.runs import make_run
from analytics.evaluation.score import Found, RunScore, score_run
from analytics.evaluation.table import alpha_lambda, coverage, figures, page
from analytics.evaluation.truth import read_truth
from analytics.evaluation.work import run_folder
from analytics.machines import shipped
from analytics.recorded import read_run

_DAY_NS = 86_400_000_000_000


@pytest.fixture(scope="session")
def short_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A day and a half of the line; on the second morning a phase of the tunnel's heaters opens."""
    folder = tmp_path_factory.mktemp("runs") / "short"
    return make_run(folder, 1.4, 3, ("tunnel_heater_phase_open@1.2",))


@pytest.fixture(scope="session")
def learnt(short_run: Path) -> Assessor:
    """What the first day teaches."""
    window = read_run(short_run, shipped().signals())
    first = int(window.time_ns[0])
    return Assessor(shipped()).fit(window.between(first, first + _DAY_NS))


def test_a_hidden_fault_is_found_named_and_scored(short_run: Path, learnt: Assessor) -> None:
    """The open phase is named within minutes of its onset, and not before."""
    course = learnt.course(read_run(short_run, shipped().signals()))
    score = score_run("short", course, read_truth(short_run), plans.shipped())
    (found,) = score.found
    assert found.fault == "tunnel_heater_phase_open"
    assert found.right
    assert found.named_h is not None
    assert found.named_h <= 0.1
    assert "SHR-60" not in {each.unit for each in score.false}


def test_assess_needs_no_truth_and_gives_the_same_without_it(short_run: Path, tmp_path: Path) -> None:
    """`assess` writes the same file for a folder from which the truth was taken."""
    bare = tmp_path / "bare"
    bare.mkdir()
    (bare / "signals.parquet").write_bytes((short_run / "signals.parquet").read_bytes())
    for name, folder in (("with", short_run), ("without", bare)):
        arguments = ["assess", str(folder), "--learn-days", "1", "--out", str(tmp_path / f"{name}.json")]
        assert main(arguments) == 0
    assert (tmp_path / "with.json").read_bytes() == (tmp_path / "without.json").read_bytes()
    told = json.loads((tmp_path / "with.json").read_text(encoding="utf-8"))
    assert [each["cause"] for each in told["findings"] if each["unit"] == "SHR-60"] == ["heater_phase_open"]
    assert len(told["units"]) == len(shipped().machines)


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`assess` of an empty folder ends with a line that names it."""
    assert main(["assess", str(tmp_path), "--out", str(tmp_path / "x.json")]) == 2
    assert "signals.parquet" in capsys.readouterr().err
    with pytest.raises(UnusableInputError):
        read_truth(tmp_path)


def test_a_simulation_that_fails_is_told(tmp_path: Path) -> None:
    """A fault that does not exist ends the making of a run with its reason."""
    with pytest.raises(AnalyticsError, match="no_such_fault"):
        make_run(tmp_path / "run", 0.1, 1, ("no_such_fault@0",))


def test_every_fault_of_the_plans_is_expected() -> None:
    """Nothing is simulated of which nobody says what is right."""
    evaluation = plans.shipped()
    kinds = {each.id for each in shipped().machines}
    for plan in evaluation.plans:
        for faults in (plan.faults, *plan.variants):
            for fault in faults:
                assert evaluation.expectation(fault.partition("@")[0]) is not None, fault
    for expected in evaluation.expected:
        assert {expected.unit, *expected.touches} - {""} <= kinds, expected.fault


def test_other_faults_make_another_folder(tmp_path: Path) -> None:
    """A run is used again only for the same plan."""
    one, two = Plan(name="p", days=1.0), Plan(name="p", days=1.0, faults=("dry_chain@1",))
    assert run_folder(tmp_path, one, 1) != run_folder(tmp_path, two, 1)
    assert run_folder(tmp_path, one, 1) == run_folder(tmp_path, Plan(name="p", days=1.0), 1)


def _found(**more: object) -> Found:
    base = {"fault": "dry_chain", "seed": 1, "days": 20.0, "failed": True}
    return Found(**{**base, **more})  # type: ignore[arg-type]


def test_figures_count_what_was_missed() -> None:
    """One of two faults found, one of one named wrong, one false alarm in two weeks."""
    score = RunScore("p", 1, unit_weeks=2.0)
    score.found = [_found(found_h=5.0, cause="unknown", right=False), _found()]
    values = {each.name: (each.value, each.met) for each in figures([score], plans.shipped())}
    assert values["found_before_failure"] == (0.5, False)
    assert values["diagnosis_right"] == (0.0, False)
    assert values["false_alarms_per_healthy_week"] == (0.0, True)
    text = page([score], plans.shipped(), "Two made-up runs.")
    assert "not found (1)" in text


def test_lives_are_compared_with_the_truth() -> None:
    """Coverage counts intervals that hold the truth; alpha-lambda the medians within a fifth of it."""
    found = _found(lives=((0.5, 100.0, 80.0, 110.0, 140.0), (0.75, 50.0, 60.0, 70.0, 80.0)))
    assert coverage([found]) == 0.5
    assert alpha_lambda([found], 0.5) == 1.0
    assert alpha_lambda([found], 0.75) == 0.0
