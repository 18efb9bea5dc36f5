"""One OPC UA session that can only read: connecting, the few services that are needed, and the publish loop."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from asyncua import Client, ua
from asyncua.client.ua_client import UaClient
from asyncua.client.ua_session import UaSession
from asyncua.common.utils import Buffer

from edge_agent.sources.config import OpcUaSourceConfig
from edge_agent.sources.opcua.address import NodeAddress
from edge_agent.sources.opcua.channel import secure
from edge_agent.sources.opcua.general import decode_by_library
from edge_agent.sources.opcua.publish import PublishResult, UnusualContentError, decode_publish_response
from edge_agent.sparkplug.settings import read_secret

Item = TypeVar("Item")

# The library logs every failed attempt and every request that ends with its connection; the source says it once, with
# the remedy. Whoever wants the library's words sets the level of this logger first.
_LIBRARY_LOG = logging.getLogger("asyncua")
if _LIBRARY_LOG.level == logging.NOTSET:
    _LIBRARY_LOG.setLevel(logging.CRITICAL)

CHUNK = 500
"""Nodes per request: below the operation limits of common servers."""
OUTSTANDING_PUBLISHES = 3
SESSION_TIMEOUT_MS = 60_000

_READ_REQUESTS = (
    ua.CreateSessionRequest,
    ua.ActivateSessionRequest,
    ua.CloseSessionRequest,
    ua.BrowseRequest,
    ua.BrowseNextRequest,
    ua.ReadRequest,
    ua.CreateSubscriptionRequest,
    ua.CreateMonitoredItemsRequest,
    ua.PublishRequest,
)
_TRIGGERS = {
    "status_value": ua.DataChangeTrigger.StatusValue,
    "status_value_timestamp": ua.DataChangeTrigger.StatusValueTimestamp,
}


class ReadOnlyError(PermissionError):
    """Something asked for a service that could change the server. A real machine is never written to."""


class LostError(ConnectionError):
    """The server went away, or fell silent."""


class ReadSession(UaSession):  # type: ignore[misc]  # asyncua is untyped
    """Session of asyncua that sends only requests that read, whoever asks, and leaves publishing to `Session`."""

    async def _send_request(self, request: Any, *arguments: Any, **options: Any) -> Buffer:
        if not isinstance(request, _READ_REQUESTS):
            raise ReadOnlyError(f"{type(request).__name__} is refused: this connection only reads")
        return await super()._send_request(request, *arguments, **options)

    def ensure_publish_loop(self) -> None:
        """Leave publishing to `Session.listen`."""

    async def publish_raw(self, acknowledgements: Sequence[Any]) -> bytes:
        """Ask for one publish response; return its bytes, beginning with the type id."""
        request = ua.PublishRequest()
        request.Parameters.SubscriptionAcknowledgements = list(acknowledgements)
        answer = await self._send_request(request, timeout=0)
        return bytes(answer.copy().read(len(answer)))


class Session:
    """An open session. Make one with `open`, end it with `close` whatever happened."""

    def __init__(self, client: Client, config: OpcUaSourceConfig) -> None:
        self._client = client
        self._config = config
        self._session: ReadSession = client.uaclient.session
        self._renewal: asyncio.Task[None] | None = None
        self._silence_s = 1.5 * config.keepalive_s
        self.namespaces: list[str] = []
        self.server_expires: datetime | None = None
        """When the certificate of the server expires; None where nobody checked one."""
        self.delay_ns = 0
        """How long a change may take until a response tells of it: the intervals that the server granted."""

    @classmethod
    async def open(cls, config: OpcUaSourceConfig, base_dir: Path) -> "Session":
        """Connect, check the server's certificate, log in. Raises what `explain` of errors.py explains."""
        client = Client(config.url, timeout=config.timeout_s)
        client.name = client.description = "smart-factory-showroom edge agent"
        client.application_uri = config.security.application_uri
        client.session_timeout = SESSION_TIMEOUT_MS
        uaclient: UaClient = client.uaclient
        uaclient.session = ReadSession(uaclient)
        uaclient.pre_request_hook = None  # it serves the library's own reconnection, which is not used
        user = password = None
        if config.user is not None and config.password_file is not None:
            user, password = config.user, read_secret(base_dir / config.password_file)
        server_expires = await secure(client, config.security, base_dir)
        session = cls(client, config)
        session.server_expires = server_expires
        try:
            await client.connect_socket()
            await client.send_hello()
            await client.open_secure_channel()
            await client.create_session()
            await client.activate_session(username=user, password=password)
            session._renewal = asyncio.create_task(session._renew_channel(), name="opcua channel renewal")
            namespaces = await session.read([(ua.NodeId(2255), ua.AttributeIds.Value)])
            session.namespaces = list(namespaces[0].Value.Value)
        except BaseException:
            await session.close(lost=True)
            raise
        return session

    async def close(self, *, lost: bool) -> None:
        """End the session; without any word to the server where the connection is lost."""
        if self._renewal is not None:
            self._renewal.cancel()
            await asyncio.wait({self._renewal})
        if not lost:
            try:
                async with asyncio.timeout(min(self._config.timeout_s, 2.0)):
                    await self._session.close_session(delete_subscriptions=True)
                    await self._client.close_secure_channel()
            except (OSError, TimeoutError, ua.UaError):
                pass  # the session times out at the server by itself
        protocol = self._client.uaclient.protocol
        if protocol is not None and protocol.transport is not None:
            protocol.transport.abort()  # a plain close waits for ever for a peer that is gone
        self._client.disconnect_socket()

    def node_id(self, address: NodeAddress) -> ua.NodeId:
        """Resolve an address with the namespace table of this connection; raises KeyError where the URI is unknown."""
        index = 0
        if address.namespace_uri:
            if address.namespace_uri not in self.namespaces:
                raise KeyError(address.namespace_uri)
            index = self.namespaces.index(address.namespace_uri)
        return ua.NodeId.from_string(f"ns={index};{address.kind}={address.identifier}")

    def address(self, node_id: ua.NodeId) -> NodeAddress:
        """Return the index-free address of a node."""
        text = node_id.to_string()
        uri = ""
        if node_id.NamespaceIndex:
            uri, text = self.namespaces[node_id.NamespaceIndex], text.partition(";")[2]
        kind, _, identifier = text.partition("=")
        return NodeAddress(uri, kind, identifier)

    async def browse(
        self, node_ids: Sequence[ua.NodeId], reference_type: int, *, inverse: bool = False
    ) -> list[list[Any]]:
        """List the references of each node of a type and its subtypes, as ReferenceDescription."""
        direction = ua.BrowseDirection.Inverse if inverse else ua.BrowseDirection.Forward
        found: list[list[Any]] = []
        for chunk in _chunks(node_ids):
            parameters = ua.BrowseParameters()
            for node_id in chunk:
                description = ua.BrowseDescription()
                description.NodeId = node_id
                description.ReferenceTypeId = ua.NodeId(reference_type)
                description.BrowseDirection = direction
                description.IncludeSubtypes = True
                description.ResultMask = ua.BrowseResultMask.All
                parameters.NodesToBrowse.append(description)
            found.extend([await self._complete(result) for result in await self._session.browse(parameters)])
        return found

    async def _complete(self, result: Any) -> list[Any]:
        references = list(result.References or ())
        while result.ContinuationPoint:
            following = ua.BrowseNextParameters()
            following.ContinuationPoints = [result.ContinuationPoint]
            (result,) = await self._session.browse_next(following)
            references.extend(result.References or ())
        return references

    async def read(self, attributes: Sequence[tuple[ua.NodeId, ua.AttributeIds]]) -> list[ua.DataValue]:
        """Read attributes of nodes; one DataValue each, with its own status."""
        values: list[ua.DataValue] = []
        for chunk in _chunks(attributes):
            parameters = ua.ReadParameters()
            for node_id, attribute in chunk:
                item = ua.ReadValueId()
                item.NodeId, item.AttributeId = node_id, attribute
                parameters.NodesToRead.append(item)
            values.extend(await self._session.read(parameters))
        return values

    async def subscribe(self, node_ids: Sequence[ua.NodeId], handles: Sequence[int]) -> list[ua.StatusCode]:
        """Monitor the values of nodes under the given client handles; return the status of each."""
        config = self._config
        parameters = ua.CreateSubscriptionParameters()
        parameters.RequestedPublishingInterval = config.publishing_interval_ms
        parameters.RequestedMaxKeepAliveCount = max(1, round(config.keepalive_s * 1000 / config.publishing_interval_ms))
        parameters.RequestedLifetimeCount = max(10 * parameters.RequestedMaxKeepAliveCount, 1000)
        created = await self._session.create_subscription(parameters, lambda _result: None)
        keepalive_s = created.RevisedPublishingInterval * created.RevisedMaxKeepAliveCount / 1000
        self._silence_s = 1.5 * max(keepalive_s, config.keepalive_s)
        statuses: list[ua.StatusCode] = []
        sampling_ms = 0.0
        for chunk in _chunks(list(zip(node_ids, handles, strict=True))):
            request = ua.CreateMonitoredItemsParameters()
            request.SubscriptionId = created.SubscriptionId
            request.TimestampsToReturn = ua.TimestampsToReturn.Both
            request.ItemsToCreate = [self._item(node_id, handle) for node_id, handle in chunk]
            for result in await self._session.create_monitored_items(request):
                statuses.append(result.StatusCode)
                sampling_ms = max(sampling_ms, result.RevisedSamplingInterval)  # -1 is the publishing interval
        self.delay_ns = round((created.RevisedPublishingInterval + sampling_ms) * 1e6)
        return statuses

    def _item(self, node_id: ua.NodeId, handle: int) -> Any:
        item = ua.MonitoredItemCreateRequest()
        item.ItemToMonitor.NodeId = node_id
        item.ItemToMonitor.AttributeId = ua.AttributeIds.Value
        item.MonitoringMode = ua.MonitoringMode.Reporting
        item.RequestedParameters.ClientHandle = handle
        item.RequestedParameters.SamplingInterval = self._config.sampling_interval_ms
        item.RequestedParameters.QueueSize = self._config.queue_size
        item.RequestedParameters.DiscardOldest = True
        item.RequestedParameters.Filter = ua.DataChangeFilter(Trigger=_TRIGGERS[self._config.trigger])
        return item

    async def listen(self, on_result: Callable[[PublishResult], None]) -> None:
        """Hand on publish responses in order until the connection is lost; raises LostError, OSError or UaError."""
        expected = 1
        acknowledgements: list[Any] = []
        outstanding: deque[asyncio.Task[bytes]] = deque()
        try:
            for _ in range(OUTSTANDING_PUBLISHES):
                outstanding.append(self._publish(()))
            while True:
                result = _decode(await self._next(outstanding))
                if result.status_change is not None:
                    raise LostError(f"the server ended the subscription: {status_name(result.status_change)}")
                if not result.is_keepalive:
                    if result.sequence_number != expected:
                        raise LostError(f"message {expected} of the subscription is missing")
                    expected = expected % 0xFFFF_FFFF + 1
                    acknowledgements.append(
                        ua.SubscriptionAcknowledgement(result.subscription_id, result.sequence_number)
                    )
                outstanding.append(self._publish(acknowledgements))
                acknowledgements = []
                on_result(result)
        finally:
            for task in outstanding:
                task.cancel()
            await asyncio.gather(*outstanding, return_exceptions=True)

    def _publish(self, acknowledgements: Iterable[Any]) -> asyncio.Task[bytes]:
        return asyncio.create_task(self._session.publish_raw(list(acknowledgements)), name="opcua publish")

    async def _next(self, outstanding: deque[asyncio.Task[bytes]]) -> bytes:
        task = outstanding[0]
        renewal = {self._renewal} if self._renewal is not None else set()
        for limit_s in (self._silence_s, 0.1):  # the second, so that a stalled event loop is not taken for silence
            done, _ = await asyncio.wait({task, *renewal}, timeout=limit_s, return_when=asyncio.FIRST_COMPLETED)
            if task in done:
                outstanding.popleft()
                return task.result()
            for failed in done:
                raise LostError(f"the secure channel could not be renewed: {failed.exception()!r}")
        raise LostError(f"no answer from the server for {self._silence_s:.1f} s")

    async def _renew_channel(self) -> None:
        """Renew the channel's keys after 75 % of their life (OPC 10000-4, 5.6.2)."""
        while True:
            await asyncio.sleep(0.75 * self._client.secure_channel_timeout / 1000)
            await self._client.open_secure_channel(renew=True)
            self._client.uaclient.revolve_security_token()


def status_name(status: int) -> str:
    """Return the name of a status code, e.g. `BadNodeIdUnknown`."""
    return str(ua.StatusCode(status & 0xFFFF_0000).name)


def _decode(body: bytes) -> PublishResult:
    try:
        return decode_publish_response(body)
    except UnusualContentError:
        return decode_by_library(body)


def _chunks(items: Sequence[Item]) -> Iterable[Sequence[Item]]:
    return (items[start : start + CHUNK] for start in range(0, len(items), CHUNK))
