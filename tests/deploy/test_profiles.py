"""Every shipped profile gives configurations that its processes accept, and nothing secret stands in them."""

import os
import re
import socket
import stat
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest

import deploy
from demo_line.config import load_config
from deploy.check_config import check_file
from deploy.plan import Plan
from deploy.prepare import prepare
from deploy.problem import Problem
from deploy.profile import SHIPPED, ProfileFolder, fill, shipped_names
from edge_agent.sparkplug.settings import ConfigError

FREE = {"http": 0, "mqtt": 0, "opcua": 0, "utilities": 0}


def settings_of(name: str, folder: Path) -> dict[str, str]:
    """Give what a profile asks for."""
    secret = folder / "secret"
    secret.write_text("s3cret-of-the-database\n", encoding="utf-8")
    secret.chmod(0o600)
    required = ProfileFolder(name).load({}, complete=False).required
    return {key: str(secret) if key.endswith("_file") else "showroom" for key in required}


def prepared(name: str, tmp_path: Path, ports: Mapping[str, int] = FREE) -> Plan:
    return prepare(name, tmp_path / "data", ports, settings_of(name, tmp_path))


@pytest.mark.parametrize("name", shipped_names())
def test_generated_configurations_are_valid(name: str, tmp_path: Path) -> None:
    """Each process of a shipped profile accepts the configuration that is made for it."""
    plan = prepared(name, tmp_path)
    kinds = {path.stem: check_file(path) for path in (plan.folder / "config").glob("*.toml")}
    edges = {"line-edge": "edge agent", "meter-edge": "edge agent"}
    assert kinds == {"line": "line", "gateway": "gateway", "analytics": "analytics"} | edges
    assert plan.processes[0].name == "broker"


@pytest.mark.parametrize("name", shipped_names())
def test_profile_files_are_valid(name: str) -> None:
    """`showroom check-config` accepts every shipped profile."""
    assert check_file(SHIPPED / name / "profile.toml") == "profile"


def test_secrets_are_private_and_stand_nowhere_else(tmp_path: Path) -> None:
    """Passwords and private keys are readable by their owner only, and no configuration holds one."""
    plan = prepared("influx", tmp_path)
    passwords = [path.read_text("utf-8").strip() for path in (plan.folder / "secrets").iterdir()]
    assert len(passwords) == len(set(passwords)) == 11
    assert all(len(password) >= 24 for password in passwords)
    private = [*(plan.folder / "secrets").iterdir(), plan.folder / "broker" / "users.conf"]
    private += (plan.folder / "pki").rglob("private_key.pem")
    assert len(private) == 15
    if os.name == "posix":
        assert {oct(stat.S_IMODE(path.stat().st_mode)) for path in private} == {"0o600"}
    for path in plan.folder.rglob("*.toml"):
        text = path.read_text("utf-8")
        assert not any(password in text for password in [*passwords, "s3cret-of-the-database"])
    assert not any(password in plan.to_json() for password in passwords)


def test_second_start_keeps_passwords_and_certificates(tmp_path: Path) -> None:
    """Devices that were given a password or a certificate once need not be told again."""
    kept = ["secrets/broker-gateway.password", "pki/line/own/certificate.der", "pki/line-edge/own/certificate.der"]
    first = [(prepared("laptop", tmp_path).folder / name).read_bytes() for name in kept]
    assert [(prepared("laptop", tmp_path).folder / name).read_bytes() for name in kept] == first


def test_line_and_edge_know_each_other(tmp_path: Path) -> None:
    """From the first start on both OPC UA servers trust the edge agent's certificate and the other way round."""
    folder = prepared("laptop", tmp_path).folder
    pki = folder / "pki"
    for server in ("line", "utilities"):
        of_edge, of_server = pki / "line-edge/own/certificate.der", pki / server / "own/certificate.der"
        assert (pki / server / "trusted/line-edge.der").read_bytes() == of_edge.read_bytes()
        assert (pki / "line-edge/trusted" / f"{server}.der").read_bytes() == of_server.read_bytes()
    servers = load_config(folder / "config" / "line.toml").opcua
    trusts = ProfileFolder("laptop").load({}).trust
    assert [trust.server_uri for trust in trusts] == [server.application_uri for server in servers]


def test_only_the_trainer_may_do_more_than_read(tmp_path: Path) -> None:
    """The edge agent's user reads both cells; faults and repairs need the trainer's own password."""
    folder = prepared("laptop", tmp_path).folder
    for server in load_config(folder / "config" / "line.toml").opcua:
        assert {user.name: user.role for user in server.users} == {"line-edge": "viewer", "trainer": "trainer"}


def test_usual_port_that_is_taken_is_moved_and_said(tmp_path: Path) -> None:
    """A port that nobody asked for and somebody else uses is replaced by a free one, with a note."""
    folder = own_profile(tmp_path, "")
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        document = (folder / "profile.toml").read_text(
            "utf-8"
        ) + f"[ports]\nhttp = {taken}\nmqtt = 0\nopcua = 0\nutilities = 0\n"
        (folder / "profile.toml").write_text(document, encoding="utf-8")
        plan = prepare(str(folder), tmp_path / "data", {}, {})
    assert str(taken) not in plan.url
    assert any(f"port {taken} (http) is taken" in note for note in plan.notes)


def test_port_that_was_asked_for_and_is_taken_is_an_error(tmp_path: Path) -> None:
    """A port that the engineer named is never changed silently; the remedy names the option."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        with pytest.raises(Problem, match=rf"port {taken} \(http\) is taken.*\n.*--port 0"):
            prepared("laptop", tmp_path, {**FREE, "http": taken})


def own_profile(folder: Path, text: str) -> Path:
    profile = folder / "mine"
    profile.mkdir()
    (profile / "profile.toml").write_text(f'description = "mine"\nextends = "laptop"\n{text}', encoding="utf-8")
    return profile


DEPLOY_README = Path(deploy.__file__).with_name("README.md").read_text(encoding="utf-8")
DOCUMENTED = dict(re.findall(r"```toml\n# (my-site/[a-z-]+\.toml)\n(.*?)```", DEPLOY_README, re.DOTALL))


def documented_profile(folder: Path) -> Path:
    """Write the files that `deploy/README.md` shows for a machine of one's own."""
    for name, text in DOCUMENTED.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder / "my-site"


def test_documented_machine_of_ones_own_runs_beside_the_line(tmp_path: Path) -> None:
    """The files that the README shows are valid and add an edge agent with a broker user of its own to the laptop."""
    mine = documented_profile(tmp_path)
    assert check_file(mine / "profile.toml") == "profile"
    plan = prepare(str(mine), tmp_path / "data", FREE, {})
    assert [process.name for process in plan.processes] == [
        "broker",
        "line",
        "gateway",
        "line-edge",
        "meter-edge",
        "analytics",
        "press-edge",
    ]
    assert (plan.folder / "secrets" / "broker-press-edge.password").exists()


def test_entry_of_the_same_name_replaces_the_one_below(tmp_path: Path) -> None:
    """A profile changes a process of the one it extends by naming it again."""
    folder = own_profile(tmp_path, '[[processes]]\nname = "line"\nmodule = "demo_line"\narguments = ["serve", "-v"]\n')
    processes = {process.name: process for process in ProfileFolder(str(folder)).load({}).processes}
    assert set(processes) == {"line", "gateway", "line-edge", "meter-edge", "analytics"}
    assert processes["line"].arguments == ("serve", "-v")


def test_check_of_a_profile_reads_its_templates(tmp_path: Path) -> None:
    """A typo in a template is found without a start, and the error names the template."""
    mine = documented_profile(tmp_path)
    template = mine / "press-edge.toml"
    template.write_text(template.read_text("utf-8").replace("origin =", "orgin ="), encoding="utf-8")
    with pytest.raises(ConfigError, match=r"my-site/press-edge\.toml: sources\[0\].*orgin"):
        check_file(mine / "profile.toml")
    template.unlink()
    with pytest.raises(ConfigError, match=r"my-site/press-edge\.toml is missing"):
        check_file(mine / "profile.toml")


def test_template_is_not_called_broken() -> None:
    """Whoever checks a template alone hears that it is one, and what to check instead."""
    with pytest.raises(ConfigError, match=r"\$\{site\}, so it is a template .* check the profile\.toml"):
        check_file(SHIPPED / "laptop" / "line-edge.toml")


@pytest.mark.parametrize(
    ("profile", "settings", "expected"),
    [
        ("laptpo", {}, "'laptpo' was not found.*\n.*influx.*laptop"),
        ("influx", {}, "needs the setting influx_token_file"),
        ("laptop", {"sead": "2"}, "--set sead: .* no such setting.*\n.*seed"),
        ("laptop", {"seed": "two"}, "--set seed=two: expected a number"),
        ("laptop", {"broker": "emqx"}, "broker = 'emqx'"),
        ("influx", {"influx_token_file": "/nowhere/token"}, "there is no such file"),
    ],
)
def test_wrong_names_and_values_are_explained(
    profile: str, settings: dict[str, str], expected: str, tmp_path: Path
) -> None:
    """A wrong profile or setting is answered with what was expected."""
    with pytest.raises(Problem, match=expected):
        prepare(profile, tmp_path / "data", FREE, settings)


def test_setting_that_a_process_refuses_is_found_before_start(tmp_path: Path) -> None:
    """A value that only the process itself can judge is an error of the start, not a process that restarts for ever."""
    with pytest.raises(Problem, match="seed"):
        prepare("laptop", tmp_path / "data", FREE, {"seed": "-1"})


def test_folder_with_awkward_name(tmp_path: Path) -> None:
    """Blanks, quotes and other scripts in the data folder's name do not break the generated files."""
    folder = tmp_path / 'Dämon\'s "Linie" ស្រុក'
    plan = prepare("laptop", folder, FREE, {"seed": "3"})
    line = tomllib.loads((folder / "config" / "line.toml").read_text("utf-8"))
    assert Path(line["opcua"][0]["pki_dir"]) == plan.folder / "pki" / "line"


def test_template_without_value() -> None:
    """A placeholder that nothing fills is an error that names it."""
    with pytest.raises(Problem, match=r"here: \$\{nothing\} has no value"):
        fill("a = ${nothing}", {"something": 1}, "here")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[edge\n", "is not valid TOML"),
        ("a = 1\n", r"expected one of the tables \[edge\]"),
        ("[line]\nsede = 1\n[mqtt]\n", "sede"),
        ("[gateway]\nhttp_port = 99999\n[store]\ntype = 'duckdb'\npath = 'x'\n", "http_port = 99999"),
    ],
)
def test_wrong_configuration_is_explained(text: str, expected: str, tmp_path: Path) -> None:
    """The error names the file and what is wrong in it."""
    path = tmp_path / "wrong.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=expected) as caught:
        check_file(path)
    assert "wrong.toml" in str(caught.value)
