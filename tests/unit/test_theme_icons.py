"""The icons that ship are the ones that are used, and every action's icon ships."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

from medvision_desktop import paths
from medvision_desktop.ui.actions import ACTIONS

FOLDER = paths.resources() / "icons"
SOURCE = paths.root() / "medvision_desktop"


def shipped() -> set[str]:
    return {path.stem for path in FOLDER.glob("*.svg")}


def test_every_icon_of_the_table_of_actions_ships() -> None:
    assert {action.icon for action in ACTIONS if action.icon} <= shipped()


def test_every_shipped_icon_is_named_in_the_program() -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in SOURCE.rglob("*.py"))
    named = set(re.findall(r'"([a-z0-9]+(?:-[a-z0-9]+)*)"', text))
    assert shipped() - named == set()


def test_shipped_icons_are_drawings_and_nothing_else() -> None:
    for path in sorted(FOLDER.rglob("*.svg")):
        text = path.read_text(encoding="utf-8")
        assert "<script" not in text, path.name
        assert "href" not in text, path.name
        root = ET.fromstring(text)  # noqa: S314 - our own files
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        if path.parent == FOLDER:
            assert root.attrib["viewBox"] == "0 0 24 24", path.name
            assert root.attrib["stroke"] == "currentColor", path.name
            assert root.attrib["stroke-width"] == "2", path.name


def test_the_licences_of_icons_and_faces_ship_beside_them() -> None:
    assert "ISC License" in (FOLDER / "LICENSE").read_text(encoding="utf-8")
    faces = (paths.resources() / "fonts" / "LICENSE.txt").read_text(encoding="utf-8")
    assert "SIL OPEN FONT LICENSE" in faces
    assert "The Inter Project Authors" in faces


def test_the_style_sheet_and_the_marks_of_controls_belong_together() -> None:
    sheet = (paths.resources() / "stylesheet.qss").read_text(encoding="utf-8")
    named = set(re.findall(r'\$controls/([a-z0-9-]+)\.svg"', sheet))
    assert named == {path.stem for path in (FOLDER / "controls").glob("*.svg")}
