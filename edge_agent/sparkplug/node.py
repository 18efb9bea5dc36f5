"""Durable Sparkplug edge node: everything is logged before it is published, and kept until it is acknowledged.

One worker thread owns log, session and births; sources and the network only put work into queues.
"""

import json
import logging
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from edge_agent.sparkplug import births
from edge_agent.sparkplug.client import BrokerConfig, Message, MqttClient
from edge_agent.sparkplug.delivery import Gap
from edge_agent.sparkplug.encoder import Declaration, Encoder, Refused, ReportedValue
from edge_agent.sparkplug.intervals import IntervalSet
from edge_agent.sparkplug.log import DurableLog, LogConfig, LogError
from edge_agent.sparkplug.log_row import AliasKey, LoggedRow, NewRow, gap_row
from edge_agent.sparkplug.log_schema import DamagedError
from edge_agent.sparkplug.metric import DataType
from edge_agent.sparkplug.origin import Origin
from edge_agent.sparkplug.publisher import NodeIdentity, Publisher, Status
from edge_agent.sparkplug.quarantine import QuarantineFile, quarantine_gap, quarantine_path
from edge_agent.sparkplug.recover import recover_times
from edge_agent.sparkplug.silence import Silences
from edge_agent.sparkplug.topic import MessageType
from edge_agent.sparkplug.waiting import Declare, DeclareGaps, Flush, WaitingWork

_LOG = logging.getLogger(__name__)
_STATUS_S = 5.0
_DELETE_S = 2.0
_REMEMBER_S = 5.0
_REFUSED_S = 10.0
_LIMITS_S = 60.0
_ASK_S = 2.0
_RETRY_S = 0.5
_IDLE_S = 0.1
_BUSY_S = 0.02
_FATAL = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


class EdgeNode:
    """An edge node with its log. Build, `start`, then `declare`, `flush` and `declare_gaps` from one thread.

    `longest_delay_ns` says, by source, how long a value may take from its source time to `flush`; it bounds the gap
    that is declared after a restart. `on_failure` is called once, from the worker thread, where the node cannot go on.
    """

    def __init__(
        self,
        identity: NodeIdentity,
        broker: BrokerConfig,
        config: LogConfig,
        *,
        longest_delay_ns: Mapping[str, int],
        default_delay_ns: int = 200_000_000,
        on_failure: Callable[[str], None],
    ) -> None:
        self.seen = 0
        """Values that were handed over since the start."""
        self._identity = identity
        self._broker = broker
        self._config = config
        self._on_failure = on_failure
        self._waiting = WaitingWork(config.max_waiting_values, keep_oldest=config.overflow == "newest")
        self._numbers: dict[AliasKey, int] = {}
        self._sources: dict[str, str] = {}
        self._inbox: deque[Callable[[], None]] = deque()
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._log = DurableLog.open(config, time.time_ns())
        self._encoder = Encoder(recover_times(self._log))
        self._publisher = Publisher(identity, config, self._log, self._encoder, self._status)
        self._silences = Silences(self._log, longest_delay_ns, default_delay_ns)
        self._quarantine = QuarantineFile(quarantine_path(config.path))
        self._pending: list[NewRow] = []
        self._newest: dict[str, int] = {}
        self._turns: dict[str, bool] = {}
        self._log_error = ""
        self._retry_s = 0.0
        self._alive_ns = 0
        self._encoded_ns = 0
        self._begun = False
        self._due = dict.fromkeys(("status", "delete", "remember", "refused", "limits", "ask"), 0.0)
        self._will_bd_seq = self._log.begin_session_numbers()
        self._thread = threading.Thread(target=self._run, name="edge node", daemon=True)
        self._client = MqttClient(
            broker,
            client_id=f"{identity.group_id}-{identity.edge_node_id}",
            subscriptions=identity.subscriptions(),
            on_message=self._message,
            on_connect=self._connected,
            on_disconnect=self._disconnected,
            will=self._will,
        )
        self._publisher.use(self._client)

    @property
    def counters(self) -> Mapping[str, int]:
        """Exact counts since the start: values, duplicates, misfits, quarantined, and losses by cause."""
        return {
            **asdict(self._encoder.counts),
            **asdict(self._log.drops),
            "memory_overflow": self._waiting.dropped,
            "quarantined": self._quarantine.count,
        }

    @property
    def backlog(self) -> int:
        """Messages in the log: not yet acknowledged, or not yet deleted."""
        return self._log.count

    @property
    def logged_until_ns(self) -> int:
        """Everything that `flush` took until then is in the log or declared lost; 0 where nothing is known."""
        return self._alive_ns

    @property
    def broker_error(self) -> str:
        """Why there is no connection; empty where there is one."""
        return self._client.last_error

    @property
    def log_error(self) -> str:
        """Why the log cannot be written; empty where it can."""
        return self._log_error

    def start(self) -> None:
        """Begin to connect and to work."""
        self._thread.start()
        self._client.start()

    def stop(self) -> None:
        """Log what waits, say goodbye and close the log."""
        self._stopping.set()
        self._wake.set()
        if self._thread.ident is not None:
            self._thread.join()
            self._client.stop(self._publisher.last_words(time.time_ns()))
        self._log.close()

    def declare(self, source: str, metrics: Sequence[Declaration]) -> list[int]:
        """Make metrics of a source known; returns their numbers. The same metric, type and origin keep their number."""
        numbers = [self._numbers.setdefault(metric.key, len(self._numbers)) for metric in metrics]
        self._put(Declare(source, list(zip(numbers, metrics, strict=True))))
        return numbers

    def flush(
        self, until_ns: int, batches: list[tuple[str, list[ReportedValue]]], complete_ns: int | None = None
    ) -> None:
        """Hand over everything that sources gave until a time, also where it is nothing: it proves who is alive.

        Where values may have reached the process and wait to be read, `complete_ns` is a time before which none has;
        after a crash the gap begins there, less the time that values take on their way to the process.
        """
        self.seen += sum(len(values) for _, values in batches)
        self._put(Flush(until_ns, batches, until_ns if complete_ns is None else complete_ns))

    def declare_gaps(self, gaps: Sequence[Gap]) -> None:
        """Declare gaps that a source knows of."""
        self._put(DeclareGaps(gaps))

    def set_source(self, name: str, status: str) -> None:
        """Publish the status of a source (JSON) with the status of the node."""
        self._sources[name] = status

    def _put(self, item: Declare | Flush | DeclareGaps) -> None:
        self._waiting.put(item)
        self._wake.set()

    # Network thread: everything goes through the inbox.

    def _tell(self, event: Callable[[], None]) -> None:
        self._inbox.append(event)
        self._wake.set()

    def _will(self) -> Message:
        self._will_bd_seq = (self._will_bd_seq + 1) % 256
        payload = births.death_of_node(self._will_bd_seq, time.time_ns())
        return Message(self._identity.topic(MessageType.NDEATH), payload, qos=1)

    def _connected(self) -> None:
        bd_seq = self._will_bd_seq
        self._tell(lambda: self._publisher.connected(bd_seq))

    def _disconnected(self, _reason: str) -> None:
        self._tell(self._publisher.disconnected)

    def _message(self, message: Message) -> None:
        self._tell(lambda: self._publisher.hear(message, time.time_ns()))

    # Worker thread.

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                self._turn()
                self._wake.wait(_BUSY_S if self._publisher.resends else _IDLE_S)
                self._wake.clear()
            self._retry_s = 0.0
            self._turn()
            if not self._log_error:
                self._remember()
        except Exception as error:  # noqa: BLE001 - the boundary of the thread: whoever runs the node must know
            _LOG.exception("the edge node cannot go on")
            self._on_failure(f"{type(error).__name__}: {error}")

    def _turn(self) -> None:
        now_s, now_ns = time.monotonic(), time.time_ns()
        while self._inbox:
            self._inbox.popleft()()
        if now_s < self._retry_s:
            return
        try:
            if not self._begun:
                self._begin(now_ns)
            self._publisher.mend_numbers()
            self._publisher.bear(now_s, now_ns)
            self._work(now_s, now_ns)
            self._publisher.bury(now_ns)
            self._publisher.resend(now_s, now_ns)
            self._keep_house(now_s, now_ns)
        except LogError as error:
            self._log_failed(error, now_s)
            return
        if self._log_error:
            _LOG.warning("the log can be written again")
            self._log_error = ""

    def _begin(self, now_ns: int) -> None:
        """Declare what was lost before the start: rows of a damaged log, and the time when nobody logged."""
        opened = self._log.opened
        self._silences.begin(opened)
        if opened.damage:
            _LOG.error("log %s: %s", self._config.path, opened.damage)
        if opened.lost is not None:
            self._pending.append(gap_row(Gap(None, None, *opened.lost, None, "log_damaged"), now_ns))
        self._begun = True

    def _work(self, now_s: float, now_ns: int) -> None:
        """Take everything that waits into the log and publish it; where LogError is raised, nothing of it is lost."""
        self._append(now_s, now_ns)
        while (item := self._waiting.take()) is not None:
            if isinstance(item, Declare):
                try:
                    self._declare(item, now_s)
                except LogError:
                    self._waiting.put_back(item)
                    raise
            elif isinstance(item, DeclareGaps):
                self._pending.extend(gap_row(gap, now_ns) for gap in item.gaps)
            else:
                self._encode(item, now_s, now_ns)
            self._append(now_s, now_ns)
        for device_id, row in self._silences.due(now_s, now_ns):
            logged = self._log.end_silence(device_id, row)
            if logged is not None:
                self._publisher.publish([logged], now_s, now_ns)

    def _append(self, now_s: float, now_ns: int) -> None:
        losses = self._waiting.take_losses()
        self._pending.extend(gap_row(loss.gap(), now_ns) for loss in losses)
        if self._pending or self._newest:
            appended = self._log.append(
                self._pending, now_ns, self._newest, self._turns, self._publisher.sent_so_far,
                self._remember if self._publisher.stored else None,  # what the host has must not be counted as lost
            )  # fmt: skip
            rows = [
                LoggedRow(lsn, row.device_id, row.payload)
                for lsn, row in zip(appended.lsns, self._pending, strict=True)
                if lsn is not None
            ]
            self._pending.clear()
            self._newest.clear()
            self._turns.clear()
            self._publisher.publish([*rows, *appended.gaps], now_s, now_ns)
        self._alive_ns = self._encoded_ns

    def _declare(self, item: Declare, now_s: float) -> None:
        aliases = self._log.aliases.of([metric.key for _, metric in item.metrics])
        for (number, metric), alias in zip(item.metrics, aliases, strict=True):
            self._encoder.add(number, metric, alias, self._log.aliases.first(metric.device_id, metric.metric))
        for device_id in dict.fromkeys(metric.device_id for _, metric in item.metrics):
            origins = {metric.origin for _, metric in item.metrics if metric.device_id == device_id}
            self._log.devices.assign(device_id, item.source, own_clock=origins == {Origin.REPLAYED})
            self._publisher.declare(device_id, now_s)

    def _encode(self, item: Flush, now_s: float, now_ns: int) -> None:
        for source, values in item.batches:
            rows, refused = self._encoder.encode(values, now_ns)
            self._pending.extend(rows)
            self._pending.extend(self._set_aside(value, now_ns) for value in refused)
            newest_ns = max((row.last_ns for row in rows), default=0)
            if newest_ns:
                self._newest[source] = max(newest_ns, self._newest.get(source, 0))
            self._silences.heard(values, self._encoder, item.until_ns, now_s)
            self._turns.update(self._silences.turns(self._encoder.devices.values()))
        for device_id in self._encoder.take_revived():
            self._publisher.declare(device_id, now_s)
        self._encoded_ns = item.complete_ns

    def _set_aside(self, refused: Refused, now_ns: int) -> NewRow:
        declaration = refused.line.declaration
        try:
            self._quarantine.put(refused)
            where = f"it is kept in {self._quarantine.path}"
        except OSError as error:
            where = f"it could not be kept: {error}"
        _LOG.error("a value of %s/%s cannot be sent (%s); %s", declaration.device_id, declaration.metric,
                   refused.reason, where)  # fmt: skip
        return gap_row(quarantine_gap(refused), now_ns)

    def _keep_house(self, now_s: float, now_ns: int) -> None:
        self._publisher.settle_window(now_s)
        if self._publisher.stored and self._is_due("delete", now_s, _DELETE_S):
            self._remember()
        if self._is_due("remember", now_s, _REMEMBER_S):
            self._remember()
        if self._is_due("refused", now_s, _REFUSED_S):
            self._pending.extend(self._log.take_refused(now_ns))
            self._append(now_s, now_ns)
        if self._is_due("limits", now_s, _LIMITS_S):
            self._publisher.publish(self._log.drop_old(now_ns, self._publisher.sent_so_far()), now_s, now_ns)
        if self._is_due("status", now_s, _STATUS_S):
            self._publisher.publish_status(now_ns)
        session = self._publisher.session
        if session.connected and not session.host_online and self._is_due("ask", now_s, _ASK_S):
            # A broker may keep from this client a STATE that is published in the moment in which it subscribes.
            self._client.subscribe_again()
        if self._alive_ns and not self._log.owes_gaps:
            self._log.mark(self._alive_ns)

    def _remember(self) -> None:
        """Delete what is acknowledged, and keep the times that were in those messages."""
        times = self._encoder.take_times()
        if not times and not self._publisher.stored:
            return
        try:
            self._log.acknowledge(self._publisher.stored, times)
        except LogError:
            self._encoder.give_back_times(times)
            raise
        self._publisher.stored = IntervalSet()

    def _is_due(self, what: str, now_s: float, every_s: float) -> bool:
        if now_s < self._due[what]:
            return False
        self._due[what] = now_s + every_s
        return True

    def _log_failed(self, error: Exception, now_s: float) -> None:
        if isinstance(error, DamagedError) or getattr(error, "sqlite_errorcode", None) in _FATAL:
            raise error  # the next start salvages what can be read
        self._retry_s = now_s + _RETRY_S
        if str(error) != self._log_error:
            self._log_error = str(error)
            _LOG.error(
                "log %s cannot be written (%s): values are kept in memory, up to %d; free space on that disk",
                self._config.path, error, self._config.max_waiting_values,
            )  # fmt: skip

    def _status(self) -> Status:
        status: dict[str, tuple[DataType, Any]] = {
            births.BACKLOG: (DataType.UINT64, self._log.count),
            births.LOSSES: (DataType.STRING, json.dumps(dict(self.counters), separators=(",", ":"))),
            births.LOG_ERROR: (DataType.STRING, self._log_error),
            births.EXPIRING: (DataType.STRING, self._broker.expiring(datetime.now(UTC))),
        }
        for name, text in dict(self._sources).items():
            status[births.SOURCE_PREFIX + name] = (DataType.STRING, text)
        return status
