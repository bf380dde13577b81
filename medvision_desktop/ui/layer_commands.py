"""What the actions of layers and label maps do, and what their news means for the rest of the room."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QFileDialog

from medvision_desktop.domain.labelmap import LabelMap, LayerOrigin, RgbColour, label_colour
from medvision_desktop.pixels import label_edit
from medvision_desktop.pixels.label_edit import Patch
from medvision_desktop.ui.dialogs.label_name import LabelNameSheet
from medvision_desktop.ui.viewmodels.mask_editor import axis_of
from medvision_desktop.work import CancelToken, ProgressSink

if TYPE_CHECKING:
    from medvision_desktop.ui.reading_room import ReadingRoom

# Below this the panel and the findings do not fit above one another.
_ROOM_FOR_BOTH_PX: Final = 860
_FILTER: Final = "Label maps (*.dcm *.nii *.nii.gz);;All files (*)"


class LayerCommands:
    """A part of `Commands`: `table` by action id."""

    def __init__(self, room: ReadingRoom) -> None:
        self._room = room
        self._findings_made_room = False
        self.table: Mapping[str, Callable[[], object]] = {
            "file.open_layer": self._open,
            "labels.new_map": self._new_map,
            "labels.new_label": self._new_label,
            "labels.interpolate": self._interpolate,
            "dock.layers": self._panel,
        }

    def rename(self, uid: str, number: int) -> None:
        """Ask for another name of a label."""
        entry = self._room.viewer.layers.entry(uid)
        if entry is None or not isinstance(entry.layer, LabelMap):
            return
        name = next((one.label for one in entry.layer.segments if one.number == number), "")
        sheet = LabelNameSheet(self._room.window, "Rename the label", name=name)
        sheet.saved.connect(lambda fresh, _colour: self._room.viewer.masks.rename(number, fresh))
        sheet.open_at()

    def _open(self) -> None:
        room = self._room
        if room.viewer.active_pane.shown is None:
            room.notifier.toast("No images to lay it over", "Open a study first.", "info")
            return
        dialog = QFileDialog(room.window, "Open a label map over this image")
        dialog.setFileMode(QFileDialog.FileMode.ExistingFiles)
        dialog.setNameFilter(_FILTER)
        dialog.filesSelected.connect(
            lambda names: room.layer_files.open_paths([Path(name) for name in names])
        )
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def _new_map(self) -> None:
        room = self._room
        shown = room.viewer.active_pane.shown
        if shown is None:
            room.notifier.toast("No images to draw on", "Open a study first.", "info")
        elif room.viewer.masks.begin(shown.loaded) is not None:
            self.show_panel()

    def _new_label(self) -> None:
        """On the reader's map in work; without one a new map begins with its first label."""
        room = self._room
        entry = room.viewer.layers.entry(room.viewer.masks.uid)
        if entry is None or entry.layer.origin is not LayerOrigin.READER:
            self._new_map()
            return
        taken = len(entry.layer.segments) if isinstance(entry.layer, LabelMap) else 0
        colour = label_colour(taken)
        sheet = LabelNameSheet(room.window, "New label", name=f"Label {taken + 1}", colour=colour)

        def add(name: str, picked: RgbColour | None) -> None:
            room.viewer.masks.add_segment(name, picked)

        sheet.saved.connect(add)
        sheet.open_at()

    def _interpolate(self) -> None:
        """The label in work in slices between slices that have it, along the active plane's direction."""
        room = self._room
        shown, masks = room.viewer.active_pane.shown, room.viewer.masks
        layer = masks.writable(shown) if shown is not None else None
        axis = axis_of(layer, shown) if layer is not None and shown is not None else None
        if layer is None or axis is None or masks.is_painting:
            room.notifier.toast(
                "Nothing to fill in", "Paint two slices of one of the three planes.", "info"
            )
            return
        number = masks.number

        def work(_progress: ProgressSink, _cancel: CancelToken) -> Patch | None:
            return label_edit.between_slices(layer.values_kji, number, axis)

        def done(patch: Patch | None) -> None:
            if patch is None:
                room.notifier.toast(
                    "Nothing to fill in", "No slices without the label lie between.", "info"
                )
            elif not masks.apply(layer, patch):
                room.notifier.toast("The label map has changed meanwhile", "Ask once more.", "info")

        room.lanes.io.submit(work, done=done, failed=room.notifier.error, key="interpolate labels")

    def _panel(self) -> None:
        if self._room.docks["layers"].isVisible():
            self.hide_panel()
        else:
            self.show_panel()
            self._room.layers_panel.setFocus()

    def show_panel(self) -> None:
        """Bring the panel, because the reader asked for what is in it, and give it most of the column."""
        room = self._room
        docks = [room.docks["layers"], room.docks["findings"]]
        if docks[0].isVisible():
            return
        height = room.window.pages.height()
        docks[0].show()
        if docks[1].isVisible() and height < _ROOM_FOR_BOTH_PX:
            docks[1].hide()
            self._findings_made_room = True
        elif docks[1].isVisible():
            room.window.resizeDocks(docks, [height * 2 // 3, height // 3], Qt.Orientation.Vertical)

    def hide_panel(self) -> None:
        """Put the panel away; findings that made room for it come back."""
        dock, focus = self._room.docks["layers"], QApplication.focusWidget()
        had_keys = focus is not None and dock.isAncestorOf(focus)
        dock.hide()
        if had_keys:
            self._room.windows.focus_active()
        if self._findings_made_room:
            self._findings_made_room = False
            self._room.docks["findings"].show()
