"""Messages of our own edges, which have an LSN: admitted once, decoded together, queued for the writer."""

import logging
from collections.abc import Callable, Sequence

from edge_agent.sparkplug.delivery import GAP, LSN, Gap
from edge_agent.sparkplug.payload import PayloadError, parse
from gateway.acknowledge import Acknowledgements
from gateway.bundle import Bundle
from gateway.catalogue import Catalogue
from gateway.columns import RowBuilder, Rows
from gateway.decode import BadMetric, Decoded, read_data
from gateway.fast_decode import read_fast
from gateway.host import Arrived, Node
from gateway.inbox import Entry, Inbox
from gateway.latest import LatestTable
from gateway.losses import Losses
from gateway.receipts import Admission, LogKey, Receipts
from gateway.rejection import reject
from gateway.traffic import EdgeTraffic

_LOG = logging.getLogger(__name__)
_LSN_LIMIT = 1 << 63


class NumberedMessages:
    """Takes each message of a log once. Not thread-safe: the caller serialises.

    An LSN counts as waiting from its admission on. It ends as stored, or is released where its message could not be
    read yet or found no room, so that the edge sends it again.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        latest: LatestTable,
        receipts: Receipts,
        losses: Losses,
        inbox: Inbox,
        acknowledgements: Acknowledgements,
        want_rebirth: Callable[[Node, float], None],
    ) -> None:
        """Begin with nothing; `want_rebirth` is told of a node whose data cannot be read before it is born again."""
        self._catalogue = catalogue
        self._latest = latest
        self._receipts = receipts
        self._losses = losses
        self._inbox = inbox
        self._acknowledgements = acknowledgements
        self._want_rebirth = want_rebirth
        self._bundles: dict[tuple[LogKey, bool], Bundle] = {}

    def take(
        self, arrived: Arrived, log: LogKey, lsn: int, traffic: EdgeTraffic, now_s: float, now_ns: int, *, late: bool
    ) -> None:
        """Take a message; `late` says that it is historical. It is decoded now or at the next `decode`."""
        if not 0 < lsn < _LSN_LIMIT:
            bad = BadMetric(LSN, None, f"{lsn} is no log sequence number: expected 1 to 2^63 - 1 as UInt64")
            traffic.queue(Entry(log[0], rejection=reject(arrived, None, [bad], now_ns)), self._inbox)
            return
        admission = self._receipts.admit(log, lsn)
        if admission is not Admission.NEW:
            traffic.duplicates += 1
            if admission is Admission.STORED:
                self._acknowledgements.stored(log, [(lsn, lsn)])
            return
        alone = self._losses.wants(log, lsn, historical=late)
        if alone:
            self.decode(now_s, now_ns)
        bundle = self._bundles.get((log, late))
        if bundle is None:
            bundle = self._bundles[log, late] = Bundle(log, traffic, arrived.node.births, historical=late)
        bundle.add(arrived, lsn)
        if alone or bundle.full:
            del self._bundles[log, late]
            self._decode(bundle, now_s, now_ns)

    def decode(self, now_s: float, now_ns: int) -> None:
        """Decode everything that was taken, and queue it."""
        while self._bundles:  # an exception leaves the other bundles for the next call
            _, bundle = self._bundles.popitem()
            self._decode(bundle, now_s, now_ns)

    def _decode(self, bundle: Bundle, now_s: float, now_ns: int) -> None:
        free = set(bundle.lsns)
        try:
            rows, usual = self._read_fast(bundle)
            plain = [lsn for lsn, is_usual in zip(bundle.lsns, usual, strict=True) if is_usual]
            if plain:
                entry = bundle.entry(plain)
                entry.parts = [
                    (lsn, len(part.metrics))
                    for lsn, part, is_usual in zip(bundle.lsns, bundle.parts, usual, strict=True)
                    if is_usual
                ]
                if len(rows):
                    self._latest.offer(rows, now_ns)
                    entry.fill(rows)
                if self._queue(entry, bundle.traffic):
                    free.difference_update(plain)
            for arrived, lsn, is_usual in zip(bundle.arrived, bundle.lsns, usual, strict=True):
                if not is_usual and self._decode_carefully(arrived, lsn, bundle, now_s, now_ns):
                    free.discard(lsn)
        finally:
            self._receipts.release(bundle.log, free)

    def _read_fast(self, bundle: Bundle) -> tuple[Rows, Sequence[bool]]:
        try:
            return read_fast(bundle.parts)
        except Exception:  # noqa: BLE001  (a defect of ours must not keep messages that have nothing to do with it)
            _LOG.exception("the fast path failed; %d messages are read with care", len(bundle.lsns))
            return RowBuilder().rows(), [False] * len(bundle.lsns)

    def _decode_carefully(self, arrived: Arrived, lsn: int, bundle: Bundle, now_s: float, now_ns: int) -> bool:
        """Decode an unusual message; False where it must come again: after a rebirth, or when there is room."""
        entry = bundle.entry([lsn])
        try:
            full = parse(arrived.message.SerializeToString())
        except PayloadError as error:
            entry.rejection = reject(arrived, lsn, [BadMetric("", None, str(error))], now_ns)
            return self._queue(entry, bundle.traffic)
        try:
            decoded = read_data(full.metrics[1:], full.timestamp, arrived.aliases, self._catalogue, numbered=True)
        except Exception as error:  # noqa: BLE001  (the message would come again for ever)
            _LOG.exception("a message of %s cannot be read, for a reason that should have been named", arrived.topic)
            entry.rejection = reject(arrived, lsn, [BadMetric("", None, repr(error))], now_ns)
            return self._queue(entry, bundle.traffic)
        if decoded.unknown:
            self._want_rebirth(arrived.node, now_s)
            return False
        _add_gap(entry, decoded, bundle.traffic)
        entry.blocks = decoded.blocks
        if decoded.bad:
            entry.rejection = reject(arrived, lsn, decoded.bad, now_ns)
        if len(decoded.rows):
            self._latest.offer(decoded.rows, now_ns)
            entry.fill(decoded.rows)
        return self._queue(entry, bundle.traffic)

    def _queue(self, entry: Entry, traffic: EdgeTraffic) -> bool:
        if not traffic.queue(entry, self._inbox):
            return False
        self._losses.note(entry)
        traffic.last_lsn = max(traffic.last_lsn or 0, *(last for _, last in entry.lsns))
        return True


def _add_gap(entry: Entry, decoded: Decoded, traffic: EdgeTraffic) -> None:
    text = decoded.control.get(GAP)
    if text is None:
        return
    try:
        gap = Gap.from_json(str(text))
    except PayloadError as error:
        decoded.bad.append(BadMetric(GAP, None, str(error)))
        return
    traffic.dropped += gap.count or 0
    entry.gaps = (gap,)
