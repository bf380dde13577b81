"""The reader's own keys: a table that is used whole or refused in one sentence."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtWidgets import QLabel, QWidget

from medvision_desktop.errors import SettingsInvalid
from medvision_desktop.ui import keymap
from medvision_desktop.ui.actions import ACTIONS, in_force
from medvision_desktop.ui.dialogs.keys import KeysSheet


def keys_of(actions: Any, action_id: str) -> tuple[str, ...]:
    return next(row.shortcuts for row in actions if row.id == action_id)


def test_without_a_file_the_usual_keys_hold_and_none_is_given_twice(tmp_path: Path) -> None:
    assert keymap.load(tmp_path / "keys.toml") == ACTIONS
    assert keymap.conflict(ACTIONS) is None


def test_keys_are_changed_given_several_or_none(tmp_path: Path) -> None:
    path = tmp_path / "keys.toml"
    path.write_text('"tool.length" = "shift+x"\n"slice.next" = ["Down", "J"]\n"file.quit" = ""\n')
    fresh = keymap.load(path)
    assert keys_of(fresh, "tool.length") == ("Shift+X",)
    assert keys_of(fresh, "slice.next") == ("Down", "J")
    assert keys_of(fresh, "file.quit") == ()
    assert keys_of(fresh, "tool.pan") == ("P",)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('"tool.length" = "p"', "“P” is given to both “Pan” and “Length”."),
        ('"tool.lenght" = "L"', "No action is called “tool.lenght”."),
        ('"tool.length" = "Nokey"', "“Nokey” for “Length” is not a key."),
        ('"tool.length" = 3', "The keys of “Length” are not text."),
        ('"tool.length" = ', "Invalid value"),
    ],
)
def test_a_fault_refuses_the_whole_table_in_one_sentence(tmp_path: Path, text: str, why: str) -> None:
    path = tmp_path / "keys.toml"
    path.write_text(text)
    with pytest.raises(SettingsInvalid) as caught:
        keymap.load(path)
    assert caught.value.why.startswith(why)
    assert caught.value.why.count(". ") == 0


def test_two_actions_may_swap_their_keys(tmp_path: Path) -> None:
    path = tmp_path / "keys.toml"
    path.write_text('"tool.length" = "P"\n"tool.pan" = "L"\n')
    fresh = keymap.load(path)
    assert (keys_of(fresh, "tool.length"), keys_of(fresh, "tool.pan")) == (("P",), ("L",))


def test_the_table_that_is_written_to_be_edited_says_what_holds(tmp_path: Path) -> None:
    text = keymap.written(ACTIONS)
    assert tomllib.loads(text) == {}
    opened = "\n".join(line.removeprefix("# ") for line in text.splitlines() if line.startswith('# "'))
    assert keymap.remapped(tomllib.loads(opened)) == ACTIONS


def test_the_sheet_of_all_keys_is_filled_while_the_window_goes_on(qtbot: Any) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    window.resize(1200, 800)
    window.show()
    sheet = KeysSheet(window)

    def told() -> set[str]:
        return {label.text() for label in sheet.findChildren(QLabel)}

    wanted = {one.text for one in in_force() if one.shortcuts and one.group != "Window presets"}
    assert wanted - told()
    qtbot.waitUntil(lambda: wanted <= told())
