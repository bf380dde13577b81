"""What a reader draws on the images, and taking back what was drawn or how it was looked at."""

from __future__ import annotations

from collections.abc import Mapping

from medvision_desktop.domain.measurement import Measurement
from medvision_desktop.ui.viewmodels import arrangement, history
from medvision_desktop.ui.viewmodels.history import Looks, MarkStep, MaskStep, PlanesStep, Step, ViewStep
from medvision_desktop.ui.viewmodels.pane_state import PaneState
from medvision_desktop.ui.viewmodels.plane_pose import PlanePose, pose_of
from medvision_desktop.ui.viewmodels.viewer_state import ViewerState


class ViewerEdits(ViewerState):
    """Keeps measurements and the steps that can be undone."""

    def keep_mark(self, measurement: Measurement) -> None:
        """Keep a new or a changed measurement, and give it to the keys."""
        before = next((one for one in self.marks.on(measurement.place) if one.id == measurement.id), None)
        if before == measurement:
            self.marks.hold(None)
            return
        self._history.add(MarkStep(before, measurement))
        self.marks.put(measurement)
        point = self.marks.selected[1] if self.marks.selected[0] == measurement.id else 0
        self.marks.select(measurement.id, point)

    def remove_mark(self, measurement: Measurement) -> None:
        """Take a measurement away."""
        self._history.add(MarkStep(measurement, None))
        self.marks.take(measurement)

    def looked(self, before: Looks, run: str = "") -> None:
        """The reader has changed how panes are looked at: it can be undone. `run` joins like with like."""
        self._history.add(ViewStep(before, self.looks, run))

    def put_panes(self, fresh: Mapping[int, PaneState]) -> None:
        """Show other states on panes: turned planes, or an image that was worked out elsewhere."""
        self._set(arrangement.with_panes(self._now, fresh))

    def turned(self, before: Mapping[int, PaneState]) -> None:
        """The reader has turned planes, which showed `before`: it can be undone."""
        after = {number: self.panes[number] for number in before}
        self._history.add(PlanesStep(_poses(before), _poses(after)))

    def undo(self) -> bool:
        """Take back the last change of a view or a drawing; False where there is none."""
        if self.masks.take_back():
            return True
        step = self._history.undo()
        return step is not None and self._go(step, forward=False)

    def redo(self) -> bool:
        """Do again what was taken back; False where there is nothing."""
        step = self._history.redo()
        return step is not None and self._go(step, forward=True)

    def _go(self, step: Step, *, forward: bool) -> bool:
        if isinstance(step, ViewStep):
            fresh = history.looked_at(self.panes, step.after if forward else step.before)
            self._set(arrangement.with_panes(self._now, fresh))
            return True
        if isinstance(step, MaskStep):
            return self.masks.patch(step.uid, step.after if forward else step.before)
        if isinstance(step, PlanesStep):
            self.put_panes(history.planes_again(self.panes, step.after if forward else step.before))
            return True
        before, after = (step.before, step.after) if forward else (step.after, step.before)
        if after is not None:
            self.marks.put(after)
        elif before is not None:
            self.marks.take(before)
        return True


def _poses(panes: Mapping[int, PaneState]) -> dict[int, PlanePose]:
    """The poses of those panes that show planes."""
    found = {number: pose_of(pane) for number, pane in panes.items()}
    return {number: pose for number, pose in found.items() if pose is not None}
