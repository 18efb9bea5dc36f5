"""What went wrong with an OPC UA server, in words, and what the engineer can do about it."""

import socket
from typing import NamedTuple
from urllib.parse import urlsplit

from asyncua import ua

from edge_agent.sources.opcua.pki import CertificateError
from edge_agent.sparkplug.settings import ConfigError

_Codes = ua.StatusCodes
_REJECTED_LOGIN = {_Codes.BadIdentityTokenInvalid, _Codes.BadIdentityTokenRejected, _Codes.BadUserSignatureInvalid}
_REJECTED_CLIENT = {
    _Codes.BadSecurityChecksFailed,
    _Codes.BadCertificateUntrusted,
    _Codes.BadCertificateInvalid,
    _Codes.BadCertificateUriInvalid,
    _Codes.BadCertificateUseNotAllowed,
    _Codes.BadCertificateTimeInvalid,
    _Codes.BadCertificateIssuerUseNotAllowed,
    _Codes.BadCertificateChainIncomplete,
}
_TRUST_US = (
    "let the server trust this client: copy own/certificate.der of security.pki_dir into its list of trusted ones"
)


class Explanation(NamedTuple):
    """An error and its remedy, each one line."""

    error: str
    remedy: str


class DiscoveryError(ValueError):
    """The server has nothing of what the configuration asks for. `remedy` says what to do."""

    def __init__(self, error: str, remedy: str) -> None:
        super().__init__(error)
        self.remedy = remedy


def explain(error: BaseException, url: str, *, secured: bool) -> Explanation:
    """Say what an error of a connection to `url` means; `secured` is whether certificates are in use."""
    host = urlsplit(url).hostname or url
    port = urlsplit(url).port or 4840
    if isinstance(error, CertificateError | DiscoveryError):
        return Explanation(str(error), error.remedy)
    if isinstance(error, ConfigError):
        return Explanation(str(error), "correct the file; it is read again at the next attempt")
    if isinstance(error, ConnectionRefusedError):
        return Explanation(f"nothing listens at {host}:{port}", "start the server, or correct the port in url")
    if isinstance(error, socket.gaierror):
        return Explanation(f"the host name {host} is not known", "correct the host in url, or use its IP address")
    if isinstance(error, TimeoutError):
        return Explanation(
            f"{host}:{port} does not answer", "check network, subnet and firewalls, and that the server runs"
        )
    if isinstance(error, ua.UaStatusCodeError):
        return _explain_status(error.code, secured=secured)
    if isinstance(error, OSError):
        # A server that does not accept our certificate often just closes the connection.
        also = f"; or {_TRUST_US}" if secured else ""
        text = f"connection to {host}:{port} failed: {error}".rstrip(": ")
        return Explanation(text, f"check network and firewalls, and that the server runs{also}")
    if isinstance(error, ua.UaError) and "No matching endpoints" in str(error):
        return Explanation(
            "the server offers no endpoint with this security", "set security.policy and mode to what it offers"
        )
    return Explanation(f"{type(error).__name__}: {error}", "see the log of the server")


def _explain_status(code: int, *, secured: bool) -> Explanation:
    name = ua.StatusCode(code).name
    if code in _REJECTED_LOGIN:
        return Explanation(f"the server refuses user and password ({name})", "correct user and the file password_file")
    if code == _Codes.BadUserAccessDenied:
        also = f"; or {_TRUST_US}" if secured else ""
        return Explanation(f"the server refuses this client ({name})", f"check user and password_file{also}")
    if code in _REJECTED_CLIENT:
        return Explanation(f"the server refuses this client's certificate ({name})", _TRUST_US)
    if code in (_Codes.BadTooManySessions, _Codes.BadMaxConnectionsReached):
        return Explanation(f"the server has no room for another client ({name})", "close other clients, or allow more")
    if code == _Codes.BadSecurityPolicyRejected:
        return Explanation(f"the server refuses this security policy ({name})", "set security.policy to what it offers")
    return Explanation(f"the server answers {name}", "see the log of the server")
