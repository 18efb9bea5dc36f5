"""The MQTT connection over TLS against a real Mosquitto."""

import datetime
import ipaddress
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from edge_agent.sparkplug.client import BrokerConfig, MqttClient
from tests import servers
from tests.servers import Server, eventually

pytestmark = pytest.mark.servers


class Authority:
    """A certificate authority that writes certificates for 127.0.0.1 into a folder."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self._certificate = self._sign(self._name, self._key, authority=True)
        self.file = folder / f"{name}.pem"
        self.file.write_bytes(self._certificate.public_bytes(serialization.Encoding.PEM))

    def issue(self, name: str) -> tuple[Path, Path]:
        """Return certificate and key file."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._sign(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]), key, authority=False)
        paths = self._folder / f"{name}.crt", self._folder / f"{name}.key"
        paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        paths[1].write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return paths

    def _sign(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, *, authority: bool) -> x509.Certificate:
        now = datetime.datetime.now(datetime.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(hours=1))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
            .add_extension(
                x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
            )
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False
            )
            .add_extension(
                x509.KeyUsage(
                    digital_signature=True, key_cert_sign=authority, crl_sign=authority, content_commitment=False,
                    key_encipherment=False, data_encipherment=False, key_agreement=False, encipher_only=False,
                    decipher_only=False,
                ),
                critical=True,
            )
            .sign(self._key, hashes.SHA256())
        )  # fmt: skip


Connect = Callable[[BrokerConfig], str]


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "plant")


@pytest.fixture
def secure_broker(tmp_path: Path, free_port: int, authority: Authority) -> Iterator[Server]:
    """Mosquitto over TLS that asks its clients for a certificate."""
    certificate, key = authority.issue("broker")
    folder = tmp_path / "mosquitto"
    folder.mkdir()
    server = servers.mosquitto(
        folder,
        free_port,
        f"cafile {authority.file}\ncertfile {certificate}\nkeyfile {key}\nrequire_certificate true\n"
        "allow_anonymous true",
    )
    server.start()
    yield server
    server.stop()


@pytest.fixture
def error_of() -> Iterator[Connect]:
    """Connect with a configuration; return why it failed, or an empty text."""
    started: list[MqttClient] = []

    def connect(config: BrokerConfig) -> str:
        client = MqttClient(
            config, client_id="edge", subscriptions=[("test/#", 1)],
            on_message=lambda _: None, on_connect=lambda: None, on_disconnect=lambda _: None,
        )  # fmt: skip
        started.append(client)
        client.start()
        eventually(lambda: client.connected or client.last_error)
        return client.last_error

    yield connect
    for client in started:
        client.stop()


def test_encrypted_connection(secure_broker: Server, authority: Authority, error_of: Connect) -> None:
    """With the authority of the plant and a certificate of its own the client connects."""
    certificate, key = authority.issue("edge")
    config = BrokerConfig(port=secure_broker.port, ca_file=authority.file, cert_file=certificate, key_file=key)
    assert error_of(config) == ""


def test_untrusted_broker_is_refused(
    secure_broker: Server, authority: Authority, error_of: Connect, tmp_path: Path
) -> None:
    """A broker whose certificate another authority signed gets no byte; the error names the setting."""
    stranger = Authority(tmp_path, "stranger")
    certificate, key = authority.issue("edge")
    config = BrokerConfig(port=secure_broker.port, ca_file=stranger.file, cert_file=certificate, key_file=key)
    assert "check broker.ca_file" in error_of(config)


def test_plain_port_is_explained(mosquitto_broker: Server, authority: Authority, error_of: Connect) -> None:
    """TLS at a port that does not speak it is an error that asks for the port."""
    error = error_of(BrokerConfig(port=mosquitto_broker.port, ca_file=authority.file))
    assert "TLS port" in error


def test_missing_client_certificate_is_an_error(secure_broker: Server, authority: Authority, error_of: Connect) -> None:
    """A broker that asks for a certificate does not get a connection without one."""
    assert error_of(BrokerConfig(port=secure_broker.port, ca_file=authority.file)) != ""


def test_missing_certificate_file_is_named(authority: Authority, error_of: Connect, tmp_path: Path) -> None:
    """A file that is not there is named."""
    missing = tmp_path / "none.pem"
    assert "none.pem" in error_of(BrokerConfig(ca_file=missing))


def test_port_that_wants_tls_is_explained(secure_broker: Server, error_of: Connect) -> None:
    """A plain connection to a TLS port is an error that names the setting."""
    assert "broker.tls" in error_of(BrokerConfig(port=secure_broker.port))
