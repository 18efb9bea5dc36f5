"""Security of the channel: which policy, who we are, and whether the server is the one that we trust."""

from datetime import UTC, datetime
from pathlib import Path

from asyncua import Client, ua
from asyncua.crypto import security_policies, uacrypto
from cryptography import x509

from edge_agent.sources.config import OpcUaSecurityConfig
from edge_agent.sources.opcua.pki import CertificateError, check_server_certificate, own_certificate

_POLICIES = {
    "basic256sha256": security_policies.SecurityPolicyBasic256Sha256,
    "aes128_sha256_rsaoaep": security_policies.SecurityPolicyAes128Sha256RsaOaep,
    "aes256_sha256_rsapss": security_policies.SecurityPolicyAes256Sha256RsaPss,
}
_MODES = {"sign": ua.MessageSecurityMode.Sign, "sign_and_encrypt": ua.MessageSecurityMode.SignAndEncrypt}


async def secure(client: Client, security: OpcUaSecurityConfig, base_dir: Path) -> datetime | None:
    """Set up the channel's security after checking who the server is; return when the server's certificate expires.

    With policy `none` there is nothing to check, and nothing that expires: None.

    Raises CertificateError where the server is not trusted or does not offer what is configured.
    """
    if security.policy == "none" or security.pki_dir is None:
        return None
    now = datetime.now(UTC)
    pki_dir = base_dir / security.pki_dir
    own = own_certificate(pki_dir, security.application_uri, now)
    policy, mode = _POLICIES[security.policy], _MODES[security.mode]
    wanted = (policy.URI, mode)
    endpoints = await client.connect_and_get_server_endpoints()
    endpoint = next((e for e in endpoints if (e.SecurityPolicyUri, e.SecurityMode) == wanted), None)
    if endpoint is None:
        offered = sorted({f"{e.SecurityPolicyUri.rpartition('#')[2]}/{e.SecurityMode.name}" for e in endpoints})
        raise CertificateError(
            f"the server does not offer {security.policy} with mode {security.mode}",
            f"set security.policy and security.mode to one it offers: {', '.join(offered)}",
        )
    leaf = check_server_certificate(pki_dir, endpoint.ServerCertificate or b"", endpoint.Server.ApplicationUri, now)
    await client.set_security(
        policy,
        own.certificate,
        own.private_key,
        server_certificate=uacrypto.CertProperties(leaf, extension="der"),
        mode=mode,
    )
    return x509.load_der_x509_certificate(leaf).not_valid_after_utc
