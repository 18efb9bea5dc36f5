"""The live process: reads, judges, publishes, trains in a child process. What is decided, is decided elsewhere."""

import logging
import subprocess
import sys
import time
from pathlib import Path
from threading import Event

import httpx
from threadpoolctl import threadpool_limits

from analytics.assessor import Assessor
from analytics.config import AnalyticsConfig
from analytics.cycle import Cycle, Knowledge, PlantResult
from analytics.drift import MANY, compare
from analytics.errors import AnalyticsError, NotEnoughDataError, UnusableInputError
from analytics.inputs import PlantInputs
from analytics.keepsake import Keepsake
from analytics.own import Standing, own_metrics
from analytics.publish import Publisher
from analytics.registry import Registry
from analytics.requests import take_requests
from analytics.results import origin_of
from analytics.schedule import NS_PER_S, Schedule
from analytics.stored import MINUTE_NS
from analytics.training import load_champion
from analytics.window import Window
from gateway.store.base import StoreUnavailableError
from gateway.store.remote import RemoteStore

_LOG = logging.getLogger("analytics")
_DAY_S = 86_400
_DRIFT_NS = 3_600 * NS_PER_S
REST = 0.5
"""Rest after a request, as a share of the time it took: live data and pages of the gateway come first."""


class Runner:
    """One running analytics; `run` returns when `stop` is set.

    Args:
        config: as it was loaded.
        config_file: for the child process that trains.
    """

    def __init__(self, config: AnalyticsConfig, config_file: Path) -> None:
        own = config.analytics
        self.failed = ""
        self._config = config
        self._machines = config.plant()
        self._unit_ids = [machine.id for machine in self._machines.machines]
        self._stop = Event()
        transport = StoppableTransport(self._stop)
        self._http = httpx.Client(base_url=own.gateway, timeout=10.0, trust_env=False, transport=transport)
        self._store = RemoteStore(own.gateway, transport=transport)
        rows = round(own.window_days * _DAY_S * NS_PER_S / MINUTE_NS)
        self._inputs = PlantInputs(self._store, self._http, self._machines, own.group_id, rows)
        self._registry = Registry(own.models)
        self._keepsake = Keepsake(config.requests.parent / "alarms.json")
        limits = {name: setting.rule for name, setting in config.alarms.items()}
        self._cycle = Cycle(limits, config.work(), self._keepsake.load())
        self._schedule = Schedule(config.training)
        self._training = TrainingProcess(config_file, config.training.limit_s)
        self._assessor: Assessor | None = None
        self._standing = Standing()
        self._champion: int | None = None
        self._drift_ns = 0
        self._publisher = Publisher(config, self._fail)

    def stop(self) -> None:
        """Let `run` end; may be called from a signal handler."""
        self._stop.set()

    def run(self) -> None:
        """Judge every `cycle_s` until `stop`; what goes wrong in a cycle is published and tried again."""
        self._publisher.start()
        next_s = time.monotonic()
        try:
            with threadpool_limits(1):
                while not self._stop.is_set():
                    self.turn(time.time_ns())
                    next_s = max(next_s + self._config.analytics.cycle_s, time.monotonic())
                    self._stop.wait(max(0.0, next_s - time.monotonic()))
        finally:
            self._training.end()
            self._publisher.stop()
            self._store.close()
            self._http.close()

    def turn(self, now_ns: int) -> None:
        """Do one cycle."""
        began_s = time.process_time()
        standing = self._standing
        for told in take_requests(self._config.requests, self._cycle):
            _LOG.info("%s", told)
        try:
            self._renew_model()
            result = self._judge(now_ns)
            self._train_when_due(now_ns)
        except StoreUnavailableError as error:
            result = self._silent(Knowledge.UNKNOWN, f"{error}; {error.remedy}")
        except AnalyticsError as error:
            result = self._silent(Knowledge.UNKNOWN, str(error))
        standing.cpu_s = time.process_time() - began_s
        if self._stop.is_set():
            return  # what could not be read any more is not unknown
        self._publish(result, now_ns)
        self._keepsake.save(self._cycle.alarms)

    def _judge(self, now_ns: int) -> PlantResult:
        training = self._config.training
        try:
            if self._assessor is None or self._standing.past is None:
                self._standing.past = past = self._inputs.past(now_ns, training.history_days)
            if self._assessor is None:
                why = self._schedule.why_learning(past, running=self._training.running)
                return self._silent(Knowledge.LEARNING, why)
            window = self._inputs.window(now_ns)
        except NotEnoughDataError as error:
            return self._silent(Knowledge.LEARNING, str(error))
        result = self._cycle.run(self._assessor, window, now_ns)
        self._watch_drift(window, now_ns)
        self._tell(Knowledge.OK, "")
        for name in result.announced:
            _LOG.warning("alarm: %s", name)
        return result

    def _renew_model(self) -> None:
        """Load the champion where it is another one than before; one that cannot be used counts as none."""
        number = self._registry.champion
        if number is None or number == self._champion:
            return
        self._champion, self._assessor, self._standing.version = number, None, None
        try:
            loaded = load_champion(self._registry, self._machines)
        except UnusableInputError as error:
            _LOG.warning("%s", error)
            self._standing.training = str(error)
            return
        if loaded is not None:
            self._standing.version, self._assessor = loaded
            self._schedule.trained(max(version.created_ns for version in self._registry.versions()))
            _LOG.info("model %d is in use", number)

    def _train_when_due(self, now_ns: int) -> None:
        finished = self._training.poll()
        if finished is not None:
            self._standing.training = finished
            self._schedule.tried(now_ns)
            if finished:
                _LOG.warning("training: %s", finished)
        if self._training.running:
            return
        past = self._standing.past if self._assessor is None else None
        drift = self._standing.drift
        drifted = drift is not None and drift.share > MANY
        if self._schedule.is_due(now_ns, has_model=self._assessor is not None, past=past, drifted=drifted):
            abnormal = sorted({unit for (unit, name), alarm in self._cycle.alarms.items() if alarm.raised})
            if self._assessor is not None and abnormal:
                self._standing.training = f"postponed: {', '.join(abnormal)} are not as learnt"
                return
            self._training.begin()

    def _watch_drift(self, window: Window, now_ns: int) -> None:
        version = self._standing.version
        if version is not None and now_ns - self._drift_ns >= _DRIFT_NS:
            self._drift_ns = now_ns
            self._standing.drift = compare(version.reference, window)
            self._standing.past = self._inputs.past(now_ns, self._config.training.history_days)

    def _silent(self, state: Knowledge, reason: str) -> PlantResult:
        if reason != self._standing.reason:
            _LOG.info("%s: %s", state.value, reason)
        self._tell(state, reason)
        return self._cycle.silent(self._unit_ids, state, reason)

    def _tell(self, state: Knowledge, reason: str) -> None:
        self._standing.state, self._standing.reason = state, reason

    def _publish(self, result: PlantResult, now_ns: int) -> None:
        origins = {unit: origin_of(found) for unit, found in self._inputs.origins().items() if found}
        reports = self._publisher.reports
        known = [unit for unit in result.units if unit.unit_id in origins]
        values = reports.values(known, origins, now_ns)
        if origins:  # before, nobody can say whether what is judged is real
            whole = origin_of(list(origins.values()))
            values += reports.own(own_metrics(self._standing, result, self._config.training, whole), now_ns)
        self._publisher.send(values, now_ns)

    def _fail(self, reason: str) -> None:
        self.failed = reason
        self._stop.set()


class StoppableTransport(httpx.HTTPTransport):
    """Sends no request any more once `stop` is set, and rests after each: weeks of history must hold up nobody."""

    def __init__(self, stop: Event) -> None:
        super().__init__()
        self._stop = stop

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; raises httpx.ConnectError where analytics is to end."""
        if self._stop.is_set():
            raise httpx.ConnectError("analytics is stopping", request=request)
        began_s = time.monotonic()
        answer = super().handle_request(request)
        self._stop.wait(REST * (time.monotonic() - began_s))
        return answer


class TrainingProcess:
    """Training in a process of its own, so that its memory returns when it ends."""

    def __init__(self, config_file: Path, limit_s: float) -> None:
        self._command = [sys.executable, "-m", "analytics", "train", "--config", str(config_file), "--exit-with-parent"]
        self._limit_s = limit_s
        self._process: subprocess.Popen[str] | None = None
        self._until_s = 0.0

    @property
    def running(self) -> bool:
        """Whether one is under way."""
        return self._process is not None

    def begin(self) -> None:
        """Start one."""
        self._process = subprocess.Popen(  # noqa: S603 - our own module
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
        )
        self._until_s = time.monotonic() + self._limit_s

    def poll(self) -> str | None:
        """Return what is to be said of one that has just ended, empty where it went well; None while none has."""
        process = self._process
        if process is None:
            return None
        code = process.poll()
        if code is None and time.monotonic() < self._until_s:
            return None
        self.end()
        if code == 0:
            return ""
        if code is None:
            return f"ended after {self._limit_s:g} s; raise training.limit_s or shorten training.history_days"
        told = process.stdout.read() if process.stdout is not None and not process.stdout.closed else ""
        return told.strip() or f"failed with code {code}; see the log of analytics"

    def end(self) -> None:
        """End the one that is under way."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.poll() is None:
            process.kill()
            process.wait()
        if process.stdin is not None:
            process.stdin.close()
