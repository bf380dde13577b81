"""Writes the parts of the documentation that are made from the code, so that the two cannot differ.

    PYTHONPATH=. .venv/bin/python packaging/pages.py

docs/settings.md comes from the table of settings, docs/keys.md from the table of actions; the map in
ARCHITECTURE.md from the tree and the first sentence of each module. Tests compare.
"""

from __future__ import annotations

import ast
import dataclasses
import re
from pathlib import Path
from typing import get_type_hints

from medvision_desktop.settings import Settings
from medvision_desktop.ui.actions import ACTIONS

ROOT = Path(__file__).resolve().parent.parent
MAP = re.compile(r"```\nmain\.py.*?```", re.DOTALL)
SETTINGS_HEAD = """# Settings

Made from the table in `medvision_desktop/settings.py` by `packaging/pages.py`.

Order of precedence: the environment (`MEDVISION_` and the name in capitals), the reader's file
`settings.toml` in the data directory, the default. An unknown name or a value that does not fit is
refused in one sentence, never ignored.

| setting | type | default | allowed | what it does |
|---|---|---|---|---|
"""
SETTINGS_TAIL = """
Three names in the environment are no settings of the program:

| variable | what it does |
|---|---|
| `MEDVISION_PYTHON` | The Python that the launcher builds the environment with. |
| `MEDVISION_DATA` | The folder of real images for training and some tests; `../shared/data` if not given. |
| `MEDVISION_CHILD_OUTPUT` | Let child processes print. What they print may name patients. |
"""
KEYS_HEAD = """# Keys

Made from the table in `medvision_desktop/ui/actions.py` by `packaging/pages.py`. `?` shows the same in
the program, Ctrl+K every action by name.

Keys can be changed in `keys.toml` in the data directory; "Change the keys" writes it. A line is an
action and its keys, `"tool.length" = "Shift+L"` or `"slice.next" = ["Down", "J"]`; `""` is no key. The
table is used whole from the next start: a key that is given twice, or an action that does not exist,
is refused in one sentence, and the usual keys hold. Presets on the keys 1 to 9 are edited with Ctrl+W
and kept in `presets.toml`.
"""
# What lies beside the package.
BESIDE = (
    ("resources/", "icons, fonts and the style sheet that ship with the program"),
    ("models/", "model packages: manifest, weights, calibration, card, predictions"),
    ("recipes/", "how each model was trained: data, split, schedule, seed"),
    ("packaging/", "the set-up behind ./medvision, pinned versions, notes for other systems"),
    ("tests/", "unit, property, golden, fuzz, ui and e2e; helpers make files, children and checkouts"),
    ("docs/", "the command line, the settings, and decisions with their reasons"),
    ("medvision", "the launcher: finds a Python, hands over to packaging/bootstrap.py"),
    (".ci/run", "every check, in one command"),
)


def settings_page() -> str:
    """docs/settings.md, whole."""
    types = get_type_hints(Settings)
    rows = []
    for entry in dataclasses.fields(Settings):
        default = f'"{entry.default}"' if isinstance(entry.default, str) else str(entry.default).lower()
        kind = types[entry.name].__name__
        cells = (f"`{entry.name}`", kind, f"`{default}`", allowed(entry), entry.metadata["doc"])
        rows.append(f"| {' | '.join(cells)} |")
    return SETTINGS_HEAD + "\n".join(rows) + "\n" + SETTINGS_TAIL


def keys_page() -> str:
    """docs/keys.md, whole: every action by group with its keys."""
    lines = [KEYS_HEAD]
    for group in dict.fromkeys(action.group for action in ACTIONS):
        lines += [f"## {group}", "", "| keys | what it does | action |", "|---|---|---|"]
        for action in ACTIONS:
            if action.group == group:
                keys = ", ".join(f"`{key}`" for key in action.shortcuts)
                words = f"{action.text}. {action.tip}".rstrip() if action.tip else action.text
                lines.append(f"| {keys} | {words} | `{action.id}` |")
        lines.append("")
    return "\n".join(lines)


def allowed(entry: dataclasses.Field[object]) -> str:
    """Choices or range of a setting, in words."""
    if entry.metadata["choices"]:
        return ", ".join(f"`{choice}`" for choice in entry.metadata["choices"])
    if entry.metadata["low"] is not None:
        return f"{entry.metadata['low']:g} to {entry.metadata['high']:g}"
    return ""


def tree() -> str:
    """The map: one line a module, indented by folder, with the first sentence of each."""
    lines = [_line(0, "main.py", sentence(ROOT / "main.py"))]
    lines += _folder(ROOT / "medvision_desktop", 0)
    lines += [_line(0, name, words) for name, words in BESIDE]
    return "```\n" + "\n".join(lines) + "\n```"


def sentence(module: Path) -> str:
    """The first sentence of a module's docstring, without its full stop."""
    words = ast.get_docstring(ast.parse(module.read_text(encoding="utf-8"))) or ""
    first = " ".join(words.split("\n\n")[0].split())
    return re.split(r"\.(?: |$)", first)[0]


def _folder(folder: Path, depth: int) -> list[str]:
    lines = [_line(depth, f"{folder.name}/", sentence(folder / "__init__.py"))]
    modules = [path for path in folder.glob("*.py") if path.name != "__init__.py"]
    lines += [_line(depth + 1, path.name, sentence(path)) for path in sorted(modules)]
    for inner in sorted(path.parent for path in folder.glob("*/__init__.py")):
        lines += _folder(inner, depth + 1)
    return lines


def _line(depth: int, name: str, words: str) -> str:
    return f"{'  ' * depth}{name:<{32 - 2 * depth}}  {words}".rstrip()


def main() -> None:
    """Write them."""
    (ROOT / "docs" / "settings.md").write_text(settings_page(), encoding="utf-8")
    (ROOT / "docs" / "keys.md").write_text(keys_page(), encoding="utf-8")
    page = ROOT / "ARCHITECTURE.md"
    page.write_text(MAP.sub(lambda _: tree(), page.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
