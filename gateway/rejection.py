"""What goes into quarantine of a message that cannot be read, or not in whole."""

from collections.abc import Sequence

from gateway.decode import BadMetric
from gateway.host import Arrived, Born
from gateway.state.quarantine import QuarantinedValue, Rejection

_NAMED = 5


def reject(effect: Arrived | Born, lsn: int | None, bad: Sequence[BadMetric], now_ns: int) -> Rejection:
    """Describe metrics that cannot be stored, with the message they came in."""
    topic = effect.topic
    prefix = f"{topic.group_id}/{topic.edge_node_id}/{topic.device_id or ''}/"
    return Rejection(
        at_ns=now_ns,
        topic=str(topic),
        reason="; ".join(f"{metric.metric}: {metric.reason}" for metric in bad[:_NAMED]),
        payload=effect.message.SerializeToString(),
        epoch=effect.node.epoch,
        lsn=lsn,
        values=[QuarantinedValue(prefix + metric.metric, metric.time_ns, None, metric.reason) for metric in bad],
    )
