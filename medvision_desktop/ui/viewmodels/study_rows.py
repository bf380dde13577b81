"""Rows of the worklist as pure values: what they say, how they are searched and in what order they come."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from medvision_desktop.domain.document import DocumentKind, DocumentRef
from medvision_desktop.domain.prior import Prior
from medvision_desktop.domain.study import SeriesRef, SourceKind, StudyRef
from medvision_desktop.ui.viewmodels.chips import RING, Chip
from medvision_desktop.ui.viewmodels.corner_lines import long_date

if TYPE_CHECKING:
    from medvision_desktop.services.ingest import StudySummary

SORTS: Final = (
    ("priority", "AI priority"),
    ("date", "Date, newest first"),
    ("name", "Patient name"),
    ("modality", "Modality"),
    ("added", "Order of opening"),
)
_NO_MODEL: Final = Chip("No model")
_NOT_RUN: Final = Chip("AI not run", "circle-dashed")
_ENDED: Final = {
    "abstained": Chip("AI abstained", "circle-slash"),
    "refused": Chip("AI refused", "ban", "warn"),
    "failed": Chip("AI failed", "circle-x", "bad"),
}


@dataclass(frozen=True)
class Running:
    """An analysis that runs now. `fraction` is 0..1, None when not known."""

    fraction: float | None = None


@dataclass(frozen=True)
class StudyRow:
    """One study of the worklist. `order` is the place in the order of opening, the smallest first.

    `alias` is set in privacy mode and stands for the patient. `rank` is the place by AI priority among
    studies with suggestions, 0 for the others. `has_model`: some installed model may be for its images.
    """

    study: StudyRef
    order: int
    summary: StudySummary | None = None
    running: Running | None = None
    alias: str = ""
    rank: int = 0
    has_model: bool = True

    @property
    def key(self) -> str:
        """The study's key."""
        return self.study.key

    @property
    def name(self) -> str:
        """Patient, or what stands for a patient without a name or whose name is masked."""
        return self.alias or patient_name(self.study)

    @property
    def date_text(self) -> str:
        """Study date as 26 Aug 2004, empty when the header gives none."""
        return long_date(self.study.date)

    @property
    def what(self) -> str:
        """Modality and description."""
        told = (
            self.study.description,
            *(series.description for series in self.study.series),
            *(document.title for document in self.study.documents if not self.study.series),
        )
        described = next((text for text in told if text and text != self.name), "")
        kind = " ".join(self.study.modalities) or self._kind_without_header
        return "  ·  ".join(part for part in (kind, described) if part)

    @property
    def _kind_without_header(self) -> str:
        kinds = {series.kind for series in self.study.series}
        if not kinds and self.study.documents:
            return " ".join(dict.fromkeys(document.kind.value for document in self.study.documents))
        if SourceKind.RASTER in kinds:
            return "Picture without header"
        return "NIfTI volume" if SourceKind.NIFTI in kinds else ""

    @property
    def unread(self) -> bool:
        """Nobody has decided or written anything yet."""
        return self.summary is None or not (self.summary.read or self.summary.signed_version)

    @property
    def chips(self) -> tuple[Chip, ...]:
        """AI state, then reading state; a sample that nobody has read says so instead."""
        reading = reading_chip(self.summary)
        if not self.study.series:  # nothing here that a network could look at
            return (reading,)
        if self.study.is_sample:
            extra = (Chip("Sample"),) if self.unread else (reading, Chip("Sample"))
            return (self.ai_chip, *extra)
        return (self.ai_chip, reading)

    @property
    def ai_chip(self) -> Chip:
        """What the networks have come to."""
        if self.running is not None:
            share = self.running.fraction
            text = "Running" if share is None else f"Running {share * 100:.0f} %"
            return Chip(text, RING, "accent", share)
        if not self.has_model and (self.summary is None or not self.summary.ai):
            return _NO_MODEL
        return ai_chip(self.summary)

    @property
    def spoken(self) -> str:
        """The whole row in one sentence, for screen readers."""
        chips = ", ".join(chip.text for chip in self.chips)
        parts = (self.name, self.what.replace("  ·  ", " "), self.date_text, chips)
        return ", ".join(part for part in parts if part)


def patient_name(study: StudyRef) -> str:
    """Name, else number, else the study's description, else that there is no name."""
    return study.patient.name or study.patient.id or study.description or "No name given"


def has_model(study: StudyRef, modalities: AbstractSet[str]) -> bool:
    """Whether images of a study are of these modalities, or do not say of which they are."""
    said = {series.modality for series in study.series if not series.is_layer}
    return not said or "" in said or not said.isdisjoint(modalities)


def ai_chip(summary: StudySummary | None) -> Chip:
    """The AI state of a study that is in the record, or not."""
    if summary is None or not summary.ai:
        return _NOT_RUN
    if summary.ai != "done":
        return _ENDED.get(summary.ai, _NOT_RUN)
    if summary.positives:
        word = "finding" if summary.positives == 1 else "findings"
        return Chip(f"{summary.positives} {word}", "sparkles", "ai")
    if summary.undecided:
        return Chip("Uncertain", "circle-help", "warn")
    return Chip("Negative", "sparkles", "ai")


def reading_chip(summary: StudySummary | None) -> Chip:
    """How far the reader is with a study."""
    if summary is None:
        return Chip("Unread")
    if summary.signed_version:
        return Chip("Signed", "lock", "ok")
    if summary.is_draft:
        return Chip("Draft", "pencil", "warn")
    return Chip("Read", "check", "ok") if summary.read else Chip("Unread")


def series_title(series: SeriesRef) -> str:
    """What a series is called: its description, else body part and view, else its modality."""
    if series.description:
        return series.description
    part = series.body_part.replace("_", " ").capitalize()
    named = " ".join(word for word in (part, series.view_position) if word)
    return named or series.modality or "Images"


def series_detail(series: SeriesRef) -> str:
    """Number and count of images: "Series 1 · 28 images"."""
    count = series.frame_count
    if series.is_layer:
        labels = f"{series.segments} label" + ("" if series.segments == 1 else "s")
        kind = f"Layer  ·  {labels}" if series.segments else "Layer  ·  Parametric map"
        return f"{series.modality or 'SEG'}  ·  {kind}"
    if series.kind is SourceKind.NIFTI:
        images = "1 volume" if count == 1 else f"{count} slices"
    else:
        images = "1 image" if count == 1 else f"{count} images"
    number = f"Series {series.number}" if series.number is not None else series.kind.value
    return f"{number}  ·  {images}"


def document_title(document: DocumentRef) -> str:
    """What a document is called: its title, else its kind."""
    return document.title or ("Report" if document.kind is DocumentKind.REPORT else "Document")


def document_detail(document: DocumentRef) -> str:
    """Kind and date: "SR · 1 Mar 2024"."""
    return "  ·  ".join(part for part in (document.kind.value, long_date(document.date)) if part)


def prior_title(prior: Prior) -> str:
    """What an earlier study is called: "Prior CT, chest with contrast"."""
    study = prior.study
    kind = " ".join(study.modalities)
    if study.description.startswith(kind):
        kind = ""
    return " ".join(part for part in ("Prior", kind, study.description) if part)


def prior_detail(prior: Prior) -> str:
    """When it was: "19 May 2002 · 2 y 3 mo before"."""
    return f"{long_date(prior.study.date)}  ·  {prior.interval} before"


def prior_sentence(prior: Prior) -> str:
    """How a report names an earlier study: "CT chest of 19 May 2002 (2 y 3 mo before)."."""
    what = prior_title(prior).removeprefix("Prior").strip() or "Study"
    return f"{what} of {long_date(prior.study.date)} ({prior.interval} before)."


def search_text(row: StudyRow) -> str:
    """Everything a study can be found by, folded for comparison: who, when, what, and its states."""
    study = row.study
    told = [study.patient.name, study.patient.id, study.date, row.date_text, study.accession]
    told += [row.what, row.alias, *(chip.text for chip in row.chips), *study.modalities]
    for series in study.series:
        told += [series.description, series.body_part]
    for document in study.documents:
        told += [document.kind.value, document.title]
    return " ".join(told).casefold()


def found(text: str, words: Sequence[str]) -> bool:
    """Whether every word is in a `search_text`."""
    return all(word.casefold() in text for word in words)


def arranged(rows: Iterable[StudyRow], sort: str) -> tuple[StudyRow, ...]:
    """Rows in an order of `SORTS`; ties keep the order of opening."""
    ordered = sorted(rows, key=lambda row: row.order)
    if sort == "date":
        ordered.sort(key=lambda row: (row.study.date, row.study.time), reverse=True)
    elif sort == "name":
        ordered.sort(key=lambda row: row.name.casefold())
    elif sort == "modality":
        ordered.sort(key=lambda row: (row.study.modalities, row.name.casefold()))
    elif sort == "priority":
        ordered.sort(key=_urgency)
    return tuple(ordered)


def _urgency(row: StudyRow) -> tuple[int, int, int]:
    summary = row.summary
    if summary is None:
        return (1, 0, 0)
    closed = 2 if summary.signed_version else 0 if summary.undecided else 1
    return (closed, -summary.undecided, -summary.positives)


def relaxed(texts: Sequence[str], words: Sequence[str]) -> tuple[str, int]:
    """The longest beginning of a search that still finds something, and how much; ("", 0) if none does."""
    for length in range(len(words) - 1, 0, -1):
        count = sum(found(text, words[:length]) for text in texts)
        if count:
            return " ".join(words[:length]), count
    return "", 0


def holds_more(row: StudyRow | None, study: StudyRef) -> bool:
    """Whether a study that was scanned has images or documents that the list does not have yet."""
    if row is None or row.study.is_sample is not study.is_sample:
        return True
    return not _contents(study) <= _contents(row.study)


def _contents(study: StudyRef) -> frozenset[str]:
    images = (one.sop_instance_uid for series in study.series for one in series.instances)
    return frozenset((*images, *(document.uid for document in study.documents)))


def merged(old: StudyRef, new: StudyRef) -> StudyRef:
    """One study of two scans: the newer header, the series and documents of both.

    A sample and the reader's own study are never joined: the newer one stands.
    """
    if old.is_sample is not new.is_sample:
        return new
    before = {series.uid: series for series in old.series}
    joined = [_joined(before.pop(series.uid, series), series) for series in new.series]
    every = sorted((*before.values(), *joined), key=lambda s: (s.is_layer, s.number is None, s.number or 0))
    documents = {one.uid: one for one in (*old.documents, *new.documents)}
    speaking = {one.uid: one for one in (*old.presentations, *new.presentations)}
    return replace(
        new,
        series=tuple(every),
        documents=tuple(documents.values()),
        presentations=tuple(speaking.values()),
    )


def _joined(old: SeriesRef, new: SeriesRef) -> SeriesRef:
    fresh = {instance.sop_instance_uid for instance in new.instances}
    kept = [instance for instance in old.instances if instance.sop_instance_uid not in fresh]
    if not kept:
        return new
    both = sorted(
        (*kept, *new.instances), key=lambda one: (one.instance_number is None, one.instance_number or 0)
    )
    return replace(new, instances=tuple(both))
