"""Hanging: by which protocol the study on screen hangs, which of its stages, and which priors it has.

The reader's own arrangement wins: a protocol lays out the window when a study is opened that is not on
screen, unless the reader has arranged panes or picked a layout for this kind of series before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from PySide6.QtCore import QObject, Signal

from medvision_desktop.domain.hanging import HangingRule
from medvision_desktop.domain.image import LoadedSeries
from medvision_desktop.domain.prior import Prior, priors_of
from medvision_desktop.domain.study import SeriesRef, StudyRef
from medvision_desktop.services import hanging_table
from medvision_desktop.services.hanging import HungPane, HungStage, beside, stages_for
from medvision_desktop.ui.notify import Notifier
from medvision_desktop.ui.viewmodels import hung, links, viewer_actions
from medvision_desktop.ui.viewmodels.pane_state import PaneStatus
from medvision_desktop.ui.viewmodels.viewer import ViewerModel

_NOT_LINKED: Final = "They share no frame of reference. Bring both to the same place, then link."


class HangingModel(QObject):
    """`changed`: other stages, or another of them. `studies` gives every study of the worklist."""

    changed = Signal()

    def __init__(
        self, viewer: ViewerModel, studies: Callable[[], Iterable[StudyRef]], notifier: Notifier
    ) -> None:
        super().__init__()
        self._viewer, self._studies, self._notifier = viewer, studies, notifier
        self.rules: tuple[HangingRule, ...] = hanging_table.shipped()
        self._stages: tuple[HungStage, ...] = ()
        self._at = 0
        self._study = ""
        self._waiting: dict[int, HungPane] = {}
        self._told: set[frozenset[str]] = set()
        viewer.loaded.connect(self._on_loaded)

    @property
    def stages(self) -> tuple[HungStage, ...]:
        """The stages of the study that was hung last."""
        return self._stages

    @property
    def stage(self) -> HungStage | None:
        """The stage on screen; None where the reader arranged the panes."""
        return self._stages[self._at] if self._stages else None

    @property
    def words(self) -> tuple[str, str]:
        """The stage on screen: "Mediastinum and lung", "CT of the chest, stage 2 of 3"."""
        stage = self.stage
        if stage is None:
            return "", ""
        return stage.name, f"{stage.rule}, stage {self._at + 1} of {len(self._stages)}"

    def priors(self, study: StudyRef) -> tuple[Prior, ...]:
        """Earlier studies of the same patient in the worklist, the newest first."""
        return priors_of(study, self._studies())

    def open(self, study: StudyRef, series: SeriesRef) -> None:
        """Show a series: by protocol where its study is new on screen, else where the reader is."""
        pane = self._viewer.active_pane
        here = pane.study is not None and pane.study.key == study.key
        if (here and pane.status is not PaneStatus.EMPTY) or not self._viewer.may_hang(study, series):
            self._viewer.open(study, series)
            return
        self._take(study, series)
        if self._stages:
            self._put(0)
        else:
            self._viewer.open(study, series)

    def step(self, by: int) -> bool:
        """The next stage of the study in the active pane, or the one before; False where there is none."""
        pane = self._viewer.active_pane
        if pane.study is None or pane.series is None:
            return False
        on_screen = {state.study.key for state in self._viewer.panes if state.study is not None}
        if self._study in on_screen and self._stages:
            if len(self._stages) < 2:
                return False
            self._put((self._at + by) % len(self._stages))
            return True
        self._take(pane.study, pane.series)
        if self._stages:
            self._put(0)
        return bool(self._stages)

    def go_to(self, number: int) -> None:
        """One of the stages of the study that was hung last."""
        if 0 <= number < len(self._stages):
            self._put(number)

    def hang_beside(self, study: StudyRef, prior: StudyRef) -> None:
        """A prior beside its study: in a free pane of the reader's arrangement, else in two panes."""
        viewer = self._viewer
        shown = (viewer.active_pane, *(viewer.panes[number] for number in viewer.visible))
        of_study = (pane.series for pane in shown if pane.study is not None and pane.study.key == study.key)
        series = next((one for one in of_study if one is not None), next(iter(study.series), None))
        stage = beside(study, series, prior) if series is not None else None
        if series is None or stage is None:
            self._notifier.toast("Nothing to compare with", "That study holds no images.", "info")
            return
        here = viewer.active_pane.study is not None and viewer.active_pane.study.key == study.key
        free = viewer.free_pane() if viewer.is_arranged and here else None
        wish = stage.panes[1]
        if free is not None and wish is not None:
            viewer.open(prior, wish.series, pane=free)
            return
        stages = stages_for(self.rules, study, series, self.priors(study))
        # The prior that was asked for comes first, then the stages of the protocol.
        self._stages = (stage, *(other for other in stages if other.panes != stage.panes))
        self._study = study.key
        self._put(0)

    def _take(self, study: StudyRef, series: SeriesRef) -> None:
        self._stages = stages_for(self.rules, study, series, self.priors(study))
        self._at, self._study = 0, study.key
        self.changed.emit()

    def _put(self, at: int) -> None:
        self._at = at
        stage = self._stages[at]
        self._waiting = hung.wished(stage)
        self._viewer.hang(stage)
        for number in list(self._waiting):
            if self._viewer.panes[number].status is PaneStatus.SHOWN:
                self._dress(number)
        self.changed.emit()

    def _on_loaded(self, pane: int, _loaded: LoadedSeries) -> None:
        self._dress(pane)
        self._tell_unlinked()

    def _dress(self, pane: int) -> None:
        """The plane and the window that a stage asks for, once the pixels are here."""
        wish, state = self._waiting.pop(pane, None), self._viewer.panes[pane]
        if wish is None or state.series is None or state.series.uid != wish.series.uid:
            return
        if wish.plane is not None:
            self._viewer.put_in_plane(pane, wish)
        if wish.preset:
            viewer_actions.apply_named_preset(self._viewer, pane, wish.preset)

    def _tell_unlinked(self) -> None:
        """Say once of two series of one patient that they do not scroll together by themselves."""
        panes = [self._viewer.panes[number] for number in self._viewer.visible]
        stacks = [pane for pane in panes if pane.shown is not None and pane.shown.count > 1]
        for at, one in enumerate(stacks):
            for other in stacks[at + 1 :]:
                if one.series is None or other.series is None or one.study == other.study:
                    continue
                pair = frozenset((one.series.uid, other.series.uid))
                if pair in self._told or links.same_space(one, other) or not links.one_person(one, other):
                    continue
                self._told.add(pair)
                self._notifier.toast(
                    "Scrolling is not linked", _NOT_LINKED, "info", "Link from here", self._link
                )

    def _link(self) -> None:
        self._viewer.lay_beside()
