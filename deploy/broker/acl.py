"""Who may publish and subscribe to what, by Sparkplug role (Sparkplug B 3.0, chapter 7 "Security"). Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

NAMESPACE = "spBv1.0"


@dataclass(frozen=True, slots=True)
class Grant:
    """Rights of one broker user; everything that is not named is refused.

    Attributes:
        username: user of the broker.
        publish, subscribe: MQTT topic filters.
    """

    username: str
    publish: tuple[str, ...] = ()
    subscribe: tuple[str, ...] = ()


def edge_node(username: str, group_id: str, edge_node_id: str, host_id: str, reads: Sequence[str] = ()) -> Grant:
    """Rights of an edge agent: births, data and deaths of its own node and devices; commands to it; its host's state.

    `reads` are filters of plain-MQTT devices that it reads as a source.
    """
    base = f"{NAMESPACE}/{group_id}"
    node = [f"{base}/{kind}/{edge_node_id}" for kind in ("NBIRTH", "NDEATH", "NDATA")]
    devices = [f"{base}/{kind}/{edge_node_id}/+" for kind in ("DBIRTH", "DDEATH", "DDATA")]
    commands = [f"{base}/NCMD/{edge_node_id}", f"{base}/DCMD/{edge_node_id}/+"]
    return Grant(username, (*node, *devices), (*commands, f"{NAMESPACE}/STATE/{host_id}", *reads))


def host_application(username: str, host_id: str) -> Grant:
    """Rights of a host application: reads everything of Sparkplug, sends commands, announces its own state."""
    commands = (f"{NAMESPACE}/+/NCMD/+", f"{NAMESPACE}/+/DCMD/+/+")
    return Grant(username, (*commands, f"{NAMESPACE}/STATE/{host_id}"), (f"{NAMESPACE}/#",))


def plain_device(username: str, prefix: str) -> Grant:
    """Rights of a plain-MQTT device: publishes below its own prefix and takes commands there, nothing else."""
    return Grant(username, (f"{prefix}/#",), (f"{prefix}/rpc", f"{prefix}/command/#"))
