"""The whole edge agent against a real broker and a recording host."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from edge_agent.agent import Agent
from edge_agent.config import EdgeConfig
from edge_agent.report import ReportRule
from edge_agent.sources.base import Reading, Sink, SourceStatus, Tag
from edge_agent.sparkplug.delivery import EPOCH
from edge_agent.sparkplug.metric import DataType
from edge_agent.sparkplug.origin import Origin
from edge_agent.sparkplug.quality import Quality
from tests.edge_agent.host import RecordingHost
from tests.servers import Server, eventually

pytestmark = pytest.mark.servers

FLOW = Tag("MIX-10", "flow_l_h", DataType.DOUBLE, "nsu=urn:t;s=flow", Origin.SIMULATED, unit="l/h", low=0, high=900)
STATE = Tag("MIX-10", "state_current", DataType.INT32, "nsu=urn:t;s=state", Origin.SIMULATED)
LEVEL = Tag("CA-90", "pressure_bar", DataType.DOUBLE, "nsu=urn:t;s=p", Origin.SIMULATED)
MS = 1_000_000


class ScriptedSource:
    """A source that emits what the test tells it to, from the event loop as every source does."""

    def __init__(self, tags: Sequence[Tag] = (FLOW, STATE, LEVEL), name: str = "script") -> None:
        self.name = name
        self.tags = tags
        self._script: asyncio.Queue[Callable[[Sink, dict[Tag, int]], None]] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ready = threading.Event()

    async def run(self, sink: Sink) -> None:
        self._loop = asyncio.get_running_loop()
        self._script = asyncio.Queue()
        numbers = dict(zip(self.tags, sink.declare(self.tags), strict=True))
        self._ready.set()
        while True:
            (await self._script.get())(sink, numbers)

    def status(self) -> SourceStatus:
        return SourceStatus("connected")

    def tell(self, action: Callable[[Sink, dict[Tag, int]], None]) -> None:
        assert self._ready.wait(10)
        assert self._loop is not None
        assert self._script is not None
        self._loop.call_soon_threadsafe(self._script.put_nowait, action)

    def emit(self, *readings: tuple[Tag, int, Any]) -> None:
        """Emit values of quality GOOD; None is STALE."""
        self.tell(
            lambda sink, numbers: sink.emit(
                [
                    Reading(numbers[tag], time_ns, value, Quality.STALE if value is None else Quality.GOOD)
                    for tag, time_ns, value in readings
                ]
            )
        )


class RunningAgent:
    """An agent in an event loop of its own thread."""

    def __init__(self, config: EdgeConfig, source: ScriptedSource) -> None:
        self.agent = Agent(config, [source])
        self.source = source
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self.agent.run(),))
        self._thread.start()

    def stop(self) -> None:
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self.agent.stop)
            self._thread.join(20)
            assert not self._thread.is_alive()


Run = Callable[..., RunningAgent]


@pytest.fixture
def hosts() -> Iterator[Callable[..., RecordingHost]]:
    started: list[RecordingHost] = []

    def start(port: int, **options: Any) -> RecordingHost:
        host = RecordingHost(port, **options).start()
        started.append(host)
        return host

    yield start
    for host in started:
        host.stop()


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    """Start agents that are stopped with the test; all use one log file."""
    started: list[RunningAgent] = []

    def start(
        port: int, source: ScriptedSource | None = None, delivery: str = "acknowledged", **log: Any
    ) -> RunningAgent:
        config = EdgeConfig.model_validate(
            {
                "edge": {
                    "group_id": "site",
                    "edge_node_id": "edge",
                    "primary_host_id": "test-host",
                    "delivery": delivery,
                    "publish_interval_ms": 20,
                },
                "broker": {"port": port, "keepalive_s": 2, "reconnect_max_s": 0.5},
                "log": {"path": tmp_path / "edge.log.db", "resend_after_s": 0.5, **log},
                "sources": [{"name": "script", "type": "opcua", "url": "opc.tcp://unused:4840", "origin": "simulated",
                             "tags": [{"device": "X", "metric": "y", "path": "X/y"}]}],
            }
        )  # fmt: skip
        agent = RunningAgent(config, source or ScriptedSource())
        started.append(agent)
        return agent

    yield start
    for agent in started:
        agent.stop()


Hosts = Callable[..., RecordingHost]


def log_is_empty(agent: RunningAgent) -> bool:
    return agent.agent.node.backlog == 0


def test_values_arrive_born_and_are_deleted_when_acknowledged(broker: Server, run: Run, hosts: Hosts) -> None:
    """Births come first and say everything about a metric; every value arrives once; acknowledged messages go."""
    host = hosts(broker.port)
    agent = run(broker.port)
    start_ns = time.time_ns() // MS * MS
    for step in range(50):
        agent.source.emit((FLOW, start_ns + step * MS, step / 2), (STATE, start_ns + step * MS + 300, step))
    eventually(lambda: len(host.times("MIX-10", "state_current")) == 50)
    assert host.values("MIX-10", "flow_l_h") == [step / 2 for step in range(50)]
    assert host.times("MIX-10", "flow_l_h") == [start_ns + step * MS for step in range(50)]
    assert host.times("MIX-10", "state_current") == [start_ns + step * MS + 300 for step in range(50)]
    assert host.types()[0] == "NBIRTH"
    assert host.types().index("DBIRTH MIX-10") < host.types().index("DDATA MIX-10")
    flow = host.births["MIX-10"]["flow_l_h"]
    assert flow.properties["engUnit"] == "l/h"
    assert flow.properties["engHigh"] == 900
    assert flow.properties["origin"] == "simulated"
    assert flow.properties["source"] == "nsu=urn:t;s=flow"
    assert flow.datatype is DataType.DOUBLE
    eventually(lambda: log_is_empty(agent))
    assert host.repeated == 0
    assert host.unknown == []


def test_sequence_numbers_have_no_hole(broker: Server, run: Run, hosts: Hosts) -> None:
    """Every message of a session carries the next sequence number, births of the node carry 0."""
    host = hosts(broker.port)
    agent = run(broker.port)
    for step in range(30):
        agent.source.emit((FLOW, (step + 1) * MS, step), (LEVEL, (step + 1) * MS, step))
        eventually(lambda count=step: len(host.times("CA-90", "pressure_bar")) == count + 1)  # type: ignore[misc]
    host.ask_rebirth()
    eventually(lambda: host.types().count("NBIRTH") == 2)
    expected = 0
    for topic, payload in host.messages:
        if topic.message_type.value == "NBIRTH":
            expected = 0
        assert payload.seq == expected, topic
        expected = (expected + 1) % 256


def test_backlog_of_an_absent_broker_arrives_once_and_marked(broker: Server, run: Run, hosts: Hosts) -> None:
    """What was logged while the broker was away arrives afterwards, historical, complete and once."""
    host = hosts(broker.port)
    agent = run(broker.port)
    agent.source.emit((FLOW, 1 * MS, 1.0))
    eventually(lambda: host.values("MIX-10", "flow_l_h") == [1.0])
    broker.kill()
    eventually(lambda: agent.agent.node.broker_error)
    for step in range(2, 200):
        agent.source.emit((FLOW, step * MS, float(step)))
    eventually(lambda: agent.agent.node.counters["values"] == 199)
    broker.start()
    eventually(lambda: len(host.times("MIX-10", "flow_l_h")) == 199, timeout_s=15)
    assert host.values("MIX-10", "flow_l_h") == [float(step) for step in range(1, 200)]
    assert any(metric.is_historical for _, payload in host.messages for metric in payload.metrics)
    assert host.gaps == []
    eventually(lambda: log_is_empty(agent))


def test_nothing_is_published_while_the_host_is_offline(broker: Server, run: Run, hosts: Hosts) -> None:
    """The node dies when its host says offline, logs on, and is born when it is back; an older offline ends nothing."""
    host = hosts(broker.port)
    agent = run(broker.port)
    agent.source.emit((FLOW, 1 * MS, 1.0))
    eventually(lambda: host.values("MIX-10", "flow_l_h") == [1.0])
    host.say_online(online=False, timestamp_ms=1)
    agent.source.emit((FLOW, 2 * MS, 2.0))
    eventually(lambda: host.values("MIX-10", "flow_l_h") == [1.0, 2.0])
    assert "NDEATH" not in host.types()
    host.say_online(online=False, timestamp_ms=5_000)
    eventually(lambda: "NDEATH" in host.types())
    agent.source.emit((FLOW, 3 * MS, 3.0))
    eventually(lambda: agent.agent.node.backlog >= 1)
    assert host.types().count("NBIRTH") == 1
    host.say_online(online=True, timestamp_ms=2)
    eventually(lambda: host.values("MIX-10", "flow_l_h") == [1.0, 2.0, 3.0])
    assert host.types().count("NBIRTH") == 2


def test_unacknowledged_messages_come_again_and_hold_stops_that(broker: Server, run: Run, hosts: Hosts) -> None:
    """Without acknowledgement a message is sent again; while the host says hold only live messages come."""
    host = hosts(broker.port, acknowledges=False)
    agent = run(broker.port)
    agent.source.emit((FLOW, 1 * MS, 1.0))
    eventually(lambda: host.repeated >= 2)
    assert agent.agent.node.backlog >= 1
    host.hold = True
    host.acknowledge(host.stored)
    eventually(lambda: log_is_empty(agent))
    host.acknowledges = False
    agent.source.emit((FLOW, 2 * MS, 2.0))
    eventually(lambda: host.values("MIX-10", "flow_l_h") == [1.0, 2.0])
    repeated = host.repeated
    agent.source.emit((FLOW, 3 * MS, 3.0))
    deadline_s = time.monotonic() + 1.5  # three times resend_after_s: nothing may come in this time
    eventually(lambda: time.monotonic() > deadline_s)
    assert host.repeated == repeated
    host.hold = False
    host.acknowledge(host.stored, host_id="stranger")
    host.acknowledge(host.stored, epoch=7)
    assert not log_is_empty(agent)
    host.acknowledge(host.stored)
    eventually(lambda: log_is_empty(agent))


def test_restart_keeps_epoch_numbers_and_declares_the_silence(broker: Server, run: Run, hosts: Hosts) -> None:
    """After a restart numbering goes on in the same epoch, and the time without an agent is one gap per device."""
    host = hosts(broker.port)
    agent = run(broker.port)
    before_ns = time.time_ns()
    agent.source.emit((FLOW, before_ns, 1.0), (LEVEL, before_ns, 1.0))
    eventually(lambda: host.values("CA-90", "pressure_bar") == [1.0])
    epoch = host.births[""][EPOCH].value
    eventually(lambda: log_is_empty(agent))
    agent.stop()
    stopped_ns = time.time_ns()
    assert host.types()[-1] == "NDEATH"
    agent = run(broker.port)
    again_ns = time.time_ns()
    agent.source.emit((FLOW, before_ns, 1.0), (STATE, again_ns, 5), (LEVEL, again_ns, 2.0))
    eventually(lambda: len(host.gaps) == 2)
    assert host.births[""][EPOCH].value == epoch
    assert {(gap.device_id, gap.metric, gap.cause) for gap in host.gaps} == {
        ("MIX-10", None, "edge_down"),
        ("CA-90", None, "edge_down"),
    }
    for gap in host.gaps:
        assert before_ns - 300 * MS < gap.from_ns < stopped_ns
        assert again_ns <= gap.to_ns < time.time_ns()
    assert host.values("MIX-10", "flow_l_h") == [1.0], "the value seen before is a duplicate"
    assert host.repeated == 0
    assert list(host.stored) == [(1, host.stored.count())]


def test_device_of_an_unavailable_source_dies_and_is_born_again(broker: Server, run: Run, hosts: Hosts) -> None:
    """When all metrics of a device turn stale it dies; its first value brings it back, with that value in the birth."""
    host = hosts(broker.port)
    agent = run(broker.port)
    agent.source.emit((FLOW, 1 * MS, 1.0), (STATE, 1 * MS, 4), (LEVEL, 1 * MS, 7.0))
    eventually(lambda: host.values("CA-90", "pressure_bar") == [7.0])
    agent.source.emit((FLOW, 2 * MS, None), (STATE, 2 * MS, None))
    eventually(lambda: "DDEATH MIX-10" in host.types())
    assert host.values("MIX-10", "flow_l_h") == [1.0, None]
    births = host.types().count("DBIRTH MIX-10")
    agent.source.emit((FLOW, 1 * MS, 1.0))
    agent.source.tell(lambda sink, numbers: sink.outage([numbers[FLOW], numbers[STATE]], 1, 2, "source_down"))
    eventually(lambda: host.types().count("DBIRTH MIX-10") > births)
    flow = host.births["MIX-10"]["flow_l_h"]
    assert (flow.value, flow.timestamp_ms) == (1.0, 2), "at the time of the stale mark: an older one would not count"
    eventually(lambda: len(host.gaps) == 1)
    assert (host.gaps[0].device_id, host.gaps[0].metric, host.gaps[0].cause) == ("MIX-10", None, "source_down")
    assert "DDEATH CA-90" not in host.types()


def test_changed_type_is_a_new_metric_and_its_history_keeps_its_type(broker: Server, run: Run, hosts: Hosts) -> None:
    """A new type causes a birth with a new alias; older values that are sent later go by name with their own type."""
    host = hosts(broker.port, acknowledges=False)
    agent = run(broker.port)
    agent.source.emit((FLOW, 1 * MS, 1.5))
    eventually(lambda: host.values("MIX-10", "flow_l_h") == [1.5])
    alias = host.births["MIX-10"]["flow_l_h"].alias
    text = Tag("MIX-10", "flow_l_h", DataType.STRING, "nsu=urn:t;s=flow", Origin.SIMULATED)

    def change(sink: Sink, _numbers: dict[Tag, int]) -> None:
        number = sink.declare([text])[0]
        sink.emit([Reading(number, 2 * MS, "fast", Quality.GOOD)])

    agent.source.tell(change)
    eventually(lambda: host.values("MIX-10", "flow_l_h") == [1.5, "fast"])
    assert host.births["MIX-10"]["flow_l_h"].alias != alias
    eventually(
        lambda: [
            metric
            for _, payload in host.messages
            for metric in payload.metrics
            if metric.name == "flow_l_h" and metric.alias is None and metric.is_historical
            and metric.datatype is DataType.DOUBLE and metric.properties["origin"] == "simulated"
        ]
    )  # fmt: skip
    assert host.unknown == []


def test_report_rule_suppresses_and_is_declared(broker: Server, run: Run, hosts: Hosts) -> None:
    """Values within the deadband are not sent, and the birth tells the rule."""
    rule = ReportRule(absolute=0.5)
    tag = Tag("MIX-10", "flow_l_h", DataType.DOUBLE, "a", Origin.REAL, rule=rule)
    host = hosts(broker.port)
    agent = run(broker.port, ScriptedSource([tag]))
    for step, value in enumerate((1.0, 1.2, 1.4, 1.6, 1.3, 3.0), start=1):
        agent.source.emit((tag, step * MS, value))
    # A busy machine may acknowledge late; what is sent again then is the same value.
    eventually(lambda: sorted(set(host.values("MIX-10", "flow_l_h"))) == [1.0, 1.6, 3.0])
    assert host.births["MIX-10"]["flow_l_h"].properties["report"] == '{"absolute":0.5}'


def test_oversized_value_is_set_aside_and_declared(broker: Server, run: Run, hosts: Hosts, tmp_path: Path) -> None:
    """A value no message can carry goes to the quarantine file and a gap tells so; its neighbours arrive."""
    blob = Tag("MIX-10", "waveform", DataType.BYTES, "b", Origin.REAL)
    host = hosts(broker.port)
    agent = run(broker.port, ScriptedSource([FLOW, blob]))
    agent.source.emit((FLOW, 1 * MS, 1.0), (blob, 1 * MS, bytes(600_000)), (blob, 2 * MS, bytes(400_000)))
    agent.source.emit((blob, 3 * MS, bytes(400_000)), (FLOW, 2 * MS, 2.0))
    eventually(lambda: len(host.times("MIX-10", "waveform")) == 2)
    eventually(lambda: len(host.gaps) == 1)
    gap = host.gaps[0]
    assert (gap.metric, gap.from_ns, gap.to_ns, gap.count) == ("waveform", 1 * MS, 1 * MS, 1)
    assert gap.cause == "quarantined_at_edge"
    assert host.values("MIX-10", "flow_l_h") == [1.0, 2.0]
    lines = (tmp_path / "edge.log.db.quarantine.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 1
    assert '"device_id": "MIX-10"' in lines[0]


def test_full_disk_costs_exactly_what_is_declared(
    mosquitto_broker: Server, run: Run, hosts: Hosts, caplog: pytest.LogCaptureFixture
) -> None:
    """While the log cannot be written nothing crashes; afterwards what is missing is declared, value by value."""
    host = hosts(mosquitto_broker.port)
    agent = run(mosquitto_broker.port, max_waiting_values=1_000)
    agent.source.emit((FLOW, 1 * MS, 1.0))
    eventually(lambda: host.values("MIX-10", "flow_l_h") == [1.0])
    database = agent.agent.node._log._database
    database.execute("PRAGMA max_page_count=1")  # SQLite lowers it to the pages in use: the disk is full
    step = 1
    while not agent.agent.node.counters["memory_overflow"]:
        agent.source.emit(*((FLOW, (step := step + 1) * MS, float(step)) for _ in range(100)))
        eventually(lambda known=step: agent.agent.node.seen >= known)  # type: ignore[misc]
    assert "full" in agent.agent.node.log_error
    database.execute("PRAGMA max_page_count=100000000")
    agent.source.emit((FLOW, (step := step + 1) * MS, float(step)))
    eventually(lambda: host.values("MIX-10", "flow_l_h")[-1] == float(step))
    eventually(lambda: log_is_empty(agent))
    stored = {int(value) for value in host.values("MIX-10", "flow_l_h")}
    missing = set(range(1, step + 1)) - stored
    assert missing
    assert {gap.cause for gap in host.gaps} == {"memory_overflow"}
    assert sum(gap.count or 0 for gap in host.gaps) == len(missing) == agent.agent.node.counters["memory_overflow"]
    declared = {step for gap in host.gaps for step in range(gap.from_ns // MS, gap.to_ns // MS + 1)}
    assert declared == missing
    assert agent.agent.node.log_error == ""
    assert sum("cannot be written" in record.message for record in caplog.records) == 1, "said once"


def test_foreign_host_gets_a_window(mosquitto_broker: Server, run: Run, hosts: Hosts) -> None:
    """With delivery = "window" messages go after their time without acknowledgement; a break brings them back."""
    host = hosts(mosquitto_broker.port, acknowledges=False)
    agent = run(mosquitto_broker.port, delivery="window", window_s=3)
    agent.source.emit((FLOW, 1 * MS, 1.0))
    eventually(lambda: host.values("MIX-10", "flow_l_h") == [1.0])
    agent.agent.node._client.drop()
    eventually(lambda: host.repeated == 1)
    assert agent.agent.node.backlog == 1
    eventually(lambda: log_is_empty(agent))
    assert host.repeated == 1


def test_destroyed_log_is_declared(mosquitto_broker: Server, run: Run, hosts: Hosts, tmp_path: Path) -> None:
    """Where the log was destroyed the agent starts anew in another epoch, and gaps cover all that it may have held."""
    agent = run(mosquitto_broker.port)
    first_ns = time.time_ns()
    agent.source.emit((FLOW, first_ns, 1.0))
    eventually(lambda: agent.agent.node.backlog == 1)
    agent.stop()
    stopped_ns = time.time_ns()
    (tmp_path / "edge.log.db").write_bytes(b"nothing of a database" * 500)
    host = hosts(mosquitto_broker.port)
    agent = run(mosquitto_broker.port)
    again_ns = time.time_ns()
    agent.source.emit((FLOW, again_ns, 2.0))
    eventually(lambda: len(host.gaps) == 2)
    damaged, down = sorted(host.gaps, key=lambda gap: gap.cause != "log_damaged")
    assert (damaged.cause, damaged.device_id, down.cause, down.device_id) == ("log_damaged", None, "edge_down", None)
    assert damaged.from_ns <= first_ns
    assert down.from_ns <= damaged.to_ns <= stopped_ns
    assert down.to_ns >= again_ns
    assert host.values("MIX-10", "flow_l_h") == [2.0]


def test_what_a_source_vouches_for_is_sent_again_at_the_maximum_interval(
    broker: Server, run: Run, hosts: Hosts
) -> None:
    """The unchanged value comes with the time vouched for; nothing stale and no recording is sent again."""
    rule = ReportRule(absolute=0.5, max_interval_s=10)
    quiet, lost, ready = (
        Tag("MIX-10", name, DataType.DOUBLE, f"nsu=urn:t;s={name}", Origin.SIMULATED, rule=rule)
        for name in ("quiet", "lost", "ready")
    )
    recorded = Tag("REC", "y", DataType.DOUBLE, "nsu=urn:t;s=y", Origin.REPLAYED, rule=rule)
    host = hosts(broker.port)
    agent = run(broker.port, ScriptedSource((quiet, lost, ready, recorded)))
    start_ns = time.time_ns() // MS * MS - 60_000 * MS
    second = 1_000 * MS
    agent.source.emit((quiet, start_ns, 1.0), (lost, start_ns, 2.0), (recorded, start_ns, 3.0))
    agent.source.emit((quiet, start_ns + 2 * second, 1.25), (lost, start_ns + 3 * second, None))
    agent.source.tell(lambda sink, _: sink.unchanged(start_ns + 9 * second))
    agent.source.emit((ready, start_ns, 4.0))

    def arrived(tag: Tag) -> list[tuple[int, Any]]:
        """What came, as (seconds, value); a busy machine may acknowledge late, and then a value comes again."""
        pairs = zip(host.times(tag.device_id, tag.metric), host.values(tag.device_id, tag.metric), strict=True)
        return [((time_ns - start_ns) // second, value) for time_ns, value in dict.fromkeys(pairs)]

    eventually(lambda: arrived(ready) == [(0, 4.0)])
    agent.source.tell(lambda sink, _: sink.unchanged(start_ns + 15 * second))
    eventually(lambda: len(arrived(quiet)) == 2)
    agent.source.tell(lambda sink, _: sink.unchanged(start_ns + 30 * second))
    eventually(lambda: len(arrived(quiet)) == 3)
    assert arrived(quiet) == [(0, 1.0), (15, 1.25), (30, 1.25)]
    eventually(lambda: arrived(ready) == [(0, 4.0), (15, 4.0), (30, 4.0)])
    assert arrived(lost) == [(0, 2.0), (3, None)]
    assert arrived(recorded) == [(0, 3.0)]
