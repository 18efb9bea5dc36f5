"""Cost of the demonstration line's OPC UA server: two clients with 2,000 monitored items in all, each once a second."""

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
from asyncua import Client, ua
from asyncua.crypto.security_policies import SecurityPolicyBasic256Sha256

from demo_line.servers.pki import own_certificate as of_server
from edge_agent.sources.opcua.pki import own_certificate as of_client
from tests import servers
from tests.benchmarks.figures import Figure
from tests.benchmarks.processes import cpu_seconds, pss_bytes
from tests.faults.child import Child

CLIENTS, NODES = 2, 1_000
SETTLE_S, MEASURE_S = 5.0, 20.0
CLIENT_URI = "urn:smart-factory-showroom:bench"

_LOAD = """
[opcua]
port = {port}
path = "/load"
security = ["basic256sha256"]
anonymous = true
pki_dir = "pki-server"
"""


class _Counter:
    """Counts what arrives."""

    def __init__(self) -> None:
        self.count = 0

    def datachange_notification(self, _node: Any, _value: Any, _change: Any) -> None:
        """Take note of one value."""
        self.count += 1


def _trust_each_other(folder: Path) -> None:
    now = datetime.now(UTC)
    of_server(folder / "pki-server", "urn:smart-factory-showroom:demo-line", "127.0.0.1", now)
    client = of_client(folder / "pki-client", CLIENT_URI, now)
    (folder / "pki-server" / "trusted").mkdir(parents=True, exist_ok=True)
    (folder / "pki-server" / "trusted" / "client.der").write_bytes(client.certificate.read_bytes())


@asynccontextmanager
async def _subscribed(folder: Path, port: int, counter: _Counter) -> AsyncIterator[None]:
    """A client that monitors every node, encrypted."""
    client = Client(f"opc.tcp://127.0.0.1:{port}/load")
    client.application_uri = CLIENT_URI
    own = folder / "pki-client" / "own"
    await client.set_security(
        SecurityPolicyBasic256Sha256, own / "certificate.der", own / "private_key.pem",
        server_certificate=folder / "pki-server" / "own" / "certificate.der",
        mode=ua.MessageSecurityMode.SignAndEncrypt,
    )  # fmt: skip
    async with client:
        index = await client.get_namespace_index("urn:smart-factory-showroom:load")
        names = [f"LOAD-{1 + number // 500}.value_{number}" for number in range(NODES)]
        subscription = await client.create_subscription(500, counter)
        nodes = [client.get_node(ua.NodeId(name, index)) for name in names]
        await subscription.subscribe_data_change(nodes, queuesize=10)
        yield


async def _measure(folder: Path, port: int, load: Child) -> Figure:
    counters = [_Counter() for _ in range(CLIENTS)]
    async with AsyncExitStack() as stack:
        for counter in counters:
            await stack.enter_async_context(_subscribed(folder, port, counter))
        await asyncio.sleep(SETTLE_S)
        process = psutil.Process(load.pid)
        count, cpu_s, began = sum(one.count for one in counters), cpu_seconds(process), time.monotonic()
        await asyncio.sleep(MEASURE_S)
        elapsed_s = time.monotonic() - began
        rate = (sum(one.count for one in counters) - count) / elapsed_s
        share = (cpu_seconds(process) - cpu_s) / elapsed_s
        memory = pss_bytes(load.pid)
    return Figure(
        f"OPC UA server with {CLIENTS} clients and {CLIENTS * NODES:,} monitored items at 1 Hz",
        share * 100,
        "% of a core",
        at_most=15,
        conditions=(
            f"SignAndEncrypt, {NODES} nodes, {rate:,.0f} notifications/s received, "
            f"{share / rate * 1e6 if rate else 0:.0f} us each with the generator, {memory / 1e6:.0f} MB PSS"
        ),
    )


def measure() -> Sequence[Figure]:
    """Return what the server costs while two clients read everything."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        port = servers.find_free_port()
        _trust_each_other(folder)
        (folder / "load.toml").write_text(_LOAD.format(port=port), encoding="utf-8")
        words = [
            "demo_line",
            "load",
            "--nodes",
            str(NODES),
            "--rate",
            str(NODES),
            "--url",
            f"opc.tcp://127.0.0.1:{port}/load",
        ]
        words += ["--config", "load.toml"]
        load = Child.python("load", words, folder, lambda: servers.accepts(port))
        load.start()
        try:
            return [asyncio.run(_measure(folder, port, load))]
        finally:
            load.stop()
