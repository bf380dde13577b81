"""Which hanging rule a study is read by, and what its stages put where.

Pure: a rule table, a study and its priors in, stages out. A stage whose panes find no series is left out.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from medvision_desktop.domain.geometry import Plane
from medvision_desktop.domain.hanging import CURRENT, HangingRule, PaneRule, StageRule
from medvision_desktop.domain.prior import Prior
from medvision_desktop.domain.study import SeriesRef, SourceKind, StudyRef

_FILMS: Final = frozenset({"CR", "DX", "RG", "MG", "RF", "PX", "IO"})
_ACQUIRED: Final = {
    Plane.AXIAL: ("ax", "axial", "tra", "trans", "transverse", "transversal"),
    Plane.CORONAL: ("cor", "coronal"),
    Plane.SAGITTAL: ("sag", "sagittal"),
}
_SCOUT: Final = ("scout", "localizer", "localiser", "topogram", "surview", "survey")
_SAME_PART: Final = {"thorax": "chest", "lung": "chest", "brain": "head", "skull": "head"}
# Modalities that show the same: a digital and a computed radiograph may be compared.
_ALIKE: Final = ({"CR", "DX", "RG"}, {"PT", "NM"})


@dataclass(frozen=True)
class HungPane:
    """A series for one pane. `companion`: the same film again, to carry its layers."""

    study: StudyRef
    series: SeriesRef
    plane: Plane | None = None
    preset: str = ""
    companion: bool = False


@dataclass(frozen=True)
class HungStage:
    """One stage as it is hung: None stands for a pane that stays empty."""

    rule: str
    name: str
    layout: str
    panes: tuple[HungPane | None, ...]

    @property
    def active(self) -> int:
        """The pane that keys and menus act on: the first that shows something."""
        return next((number for number, pane in enumerate(self.panes) if pane is not None), 0)


def kind_of(series: SeriesRef) -> str:
    """One of `domain.hanging.KINDS`."""
    if series.kind is SourceKind.NIFTI:
        return "volume"
    if series.frame_count > 1:
        return "stack"
    return "film" if series.modality in _FILMS else "image"


def comparable(study: StudyRef, priors: Sequence[Prior]) -> tuple[Prior, ...]:
    """The priors that show the same: a common modality, and no other part of the body."""
    here = _alike(study)
    return tuple(
        prior
        for prior in priors
        if here & _alike(prior.study) and not _other_part(_parts(study), _parts(prior.study))
    )


def stages_for(
    rules: Sequence[HangingRule], study: StudyRef, series: SeriesRef, priors: Sequence[Prior] = ()
) -> tuple[HungStage, ...]:
    """The stages of the first rule that is for this study and finds its series; () for none.

    `series` is the one that the reader picked. It goes to the first pane whose wishes it meets.
    """
    prior = next(iter(comparable(study, priors)), None)
    for rule in rules:
        if not _is_for(rule, study, series, has_prior=prior is not None):
            continue
        stages = tuple(
            hung for stage in rule.stages if (hung := _hung(rule, stage, study, series, prior)) is not None
        )
        if stages:
            return stages
    return ()


def _is_for(rule: HangingRule, study: StudyRef, series: SeriesRef, *, has_prior: bool) -> bool:
    described = f"{series.body_part} {series.description} {study.description}"
    return (
        (not rule.kind or kind_of(series) in rule.kind)
        and (not rule.modality or series.modality in rule.modality)
        and (not rule.body_part or _has_word(described, rule.body_part))
        and (not rule.view or _same(series.view_position, rule.view))
        and (not rule.laterality or _same(series.laterality, (rule.laterality,)))
        and (not rule.series or _has_word(series.description, rule.series))
        and (rule.prior is None or rule.prior is has_prior)
    )


def _hung(
    rule: HangingRule, stage: StageRule, study: StudyRef, picked: SeriesRef, prior: Prior | None
) -> HungStage | None:
    used: list[tuple[str, str]] = []
    panes: list[HungPane | None] = []
    for wish in stage.panes:
        of = study if wish.study == CURRENT else prior.study if prior is not None else None
        found = None if of is None else _found(wish, of, picked, used)
        if of is None or found is None:
            if not wish.optional:
                return None
            panes.append(None)
            continue
        again = (of.key, found.uid) in used
        used.append((of.key, found.uid))
        # A single image again beside itself carries the layers; the first stays plain.
        panes.append(HungPane(of, found, wish.plane, wish.preset, again and found.frame_count == 1))
    shown = sum(pane is not None for pane in panes)
    enough = shown == len(panes) or shown >= 2
    return HungStage(rule.name, stage.name, stage.layout, tuple(panes)) if shown and enough else None


def _found(
    wish: PaneRule, study: StudyRef, picked: SeriesRef, used: Sequence[tuple[str, str]]
) -> SeriesRef | None:
    """The series that a pane asks for: the one that was picked, then one that hangs nowhere yet."""
    shown = (series for series in study.series if series.instances and not series.is_layer)
    fitting = [series for series in shown if _fits(wish, series)]
    if not fitting:
        return None

    def rank(series: SeriesRef) -> tuple[bool, bool, bool, bool]:
        taken = (study.key, series.uid) in used
        scout = _has_word(series.description, _SCOUT)
        # The reader's choice and the prior like it: the same view, else the same description.
        return (
            taken,
            series.uid != picked.uid,
            scout or kind_of(series) != kind_of(picked),
            not _alike_series(series, picked),
        )

    return min(fitting, key=rank)


def _fits(wish: PaneRule, series: SeriesRef) -> bool:
    words = series.description
    return (
        (not wish.modality or series.modality in wish.modality)
        and (not wish.series or _has_word(words, wish.series))
        and not (wish.without and _has_word(words, wish.without))
        and (not wish.view or _same(series.view_position, wish.view))
        and (not wish.laterality or _same(series.laterality, (wish.laterality,)))
        and (wish.acquired is None or _has_whole_word(words, _ACQUIRED[wish.acquired]))
    )


def _alike_series(one: SeriesRef, other: SeriesRef) -> bool:
    if one.view_position or other.view_position:
        return _same(one.view_position, (other.view_position,)) and one.laterality == other.laterality
    return one.description.casefold() == other.description.casefold()


def _same(text: str, wanted: Sequence[str]) -> bool:
    return text.strip().casefold() in {one.strip().casefold() for one in wanted}


def _has_word(text: str, words: Sequence[str]) -> bool:
    """Whether a word of the text begins with one of `words`: "lung" is found in "Lungs 1.0"."""
    folded = text.casefold()
    return any(re.search(rf"(?<![^\W_]){re.escape(word.casefold())}", folded) for word in words if word)


def _has_whole_word(text: str, words: Sequence[str]) -> bool:
    return bool(set(re.split(r"[\W_\d]+", text.casefold())) & set(words))


def _alike(study: StudyRef) -> frozenset[str]:
    found = set(study.modalities)
    for group in _ALIKE:
        if found & group:
            found |= group
    # Neither says what the patient was examined by.
    return frozenset(found - {"SR", "PR", "KO", "SEG", "OT", "DOC"})


def _parts(study: StudyRef) -> frozenset[str]:
    told = {series.body_part.strip().casefold() for series in study.series}
    return frozenset(_SAME_PART.get(part, part) for part in told if part)


def _other_part(one: frozenset[str], other: frozenset[str]) -> bool:
    if not one or not other:
        return False
    return not any(a in b or b in a for a in one for b in other)


def beside(study: StudyRef, series: SeriesRef, prior: StudyRef) -> HungStage | None:
    """A series beside the one of an earlier study that is most like it; None where that has no images."""
    found = _found(PaneRule(), prior, series, ())
    if found is None:
        return None
    panes = (HungPane(study, series), HungPane(prior, found))
    return HungStage("Prior", "Beside the prior", "1x2", panes)
