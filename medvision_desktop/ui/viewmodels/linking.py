"""What panes have to do with each other: who carries the layers, whose band, which image."""

from __future__ import annotations

from dataclasses import replace

from medvision_desktop.domain.measurement import Place
from medvision_desktop.domain.prior import interval_before, same_patient
from medvision_desktop.domain.study import Patient, StudyRef
from medvision_desktop.pixels.oblique import ObliqueStack
from medvision_desktop.ui.viewmodels.arrangement import Arrangement
from medvision_desktop.ui.viewmodels.corner_lines import long_date
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
    found = _people(now)
    who = _patient(now.panes[pane])
    if len(found) < 2 or who is None:
        return 0
    return 1 if _is_same(who, found[0]) else 2


def people(now: Arrangement) -> int:
    """How many patients are on screen."""
    return len(_people(now))


def prior_words(now: Arrangement, pane: int) -> str:
    """That a pane shows an earlier study than another pane of the same patient, and by how much."""
    here = now.panes[pane].study
    if here is None:
        return ""
    intervals = [
        interval_before(here, other)
        for number in now.visible
        if (other := now.panes[number].study) is not None
        and other.key != here.key
        and same_patient(here.patient, other.patient)
        and interval_before(here, other)
        and all(not interval_before(other, newer) for newer in _studies(now, other))
    ]
    return f"Prior {long_date(here.date)}, {intervals[0]} before" if intervals else ""


def place_of(pane: PaneState) -> Place | None:
    """What measurements on a pane belong to."""
    shown = pane.shown
    if shown is None or pane.series_key is None:
        return None
    study, series = pane.series_key
    if pane.plane is not None:
        is_oblique = isinstance(shown.planes, ObliqueStack)
        return Place(
            study,
            series,
            plane=pane.plane.value,
            index=shown.index,
            slab=shown.frame.corner.get("slab", ""),
            cut=shown.frame.geometry if is_oblique else None,
            phase=shown.loaded.phase or 0,
        )
    return Place(study, series, shown.frame.sop_instance_uid, shown.frame.frame_number)


def image_of(pane: PaneState) -> Place | None:
    """The image on a pane, through whichever slab it is seen; an oblique plane is none that stays."""
    place = place_of(pane)
    return None if place is None or place.cut is not None else replace(place, slab="")


def _studies(now: Arrangement, of: StudyRef) -> list[StudyRef]:
    """Other studies on screen of the same patient."""
    shown = (now.panes[number].study for number in now.visible)
    return [
        one
        for one in shown
        if one is not None and one.key != of.key and same_patient(one.patient, of.patient)
    ]


def _people(now: Arrangement) -> list[Patient]:
    found: list[Patient] = []
    for number in now.visible:
        who = _patient(now.panes[number])
        if who is not None and not any(_is_same(who, other) for other in found):
            found.append(who)
    return found


def _is_same(one: Patient, other: Patient) -> bool:
    return (one.name, one.id) == (other.name, other.id) or same_patient(one, other)


def _patient(pane: PaneState) -> Patient | None:
    if pane.study is None or pane.status is PaneStatus.EMPTY:
        return None
    return pane.study.patient
