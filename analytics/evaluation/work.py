"""One seed of a plan: make its run unless it is there, assess it, score it. Runs in a process of its own."""

from pathlib import Path
from zlib import crc32

from analytics.assessor import Assessor
from analytics.evaluation import plan as plans
from analytics.evaluation.plan import Plan
from analytics.evaluation.runs import make_run
from analytics.evaluation.score import RunScore, score_run
from analytics.evaluation.truth import read_truth
from analytics.machines import shipped
from analytics.recorded import read_run


def run_folder(runs: Path, plan: Plan, seed: int) -> Path:
    """Return where the run of a seed is kept; another length or other faults make another folder."""
    what = f"{plan.days:g} {' '.join(plan.of_seed(seed))}"
    return runs / f"{plan.name}-{seed}-{crc32(what.encode()):08x}"


def score_seed(runs: Path, plan: Plan, seed: int, model: Path) -> RunScore:
    """Score one seed of a plan with what an assessor has learnt.

    Raises AnalyticsError where the simulation fails or its files cannot be read.
    """
    machines = shipped()
    folder = make_run(run_folder(runs, plan, seed), plan.days, seed, plan.of_seed(seed))
    course = Assessor.load(machines, model).course(read_run(folder, machines.signals()))
    return score_run(plan.name, course, read_truth(folder), plans.shipped())
