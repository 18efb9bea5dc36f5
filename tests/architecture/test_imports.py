"""Import rules that the import linter cannot say: they hold for modules that do not exist yet."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("demo_line", "edge_agent", "gateway", "analytics", "deploy")


def imports(package: str) -> Iterator[tuple[str, str]]:
    """Yield (file, imported module) of every import statement of a package."""
    for path in sorted((ROOT / package).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                yield from ((str(path.relative_to(ROOT)), alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module is not None and node.level == 0:
                # `from package import module` imports a module too.
                yield from ((str(path.relative_to(ROOT)), f"{node.module}.{alias.name}") for alias in node.names)


@pytest.mark.parametrize("package", ["gateway", "analytics"])
def test_of_the_edge_agent_only_the_contract_is_imported(package: str) -> None:
    """Gateway and analytics know the Sparkplug contract of the edge agent and nothing else of it."""
    inside = [(file, name) for file, name in imports(package) if name.split(".")[0] == "edge_agent"]
    assert [entry for entry in inside if not entry[1].startswith("edge_agent.sparkplug")] == []


def test_of_the_gateway_analytics_imports_only_the_store() -> None:
    """Analytics reads samples through the store's protocols, whatever process owns the store."""
    inside = [(file, name) for file, name in imports("analytics") if name.split(".")[0] == "gateway"]
    assert [entry for entry in inside if not entry[1].startswith("gateway.store")] == []


@pytest.mark.parametrize("package", [name for name in PACKAGES if name != "analytics"])
def test_machine_learning_is_imported_by_analytics_only(package: str) -> None:
    """No process but analytics pays for the memory of scikit-learn and SciPy."""
    heavy = {"sklearn", "scipy", "joblib", "skops"}
    assert [entry for entry in imports(package) if entry[1].split(".")[0] in heavy] == []


@pytest.mark.parametrize("module", ["deploy.launcher", "deploy.start", "deploy.cli"])
def test_the_launcher_stays_light(module: str) -> None:
    """What stays in memory as long as the showroom runs imports neither pydantic nor any part that it starts."""
    script = f"import sys, {module}; print(*sorted({{name.split('.')[0] for name in sys.modules}}))"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    heavy = {
        "pydantic",
        "cryptography",
        "numpy",
        "asyncio",
        "fastapi",
        "duckdb",
        "asyncua",
        "edge_agent",
        "gateway",
        "demo_line",
    }
    assert heavy.intersection(loaded.stdout.split()) == set()
