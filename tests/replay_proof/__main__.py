"""python -m tests.replay_proof: recordings of two real plants over OPC UA and MQTT into both stores."""

import argparse
import json
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path

from tests.faults.reliability import provenance, write_section
from tests.replay_proof.proof import RECORDINGS, Case, Outcome, prove

PROTOCOLS = ("opcua", "mqtt")
STORES = ("duckdb", "influx")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the proofs; returns 0 where every one holds, 1 otherwise."""
    options = _options(arguments)
    missing = [item.path for item in RECORDINGS.values() if not (options.data / item.path).exists()]
    if missing:
        print(f"{options.data / missing[0]} is missing; name the folder of the recordings with --data", file=sys.stderr)
        return 2
    cases = [
        Case(recording, protocol, store)  # type: ignore[arg-type]  # the words above are the words of the types
        for recording, protocol, store in product(("hrss", "skab"), PROTOCOLS, STORES)
        if not options.only or f"{recording}/{protocol}/{store}" in options.only
    ]
    origin = provenance(f"make replay-proof ARGS='--speed {options.speed}'")
    outcomes: list[Outcome] = []
    # HRSS brings 3,600 values a second, so few at a time; SKAB 110, but for half an hour.
    for name, jobs in (("hrss", options.jobs), ("skab", max(options.jobs, 4))):
        with ThreadPoolExecutor(jobs) as pool:
            runs = pool.map(lambda case: _one(case, options), [case for case in cases if case.recording == name])
            outcomes += list(runs)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    content = {"speed": options.speed, "rows": options.rows, "proofs": [outcome.as_object() for outcome in outcomes]}
    options.out.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    table = _table(outcomes)
    print("\n".join(table))
    if options.rows is None and not options.only:
        text = ["## Replay proof", "", origin, "", *table]
        write_section("replay-proof", "\n".join(text))
    return 0 if outcomes and all(outcome.proven for outcome in outcomes) else 1


def _one(case: Case, options: argparse.Namespace) -> Outcome:
    outcome = prove(case, options.data, speed=options.speed, rows=options.rows, patience_s=options.patience)
    verdict = "proven" if outcome.proven else f"NOT PROVEN: {outcome.problem}"
    print(f"{case}: {outcome.rows} rows x {outcome.columns} columns, {outcome.stored} stored: {verdict}", flush=True)
    return outcome


def _table(outcomes: Sequence[Outcome]) -> list[str]:
    lines = [
        "| Recording / protocol / store | Rows | Columns | Journalled values | Stored once, equal | Proven | Seconds |",
        "|---|---|---|---|---|---|---|",
    ]
    for outcome in outcomes:
        proven = "yes" if outcome.proven else f"no: {outcome.problem.splitlines()[0]}"
        lines.append(
            f"| {outcome.case} | {outcome.rows:,} | {outcome.columns} | {outcome.values:,} | {outcome.stored:,} "
            f"| {proven} | {outcome.seconds:.0f} |"
        )
    return lines


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.replay_proof", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of the recordings")
    parser.add_argument("--speed", default="10", help="times real time, or max (default: 10)")
    parser.add_argument("--rows", type=int, help="only so many rows of each")
    parser.add_argument("--jobs", type=int, default=2, help="setups at the same time for the fast recording")
    parser.add_argument(
        "--patience",
        type=float,
        default=600.0,
        help="seconds beyond the replay's own time, which holes in a recording lengthen",
    )
    parser.add_argument("--only", action="append", help="one case, e.g. skab/mqtt/influx (repeatable)")
    parser.add_argument("--out", type=Path, default=Path("build/replay-proof.json"))
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
