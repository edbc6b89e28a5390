"""The wheel alone works in an empty environment and an empty folder."""

import os
import subprocess
import sys
import venv
from pathlib import Path, PurePosixPath
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[2]
PAGES = PurePosixPath("hitl_orchestrator/insights/report/rendering/templates")
BIN = "Scripts" if os.name == "nt" else "bin"

pytestmark = pytest.mark.timeout(900)  # the first installation fills pip's cache


def run(*command: str | Path, cwd: Path) -> str:
    """Run a command outside this tree and its environment, and return its output."""
    environment = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "VIRTUAL_ENV"}}
    done = subprocess.run(
        command,
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
        text=True,
        timeout=800,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", out, ROOT, cwd=out)
    (built,) = out.glob("*.whl")
    return built


def test_wheel_contains_the_package_and_its_data_only(wheel):
    names = set(ZipFile(wheel).namelist())
    tops = {name.partition("/")[0] for name in names}

    assert {top for top in tops if not top.endswith(".dist-info")} == {"hitl_orchestrator"}
    data = {f"hitl_orchestrator/data/{name}" for name in ("tasks.json", "starter/tasks.json", "starter/manifest.json")}
    assert {"hitl_orchestrator/py.typed"} | data <= names
    assert {PAGES / path.name for path in (ROOT / PAGES).iterdir()} <= {PurePosixPath(name) for name in names}
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)


def test_wheel_alone_runs_the_demo(wheel, tmp_path):
    home, empty = tmp_path / "venv", tmp_path / "empty"
    empty.mkdir()
    venv.create(home)
    install = ("install", "--quiet", "--no-compile", "--disable-pip-version-check", wheel)
    run(sys.executable, "-m", "pip", "--python", home / BIN / "python", *install, cwd=empty)

    run(home / BIN / "hitl", "demo", cwd=empty)

    assert list(empty.iterdir()) == []
