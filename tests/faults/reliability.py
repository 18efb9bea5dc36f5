"""Writes docs/reliability.md: the latest figures of fault runs and replay proofs, with commit and command."""

import platform
import re
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from tests.faults.kind import SHORT, Scale
from tests.faults.kinds import BY_NAME
from tests.faults.run import Result

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reliability.md"

_HEAD = """# Reliability figures

The numbers below are written by the commands that measured them; nothing here is typed by hand. What is
promised, and how the ledger decides, stands in `deploy/ledger/README.md`; how a fault is done, in
`tests/faults/README.md`.

<!-- faults -->
No run yet: `make faults`.
<!-- /faults -->

<!-- replay-proof -->
No run yet: `make replay-proof`.
<!-- /replay-proof -->
"""


def write_section(name: str, text: str, page: Path = PAGE) -> None:
    """Replace one section of the page; the page is made where it is missing."""
    content = page.read_text(encoding="utf-8") if page.exists() else _HEAD
    pattern = re.compile(f"<!-- {name} -->.*?<!-- /{name} -->", re.DOTALL)
    section = f"<!-- {name} -->\n{text.strip()}\n<!-- /{name} -->"
    if not pattern.search(content):
        raise ValueError(f"{page} has no section {name}; delete the file to have it made again")
    page.parent.mkdir(exist_ok=True)
    page.write_text(pattern.sub(lambda _: section, content), encoding="utf-8")


def provenance(command: str) -> str:
    """Return the line that says what is run where; ask for it before the run."""
    git = ["git", "-C", str(ROOT)]
    commit = subprocess.run([*git, "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True, check=False)
    name = commit.stdout.strip() or "unknown (no git)"
    changed = subprocess.run(
        [*git, "status", "--porcelain"], capture_output=True, text=True, check=False
    ).stdout.strip()
    dirty = " with local changes" if changed else ""
    machine = f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
    return f"`{command}` at commit {name}{dirty}, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {machine}."


_COLUMNS = (
    "Fault",
    "Promise",
    "Runs",
    "Passed",
    "Offered",
    "Stored",
    "Quarantined",
    "In gaps",
    "Longest gap (s)",
    "Recovery, worst (s)",
    "Drained, worst (s)",
)
_SUMS = ("offered", "stored", "quarantined", "gaps")


def faults_section(results: Sequence[Result], planned: int, scale: Scale, origin: str) -> str:
    """Return the section of fault runs: one row a kind of fault.

    `planned` runs were wanted; `origin` is what `provenance` said at the start.
    """
    short = "" if len(results) == planned else f" {planned - len(results)} more were planned and not done."
    passed = sum(result.passed for result in results)
    offered = sum(result.totals.get("offered", 0) for result in results)
    missing = sum(result.totals.get("missing", 0) for result in results)
    lines = [
        "## Fault runs",
        "",
        origin,
        "",
        f"{passed} of {len(results)} seeded faults passed; {offered:,} values offered, {missing} unaccounted for."
        + short,
        f"A fault that lasts takes {scale.outage_s:.0f} s; MQTT keep-alive {scale.keepalive_s} s.",
        "",
        f"| {' | '.join(_COLUMNS)} |",
        "|---" * len(_COLUMNS) + "|",
    ]
    for name in sorted({result.fault for result in results}):
        mine = [result for result in results if result.fault == name]
        sums = [
            sum(result.totals.get(key, 0) for result in mine) for key in ("offered", "stored", "quarantined", "gaps")
        ]
        numbers = [str(len(mine)), str(sum(result.passed for result in mine)), *(f"{number:,}" for number in sums)]
        recovery = _worst([result.recovery_s for result in mine])
        drain = _worst([result.drain_s for result in mine])
        gap = f"{max(result.gap_s for result in mine):.2f}"
        lines.append(f"| {name} | {BY_NAME[name].promise} | {' | '.join(numbers)} | {gap} | {recovery} | {drain} |")
    failed = [result for result in results if not result.passed]
    if failed:
        lines += ["", "Not passed:", ""]
        lines += [f"- `{replay_command(result, scale)}`: {result.problem.splitlines()[0]}" for result in failed]
    return "\n".join(lines)


def replay_command(result: Result, scale: Scale) -> str:
    """Return the command that does the same run again."""
    short = " --short" if scale == SHORT else ""
    return f"python -m tests.faults --fault {result.fault} --seed {result.seed} --store {result.store}{short}"


def _worst(seconds: Sequence[float | None]) -> str:
    known = [number for number in seconds if number is not None]
    return f"{max(known):.1f}" if known else "-"
