"""Secured OPC UA channels: who the server is, is checked always, and a refusal says what to do."""

import shutil
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from asyncua import ua
from pydantic import TypeAdapter

from edge_agent.sources.config import OpcUaSourceConfig
from edge_agent.sources.opcua.pki import VALIDITY, CertificateError, check_server_certificate, own_certificate
from edge_agent.sources.opcua.source import OpcUaSource
from tests.integration.opcua_peer import APPLICATION_URI, URI, Peer
from tests.integration.source_sink import KeepingSink, reading, until

NOW = datetime(2026, 6, 1, tzinfo=UTC)
POLICIES = ["basic256sha256", "aes128_sha256_rsaoaep", "aes256_sha256_rsapss"]
VARIABLES: list[tuple[str, str, Any, ua.VariantType]] = [("MIX-10", "flow_l_h", 1.5, ua.VariantType.Double)]


@asynccontextmanager
async def _running(
    peer: Peer, folder: Path, policy: str, password: str
) -> AsyncIterator[tuple[OpcUaSource, KeepingSink]]:
    (folder / "password").write_text(f"{password}\n", encoding="utf-8")
    (folder / "password").chmod(0o600)
    config = TypeAdapter(OpcUaSourceConfig).validate_python(
        {
            "name": "cell", "type": "opcua", "origin": "simulated", "url": peer.url, "publishing_interval_ms": 50,
            "security": {"policy": policy, "pki_dir": "pki"}, "user": "edge", "password_file": "password",
            "browse": [{"root": f"nsu={URI};s=Line"}],
        }
    )  # fmt: skip
    source = OpcUaSource(config, folder)
    async with reading(source) as sink:
        yield source, sink


@pytest.fixture
async def peer(free_port: int, tmp_path: Path) -> AsyncIterator[Peer]:
    """A server that accepts encrypted sessions of one user only."""
    server = await Peer(free_port, pki_dir=tmp_path / "server", user=("edge", "right")).start(VARIABLES)
    yield server
    await server.stop()


@pytest.mark.parametrize("policy", POLICIES)
async def test_unknown_server_is_refused_until_it_is_trusted(peer: Peer, tmp_path: Path, policy: str) -> None:
    """A server that nobody trusted yet is refused; copying the named file is all that is needed."""
    async with _running(peer, tmp_path, policy, "right") as (source, sink):
        await until(lambda: "not trusted" in source.status().error)
        (rejected,) = (tmp_path / "pki" / "rejected").iterdir()
        assert str(rejected) in source.status().remedy
        assert str(tmp_path / "pki" / "trusted") in source.status().remedy
        assert sink.readings == []
        shutil.copy(rejected, tmp_path / "pki" / "trusted")
        await until(lambda: sink.values("flow_l_h") == [1.5], timeout_s=20)
        assert source.status().state == "connected"


async def test_wrong_password_is_explained(peer: Peer, tmp_path: Path) -> None:
    """A refused password names the file to correct, never the password; the corrected file is read without restart."""
    own_certificate(tmp_path / "pki", "urn:smart-factory-showroom:edge-agent", datetime.now(UTC))
    shutil.copy(tmp_path / "server" / "own" / "certificate.der", tmp_path / "pki" / "trusted")
    async with _running(peer, tmp_path, POLICIES[0], "wr0ng") as (source, sink):
        await until(lambda: "password_file" in source.status().remedy)
        assert "wr0ng" not in str(source.status())
        (tmp_path / "password").write_text("right\n", encoding="utf-8")
        await until(lambda: sink.values("flow_l_h") == [1.5], timeout_s=20)


async def test_a_certificate_that_expires_soon_is_warned_of_while_all_is_well(peer: Peer, tmp_path: Path) -> None:
    """The status of a connected source names the file, the day and what to do; the values flow."""
    old = own_certificate(
        tmp_path / "pki", "urn:smart-factory-showroom:edge-agent", datetime.now(UTC) - VALIDITY + timedelta(days=9.5)
    )
    shutil.copy(tmp_path / "server" / "own" / "certificate.der", tmp_path / "pki" / "trusted")
    async with _running(peer, tmp_path, POLICIES[0], "right") as (source, sink):
        await until(lambda: sink.values("flow_l_h") == [1.5], timeout_s=20)
        assert source.status().state == "connected"
        assert f"{old.certificate} expires on " in source.status().error
        assert source.status().error.endswith("in 9 days")
        assert "the server trust the new certificate" in source.status().remedy


@pytest.fixture(scope="module")
def server_certificate(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Certificate of a server, made at NOW."""
    folder = tmp_path_factory.mktemp("server")
    return own_certificate(folder, APPLICATION_URI, NOW).certificate.read_bytes()


def test_own_certificate_is_made_once_and_its_key_is_private(tmp_path: Path) -> None:
    """The certificate is made at first use, kept afterwards, and its key is readable by its owner only."""
    first = own_certificate(tmp_path, "urn:me", NOW)
    content = first.certificate.read_bytes()
    assert own_certificate(tmp_path, "urn:me", NOW).certificate.read_bytes() == content
    assert stat.S_IMODE(first.private_key.stat().st_mode) == 0o600
    with pytest.raises(CertificateError, match="urn:other"):
        own_certificate(tmp_path, "urn:other", NOW)
    with pytest.raises(CertificateError, match="expired"):
        own_certificate(tmp_path, "urn:me", NOW + timedelta(days=3000))


def test_trusted_certificate_must_be_valid_and_name_the_server(tmp_path: Path, server_certificate: bytes) -> None:
    """Being on the trust list is not enough: time and application URI must be right, too."""
    (tmp_path / "trusted").mkdir()
    (tmp_path / "trusted" / "server.der").write_bytes(server_certificate)
    (tmp_path / "trusted" / "note.txt").write_text("no certificate", encoding="utf-8")
    assert check_server_certificate(tmp_path, server_certificate, APPLICATION_URI, NOW) == server_certificate
    with pytest.raises(CertificateError, match="valid from"):
        check_server_certificate(tmp_path, server_certificate, APPLICATION_URI, NOW + timedelta(days=3000))
    with pytest.raises(CertificateError, match="calls itself urn:other"):
        check_server_certificate(tmp_path, server_certificate, "urn:other", NOW)


def test_untrusted_and_unreadable_certificates_are_refused(tmp_path: Path, server_certificate: bytes) -> None:
    """A certificate that is not listed, or none at all, is refused with a remedy."""
    with pytest.raises(CertificateError, match="not trusted") as refusal:
        check_server_certificate(tmp_path, server_certificate, APPLICATION_URI, NOW)
    assert str(tmp_path / "trusted") in refusal.value.remedy
    with pytest.raises(CertificateError, match="cannot be read"):
        check_server_certificate(tmp_path, b"", APPLICATION_URI, NOW)
