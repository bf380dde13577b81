"""What other files of a study say of its images: presentation states, and images that somebody marked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from medvision_desktop.domain.image import Frame
from medvision_desktop.domain.presentation import PresentationState
from medvision_desktop.domain.study import PresentationRef, RefusedFile, StudyRef
from medvision_desktop.errors import InputRefused
from medvision_desktop.io import dicom_presentation

KEY_BADGE: Final = "Key image"


def attached(
    studies: Iterable[StudyRef], references: Sequence[PresentationRef]
) -> tuple[tuple[StudyRef, ...], tuple[RefusedFile, ...]]:
    """Each reference with its study, and those whose study is not here."""
    given = tuple(studies)
    known = {study.uid for study in given if study.uid}
    found = []
    for study in given:
        own = tuple(one for one in references if one.study_uid and one.study_uid == study.uid)
        found.append(replace(study, presentations=own) if own else study)
    alone = [
        RefusedFile(
            one.path,
            "It marks images that are not here."
            if one.is_key_objects
            else "It says how images are shown that are not here.",
        )
        for one in references
        if one.study_uid not in known
    ]
    return tuple(found), tuple(alone)


def states_of(study: StudyRef, frames: Sequence[Frame]) -> tuple[PresentationState, ...]:
    """Presentation states that name any of the frames, the newest first; unreadable ones are left out."""
    found: list[PresentationState] = []
    for reference in study.presentations:
        if reference.is_key_objects:
            continue
        try:
            state = dicom_presentation.read_state(reference.path)
        except InputRefused:
            continue
        if any(state.names(frame) for frame in frames):
            found.append(state)
    return tuple(sorted(found, key=lambda state: (state.created, state.uid), reverse=True))


def with_key_marks(study: StudyRef, frames: tuple[Frame, ...]) -> tuple[Frame, ...]:
    """The frames, those that a key object selection names with a badge; the same where none does."""
    badges: dict[int, str] = {}
    for reference in study.presentations:
        if not reference.is_key_objects:
            continue
        try:
            selection = dicom_presentation.read_key_objects(reference.path)
        except InputRefused:
            continue
        words = f"{KEY_BADGE}: {selection.title}" if selection.title else KEY_BADGE
        for number, frame in enumerate(frames):
            if any(image.names(frame) for image in selection.images):
                badges.setdefault(number, words)
    if not badges:
        return frames
    return tuple(
        replace(frame, badges=(*frame.badges, badges[number])) if number in badges else frame
        for number, frame in enumerate(frames)
    )
