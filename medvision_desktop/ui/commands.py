"""What each action of the table does. Ids that are not here belong to the viewer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from PySide6.QtWidgets import QApplication, QFileDialog

from medvision_desktop.domain.header import HeaderRow
from medvision_desktop.domain.study import SourceKind
from medvision_desktop.errors import ExportFailed
from medvision_desktop.pixels.presets import Preset
from medvision_desktop.services import preset_table
from medvision_desktop.services.header import header_of
from medvision_desktop.ui import keymap
from medvision_desktop.ui.actions import in_force
from medvision_desktop.ui.dialogs.keys import KeysSheet
from medvision_desktop.ui.dialogs.palette import PaletteSheet
from medvision_desktop.ui.dialogs.presets import PresetSheet
from medvision_desktop.ui.dialogs.tags import TagSheet
from medvision_desktop.ui.dialogs.training import TrainingSheet
from medvision_desktop.ui.key_commands import KeyCommands
from medvision_desktop.ui.layer_commands import LayerCommands
from medvision_desktop.ui.stage_commands import StageCommands
from medvision_desktop.ui.viewmodels import viewer_actions
from medvision_desktop.ui.volume_commands import VolumeCommands

if TYPE_CHECKING:
    from medvision_desktop.ui.reading_room import ReadingRoom

_FILTER: Final = "Images (*.dcm *.ima *.nii *.nii.gz *.png *.jpg *.jpeg *.zip DICOMDIR);;All files (*)"


class Commands:
    """Performs an action by id: keys, menus, tool bar, palette and panes all come here."""

    def __init__(self, room: ReadingRoom) -> None:
        self._room = room
        self.layers = LayerCommands(room)
        self._table: Mapping[str, Callable[[], object]] = {
            "file.open": self._open_files,
            "file.open_folder": self._open_folder,
            "file.samples": room.worklist.load_samples,
            "file.remove_samples": room.worklist.remove_samples,
            "file.welcome": lambda: room.window.pages.setCurrentWidget(room.welcome),
            "file.reader": room.ask_reader,
            "file.train": self._train,
            "file.quit": self._quit,
            "cine.toggle": room.cine.toggle,
            "cine.space": partial(room.cine.toggle, over_time=False),
            "file.header": self._header,
            "file.document": self._document,
            "display.patterns": self._patterns,
            "display.measure": self._measure_display,
            "view.presets": self._presets,
            "view.next_pane": self._next_pane,
            "file.keys": self._keys,
            **StageCommands(room).table,
            **VolumeCommands(room).table,
            "ai.run": room.findings.run,
            "ai.cancel": room.findings.cancel,
            "ai.next_finding": lambda: room.findings.step(1, show_image=True),
            "ai.previous_finding": lambda: room.findings.step(-1, show_image=True),
            "ai.add_finding": lambda: room.findings.addWanted.emit(""),
            "layers.attention": self._attention,
            "report.open": self._report,
            "report.sign": self._sign,
            "report.key_image": self._key_image,
            **KeyCommands(room).table,
            **self.layers.table,
            "record.verify": room.desk.verify,
            "dock.worklist": self._worklist,
            "dock.float_report": room.report_dock_toggle,
            "dock.findings": self._findings,
            "dock.view": self._view,
            "privacy.mask": self._mask,
            "help.keys": lambda: KeysSheet(room.windows.front).open_at(),
            "help.palette": lambda: PaletteSheet(room.windows.front, in_force(), self.perform).open_at(),
        }

    def perform(self, action_id: str) -> bool:
        """Do it; False when it is unknown or cannot be done now."""
        action = self._table.get(action_id)
        if action is None:
            return self._room.viewer.perform(action_id)
        action()
        return True

    def known(self) -> frozenset[str]:
        """Ids that this table itself performs."""
        return frozenset(self._table)

    def _train(self) -> None:
        TrainingSheet(self._room.window, self._room.school).open_at()

    def _quit(self) -> None:
        self._room.window.close()

    def _open_files(self) -> None:
        dialog = self._dialog("Open files", QFileDialog.FileMode.ExistingFiles)
        dialog.setNameFilter(_FILTER)
        dialog.open()

    def _open_folder(self) -> None:
        dialog = self._dialog("Open folder", QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly, True)
        dialog.open()

    def _dialog(self, title: str, mode: QFileDialog.FileMode) -> QFileDialog:
        dialog = QFileDialog(self._room.window, title)
        dialog.setFileMode(mode)
        dialog.filesSelected.connect(
            lambda names: self._room.worklist.open_paths([Path(name) for name in names])
        )
        dialog.finished.connect(dialog.deleteLater)
        return dialog

    def _header(self) -> None:
        """Read the header behind the image on screen, then show it on a sheet."""
        room = self._room
        shown = room.viewer.active_pane.shown
        if shown is None:
            room.notifier.toast("No image to read the header of", "Open a study first.", "info")
            return
        series, uid = shown.loaded.series, shown.frame.sop_instance_uid
        if series.kind is not SourceKind.DICOM:
            kind = f"It comes from a {series.kind.value} file."
            room.notifier.toast("This image has no DICOM header", kind, "info")
            return

        def show(rows: tuple[HeaderRow, ...]) -> None:
            TagSheet(room.window, rows, masked=room.viewer.masked).open_at()

        room.lanes.io.submit(
            lambda *_: header_of(series, uid), done=show, failed=room.notifier.error, key="header"
        )

    def _patterns(self) -> None:
        self._room.displays.show_patterns()

    def _measure_display(self) -> None:
        self._room.displays.measure()

    def _document(self) -> None:
        self._room.documents.next()

    def _next_pane(self) -> None:
        """The next pane; where there is one only, the keyboard goes on to the next control."""
        room = self._room
        if room.viewer.perform("view.next_pane"):
            room.windows.focus_active()
        else:
            room.windows.front.focusNextChild()

    def _presets(self) -> None:
        """The presets of the active image's modality in a table to edit."""
        room = self._room
        shown = room.viewer.active_pane.shown
        presets = viewer_actions.presets(room.viewer)
        if shown is None or not presets:
            room.notifier.toast("No image to window", "Open a study first.", "info")
            return
        modality = shown.loaded.series.modality

        def keep(fresh: tuple[Preset, ...] | None) -> None:
            table = {name: rows for name, rows in room.viewer.own_presets.items() if name != modality}
            room.viewer.own_presets = table if fresh is None else {**table, modality: fresh}
            try:
                preset_table.save(room.preset_file, room.viewer.own_presets)
            except ExportFailed as error:
                room.notifier.error(error, safe="The presets hold until the program is closed.")

        presets = viewer_actions.all_presets(room.viewer, modality)
        PresetSheet(room.window, modality or "other images", presets, keep).open_at()

    def _keys(self) -> None:
        """Write the table of keys to edit, unless it is there, and say where it is."""
        path = self._room.bench.locations.data / keymap.FILE_NAME
        try:
            if not path.exists():
                path.write_text(keymap.written(in_force()), encoding="utf-8")
        except OSError as error:
            failed = ExportFailed("The table of keys was not written.", f"{error.strerror}.")
            self._room.notifier.error(failed)
            return
        self._room.notifier.toast("Edit the keys in keys.toml", f"{path}; they hold from the next start.")

    def _attention(self) -> None:
        """The map that is on goes; else that of the selected finding comes, or of the first with one."""
        findings = self._room.findings
        if findings.eye:
            findings.hide_eye()
            return
        chosen = findings.selected_row
        rows = (chosen, *findings.rows) if chosen is not None else findings.rows
        row = next((row for row in rows if row.has_map), None)
        if row is None:
            self._room.notifier.toast("No model attention here", "Run AI first (F5).", "info")
        else:
            findings.toggle_eye(row.key)

    def _report(self) -> None:
        if self._room.docks["report"].isVisible():
            self._room.hide_report()
        else:
            self._room.show_report()

    def _sign(self) -> None:
        self._room.show_report()
        self._room.report.ask_sign()

    def _key_image(self) -> None:
        self._room.add_key_image()

    def _worklist(self) -> None:
        pane = self._room.worklist_pane
        pane.set_rail(not pane.is_rail)

    def _findings(self) -> None:
        self._toggle("findings")

    def _view(self) -> None:
        """The panel of slab and histogram; it takes the keyboard when a key brings it."""
        if self._toggle("view"):
            self._room.view_panel.histogram.setFocus()

    def _toggle(self, name: str) -> bool:
        """A panel on or off; the keyboard of one that goes falls to the images. Whether it is there now."""
        dock, focus = self._room.docks[name], QApplication.focusWidget()
        had_keys = focus is not None and dock.isAncestorOf(focus)
        dock.setVisible(not dock.isVisible())
        if had_keys and not dock.isVisible():
            self._room.windows.focus_active()
        return dock.isVisible()

    def _mask(self) -> None:
        room = self._room
        masked = not room.viewer.masked
        room.bench.change_settings(privacy_mode=masked)
        room.viewer.set_masked(masked)
        room.worklist.set_masked(masked)
        room.documents.model.set_masked(masked)
        room.wiring.show_title()
