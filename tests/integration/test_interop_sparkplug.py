"""The gateway against an edge node of Eclipse Tahu's `sparkplug-client`, which knows nothing of durable delivery."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edge_agent.sparkplug.client import BrokerConfig
from edge_agent.sparkplug.metric import DataType
from edge_agent.sparkplug.quality import Quality
from gateway.config import GatewayConfig, GatewaySettings
from gateway.core import Gateway
from gateway.store.base import Series, Value
from gateway.store.config import DuckDbConfig
from tests.integration.peers import Peer, peer, require_peers
from tests.servers import Server, eventually

BASE_NS = 1_700_000_000_000_000_000
SECOND_NS = 1_000_000_000
END_NS = BASE_NS + 1_000_000 * SECOND_NS


@contextmanager
def _gateway(folder: Path, broker: Server) -> Iterator[Gateway]:
    gateway = Gateway(
        GatewayConfig(
            gateway=GatewaySettings(
                state=folder / "gateway.db", quarantine=folder / "quarantine.db", waveforms=folder / "waveforms.db"
            ),
            broker=BrokerConfig(port=broker.port, keepalive_s=2),
            store=DuckDbConfig(path=folder / "store.duckdb", retention_days=None),
        )
    )
    gateway.start()
    try:
        yield gateway
    finally:
        gateway.stop()


def _edge_node(broker: Server) -> list[str]:
    return ["edge_node.mjs", f"tcp://127.0.0.1:{broker.port}", "tahu", "tahu", "foreign-site", "tahu", "press-1"]


def _series(gateway: Gateway) -> dict[str, Series]:
    return {series.key.metric: series for series in gateway.catalogue() if series.key.device_id == "press-1"}


def _stored(gateway: Gateway, metric: str) -> list[tuple[int, Value]]:
    """Return (seconds since the base time, value) of every stored sample of a signal."""
    series = _series(gateway).get(metric)
    if series is None:
        return []
    samples = gateway.reader.raw(series.number, 0, END_NS, 10_000)
    assert all(samples.quality == Quality.GOOD)
    return [((int(samples.time_ns[row]) - BASE_NS) // SECOND_NS, samples.value(row)) for row in range(len(samples))]


def _expect(gateway: Gateway, numbers: range) -> None:
    eventually(lambda: len(_stored(gateway, "recipe")) >= len(numbers), 15)
    assert _stored(gateway, "count") == [(number, -number) for number in numbers]
    assert _stored(gateway, "total") == [(number, number) for number in numbers]
    assert _stored(gateway, "power_w") == [(number, number / 8) for number in numbers]
    assert _stored(gateway, "running") == [(number, number % 2 == 0) for number in numbers]
    assert _stored(gateway, "recipe") == [(number, f"recipe {number} Ж") for number in numbers]


def _send(node: Peer, first: int, last: int) -> None:
    node.say(f"send {first} {last}")
    node.hear_event("sent")


def test_a_foreign_edge_node_is_learnt_and_stored(tmp_path: Path, broker: Server) -> None:
    """Births and data of a foreign node are stored once, with type and value, and its birth values as samples too."""
    require_peers()
    with _gateway(tmp_path, broker) as gateway, peer(*_edge_node(broker)) as node:
        node.hear_event("birth")
        eventually(lambda: "recipe" in _series(gateway))
        _send(node, 1, 300)
        _expect(gateway, range(301))
        types = {name: series.datatype for name, series in _series(gateway).items()}
        assert types == {
            "count": DataType.INT32,
            "total": DataType.UINT64,
            "power_w": DataType.DOUBLE,
            "running": DataType.BOOLEAN,
            "recipe": DataType.STRING,
        }
        (status,) = gateway.pipeline().edges
        assert (str(status.edge), status.online, status.devices) == ("foreign-site/tahu", True, {"press-1": True})
        assert status.epoch is None
        assert gateway.pipeline().quarantined == 0


def test_a_restarted_gateway_asks_for_a_rebirth(tmp_path: Path, broker: Server) -> None:
    """A gateway that meets a foreign node in mid-session asks for its birth; a repeated birth value is stored once."""
    require_peers()
    with peer(*_edge_node(broker)) as node:
        with _gateway(tmp_path, broker) as gateway:
            node.hear_event("birth")
            eventually(lambda: "recipe" in _series(gateway))
            _send(node, 1, 5)
            _expect(gateway, range(6))
        with _gateway(tmp_path, broker) as gateway:
            eventually(lambda: gateway.hops()[-1].name == "store")
            eventually(lambda: any(hop.name == "broker" and hop.state.value == "ok" for hop in gateway.hops()), 15)
            _send(node, 6, 6)
            node.hear_event("rebirth")
            node.hear_event("birth")
            eventually(lambda: any(edge.online for edge in gateway.pipeline().edges))
            _send(node, 7, 9)
            eventually(lambda: (9, -9) in _stored(gateway, "count"), 15)
            stored = [second for second, _ in _stored(gateway, "count")]
    assert stored == sorted(set(stored)), "a sample is stored twice"
    assert set(range(6)) | {7, 8, 9} <= set(stored)


def test_the_death_of_a_foreign_node_makes_its_values_stale(tmp_path: Path, mosquitto_broker: Server) -> None:
    """When a foreign node goes, every value of its devices is marked stale and keeps its last value."""
    require_peers()
    with _gateway(tmp_path, mosquitto_broker) as gateway:
        with peer(*_edge_node(mosquitto_broker)) as node:
            node.hear_event("birth")
            eventually(lambda: "recipe" in _series(gateway))
            _send(node, 1, 3)
            _expect(gateway, range(4))
            node.kill()
        eventually(lambda: all(value.quality == Quality.STALE for value in gateway.latest()), 20)
        assert {value.series.key.metric: value.value for value in gateway.latest()}["recipe"] == "recipe 3 Ж"
