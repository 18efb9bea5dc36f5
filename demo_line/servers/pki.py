"""Certificates of an OPC UA application: its own, those it trusts, those it rejected.

Layout of the folder: `own/certificate.der`, `own/private_key.pem` (mode 0600), `trusted/*.der|*.pem`, `rejected/*.der`.
    The trusted folder is read at
every connection, so trusting a peer is moving a file, without restart.
"""

import logging
import os
import socket
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

VALIDITY = timedelta(days=5 * 365)
WARN_BEFORE = timedelta(days=30)

_log = logging.getLogger(__name__)


class UntrustedError(ValueError):
    """A peer's certificate is not accepted; the text says why and how to trust it."""


@dataclass(frozen=True, slots=True)
class OwnCertificate:
    """Files of the application's own certificate (DER) and private key (PEM)."""

    certificate: Path
    private_key: Path


def own_certificate(pki_dir: Path, application_uri: str, host: str, now: datetime) -> OwnCertificate:
    """Give the application's certificate, made on first use.

    The certificate follows OPC 10000-6, 6.2.2: application URI and host names in the subject alternative name, key
    usages for signing and encryption, extended key usage for server and client.

    Raises:
        UntrustedError: an existing certificate has expired or is for another URI.
    """
    folder = pki_dir / "own"
    files = OwnCertificate(folder / "certificate.der", folder / "private_key.pem")
    for name in (folder, pki_dir / "trusted", pki_dir / "rejected"):
        name.mkdir(parents=True, exist_ok=True)
    if not files.certificate.exists() or not files.private_key.exists():
        _generate(files, application_uri, host, now)
    certificate = x509.load_der_x509_certificate(files.certificate.read_bytes())
    if application_uri not in _uris(certificate):
        raise UntrustedError(
            f"{files.certificate} is not for {application_uri}; delete it and its key to have new ones made"
        )
    if certificate.not_valid_after_utc <= now:
        raise UntrustedError(
            f"{files.certificate} expired on {certificate.not_valid_after_utc:%Y-%m-%d}; "
            "delete it and its key, then let peers trust the new one"
        )
    if certificate.not_valid_after_utc - now < WARN_BEFORE:
        _log.warning(
            "%s expires on %s; replace it in time", files.certificate, f"{certificate.not_valid_after_utc:%Y-%m-%d}"
        )
    return files


def _generate(files: OwnCertificate, application_uri: str, host: str, now: datetime) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, application_uri[:64])])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + VALIDITY)
        .add_extension(
            x509.SubjectAlternativeName([x509.UniformResourceIdentifier(application_uri), *_host_names(host)]),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(), critical=True)
        .add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    certificate = builder.sign(key, hashes.SHA256())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    descriptor = os.open(files.private_key, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(pem)
    files.certificate.write_bytes(certificate.public_bytes(Encoding.DER))


def _key_usage() -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True, content_commitment=True, key_encipherment=True, data_encipherment=True,
        key_agreement=False, key_cert_sign=False, crl_sign=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip


def _host_names(host: str) -> list[x509.GeneralName]:
    names: list[x509.GeneralName] = [x509.DNSName(socket.gethostname()), x509.DNSName("localhost")]
    try:
        return [*names, x509.IPAddress(ip_address(host))]
    except ValueError:
        return [*names, x509.DNSName(host)]


def _uris(certificate: x509.Certificate) -> list[str]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return list(names.get_values_for_type(x509.UniformResourceIdentifier))


class TrustList:
    """Certificates of peers that may connect: listed one by one, or issued by a listed certificate authority."""

    def __init__(self, pki_dir: Path) -> None:
        self.trusted_dir = pki_dir / "trusted"
        self.rejected_dir = pki_dir / "rejected"

    def check(self, der: bytes, now: datetime) -> x509.Certificate:
        """Accept a peer's certificate or raise UntrustedError.

        A rejected one is kept in `rejected/`, so that it can be moved to `trusted/`.
        """
        try:
            certificate = x509.load_der_x509_certificate(der)
        except ValueError as error:
            raise UntrustedError(f"the peer's certificate cannot be read: {error}") from error
        if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
            raise UntrustedError(
                f"certificate of {_subject(certificate)} is valid from {certificate.not_valid_before_utc:%Y-%m-%d} to "
                f"{certificate.not_valid_after_utc:%Y-%m-%d} only; renew it or correct the clock"
            )
        if not any(_vouches(trusted, certificate, now) for trusted in self._trusted()):
            kept = self._keep(certificate, der)
            raise UntrustedError(
                f"unknown certificate of {_subject(certificate)}; if you know this peer, "
                f"move {kept} to {self.trusted_dir} and let it connect again"
            )
        return certificate

    def _trusted(self) -> list[x509.Certificate]:
        found = []
        for path in sorted(self.trusted_dir.glob("*")):
            try:
                content = path.read_bytes()
                pem = content.startswith(b"-----BEGIN")
                found.append(
                    x509.load_pem_x509_certificate(content) if pem else x509.load_der_x509_certificate(content)
                )
            except (OSError, ValueError) as error:
                _log.warning("%s is not a certificate and is left out: %s", path, error)
        return found

    def _keep(self, certificate: x509.Certificate, der: bytes) -> Path:
        # Named by thumbprint, so a peer that tries for ever leaves one file; a bounded number of them, so
        # strangers cannot fill the disk.
        path = self.rejected_dir / f"{certificate.fingerprint(hashes.SHA1()).hex()}.der"  # noqa: S303 - OPC UA names certificates by SHA-1
        self.rejected_dir.mkdir(parents=True, exist_ok=True)
        kept = sorted(self.rejected_dir.glob("*.der"), key=lambda item: item.stat().st_mtime)
        if path not in kept:
            for oldest in kept[: max(len(kept) - 49, 0)]:
                oldest.unlink(missing_ok=True)
            path.write_bytes(der)
        return path


def _subject(certificate: x509.Certificate) -> str:
    return ", ".join(_uris(certificate)) or certificate.subject.rfc4514_string() or "a peer without a name"


def _vouches(trusted: x509.Certificate, certificate: x509.Certificate, now: datetime) -> bool:
    if trusted == certificate:
        return True
    try:
        if not trusted.extensions.get_extension_for_class(x509.BasicConstraints).value.ca:
            return False
        certificate.verify_directly_issued_by(trusted)
    except (x509.ExtensionNotFound, InvalidSignature, ValueError, TypeError):
        return False
    return trusted.not_valid_before_utc <= now <= trusted.not_valid_after_utc
