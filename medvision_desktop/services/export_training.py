"""What readers decided, as a de-identified set to train on: their images, the model's scores, the answers.

The record knows which images a model saw and what was decided, and not where their files are; the reader
names these. An image leaves only as gray pixels under a pseudonym, and only where its header gives no
reason to expect letters in the pixels.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from medvision_desktop.audit import schema
from medvision_desktop.audit.schema import EventKind
from medvision_desktop.audit.store import Store
from medvision_desktop.domain.findings import AnalysisState, Finding, ReviewState
from medvision_desktop.domain.image import Frame
from medvision_desktop.domain.study import InstanceRef, SeriesRef, SourceKind, StudyRef
from medvision_desktop.errors import InputRefused, MedVisionError
from medvision_desktop.exports import training_set
from medvision_desktop.exports.training_set import Answer, Case, Written
from medvision_desktop.modelkit.preprocess import display_gray
from medvision_desktop.pixels.digest import pixel_digest
from medvision_desktop.services import review
from medvision_desktop.services.ingest import study_pseudonym
from medvision_desktop.services.recorded import RecordedAnalysis, analyses
from medvision_desktop.work import CancelToken, Progress, ProgressSink, no_progress

if TYPE_CHECKING:
    from medvision_desktop.services.workbench import Workbench

# Modalities whose pictures carry a name as a rule: screens, captures, ultrasound.
_LETTERED: Final = frozenset({"US", "IVUS", "SC", "OT", "ES", "XC", "GM", ""})
_NOT_HERE: Final = "The file of an analysed image is not among those named."
_LETTERS: Final = "Letters may stand in the pixels."
_OTHER_PIXELS: Final = "The pixels are not those that were analysed."
_UNREADABLE: Final = "The image cannot be read."
_NOTHING: Final = "The model gave no answer."


@dataclass(frozen=True)
class TrainingExport:
    """What was written, and how many analysed images were left out, by reason."""

    written: Written
    left_out: tuple[tuple[str, int], ...]


def export_training(
    bench: Workbench,
    paths: Sequence[Path],
    out: Path,
    *,
    scratch: Path,
    unmarked: bool = False,
    progress: ProgressSink = no_progress,
    cancel: CancelToken | None = None,
) -> TrainingExport:
    """Write a set into `out` from the record and the files at `paths`.

    `unmarked`: take images that may hold letters, too; somebody has looked at them. Raises `ExportFailed`,
    `InputRefused` where nothing can be exported, `StoreUnavailable`, `Cancelled`.
    """
    from medvision_desktop.services.open_study import index

    scan = index(paths, scratch=scratch, progress=progress, cancel=cancel)
    left_out: dict[str, int] = {}
    known = _labels(bench.store)

    def cases() -> Iterator[Case]:
        for position, study in enumerate(scan.studies):
            progress(Progress(position, len(scan.studies), "Exporting"))
            for run, answers in _answered(bench.store, study, known):
                if cancel is not None:
                    cancel.check()
                found = _case(bench, study, run, answers, unmarked=unmarked)
                if isinstance(found, str):
                    left_out[found] = left_out.get(found, 0) + 1
                else:
                    yield found

    first = next(made := cases(), None)
    if first is None:
        why = (
            " ".join(f"{reason} ({n})" for reason, n in left_out.items())
            or "The record has no run on them."
        )
        raise InputRefused("There is nothing to export.", why, "Analyse images, decide, and export then.")
    written = training_set.write(out, _again(first, made))
    _record(bench, out, written)
    return TrainingExport(written, tuple(sorted(left_out.items())))


def _again(first: Case, others: Iterator[Case]) -> Iterator[Case]:
    yield first
    yield from others


def _record(bench: Workbench, out: Path, written: Written) -> None:
    """Images left the house: the ledger says how many, and the digest of the table that names them."""
    digest = hashlib.sha256((out / training_set.TABLE).read_bytes()).hexdigest()
    with bench.store.writing() as tx:
        actor = tx.reader(bench.settings.reader)
        payload = {"what": "training set", **vars(written), "table_sha256": digest}
        tx.append(EventKind.EXPORT_WRITTEN, actor=actor, subject=actor, payload=payload)


def _labels(store: Store) -> frozenset[str]:
    """Every label that a model ever gave: names that somebody typed may name a person, too."""
    with store.reading() as tx:
        rows = tx.connection.execute(sa.select(schema.finding.c.label).distinct()).scalars()
        return frozenset(str(label) for label in rows if label)


def _answered(
    store: Store, study: StudyRef, known: Collection[str]
) -> Iterator[tuple[RecordedAnalysis, tuple[Answer, ...]]]:
    """The newest run of each model on each image with what was decided on its labels."""
    findings = review.findings(store, study.key)
    signed = _signed(store, study.key)
    newest: dict[tuple[str, str, int], RecordedAnalysis] = {}
    for run in analyses(store, study.key):
        if run.state is AnalysisState.DONE:
            newest.setdefault((run.model.name, run.sop_instance_uid, run.frame_number), run)
    images = {key[1:] for key in newest}
    # What a reader added belongs to the study; to an image only where there is no other.
    added = [f for f in findings if f.analysis_seq is None] if len(images) == 1 else []
    for run in newest.values():
        own = [finding for finding in findings if finding.analysis_seq == run.seq and finding.score]
        answers = {finding.label: _answer(finding, signed=signed) for finding in own}
        for finding in (*own, *added):
            answers |= _named_instead(finding, answers, known)
        yield run, tuple(answers[label] for label in sorted(answers))


def _answer(finding: Finding, *, signed: bool) -> Answer:
    score, decision = finding.score, finding.decision
    if score is None:
        raise ValueError("a finding without a score is no suggestion")
    word, answer = training_set.answered(
        decision.state, positive=score.positive, uncertain=score.uncertain, signed=signed
    )
    if decision.state is ReviewState.OVERRIDDEN and decision.label in ("", finding.label):
        answer = True  # described otherwise, and there
    return Answer(
        finding.label, word, answer, score.probability, score.threshold, score.positive, score.uncertain
    )


def _named_instead(
    finding: Finding, answers: dict[str, Answer], known: Collection[str]
) -> dict[str, Answer]:
    """The label that a reader sees instead or besides, where a model has that label."""
    state, label = finding.decision.state, finding.decision.label
    if state not in (ReviewState.OVERRIDDEN, ReviewState.ADDED) or label not in known:
        return {}
    before = answers.get(label)
    if before is None:
        return {label: Answer(label, state.value, answer=True)}
    return {label: replace(before, decision=state.value, answer=True)} if before.answer is not True else {}


def _case(
    bench: Workbench, study: StudyRef, run: RecordedAnalysis, answers: tuple[Answer, ...], *, unmarked: bool
) -> Case | str:
    """The case of a run, or why there is none."""
    if not answers:
        return _NOTHING
    found = _file_of(study, run)
    if found is None:
        return _NOT_HERE
    series, instance = found
    if not unmarked and _may_hold_letters(series, instance):
        return _LETTERS
    frame = _frame(bench, study, series, instance, run.frame_number)
    if frame is None:
        return _UNREADABLE
    if run.manifest is None or not _same_pixels(frame, run):
        return _OTHER_PIXELS
    return Case(
        gray=display_gray(frame),
        person=_person(bench.store, study.key),
        modality=series.modality,
        view=series.view_position,
        model=run.model.name,
        version=run.model.version,
        weights_sha256=run.model.weights_sha256,
        answers=answers,
    )


def _file_of(study: StudyRef, run: RecordedAnalysis) -> tuple[SeriesRef, InstanceRef] | None:
    for series in study.series:
        for instance in series.instances:
            if instance.sop_instance_uid == run.sop_instance_uid:
                return series, instance
    return None


def _may_hold_letters(series: SeriesRef, instance: InstanceRef) -> bool:
    """As the header says (Burned In Annotation, PS3.3 C.7.6.1.1.9); where it is silent, by the modality."""
    from medvision_desktop.io.dicom_header import read_header
    from medvision_desktop.io.dicom_values import text

    if series.kind is not SourceKind.DICOM:
        return True
    said = text(read_header(instance.path).dataset, "BurnedInAnnotation").upper()
    if said in ("YES", "NO"):
        return said == "YES"
    return series.modality in _LETTERED


def _frame(
    bench: Workbench, study: StudyRef, series: SeriesRef, instance: InstanceRef, number: int
) -> Frame | None:
    from medvision_desktop.services.open_study import open_series

    try:
        loaded = open_series(study, replace(series, instances=(instance,)), decoder=bench.decoder)
        return loaded.stack.frames[number - 1]
    except (MedVisionError, IndexError):
        return None


def _same_pixels(frame: Frame, run: RecordedAnalysis) -> bool:
    given = run.manifest.inputs[0].pixel_sha256 if run.manifest and run.manifest.inputs else ""
    return pixel_digest(frame.stored) == given


def _person(store: Store, study_key: str) -> str:
    """The record's pseudonym of the person, hashed once more, so that it leads nowhere by itself."""
    with store.reading() as tx:
        study = study_pseudonym(tx, study_key) or ""
        person = tx.connection.scalar(
            sa.select(schema.study.c.patient).where(schema.study.c.pseudonym == study)
        )
    return hashlib.sha256(f"training:{person or study}".encode()).hexdigest()[:16]


def _signed(store: Store, study_key: str) -> bool:
    with store.reading() as tx:
        study = study_pseudonym(tx, study_key)
        table = schema.report
        query = sa.select(sa.func.count()).where(table.c.study == study, table.c.signed_seq.is_not(None))
        return bool(tx.connection.scalar(query))
