"""ARCHITECTURE.md is a map of the real tree, and the layers hold at run time as they do on paper."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "medvision_desktop"
PAGE = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")


def listed() -> dict[str, str]:
    """Path -> what the map says of it. A line of the map is `path   words`, indented by folder."""
    block = re.search(r"```\n(main\.py.*?)```", PAGE, re.DOTALL)
    assert block, "ARCHITECTURE.md has no map"
    found: dict[str, str] = {}
    folders: list[str] = []
    for line in block[1].splitlines():
        match = re.match(r"^( *)(\S+)(?:  +(.*))?$", line)
        assert match, f"not a line of a map: {line!r}"
        depth, name, words = len(match[1]) // 2, match[2], match[3] or ""
        folders = folders[:depth]
        found["".join(folders) + name] = words
        if name.endswith("/"):
            folders.append(name)
    return found


def real() -> set[str]:
    """What the map has to name: every folder with code, every module of the package, top-level files."""
    modules = {
        path.relative_to(ROOT).as_posix()
        for path in PACKAGE.rglob("*.py")
        if path.name != "__init__.py" and "versions" not in path.parts
    }
    folders = {f"{Path(name).parent.as_posix()}/" for name in modules}
    return modules | folders


def test_the_map_names_every_module() -> None:
    missing = sorted(real() - set(listed()))
    assert not missing, "ARCHITECTURE.md does not name:\n" + "\n".join(missing)


def test_everything_on_the_map_is_there() -> None:
    gone = sorted(name for name in listed() if not (ROOT / name).exists())
    assert not gone, "ARCHITECTURE.md names what is not there:\n" + "\n".join(gone)


def test_everything_on_the_map_is_explained() -> None:
    silent = sorted(name for name, words in listed().items() if not words)
    assert not silent, "no words for:\n" + "\n".join(silent)


def test_no_module_is_named_for_nothing_in_particular() -> None:
    banned = {"utils", "helpers", "common", "manager", "misc", "util", "helper"}
    found = [path for path in PACKAGE.rglob("*.py") if path.stem in banned]
    assert not found


def test_a_room_is_not_a_hall() -> None:
    """About 300 lines is a room; 600 is a wall that was never built."""
    halls = {
        path.relative_to(ROOT).as_posix(): len(path.read_text(encoding="utf-8").splitlines())
        for path in PACKAGE.rglob("*.py")
    }
    assert not {name: lines for name, lines in halls.items() if lines > 600}


def test_the_layer_rule_on_the_page_is_the_one_that_is_checked() -> None:
    table = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    layers = next(
        contract for contract in table["tool"]["importlinter"]["contracts"] if contract["name"] == "Layers"
    )["layers"]
    names = {name.strip().removeprefix("medvision_desktop.") for line in layers for name in line.split("|")}
    rule = re.search(r"## The layer rule.*?```\n(.*?)```", PAGE, re.DOTALL)
    assert rule
    on_page = set(re.findall(r"[a-z_]+", rule[1]))
    assert on_page == names
    top = {
        path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    assert top - {"__init__", "__main__"} == names


PROGRAM = """
import sys
{before}
class Wall:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.split(".")[0] in {blocked!r}:
            raise ModuleNotFoundError(f"{{name}} is walled off", name=name)
sys.meta_path.insert(0, Wall)
{then}
"""


def run(blocked: tuple[str, ...], then: str, before: str = "") -> subprocess.CompletedProcess[str]:
    program = PROGRAM.format(blocked=blocked, then=then, before=before)
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


CORE = (
    "domain",
    "pixels",
    "io",
    "modelkit",
    "inference",
    "training",
    "audit",
    "reporting",
    "exports",
    "privacy",
    "services",
    "children",
)


@pytest.mark.parametrize("room", CORE)
def test_the_core_imports_without_qt(room: str) -> None:
    modules = [
        path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".").removesuffix(".__init__")
        for path in (PACKAGE / room).rglob("*.py")
        if path.name != "env.py"
    ]
    done = run(
        ("PySide6", "shiboken6", "pyqtgraph"), "\n".join(f"import {name}" for name in sorted(modules))
    )
    assert done.returncode == 0, done.stderr[-2000:]


HEAVY = (
    "torch",
    "torchvision",
    "monai",
    "lightning",
    "onnxruntime",
    "openvino",
    "pytorch_grad_cam",
    "nilearn",
    "numba",
    "vtk",
    "vtkmodules",
)


def test_the_command_line_explains_itself_without_heavy_libraries() -> None:
    blocked = (*HEAVY, "PySide6", "numpy", "sqlalchemy", "pydicom", "SimpleITK", "cv2", "structlog")
    done = run(blocked, "from medvision_desktop.cli import run\nsys.exit(run(['--help']))")
    assert done.returncode == 0, done.stderr[-2000:]
    assert "analyse" in done.stdout


def test_the_table_of_keys_needs_no_qt() -> None:
    done = run(
        (*HEAVY, "PySide6"), "from medvision_desktop.cli import run\nsys.exit(run(['keys', '--json']))"
    )
    assert done.returncode == 0, done.stderr[-2000:]


def test_files_are_listed_and_drawn_without_networks_and_qt(tmp_path: Path) -> None:
    then = f"""
import data_store, pathlib
file = str(pathlib.Path(data_store.__file__).parent / "data" / "693_UNCR.dcm")
from medvision_desktop.cli import run
where = [file, "--data-dir", {str(tmp_path)!r}]
sys.exit(run(["index", *where]) or run(["render", *where, "--out", {str(tmp_path / "x.png")!r}]))
"""
    done = run((*HEAVY, "PySide6", "pyqtgraph"), then)
    assert done.returncode == 0, done.stderr[-2000:]
    assert (tmp_path / "x.png").exists()


def test_the_window_shows_before_torch_and_other_networks_are_loaded(tmp_path: Path) -> None:
    """Walled off, so that a hidden import shows as a fault and not as slowness."""
    then = f"""
from medvision_desktop.cli import run
sys.exit(run(["open", "--quit-when-ready", "--data-dir", {str(tmp_path)!r}]))
"""
    # nilearn is only located, for the sample volume that it carries.
    done = run(tuple(name for name in HEAVY if name != "nilearn"), then)
    assert done.returncode == 0, done.stderr[-2000:]
    assert '"ready": true' in done.stdout
