"""HistoryRead of raw values (OPC 10000-11, 6.5.3), for clients that fill a gap.

Continuation points hold all that is needed to go on, so the server remembers nothing for its clients and a point stays
valid as long as the readings behind it are kept.
"""

import struct
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, NamedTuple

from asyncua import ua

from demo_line.servers.history import Extent, Record, Track

MOST_VALUES = 10_000
"""Most values of one node in one answer; the rest comes with continuation points."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NEVER = datetime(1601, 1, 2, tzinfo=UTC)
"""A time before this one is the OPC UA way to say that there is none."""
_PACKED = struct.Struct("<qqI")
_NONE = -(2**63)


class HistoryReader:
    """Takes the place of the library's history, which keeps every value as an object.

    Args:
        tracks: by node id.
        types: type of the values, by node id.
        statuses: status codes by the numbers that readings are kept with.
    """

    def __init__(
        self,
        tracks: Mapping[ua.NodeId, Track],
        types: Mapping[ua.NodeId, ua.VariantType],
        statuses: Sequence[ua.StatusCode],
    ) -> None:
        self._tracks = tracks
        self._types = types
        self._statuses = statuses

    async def init(self) -> None:
        """Nothing to prepare; part of the library's interface, as `stop`."""

    async def stop(self) -> None:
        """Nothing to close."""

    def update_history(self, parameters: ua.HistoryUpdateParameters) -> list[ua.HistoryUpdateResult]:
        """Refused: history cannot be written."""
        refused = ua.StatusCode(ua.StatusCodes.BadHistoryOperationUnsupported)
        return [ua.HistoryUpdateResult(refused) for _ in parameters.HistoryUpdateDetails]

    async def read_history(self, parameters: ua.HistoryReadParameters) -> list[ua.HistoryReadResult]:
        """Answer each node of a request with its own status."""
        if parameters.ReleaseContinuationPoints:
            return [ua.HistoryReadResult() for _ in parameters.NodesToRead]
        return [self._read(parameters.HistoryReadDetails, node) for node in parameters.NodesToRead]

    def _read(self, details: Any, node: ua.HistoryReadValueId) -> ua.HistoryReadResult:
        track = self._tracks.get(node.NodeId)
        if track is None or not isinstance(details, ua.ReadRawModifiedDetails) or details.IsReadModified:
            return _refused(ua.StatusCodes.BadHistoryOperationUnsupported)
        wanted = details.NumValuesPerNode or 0
        asked = _Point(Extent(_ns(details.StartTime), _ns(details.EndTime)), 0)
        if node.ContinuationPoint:
            point = _Point.unpacked(node.ContinuationPoint)
            if point is None or track.at(point.next_ns) is None:
                return _refused(ua.StatusCodes.BadContinuationPointInvalid)
            asked = point
        elif asked.extent.start_ns is None or asked.extent.end_ns is None:
            # Bounded by a number: of start, end and number two must be given.
            if not wanted or asked.extent.start_ns is asked.extent.end_ns:
                return _refused(ua.StatusCodes.BadHistoryOperationInvalid)
            asked = _Point(asked.extent, wanted)
        page = min(value for value in (wanted, asked.left, MOST_VALUES) if value)
        before, behind = self._bounds(node, track, asked.extent, wanted=details.ReturnBounds)
        room = page - len(before)
        records = list(islice(track.read(asked.extent), room + 1))
        following = None
        if len(records) > room and asked.left != page:
            following = records.pop()
        elif behind and len(records) == room > 1:
            following = records.pop()  # the bound behind it has no room here
        values = [*before, *(self._value(node.NodeId, record) for record in records[:room])]
        going_on = None if following is None else asked.going_on(following.time_ns, page).packed()
        if going_on is None:
            values += behind
        return ua.HistoryReadResult(ContinuationPoint=going_on, HistoryData=ua.HistoryData(DataValues=values))

    def _bounds(
        self, node: ua.HistoryReadValueId, track: Track, extent: Extent, *, wanted: bool
    ) -> tuple[list[ua.DataValue], list[ua.DataValue]]:
        """Readings around an extent that goes forwards, or that there is none (OPC 10000-11, 6.5.3.2)."""
        before: list[ua.DataValue] = []
        behind: list[ua.DataValue] = []
        if wanted and not extent.backwards:
            start_ns, end_ns = extent.start_ns, extent.end_ns
            if start_ns is not None and not node.ContinuationPoint and track.at(start_ns) is None:
                before = [self._bound(node.NodeId, track.before(start_ns), start_ns)]
            if end_ns is not None and end_ns != start_ns:
                behind = [self._bound(node.NodeId, track.at(end_ns) or track.after(end_ns), end_ns)]
        return before, behind

    def _bound(self, node_id: ua.NodeId, record: Record | None, time_ns: int) -> ua.DataValue:
        if record is not None:
            return self._value(node_id, record)
        status = ua.StatusCode(ua.StatusCodes.BadBoundNotFound)
        return ua.DataValue(ua.Variant(None), status, _moment(time_ns), _moment(time_ns))

    def _value(self, node_id: ua.NodeId, record: Record) -> ua.DataValue:
        content = ua.Variant(None)
        if record.value is not None:
            kind = self._types[node_id]
            value = record.value if kind is ua.VariantType.Double else int(record.value)
            content = ua.Variant(bool(value) if kind is ua.VariantType.Boolean else value, kind)
        moment = _moment(record.time_ns)
        return ua.DataValue(content, self._statuses[record.status], moment, moment)


class _Point(NamedTuple):
    """Where to go on: an extent, and how many of its readings are left (0 = all)."""

    extent: Extent
    left: int

    @property
    def next_ns(self) -> int:
        """Time of the next reading of a point that goes on."""
        extent = self.extent
        return (extent.end_ns if extent.start_ns is None else extent.start_ns) or 0

    def going_on(self, next_ns: int, given: int) -> "_Point":
        """The same after some readings, the next of which has a time."""
        left = self.left - given if self.left else 0
        if self.extent.start_ns is None:
            return _Point(Extent(None, next_ns), left)
        return _Point(Extent(next_ns, self.extent.end_ns), left)

    def packed(self) -> bytes:
        """Text for the client, which gives it back as it is."""
        start_ns, end_ns = self.extent
        return _PACKED.pack(*(_NONE if time_ns is None else time_ns for time_ns in (start_ns, end_ns)), self.left)

    @classmethod
    def unpacked(cls, packed: bytes) -> "_Point | None":
        """Read one; None where it is not ours."""
        if len(packed) != _PACKED.size:
            return None
        start_ns, end_ns, left = _PACKED.unpack(packed)
        return cls(Extent(None if start_ns == _NONE else start_ns, None if end_ns == _NONE else end_ns), left)


def _refused(code: int) -> ua.HistoryReadResult:
    result = ua.HistoryReadResult()
    result.StatusCode = ua.StatusCode(code)
    return result


def _ns(moment: datetime | None) -> int | None:
    if moment is None:
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return None if aware < _NEVER else (aware - _EPOCH) // timedelta(microseconds=1) * 1000


def _moment(time_ns: int) -> datetime:
    return _EPOCH + timedelta(microseconds=time_ns // 1000)
