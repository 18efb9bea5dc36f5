"""When certificates in files expire. Pure but for reading the file."""

from datetime import datetime, timedelta
from pathlib import Path

WARN_DAYS = 30
"""So long before it expires a certificate is warned of."""
_PEM = b"-----BEGIN CERTIFICATE-----"


def expires_within(path: Path, now: datetime, days: float = WARN_DAYS) -> datetime | None:
    """Return when the first certificate of a file expires where that is within so many days, or past; else None.

    Args:
        path: file in PEM or DER form.
        now: time with a time zone.
        days: how far ahead to look.

    Raises:
        OSError: the file cannot be read.
        ValueError: there is no certificate in it; the text names the file.
    """
    from cryptography import x509  # here, because it is heavy and most edges have no certificates of their own

    content = path.read_bytes()
    try:
        certificate = (
            x509.load_pem_x509_certificate(content[content.index(_PEM) :])
            if _PEM in content
            else x509.load_der_x509_certificate(content)
        )
    except ValueError as error:
        raise ValueError(f"{path}: holds no certificate: {error}") from None
    at = certificate.not_valid_after_utc
    return at if at - now <= timedelta(days=days) else None


def expiry_text(what: str, at: datetime, now: datetime) -> str:
    """Say in words when something expires or did, e.g. `own.der expires on 2026-12-01, in 9 days`."""
    if at <= now:
        return f"{what} expired on {at:%Y-%m-%d}"
    return f"{what} expires on {at:%Y-%m-%d}, in {(at - now).days} days"
