"""`showroom doctor`: the checks of this machine, for people or for machines."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from deploy import certificates, checks
from deploy.checks import Finding, Level
from deploy.profile import ProfileFolder

_MARKS = {Level.OK: "ok     ", Level.WARNING: "warning", Level.ERROR: "ERROR  "}


def examine(profile_name: str, data_folder: Path) -> list[Finding]:
    """Check the machine for a profile; raises Problem where the profile itself cannot be read."""
    profile = ProfileFolder(profile_name).load({}, complete=False)
    return [
        *checks.machine(data_folder),
        checks.broker(profile.broker, profile.broker_program),
        *checks.ports(profile.ports),
        *checks.optional_servers(),
        *certificates.examine(data_folder, datetime.now(UTC)),
    ]


def print_findings(findings: Sequence[Finding], *, as_json: bool) -> int:
    """Print the findings; return the exit code: 1 where one of them is an error."""
    if as_json:
        print(json.dumps([asdict(finding) | {"level": finding.level.value} for finding in findings], indent=2))
    else:
        for finding in findings:
            print(f"{_MARKS[finding.level]}  {finding.check}: {finding.seen}")
            if finding.remedy:
                print(f"{'':9}-> {finding.remedy}")
    return int(any(finding.level is Level.ERROR for finding in findings))
