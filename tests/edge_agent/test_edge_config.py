"""Configuration files of the edge agent: what is wrong is said with file, key, value and expectation."""

import os
import stat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.config import EdgeConfig, load_config
from edge_agent.sparkplug.settings import ConfigError, check_settings, read_secret

GOOD = """
[edge]
group_id = "showroom"
edge_node_id = "line-edge"
primary_host_id = "showroom-gateway"
[broker]
host = "127.0.0.1"
username = "edge"
password_file = "secrets/edge"
[log]
path = "state/edge.db"
[[sources]]
name = "cell"
type = "opcua"
origin = "real"
url = "opc.tcp://127.0.0.1:4840"
publishing_interval_ms = 250
[[sources.browse]]
root = "nsu=urn:x;s=Line"
rule = { relative = 0.01, max_interval_s = 60 }
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "edge.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_paths_start_at_the_file_and_delays_follow_the_intervals(tmp_path: Path) -> None:
    """Relative paths belong to the folder of the file, wherever the program runs."""
    config = load_config(write(tmp_path, GOOD))
    assert config.log.path == tmp_path / "state" / "edge.db"
    assert config.broker.password_file == tmp_path / "secrets" / "edge"
    assert config.longest_delays_ns() == {"cell": 250_000_000}
    assert config.publish_interval_s == 0.1


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('group_id = "showroom"', 'group_id = "show room"', ["edge.group_id = 'show room'", "without blanks"]),
        ('group_id = "showroom"', "", ["edge.group_id: is missing"]),
        ('host = "127.0.0.1"', 'hots = "127.0.0.1"', ["broker.hots: unknown key", "spelling"]),
        ('host = "127.0.0.1"', "port = 99999", ["broker.port = 99999", "less than or equal to 65535"]),
        ('username = "edge"', "", ["broker", "password_file needs username"]),
        ('path = "state/edge.db"', 'path = "x"\nmax_bytes = 5', ["log.max_bytes = 5", "100000"]),
        ('path = "state/edge.db"', 'path = "x"\noverflow = "some"', ["log.overflow = 'some'", "'thin_out'"]),
        ('primary_host_id = "showroom-gateway"', "", ["edge", 'delivery = "window"']),
        ('type = "opcua"', 'type = "opc"', ["sources[0]", "'opc'", "'mqtt'"]),
        ("relative = 0.01", "relative = -1", ["sources[0]", "rule", "not negative"]),
        ("[log]", "[log", ["is not valid TOML"]),
        ('origin = "real"', "", ["sources[0]", "origin: is missing"]),
    ],
)
def test_errors_name_place_value_and_remedy(tmp_path: Path, old: str, new: str, expected: list[str]) -> None:
    """One line says which file, which key, which value, and what was expected."""
    path = write(tmp_path, GOOD.replace(old, new))
    with pytest.raises(ConfigError) as error:
        load_config(path)
    text = str(error.value)
    assert text.startswith(f"{path}: ")
    for part in expected:
        assert part in text


def test_every_error_is_reported_at_once(tmp_path: Path) -> None:
    """Three mistakes are three lines."""
    text = GOOD.replace("showroom-gateway", "a/b").replace("[log]", "[log]\nmax_age_h = 0").replace("host =", "hst =")
    with pytest.raises(ConfigError) as error:
        load_config(write(tmp_path, text))
    assert len(str(error.value).splitlines()) == 3


def test_missing_file_and_doubled_source_are_explained(tmp_path: Path) -> None:
    """A file that is not there, and two sources of one name, are errors in words."""
    with pytest.raises(ConfigError, match="there is no such file"):
        load_config(tmp_path / "none.toml")
    with pytest.raises(ConfigError, match="two sources are named 'cell'"):
        load_config(write(tmp_path, GOOD + GOOD[GOOD.index("[[sources]]") :]))


def test_secret_values_are_not_repeated() -> None:
    """An error about a secret does not show it."""
    with pytest.raises(ConfigError) as error:
        check_settings({"broker": {"password_file": 4711}}, EdgeConfig, "edge.toml")
    assert "4711" not in str(error.value)


def test_mistake_in_a_source_is_one_line_and_repeats_no_table(tmp_path: Path) -> None:
    """What follows from a mistake is not said again, and a password that stands beside it by error is not shown."""
    text = GOOD.replace('name = "cell"', 'name = "cell"\npassword = "hunter2"')
    with pytest.raises(ConfigError) as error:
        load_config(write(tmp_path, text))
    assert len(str(error.value).splitlines()) == 1
    assert "hunter2" not in str(error.value)
    with pytest.raises(ConfigError, match="at least 1 item"):
        check_settings({"sources": []}, EdgeConfig, "edge.toml")


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["edge", "broker", "log", "sources", "group_id", "path", "port", "name", "type", "rule"]),
        inner,
        max_size=4,
    ),
    max_leaves=12,
)  # fmt: skip


@given(st.dictionaries(st.sampled_from(["edge", "broker", "log", "sources", "other"]), anything))
def test_any_content_is_a_configuration_or_a_named_error(content: dict[str, Any]) -> None:
    """Whatever a file holds, the answer is a model or ConfigError that begins with the file, and nothing else."""
    try:
        check_settings(content, EdgeConfig, "edge.toml")
        text = "edge.toml: "
    except ConfigError as error:
        text = str(error)
    assert text.startswith("edge.toml: ")


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX")
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666])
def test_secret_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    """A secret is read from a private file only; the error says how to make it private."""
    path = tmp_path / "secret"
    path.write_text("word\n", encoding="utf-8")
    path.chmod(mode)
    with pytest.raises(ConfigError, match="chmod 600"):
        read_secret(path)
    path.chmod(stat.S_IRUSR | stat.S_IWUSR)
    assert read_secret(path) == "word"


def test_empty_and_missing_secret_are_explained(tmp_path: Path) -> None:
    """A secret file without a secret is an error with the remedy."""
    path = tmp_path / "secret"
    with pytest.raises(ConfigError, match="there is no such file"):
        read_secret(path)
    path.write_text("\n", encoding="utf-8")
    path.chmod(0o600)
    with pytest.raises(ConfigError, match="first line is empty"):
        read_secret(path)
