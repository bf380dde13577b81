"""Documents beside the images of a study: listed under it, or as a study of their own without images."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from medvision_desktop.domain.study import RefusedFile, StudyRef
from medvision_desktop.io.dicom_document import ScannedDocument
from medvision_desktop.io.documents import matches, page, page_sizes, report, words

__all__ = ["attached", "matches", "page", "page_sizes", "report", "words"]


def attached(
    studies: Iterable[StudyRef], scanned: Sequence[ScannedDocument]
) -> tuple[tuple[StudyRef, ...], tuple[RefusedFile, ...]]:
    """Studies with their documents, studies that hold nothing else after them, and what is there twice."""
    given = list(studies)
    refused: list[RefusedFile] = []
    seen: set[tuple[str, str]] = set()
    for found in sorted(scanned, key=_place):
        if (found.study.key, found.document.uid) in seen:
            refused.append(
                RefusedFile(found.document.path, "A copy: another file is the same document by its UID.")
            )
            continue
        seen.add((found.study.key, found.document.uid))
        at = next((n for n, study in enumerate(given) if _belong(study, found.study)), None)
        if at is None:
            given.append(replace(found.study, documents=(found.document,)))
        else:
            given[at] = replace(given[at], documents=(*given[at].documents, found.document))
    return tuple(given), tuple(refused)


def _place(found: ScannedDocument) -> tuple[str, bool, int, str, str]:
    number = found.document.series_number
    return found.study.key, number is None, number or 0, found.document.date, found.document.uid


def _belong(study: StudyRef, other: StudyRef) -> bool:
    """The same study of the same patient: a document never lies under somebody else's images.

    One that names nobody belongs to whom its study belongs.
    """
    one, two = study.patient, other.patient
    same_key = study.key == other.key or bool(study.uid and study.uid == other.uid)
    nobody = not (two.id or two.name)
    return same_key and (
        nobody or (one.id, one.name if not one.id else "") == (two.id, two.name if not two.id else "")
    )
