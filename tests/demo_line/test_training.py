"""What trainers do to the running line, directly and as methods of the OPC UA server."""

import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from asyncua import Client, ua

from demo_line.cells import Cell, nameplates_of
from demo_line.config import OpcuaConfig, OpcuaUser, Role
from demo_line.line import Line, LineError, load_definition
from demo_line.maintenance import MaintenanceError
from demo_line.maintenance.definition import Access, Action, MaintenanceDefinition
from demo_line.measurement import channels_of
from demo_line.packml import Command, State
from demo_line.servers.opcua import OpcuaServer
from demo_line.training import Hands, Training

LINE = Line(load_definition())
FAULT = "pump_bearing_outer_race"
URI = "urn:smart-factory-showroom:line"


def test_a_fault_begins_as_far_grown_as_asked() -> None:
    """The severity is there at once, the physics see it, and it goes on growing from there."""
    state = LINE.start(1)
    (life_h,) = Training(LINE, state).inject_fault("M1", 0.4, 0.0)
    assert state.around.severity[FAULT] == pytest.approx(0.4, abs=1e-6)
    assert life_h > 0.0
    before = state.conditions[FAULT].used
    for _ in range(120):
        LINE.step(state, 60.0)
    assert state.conditions[FAULT].used > before


def test_no_event_tells_of_a_fault() -> None:
    """Whoever reads the events of an exercise finds no name, place or severity of what a trainer has let begin."""
    state = LINE.start(1)
    before = len(state.around.events)
    Training(LINE, state).inject_fault("M1", 0.4, 0.0)
    assert len(state.around.events) == before


def test_a_fault_can_begin_later() -> None:
    """Without a severity nothing is wrong before the onset."""
    state = LINE.start(1)
    LINE.step(state, 1.0)
    Training(LINE, state).inject_fault(FAULT, 0.0, 3600.0)
    assert state.conditions[FAULT].onset_s == state.elapsed_s + 3600.0
    assert state.around.severity[FAULT] == 0.0


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (("no such fault", 0.0, 0.0), LineError, "no fault is called 'no such fault'"),
        (("M1", 1.5, 0.0), ValueError, "severity 1.5 is not between"),
        (("M1", 0.5, 60.0), ValueError, "onset in 60 s"),
        (("M1", 0.0, -1.0), ValueError, "onset in -1 s"),
        (("M1", math.nan, 0.0), ValueError, "severity nan is not between"),
        (("M1", 0.0, math.nan), ValueError, "onset in nan s"),
        (("M1", 0.0, math.inf), ValueError, "onset in inf s"),
    ],
)
def test_impossible_faults_are_refused(arguments: Any, error: type[Exception], message: str) -> None:
    """The error names the value, and nothing has happened to the line."""
    state = LINE.start(1)
    with pytest.raises(error, match=message):
        Training(LINE, state).inject_fault(*arguments)
    assert not state.conditions


def test_repairs_and_lock_out_go_to_the_workshop() -> None:
    """A repair needs the machine at rest, takes its time and cures; an unknown step or action is named."""
    action = Action(name="replace_pump_bearing", title="New bearing", unit="MIX-10", minutes=20, access=Access.STOPPED)
    maintenance = MaintenanceDefinition(actions=(action,))
    line = Line(load_definition().model_copy(update={"maintenance": maintenance}))
    state = line.start(1)
    training = Training(line, state)
    training.inject_fault("M1", 0.5, 0.0)
    with pytest.raises(MaintenanceError, match="stop it first"):
        training.repair("replace_pump_bearing", hasty=False)
    with pytest.raises(ValueError, match="no step of a lock-out; steps: isolate"):
        training.lock_out("MIX-10", "hope")
    with pytest.raises(MaintenanceError, match="no action is called"):
        training.repair("pray", hasty=False)
    training.command("MIX-10", Command.STOP)
    for _ in range(5):
        line.step(state, 1.0)
    assert training.repair("replace_pump_bearing", hasty=False) == (20.0,)
    line.step(state, 20 * 60.0 + 1.0)
    assert state.around.severity[FAULT] == 0.0


@asynccontextmanager
async def line(port: int, folder: Path, units: tuple[str, ...] = ("MIX-10", "CA-90")) -> AsyncIterator[Any]:
    users = []
    roles: dict[str, Role] = {"watcher": "viewer", "teacher": "trainer"}
    for name, role in roles.items():
        file = folder / f"{name}.password"
        file.write_text("swordfish\n", encoding="utf-8")
        file.chmod(0o600)
        users.append(OpcuaUser(name=name, password_file=file, role=role))
    config = OpcuaConfig(port=port, security=("none",), anonymous=True, users=tuple(users))
    state = LINE.start(1)
    training = Training(LINE, state)
    hands = Hands(training.methods(), training.command)
    cell = Cell(
        channels_of(LINE), units, nameplates_of(LINE),
        lambda folders, _m, _p: OpcuaServer(config, "Line", folders, hands=hands),
    )  # fmt: skip
    await cell.server.prepare()
    await cell.server.listen()
    try:
        yield state, config.url
    finally:
        await cell.server.close()


def client(url: str, user: str | None) -> Client:
    made = Client(url)
    if user is not None:
        made.set_user(user)
        made.set_password("swordfish")
    return made


async def inject(connected: Client, *arguments: ua.Variant) -> Any:
    index = await connected.get_namespace_index(URI)
    training = connected.get_node(ua.NodeId("Training", index))
    return await training.call_method(f"{index}:InjectFault", *arguments)


M1 = (ua.Variant("M1"), ua.Variant(0.25), ua.Variant(0.0))


@pytest.mark.parametrize("user", [None, "watcher"])
async def test_only_a_trainer_calls(free_port: int, tmp_path: Path, user: str | None) -> None:
    """Whoever is no trainer gets BadUserAccessDenied for every method, and nothing happens to the line."""
    async with line(free_port, tmp_path) as (state, url), client(url, user) as connected:
        with pytest.raises(ua.UaStatusCodeError, match="BadUserAccessDenied"):
            await inject(connected, *M1)
        index = await connected.get_namespace_index(URI)
        machine = connected.get_node(ua.NodeId("Machines/MIX-10", index))
        with pytest.raises(ua.UaStatusCodeError, match="BadUserAccessDenied"):
            await machine.call_method(f"{index}:Abort")
        assert not state.conditions
        assert state.units["MIX-10"].packml.state is State.EXECUTE


async def test_a_trainer_injects_a_fault_and_still_writes_nothing(free_port: int, tmp_path: Path) -> None:
    """The call acts on the line and tells the life; the trainer can write no more than others."""
    async with line(free_port, tmp_path) as (state, url), client(url, "teacher") as connected:
        life_h = await inject(connected, *M1)
        assert state.around.severity[FAULT] == pytest.approx(0.25, abs=1e-6)
        assert life_h == state.conditions[FAULT].life_h
        index = await connected.get_namespace_index(URI)
        node = connected.get_node(ua.NodeId("MIX-10.level_pct", index))
        with pytest.raises(ua.UaStatusCodeError, match="BadUserAccessDenied"):
            await node.write_value(1.0)
        with pytest.raises(ua.UaStatusCodeError, match="BadUserAccessDenied"):
            await connected.nodes.objects.add_object(index, "intruder")


async def test_commands_act_on_the_machine_they_are_called_on(free_port: int, tmp_path: Path) -> None:
    """Abort of one machine leaves the other alone; a command that the state does not accept is refused."""
    async with line(free_port, tmp_path) as (state, url), client(url, "teacher") as connected:
        index = await connected.get_namespace_index(URI)
        machine = connected.get_node(ua.NodeId("Machines/CA-90", index))
        await machine.call_method(f"{index}:Abort")
        assert state.units["CA-90"].packml.state is State.ABORTING
        assert state.units["MIX-10"].packml.state is State.EXECUTE
        with pytest.raises(ua.UaStatusCodeError, match="BadInvalidState"):
            await machine.call_method(f"{index}:Reset")
        elsewhere = ua.CallMethodRequest()
        elsewhere.ObjectId = ua.NodeId("Training", index)
        elsewhere.MethodId = ua.NodeId("Commands/Abort", index)
        (result,) = await connected.uaclient.call([elsewhere])
        assert result.StatusCode.name == "BadNodeIdInvalid"


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        ((ua.Variant("no such fault"), ua.Variant(0.0), ua.Variant(0.0)), "BadInvalidArgument"),
        ((ua.Variant("M1"), ua.Variant(7.0), ua.Variant(0.0)), "BadInvalidState"),
        ((ua.Variant("M1"), ua.Variant("much"), ua.Variant(0.0)), "BadInvalidArgument"),
        ((ua.Variant("M1"),), "BadArgumentsMissing"),
        ((*M1, ua.Variant(1.0)), "BadTooManyArguments"),
    ],
)
async def test_wrong_arguments_are_refused(free_port: int, tmp_path: Path, arguments: Any, status: str) -> None:
    """Unknown names, wrong types and numbers of arguments have a status of their own and no effect."""
    async with line(free_port, tmp_path) as (state, url), client(url, "teacher") as connected:
        with pytest.raises(ua.UaStatusCodeError, match=status):
            await inject(connected, *arguments)
        assert not state.conditions
