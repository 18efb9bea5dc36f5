"""An edge that does nothing but publish: `python -m tests.benchmarks.publisher --port PORT`, a load for the gateway.

Messages look like those of the edge agent and are made fresh, with rising times and changing values; at most a window
of them is not acknowledged, so the gateway is never offered more than it stores. It ends when standard input closes.
"""

import argparse
import json
import os
import threading
import time
from collections.abc import Iterator

from edge_agent.sparkplug.client import BrokerConfig, Message, MqttClient
from edge_agent.sparkplug.delivery import ACK
from edge_agent.sparkplug.intervals import IntervalSet
from edge_agent.sparkplug.metric import DataType
from edge_agent.sparkplug.payload import parse
from edge_agent.sparkplug.topic import MessageType, Topic
from edge_agent.sparkplug.wire import (
    DOUBLE_KEY,
    lsn_metric,
    metric_field,
    metric_start,
    pack_double,
    payload_seq,
    payload_time,
    varint,
)
from tests.benchmarks.ingest import DEVICE, GROUP, LSN_ALIAS, NODE, births

WINDOW = 1_000


class Publisher:
    """One session: births when the broker is there, then messages as fast as they are acknowledged."""

    def __init__(self, port: int, metrics: int) -> None:
        self._metrics = metrics
        self._stored = IntervalSet()
        self._acknowledged = threading.Condition()
        self._connected = threading.Event()
        self._client = MqttClient(
            BrokerConfig(port=port),
            client_id="bench-publisher",
            subscriptions=[(str(Topic(GROUP, MessageType.NCMD, NODE)), 0)],
            on_message=self._hear,
            on_connect=self._connected.set,
            on_disconnect=lambda _reason: None,
        )

    def run(self, stopping: threading.Event) -> None:
        """Publish until told to stop."""
        self._client.start()
        self._connected.wait()
        for topic, payload in births(self._metrics):
            self._client.publish(topic, payload)
        topic = str(Topic(GROUP, MessageType.DDATA, NODE, DEVICE))
        for lsn, body in enumerate(self._bodies(), start=1):
            with self._acknowledged:
                while not self._may_send(lsn) and not stopping.is_set():
                    self._acknowledged.wait(0.5)
            if stopping.is_set():
                break
            self._client.publish(topic, lsn_metric(LSN_ALIAS, lsn) + body + payload_seq((lsn + 1) % 256))
        self._client.stop()

    def _may_send(self, lsn: int) -> bool:
        return lsn - self._stored.count() <= WINDOW

    def _bodies(self) -> Iterator[bytes]:
        starts = [metric_start(LSN_ALIAS + 1 + number, DataType.DOUBLE) for number in range(self._metrics)]
        values = [pack_double(DOUBLE_KEY, 0.25 * number) for number in range(self._metrics)]
        last_ms = 0
        while True:
            last_ms = max(last_ms + 1, time.time_ns() // 1_000_000)
            stamp = varint(last_ms)
            values[last_ms % self._metrics] = pack_double(DOUBLE_KEY, float(last_ms % 1_000))
            yield payload_time(last_ms * 1_000_000) + b"".join(
                [metric_field(start + stamp + value) for start, value in zip(starts, values, strict=True)]
            )

    def _hear(self, message: Message) -> None:
        for metric in parse(message.payload).metrics:
            if metric.name == ACK:
                with self._acknowledged:
                    self._stored.update(IntervalSet((a, b) for a, b in json.loads(metric.string_value)["stored"]))
                    self._acknowledged.notify()


def main() -> None:
    """Run until standard input closes."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--metrics", type=int, default=100)
    parser.add_argument("--exit-with-parent", action="store_true")
    options = parser.parse_args()
    stopping = threading.Event()

    def follow_parent() -> None:
        while os.read(0, 4_096):
            pass
        stopping.set()

    threading.Thread(target=follow_parent, daemon=True).start()
    Publisher(options.port, options.metrics).run(stopping)


if __name__ == "__main__":
    main()
