"""Who may do what at the OPC UA server: nobody writes, trainers call, users are checked, no peer is trusted unasked."""

import hmac
import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from asyncua import Server, ua
from asyncua.crypto.permission_rules import SimpleRoleRuleset, User, UserRole
from asyncua.crypto.security_policies import SecurityPolicyFactory
from asyncua.server.internal_server import InternalServer
from asyncua.ua.ua_binary import struct_from_binary
from cryptography import x509

from demo_line.config import OpcuaConfig
from demo_line.secret import read_password
from demo_line.servers.pki import TrustList, UntrustedError

_REFUSED_SERVICES = (
    ua.ObjectIds.WriteRequest_Encoding_DefaultBinary,
    ua.ObjectIds.HistoryUpdateRequest_Encoding_DefaultBinary,
)

_REFRESHES = frozenset({ua.ObjectIds.ConditionType_ConditionRefresh, ua.ObjectIds.ConditionType_ConditionRefresh2})
"""Methods that change nothing: they send a client the alarms that stand (OPC 10000-9, 5.5.7)."""

_log = logging.getLogger(__name__)


@dataclass
class LineUser(User):  # type: ignore[misc]
    """User of a session; for the library all are equal, `trainer` is ours."""

    trainer: bool = False


class Rules(SimpleRoleRuleset):  # type: ignore[misc]
    """No session may write or change the address space, whoever opened it; only a trainer's may call methods."""

    def check_validity(self, user: User, action_type_id: ua.NodeId, body: Any) -> bool:
        """Whether the user may have this service; `body` is the request behind its header."""
        if action_type_id.Identifier == ua.ObjectIds.CallRequest_Encoding_DefaultBinary:
            return (isinstance(user, LineUser) and user.trainer) or _only_refreshes(body)
        readers = self._permission_dict[UserRole.User]
        return action_type_id in readers and action_type_id.Identifier not in _REFUSED_SERVICES


def _only_refreshes(body: Any) -> bool:
    methods = struct_from_binary(ua.CallParameters, body.copy()).MethodsToCall
    return all(method.MethodId.NamespaceIndex == 0 and method.MethodId.Identifier in _REFRESHES for method in methods)


class Users:
    """Who may open a session.

    The library's own default lets a user named `admin` in with any password, with write access.
    """

    def __init__(self, config: OpcuaConfig) -> None:
        self._passwords = {user.name: read_password(user.password_file) for user in config.users}
        self._trainers = frozenset(user.name for user in config.users if user.role == "trainer")
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
            return LineUser(role=UserRole.User, name="anonymous")
        expected = self._passwords.get(username)
        # Compared also for unknown users, so that the time taken does not tell which names exist.
        equal = hmac.compare_digest((expected or "").encode(), (password or "").encode())
        if expected is None or not equal:
            _log.warning("refused user %r: unknown user or wrong password", username)
            return None
        return LineUser(role=UserRole.User, name=username, trainer=username in self._trainers)


class TrustingPolicy(SecurityPolicyFactory):  # type: ignore[misc]
    """Security policy that opens a channel only for certificates of the trust list.

    The library checks the certificate named in CreateSession, which need not be the one that opened the channel; this
    checks the channel's.
    """

    def __init__(self, inner: SecurityPolicyFactory, trust: TrustList) -> None:
        self.__dict__.update(inner.__dict__)
        self._trust = trust

    def create(self, peer_certificate: bytes) -> Any:
        """Policy of one channel; the library closes the connection when the peer is not trusted."""
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


class TrustingServer(Server):  # type: ignore[misc]
    """Server whose secured endpoints check the trust list."""

    trust: TrustList | None = None

    async def _setup_server_nodes(self) -> None:
        await super()._setup_server_nodes()
        trust = self.trust
        if trust is not None:
            self._policies[:] = [
                policy if policy.mode == ua.MessageSecurityMode.None_ else TrustingPolicy(policy, trust)
                for policy in self._policies
            ]


async def check_application_uri(certificate: x509.Certificate, client: ua.ApplicationDescription) -> None:
    """Refuse a client whose certificate does not name the application it says it is (OPC 10000-4, 6.1.3)."""
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    if client.ApplicationUri not in names.get_values_for_type(x509.UniformResourceIdentifier):
        _log.warning(
            "rejected a client: it calls itself %s, which its certificate does not name", client.ApplicationUri
        )
        raise ua.uaerrors.BadCertificateUriInvalid
