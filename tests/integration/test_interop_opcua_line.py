"""The demonstration line's OPC UA server seen by another stack: a `node-opcua` client, encrypted, with users."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_pem_x509_certificate

from tests.integration.peers import Peer, peer, require_peers
from tests.servers import accepts, eventually, find_free_port

LINE_URI = "urn:smart-factory-showroom:line"
MACHINERY = "http://opcfoundation.org/UA/Machinery/"
DI = "http://opcfoundation.org/UA/DI/"

ALARMS = """
[[alarms]]
name = "always"
channel = "MIX-10.level_pct"
above = -1.0
priority = "high"
text = "There is something in the tank"
response = "Nothing"
"""


def ask(client: Peer, command: str, timeout_s: float = 30, **given: Any) -> dict[str, Any]:
    """Send a command and return its answer."""
    client.say(json.dumps({"command": command, **given}))
    return client.hear_event(command, timeout_s)


@contextmanager
def line(folder: Path) -> Iterator[int]:
    """The line behind a server that signs and encrypts, with a viewer and a trainer."""
    port = find_free_port()
    users = ""
    for name, role in (("watcher", "viewer"), ("teacher", "trainer")):
        password = folder / f"{name}.password"
        password.write_text(f"{name}-secret\n", encoding="utf-8")
        password.chmod(0o600)
        users += f'[[opcua.users]]\nname = "{name}"\nrole = "{role}"\npassword_file = "{name}.password"\n'
    (folder / "alarms.toml").write_text(ALARMS, encoding="utf-8")
    text = f'[line]\nstep_s = 0.2\nalarms = "alarms.toml"\n[opcua]\nport = {port}\npki_dir = "pki"\n{users}'
    (folder / "line.toml").write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "demo_line", "serve", "--config", str(folder / "line.toml"), "--exit-with-parent"]
    with (folder / "line.log").open("wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=log, stderr=log)
    try:
        eventually(lambda: accepts(port), 60)
        yield port
    finally:
        process.terminate()
        process.wait(20)


@contextmanager
def connected(folder: Path, port: int, user: str) -> Iterator["Speaker"]:
    """A trusted client with a session of a user, and the server's namespaces."""
    url = f"opc.tcp://127.0.0.1:{port}/line"
    with peer("opcua_client.mjs", url, str(folder / f"client-{user}"), user, f"{user}-secret") as client:
        pem = Path(client.hear_event("certificate", 60)["file"])
        certificate = load_pem_x509_certificate(pem.read_bytes())
        trusted = folder / "pki" / "trusted"
        trusted.mkdir(parents=True, exist_ok=True)
        (trusted / f"{user}.der").write_bytes(certificate.public_bytes(Encoding.DER))
        yield client, ask(client, "connect")["namespaces"]


Speaker = tuple[Peer, list[str]]


@pytest.fixture(scope="module")
def users(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Speaker]]:
    """One line for all tests of this module, with a client of each user and the namespaces that it sees."""
    require_peers()
    folder = tmp_path_factory.mktemp("line")
    with (
        line(folder) as port,
        connected(folder, port, "watcher") as watcher,
        connected(folder, port, "teacher") as teacher,
    ):
        yield {"watcher": watcher, "teacher": teacher}


def test_a_foreign_client_browses_reads_and_subscribes(users: dict[str, Speaker]) -> None:
    """It finds machines by their browse names, reads nameplate and state, and gets changes with their source times."""
    client, namespaces = users["watcher"]
    own, machinery, di = (namespaces.index(uri) for uri in (LINE_URI, MACHINERY, DI))
    root = f"/Objects/{machinery}:Machines/{own}:MIX-10"
    machine = ask(client, "browse", path=root)
    assert {"Identification", "MachineryItemState", "Monitoring", "Status", "Alarms"} <= set(machine["names"])
    plate = ask(client, "browse", path=f"{root}/{di}:Identification/{di}:Manufacturer")
    assert "simulated" in ask(client, "read", nodeId=plate["nodeId"])["value"]
    state = ask(client, "browse", path=f"{root}/{machinery}:MachineryItemState/CurrentState")
    assert ask(client, "read", nodeId=state["nodeId"])["status"] == "Good"
    assert "level_pct" in ask(client, "browse", path=f"/Objects/{own}:Line/{own}:MIX-10")["names"]
    ask(client, "watch", nodeId=f"ns={own};s=MIX-10.shaft_speed_rpm")
    times = [client.hear_event("changed")["time"] for _ in range(3)]
    assert sorted(set(times)) == times


def test_a_foreign_client_fills_a_gap_from_history(users: dict[str, Speaker]) -> None:
    """HistoryRead gives the readings with strictly increasing times, in pages of the size asked for."""
    client, namespaces = users["watcher"]
    node = f"ns={namespaces.index(LINE_URI)};s=MIX-10.level_pct"
    eventually(lambda: ask(client, "history", nodeId=node, most=5)["more"])
    page = ask(client, "history", nodeId=node, most=4)
    assert (page["status"], page["more"], len(page["values"])) == ("Good", True, 4)
    (_, bound), *rest = page["values"]  # this client asks for bounds, and before the first reading there is none
    assert bound is None
    assert all(0.0 < value <= 100.0 for _, value in rest)
    times = [time for time, _ in page["values"]]
    assert sorted(set(times)) == times


@pytest.mark.parametrize(("user", "expected"), [("watcher", "BadUserAccessDenied"), ("teacher", "Good")])
def test_only_the_trainer_calls_and_nobody_writes(users: dict[str, Speaker], user: str, expected: str) -> None:
    """A viewer's call is denied, the trainer's injects the fault; neither can write a value."""
    client, namespaces = users[user]
    own = namespaces.index(LINE_URI)
    answer = ask(
        client, "call", objectId=f"ns={own};s=Training", methodId=f"ns={own};s=Training/InjectFault",
        name="M1", severity=0.2,
    )  # fmt: skip
    assert answer["status"] == expected
    if expected == "Good":
        assert answer["outputs"][0] > 0.0  # hours of life
    assert ask(client, "write", nodeId=f"ns={own};s=MIX-10.level_pct")["status"] == "BadUserAccessDenied"


def test_a_foreign_client_hears_and_acknowledges_an_alarm(users: dict[str, Speaker]) -> None:
    """An alarm that stands comes with ConditionRefresh; the trainer acknowledges it, and the event says so."""
    client, _ = users["teacher"]
    client.say(json.dumps({"command": "alarms"}))
    alarm = client.hear_event("alarm")
    while alarm["name"] is None:  # the marks around the refreshed conditions
        alarm = client.hear_event("alarm")
    assert (alarm["name"], alarm["severity"], alarm["active"], alarm["retain"]) == ("always", 700, True, True)
    assert alarm["message"] == "There is something in the tank. Nothing."
    client.say(
        json.dumps(
            {
                "command": "acknowledge",
                "conditionId": alarm["condition"],
                "eventId": alarm["eventId"],
                "comment": "seen",
            }
        )
    )
    seen: dict[str, dict[str, Any]] = {}
    while len(seen) < 2:  # the event and the answer come in either order
        text = client.hear()
        fields = json.loads(text) if text.startswith("{") else {"event": text}
        if fields["event"] == "acknowledge" or (fields["event"] == "alarm" and fields["acknowledged"]):
            seen[fields["event"]] = fields
    assert seen["acknowledge"]["status"] == "Good"
    assert seen["alarm"]["eventId"] != alarm["eventId"]
