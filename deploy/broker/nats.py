"""Configuration of the NATS server as an MQTT 3.1.1 broker. Pure: text in, text out."""

import json
from collections.abc import Sequence
from pathlib import Path

from deploy.broker.acl import Grant

MAX_PAYLOAD = 1_048_576
"""Bytes a message may have; a larger one disconnects its sender. Ours stay below 512 kB."""

_SESSION_SUBJECTS = ("$MQTT.sub.>", "$MQTT.deliver.pubrel.>")
"""Subjects through which the server itself delivers QoS 1 and 2 to an MQTT client; without them SUBACK fails."""


def subjects(mqtt_filter: str) -> tuple[str, ...]:
    """Translate an MQTT topic filter to the NATS subjects that it covers.

    In NATS subjects levels are parted by '.', so a '.' of the topic is written '//'. `a/#` covers `a` too.

    Raises:
        ValueError: the filter has an empty level, which has no NATS form that permissions accept, or a blank.
    """
    levels = mqtt_filter.split("/")
    if not all(levels) or " " in mqtt_filter:
        raise ValueError(f"topic filter {mqtt_filter!r}: empty levels and blanks cannot be carried by NATS")
    tail = levels[-1] == "#"
    words = [{"+": "*"}.get(level, level.replace(".", "//")) for level in (levels[:-1] if tail else levels)]
    base = ".".join(words)
    if not tail:
        return (base,)
    return (base, f"{base}.>") if base else (">",)


def render(port: int, store_dir: Path, users_file: str, host: str = "127.0.0.1") -> str:
    """Return the server's configuration; users and passwords come from the file `users_file` beside it.

    Without a user the server refuses a client. The native NATS listener cannot be switched off: it gets a free
    port on loopback and asks for the same users.
    """
    return f"""# Made by `showroom up` at every start; changes here are lost.
server_name: "showroom-broker"
listen: "127.0.0.1:-1"
max_payload: {MAX_PAYLOAD}
jetstream {{
  store_dir: {_quote(str(store_dir))}
  max_memory_store: 16MB
  max_file_store: 256MB
}}
mqtt {{
  listen: {_quote(f"{host}:{port}")}
  max_ack_pending: 100
}}
include {_quote(users_file)}
"""


def render_users(grants: Sequence[tuple[Grant, str]]) -> str:
    """Return the users with their passwords and permissions; belongs into a file with mode 0600."""
    users = ",\n".join(_user(grant, password) for grant, password in grants)
    return f"authorization {{\n  users: [\n{users}\n  ]\n}}\n"


def _user(grant: Grant, password: str) -> str:
    publish = [subject for topic in grant.publish for subject in subjects(topic)]
    subscribe = [*_SESSION_SUBJECTS, *(subject for topic in grant.subscribe for subject in subjects(topic))]
    allow_publish = f"allow: {json.dumps(publish)}" if publish else 'deny: ">"'
    return (
        f"    {{ user: {_quote(grant.username)}, password: {_quote(password)}, permissions: {{\n"
        f"        publish: {{ {allow_publish} }}\n"
        f"        subscribe: {{ allow: {json.dumps(subscribe)} }}\n"
        "    } }"
    )


def _quote(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
