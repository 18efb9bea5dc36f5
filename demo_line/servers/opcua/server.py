"""The OPC UA server itself: every value is journalled before it is offered."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from asyncua import ua

from demo_line.alarm import Alarm
from demo_line.config import OpcuaConfig
from demo_line.journal import Journal
from demo_line.measurement import Offer, Quality
from demo_line.servers.history import History
from demo_line.servers.nodes import Folder
from demo_line.servers.opcua.access import Rules, TrustingServer, Users, check_application_uri
from demo_line.servers.opcua.address_space import CoreInternalServer
from demo_line.servers.opcua.building import build
from demo_line.servers.opcua.conditions import Conditions
from demo_line.servers.opcua.history import MOST_VALUES, HistoryReader
from demo_line.servers.opcua.machinery import Echo
from demo_line.servers.pki import TrustList, own_certificate
from demo_line.training import Hands

_QUALITIES = tuple(Quality)
_NUMERIC = frozenset({ua.VariantType.Double, ua.VariantType.Int32, ua.VariantType.Int64, ua.VariantType.Boolean})
_REFRESH_SEVERITY = 100
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_POLICIES = {
    "none": ua.SecurityPolicyType.NoSecurity,
    "basic256sha256": ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt,
}


def no_data_status() -> int:
    """OPC UA status of a cell without a value in a recording."""
    return int(ua.StatusCodes.BadNoData)


class OfferedValue(ua.DataValue):  # type: ignore[misc]
    """A value that is built once and never changed afterwards, so the library need not clone it for each subscription.

    `asyncua` deep-copies every notified value, which is most of its cost per notification; sharing an unchanging object
    is safe.
    """

    __slots__ = ()

    def __deepcopy__(self, memo: dict[int, Any]) -> "OfferedValue":
        return self


class OpcuaServer:
    """One OPC UA server; `prepare` builds it, `offer` gives values, `listen` lets clients in, `close` ends it.

    Args:
        config: endpoint, security and users.
        root: name and identifier of the object under `Objects` that holds the folders.
        folders: what is shown; the nodes over all folders are numbered from 0 in their order.
        journal: receives every batch before it is offered.
        bad_status: OPC UA status that a value of bad quality gets.
        hands: what trainers may do; None = there are no methods.
        alarms: alarms of the units, by unit and name; their changes come with `tell`.
    """

    def __init__(
        self,
        config: OpcuaConfig,
        root: str,
        folders: Sequence[Folder],
        journal: Journal | None = None,
        bad_status: int = ua.StatusCodes.BadSensorFailure,
        hands: Hands | None = None,
        alarms: Mapping[tuple[str, str], Alarm] | None = None,
    ) -> None:
        self.config = config
        self.names = [f"nsu={config.namespace_uri};s={node.node_id}" for folder in folders for node in folder.nodes]
        self._root = root
        self._folders = folders
        self._journal = journal
        self._hands = hands
        self._alarms = alarms or {}
        self._conditions: Conditions | None = None
        self._status = {
            Quality.GOOD: ua.StatusCode(ua.StatusCodes.Good),
            Quality.UNCERTAIN: ua.StatusCode(ua.StatusCodes.UncertainSensorNotAccurate),
            Quality.BAD: ua.StatusCode(bad_status),
        }
        self._types = [ua.VariantType[node.datatype.value] for folder in folders for node in folder.nodes]
        self._history = History(
            [node for node, kind in enumerate(self._types) if kind in _NUMERIC and config.history_mb],
            config.history_hours,
            round(config.history_mb * 1e6),
        )
        self._node_ids: Sequence[ua.NodeId] = []
        self._echoes: Sequence[Sequence[Echo]] = []
        self._values: list[Any] = []
        self._server = TrustingServer(iserver=CoreInternalServer(user_manager=Users(config)))

    async def prepare(self) -> None:
        """Build address space and security; nothing listens yet."""
        config, server = self.config, self._server
        # Binds ConditionRefresh; the number is the severity of its events.
        server.iserver.bind_condition_methods = _REFRESH_SEVERITY if self._alarms else 0
        await server.init()
        server.set_endpoint(config.url)
        server.set_server_name("Smart Factory Showroom demonstration line")
        await server.set_application_uri(config.application_uri)
        server.application_type = ua.ApplicationType.Server
        tokens = [ua.UserNameIdentityToken] if config.users else []
        server.set_identity_tokens([*tokens, ua.AnonymousIdentityToken] if config.anonymous else tokens)
        server.set_security_policy([_POLICIES[name] for name in config.security], permission_ruleset=Rules())
        if config.pki_dir is not None:
            files = own_certificate(config.pki_dir, config.application_uri, config.host, datetime.now(UTC))
            await server.load_certificate(files.certificate)
            await server.load_private_key(files.private_key)
            server.trust = TrustList(config.pki_dir)
            server.iserver.certificate_validator = check_application_uri
        built = await build(
            server, config, self._root, self._folders, set(self._history.tracks), self._hands, self._alarms
        )
        self._node_ids, self._echoes, self._conditions = built.node_ids, built.echoes, built.conditions
        await self._wait_for_values()
        await self._serve_history()

    async def listen(self) -> None:
        """Open the endpoint; raises OSError when the port is taken."""
        await self._server.start()

    async def close(self) -> None:
        """Close the endpoint and all sessions."""
        await self._server.stop()

    def slow_down(self, seconds: float) -> None:
        """Let every answer and notification wait so long."""
        self._server.iserver.delay_s = seconds

    async def disconnect(self, seconds: float) -> None:
        """Drop all clients and let nobody in for a while."""
        listener, internal = self._server.bserver, self._server.iserver
        listener._server.close()
        for transport in list(internal.asyncio_transports):
            transport.abort()
        await asyncio.sleep(seconds)
        listener.cleanup_task.cancel()
        await listener.start()

    def take_over(self, old: "OpcuaServer") -> None:
        """Go on with the values, history and standing alarms of a server with the same nodes that is given up."""
        space, before = self._server.iserver.aspace, old._server.iserver.aspace
        for mine, other in zip(self._shown_nodes(), old._shown_nodes(), strict=True):
            space[mine].attributes[ua.AttributeIds.Value].value = before[other].attributes[ua.AttributeIds.Value].value
        self._history = old._history
        self._serve_tracks()
        if self._conditions is not None:
            self._conditions.remember_standing()

    async def offer(self, batch: Sequence[Offer]) -> None:
        """Journal a batch, then put it into the address space, from where subscriptions take it."""
        if self._journal is not None:
            self._journal.append((self.names[node], time_ns, value, quality) for node, time_ns, value, quality in batch)
        write = self._server.iserver.aspace.write_attribute_value
        last_ns, source_time = -1, _EPOCH
        for node, time_ns, value, quality in batch:
            if time_ns != last_ns:
                last_ns, source_time = time_ns, _EPOCH + timedelta(microseconds=time_ns // 1000)
            kind = self._types[node] if value is not None else ua.VariantType.Null
            offered = OfferedValue(ua.Variant(value, kind), self._status[quality], source_time, source_time)
            if node in self._history.tracks:
                kept = None if value is None or isinstance(value, str) else float(value)
                self._history.append(node, time_ns, kept, _QUALITIES.index(quality))
            await write(self._node_ids[node], ua.AttributeIds.Value, offered)
            for echo in self._echoes[node]:
                shown = ua.Variant(None) if value is None else echo.convert(value)
                again = OfferedValue(shown, self._status[quality], source_time, source_time)
                await write(echo.node_id, ua.AttributeIds.Value, again)

    async def tell(self, alarms: Iterable[Alarm], time_ns: int) -> None:
        """Send events for alarms that have changed; those of other servers are left out."""
        if self._conditions is not None:
            await self._conditions.tell(alarms, _EPOCH + timedelta(microseconds=time_ns // 1000))

    def monitored_nodes(self) -> int:
        """How many of the nodes at least one client has subscribed to."""
        return sum(1 for value in self._values if value.datachange_callbacks)

    def room(self) -> int:
        """How many more values of each node fit into the queues of all monitored items; large while nobody listens."""
        return min(
            (
                item.queue_size - len(subscription._triggered_datachanges.get(number, ()))
                for subscription in self._subscriptions()
                for number, item in subscription.monitored_item_srv._monitored_items.items()
            ),
            default=1_000_000,
        )

    def waiting_values(self) -> int:
        """How many values wait in queues for their clients to ask for them."""
        return sum(
            len(queue)
            for subscription in self._subscriptions()
            for queue in subscription._triggered_datachanges.values()
        )

    def unacknowledged(self) -> int:
        """How many publish responses clients have not acknowledged yet."""
        return sum(len(subscription._not_acknowledged_results) for subscription in self._subscriptions())

    def _subscriptions(self) -> list[Any]:
        return list(self._server.iserver.subscription_service.subscriptions.values())

    def _shown_nodes(self) -> list[ua.NodeId]:
        """All nodes that show readings."""
        return [*self._node_ids, *(echo.node_id for several in self._echoes for echo in several)]

    async def _wait_for_values(self) -> None:
        space = self._server.iserver.aspace
        waiting = ua.DataValue(ua.Variant(None), ua.StatusCode(ua.StatusCodes.BadWaitingForInitialData))
        for node_id in self._shown_nodes():
            await space.write_attribute_value(node_id, ua.AttributeIds.Value, waiting)
        self._values = [space[node_id].attributes[ua.AttributeIds.Value] for node_id in self._node_ids]

    def _serve_tracks(self) -> None:
        tracks = {self._node_ids[node]: track for node, track in self._history.tracks.items()}
        types = dict(zip(self._node_ids, self._types, strict=True))
        statuses = [self._status[quality] for quality in _QUALITIES]
        self._server.iserver.history_manager = HistoryReader(tracks, types, statuses)

    async def _serve_history(self) -> None:
        self._serve_tracks()
        tracks = self._history.tracks
        for name, value in (("AccessHistoryDataCapability", bool(tracks)), ("MaxReturnDataValues", MOST_VALUES)):
            node_id = ua.NodeId(getattr(ua.ObjectIds, f"HistoryServerCapabilities_{name}"))
            kind = ua.VariantType.Boolean if isinstance(value, bool) else ua.VariantType.UInt32
            told = ua.DataValue(ua.Variant(value, kind))
            (await self._server.iserver.aspace.write_attribute_value(node_id, ua.AttributeIds.Value, told)).check()
