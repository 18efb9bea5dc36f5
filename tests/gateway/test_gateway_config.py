"""Configuration of the gateway and its command line."""

from pathlib import Path

import pytest

from edge_agent.sparkplug.settings import ConfigError
from gateway.__main__ import main
from gateway.config import load_config

CONFIG = """
[gateway]
host_id = "showroom-gateway"
http_port = 18080
state = "state/gateway.db"
[broker]
port = 1884
[store]
type = "duckdb"
path = "samples.duckdb"
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "gateway.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_relative_paths_start_at_the_file(tmp_path: Path) -> None:
    """Files named in a configuration lie beside it, wherever the program is started."""
    config = load_config(write(tmp_path, CONFIG))
    assert config.gateway.state == tmp_path / "state" / "gateway.db"
    assert config.gateway.quarantine == tmp_path / "quarantine.db"
    assert config.store.type == "duckdb"
    assert config.store.path == tmp_path / "samples.duckdb"
    assert config.broker.port == 1884


@pytest.mark.parametrize(
    ("wrong", "right", "told"),
    [
        ("http_port = 18080", "htp_port = 18080", "gateway.htp_port: unknown key"),
        ("http_port = 18080", "http_port = 70000", "gateway.http_port = 70000"),
        ('"showroom-gateway"', '"show room"', "host_id 'show room': must be"),
        ('type = "duckdb"', 'type = "duckdbb"', "store"),
        ("port = 1884", 'port = "many"', "broker.port = 'many'"),
    ],
)
def test_mistakes_are_named_with_file_key_and_value(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], wrong: str, right: str, told: str
) -> None:
    """--check says what is wrong where, and fails."""
    path = write(tmp_path, CONFIG.replace(wrong, right))
    assert main(["--config", str(path), "--check"]) == 2
    error = capsys.readouterr().err
    assert str(path) in error
    assert told in error


def test_a_valid_file_passes_the_check_and_touches_nothing(tmp_path: Path) -> None:
    """--check neither connects nor creates files."""
    path = write(tmp_path, CONFIG)
    assert main(["--config", str(path), "--check"]) == 0
    assert list(tmp_path.iterdir()) == [path]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """A configuration that is not there is an error with its path."""
    with pytest.raises(ConfigError, match="no such file"):
        load_config(tmp_path / "missing.toml")
