"""The commands as processes: start, stop, errors, help."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from demo_line.alarm import load_alarms
from demo_line.cli import main
from demo_line.config import ConfigError, load_config
from demo_line.line import LineError, load_definition
from tests.servers import eventually

CONFIG = """
[line]
seed = 3
journal = "journal.csv"
[opcua]
port = {port}
security = ["none"]
anonymous = true
"""


@contextmanager
def running(tmp_path: Path, *arguments: str, stdout: int = subprocess.PIPE) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-m", "demo_line", *arguments]
    with (tmp_path / "stderr.log").open("w", encoding="utf-8") as log:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=stdout, stderr=log, text=True, encoding="utf-8"
        )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def log_of(tmp_path: Path) -> str:
    return (tmp_path / "stderr.log").read_text(encoding="utf-8")


@pytest.mark.parametrize("way", ["SIGTERM", "SIGINT", "parent"])
def test_the_line_starts_and_stops_cleanly(tmp_path: Path, free_port: int, way: str) -> None:
    """It serves within seconds and ends with code 0 on a signal or when the parent's pipe closes."""
    if way != "parent" and os.name != "posix":
        pytest.skip("signals of POSIX")
    config = tmp_path / "line.toml"
    config.write_text(CONFIG.format(port=free_port), encoding="utf-8")
    with running(tmp_path, "serve", "--config", str(config), "--exit-with-parent") as process:
        eventually(lambda: f"nodes at opc.tcp://127.0.0.1:{free_port}/line" in log_of(tmp_path), timeout_s=120)
        if way == "parent":
            assert process.stdin is not None
            process.stdin.close()
            process.stdin = None
        else:
            process.send_signal(getattr(signal, way))
        assert process.wait(15) == 0
    assert "Traceback" not in log_of(tmp_path)
    lines = (tmp_path / "journal.csv").read_text(encoding="utf-8").splitlines()
    assert len(lines) > 40
    assert lines[-1].count(",") >= 5


def test_the_line_carries_no_heavy_library(tmp_path: Path, free_port: int) -> None:
    """The process of the line imports neither pyarrow nor anything of the other packages."""
    config = tmp_path / "line.toml"
    config.write_text(CONFIG.format(port=free_port), encoding="utf-8")
    script = (
        "import sys, json, asyncio\n"
        "from demo_line.cli import main\n"
        "from demo_line.config import load_config\n"
        "from demo_line.serve import serve\n"
        "from pathlib import Path\n"
        "async def briefly():\n"
        "    stop = asyncio.Event()\n"
        "    asyncio.get_running_loop().call_later(2.0, stop.set)\n"
        "    await serve(load_config(Path(sys.argv[1])), stop)\n"
        "asyncio.run(briefly())\n"
        "print(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(config)], capture_output=True, text=True, check=True, timeout=60
    )
    modules = set(json.loads(done.stdout.splitlines()[-1]))
    assert not modules & {
        "pyarrow",
        "duckdb",
        "sklearn",
        "scipy",
        "pandas",
        "edge_agent",
        "gateway",
        "analytics",
        "deploy",
    }


def test_the_load_generator_reports_its_cost(tmp_path: Path, free_port: int) -> None:
    """It reaches its rate and prints a JSON report on stdout when its time is over."""
    url = f"opc.tcp://127.0.0.1:{free_port}/load"
    arguments = [
        "load",
        "--url",
        url,
        "--nodes",
        "50",
        "--rate",
        "200",
        "--duration",
        "3",
        "--journal",
        str(tmp_path / "j.csv"),
    ]
    with running(tmp_path, *arguments) as process:
        out, _ = process.communicate(timeout=60)
        assert process.returncode == 0
    report = json.loads(out)
    assert report["nodes"] == 50
    assert report["rate"] == pytest.approx(200, rel=0.05)
    assert report["cpu_s"] > 0.0
    rows = (tmp_path / "j.csv").read_text(encoding="utf-8").splitlines()
    assert len(rows) == 1 + 50 + report["values"]


def test_a_replay_ends_with_its_recording(tmp_path: Path, free_port: int) -> None:
    """After the last row it lingers, then exits with code 0; every row is journalled."""
    recording = tmp_path / "a b.csv"
    recording.write_text("time,x\n1,1\n2,2\n3,3\n", encoding="utf-8")
    url = f"opc.tcp://127.0.0.1:{free_port}/replay"
    options = ["--speed", "max", "--linger", "0.1", "--journal", str(tmp_path / "j.csv")]
    with running(tmp_path, "replay", str(recording), "--opcua", url, *options) as process:
        assert process.wait(60) == 0
    nodes = [line.split(",")[2] for line in (tmp_path / "j.csv").read_text(encoding="utf-8").splitlines()[1:]]
    assert nodes == ["nsu=urn:smart-factory-showroom:replay;s=a b.x"] * 3


def test_a_replay_can_wait_for_a_line_on_stdin(tmp_path: Path, free_port: int) -> None:
    """With --wait-stdin only the first row is offered until a line comes."""
    recording = tmp_path / "x.csv"
    recording.write_text("time,x\n1,1\n2,2\n3,3\n", encoding="utf-8")
    url = f"opc.tcp://127.0.0.1:{free_port}/replay"
    journal = tmp_path / "j.csv"
    options = ["--speed", "max", "--linger", "0", "--journal", str(journal), "--wait-stdin"]
    with running(tmp_path, "replay", str(recording), "--opcua", url, *options) as process:
        eventually(lambda: "columns at" in log_of(tmp_path), timeout_s=120)
        assert journal.read_text(encoding="utf-8").count("\n") == 2
        assert process.stdin is not None
        process.stdin.write("start\n")
        process.stdin.flush()
        assert process.wait(30) == 0
    assert journal.read_text(encoding="utf-8").count("\n") == 4


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "[opcua]\nprot = 4840\nanonymous = true\nsecurity = ['none']",
            r"line\.toml: opcua\.0\.prot = 4840: Extra inputs",
        ),
        ("[opcua]\nport = 70000\nanonymous = true\nsecurity = ['none']", r"opcua\.0\.port = 70000: .*65535"),
        ("[opcua]\nanonymous = true", r"basic256sha256 needs pki_dir"),
        ("[opcua]\nsecurity = ['none']", r"nobody could connect"),
        (
            "[opcua]\nsecurity = ['sign']\nanonymous = true",
            r"opcua\.0\.security\.0 = 'sign': .*'none' or 'basic256sha256'",
        ),
        ("[line]\nseed = 1", r"nothing is served"),
        ("[line", r"line\.toml is not valid TOML"),
    ],
)
def test_a_wrong_configuration_names_file_key_and_value(tmp_path: Path, text: str, message: str) -> None:
    """Every mistake is found before anything starts."""
    path = tmp_path / "line.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=message):
        load_config(path)


@pytest.mark.parametrize("load", [load_config, load_definition, load_alarms])
def test_a_file_that_is_no_text_is_refused(tmp_path: Path, load: Callable[[Path], object]) -> None:
    """A TOML file in another encoding is named, like any other that is not valid."""
    path = tmp_path / "x.toml"
    path.write_bytes("name = 'Abf\u00fcllung'".encode("latin-1"))
    with pytest.raises((ConfigError, LineError), match=r"x\.toml is not valid TOML: .*utf-8"):
        load(path)


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    """A configuration can be moved together with its files."""
    path = tmp_path / "line.toml"
    path.write_text(CONFIG.format(port=4840), encoding="utf-8")
    assert load_config(path).line.journal == tmp_path / "journal.csv"


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["serve", "--config", "missing.toml"], 1, "missing.toml cannot be read"),
        (["load", "--url", "opc.tcp://0.0.0.0:4842", "--nodes", "1", "--rate", "1"], 2, "open to the network"),
        (["load", "--url", "http://127.0.0.1:1", "--nodes", "1", "--rate", "1"], 2, "is not an address like opc.tcp://"),
        (["replay", "x", "--opcua", "opc.tcp://127.0.0.1:1", "--speed", "max", "--time", "rebased"], 2, "a speed as"),
        (["replay", "x.csv", "--mqtt", "mqtt://127.0.0.1:1", "--wait-subscribers"], 2, "use --wait-stdin"),
        (["replay", "x.csv", "--opcua", "opc.tcp://127.0.0.1:4841"], 1, "x.csv cannot be read"),
    ],
)  # fmt: skip
def test_wrong_use_is_explained(
    arguments: list[str], code: int, message: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The exit code tells failure, the log what to do."""
    assert main(arguments) == code
    assert message in caplog.text


@pytest.mark.parametrize("command", [[], ["serve"], ["load"], ["replay"]])
def test_help_teaches(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Every command and option explains itself."""
    with pytest.raises(SystemExit) as ended:
        main([*command, "--help"])
    assert ended.value.code == 0
    assert "usage: python -m demo_line" in capsys.readouterr().out
