"""`showroom check-config` opens the files of secrets and certificates that a configuration names."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from deploy.check_config import check_file
from edge_agent.sparkplug.settings import ConfigError
from tests.edge_agent.sparkplug.authority import Authority

EDGE = """[edge]
group_id = "site"
edge_node_id = "press-edge"
primary_host_id = "host"
[broker]
username = "press-edge"
password_file = "broker.password"
ca_file = "plant.pem"
cert_file = "press.crt"
key_file = "press.key"
[log]
path = "log.db"
[[sources]]
name = "press"
type = "opcua"
origin = "real"
url = "opc.tcp://127.0.0.1:4840"
user = "reader"
password_file = "opcua.password"
password_in_clear = true
[[sources.browse]]
root = "Press"
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A valid configuration of an edge agent with all its files."""
    for name in ("broker.password", "opcua.password"):
        (tmp_path / name).write_text("secret\n", encoding="utf-8")
        (tmp_path / name).chmod(0o600)
    Authority(tmp_path, "plant").issue("press")
    path = tmp_path / "edge.toml"
    path.write_text(EDGE, encoding="utf-8")
    return path


def remove(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def put(name: str, text: str) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        (folder / name).write_text(text, encoding="utf-8")

    return spoil


def foreign_key(folder: Path) -> None:
    other = folder / "other"
    other.mkdir()
    Authority(other, "other").issue("press")[1].replace(folder / "press.key")


def encrypted_key(folder: Path) -> None:
    path = folder / "press.key"
    key = serialization.load_pem_private_key(path.read_bytes(), None)
    hidden = serialization.BestAvailableEncryption(b"word")
    path.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, hidden))


def folder_instead(folder: Path) -> None:
    (folder / "plant.pem").unlink()
    (folder / "plant.pem").mkdir()


def test_a_configuration_with_all_its_files_is_valid(config: Path) -> None:
    """Nothing is said about files that are there and belong together."""
    assert check_file(config) == "edge agent"


@pytest.mark.parametrize(
    ("spoil", "place", "words"),
    [
        (remove("broker.password"), "broker.password_file = 'broker.password'", "no such file; write the secret"),
        (put("broker.password", "\n"), "broker.password_file = 'broker.password'", "its first line is empty"),
        (remove("opcua.password"), "sources[0].password_file = 'opcua.password'", "there is no such file"),
        (remove("plant.pem"), "broker.ca_file = 'plant.pem'", "there is no such file; copy it there"),
        (folder_instead, "broker.ca_file = 'plant.pem'", "cannot be read"),
        (put("plant.pem", "no certificate"), "broker.ca_file = 'plant.pem'", "as PEM text"),
        (remove("press.crt"), "broker.cert_file = 'press.crt'", "there is no such file"),
        (put("press.crt", "no certificate"), "broker.cert_file = 'press.crt'", "as PEM text"),
        (remove("press.key"), "broker.key_file = 'press.key'", "there is no such file"),
        (foreign_key, "broker.cert_file = 'press.crt'", "does not belong to the key in"),
        (encrypted_key, "broker.cert_file = 'press.crt'", "its key is encrypted"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_used_is_named(
    config: Path, spoil: Callable[[Path], None], place: str, words: str
) -> None:
    """The one line of the error names the configuration, the key, the value and what to do."""
    spoil(config.parent)
    with pytest.raises(ConfigError) as caught:
        check_file(config)
    text = str(caught.value)
    assert text.startswith(f"{config}: {place}: ")
    assert words in text
    assert len(text.splitlines()) == 1


@pytest.mark.skipif(os.name != "posix", reason="modes are of POSIX")
def test_a_secret_that_others_may_read_is_named(config: Path) -> None:
    """A password file that others may read is an error with the command that mends it."""
    secret = config.parent / "broker.password"
    secret.chmod(0o644)
    with pytest.raises(ConfigError, match=f"broker.password_file = 'broker.password': .*chmod 600 {secret}"):
        check_file(config)


def test_every_wrong_file_has_its_line(config: Path) -> None:
    """Several files that are missing are named at once."""
    for name in ("broker.password", "opcua.password", "plant.pem"):
        (config.parent / name).unlink()
    with pytest.raises(ConfigError) as caught:
        check_file(config)
    assert len(str(caught.value).splitlines()) == 3


def test_an_absolute_path_in_a_template_is_looked_at(tmp_path: Path) -> None:
    """A template of a profile may name files of the machine; those of the data folder are made by the start."""
    (tmp_path / "profile.toml").write_text(
        'description = "a press"\nextends = "laptop"\n[[processes]]\nname = "press-edge"\nmodule = "edge_agent"\n',
        encoding="utf-8",
    )
    template = tmp_path / "press-edge.toml"
    text = EDGE.replace('"broker.password"', '"${folder}/secrets/x.password"').replace(
        "plant.pem", "/nowhere/plant.pem"
    )
    template.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        check_file(tmp_path / "profile.toml")
    assert str(caught.value).startswith(f"{template}: broker.ca_file = '/nowhere/plant.pem': there is no such file")
    assert len(str(caught.value).splitlines()) == 1
