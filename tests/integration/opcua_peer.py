"""A small OPC UA server for tests, in the event loop of the test: every service request that arrives is noted."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from asyncua import Server, ua
from asyncua.crypto.permission_rules import User, UserRole
from asyncua.server.uaprocessor import UaProcessor

from edge_agent.sources.opcua.pki import own_certificate

URI = "urn:test:machine"
APPLICATION_URI = "urn:test:server"


class _OneUser:
    """Lets one user in, who may read."""

    def __init__(self, name: str, password: str) -> None:
        self._expected = name, password

    def get_user(
        self, _server: Any, username: Any = None, password: Any = None, certificate: Any = None
    ) -> User | None:
        return User(role=UserRole.User, name=username) if (username, password) == self._expected else None


@dataclass
class Peer:
    """A machine with a few variables in `Objects/Line/<device>`."""

    port: int
    padding: int = 0
    pki_dir: Path | None = None
    user: tuple[str, str] | None = None
    server: Server = field(default_factory=Server)
    nodes: dict[str, Any] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """Endpoint."""
        return f"opc.tcp://127.0.0.1:{self.port}/test"

    async def start(self, variables: Sequence[tuple[str, str, Any, ua.VariantType]]) -> "Peer":
        """Serve variables given as (device, metric, value, type), at node ids `<device>.<metric>`."""
        if self.user is not None:
            self.server.iserver.user_manager = _OneUser(*self.user)
        await self.server.init()
        self.server.set_endpoint(self.url)
        await self._secure()
        for number in range(self.padding):
            await self.server.register_namespace(f"urn:test:padding-{number}")
        index = await self.server.register_namespace(URI)
        line = await self.server.nodes.objects.add_object(ua.NodeId("Line", index), f"{index}:Line")
        devices: dict[str, Any] = {}
        for device, metric, value, kind in variables:
            if device not in devices:
                devices[device] = await line.add_object(ua.NodeId(device, index), f"{index}:{device}")
            node = await devices[device].add_variable(
                ua.NodeId(f"{device}.{metric}", index), f"{index}:{metric}", value, kind
            )
            self.nodes[f"{device}.{metric}"] = node
        await self.server.start()
        return self

    async def _secure(self) -> None:
        if self.pki_dir is None:
            self.server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
            return
        await self.server.set_application_uri(APPLICATION_URI)
        own = own_certificate(self.pki_dir, APPLICATION_URI, datetime.now(UTC))
        await self.server.load_certificate(own.certificate)
        await self.server.load_private_key(own.private_key)
        self.server.set_security_policy(
            [
                ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt,
                ua.SecurityPolicyType.Aes128Sha256RsaOaep_SignAndEncrypt,
                ua.SecurityPolicyType.Aes256Sha256RsaPss_SignAndEncrypt,
            ]
        )

    async def offer(self, name: str, value: Any, kind: ua.VariantType, time_ns: int, status: int = 0) -> None:
        """Set a value with a source time of whole 100 ns."""
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=time_ns // 1000)
        content = ua.DataValue(ua.Variant(value, kind), ua.StatusCode(status), SourceTimestamp=moment)
        await self.server.write_attribute_value(self.nodes[name].nodeid, content)

    async def describe(self, name: str, unit: str, low: float, high: float) -> None:
        """Add EngineeringUnits and EURange."""
        information = ua.EUInformation(DisplayName=ua.LocalizedText(unit))
        await self.nodes[name].add_property(ua.NodeId(f"{name}.unit", 1), "0:EngineeringUnits", information)
        await self.nodes[name].add_property(ua.NodeId(f"{name}.range", 1), "0:EURange", ua.Range(low, high))

    async def stop(self) -> None:
        """End the server."""
        await self.server.stop()


def note_requests(monkeypatch: Any) -> list[int]:
    """Let every server of this process note the type id of each request it gets."""
    seen: list[int] = []
    original = UaProcessor._process_message

    async def process(self: Any, typeid: Any, *arguments: Any) -> Any:
        seen.append(int(typeid.Identifier))
        return await original(self, typeid, *arguments)

    monkeypatch.setattr(UaProcessor, "_process_message", process)
    return seen
