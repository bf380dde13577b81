"""The pages say what the program does: every command, option, key and setting is in them."""

from __future__ import annotations

import ast
import importlib.util
import re
import subprocess
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from typer.main import get_command

from medvision_desktop.cli import application

ROOT = Path(__file__).resolve().parents[2]
CLI = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
PAGES = [
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "docs/cli.md",
    "docs/settings.md",
    "docs/keys.md",
    "docs/display.md",
    "docs/training.md",
]


def commands() -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []

    def walk(name: str, command: Any) -> None:
        inner = getattr(command, "commands", None)
        if inner is None:
            found.append((name, command))
            return
        for word, child in inner.items():
            walk(f"{name} {word}", child)

    walk("medvision", get_command(application))
    return found


def section(name: str) -> str:
    word = name.split()[1]
    match = re.search(rf"^## {word}$(.*?)(?=^## |\Z)", CLI, re.MULTILINE | re.DOTALL)
    assert match, f"docs/cli.md has no section on {word}"
    return match[1]


@pytest.mark.parametrize("name", [name for name, _ in commands()])
def test_every_command_has_its_place(name: str) -> None:
    assert f"medvision {' '.join(name.split()[1:])}" in section(name)


@pytest.mark.parametrize(("name", "command"), commands(), ids=[name for name, _ in commands()])
def test_every_option_is_described(name: str, command: Any) -> None:
    everywhere = {"--data-dir", "--json", "--help", "-h"}
    options = {
        option for given in command.params for option in given.opts if option.startswith("-")
    } - everywhere
    missing = [option for option in options if f"`{option}" not in section(name)]
    assert not missing, f"docs/cli.md does not say of {name}: {missing}"


@pytest.mark.parametrize(("name", "command"), commands(), ids=[name for name, _ in commands()])
def test_every_command_takes_a_data_directory_and_says_what_it_does(name: str, command: Any) -> None:
    options = {option for given in command.params for option in given.opts}
    assert "--data-dir" in options
    assert command.help
    first = command.help.strip().splitlines()[0]
    assert first.endswith(".")
    assert len(first) <= 60


@pytest.mark.parametrize(
    "path", sorted((ROOT / "medvision_desktop").glob("cli*.py")), ids=lambda path: path.stem
)
def test_every_key_that_is_emitted_is_documented(path: Path) -> None:
    """Keys of dictionary literals in functions that end in `_item`, in `line`, and in calls of `emit`."""
    keys: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        inside = isinstance(node, ast.FunctionDef) and (node.name.endswith("_item") or node.name == "line")
        calls = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "emit"
        if inside or calls:
            for child in ast.walk(node):
                if isinstance(child, ast.Dict):
                    keys |= {key.value for key in child.keys if isinstance(key, ast.Constant)}
    missing = sorted(key for key in keys if f'"{key}"' not in CLI)
    assert not missing, f"docs/cli.md does not name {missing}"


def test_the_page_of_settings_is_made_from_the_table() -> None:
    page = _packaging("pages").settings_page()
    assert (ROOT / "docs" / "settings.md").read_text(encoding="utf-8") == page, "run packaging/pages.py"


def test_the_page_of_keys_is_made_from_the_table() -> None:
    page = _packaging("pages").keys_page()
    assert (ROOT / "docs" / "keys.md").read_text(encoding="utf-8") == page, "run packaging/pages.py"


def test_the_readme_names_both_commands_that_do_everything() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert re.search(r"^\s*\./medvision$", readme, re.MULTILINE)
    assert re.search(r"^\s*\./medvision test$", readme, re.MULTILINE)


def test_the_licence_is_the_whole_apache_licence() -> None:
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "Version 2.0, January 2004" in text
    assert "9. Accepting Warranty or Additional Liability" in text
    assert len(text) > 11_000


def test_the_changelog_knows_this_version() -> None:
    from medvision_desktop import __version__

    assert f"## {__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_decisions_are_numbered_without_gaps_and_say_why() -> None:
    pages = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    assert [page.name[:4] for page in pages] == [f"{number:04d}" for number in range(1, len(pages) + 1)]
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert text.startswith(f"# {page.name[:4]} "), page.name
        for heading in ("## Context", "## Decision", "## Consequences"):
            assert heading in text, f"{page.name} lacks {heading}"
        assert len(text.splitlines()) < 60, f"{page.name} is not short"


@pytest.mark.parametrize("page", PAGES)
def test_links_and_paths_in_pages_lead_somewhere(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", text):
        if "://" not in target:
            assert ((ROOT / page).parent / target).exists(), f"{page} links to {target}"
    for path in re.findall(
        r"`((?:docs|packaging|tests|medvision_desktop|models|resources)/[\w./-]+\.\w+)`", text
    ):
        assert (ROOT / path).exists(), f"{page} speaks of {path}"


def test_nothing_committed_speaks_of_one_machine() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    wrong = []
    words = re.compile(r"(?<![\w.-])/(?:work|root|home/\w+|Users/\w+)/")
    for name in listed.stdout.split("\0"):
        path = ROOT / name
        if not name or path.suffix not in {".py", ".md", ".toml", ".txt", ".json", ".yml", ".qss", ""}:
            continue
        if path.is_file() and path.stat().st_size < 2_000_000 and path != Path(__file__):
            found = words.search(path.read_text(encoding="utf-8", errors="replace"))
            if found:
                wrong.append(f"{name}: {found[0]}")
    assert not wrong


def _packaging(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "packaging" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
