"""Sparkplug B topics as values that are checked once and round-trip between text and fields."""

from dataclasses import dataclass
from enum import Enum

NAMESPACE = "spBv1.0"
_FORBIDDEN = frozenset("+/# ")


class TopicError(ValueError):
    """A topic, or a name meant for a topic, does not follow Sparkplug B 3.0, chapter 4."""


class MessageType(Enum):
    """Message types of edge nodes (N...) and their devices (D...); Sparkplug B 3.0, chapter 4.1."""

    NBIRTH = "NBIRTH"
    NDEATH = "NDEATH"
    NDATA = "NDATA"
    NCMD = "NCMD"
    DBIRTH = "DBIRTH"
    DDEATH = "DDEATH"
    DDATA = "DDATA"
    DCMD = "DCMD"

    @property
    def for_device(self) -> bool:
        """Whether topics of this type name a device."""
        return self.value.startswith("D")


def check_name(name: str, what: str) -> str:
    """Return name if it may stand in a topic; raises TopicError otherwise.

    Sparkplug forbids '+', '/' and '#'. Blanks are refused as well, because the embedded broker cannot carry them.
    """
    if not name or not _FORBIDDEN.isdisjoint(name) or any(ord(sign) < 33 for sign in name):
        raise TopicError(f"{what} {name!r}: must be at least one character, without blanks, '+', '/' and '#'")
    return name


@dataclass(frozen=True, slots=True)
class Topic:
    """Topic of one edge node or device: spBv1.0/group_id/TYPE/edge_node_id[/device_id]."""

    group_id: str
    message_type: MessageType
    edge_node_id: str
    device_id: str | None = None

    def __post_init__(self) -> None:
        check_name(self.group_id, "group_id")
        check_name(self.edge_node_id, "edge_node_id")
        if self.device_id is not None:
            check_name(self.device_id, "device_id")
        if self.message_type.for_device != (self.device_id is not None):
            need = "needs a" if self.message_type.for_device else "has no"
            raise TopicError(f"{self.message_type.value} {need} device_id, got {self.device_id!r}")

    def __str__(self) -> str:
        base = f"{NAMESPACE}/{self.group_id}/{self.message_type.value}/{self.edge_node_id}"
        return base if self.device_id is None else f"{base}/{self.device_id}"

    @classmethod
    def parse(cls, text: str) -> "Topic":
        """Parse a node or device topic; raises TopicError that names the topic and what is wrong."""
        parts = text.split("/")
        if len(parts) not in (4, 5) or parts[0] != NAMESPACE:
            raise TopicError(f"topic {text!r}: expected {NAMESPACE}/group_id/TYPE/edge_node_id[/device_id]")
        try:
            message_type = MessageType(parts[2])
        except ValueError:
            raise TopicError(f"topic {text!r}: unknown message type {parts[2]!r}") from None
        return cls(parts[1], message_type, parts[3], parts[4] if len(parts) == 5 else None)


@dataclass(frozen=True, slots=True)
class StateTopic:
    """Topic on which a host application announces whether it is online: spBv1.0/STATE/host_id."""

    host_id: str

    def __post_init__(self) -> None:
        check_name(self.host_id, "host_id")

    def __str__(self) -> str:
        return f"{NAMESPACE}/STATE/{self.host_id}"
