"""What does not go into the store of samples: quarantine and waveforms, on disk before anything is acknowledged."""

import logging
import sqlite3
from collections.abc import Callable, Sequence

from edge_agent.sparkplug.origin import Origin
from edge_agent.sparkplug.quality import Quality
from gateway.catalogue import Catalogue
from gateway.columns import join
from gateway.inbox import Entry
from gateway.receipts import Receipts
from gateway.state.quarantine import Quarantine, QuarantinedValue, QuarantineFullError, Rejection
from gateway.state.waveforms import KeptWaveform, Waveforms
from gateway.store.base import RejectedSamples, Samples
from gateway.store_health import StoreHealth

log = logging.getLogger(__name__)


class CannotSetAsideError(Exception):
    """The quarantine takes nothing now; nothing was written.

    Attributes:
        remedy: what the engineer can do about it.
    """

    def __init__(self, cause: QuarantineFullError | sqlite3.Error) -> None:
        super().__init__(str(cause))
        self.remedy = (
            "read the quarantine, mend the sender, then move the quarantine file away"
            if isinstance(cause, QuarantineFullError)
            else "check that the disk of the quarantine file has space and may be written"
        )


class Aside:
    """Keeps things aside for the writer thread; where that fails they stay at their edges and the rest flows."""

    def __init__(
        self,
        quarantine: Quarantine,
        waveforms: Waveforms,
        catalogue: Catalogue,
        receipts: Receipts,
        health: StoreHealth,
        clock_ns: Callable[[], int],
    ) -> None:
        self._quarantine = quarantine
        self._waveforms = waveforms
        self._catalogue = catalogue
        self._receipts = receipts
        self._health = health
        self._clock_ns = clock_ns
        self.quarantined = quarantine.count()

    def keep(self, entries: Sequence[Entry]) -> Sequence[Entry]:
        """Put refused messages and waveforms on disk; returns the entries that go on to the store."""
        return self._keep_waveforms(self._keep_rejections(entries))

    def give_up(self, entry: Entry, error: Exception) -> bool:
        """Quarantine a message that the store cannot take; False where it must stay at its edge instead."""
        try:
            if isinstance(error, CannotSetAsideError):
                raise error
            log.error("a message of %s cannot be stored", entry.edge, exc_info=error)
            self._reject([self._rejection(entry, f"the store cannot take it: {type(error).__name__}: {error}")])
        except CannotSetAsideError as full:
            self._leave([entry], [entry], full)
            return False
        return True

    def refuse_samples(self, rejected: RejectedSamples) -> None:
        """Quarantine rows that the store will never take (a `Reject`); raises CannotSetAsideError."""
        values = self._values(rejected.samples, rejected.reason)
        self._reject([Rejection(self._clock_ns(), "store", rejected.reason, values=values)])

    def _keep_rejections(self, entries: Sequence[Entry]) -> Sequence[Entry]:
        rejections = [entry.rejection for entry in entries if entry.rejection is not None]
        if not rejections:
            return entries
        try:
            self._reject(rejections)
        except CannotSetAsideError as error:
            return self._leave(entries, [entry for entry in entries if entry.rejection is not None], error)
        return entries

    def _keep_waveforms(self, entries: Sequence[Entry]) -> Sequence[Entry]:
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
            if not self._health.waveform_error:
                log.warning("waveforms: cannot be kept (%s); they wait at the edges", error)
            self._health.waveform_error = str(error)
            return self._without(entries, holding)
        self._health.waveform_error = ""
        return entries

    def _leave(self, entries: Sequence[Entry], refused: Sequence[Entry], error: CannotSetAsideError) -> Sequence[Entry]:
        """Say that the quarantine takes nothing, and leave out what belongs there."""
        if not self._health.quarantine_error:
            log.warning("quarantine: takes nothing (%s); what belongs there waits at the edges", error)
        self._health.quarantine_error = str(error)
        return self._without(entries, refused)

    def _without(self, entries: Sequence[Entry], refused: Sequence[Entry]) -> Sequence[Entry]:
        """Leave entries out of a batch; the numbered ones of them will be sent again."""
        for entry in refused:
            if entry.log is not None:
                self._receipts.release(entry.log, entry.lsns.numbers())
        gone = set(map(id, refused))
        return [entry for entry in entries if id(entry) not in gone]

    def _rejection(self, entry: Entry, reason: str) -> Rejection:
        return Rejection(
            at_ns=self._clock_ns(),
            topic=f"message of {entry.edge}",
            reason=reason,
            epoch=None if entry.log is None else entry.log[1],
            lsn=next(entry.lsns.numbers(), None),
            values=self._values(join([] if entry.rows is None else [entry.rows]), reason),
        )

    def _values(self, samples: Samples, reason: str) -> Sequence[QuarantinedValue]:
        return [
            QuarantinedValue(
                series=str(self._catalogue.series(int(samples.series[row])).key),
                time_ns=int(samples.time_ns[row]),
                value=repr(samples.value(row)),
                reason=reason,
            )
            for row in range(len(samples))
        ]

    def _reject(self, rejections: Sequence[Rejection]) -> None:
        try:
            self._quarantine.add(rejections)
        except (QuarantineFullError, sqlite3.Error) as error:
            raise CannotSetAsideError(error) from error
        self._health.quarantine_error = ""
        self.quarantined = self._quarantine.count()
        for rejection in rejections[:3]:
            log.warning("quarantine: %s: %s", rejection.topic, rejection.reason)
