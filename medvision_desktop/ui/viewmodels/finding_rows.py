"""What the findings list shows, row by row: a pure function of the record and the run.

No two states share a glyph (`GLYPHS`), so the list reads in grey as well as in colour.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Final

from medvision_desktop.domain.findings import Finding, HeatMap, LabelScore, ReviewState, probability_text
from medvision_desktop.ui.viewmodels import words


class RunState(Enum):
    """Where the run of the model on the shown study stands."""

    NOT_RUN = "not run"
    NO_MODEL = "no model"
    RUNNING = "running"
    ABSTAINED = "abstained"
    REFUSED = "refused"
    FAILED = "failed"
    DONE = "done"


class RowState(Enum):
    """The state of one row; each has its own glyph."""

    NOT_RUN = "not run"
    RUNNING = "running"
    ABSTAINED = "abstained"
    UNCERTAIN = "uncertain"
    POSITIVE = "positive"
    BELOW = "below threshold"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    OVERRIDDEN = "overridden"
    ADDED = "added"
    LEFT_UNDECIDED = "left undecided"
    FAILED = "failed"


# Names of Lucide icons: broken ring, open ring, slashed ring, question, ring, minus, check, cross,
# pencil, person, pause, octagon.
GLYPHS: Final[Mapping[RowState, str]] = {
    RowState.NOT_RUN: "circle-dashed",
    RowState.RUNNING: "loader-circle",
    RowState.ABSTAINED: "circle-slash",
    RowState.UNCERTAIN: "circle-help",
    RowState.POSITIVE: "circle",
    RowState.BELOW: "circle-minus",
    RowState.ACCEPTED: "circle-check",
    RowState.REJECTED: "circle-x",
    RowState.OVERRIDDEN: "pencil",
    RowState.ADDED: "user-pen",
    RowState.LEFT_UNDECIDED: "circle-pause",
    RowState.FAILED: "octagon-alert",
}


class Section(Enum):
    """The parts of the list, in order."""

    OUTLINED = "Outlined"
    ABOVE = "Above threshold"
    NOT_JUDGED = "Not judged"
    ADDED = "Added by reader"
    BELOW = "Below threshold"


@dataclass(frozen=True)
class Row:
    """One row. `key` is the finding's id, or `label:<label>` where the record has no finding yet.

    `compact` rows take one line without buttons. `detail` is for the tool tip: the raw score and
    how faithful the map is.
    """

    key: str
    label: str
    state: RowState
    section: Section
    chip: str = ""
    note: str = ""
    detail: str = ""
    finding: Finding | None = None
    score: LabelScore | None = None
    has_map: bool = False
    map_name: str = ""
    eye_on: bool = False
    compact: bool = False

    @property
    def is_measured(self) -> bool:
        """Whether it is a label of a label map, with a volume in place of a bar."""
        return self.score is not None and self.score.volume_ml is not None

    @property
    def can_decide(self) -> bool:
        """Whether accept and reject mean anything: there is a scored finding in the record."""
        return self.finding is not None and self.score is not None


@dataclass(frozen=True, eq=False)
class ListInput:
    """What the list is made of. `labels` are those of the model, for when it has not run.

    `maps` are by the record's number of their analysis and by label; `outlined` names labels of the label
    map of the shown analysis alike, `hidden` those of them that are not drawn.
    """

    run: RunState
    labels: tuple[str, ...] = ()
    findings: Sequence[Finding] = ()
    maps: Mapping[tuple[int, str], HeatMap] = field(default_factory=dict)
    percent: int | None = None
    time_left: str = ""
    message: str = ""
    eye: str = ""
    outlined: frozenset[tuple[int, str]] = frozenset()
    hidden: frozenset[str] = frozenset()
    floor: float | None = None
    sort_by_name: bool = False


COMPACT_FROM: Final = 4  # this many rows below threshold take one line each


def rows_of(given: ListInput) -> tuple[Row, ...]:
    """Rows in the order of the sections; inside one by probability, or by name when asked."""
    suggested = [_finding_row(f, given) for f in given.findings if f.score is not None]
    if given.run not in (RunState.DONE, RunState.NO_MODEL):
        covered = {row.label for row in suggested}
        suggested += [_waiting_row(label, given) for label in given.labels if label not in covered]
    added = [_added_row(f, given) for f in given.findings if f.score is None]
    rows = _sorted(suggested, by_name=given.sort_by_name) + added
    below = sum(row.section is Section.BELOW for row in rows)
    if below >= COMPACT_FROM:
        rows = [_compacted(row) for row in rows]
    order = list(Section)
    return tuple(sorted(rows, key=lambda row: order.index(row.section)))


def needing_decision(rows: Sequence[Row]) -> tuple[Row, ...]:
    """Rows that stop a signature until somebody decides."""
    return tuple(row for row in rows if row.finding is not None and row.finding.needs_decision)


def _waiting_row(label: str, given: ListInput) -> Row:
    key = f"label:{label}"
    if given.run is RunState.RUNNING:
        chip = "Running" if given.percent is None else f"Running {given.percent} %"
        return Row(key, label, RowState.RUNNING, Section.NOT_JUDGED, chip, given.time_left or " ")
    if given.run is RunState.ABSTAINED:
        note = given.message or "The model gave no answer."
        return Row(key, label, RowState.ABSTAINED, Section.NOT_JUDGED, "Abstained", note)
    if given.run is RunState.FAILED:
        note = given.message or "Nothing was stored."
        return Row(key, label, RowState.FAILED, Section.NOT_JUDGED, "Failed", note)
    note = "Not run: the image was refused" if given.run is RunState.REFUSED else "Not run"
    return Row(key, label, RowState.NOT_RUN, Section.NOT_JUDGED, "", note)


def _finding_row(finding: Finding, given: ListInput) -> Row:
    score = finding.score
    if score is None:
        raise ValueError("a suggested finding has a score")
    heat = given.maps.get((finding.analysis_seq or 0, finding.label))
    section = Section.ABOVE if score.positive else Section.BELOW
    if score.volume_ml is not None:
        section = Section.OUTLINED
    if score.uncertain:
        section = Section.NOT_JUDGED
    state, chip, note = _standing(finding, score, given)
    drawn = (finding.analysis_seq or 0, finding.label) in given.outlined
    return Row(
        key=finding.id,
        label=finding.label,
        state=state,
        section=section,
        chip=chip,
        note=note,
        detail=_detail(score, heat),
        finding=finding,
        score=score,
        has_map=heat is not None or drawn,
        map_name=words.map_name(heat.method) if heat is not None else "",
        eye_on=(heat is not None and given.eye == finding.id)
        or (drawn and finding.label not in given.hidden),
    )


def _standing(finding: Finding, score: LabelScore, given: ListInput) -> tuple[RowState, str, str]:
    decision, by = finding.decision, _by(finding)
    match decision.state:
        case ReviewState.ACCEPTED:
            return RowState.ACCEPTED, "Accepted", by
        case ReviewState.REJECTED:
            reason = ": ".join(part for part in (decision.reason, decision.comment) if part)
            return RowState.REJECTED, "Rejected", _sentence(reason) or by
        case ReviewState.OVERRIDDEN:
            return RowState.OVERRIDDEN, "Overridden", f"Now: {words.described(decision)}."
        case ReviewState.LEFT_UNDECIDED:
            return RowState.LEFT_UNDECIDED, "Left undecided", by
        case _:
            pass
    if score.uncertain:
        return RowState.UNCERTAIN, "Uncertain", _doubt(score, given.floor)
    if score.positive:
        outlined = score.volume_ml is not None
        waits = "Outlined" if outlined else "Positive"
        return RowState.POSITIVE, "", f"{waits}, waits for a decision"
    return RowState.BELOW, "", "Below threshold" if score.volume_ml is None else "Not found"


def _doubt(score: LabelScore, floor: float | None) -> str:
    if score.volume_ml is not None:
        return (
            "Uncertain: review by hand. Unlike the images that the model knows, in size or in probability, "
            "or a label that it outlines poorly: see its card."
        )
    if floor is None:
        return "Uncertain: review by hand."
    confidence = max(score.probability, 1.0 - score.probability)
    return f"Uncertain: review by hand. Confidence {confidence:.2f} of {floor:.2f}."


def _added_row(finding: Finding, given: ListInput) -> Row:
    decision, moment = finding.decision, words.clock(finding.decided_utc)
    state, chip = RowState.ADDED, finding.reader or "Reader"
    verb = "Changed" if decision.state is ReviewState.OVERRIDDEN else "Added"
    note = f"{verb} at {moment}." if moment else f"{verb}."
    if decision.state is ReviewState.REJECTED:
        state, chip, note = RowState.REJECTED, "Taken back", _sentence(decision.reason)
    elif decision.label not in given.labels:
        note += " Not a label of this model."
    return Row(
        key=finding.id,
        label=words.finding_name(finding),
        state=state,
        section=Section.ADDED,
        chip=chip,
        note=note,
        detail=decision.comment,
        finding=finding,
    )


def _compacted(row: Row) -> Row:
    if row.state is not RowState.BELOW:
        return row
    return replace(row, compact=True)


def _sorted(rows: Collection[Row], *, by_name: bool) -> list[Row]:
    if by_name:
        return sorted(rows, key=lambda row: row.label.casefold())
    return sorted(rows, key=lambda row: -(row.score.probability if row.score else -1.0))


def _by(finding: Finding) -> str:
    parts = [finding.reader, words.clock(finding.decided_utc)]
    return ", ".join(part for part in parts if part)


def _detail(score: LabelScore, heat: HeatMap | None) -> str:
    if score.volume_ml is not None:
        return f"Mean probability inside of the outline {probability_text(score.probability)}"
    parts = [f"Raw {score.raw:.3f}, calibrated {score.probability:.3f}, threshold {score.threshold:.2f}"]
    if heat is not None and heat.faithfulness is not None:
        faithful = f"map faithful {heat.faithfulness:.2f}"
        if heat.random_faithfulness is not None:
            faithful += f", random {heat.random_faithfulness:.2f}"
        parts.append(faithful)
    return " · ".join(parts)


def _sentence(text: str) -> str:
    text = text.strip()
    return text if not text or text.endswith((".", "?", "!")) else f"{text}."
