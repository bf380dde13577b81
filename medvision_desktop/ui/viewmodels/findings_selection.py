"""Which row of the findings is selected, which attention map is on, and which sheet is asked for."""

from __future__ import annotations

from functools import partial

import numpy as np

from medvision_desktop.ui.viewmodels import words
from medvision_desktop.ui.viewmodels.findings_state import FindingsState
from medvision_desktop.work import CancelToken, ProgressSink


class FindingsSelection(FindingsState):
    """Selects, shows and asks; nothing here reaches the record."""

    def select(self, key: str) -> None:
        """Select a row by its key; an unknown key selects nothing."""
        if key != self._selected:
            self._selected = key
            self.selectionChanged.emit()

    def step(self, by: int, *, show_image: bool = False) -> None:
        """Move the selection; from the last row on to the first when `show_image` asks for a tour."""
        rows = self.rows
        if not rows:
            return
        keys = [row.key for row in rows]
        if self._selected not in keys:
            place = 0 if by > 0 else len(keys) - 1
        else:
            place = keys.index(self._selected) + by
            place = place % len(keys) if show_image else min(max(place, 0), len(keys) - 1)
        self.select(keys[place])
        if show_image:
            self.show_image()

    def show_image(self) -> None:
        """Ask the viewer for the image that the shown analysis saw, or that holds most of an outline."""
        analysis = self._recorded.analysis
        row = self.selected_row
        if row is not None and row.score is not None and row.score.volume_ml is not None:
            self._show_outline(row.score.label)
            return
        if analysis is not None and row is not None and row.score is not None:
            self.imageWanted.emit(analysis.series_uid, analysis.sop_instance_uid, analysis.frame_number)

    def _show_outline(self, label: str) -> None:
        layer, loaded = self._recorded.label_map, self._loaded
        if layer is None or loaded is None or len(loaded.stack.frames) != len(layer.values_kji):
            return
        numbers = [segment.number for segment in layer.segments if segment.label == label]
        selected = self._selected
        wanted = np.zeros(256, np.bool_)
        wanted[numbers or [one.number for one in layer.segments]] = True

        def fullest(_progress: ProgressSink, cancel: CancelToken) -> int | None:
            """The slice with most of the outline; every voxel is looked at, so it is for a lane."""
            most, found = 0, None
            for k, part in enumerate(layer.values_kji):
                cancel.check()
                count = int(np.count_nonzero(wanted.take(part)))
                most, found = (count, k) if count > most else (most, found)
            return found

        def show(k: int | None) -> None:
            # Who has gone on meanwhile is not taken back.
            if k is not None and self._loaded is loaded and self._selected == selected:
                frame = loaded.stack.frames[k]
                self.imageWanted.emit(loaded.series.uid, frame.sop_instance_uid, frame.frame_number)

        self._lanes.io.submit(fullest, done=show, key="fullest slice")

    def toggle_eye(self, key: str) -> None:
        """Attention map of a row, or of the first row with this label, on or off; one at a time."""
        row = next((row for row in self.rows if row.has_map and key in (row.key, row.label)), None)
        if row is not None and row.score is not None and row.score.volume_ml is not None:
            self._toggle_outline(row.score.label)
        elif row is not None:
            self._set_eye("" if self._eye == row.key else row.key)
            self.changed.emit()
            self._tell_when_faint()

    def _toggle_outline(self, label: str) -> None:
        study, loaded = self._study, self._loaded
        if study is None or loaded is None:
            return
        visible = label in self._hidden
        self._hidden = self._hidden - {label} if visible else self._hidden | {label}
        self.outlineWanted.emit(study.key, loaded.series.uid, label, visible)
        self.changed.emit()

    def hide_eye(self) -> None:
        """Take the attention map away."""
        self._set_eye("")
        self.changed.emit()

    def tune_attention(self, opacity: float, threshold: float) -> None:
        """Opacity and threshold of the attention map, both 0..1."""
        self._opacity, self._threshold = opacity, threshold
        self.attentionTuned.emit(opacity, threshold)

    def take_attention(self, opacity: float, threshold: float) -> None:
        """The map was tuned on its colour bar: show the same numbers here, and tell nobody again."""
        if (opacity, threshold) != (self._opacity, self._threshold):
            self._opacity, self._threshold = opacity, threshold
            self.attentionTaken.emit(opacity, threshold)

    def sort_by_name(self, by_name: bool) -> None:
        """Order of the rows inside a section: by name, or by probability."""
        self._by_name = by_name
        self.changed.emit()

    # Asking for sheets.

    def ask_override(self, key: str) -> None:
        """Open the override sheet for a row; a row without a finding leads to adding one."""
        row = next((row for row in self.rows if row.key == key), None)
        if row is None:
            return
        if row.finding is not None:
            self.overrideWanted.emit(row.finding)
        else:
            self.addWanted.emit(row.label)

    def ask_reject(self, key: str) -> None:
        """Open the reject sheet for a row that can be decided."""
        row = next((row for row in self.rows if row.key == key), None)
        if row is not None and row.can_decide:
            self.rejectWanted.emit(row.finding)

    def _set_eye(self, key: str) -> None:
        """Show the map of a row, or none; the viewer hears of it when there is something to change."""
        row = next((row for row in self.rows if row.key == key and row.has_map), None) if key else None
        if row is None or row.finding is None:
            if self._eye:
                self._eye = ""
                self.attentionWanted.emit(None, None)
            return
        self._eye = key
        heat = self._recorded.maps[(row.finding.analysis_seq or 0, row.finding.label)]
        self.attentionWanted.emit(heat.label, heat)

    def _tell_when_faint(self) -> None:
        """A map that lies wholly below the threshold draws nothing; the reader is told why."""
        row = next((row for row in self.rows if row.eye_on), None)
        if row is None or row.finding is None:
            return
        heat = self._recorded.maps[(row.finding.analysis_seq or 0, row.finding.label)]
        strongest = float(heat.grid.max())
        if 0 < strongest < self._threshold:
            self._notifier.toast(
                f"{words.map_name(heat.method)} nowhere above {self._threshold:.2f}",
                f"The strongest for {heat.label} is {strongest:.2f}.",
                "ai",
                "Lower the threshold",
                partial(self.tune_attention, self._opacity, strongest / 2),
            )
