"""The MQTT connection over TLS against a real Mosquitto."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edge_agent.sparkplug.client import BrokerConfig, MqttClient
from tests import servers
from tests.edge_agent.sparkplug.authority import Authority
from tests.servers import Server, eventually

pytestmark = pytest.mark.servers


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
