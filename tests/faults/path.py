"""A private edge, broker, gateway and store in a folder, with proxies between them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from deploy.broker.acl import Grant, edge_node, host_application
from deploy.broker.configure import BrokerUser, find_program, write_files
from deploy.secret import password
from tests.faults.api import GatewayApi
from tests.faults.child import Child
from tests.faults.influx_server import DATABASE, WRITER, InfluxServer
from tests.faults.proxy import Proxy
from tests.faults.throttling_proxy import ThrottlingProxy
from tests.faults.waiting import listens, wait_until
from tests.servers import find_free_port

SITE, EDGE, HOST = "showroom", "line-edge", "showroom-gateway"
PUBLISH_INTERVAL_MS = 100
Store = Literal["duckdb", "influx"]


@dataclass(frozen=True, slots=True)
class PathOptions:
    """What is set up.

    Attributes:
        store: store of the gateway; it keeps every time, also those of old recordings.
        keepalive_s: MQTT keep-alive of edge and gateway.
        resend_after_s: when the edge sends again what was not acknowledged.
        edge_folder, gateway_folder: where their data lie; None is the setup's own folder.
        edge_reads: topic filters of plain-MQTT devices that the edge may read.
        devices: further users of the broker.
        throttled: whether a proxy that can misbehave stands between gateway and InfluxDB.
    """

    store: Store = "duckdb"
    keepalive_s: int = 2
    resend_after_s: float = 3.0
    edge_folder: Path | None = None
    gateway_folder: Path | None = None
    edge_reads: Sequence[str] = ()
    devices: Sequence[Grant] = ()
    throttled: bool = False


class DataPath:
    """Edge, broker, gateway and store; nothing runs before `start_path`.

    Args:
        folder: an empty folder of its own.
        options: see PathOptions.
        sources: TOML of the edge's `[[sources]]`, made when the broker's port is known.
    """

    def __init__(self, folder: Path, options: PathOptions, sources: Callable[[int], str]) -> None:
        self.folder = folder
        self.broker_port, self.http_port = find_free_port(), find_free_port()
        self.edge_proxy, self.gateway_proxy = Proxy(self.broker_port), Proxy(self.broker_port)
        self.api = GatewayApi(self.http_port)
        self.influx = InfluxServer(folder / "influx") if options.store == "influx" else None
        self.influx_proxy = ThrottlingProxy(self.influx.port) if self.influx and options.throttled else None
        self.edge_folder = options.edge_folder or folder
        self.gateway_folder = options.gateway_folder or folder
        self.gateway_config = folder / "gateway.toml"
        self._options = options
        grants = [edge_node(EDGE, SITE, EDGE, HOST, options.edge_reads), host_application(HOST, HOST), *options.devices]
        users = [BrokerUser(grant, self.password_file(grant.username)) for grant in grants]
        for user in users:
            password(user.password_file)
        (folder / "edge.toml").write_text(self._edge_config() + sources(self.broker_port), encoding="utf-8")
        self.gateway_config.write_text(self._gateway_config(), encoding="utf-8")
        broker = write_files("nats", find_program("nats"), folder / "broker", self.broker_port, users)
        self.broker = Child("broker", broker, folder, lambda: listens(self.broker_port))
        self.edge = self.python("edge", ["edge_agent", "--config", "edge.toml"], lambda: True)
        self.gateway = self.python("gateway", ["gateway", "--config", "gateway.toml"], self.api.answers)

    def python(self, name: str, words: Sequence[str], ready: Callable[[], bool]) -> Child:
        """Return a process of this project: package and its arguments."""
        return Child.python(name, words, self.folder, ready)

    def password_file(self, username: str) -> Path:
        """Return the file with a broker user's password."""
        return self.folder / f"{username}.password"

    def start_path(self, prepare: Callable[[], None] | None = None) -> None:
        """Start everything and wait until the gateway answers; `prepare` is done when the store's server is up."""
        if self.influx is not None:
            self.influx.start()
        if prepare is not None:
            prepare()
        self.broker.start()
        self.gateway.start(wait=False)
        self.edge.start(wait=False)
        self.gateway.wait_ready()

    @property
    def feeders(self) -> list[Child]:
        """The processes that offer values."""
        return []

    @property
    def children(self) -> list[Child]:
        """All processes, in the order in which they are to be stopped."""
        influx = [self.influx.child] if self.influx is not None else []
        return [*self.feeders, self.edge, self.gateway, self.broker, *influx]

    def check_alive(self) -> None:
        """Raise AssertionError where a process ended by itself."""
        for child in self.children:
            child.check_alive()

    def state(self) -> str:
        """Return the state of the path and the ends of the logs, for error messages."""
        hops = (self.api.get("/health") or {"hops": "the gateway does not answer"})["hops"]
        logs = "\n".join(f"--- {child.name}\n{child.tail(8)}" for child in self.children)
        return f"health {hops}\nedge {self.api.edge()}\n{logs}"

    def drain(self, timeout_s: float) -> float:
        """Wait until the edge holds nothing back; returns the seconds it took."""

        def drained() -> bool:
            self.edge.check_alive()
            self.gateway.check_alive()
            return bool(self.api.edge().get("backlog") == 0)

        return wait_until(drained, timeout_s, lambda: f"the edge's backlog to drain; {self.state()}", poll_s=0.2)

    def close(self) -> None:
        """End every process, whatever state it is in."""
        for child in self.children:
            if child.running:
                try:
                    child.thaw()
                    child.stop()
                except Exception:
                    continue
        self.edge_proxy.close()
        self.gateway_proxy.close()
        if self.influx_proxy is not None:
            self.influx_proxy.close()
        self.api.close()

    def _edge_config(self) -> str:
        return f"""[edge]
group_id = "{SITE}"
edge_node_id = "{EDGE}"
primary_host_id = "{HOST}"
publish_interval_ms = {PUBLISH_INTERVAL_MS}
[broker]
port = {self.edge_proxy.port}
username = "{EDGE}"
password_file = "{EDGE}.password"
keepalive_s = {self._options.keepalive_s}
[log]
path = "{(self.edge_folder / "edge.log.db").as_posix()}"
resend_after_s = {self._options.resend_after_s}
"""

    def _gateway_config(self) -> str:
        folder = self.gateway_folder.as_posix()
        if self.influx is None:
            store = f'type = "duckdb"\npath = "{folder}/samples.duckdb"\nretention_days = 36500\n'
        else:
            port = self.influx.port if self.influx_proxy is None else self.influx_proxy.port
            store = (
                f'type = "influx"\napi = "v1"\nurl = "http://127.0.0.1:{port}"\nbucket = "{DATABASE}"\n'
                f'username = "{WRITER}"\npassword_file = "{self.influx.password_file.as_posix()}"\n'
                f'ledger = "{folder}/influx-ledger.db"\n'
            )
        return f"""[gateway]
host_id = "{HOST}"
http_port = {self.http_port}
state = "{folder}/gateway.db"
quarantine = "{folder}/quarantine.db"
[broker]
port = {self.gateway_proxy.port}
username = "{HOST}"
password_file = "{HOST}.password"
keepalive_s = {self._options.keepalive_s}
[store]
{store}"""
