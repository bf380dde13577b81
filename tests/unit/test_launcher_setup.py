"""`./medvision` sets itself up once, resumes what was interrupted, and survives odd machines."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.launch import Checkout, checkout, tool, wheel

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a POSIX shell script")


@pytest.fixture
def made(tmp_path: Path) -> Checkout:
    return checkout(tmp_path)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """One that is set up already, shared by tests that do not change it."""
    ready = checkout(tmp_path_factory.mktemp("built"))
    done = ready.start("first")
    assert done.returncode == 0, done.stderr
    return ready


@pytest.fixture
def warm(made: Checkout, built: Checkout) -> Checkout:
    """A fresh checkout that finds an environment which is ready."""
    made.environment["XDG_CACHE_HOME"] = str(built.cache)
    made.cache = built.cache
    return made


def said(done: object) -> dict[str, object]:
    return json.loads(done.stdout)  # type: ignore[attr-defined, no-any-return]


def test_from_nothing_it_builds_an_environment_and_runs_the_command(made: Checkout) -> None:
    done = made.start("index", "--json", "a b")
    assert done.returncode == 0, done.stderr
    told = said(done)
    assert told["arguments"] == ["index", "--json", "a b"]
    assert told["tiny"] == "1.0"
    assert "Ready after" in done.stderr
    assert Path(str(told["prefix"])) == made.environments[0]
    assert (made.root / ".venv").readlink() == made.environments[0]


def test_the_second_start_builds_nothing_and_says_nothing(built: Checkout) -> None:
    done = built.start("keys")
    assert done.returncode == 0
    assert done.stderr == ""


def test_it_works_from_any_folder_and_through_a_link(built: Checkout, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "mv").symlink_to(built.launcher)
    (tmp_path / "again").symlink_to("elsewhere/mv")
    done = subprocess.run(
        [str(tmp_path / "again"), "x"],
        env=built.environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    told = json.loads(done.stdout)
    assert (told["arguments"], told["cwd"]) == (["x"], str(tmp_path))


def test_a_package_of_the_same_name_where_it_is_called_from_is_not_taken(
    built: Checkout, tmp_path: Path
) -> None:
    (tmp_path / "medvision_desktop").mkdir()
    (tmp_path / "medvision_desktop" / "__main__.py").write_text("raise SystemExit(9)")
    assert built.start("x", cwd=tmp_path).returncode == 0


def test_modules_are_compiled_although_the_machine_forbids_it(built: Checkout) -> None:
    site = next(built.environments[0].glob("lib/python*/site-packages"))
    assert list((site / "__pycache__").glob("tiny.*.pyc"))
    assert said(built.start("x"))["bytecode"] is True


def test_packages_of_the_user_and_of_other_environments_stay_out(built: Checkout, tmp_path: Path) -> None:
    (tmp_path / "tiny.py").write_text("VALUE = 'foreign'\n")
    told = said(built.start("x", PYTHONPATH=str(tmp_path), PYTHONHOME="/nowhere"))
    assert told["tiny"] == "1.0"
    assert told["user"] == "1"


def test_a_new_checkout_with_the_same_pins_installs_nothing(built: Checkout, tmp_path: Path) -> None:
    other = checkout(tmp_path)
    done = other.start("x", XDG_CACHE_HOME=str(built.cache), PIP_FIND_LINKS="/nowhere")
    assert done.returncode == 0, done.stderr
    assert "Installing" not in done.stderr
    assert (other.root / ".venv").readlink() == built.environments[0]


def test_other_pins_get_an_environment_of_their_own(made: Checkout) -> None:
    assert made.start("x").returncode == 0
    wheel(Path(made.environment["PIP_FIND_LINKS"]), version="2.0")
    (made.root / "packaging" / "constraints.txt").write_text("tiny==2.0\n")
    done = made.start("x")
    assert said(done)["tiny"] == "2.0"
    assert len(made.environments) == 2
    assert said(done)["prefix"] == str((made.root / ".venv").readlink())


def test_a_build_that_was_interrupted_goes_on_where_it_was(made: Checkout) -> None:
    failed = made.start("x", PIP_FIND_LINKS="/nowhere")
    assert failed.returncode == 2
    assert failed.stdout == ""
    assert "setup.log" in failed.stderr
    assert "Start again" in failed.stderr
    assert not (made.root / ".venv").exists()
    kept = made.environments[0] / "step-venv"
    before = kept.stat().st_mtime_ns
    done = made.start("x")
    assert done.returncode == 0, done.stderr
    assert kept.stat().st_mtime_ns == before


def test_files_that_an_interruption_lost_are_installed_again(made: Checkout) -> None:
    made.start("x")
    environment = made.environments[0]
    next(environment.glob("lib/python*/site-packages/tiny.py")).unlink()
    for marker in ("medvision-ready", "step-verified", "step-bytecode"):
        (environment / marker).unlink()
    done = made.start("x")
    assert said(done)["tiny"] == "1.0", done.stderr
    assert "Installing again: tiny==1.0" in done.stderr


def test_an_environment_whose_python_is_gone_is_built_anew(made: Checkout) -> None:
    made.start("x")
    (made.environments[0] / "bin" / "python").unlink()
    done = made.start("x")
    assert done.returncode == 0, done.stderr
    assert said(done)["tiny"] == "1.0"


def test_half_a_bare_environment_is_started_over(made: Checkout) -> None:
    made.start("x", PIP_FIND_LINKS="/nowhere")
    (made.environments[0] / "step-venv").unlink()
    (made.environments[0] / "bin" / "python").unlink()
    assert said(made.start("x"))["tiny"] == "1.0"


def test_two_starts_at_once_build_one_environment(made: Checkout) -> None:
    first, second = made.begin("one"), made.begin("two")
    (out_1, err_1), (out_2, err_2) = first.communicate(timeout=300), second.communicate(timeout=300)
    assert (first.returncode, second.returncode) == (0, 0), err_1 + err_2
    assert {json.loads(out_1)["arguments"][0], json.loads(out_2)["arguments"][0]} == {"one", "two"}
    assert len(made.environments) == 1
    assert (err_1 + err_2).count("Installing packages") == 1
    assert not list(made.root.glob(".venv-*"))


def test_a_folder_named_venv_that_is_somebodys_own_stays(warm: Checkout) -> None:
    (warm.root / ".venv").mkdir()
    (warm.root / ".venv" / "mine").write_text("")
    assert warm.start("x").returncode == 0
    assert (warm.root / ".venv" / "mine").exists()


def test_a_link_to_an_old_environment_is_replaced(warm: Checkout, tmp_path: Path) -> None:
    (warm.root / ".venv").symlink_to(tmp_path / "gone")
    assert warm.start("x").returncode == 0
    assert (warm.root / ".venv").readlink() == warm.environments[0]


def test_a_relative_cache_directory_is_ignored_as_the_specification_wants(made: Checkout) -> None:
    done = made.start("x", XDG_CACHE_HOME="relative")
    assert done.returncode == 0, done.stderr
    assert list((Path(made.environment["HOME"]) / ".cache" / "medvision").glob("env-*/medvision-ready"))


def test_a_python_without_ensurepip_borrows_its_own_pip(made: Checkout) -> None:
    _python_without(made, "ensurepip")
    done = made.start("x")
    assert done.returncode == 0, done.stderr
    assert said(done)["tiny"] == "1.0"
    assert not list(made.environments[0].glob("lib/python*/site-packages/pip"))


def test_a_python_with_neither_ensurepip_nor_pip_says_what_to_install(made: Checkout) -> None:
    _python_without(made, "ensurepip", "pip")
    # Nor has the bare environment, which is made of the same Python.
    module = made.root / "packaging" / "environment.py"
    module.write_text(module.read_text().replace('"-m", "ensurepip"', '"-m", "not_there"'))
    done = made.start("x")
    assert done.returncode == 2
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    assert f"sudo apt-get install -y python{version}-venv" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_full_disk_is_told_before_anything_is_installed(made: Checkout) -> None:
    bootstrap = made.root / "packaging" / "environment.py"
    bootstrap.write_text(bootstrap.read_text().replace("NEEDED_GB = 9", "NEEDED_GB = 10**9"))
    done = made.start("x")
    assert done.returncode == 2
    assert "XDG_CACHE_HOME" in done.stderr


def _python_without(made: Checkout, *modules: str) -> None:
    """A Python in which these modules cannot be found, as distributions split them off."""
    hide = made.tools / "hide.py"
    hide.write_text(
        f"""
import importlib.machinery, os, runpy, sys
GONE = {modules!r}
class Gone:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.split(".")[0] in GONE and {str(made.cache)!r} not in sys.prefix:
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Gone)
import importlib.util
real = importlib.util.find_spec
importlib.util.find_spec = lambda name, package=None: None if name in GONE else real(name, package)
sys.executable = {str(made.tools / "python3.13")!r}
arguments = sys.argv[1:]
while arguments and arguments[0] in ("-I", "-S", "-E"):
    arguments.pop(0)
if arguments[0] == "-c":
    sys.argv = ["-c"]
    exec(arguments[1])
elif arguments[0] == "-m":
    sys.argv = arguments[1:]
    runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
else:
    sys.argv = arguments
    runpy.run_path(arguments[0], run_name="__main__")
"""
    )
    tool(made.tools, "python3.13", f'exec {sys.executable} {hide} "$@"')
