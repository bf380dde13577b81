"""NIfTI files that are the sequences of one examination: several in one folder become one study.

A NIfTI file does not say whose it is, so files are joined only where a folder holds two or more that
name different sequences (T1, T1ce, T2, FLAIR), as collections such as BraTS lay them out. Every other
file stays a study of its own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from medvision_desktop.domain.study import SourceKind, StudyRef
from medvision_desktop.services.channels import said_of, sequence_of


def joined(studies: Iterable[StudyRef]) -> list[StudyRef]:
    """The studies, with those of one folder and different sequences made one, where the first was."""
    given = list(studies)
    folders: dict[Path, list[StudyRef]] = {}
    for study in given:
        folder = _folder(study)
        if folder is not None:
            folders.setdefault(folder, []).append(study)
    sets: dict[str, StudyRef] = {}
    members: set[str] = set()
    for folder, found in folders.items():
        named = [sequence_of(said_of(study.series[0])) for study in found]
        if len(found) < 2 or len(set(named)) != len(named):
            continue  # one file, or two of one sequence: nobody says that they belong together
        sets[found[0].key] = _one(folder, found)
        members |= {study.key for study in found}
    return [sets.get(study.key, study) for study in given if study.key in sets or study.key not in members]


def _folder(study: StudyRef) -> Path | None:
    """The folder of a NIfTI file that names a sequence; None for anything else."""
    if len(study.series) != 1 or study.series[0].kind is not SourceKind.NIFTI:
        return None
    if not sequence_of(said_of(study.series[0])):
        return None
    return study.series[0].instances[0].path.parent


def _one(folder: Path, studies: list[StudyRef]) -> StudyRef:
    keys = sorted(study.key for study in studies)
    digest = hashlib.sha256("\n".join(keys).encode()).hexdigest()[:32]
    order = ("T1", "T1ce", "T2", "FLAIR")
    series = sorted(
        (study.series[0] for study in studies), key=lambda one: order.index(sequence_of(said_of(one)))
    )
    numbered = tuple(
        replace(one, number=number, description=said_of(one)) for number, one in enumerate(series, start=1)
    )
    return replace(studies[0], key=f"nifti-{digest}", series=numbered, description=folder.name)
