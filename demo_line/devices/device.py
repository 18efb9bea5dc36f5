"""What a device is to the one adapter that connects it, `demo_line/servers/mqtt`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from demo_line.journal import Row
from demo_line.line import LineState

NS_PER_MS = 1_000_000


class Message(NamedTuple):
    """One message to be published.

    Attributes:
        topic, payload: as they go to the broker.
        rows: what the journal keeps of it: every number that a reader can find at a time of its own. A device whose
            messages carry no time has none: nobody can know at which time its reader will store them.
        retain: whether the broker keeps it for readers that come later.
    """

    topic: str
    payload: bytes
    rows: Sequence[Row] = ()
    retain: bool = False


@dataclass(frozen=True, slots=True)
class Presence:
    """How a device tells that it is there: a retained message, whose opposite is its last will."""

    topic: str
    online: bytes = b"true"
    offline: bytes = b"false"


class Device(Protocol):
    """One device. It keeps its own state and random numbers, reads no clock and knows of no connection.

    `step` is called for every step of the line, connected or not, because a meter goes on counting; messages of a
    device without connection are lost, as the real one's are.
    """

    @property
    def presence(self) -> Presence:
        """Where it tells that it is there."""

    @property
    def commands(self) -> Sequence[str]:
        """Topics that it listens to."""

    @property
    def powered(self) -> bool:
        """False while it has no power: it is silent, and its connection breaks without a goodbye."""

    def introduce(self) -> None:
        """Take note of a new connection: what the device says first comes with the next step."""

    def command(self, topic: str) -> None:
        """Take note of a message on one of its command topics."""

    def step(self, state: LineState, time_ns: int, dt_s: float) -> list[Message]:
        """Measure the step that ends at `time_ns` (UTC nanoseconds) and say what is due."""
