"""OPC UA server over described folders of nodes.

Read-only, users and trust list, every value journalled before it is offered.
"""

import hmac
import logging
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from asyncua import Server, ua
from asyncua.crypto.permission_rules import SimpleRoleRuleset, User, UserRole
from asyncua.crypto.security_policies import SecurityPolicyFactory
from asyncua.server.internal_server import InternalServer
from cryptography import x509

from demo_line.config import OpcuaConfig
from demo_line.journal import Journal
from demo_line.measurement import Offer, Quality
from demo_line.secret import read_password
from demo_line.servers.nodes import Folder, NodeDescription, unece_unit_id
from demo_line.servers.pki import TrustList, UntrustedError, own_certificate
from demo_line.signals import DataType

APPLICATION_URI = "urn:smart-factory-showroom:demo-line"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_READ_ONLY = ua.AccessLevel.CurrentRead.mask
_REFUSED_SERVICES = (
    ua.ObjectIds.WriteRequest_Encoding_DefaultBinary,
    ua.ObjectIds.CallRequest_Encoding_DefaultBinary,
    ua.ObjectIds.HistoryUpdateRequest_Encoding_DefaultBinary,
)
_POLICIES = {
    "none": ua.SecurityPolicyType.NoSecurity,
    "basic256sha256": ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt,
}

_log = logging.getLogger(__name__)


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


class _ReadOnly(SimpleRoleRuleset):  # type: ignore[misc]
    """No session may write, call or change the address space, whoever opened it."""

    def check_validity(self, _user: User, action_type_id: ua.NodeId, _body: Any) -> bool:
        readers = self._permission_dict[UserRole.User]
        return action_type_id in readers and action_type_id.Identifier not in _REFUSED_SERVICES


class _Users:
    """Who may open a session.

    The library's own default lets a user named `admin` in with any password, with write access.
    """

    def __init__(self, config: OpcuaConfig) -> None:
        self._passwords = {user.name: read_password(user.password_file) for user in config.users}
        self._anonymous = config.anonymous
        self._plain = "none" in config.security

    def get_user(
        self,
        _server: InternalServer,
        username: str | None = None,
        password: str | None = None,
        certificate: bytes | None = None,
    ) -> User | None:
        """Give the user of a new session, or None to refuse it.

        `certificate` is the peer's, None on a channel without security.
        """
        if certificate is None and not self._plain:
            _log.warning("refused a session without encryption; use Basic256Sha256 with SignAndEncrypt")
            return None
        if username is None:
            if not self._anonymous:
                _log.warning("refused an anonymous session; use one of the configured users")
                return None
            return User(role=UserRole.User, name="anonymous")
        expected = self._passwords.get(username)
        # Compared also for unknown users, so that the time taken does not tell which names exist.
        equal = hmac.compare_digest((expected or "").encode(), (password or "").encode())
        if expected is None or not equal:
            _log.warning("refused user %r: unknown user or wrong password", username)
            return None
        return User(role=UserRole.User, name=username)


class _TrustingPolicy(SecurityPolicyFactory):  # type: ignore[misc]
    """Security policy that opens a channel only for certificates of the trust list.

    The library checks the certificate named in CreateSession, which need not be the one that opened the channel; this
    checks the channel's.
    """

    def __init__(self, inner: SecurityPolicyFactory, trust: TrustList) -> None:
        self.__dict__.update(inner.__dict__)
        self._trust = trust

    def create(self, peer_certificate: bytes) -> Any:
        try:
            self._trust.check(_leaf(peer_certificate), datetime.now(UTC))
        except UntrustedError as error:
            _log.warning("rejected a client: %s", error)
            raise ua.uaerrors.BadUserAccessDenied from None
        return super().create(peer_certificate)


def _leaf(chain: bytes) -> bytes:
    """First certificate of a chain of DER certificates (OPC 10000-6, 6.2.6).

    The length stands in bytes 2 and 3 of its SEQUENCE.
    """
    if len(chain) > 4 and chain[:2] == b"\x30\x82":
        return chain[: 4 + int.from_bytes(chain[2:4], "big")]
    return chain


class _LineServer(Server):  # type: ignore[misc]
    """Server whose secured endpoints check the trust list."""

    trust: TrustList | None = None

    async def _setup_server_nodes(self) -> None:
        await super()._setup_server_nodes()
        trust = self.trust
        if trust is not None:
            self._policies[:] = [
                policy if policy.mode == ua.MessageSecurityMode.None_ else _TrustingPolicy(policy, trust)
                for policy in self._policies
            ]


class _ClosedInternalServer(InternalServer):  # type: ignore[misc]
    """Internal server that is no discovery server: strangers cannot register theirs."""

    def register_server(self, _server: Any, _conf: Any = None) -> None:
        raise ua.uaerrors.BadServiceUnsupported

    def register_server2(self, _params: Any) -> list[ua.StatusCode]:
        raise ua.uaerrors.BadServiceUnsupported


async def _check_application_uri(certificate: x509.Certificate, client: ua.ApplicationDescription) -> None:
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    if client.ApplicationUri not in names.get_values_for_type(x509.UniformResourceIdentifier):
        _log.warning(
            "rejected a client: it calls itself %s, which its certificate does not name", client.ApplicationUri
        )
        raise ua.uaerrors.BadCertificateUriInvalid


class OpcuaServer:
    """One OPC UA server; `prepare` builds it, `offer` gives values, `listen` lets clients in, `close` ends it.

    Args:
        config: endpoint, security and users.
        root: name and identifier of the object under `Objects` that holds the folders.
        folders: what is shown; the nodes over all folders are numbered from 0 in their order.
        journal: receives every batch before it is offered.
        bad_status: OPC UA status that a value of bad quality gets.
    """

    def __init__(
        self,
        config: OpcuaConfig,
        root: str,
        folders: Sequence[Folder],
        journal: Journal | None = None,
        bad_status: int = ua.StatusCodes.BadSensorFailure,
    ) -> None:
        self.config = config
        self.names = [f"nsu={config.namespace_uri};s={node.node_id}" for folder in folders for node in folder.nodes]
        self._root = root
        self._folders = folders
        self._journal = journal
        self._status = {
            Quality.GOOD: ua.StatusCode(ua.StatusCodes.Good),
            Quality.UNCERTAIN: ua.StatusCode(ua.StatusCodes.UncertainSensorNotAccurate),
            Quality.BAD: ua.StatusCode(bad_status),
        }
        self._types = [ua.VariantType[node.datatype.value] for folder in folders for node in folder.nodes]
        self._node_ids: list[ua.NodeId] = []
        self._server = _LineServer(iserver=_ClosedInternalServer(user_manager=_Users(config)))

    async def prepare(self) -> None:
        """Build address space and security; nothing listens yet."""
        config, server = self.config, self._server
        await server.init()
        server.set_endpoint(config.url)
        server.set_server_name("Smart Factory Showroom demonstration line")
        await server.set_application_uri(APPLICATION_URI)
        server.application_type = ua.ApplicationType.Server
        tokens = [ua.UserNameIdentityToken] if config.users else []
        server.set_identity_tokens([*tokens, ua.AnonymousIdentityToken] if config.anonymous else tokens)
        server.set_security_policy([_POLICIES[name] for name in config.security], permission_ruleset=_ReadOnly())
        if config.pki_dir is not None:
            files = own_certificate(config.pki_dir, APPLICATION_URI, config.host, datetime.now(UTC))
            await server.load_certificate(files.certificate)
            await server.load_private_key(files.private_key)
            server.trust = TrustList(config.pki_dir)
            server.iserver.certificate_validator = _check_application_uri
        await self._add_nodes()

    async def listen(self) -> None:
        """Open the endpoint; raises OSError when the port is taken."""
        await self._server.start()

    async def close(self) -> None:
        """Close the endpoint and all sessions."""
        await self._server.stop()

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
            await write(self._node_ids[node], ua.AttributeIds.Value, offered)

    def monitored_nodes(self) -> int:
        """How many of the nodes at least one client has subscribed to."""
        space = self._server.iserver.aspace
        return sum(
            1 for node_id in self._node_ids if space[node_id].attributes[ua.AttributeIds.Value].datachange_callbacks
        )

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

    async def _add_nodes(self) -> None:
        config = self.config
        for number in range(config.namespace_padding):
            await self._server.register_namespace(f"urn:smart-factory-showroom:foreign:{number}")
        index = await self._server.register_namespace(config.namespace_uri)
        root = ua.NodeId(self._root, index)
        folder_type, object_type = ua.NodeId(ua.ObjectIds.FolderType), ua.NodeId(ua.ObjectIds.BaseObjectType)
        items = [_object(root, self._root, "", ua.NodeId(ua.ObjectIds.ObjectsFolder), folder_type)]
        for folder in self._folders:
            folder_id = ua.NodeId(folder.name, index)
            items.append(_object(folder_id, folder.name, folder.description, root, object_type))
            for node in folder.nodes:
                node_id = ua.NodeId(node.node_id, index)
                self._node_ids.append(node_id)
                items.append(_variable(node_id, node, folder_id))
                items.extend(_properties(node_id, node))
        for result in await self._server.iserver.isession.add_nodes(items):
            result.StatusCode.check()
        waiting = ua.DataValue(ua.Variant(None), ua.StatusCode(ua.StatusCodes.BadWaitingForInitialData))
        for node_id in self._node_ids:
            await self._server.iserver.aspace.write_attribute_value(node_id, ua.AttributeIds.Value, waiting)


def _object(node_id: ua.NodeId, name: str, description: str, parent: ua.NodeId, kind: ua.NodeId) -> ua.AddNodesItem:
    return ua.AddNodesItem(
        ParentNodeId=parent,
        ReferenceTypeId=ua.NodeId(ua.ObjectIds.Organizes),
        RequestedNewNodeId=node_id,
        BrowseName=ua.QualifiedName(name, node_id.NamespaceIndex),
        NodeClass=ua.NodeClass.Object,
        NodeAttributes=ua.ObjectAttributes(
            DisplayName=ua.LocalizedText(name), Description=ua.LocalizedText(description or name)
        ),
        TypeDefinition=kind,
    )


def _variable(node_id: ua.NodeId, node: NodeDescription, parent: ua.NodeId) -> ua.AddNodesItem:
    kind = ua.VariantType[node.datatype.value]
    # AnalogUnitRangeType needs both properties, BaseAnalogType either (OPC 10000-8, 5.3.2).
    analog = node.datatype is DataType.DOUBLE and (node.unit or _has_range(node))
    type_id = ua.ObjectIds.BaseAnalogType if analog else ua.ObjectIds.BaseDataVariableType
    attributes = ua.VariableAttributes(
        DisplayName=ua.LocalizedText(node.name),
        Description=ua.LocalizedText(node.description or node.name),
        Value=ua.Variant(None),
        DataType=ua.NodeId(kind.value),
        ValueRank=ua.ValueRank.Scalar,
        ArrayDimensions=None,
        AccessLevel=_READ_ONLY,
        UserAccessLevel=_READ_ONLY,
        MinimumSamplingInterval=0.0,
        Historizing=False,
    )
    return ua.AddNodesItem(
        ParentNodeId=parent,
        ReferenceTypeId=ua.NodeId(ua.ObjectIds.HasComponent),
        RequestedNewNodeId=node_id,
        BrowseName=ua.QualifiedName(node.name, node_id.NamespaceIndex),
        NodeClass=ua.NodeClass.Variable,
        NodeAttributes=attributes,
        TypeDefinition=ua.NodeId(type_id),
    )


def _has_range(node: NodeDescription) -> bool:
    return node.low is not None and node.high is not None


def _properties(node_id: ua.NodeId, node: NodeDescription) -> Iterable[ua.AddNodesItem]:
    if node.unit:
        unit = ua.EUInformation()
        unit.NamespaceUri = "http://www.opcfoundation.org/UA/units/un/cefact"
        unit.UnitId = unece_unit_id(node.unit, node.name)
        unit.DisplayName = unit.Description = ua.LocalizedText(node.unit)
        yield _property(node_id, "EngineeringUnits", unit, ua.ObjectIds.EUInformation)
    if _has_range(node):
        limits = ua.Range()
        limits.Low, limits.High = float(node.low or 0.0), float(node.high or 0.0)
        yield _property(node_id, "EURange", limits, ua.ObjectIds.Range)


def _property(owner: ua.NodeId, name: str, value: Any, datatype: int) -> ua.AddNodesItem:
    attributes = ua.VariableAttributes(
        DisplayName=ua.LocalizedText(name),
        Description=ua.LocalizedText(name),
        Value=ua.Variant(value, ua.VariantType.ExtensionObject),
        DataType=ua.NodeId(datatype),
        ValueRank=ua.ValueRank.Scalar,
        ArrayDimensions=None,
        AccessLevel=_READ_ONLY,
        UserAccessLevel=_READ_ONLY,
    )
    return ua.AddNodesItem(
        ParentNodeId=owner,
        ReferenceTypeId=ua.NodeId(ua.ObjectIds.HasProperty),
        RequestedNewNodeId=ua.NodeId(f"{owner.Identifier}.{name}", owner.NamespaceIndex),
        BrowseName=ua.QualifiedName(name, 0),
        NodeClass=ua.NodeClass.Variable,
        NodeAttributes=attributes,
        TypeDefinition=ua.NodeId(ua.ObjectIds.PropertyType),
    )
