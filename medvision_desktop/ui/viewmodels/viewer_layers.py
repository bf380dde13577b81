"""Layers over the panes: the map of a finding, marks on the slice rails, all of them on or off."""

from __future__ import annotations

from dataclasses import replace

from medvision_desktop.domain.display import OverlayState
from medvision_desktop.domain.findings import HeatMap
from medvision_desktop.domain.measurement import Place
from medvision_desktop.services.ai_places import ImagePlace
from medvision_desktop.ui.viewmodels.layouts import ALL_PANES
from medvision_desktop.ui.viewmodels.pane_view import Attention
from medvision_desktop.ui.viewmodels.viewer_state import ViewerState


class ViewerLayers(ViewerState):
    """Sets what lies over the images; nothing of the images themselves."""

    def show_found(self, found: frozenset[ImagePlace]) -> None:
        """Mark images on the slice rails: those on which a model found something."""
        if found != self._found:
            self._found = found
            self._tell(range(ALL_PANES))

    def show_keys(self, keys: frozenset[Place]) -> None:
        """Mark images as key images: on their rails, and with a word in the corner."""
        if keys != self._keys:
            self._keys = keys
            self._tell(range(ALL_PANES))
            self.changed.emit()

    def show_attention(
        self, label: str | None, heat: HeatMap | None, *, series_uid: str = "", image_index: int = 0
    ) -> None:
        """Show the map of one finding over its image, or with None no map at all.

        Without `series_uid` it belongs to the active pane's series. Nothing else of the view moves.
        """
        uid = series_uid or (self.active_pane.series.uid if self.active_pane.series else "")
        if label is None or heat is None:
            self._attention = None
            self.set_overlay(replace(self._overlay, attention_label=None))
            return
        self._attention = Attention(label, heat, uid, image_index)
        self.set_overlay(replace(self._overlay, attention_label=label, visible=True))

    def toggle_attention(self) -> bool:
        """The map of the active pane's image on or off; False where no model has made one."""
        found = self.attention_of(self.active)
        if found is None:
            return False
        is_on = self._overlay.attention_label is not None and self._overlay.visible
        label = None if is_on else found.label
        self.set_overlay(replace(self._overlay, attention_label=label, visible=True))
        return True

    def set_overlay(self, overlay: OverlayState) -> None:
        """Layers on or off, and the map's opacity and threshold."""
        self._overlay = overlay
        self._tell(range(ALL_PANES))
        self.changed.emit()
        self.attentionChanged.emit()
