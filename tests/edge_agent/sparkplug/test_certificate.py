"""When certificates in files expire."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from edge_agent.sources.opcua.pki import VALIDITY, own_certificate
from edge_agent.sparkplug.broker import BrokerConfig
from edge_agent.sparkplug.certificate import expires_within, expiry_text
from tests.edge_agent.sparkplug.authority import Authority

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def test_only_what_expires_within_the_days_is_told(tmp_path: Path) -> None:
    """A file in DER form is read like one in PEM form; what has expired counts, too."""
    path = own_certificate(tmp_path, "urn:me", NOW).certificate
    end = NOW + VALIDITY
    assert expires_within(path, end - timedelta(days=31), 30) is None
    assert expires_within(path, end - timedelta(days=29), 30) == end
    assert expires_within(path, end + timedelta(days=1), 30) == end
    assert expires_within(path, end - timedelta(days=31), 40) == end
    now = datetime.now(UTC)
    at = expires_within(Authority(tmp_path, "plant").file, now)
    assert at is not None
    assert now < at < now + timedelta(hours=2)


def test_a_file_without_certificate_is_named(tmp_path: Path) -> None:
    """What is no certificate is an error that names the file."""
    for content in (b"", b"-----BEGIN CERTIFICATE-----\nnone", b"text"):
        (tmp_path / "odd.pem").write_bytes(content)
        with pytest.raises(ValueError, match=r"odd\.pem: holds no certificate"):
            expires_within(tmp_path / "odd.pem", NOW)


def test_the_files_of_a_connection_are_named_by_their_keys(tmp_path: Path) -> None:
    """Both files are looked at; one that is missing is left to the attempt to connect."""
    authority = Authority(tmp_path, "plant")
    certificate, key = authority.issue("edge")
    config = BrokerConfig(ca_file=authority.file, cert_file=certificate, key_file=key)
    now = datetime.now(UTC)
    text = config.expiring(now)
    assert f"broker.cert_file = {certificate} expires on {now + timedelta(hours=1):%Y-%m-%d}, in 0 days" in text
    assert f"broker.ca_file = {authority.file} expires on" in text
    assert config.expiring(now - timedelta(days=40)) == ""
    assert BrokerConfig(ca_file=tmp_path / "none.pem").expiring(now) == ""


def test_an_expired_certificate_is_called_so() -> None:
    """Days are counted down; the past is the past."""
    assert expiry_text("own.der", NOW + timedelta(days=9, hours=1), NOW) == "own.der expires on 2026-12-01, in 9 days"
    assert expiry_text("own.der", NOW - timedelta(days=1), NOW) == "own.der expired on 2026-11-21"
