"""What panes have to do with each other: who carries the layers, whose band, which image."""

from __future__ import annotations

from medvision_desktop.domain.measurement import Place
from medvision_desktop.ui.viewmodels.arrangement import Arrangement
from medvision_desktop.ui.viewmodels.pane_state import PaneState, PaneStatus


def layer_pane(now: Arrangement, pane: int) -> bool:
    """Whether a pane carries its series' layers: the last one that shows it, so the first stays plain."""
    here = now.panes[pane]
    if here.shown is None or here.plane is not None:
        return False
    same = [
        number
        for number in now.cells
        if now.panes[number].shown is not None
        and now.panes[number].plane is None
        and now.panes[number].series_key == here.series_key
    ]
    return bool(same) and same[-1] == pane


def band(now: Arrangement, pane: int) -> int:
    """1 or 2 where panes on screen show two patients, in order of appearance; else 0."""
    patients: list[tuple[str, str]] = []
    for number in now.visible:
        who = _patient(now.panes[number])
        if who is not None and who not in patients:
            patients.append(who)
    who = _patient(now.panes[pane])
    if len(patients) < 2 or who is None:
        return 0
    return 1 if who == patients[0] else 2


def place_of(pane: PaneState) -> Place | None:
    """What measurements on a pane belong to."""
    shown = pane.shown
    if shown is None or pane.series_key is None:
        return None
    study, series = pane.series_key
    if pane.plane is not None:
        return Place(study, series, plane=pane.plane.value, index=shown.index)
    return Place(study, series, shown.frame.sop_instance_uid, shown.frame.frame_number)


def _patient(pane: PaneState) -> tuple[str, str] | None:
    if pane.study is None or pane.status is PaneStatus.EMPTY:
        return None
    patient = pane.study.patient
    return (patient.name, patient.id)
