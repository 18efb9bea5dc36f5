"""Configuration of Mosquitto 2 with the same rights as the embedded broker. Pure: text in, text out."""

import base64
import hashlib
from collections.abc import Sequence
from pathlib import Path

from deploy.broker.acl import Grant
from deploy.broker.nats import MAX_PAYLOAD

_ITERATIONS = 101  # Mosquitto's own number; the passwords are 192 random bits, so it does not matter


def render(port: int, folder: Path, run_as: str | None, host: str = "127.0.0.1") -> str:
    """Return mosquitto.conf; `folder` holds `users.passwd` and `users.acl` and receives what the broker keeps.

    `run_as` is the user name to stay with when started as root (it would otherwise change to one that cannot read
    our files); None where it is not started as root.
    """
    stay = f"user {run_as}\n" if run_as else ""
    return f"""# Made by `showroom up` at every start; changes here are lost.
{stay}listener {port} {host}
allow_anonymous false
password_file {folder / "users.passwd"}
acl_file {folder / "users.acl"}
persistence true
persistence_location {folder}/
message_size_limit {MAX_PAYLOAD}
max_queued_messages 10000
log_dest stderr
log_type error
log_type warning
log_type notice
"""


def render_passwords(users: Sequence[tuple[str, str, bytes]]) -> str:
    """Return the password file for (user, password, salt): PBKDF2-SHA512 as Mosquitto 2 writes it."""
    return "".join(f"{name}:{_hashed(password, salt)}\n" for name, password, salt in users)


def render_rights(grants: Sequence[Grant]) -> str:
    """Return the access control file."""
    lines: list[str] = []
    for grant in grants:
        lines.append(f"user {grant.username}")
        lines.extend(f"topic write {topic}" for topic in grant.publish)
        lines.extend(f"topic read {topic}" for topic in grant.subscribe)
        lines.append("")
    return "\n".join(lines)


def _hashed(password: str, salt: bytes) -> str:
    digest = hashlib.pbkdf2_hmac("sha512", password.encode("utf-8"), salt, _ITERATIONS)
    return f"$7${_ITERATIONS}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"
