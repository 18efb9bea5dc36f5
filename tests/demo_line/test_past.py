"""The past of a line: chunks in the order of time, the same in a second attempt, and a line that goes on from them."""

import asyncio
import json
import os
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil
import pyarrow.parquet as pq
import pytest

from demo_line.clock import NS_PER_S
from demo_line.config import ConfigError, ServeConfig, load_config
from demo_line.fault import SensorEffect
from demo_line.line import Line, load_definition
from demo_line.measurement import channels_of
from demo_line.runs.history import write_history
from demo_line.runs.history_plan import HistoryPlan, plan_history
from demo_line.runs.past import Past, go_on, past_of
from demo_line.runs.simulation import Simulation
from tests.demo_line.test_sensors import LEVEL, line_with
from tests.servers import eventually

NOW_NS = 1_800_000_030 * NS_PER_S
UNTIL_NS = 1_800_000_000 * NS_PER_S


def made(folder: Path, line: Line, days: float = 0.5, fine_hours: float = 1.0) -> HistoryPlan:
    plan = plan_history(folder, line, 3, NOW_NS, days, fine_hours)
    assert plan is not None
    for _ in write_history(line, plan, folder, lambda channel: f"s={channel.name}"):
        pass
    return plan


def rows(folder: Path, source: str) -> list[dict[str, Any]]:
    """Rows of one signal over all chunks, in their order."""
    chunks = sorted(folder.glob("chunk-*.parquet"))
    return [row for chunk in chunks for row in pq.read_table(chunk).to_pylist() if row["source"] == source]


def test_minutes_and_then_seconds_lead_to_the_present(tmp_path: Path) -> None:
    """An hour of minutes and one of seconds, without a hole or a time twice, up to the whole minute before now."""
    line = line_with(SensorEffect(LEVEL, "dead"))
    plan = made(tmp_path, line, days=2.0 / 24.0)
    level = rows(tmp_path, f"s={LEVEL}")
    times = [row["time_ns"] for row in level]
    assert plan.until_ns == UNTIL_NS
    assert UNTIL_NS - 5 * NS_PER_S < times[-1] <= UNTIL_NS
    assert min(times) == plan.start_ns + 60 * NS_PER_S
    minutes = [time_ns for time_ns in times if time_ns <= UNTIL_NS - 3600 * NS_PER_S]
    assert minutes == [plan.start_ns + minute * 60 * NS_PER_S for minute in range(1, 61)]
    seconds = times[len(minutes) :]
    assert all(later > earlier for earlier, later in pairwise(times))
    assert 2000 < len(seconds) < 3600, "a reading that repeats the one before is left out"
    assert {row["kind"] for row in level} == {1}
    manifest = json.loads((tmp_path / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["chunks"] == len(list(tmp_path.glob("chunk-*.parquet")))
    assert not list(tmp_path.glob("*.partial"))


def test_kinds_and_texts_are_kept(tmp_path: Path) -> None:
    """Integers, logical values and texts come as what they are, when they change and now and then."""
    made(tmp_path, line_with(), days=1.0 / 24.0, fine_hours=0.5)
    words = rows(tmp_path, "s=TNK-99.word")
    assert {row["kind"] for row in words} == {4}
    assert [row["text"] for row in words[:3]] == ["even", "odd", "even"], "minutes end at even seconds; then seconds"
    assert [row["text"] for row in words[-4:]] == ["odd", "even", "odd", "even"]
    counts = rows(tmp_path, "s=TNK-99.second_count")
    assert {row["kind"] for row in counts} == {2}
    assert counts[-1]["number"] == 3600.0
    assert {(row["kind"], row["number"]) for row in rows(tmp_path, "s=TNK-99.even")} == {(3, 0.0), (3, 1.0)}
    even = [row["time_ns"] for row in rows(tmp_path, "s=TNK-99.even") if row["time_ns"] <= UNTIL_NS - 1800 * NS_PER_S]
    assert len(even) == 1, "a state that stays is not given every minute"


def test_a_second_attempt_makes_the_same(tmp_path: Path) -> None:
    """What was broken off is made again from the same plan; a complete history is never made again."""
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    line = line_with()
    made(whole, line, days=0.2)
    plan = plan_history(broken, line, 3, NOW_NS, 0.2, 1.0)
    assert plan is not None
    attempt = write_history(line, plan, broken, lambda channel: f"s={channel.name}")
    for _ in range(3):
        next(attempt)
    assert not (broken / "manifest.json").exists()
    again = plan_history(broken, line, 8, NOW_NS + 3600 * NS_PER_S, 30.0, 24.0)
    assert again == plan
    made(broken, line, days=0.2)
    for chunk in sorted(whole.glob("chunk-*.parquet")):
        assert pq.read_table(chunk).equals(pq.read_table(broken / chunk.name)), chunk.name
    assert plan_history(broken, line, 3, NOW_NS, 0.2, 1.0) is None


def test_a_chunk_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """The error says which file of the history, why and what to do."""
    line = line_with()
    plan = plan_history(tmp_path, line, 3, NOW_NS, 0.1, 1.0)
    assert plan is not None
    (tmp_path / "chunk-00001.partial").mkdir()
    with pytest.raises(
        OSError, match=r"chunk-00001\.parquet cannot be written: .*; make room, the next start makes it"
    ):
        list(write_history(line, plan, tmp_path, lambda channel: channel.name))


def test_another_line_begins_anew(tmp_path: Path) -> None:
    """A history that was begun for a line with other parameters is dropped."""
    line = Line(load_definition())
    other = Line(line.definition.model_copy(update={"name": "another"}))
    first = plan_history(tmp_path, line, 3, NOW_NS, 1.0, 1.0)
    (tmp_path / "chunk-00001.parquet").write_bytes(b"of the first line")
    second = plan_history(tmp_path, other, 3, NOW_NS + 3600 * NS_PER_S, 1.0, 1.0)
    assert first is not None
    assert second is not None
    assert second.until_ns - first.until_ns == 3600 * NS_PER_S
    assert not list(tmp_path.glob("chunk-*"))


@pytest.mark.parametrize("left", [b"", b"{}", b"\xff\x00", b'{"format": "showroom-history/1", "days": "many"}'])
def test_a_spoilt_plan_is_made_anew(tmp_path: Path, left: bytes, caplog: pytest.LogCaptureFixture) -> None:
    """What a power cut leaves of a plan keeps no line from starting; the warning names the file."""
    (tmp_path / "plan.json").write_bytes(left)
    plan = plan_history(tmp_path, Line(load_definition()), 3, NOW_NS, 1.0, 1.0)
    assert plan is not None
    assert HistoryPlan.model_validate_json((tmp_path / "plan.json").read_bytes()) == plan
    assert f"{tmp_path / 'plan.json'} is no plan of a history" in caplog.text


def serve_config(folder: Path, days: float) -> ServeConfig:
    path = folder / "line.toml"
    path.write_text(
        f'[line]\nseed = 3\n[mqtt]\n[[mqtt.devices]]\ntype = "shelly_gen2"\ntopic = "m"\n'
        f'[history]\nfolder = "past"\ndays = {days}\nfine_hours = 0.2\n',
        encoding="utf-8",
    )
    return load_config(path)


def test_a_line_goes_on_from_the_end_of_its_history(tmp_path: Path) -> None:
    """State, counters and faults of a running line are those of one that has run ever since the history began."""
    line = Line(load_definition())
    config = serve_config(tmp_path, 0.02)
    past = past_of(config, line, NOW_NS)
    assert past is not None
    for _ in write_history(line, past.plan, tmp_path / "past", lambda channel: channel.name):
        pass
    snapshot = (tmp_path / "past" / "end.snapshot").read_bytes()
    served = Simulation(line, 3, NOW_NS)
    served.advance(25.0)
    line.add_fault(served.state, "M1", 20.0)
    served.advance(15.0)
    assert go_on(line, served.state, past, snapshot, NOW_NS + 40 * NS_PER_S, 1.0)
    unbroken = Simulation(line, 3)
    unbroken.restore(snapshot)
    unbroken.advance(70.0)
    assert served.state.around.elapsed_s == unbroken.elapsed_s
    for channel in channels_of(line):
        read, unit_id = channel.signal.value, channel.unit_id
        assert read(served.state.units[unit_id]) == read(unbroken.state.units[unit_id]), channel.name
    assert served.state.energy_ws == unbroken.state.energy_ws
    condition = served.state.conditions["pump_bearing_outer_race"]
    assert condition.onset_s == unbroken.elapsed_s - 20.0
    assert served.state.around.severity["pump_bearing_outer_race"] == condition.severity > 0.0


async def test_a_history_whose_process_dies_is_made_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """What was killed is tried again while the line serves, until the history is complete."""
    config = serve_config(tmp_path, 0.02)
    planned = past_of(config, Line(load_definition()), NOW_NS)
    assert planned is not None
    past = Past(config, tmp_path / "past", planned.plan, pause_s=0.1)
    stop = asyncio.Event()
    making = asyncio.create_task(past.make(stop))
    killed = psutil.Process()
    while killed.pid == os.getpid():
        killed = next((child for child in killed.children() if "history" in child.cmdline()), killed)
        await asyncio.sleep(0.01)
    killed.kill()
    await asyncio.wait_for(making, 240)
    assert "the history could not be made (its process ended with code" in caplog.text
    assert past.take() == (tmp_path / "past" / "end.snapshot").read_bytes()


async def test_a_history_is_not_tried_again_after_a_stop(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A line that stops waits for no pause between two attempts."""
    config = serve_config(tmp_path, 0.02)
    planned = past_of(config, Line(load_definition()), NOW_NS)
    assert planned is not None
    past = Past(config, tmp_path / "past" / "plan.json", planned.plan, pause_s=3600.0)  # a file is no folder
    stop = asyncio.Event()
    making = asyncio.create_task(past.make(stop))
    await asyncio.to_thread(eventually, lambda: "tried again in 3600 s" in caplog.text, 240.0)
    stop.set()
    await asyncio.wait_for(making, 60)
    assert past.take() is None


def test_an_old_or_foreign_history_is_left_alone(tmp_path: Path) -> None:
    """A history that ended days ago, or whose end cannot be read, changes nothing."""
    line = Line(load_definition())
    past = past_of(serve_config(tmp_path, 1.0), line, NOW_NS)
    assert past is not None
    served = Simulation(line, 3, NOW_NS)
    served.advance(5.0)
    units = served.state.units
    assert not go_on(line, served.state, past, served.snapshot(), NOW_NS + 3 * 86_400 * NS_PER_S, 1.0)
    assert not go_on(line, served.state, past, b"nothing", NOW_NS, 1.0)
    assert served.state.units is units


def test_no_days_no_history(tmp_path: Path) -> None:
    """`days = 0` makes nothing, and neither does a configuration without [history]."""
    line = Line(load_definition())
    assert past_of(serve_config(tmp_path, 0.0), line, NOW_NS) is None
    assert past_of(serve_config(tmp_path, 1.0).model_copy(update={"history": None}), line, NOW_NS) is None
    assert not (tmp_path / "past").exists()


@pytest.mark.parametrize("text", ["days = -1", "days = 1000", "fine_hours = -1", 'folders = "x"'])
def test_a_wrong_history_section_is_refused(tmp_path: Path, text: str) -> None:
    """Mistakes in [history] name the file and the key."""
    path = tmp_path / "line.toml"
    path.write_text(f'[mqtt]\n[history]\nfolder = "past"\n{text}\n', encoding="utf-8")
    with pytest.raises(ConfigError, match=r"line\.toml: .*history\." + text.split(" ")[0]):
        load_config(path)
