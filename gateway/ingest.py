"""Storing side of ingest: one thread that writes batches and only then lets the edges be told."""

import logging
import random
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from threading import Event, Thread
from time import monotonic, time_ns

from edge_agent.sparkplug.intervals import IntervalSet
from edge_agent.sparkplug.origin import Origin
from edge_agent.sparkplug.quality import Quality
from gateway.acknowledge import Acknowledgements
from gateway.backfill import Backfill
from gateway.catalogue import Catalogue
from gateway.columns import Rows, join
from gateway.inbox import Entry, Inbox
from gateway.losses import Losses, declare
from gateway.receipts import LogKey, Receipts
from gateway.state.quarantine import Quarantine, QuarantinedValue, QuarantineFullError, Rejection
from gateway.state.waveforms import KeptWaveform, Waveforms
from gateway.store.base import (
    DeclaredGap,
    EdgeKey,
    RejectedSamples,
    Series,
    Store,
    StoreUnavailableError,
    WriteBatch,
)

log = logging.getLogger(__name__)

MAINTAIN_EVERY_S = 10.0
HURRY_S = 0.1
"""The same after a history: maintenance computes the rollups of one hour at a time."""
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 15.0
_BUSY_FILL = 0.5
"""Maintenance waits while the live queue is fuller than this, but not longer than ten times its interval."""


class FirstValues:
    """Tells which entries hold the first value of a series since a birth of its node, live or late.

    An edge whose log was lost, damaged or replaced by an older copy does not know, or not in full, what it sent before,
    and its sources give the present value of every signal again, with the time it has had since its last change. No LSN
    tells that this value is stored already: the store must look. Looking after every birth costs next to nothing.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[EdgeKey, bool], tuple[int, set[int]]] = {}

    def take(self, entry: Entry) -> bool:
        """Return whether a numbered entry has a series that was not given since the birth; then it has been."""
        if entry.rows is None or entry.log is None:
            return False
        births, known = self._known.get((entry.edge, entry.historical), (-1, set()))
        if births != entry.births:
            known = set()
            self._known[entry.edge, entry.historical] = entry.births, known
        fresh = entry.rows.distinct_series() - known
        known.update(fresh)
        return bool(fresh)


def assemble(entries: Sequence[Entry], series: Sequence[Series], now_ns: int, firsts: FirstValues) -> WriteBatch:
    """Make one batch of entries, in their order."""
    numbered: list[Rows] = []
    compared: list[Rows] = []
    for entry in entries:
        if entry.rows is not None:
            (compared if entry.log is None or firsts.take(entry) else numbered).append(entry.rows)
    receipts: dict[LogKey, IntervalSet] = {}
    gaps: list[DeclaredGap] = []
    for entry in entries:
        if entry.log is None:
            continue
        received = receipts.get(entry.log)
        if received is None:
            received = receipts[entry.log] = IntervalSet()
        received.update(entry.lsns)
        gaps.extend(DeclaredGap(entry.edge, entry.log[1], gap, now_ns) for gap in entry.gaps)
    return WriteBatch(
        series=series,
        samples=join(numbered),
        unnumbered=join(compared),
        receipts=receipts,
        gaps=gaps,
    )


@dataclass(slots=True)
class StoreHealth:
    """How the store does, for people.

    Attributes:
        error, remedy: why it does not take anything now; empty while it does.
        permanent: waiting alone will not help.
        quarantine_error: why nothing can be put into quarantine; empty where it can.
        waveform_error: why no waveform can be kept; empty where it can.
        samples, batches: stored since the gateway started.
        newest_ns: newest source time stored.
    """

    error: str = ""
    remedy: str = ""
    permanent: bool = False
    quarantine_error: str = ""
    waveform_error: str = ""
    samples: int = 0
    batches: int = 0
    newest_ns: int = 0


@dataclass(slots=True)
class _Work:
    """A batch on its way, with what of it is done."""

    entries: Sequence[Entry]
    set_aside: bool = False
    batch: WriteBatch | None = None
    written: bool = False


class Writer:
    """The writer thread: the only one that calls the writing side of the store.

    Order of each batch: quarantine and waveforms on disk, rows and receipts in the store, then the acknowledgement. A
    crash between any two loses nothing and stores nothing twice: what was not acknowledged is sent again and recognised
    by its LSN.
    """

    def __init__(
        self,
        store: Store,
        inbox: Inbox,
        catalogue: Catalogue,
        receipts: Receipts,
        losses: Losses,
        quarantine: Quarantine,
        waveforms: Waveforms,
        acknowledgements: Acknowledgements,
        clock_ns: Callable[[], int] = time_ns,
        backfill: Backfill | None = None,
    ) -> None:
        self._backfill = backfill
        self._store = store
        self._inbox = inbox
        self._catalogue = catalogue
        self._receipts = receipts
        self._losses = losses
        self._quarantine = quarantine
        self._waveforms = waveforms
        self._acknowledgements = acknowledgements
        self._clock_ns = clock_ns
        self._firsts = FirstValues()
        self._stopping = Event()
        self._thread = Thread(target=self._run, name="gateway-writer", daemon=True)
        self._maintained_s = monotonic()
        self.health = StoreHealth()
        self.quarantined = quarantine.count()

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def stop(self, timeout_s: float = 10.0) -> None:
        """Write what waits, if the store takes it, and end."""
        self._stopping.set()
        self._inbox.close()
        self._thread.join(timeout_s)

    def _run(self) -> None:
        while True:
            entries = self._inbox.take(1.0 if self._backfill is None else self._backfill.rest_s(monotonic()))
            if entries and not self._persist(partial(self._store_entries, _Work(entries))):
                return
            if not entries and self._stopping.is_set():
                return
            if not self._persist(self._declare_losses):
                return
            if self._backfill is not None and not self._persist(partial(self._import_history, self._backfill)):
                return
            self._maintain()

    def _persist(self, step: Callable[[], None]) -> bool:
        """Repeat a step until the store has taken it; False where the gateway stops first."""
        pause_s = FIRST_PAUSE_S
        while True:
            try:
                step()
            except Exception as error:  # noqa: BLE001  (boundary of the thread: whatever fails, nothing is lost)
                wait_s = self._failed(error, pause_s)
                pause_s = min(2.0 * pause_s, LONGEST_PAUSE_S)
                if self._stopping.wait(wait_s):
                    return False
            else:
                self._recovered()
                return True

    def _store_entries(self, work: _Work) -> None:
        if not work.set_aside:
            work.entries = self._keep_waveforms(self._set_aside(work.entries))
            work.set_aside = True
        if work.batch is None:
            work.batch = assemble(work.entries, self._catalogue.drain(), self._clock_ns(), self._firsts)
        if not work.written:
            self._store.write(work.batch, self._reject_samples)
            work.written = True
        self._stored(work.entries, work.batch)

    def _set_aside(self, entries: Sequence[Entry]) -> Sequence[Entry]:
        """Put what was refused into quarantine; where that fails, leave it at its edge and let the rest flow."""
        rejections = [entry.rejection for entry in entries if entry.rejection is not None]
        if not rejections:
            return entries
        try:
            self._reject(rejections)
        except (QuarantineFullError, sqlite3.Error) as error:
            if not self.health.quarantine_error:
                log.warning("quarantine: cannot be written (%s); what belongs there waits at the edges", error)
            self.health.quarantine_error = str(error)
            return self._without(entries, [entry for entry in entries if entry.rejection is not None])
        self.health.quarantine_error = ""
        return entries

    def _keep_waveforms(self, entries: Sequence[Entry]) -> Sequence[Entry]:
        """Put waveforms on disk; where that fails, leave them at their edges and let the rest flow."""
        holding = [entry for entry in entries if entry.blocks]
        if not holding:
            return entries
        try:
            self._waveforms.add(
                KeptWaveform(
                    str(self._catalogue.series(block.series).key),
                    block.time_ns,
                    Quality(block.quality),
                    Origin(block.origin),
                    block.waveform,
                )
                for entry in holding
                for block in entry.blocks
            )
        except sqlite3.Error as error:
            if not self.health.waveform_error:
                log.warning("waveforms: cannot be kept (%s); they wait at the edges", error)
            self.health.waveform_error = str(error)
            return self._without(entries, holding)
        self.health.waveform_error = ""
        return entries

    def _without(self, entries: Sequence[Entry], refused: Sequence[Entry]) -> Sequence[Entry]:
        """Leave entries out of a batch; the numbered ones of them will be sent again."""
        for entry in refused:
            if entry.log is not None:
                self._receipts.release(entry.log, entry.lsns.numbers())
        gone = set(map(id, refused))
        return [entry for entry in entries if id(entry) not in gone]

    def _declare_losses(self) -> None:
        now_ns = self._clock_ns()
        for key, loss in self._losses.ripe(now_ns):
            gaps = declare(key, loss, self._store.gaps(loss.from_ns, now_ns), now_ns) if loss.cause else ()
            receipts = {key: loss.never}
            self._store.write(WriteBatch(receipts=receipts, gaps=gaps), self._reject_samples)
            self._receipts.commit(receipts)
            self._losses.settled(key)
            for gap in gaps:
                log.warning("edge %s: lost its log up to LSN %d; declared as %s", key[0], loss.first_lsn, gap.gap.cause)

    def _import_history(self, backfill: Backfill) -> None:
        """Store one batch of a history, where no message waits."""
        begin_s = monotonic()
        if self._stopping.is_set() or self._inbox.depth() or not backfill.due(begin_s):
            return
        batch = backfill.next(begin_s)
        if batch is not None:
            self._store.write(batch, self._reject_samples)
            backfill.stored(begin_s, monotonic())

    def _failed(self, error: Exception, pause_s: float) -> float:
        """Record why the store takes nothing, ask the edges to hold, and return how long to wait."""
        health = self.health
        known = health.error
        wait_s = pause_s * random.uniform(0.5, 1.0)
        health.permanent = False
        if isinstance(error, StoreUnavailableError):
            health.remedy, health.permanent = error.remedy, error.permanent
            if error.retry_after_s is not None:
                wait_s = max(wait_s, error.retry_after_s)
            if error.permanent:
                wait_s = max(wait_s, LONGEST_PAUSE_S / 2)
        elif isinstance(error, QuarantineFullError):
            health.remedy = "read the quarantine, mend the sender, then move the quarantine file away"
        elif isinstance(error, sqlite3.Error):
            health.remedy = "check that the disk of the quarantine file has space and may be written"
        else:
            health.remedy = "this is a defect of the gateway: see its log; edges keep everything meanwhile"
            log.error("store: writing failed for a reason it should have named", exc_info=error)
        health.error = str(error) or repr(error)
        if not known:
            log.warning("store: takes nothing (%s); edges keep their data; %s", health.error, health.remedy)
        self._acknowledgements.set_hold(hold=True)
        return wait_s

    def _stored(self, entries: Sequence[Entry], batch: WriteBatch) -> None:
        health = self.health
        self._receipts.commit(batch.receipts)
        for key, lsns in batch.receipts.items():
            self._acknowledgements.stored(key, lsns)
        newest: dict[EdgeKey, int] = {}
        for entry in entries:
            if entry.newest_ns > newest.get(entry.edge, 0):
                newest[entry.edge] = entry.newest_ns
        for edge, newest_ns in newest.items():
            self._losses.stored(edge, newest_ns)
            health.newest_ns = max(health.newest_ns, newest_ns)
        health.samples += len(batch.samples) + len(batch.unnumbered)
        health.batches += 1

    def _recovered(self) -> None:
        if self.health.error:
            log.info("store: takes data again")
            self.health.error = self.health.remedy = ""
            self.health.permanent = False
        self._acknowledgements.set_hold(hold=False)

    def _reject(self, rejections: Sequence[Rejection]) -> None:
        if not rejections:
            return
        self._quarantine.add(rejections)
        self.quarantined = self._quarantine.count()
        for rejection in rejections[:3]:
            log.warning("quarantine: %s: %s", rejection.topic, rejection.reason)

    def _reject_samples(self, rejected: RejectedSamples) -> None:
        samples = rejected.samples
        values = [
            QuarantinedValue(
                series=str(self._catalogue.series(int(samples.series[row])).key),
                time_ns=int(samples.time_ns[row]),
                value=repr(samples.value(row)),
                reason=rejected.reason,
            )
            for row in range(len(samples))
        ]
        self._reject([Rejection(self._clock_ns(), "store", rejected.reason, values=values)])

    def _maintain(self) -> None:
        since_s = monotonic() - self._maintained_s
        hurry = self._backfill is not None and self._backfill.hours_left > 0
        if since_s < (HURRY_S if hurry else MAINTAIN_EVERY_S) or (
            self._inbox.fill() > _BUSY_FILL and since_s < 10 * MAINTAIN_EVERY_S
        ):
            return
        self._maintained_s = monotonic()
        if self._backfill is not None:
            self._backfill.rolled_up()
        try:
            self._store.maintain(self._clock_ns())
        except StoreUnavailableError as error:
            log.warning("store: maintenance put off (%s); %s", error, error.remedy)
