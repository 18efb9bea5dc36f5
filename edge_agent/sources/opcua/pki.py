"""Certificates of the OPC UA client: its own, and the servers it trusts.

Layout of the folder: `own/certificate.der`, `own/private_key.pem` (mode 0600), `trusted/*.der|*.pem|*.crt`,
`rejected/*.der`. The trusted folder is read at every connection, so trusting a server is copying a file.
"""

import logging
import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

VALIDITY = timedelta(days=5 * 365)
MAX_REJECTED = 50

_log = logging.getLogger(__name__)
RENEW_OWN = "delete the folder {folder}, connect again and let the server trust the new certificate"


class CertificateError(ValueError):
    """A certificate cannot be used. `remedy` says what the engineer can do about it."""

    def __init__(self, error: str, remedy: str) -> None:
        super().__init__(error)
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class OwnCertificate:
    """Files of the client's certificate (DER) and private key (PEM)."""

    certificate: Path
    private_key: Path


def own_certificate_path(pki_dir: Path) -> Path:
    """Return where the client's certificate lies, whether there is one or not."""
    return pki_dir / "own" / "certificate.der"


def own_certificate(pki_dir: Path, application_uri: str, now: datetime) -> OwnCertificate:
    """Return the client's certificate, made on first use (OPC 10000-6, 6.2.2).

    Raises CertificateError where the existing one has expired or names another application URI.
    """
    files = OwnCertificate(own_certificate_path(pki_dir), pki_dir / "own" / "private_key.pem")
    for folder in (files.certificate.parent, pki_dir / "trusted", pki_dir / "rejected"):
        folder.mkdir(parents=True, exist_ok=True)
    renew = RENEW_OWN.format(folder=files.certificate.parent)
    if not (files.certificate.exists() and files.private_key.exists()):
        _generate(files, application_uri, now)
    certificate = x509.load_der_x509_certificate(files.certificate.read_bytes())
    if application_uri not in _uris(certificate):
        raise CertificateError(f"{files.certificate} does not name the application URI {application_uri}", renew)
    if certificate.not_valid_after_utc <= now:
        raise CertificateError(f"{files.certificate} expired on {certificate.not_valid_after_utc:%Y-%m-%d}", renew)
    return files


def _generate(files: OwnCertificate, application_uri: str, now: datetime) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "smart-factory-showroom edge agent")])
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=True,
        key_encipherment=True,
        data_encipherment=True,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    names = [x509.UniformResourceIdentifier(application_uri), x509.DNSName(socket.gethostname())]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))  # servers whose clock is behind accept it, too
        .not_valid_after(now + VALIDITY)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    descriptor = os.open(files.private_key, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(pem)
    files.certificate.write_bytes(certificate.public_bytes(Encoding.DER))


def check_server_certificate(pki_dir: Path, der: bytes, application_uri: str, now: datetime) -> bytes:
    """Accept a server's certificate chain; return its leaf as DER.

    A certificate is trusted where it, or the authority that issued it, stands in `trusted/`. `application_uri` is what
    the server calls itself. Raises CertificateError; an unknown certificate is kept in `rejected/`.
    """
    leaf = _leaf(der)
    try:
        certificate = x509.load_der_x509_certificate(leaf)
    except ValueError as error:
        raise CertificateError(f"the server's certificate cannot be read: {error}", "renew it on the server") from None
    if not any(_vouches(trusted, certificate, now) for trusted in _trusted(pki_dir)):
        kept = _keep(pki_dir, certificate, leaf)
        raise CertificateError(
            f"the server's certificate ({certificate.subject.rfc4514_string() or application_uri}, SHA-1 "
            f"{certificate.fingerprint(hashes.SHA1()).hex()}) is not trusted",  # noqa: S303 - a name, not a proof
            f"compare the SHA-1 with the server's own, then copy {kept} to {pki_dir / 'trusted'}",
        )
    if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
        raise CertificateError(
            f"the server's certificate is valid from {certificate.not_valid_before_utc:%Y-%m-%d} "
            f"to {certificate.not_valid_after_utc:%Y-%m-%d} only",
            "renew it on the server, or correct the clock of this machine",
        )
    if application_uri not in _uris(certificate):
        raise CertificateError(
            f"the server calls itself {application_uri}, but its certificate is for {_uris(certificate)}",
            "make the server's certificate anew with its own application URI",
        )
    return leaf


def _leaf(chain: bytes) -> bytes:
    """Cut the first certificate out of a chain (OPC 10000-6, 6.2.6): a DER sequence says its own length."""
    if chain[:2] == b"\x30\x82":
        return chain[: 4 + int.from_bytes(chain[2:4], "big")]
    return chain


def _trusted(pki_dir: Path) -> Iterator[x509.Certificate]:
    for path in sorted((pki_dir / "trusted").glob("*")):
        try:
            content = path.read_bytes()
            pem = content.startswith(b"-----BEGIN")
            yield x509.load_pem_x509_certificate(content) if pem else x509.load_der_x509_certificate(content)
        except (OSError, ValueError) as error:
            _log.warning("%s is not a certificate and is left out: %s", path, error)


def _keep(pki_dir: Path, certificate: x509.Certificate, der: bytes) -> Path:
    folder = pki_dir / "rejected"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{certificate.fingerprint(hashes.SHA1()).hex()}.der"  # noqa: S303 - OPC UA names them by SHA-1
    if not path.exists():
        oldest_first = sorted(folder.glob("*.der"), key=lambda file: file.stat().st_mtime)
        for old in oldest_first[: max(len(oldest_first) - MAX_REJECTED + 1, 0)]:
            old.unlink(missing_ok=True)
        path.write_bytes(der)
    return path


def _uris(certificate: x509.Certificate) -> list[str]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return names.get_values_for_type(x509.UniformResourceIdentifier)


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
