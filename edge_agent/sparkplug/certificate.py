"""When certificates in files expire. Pure but for reading the file."""

from datetime import datetime, timedelta
from pathlib import Path

WARN_DAYS = 30
"""So long before it expires a certificate is warned of."""
_PEM = b"-----BEGIN CERTIFICATE-----"


def expiries(path: Path) -> list[datetime]:
    """Return when each certificate of a file expires, in the order of the file; at least one.

    Args:
        path: file in PEM form, which may hold other things as well, or in DER form.

    Raises:
        OSError: the file cannot be read.
        ValueError: there is no certificate in it, or one that is damaged; the text names the file.
    """
    from cryptography import x509  # here, because it is heavy and most edges have no certificates of their own

    content = path.read_bytes()
    try:
        found = (
            x509.load_pem_x509_certificates(content) if _PEM in content else [x509.load_der_x509_certificate(content)]
        )
    except ValueError as error:
        raise ValueError(f"{path}: holds no certificate: {error}") from None
    return [certificate.not_valid_after_utc for certificate in found]


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
    at = expiries(path)[0]
    return at if at - now <= timedelta(days=days) else None


def expiry_text(what: str, at: datetime, now: datetime) -> str:
    """Say in words when something expires or did, e.g. `own.der expires on 2026-12-01, in 9 days`."""
    if at <= now:
        return f"{what} expired on {at:%Y-%m-%d}"
    return f"{what} expires on {at:%Y-%m-%d}, in {(at - now).days} days"
