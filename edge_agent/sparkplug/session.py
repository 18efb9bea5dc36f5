"""Session of an edge node between two deaths: when it may be born, and its sequence numbers. Pure.

Sparkplug B 3.0, chapters 5.4 (edge node session establishment), 5.6 (primary host), 6.4 and 9 (STATE).
"""

import json
from dataclasses import dataclass

from edge_agent.sparkplug.payload import PayloadError

_SEQ_MODULUS = 256
REBIRTH_PAUSE_S = 1.0


@dataclass(frozen=True, slots=True)
class HostState:
    """What a host application says of itself: whether it is online, and since when (ms)."""

    online: bool
    timestamp_ms: int

    @classmethod
    def parse(cls, payload: bytes) -> "HostState":
        """Read a STATE message of Sparkplug 3.0 (JSON); raises PayloadError."""
        try:
            fields = json.loads(payload)
            online, timestamp = fields["online"], fields["timestamp"]
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise PayloadError(f"STATE {payload[:80]!r} is not JSON with online and timestamp: {error!r}") from None
        if not isinstance(online, bool) or isinstance(timestamp, bool) or not isinstance(timestamp, int):
            raise PayloadError(f"STATE {payload[:80]!r}: online must be true or false, timestamp milliseconds")
        return cls(online, timestamp)


class Session:
    """State of the session of one edge node.

    Attributes:
        connected: the MQTT session stands.
        born: NBIRTH was sent on it.
        bd_seq: number that ties NBIRTH to the NDEATH which the broker holds as will.
    """

    def __init__(self, *, waits_for_host: bool) -> None:
        self.connected = False
        self.born = False
        self.bd_seq = 0
        self._waits_for_host = waits_for_host
        self._host: HostState | None = None
        self._seq = 0
        self._born_s: float | None = None
        self._rebirth_wanted = False

    def connect(self, bd_seq: int) -> None:
        """The connection stands, with the will of this number."""
        self.connected = True
        self.born = False
        self.bd_seq = bd_seq

    def disconnect(self) -> None:
        """The connection is gone; what the host is now will be heard on the next one."""
        self.connected = False
        self.born = False
        self._host = None

    def hear(self, state: HostState) -> bool:
        """Take a STATE message of the primary host; returns whether the session must end now.

        An offline that is older than the online that was heard is the will of an earlier connection that came late and
        is ignored. An online is always taken, even an older one: the clock of the host may have been set back.
        """
        if not state.online and self._host is not None and self._host.online:
            if state.timestamp_ms < self._host.timestamp_ms:
                return False
            self._host = state
            return self.born and self._waits_for_host
        self._host = state
        return False

    @property
    def host_online(self) -> bool:
        """Whether the primary host is there, or none is waited for."""
        return not self._waits_for_host or (self._host is not None and self._host.online)

    def want_rebirth(self) -> None:
        """A host asks for all births again."""
        self._rebirth_wanted = True

    def birth_due(self, now_s: float) -> bool:
        """Whether NBIRTH and all DBIRTHs must be sent now. Rebirths are at least REBIRTH_PAUSE_S apart."""
        if not self.connected or not self.host_online:
            return False
        if not self.born:
            return True
        return self._rebirth_wanted and (self._born_s is None or now_s - self._born_s >= REBIRTH_PAUSE_S)

    def begin(self, now_s: float) -> int:
        """NBIRTH is sent: returns its sequence number, 0."""
        self.born = True
        self._born_s = now_s
        self._rebirth_wanted = False
        self._seq = 0
        return 0

    def next_seq(self) -> int:
        """Return the sequence number of the next message."""
        self._seq = (self._seq + 1) % _SEQ_MODULUS
        return self._seq
