"""Storing side of ingest: one thread that writes batches and only then lets the edges be told."""

import logging
import random
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from threading import Event, Thread
from time import monotonic, time_ns

from gateway.acknowledge import Acknowledgements
from gateway.aside import Aside, CannotSetAsideError
from gateway.backfill import Backfill
from gateway.batch import FirstValues, assemble
from gateway.catalogue import Catalogue
from gateway.inbox import Entry, Inbox
from gateway.isolate import Isolation
from gateway.losses import Losses, declare
from gateway.receipts import Receipts
from gateway.state.quarantine import Quarantine
from gateway.state.waveforms import Waveforms
from gateway.store.base import (
    EdgeKey,
    Store,
    StoreUnavailableError,
    WriteBatch,
)
from gateway.store_health import StoreHealth

log = logging.getLogger(__name__)

MAINTAIN_EVERY_S = 10.0
HURRY_S = 0.1
"""The same after a history: maintenance computes the rollups of one hour at a time."""
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 15.0
SURPRISES = 2
"""So often a batch fails for a reason that no store names before the messages are looked for that cause it."""
COMPANY = 1_000
"""Where nothing can be stored, newer messages join those that failed as long as these are fewer."""
_BUSY_FILL = 0.5
"""Maintenance waits while the live queue is fuller than this, but not longer than ten times its interval."""


@dataclass(slots=True)
class _Work:
    """A batch on its way, with what of it is done.

    Attributes:
        fresh: what was just received.
        entries: what is not stored yet, without what was kept aside.
        batch: what is made of them; None until it is made.
        surprises: how often it could not be written, for a reason that no store names.
        isolation: the search for the messages that cause it.
    """

    fresh: Sequence[Entry]
    entries: Sequence[Entry] = ()
    batch: WriteBatch | None = None
    surprises: int = 0
    isolation: Isolation | None = None


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
        self._acknowledgements = acknowledgements
        self._clock_ns = clock_ns
        self._firsts = FirstValues()
        self._stopping = Event()
        self._thread = Thread(target=self._run, name="gateway-writer", daemon=True)
        self._maintained_s = monotonic()
        self.health = StoreHealth()
        self._aside = Aside(quarantine, waveforms, catalogue, receipts, self.health, clock_ns)

    @property
    def quarantined(self) -> int:
        """Entries of the quarantine."""
        return self._aside.quarantined

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
        if work.fresh:
            fresh = self._aside.keep(work.fresh)
            self._firsts.mark(fresh)
            work.entries = [*work.entries, *fresh]
            work.fresh = ()
        if work.batch is None:
            work.batch = assemble(work.entries, self._catalogue.drain(), self._clock_ns())
        if work.isolation is None:
            try:
                self._write(work.entries, work.batch)
                return
            except StoreUnavailableError:
                raise
            except CannotSetAsideError:
                log.warning("store: looking for the messages that belong into a quarantine that takes nothing")
            except Exception:
                work.surprises += 1
                if work.surprises < SURPRISES:
                    raise
            work.isolation = Isolation([work.entries])
        self._isolate(work, work.isolation, work.batch)

    def _write(self, entries: Sequence[Entry], batch: WriteBatch) -> None:
        self._store.write(batch, self._aside.refuse_samples)
        self._stored(entries, batch)

    def _isolate(self, work: _Work, isolation: Isolation, whole: WriteBatch) -> None:
        """Store the batch message by message where need be; what cannot be stored goes into quarantine.

        Where no message at all can be stored, the messages are not what is wrong, or not shown to be: then they are
        kept and tried again, in company of newer ones.
        """
        self._store.write(WriteBatch(series=whole.series), self._aside.refuse_samples)
        isolation.run(lambda entries: self._write(entries, assemble(entries, (), self._clock_ns())))
        surprises = [error for _, error in isolation.guilty if not isinstance(error, CannotSetAsideError)]
        if surprises and not isolation.passed:
            work.entries = [entry for entry, _ in isolation.guilty]
            if len(work.entries) < COMPANY:
                work.fresh = self._inbox.take(0.0)
            work.batch = work.isolation = None
            raise surprises[-1]
        while isolation.guilty:
            entry, error = isolation.guilty[-1]
            if self._aside.give_up(entry, error) and entry.log is not None:
                self._write([], WriteBatch(receipts={entry.log: entry.lsns}))
            isolation.guilty.pop()

    def _declare_losses(self) -> None:
        now_ns = self._clock_ns()
        for key, loss in self._losses.ripe(now_ns):
            gaps = declare(key, loss, self._store.gaps(loss.from_ns, now_ns), now_ns) if loss.cause else ()
            receipts = {key: loss.never}
            self._store.write(WriteBatch(receipts=receipts, gaps=gaps), self._aside.refuse_samples)
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
            self._store.write(batch, self._aside.refuse_samples)
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
        elif isinstance(error, CannotSetAsideError):
            health.remedy = error.remedy
        elif isinstance(error, sqlite3.Error):
            health.remedy = "check that the disk of the gateway's files has space and may be written"
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
        except Exception:  # the boundary of the thread: rollups are late, but writing must go on
            log.exception("store: maintenance failed; it is tried again")
