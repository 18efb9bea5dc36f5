"""Makes everything a start needs in the data folder (passwords, certificates, configurations) and the plan of it.

Runs as a process of its own (`python -m deploy.prepare`), so that the launcher stays small in memory.
"""

import argparse
import shutil
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from demo_line.servers import pki as server_pki
from deploy import checks
from deploy.broker.configure import BrokerUser, find_program, write_files
from deploy.check_config import check_file
from deploy.plan import Plan, ProcessPlan, ReadyCheck
from deploy.problem import Problem
from deploy.profile import SHIPPED, Process, Profile, ProfileFolder, Setting, Trust, fill
from deploy.secret import password
from edge_agent.sources.opcua import pki as client_pki
from edge_agent.sparkplug.settings import ConfigError


def prepare(name: str, folder: Path, ports: Mapping[str, int], settings: Mapping[str, str]) -> Plan:
    """Prepare a start and return its plan.

    `ports` holds the ports that the engineer asked for by name (0 = any free one).

    Raises:
        Problem: something on this machine, or in the profile, must be changed first.
    """
    source = ProfileFolder(name)
    profile = source.load(settings)
    notes = _check_machine(folder, profile)
    chosen, moved = _choose_ports(profile, ports)
    values = profile.values(chosen, folder)
    for secret in profile.secrets:
        password(folder / "secrets" / f"{secret}.password")
    for trust in profile.trust:
        _introduce(folder / "pki", trust)
    processes = [_broker(profile, folder, chosen["mqtt"])]
    for process in profile.processes:
        config = _write_config(source, process, folder, values)
        if source.folder.parent != SHIPPED or settings:
            _check_config(config)
        processes.append(_process(process, config, chosen))
    url = f"http://127.0.0.1:{chosen[profile.home]}/"
    return Plan(source.name, folder, url, tuple(processes), (*notes, *moved))


def _check_machine(folder: Path, profile: Profile) -> list[str]:
    found = [*checks.machine(folder), checks.broker(profile.broker, profile.broker_program)]
    for finding in found:
        if finding.level is checks.Level.ERROR:
            raise Problem(f"{finding.check}: {finding.seen}", finding.remedy)
    return [f"{item.check}: {item.seen}; {item.remedy}" for item in found if item.level is checks.Level.WARNING]


def _choose_ports(profile: Profile, asked: Mapping[str, int]) -> tuple[dict[str, int], list[str]]:
    """Return the port of each name, and what to tell about those that were moved."""
    for name in asked:
        if name not in profile.ports:
            raise Problem(f"the profile has no port {name!r}", f"it has {', '.join(profile.ports)}")
    chosen: dict[str, int] = {}
    notes = []
    for name, usual in profile.ports.items():
        port = asked.get(name, usual)
        reason = "is named twice" if port in chosen.values() else checks.occupied(port)
        if port and reason is None:
            chosen[name] = port
            continue
        if port and name in asked:
            option = "--port" if name == "http" else f"--{name}-port"
            raise Problem(
                f"port {port} ({name}) {reason}",
                f"choose another one with {option}, or {option} 0 for any free one",
            )
        chosen[name] = checks.free_port(set(chosen.values()) | set(profile.ports.values()))
        if port:
            notes.append(f"port {port} ({name}) {reason}; {chosen[name]} is used instead")
    return chosen, notes


def _introduce(folder: Path, trust: Trust) -> None:
    """Let server and client of OPC UA trust each other: make their certificates where missing and exchange them."""
    now = datetime.now(UTC)
    server, client = folder / trust.server, folder / trust.client
    try:
        of_server = server_pki.own_certificate(server, trust.server_uri, "127.0.0.1", now).certificate
        of_client = client_pki.own_certificate(client, trust.client_uri, now).certificate
    except (server_pki.UntrustedError, client_pki.CertificateError, ValueError) as error:
        remedy = f"delete {server / 'own'} and {client / 'own'}: new certificates are made at the next start"
        raise Problem(f"a certificate cannot be used: {error}", remedy) from None
    for certificate, truster, of_whom in ((of_server, client, trust.server), (of_client, server, trust.client)):
        shutil.copyfile(certificate, truster / "trusted" / f"{of_whom}.der")


def _broker(profile: Profile, folder: Path, port: int) -> ProcessPlan:
    users = [BrokerUser(user.grant(), folder / "secrets" / f"broker-{user.name}.password") for user in profile.users]
    program = profile.broker_program or find_program(profile.broker)
    command = write_files(profile.broker, program, folder / "broker", port, users)
    return ProcessPlan("broker", tuple(command), ready=ReadyCheck("127.0.0.1", port), guarded=True)


def _write_config(source: ProfileFolder, process: Process, folder: Path, values: Mapping[str, Setting]) -> Path:
    state = folder / "state" / process.name
    state.mkdir(parents=True, exist_ok=True)
    values = {**values, "state": state.as_posix()}
    text = fill(source.template(process.name), values, f"template {process.name}.toml of profile {source.name}")
    path = folder / "config" / f"{process.name}.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    head = (
        f"# Made by `showroom up` from profile {source.name} at every start: change a copy of the profile, not this.\n"
    )
    path.write_text(head + text, encoding="utf-8")
    return path


def _check_config(path: Path) -> None:
    try:
        check_file(path)
    except ConfigError as error:
        raise Problem(str(error), "correct the template or the setting that the value comes from") from None


def _process(process: Process, config: Path, ports: Mapping[str, int]) -> ProcessPlan:
    command = (sys.executable, "-m", process.module, *process.arguments)
    return ProcessPlan(
        name=process.name,
        command=(*command, "--config", str(config), "--exit-with-parent"),
        after=process.after,
        stops_after=process.stops_after,
        ready=None if process.ready is None else _ready_check(process.ready, ports),
        # Fewer malloc arenas: tens of megabytes less in processes with several threads, at no measured cost.
        environment={"MALLOC_ARENA_MAX": "2"} if sys.platform == "linux" else {},
    )


def _ready_check(text: str, ports: Mapping[str, int]) -> ReadyCheck:
    name, slash, path = text.partition("/")
    if name not in ports:
        raise Problem(f"ready = {text!r}: the profile has no port {name!r}", f"it has {', '.join(ports)}")
    return ReadyCheck("127.0.0.1", ports[name], slash + path or None)


def _pairs(texts: list[str], option: str) -> dict[str, str]:
    pairs = [text.partition("=") for text in texts]
    for name, sign, value in pairs:
        if not sign:
            raise Problem(f"{option} {name}{value}: a value is missing", f"write {option} NAME=VALUE")
    return {name.strip(): value for name, _, value in pairs}


def main(arguments: list[str]) -> int:
    """Prepare and print the plan as JSON; on a Problem print it to stderr and return 2."""
    parser = argparse.ArgumentParser(prog="deploy.prepare")
    parser.add_argument("--profile", required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--port", action="append", default=[])
    parser.add_argument("--set", action="append", default=[])
    options = parser.parse_args(arguments)
    try:
        ports = {name: int(number) for name, number in _pairs(options.port, "--port").items()}
        plan = prepare(options.profile, options.folder.resolve(), ports, _pairs(options.set, "--set"))
    except Problem as problem:
        print(f"showroom: {problem}", file=sys.stderr)
        return 2
    except OSError as error:
        remedy = "free some space, correct its owner, or choose another folder with --data-dir"
        print(f"showroom: {error.filename}: {error.strerror}\n  -> {remedy}", file=sys.stderr)
        return 2
    print(plan.to_json())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
