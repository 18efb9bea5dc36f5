"""python -m tests.faults: seeded faults on the whole path, the ledger checked after each."""

import argparse
import json
import random
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

from tests.faults.kind import FULL, SHORT, Scale
from tests.faults.kinds import BY_NAME, KINDS
from tests.faults.path import Store
from tests.faults.reliability import faults_section, provenance, replay_command, write_section
from tests.faults.run import Result, cannot_run, run


@dataclass(frozen=True, slots=True)
class Planned:
    """One run of a campaign."""

    fault: str
    seed: int
    store: Store


_STORES: Sequence[Store] = ("duckdb", "duckdb", "influx")


def plan(count: int, seed: int, faults: Sequence[str], store: Store | None) -> Iterator[Planned]:
    """Yield the runs of a campaign: every kind in turn, in an order and with seeds that the seed decides."""
    rng = random.Random(seed)
    names: list[str] = []
    for _ in range(count):
        if not names:
            names = list(faults)
            rng.shuffle(names)
        name = names.pop()
        drawn = rng.choice(_STORES)
        yield Planned(name, rng.randrange(1 << 31), BY_NAME[name].store or store or drawn)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a campaign; returns 0 where every run passed, 1 otherwise."""
    words = sys.argv[1:] if arguments is None else arguments
    options = _options(words)
    if options.list:
        for kind in KINDS:
            print(f"{kind.name:22} {kind.promise}")
        return 0
    scale = SHORT if options.short else FULL
    if options.count is None:  # one run of each named fault, with exactly this seed
        runs = [Planned(name, options.seed, options.store or "duckdb") for name in options.fault or BY_NAME]
    else:
        runs = list(plan(options.count, options.seed, options.fault or list(BY_NAME), options.store))
    origin = provenance(_command(words))
    results = _campaign(runs, scale, options.jobs, options.out)
    passed = sum(result.passed for result in results)
    offered = sum(result.totals.get("offered", 0) for result in results)
    print(f"{passed} of {len(results)} runs passed, {offered:,} values offered; details in {options.out}")
    if options.docs or (options.count is not None and not options.short):
        write_section("faults", faults_section(results, len(runs), scale, origin))
    return 0 if passed == len(results) and results else 1


def _command(words: Sequence[str]) -> str:
    """Return the command line without the place of its results, which is this machine's affair."""
    kept, rest = [], list(words)
    while rest:
        word = rest.pop(0)
        if word == "--out":
            rest.pop(0)
        else:
            kept.append(word)
    return " ".join(["python -m tests.faults", *kept])


def _campaign(runs: Sequence[Planned], scale: Scale, jobs: int, out: Path) -> list[Result]:
    out.parent.mkdir(parents=True, exist_ok=True)
    results: list[Result] = []

    def one(planned: Planned) -> Result | None:
        reason = cannot_run(BY_NAME[planned.fault], planned.store)
        if reason is not None:
            print(f"SKIP {planned.fault}: {reason}", flush=True)
            return None
        return run(planned.fault, planned.seed, scale, planned.store, keep=out.parent / "failed-faults")

    with ThreadPoolExecutor(jobs) as pool, out.open("a", encoding="utf-8") as file:
        pending = [pool.submit(one, planned) for planned in runs]
        for number, future in enumerate(_finished(pending), start=1):
            result = future.result()
            if result is None:
                continue
            results.append(result)
            file.write(json.dumps(result.as_object()) + "\n")
            file.flush()
            _print(number, len(runs), result, scale)
    return results


def _finished(pending: Sequence[Future[Result | None]]) -> Iterator[Future[Result | None]]:
    """Yield runs as they end; after Ctrl-C only those that are under way."""
    left = set(pending)
    while left:
        try:
            done, left = wait(left, return_when=FIRST_COMPLETED)
        except KeyboardInterrupt:
            left = {future for future in left if not future.cancel()}
            print(f"broken off: waiting for {len(left)} runs that are under way", flush=True)
            continue
        yield from done


def _print(number: int, of: int, result: Result, scale: Scale) -> None:
    verdict = "ok  " if result.passed else "FAIL"
    offered = result.totals.get("offered", 0)
    figures = f"{offered} offered, recovered in {result.recovery_s} s, drained in {result.drain_s} s"
    print(f"[{number}/{of}] {verdict} {result.fault} seed {result.seed} {result.store}: {figures}", flush=True)
    if not result.passed:
        print(f"    again: {replay_command(result, scale)}\n    {result.problem}", flush=True)


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--count", type=int, help="so many faults of all kinds in turn; left out: one of each")
    parser.add_argument("--seed", type=int, default=1, help="of the campaign, or of the one run (default: 1)")
    parser.add_argument("--fault", action="append", choices=list(BY_NAME), help="only this kind (repeatable)")
    parser.add_argument("--store", choices=["duckdb", "influx"], help="store, for faults that leave the choice")
    parser.add_argument("--short", action="store_true", help="outages of 4 s and keep-alive 2 s, as in CI")
    parser.add_argument("--jobs", type=int, default=2, help="setups at the same time; most of a run is waiting")
    parser.add_argument("--out", type=Path, default=Path("build/faults.jsonl"), help="results are appended here")
    parser.add_argument("--docs", action="store_true", help="write docs/reliability.md also after a short campaign")
    parser.add_argument("--list", action="store_true", help="list the kinds")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
