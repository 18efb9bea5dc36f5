"""`python -m analytics.evaluation assess|evaluate`; `showroom assess` and `showroom evaluate` are the same."""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path

from analytics.assessor import Assessor
from analytics.errors import AnalyticsError, UnusableInputError
from analytics.evaluation import plan as plans
from analytics.evaluation.plan import Evaluation, Plan
from analytics.evaluation.report_run import describe
from analytics.evaluation.runs import make_run
from analytics.evaluation.score import RunScore
from analytics.evaluation.table import figures, page
from analytics.evaluation.work import run_folder, score_seed
from analytics.machines import Machines, load_machines, shipped
from analytics.recorded import read_run

_HISTORY_SEED = 1000
_HISTORY_DAYS = 30.0
_DAY_NS = 86_400_000_000_000


def main(arguments: Sequence[str] | None = None, prog: str = "python -m analytics.evaluation") -> int:
    """Run a command; returns the exit code."""
    parser = argparse.ArgumentParser(prog=prog, description="What is known of simulated runs from their signals.")
    commands = parser.add_subparsers(dest="command", required=True)
    _add_assess(commands.add_parser("assess", help="say of one run what its signals tell; its truth is not opened"))
    _add_evaluate(commands.add_parser("evaluate", help="make runs, assess them, score against their truth"))
    options = parser.parse_args(arguments)
    command: Callable[[argparse.Namespace], int] = options.run
    try:
        return command(options)
    except AnalyticsError as error:
        print(f"{prog}: {error}", file=sys.stderr)
        return 2


def _add_assess(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, metavar="DIR", help="folder that `showroom run` wrote")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.json", help="where to write what was found")
    known = parser.add_mutually_exclusive_group()
    known.add_argument("--history", type=Path, metavar="DIR", help="healthy run from which to learn what is normal")
    known.add_argument("--model", type=Path, metavar="FILE", help="what was learnt before (skops)")
    parser.add_argument(
        "--learn-days", type=float, default=10.0, metavar="D",
        help="without either: learn from the run's own first days, taken as healthy (default: 10)",
    )  # fmt: skip
    parser.add_argument("--machines", type=Path, metavar="FILE", help="machines file (default: the bottling line)")
    parser.set_defaults(run=_assess)


def _add_evaluate(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seeds", required=True, metavar="A-B", help="seeds of the runs, e.g. 1-20")
    parser.add_argument("--plans", nargs="+", metavar="NAME", help="plans of analytics/evaluation/plans.toml; all")
    parser.add_argument("--faults", nargs="+", metavar="ID", help="instead: runs of one fault each, from day 1")
    parser.add_argument("--days", type=float, default=14.0, metavar="D", help="length of runs of one fault")
    parser.add_argument(
        "--runs", type=Path, default=Path("build/evaluation"), metavar="DIR", help="where runs are kept"
    )
    parser.add_argument("--history", type=Path, metavar="DIR", help="healthy run to learn from; made where missing")
    parser.add_argument("--out", type=Path, metavar="FILE.md", help="write the page there")
    parser.add_argument("--workers", type=int, default=2, metavar="N", help="processes (default: 2)")
    parser.add_argument("--only-there", action="store_true", help="score the runs that are there, make no others")
    parser.add_argument("--json", action="store_true", help="print figures as JSON")
    parser.set_defaults(run=_evaluate)


def _assess(options: argparse.Namespace) -> int:
    machines: Machines = load_machines(options.machines) if options.machines is not None else shipped()
    window = read_run(options.folder, machines.signals())
    if options.model is not None:
        assessor = Assessor.load(machines, options.model)
    elif options.history is not None:
        assessor = Assessor(machines).fit(read_run(options.history, machines.signals()))
    else:
        first = int(window.time_ns[0])
        assessor = Assessor(machines).fit(window.between(first, first + round(options.learn_days * _DAY_NS)))
    said = describe(assessor, assessor.course(window))
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(said, indent=1) + "\n", encoding="utf-8")
    print(f"{options.out}: {len(said['findings'])} findings", file=sys.stderr)
    return 0


def _seeds(text: str) -> list[int]:
    first, _, last = text.partition("-")
    try:
        return list(range(int(first), int(last or first) + 1))
    except ValueError as error:
        raise UnusableInputError("--seeds", repr(text), "give A-B, for example 1-20") from error


def _chosen(options: argparse.Namespace, evaluation: Evaluation) -> list[Plan]:
    if options.faults:
        return [Plan(name=f"one-{fault}", days=options.days, faults=(f"{fault}@1.1",)) for fault in options.faults]
    names = options.plans or [each.name for each in evaluation.plans]
    known = {each.name: each for each in evaluation.plans}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise UnusableInputError("--plans", unknown[0], f"known are {', '.join(known)}")
    return [known[name] for name in names]


def _evaluate(options: argparse.Namespace) -> int:
    evaluation, machines, seeds = plans.shipped(), shipped(), _seeds(options.seeds)
    history = options.history or make_run(options.runs / "history", _HISTORY_DAYS, _HISTORY_SEED)
    options.runs.mkdir(parents=True, exist_ok=True)
    model = options.runs / "assessor.skops"
    Assessor(machines).fit(read_run(history, machines.signals())).save(model)
    jobs = [(plan, seed) for plan in _chosen(options, evaluation) for seed in seeds]
    if options.only_there:
        jobs = [
            (plan, seed) for plan, seed in jobs if (run_folder(options.runs, plan, seed) / "manifest.json").exists()
        ]
    scores: list[RunScore] = []
    with ProcessPoolExecutor(options.workers, mp_context=get_context("spawn")) as pool:
        waiting = {pool.submit(score_seed, options.runs, plan, seed, model): (plan, seed) for plan, seed in jobs}
        for count, done in enumerate(as_completed(waiting), 1):
            plan, seed = waiting[done]
            scores.append(done.result())
            print(f"{count}/{len(jobs)} {plan.name} seed {seed}", file=sys.stderr, flush=True)
    scores.sort(key=lambda each: (each.plan, each.seed))
    return _publish(options, scores, evaluation)


def _publish(options: argparse.Namespace, scores: list[RunScore], evaluation: Evaluation) -> int:
    by_plan: dict[str, list[int]] = {}
    for score in scores:
        by_plan.setdefault(score.plan, []).append(score.seed)
    ran = "; ".join(f"{name}: seeds {', '.join(map(str, seeds))}" for name, seeds in by_plan.items())
    text = page(scores, evaluation, f"Made by `showroom evaluate`. Runs of a minute a row (coarse solver). {ran}.")
    if options.out is not None:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(text, encoding="utf-8")
    if options.json:
        result = {
            "figures": [each.as_json() for each in figures(scores, evaluation)],
            "runs": [each.as_json() for each in scores],
        }
        print(json.dumps(result, indent=1))
    elif options.out is None:
        print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
