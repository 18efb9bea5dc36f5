"""The OPC UA server: what it shows, whom it lets in, that nobody writes."""

import logging
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from asyncua import Client, ua
from asyncua.crypto.security_policies import SecurityPolicyBasic256Sha256

from demo_line.config import APPLICATION_URI, OpcuaConfig, OpcuaUser
from demo_line.journal import Journal
from demo_line.measurement import Offer, Quality
from demo_line.servers.nodes import Folder, NodeDescription
from demo_line.servers.opcua import OpcuaServer
from demo_line.servers.pki import own_certificate
from demo_line.signals import DataType

CLIENT_URI = "urn:test:client"
T0 = 1_790_000_000_000_000_000

FOLDER = Folder(
    "M-1",
    "A machine",
    [
        NodeDescription("M-1.power_w", "power_w", DataType.DOUBLE, "W", 0, 3000, "Electrical power"),
        NodeDescription("M-1.count", "count", DataType.INT64, description="Pieces"),
        NodeDescription("M-1.state", "state", DataType.STRING, description="State"),
        NodeDescription("M-1.jam", "jam", DataType.BOOLEAN, description="Jam"),
    ],
)
FIRST = [
    Offer(0, T0, 1400.5, Quality.GOOD),
    Offer(1, T0, 7, Quality.GOOD),
    Offer(2, T0, "EXECUTE", Quality.GOOD),
    Offer(3, T0, value=True, quality=Quality.GOOD),
]


@asynccontextmanager
async def serving(config: OpcuaConfig, journal: Journal | None = None) -> AsyncIterator[OpcuaServer]:
    server = OpcuaServer(config, "Line", [FOLDER], journal)
    await server.prepare()
    await server.offer(FIRST)
    await server.listen()
    try:
        yield server
    finally:
        await server.close()


def plain(port: int, **more: Any) -> OpcuaConfig:
    return OpcuaConfig(port=port, security=("none",), anonymous=True, **more)


def with_users(port: int, folder: Path, **more: Any) -> OpcuaConfig:
    password = folder / "viewer.password"
    password.write_text("swordfish\n", encoding="utf-8")
    password.chmod(0o600)
    return OpcuaConfig(port=port, users=(OpcuaUser(name="viewer", password_file=password),), **more)


async def secured(
    url: str, tmp_path: Path, server_pki: Path, user: str | None = "viewer", password: str = "swordfish"
) -> Client:
    files = own_certificate(tmp_path / "client", CLIENT_URI, "127.0.0.1", datetime.now(UTC))
    client = Client(url)
    client.application_uri = CLIENT_URI
    if user is not None:
        client.set_user(user)
        client.set_password(password)
    await client.set_security(
        SecurityPolicyBasic256Sha256, files.certificate, files.private_key,
        server_certificate=server_pki / "own" / "certificate.der", mode=ua.MessageSecurityMode.SignAndEncrypt,
    )  # fmt: skip
    return client


def trust_client(tmp_path: Path, server_pki: Path) -> None:
    files = own_certificate(tmp_path / "client", CLIENT_URI, "127.0.0.1", datetime.now(UTC))
    (server_pki / "trusted").mkdir(parents=True, exist_ok=True)
    shutil.copy(files.certificate, server_pki / "trusted" / "client.der")


async def test_values_come_with_time_status_unit_range_and_description(free_port: int) -> None:
    """A client reads value, source time and status, and the properties that a birth message needs."""
    async with serving(plain(free_port)) as server, Client(server.config.url) as client:
        index = await client.get_namespace_index(server.config.namespace_uri)
        node = client.get_node(ua.NodeId("M-1.power_w", index))
        value = await node.read_data_value()
        assert value.Value.Value == 1400.5
        assert value.SourceTimestamp.replace(tzinfo=UTC) == datetime.fromtimestamp(T0 / 1e9, UTC)
        unit = await (await node.get_child("0:EngineeringUnits")).read_value()
        assert (unit.DisplayName.Text, unit.UnitId) == ("W", int.from_bytes(b"WTT", "big"))
        limits = await (await node.get_child("0:EURange")).read_value()
        assert (limits.Low, limits.High) == (0.0, 3000.0)
        assert (await node.read_description()).Text == "Electrical power"
        by_path = await client.nodes.objects.get_child([f"{index}:Line", f"{index}:M-1", f"{index}:power_w"])
        assert by_path.nodeid == node.nodeid
        others = [client.get_node(ua.NodeId(f"M-1.{name}", index)) for name in ("count", "state", "jam")]
        assert [await other.read_value() for other in others] == [7, "EXECUTE", True]


async def test_status_codes_follow_the_sensors(free_port: int) -> None:
    """A failed sensor turns Bad without a value, a doubtful one Uncertain with its value, and both recover."""
    async with serving(plain(free_port)) as server, Client(server.config.url) as client:
        index = await client.get_namespace_index(server.config.namespace_uri)
        node = client.get_node(ua.NodeId("M-1.power_w", index))
        seen = []
        for number, (value, quality) in enumerate([(None, Quality.BAD), (9.0, Quality.UNCERTAIN), (8.0, Quality.GOOD)]):
            await server.offer([Offer(0, T0 + number + 1000, value, quality)])
            read = await node.read_data_value(raise_on_bad_status=False)
            seen.append((read.StatusCode.name, read.Value.Value))
        assert seen == [("BadSensorFailure", None), ("UncertainSensorNotAccurate", 9.0), ("Good", 8.0)]


@pytest.mark.parametrize("padding", [0, 5])
async def test_the_namespace_index_moves_and_the_identifiers_stay(free_port: int, padding: int) -> None:
    """Foreign namespaces shift the index; the URI and the string identifiers lead to the same values."""
    async with serving(plain(free_port, namespace_padding=padding)) as server, Client(server.config.url) as client:
        index = await client.get_namespace_index(server.config.namespace_uri)
        assert index == 2 + padding
        assert await client.get_node(ua.NodeId("M-1.count", index)).read_value() == 7


async def test_every_value_is_journalled_before_it_can_be_seen(free_port: int, tmp_path: Path) -> None:
    """A subscriber receives exactly the journalled values, in order, with equal times."""
    received: list[tuple[str, datetime, Any]] = []

    class Handler:
        def datachange_notification(self, node: Any, value: Any, change: Any) -> None:
            received.append(
                (node.nodeid.Identifier, change.monitored_item.Value.SourceTimestamp.replace(tzinfo=UTC), value)
            )

    with Journal(tmp_path / "j.csv") as journal:
        async with serving(plain(free_port), journal) as server, Client(server.config.url) as client:
            index = await client.get_namespace_index(server.config.namespace_uri)
            subscription = await client.create_subscription(20, Handler())
            await subscription.subscribe_data_change(client.get_node(ua.NodeId("M-1.power_w", index)), queuesize=100)
            for number in range(1, 51):
                await server.offer([Offer(0, T0 + number * 1_000_000, 1000.0 + number, Quality.GOOD)])
            await reached(lambda: len(received) >= 51)
    rows = [
        line.split(",")
        for line in (tmp_path / "j.csv").read_text(encoding="utf-8").splitlines()[1:]
        if "power_w" in line
    ]
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    assert [(epoch + timedelta(microseconds=int(row[3]) // 1000), float(row[5])) for row in rows] == [
        r[1:] for r in received
    ]
    assert rows[0][2] == "nsu=urn:smart-factory-showroom:line;s=M-1.power_w"


async def reached(condition: Callable[[], bool], deadline_s: float = 10.0) -> None:
    import asyncio
    import time

    end = time.monotonic() + deadline_s
    while not condition():
        assert time.monotonic() < end, "not reached in time"
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("user", [None, "viewer", "admin"])
async def test_nobody_writes(free_port: int, tmp_path: Path, user: str | None) -> None:
    """No client can write a value or an attribute, add a node or call; `admin` does not even get in."""
    config = with_users(free_port, tmp_path, security=("none",), anonymous=True)
    async with serving(config) as server:
        client = Client(config.url)
        if user is not None:
            client.set_user(user)
            client.set_password("swordfish" if user == "viewer" else "anything")
        if user == "admin":
            with pytest.raises(ua.UaStatusCodeError, match="BadUserAccessDenied"):
                await client.connect()
            return
        async with client:
            index = await client.get_namespace_index(config.namespace_uri)
            node = client.get_node(ua.NodeId("M-1.power_w", index))
            for write in (
                node.write_value(1.0),
                node.write_attribute(ua.AttributeIds.Description, ua.DataValue(ua.LocalizedText("x"))),
                client.get_node(ua.ObjectIds.Server_ServerStatus).write_value(ua.ServerStatusDataType()),
                client.nodes.objects.add_object(index, "intruder"),
                client.nodes.server.call_method("0:GetMonitoredItems", 1),
            ):
                with pytest.raises(ua.UaStatusCodeError, match=r"BadUserAccessDenied"):
                    await write
            assert await node.read_value() == 1400.5
        assert server.waiting_values() == 0


async def test_anonymous_clients_need_permission(free_port: int, tmp_path: Path) -> None:
    """Without `anonymous = true` a client without a user is refused."""
    config = with_users(free_port, tmp_path, security=("none",))
    async with serving(config):
        with pytest.raises(ua.UaStatusCodeError):
            await Client(config.url).connect()


@pytest.mark.parametrize(
    ("user", "password"), [("viewer", "wrong"), ("viewer", ""), ("nobody", "swordfish"), ("nobody", "")]
)
async def test_wrong_credentials_are_refused(free_port: int, tmp_path: Path, user: str, password: str) -> None:
    """Only the right password of a known user opens a session."""
    config = with_users(free_port, tmp_path, security=("none",))
    async with serving(config):
        client = Client(config.url)
        client.set_user(user)
        client.set_password(password)
        with pytest.raises(ua.UaStatusCodeError, match="BadUserAccessDenied"):
            await client.connect()


async def test_a_trusted_peer_with_a_user_reads_encrypted(free_port: int, tmp_path: Path) -> None:
    """Sign and encrypt, client certificate in the trust list, right user: values can be read."""
    pki = tmp_path / "pki"
    trust_client(tmp_path, pki)
    config = with_users(free_port, tmp_path, pki_dir=pki)
    async with serving(config), await secured(config.url, tmp_path, pki) as client:
        index = await client.get_namespace_index(config.namespace_uri)
        assert await client.get_node(ua.NodeId("M-1.count", index)).read_value() == 7


async def test_an_unknown_peer_is_rejected_and_the_log_says_how_to_trust_it(
    free_port: int, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """An unlisted certificate is refused and kept; moving the file lets the peer in without restart."""
    pki = tmp_path / "pki"
    config = with_users(free_port, tmp_path, pki_dir=pki)
    async with serving(config):
        with caplog.at_level(logging.WARNING), pytest.raises((ua.UaError, ConnectionError, TimeoutError)):
            await (await secured(config.url, tmp_path, pki)).connect()
        (kept,) = (pki / "rejected").glob("*.der")
        message = next(record.getMessage() for record in caplog.records if "rejected a client" in record.getMessage())
        assert CLIENT_URI in message
        assert f"move {kept} to {pki / 'trusted'}" in message
        kept.rename(pki / "trusted" / kept.name)
        async with await secured(config.url, tmp_path, pki) as client:
            assert config.namespace_uri in await client.get_namespace_array()


async def test_a_secured_server_takes_no_plain_session(free_port: int, tmp_path: Path) -> None:
    """Without `none` in the configuration the right password does not help on a channel without encryption."""
    pki = tmp_path / "pki"
    config = with_users(free_port, tmp_path, pki_dir=pki, anonymous=True)
    async with serving(config):
        for user in (None, "viewer"):
            client = Client(config.url)
            if user is not None:
                client.set_user(user)
                client.set_password("swordfish")
            with pytest.raises((ua.UaError, ConnectionError)):
                await client.connect()


async def test_the_server_certificate_names_the_application(free_port: int, tmp_path: Path) -> None:
    """The endpoint's certificate carries the application URI that the endpoint states, and its key is private."""
    pki = tmp_path / "pki"
    config = with_users(free_port, tmp_path, pki_dir=pki)
    async with serving(config):
        endpoints = await Client(config.url).connect_and_get_server_endpoints()
    assert {endpoint.SecurityPolicyUri.rsplit("#", 1)[-1] for endpoint in endpoints} == {"Basic256Sha256"}
    assert {endpoint.SecurityMode for endpoint in endpoints} == {ua.MessageSecurityMode.SignAndEncrypt}
    assert endpoints[0].Server.ApplicationUri == APPLICATION_URI
    assert APPLICATION_URI.encode() in endpoints[0].ServerCertificate
    assert (pki / "own" / "private_key.pem").stat().st_mode & 0o077 == 0


def test_a_password_file_that_others_can_read_is_refused(free_port: int, tmp_path: Path) -> None:
    """The error names the file and the command that mends it."""
    config = with_users(free_port, tmp_path, security=("none",))
    config.users[0].password_file.chmod(0o644)
    with pytest.raises(ValueError, match=r"viewer\.password is readable by others .* chmod 600"):
        OpcuaServer(config, "Line", [FOLDER])


async def test_a_queue_that_overflows_says_so(free_port: int) -> None:
    """The value behind a dropped one carries the overflow bit, and only that one; values stay in order."""
    received: list[tuple[float, int]] = []

    class Handler:
        def datachange_notification(self, node: Any, value: float, change: Any) -> None:
            received.append((value, change.monitored_item.Value.StatusCode.value))

    async with serving(plain(free_port)) as server, Client(server.config.url) as client:
        index = await client.get_namespace_index(server.config.namespace_uri)
        subscription = await client.create_subscription(300, Handler())
        await subscription.subscribe_data_change(client.get_node(ua.NodeId("M-1.power_w", index)), queuesize=5)
        await reached(lambda: len(received) == 1)
        await server.offer([Offer(0, T0 + i * 1_000_000, float(i), Quality.GOOD) for i in range(1, 13)])
        await reached(lambda: len(received) == 6)
    assert [value for value, _ in received[1:]] == [8.0, 9.0, 10.0, 11.0, 12.0]
    assert [status & 0xFFFF for _, status in received[1:]] == [0x0480, 0, 0, 0, 0]
    assert all(status >> 30 == 0 for _, status in received)
