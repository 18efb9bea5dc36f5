"""The documents say only what works: every command they name exists, with every option they give it."""

import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted(
    path
    for path in [
        *ROOT.glob("*.md"),
        *(ROOT / "docs").rglob("*.md"),
        *ROOT.glob("*/README.md"),
        *ROOT.glob("*/*/README.md"),
    ]
    if not any(part in (".venv", "node_modules") for part in path.parts)
)
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
COMMAND = re.compile(r"(?:^|`|\s)(make|showroom) +([a-z][a-z-]*)([^`\n#]*)", re.MULTILINE)
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")
GROUPS = {"ledger", "quarantine", "influx", "analytics"}


def code_of(document: Path) -> str:
    """Return fenced blocks and inline code of a document, one a line."""
    text = document.read_text(encoding="utf-8")
    fenced = re.findall(r"^```[a-z]*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    inline = re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL))
    return "\n".join([*fenced, *inline])


def commands(tool: str) -> list[tuple[str, str, str]]:
    """Return (document, command, arguments) of every use of a tool."""
    return [
        (str(document.relative_to(ROOT)), match[2], match[3])
        for document in DOCUMENTS
        for match in COMMAND.finditer(code_of(document))
        if match[1] == tool
    ]


@cache
def help_of(*command: str) -> str:
    environment = os.environ | {"COLUMNS": "200", "NO_COLOR": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "deploy", *command, "--help"],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        env=environment,
    )
    return done.stdout


def test_documents_are_found() -> None:
    """The other tests look at something."""
    names = {str(path.relative_to(ROOT)) for path in DOCUMENTS}
    assert {"README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "deploy/README.md"} <= names
    assert len(commands("make")) > 5
    assert len(commands("showroom")) > 10


@pytest.mark.parametrize(("document", "target", "arguments"), commands("make"))
def test_make_targets_exist(document: str, target: str, arguments: str) -> None:
    """Every `make` command of the documents is a target of the Makefile."""
    assert target in TARGETS, f"{document}: make {target}{arguments}"


@pytest.mark.parametrize(("document", "command", "arguments"), commands("showroom"))
def test_showroom_commands_exist(document: str, command: str, arguments: str) -> None:
    """Every `showroom` command of the documents exists and has the options that are named."""
    words = [command]
    if command in GROUPS:
        words += re.findall(r"^ ([a-z]+)", arguments)
    told = help_of(*words)
    missing = [option for option in re.findall(r"(?<=\s)--[a-z][a-z-]*", arguments) if option not in told]
    assert missing == [], f"{document}: showroom {command}{arguments}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(document: Path) -> None:
    """Every relative link of the documents leads to a file of the repository."""
    broken = [
        target
        for target in LINK.findall(document.read_text(encoding="utf-8"))
        if not (document.parent / target).exists()
    ]
    assert broken == []


def test_named_files_exist() -> None:
    """Every file and folder that ARCHITECTURE.md names in code style exists."""
    missing = []
    for text in re.findall(r"`([a-z_]+/[A-Za-z0-9_/{},.-]+)`", (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")):
        group = re.search(r"\{(.*)\}", text)
        names = [text.replace(group[0], part) for part in group[1].split(",")] if group else [text]
        missing += [name for name in names if not (ROOT / name).exists()]
    assert missing == []
