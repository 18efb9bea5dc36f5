"""Where a broker is and who we are to it; and what its refusals mean, in words."""

import hashlib
import socket
import ssl
from datetime import datetime
from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from edge_agent.sparkplug.certificate import expires_within, expiry_text
from edge_agent.sparkplug.settings import Settings

_REFUSALS = {
    1: "the broker does not speak MQTT 3.1.1; configure another listener",
    2: "the broker refuses the client id; set another broker.client_id",
    3: "the broker is starting or overloaded; it is tried again",
    4: "user name or password is wrong; check broker.username and the file broker.password_file",
    5: "not authorised: check broker.username and the file broker.password_file, and the user's rights at the broker",
}
_CONNACK = {132: 1, 133: 2, 136: 3, 134: 4, 135: 5}
"""Reason code of MQTT 5, as the library gives it, to the return code of MQTT 3.1.1."""

_ID_ROUNDS = 100_000
_ID_BYTES = 6


class BrokerConfig(Settings):
    """Where the broker is and who we are to it.

    Attributes:
        host, port: address.
        username, password_file: credentials; the password is the first line of a file with mode 0600.
        tls: encrypt and check the broker's certificate against the system's authorities.
        ca_file: encrypt and check the certificate against this file instead.
        cert_file, key_file: certificate of this client, where the broker asks for one.
        keepalive_s: a dead connection is noticed within 1.5 times this.
        reconnect_max_s: longest pause between two attempts to connect (full jitter, from 0.5 s upwards).
        client_id: overrides the default, which is unique, stable and not to be guessed (see `private_client_id`). Two
            clients of one id throw each other out, whoever they are.
    """

    host: str = Field(default="127.0.0.1", min_length=1)
    port: int = Field(default=1883, ge=1, le=65_535)
    username: str | None = None
    password_file: Path | None = None
    tls: bool = False
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    keepalive_s: int = Field(default=10, ge=2, le=3_600)
    reconnect_max_s: float = Field(default=4.0, ge=0.5, le=600)
    client_id: str | None = Field(default=None, min_length=1)

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        if self.password_file is not None and self.username is None:
            raise ValueError("password_file needs username")
        if (self.cert_file is None) != (self.key_file is None):
            raise ValueError("cert_file and key_file belong together: give both or neither")
        if self.cert_file is not None and not self.encrypted:
            raise ValueError("cert_file needs tls = true or ca_file")
        return self

    @property
    def encrypted(self) -> bool:
        """Whether the connection uses TLS."""
        return self.tls or self.ca_file is not None

    def resolved(self, base_dir: Path) -> "BrokerConfig":
        """Return a copy whose relative paths start at `base_dir` (the folder of the configuration file)."""
        names = ("password_file", "ca_file", "cert_file", "key_file")
        paths = {name: base_dir / getattr(self, name) for name in names if getattr(self, name) is not None}
        return self.model_copy(update=paths)

    def expiring(self, now: datetime) -> str:
        """Say which certificate files of the connection expire soon or did; empty where none does.

        A file that cannot be read is left to the attempt to connect, which says so.
        """
        found = []
        for key, path in (("cert_file", self.cert_file), ("ca_file", self.ca_file)):
            try:
                at = None if path is None else expires_within(path, now)
            except (OSError, ValueError):
                continue
            if at is not None:
                found.append(expiry_text(f"broker.{key} = {path}", at, now))
        return "; ".join(found)


def private_client_id(name: str, username: str, password: str) -> str:
    """Return a client id that only those who know the password can tell, and that stays the same as long as it does.

    A broker ends the connection of a client when another one comes with its id (MQTT 3.1.1, 3.1.4-2), and neither NATS
    nor a password file of Mosquitto binds ids to users: with an id that can be guessed, every user of the broker could
    keep every other one off it. A random id would do as well, but then a client that comes back would not end its own
    dead connection, and an edge agent that runs twice would not be noticed.

    The digest is slow to compute (PBKDF2-HMAC-SHA256) because brokers log ids and the password may be a weak one.
    """
    salt = f"{name}\n{username}".encode()
    return f"{name}-{hashlib.pbkdf2_hmac('sha256', password.encode(), salt, _ID_ROUNDS, _ID_BYTES).hex()}"


def explain_refusal(code: int) -> str:
    """Say what a refused CONNECT means; `code` is the library's: a reason code of MQTT 5."""
    return _REFUSALS.get(_CONNACK.get(code, 0), "see the log of the broker")


def explain(error: Exception, config: BrokerConfig) -> str:
    """Say what an attempt to connect failed of, and what to check."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate of the broker is not trusted ({error.verify_message}): check broker.ca_file"
    if isinstance(error, ssl.SSLError):
        return f"TLS failed ({error.reason}): is {config.port} the broker's TLS port? Check cert_file and key_file"
    if isinstance(error, FileNotFoundError):
        files = {key: getattr(config, key) for key in ("ca_file", "cert_file", "key_file")}
        missing = [f"broker.{key} = {path}" for key, path in files.items() if path is not None and not path.exists()]
        return f"there is no such file: {', '.join(missing) or error}"
    if isinstance(error, ConnectionRefusedError):
        return "connection refused: is the broker running, and is broker.port right?"
    if isinstance(error, ConnectionError):
        hint = "is this the broker's TLS port?" if config.encrypted else "is this an MQTT port?"
        return f"the connection was cut while it was made ({error}): {hint}"
    if isinstance(error, TimeoutError):
        return "no answer: is broker.host right, and does a firewall let it through?"
    if isinstance(error, socket.gaierror):
        return f"the host name {config.host!r} is not known: check broker.host"
    return str(error)
