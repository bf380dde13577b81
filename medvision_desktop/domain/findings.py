"""What a network suggests and what a reader decides about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from medvision_desktop.domain.labelmap import LabelMap
from medvision_desktop.domain.provenance import ModelRef, RunManifest


class AnalysisState(Enum):
    """How a run ended. `DONE` may be positive, negative or uncertain; `ABSTAINED` has no answer."""

    DONE = "done"
    ABSTAINED = "abstained"
    REFUSED = "refused"
    FAILED = "failed"


@dataclass(frozen=True)
class GateCheck:
    """One check of the input gate, for the panel. `passed` None means: not checked."""

    name: str
    passed: bool | None
    detail: str = ""


@dataclass(frozen=True)
class GateReport:
    """What the input gate says. `reasons` are stable words such as `age_outside_training`.

    A gate may pass with reasons: those are doubts, shown beside the result.
    """

    ok: bool
    reasons: tuple[str, ...] = ()
    checks: tuple[GateCheck, ...] = ()
    wanted: str = ""
    given: str = ""


@dataclass(frozen=True)
class LabelScore:
    """One label: calibrated probability and raw score in 0..1, and the operating threshold.

    Of a label of a label map, `volume_ml` is its volume in millilitres and `probability` the mean of what
    the network gave inside of it; `positive` says that it is there at all.
    """

    label: str
    probability: float
    raw: float
    threshold: float
    positive: bool
    uncertain: bool = False
    volume_ml: float | None = None

    @property
    def named(self) -> str:
        """The label, and its volume where it has one: "Anterior hippocampus 1.62 mL"."""
        return self.label if self.volume_ml is None else f"{self.label} {self.volume_ml:.2f} mL"


@dataclass(frozen=True, eq=False)
class HeatMap:
    """A model attention map for one label.

    `grid`: hxw float32 in 0..1, about as coarse as the network made it. `box_xyxy`: where the grid's outer
    edges lie in source pixels (column, row; pixel edges, so a full frame is (0, 0, columns, rows)).
    `faithfulness`: deletion score in 0..1, the share of the answer that goes with the places the map
    points at; `random_faithfulness`: the same for random maps. None when not measured.
    """

    label: str
    method: str
    grid: NDArray[np.float32]
    box_xyxy: tuple[float, float, float, float]
    faithfulness: float | None = None
    random_faithfulness: float | None = None


@dataclass(frozen=True, eq=False)
class InferenceResult:
    """What one run of one model on one image came to. `message` says why when it is not done.

    `label_map`: of a model that segments, on the grid of the volume it was asked about.
    """

    state: AnalysisState
    model: ModelRef
    gate: GateReport
    labels: tuple[LabelScore, ...] = ()
    maps: tuple[HeatMap, ...] = ()
    manifest: RunManifest | None = None
    seconds: float = 0.0
    message: str = ""
    label_map: LabelMap | None = None


class ReviewState(Enum):
    """Where a finding stands."""

    PENDING = "pending"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    OVERRIDDEN = "overridden"
    ADDED = "added"
    LEFT_UNDECIDED = "left undecided"


class Laterality(Enum):
    """Side of the patient."""

    RIGHT = "right"
    LEFT = "left"
    BOTH = "both"
    NOT_GIVEN = "not given"


class Severity(Enum):
    """Degree, as the reader grades it."""

    MILD = "mild"
    MODERATE = "moderate"
    SEVERE = "severe"
    NOT_GRADED = "not graded"


@dataclass(frozen=True)
class Decision:
    """What a reader decides about one finding; `reason` is required to reject or override.

    For an override and for an added finding, `label` and the descriptors are the reader's.
    """

    state: ReviewState
    label: str = ""
    laterality: Laterality = Laterality.NOT_GIVEN
    location: str = ""
    severity: Severity = Severity.NOT_GRADED
    reason: str = ""
    comment: str = ""


@dataclass(frozen=True)
class Finding:
    """One finding of a study as it stands now, with the newest decision on it.

    `analysis_seq` and `score` are None for a finding that the reader added.
    `decided_utc` is ISO 8601 with a Z, empty while pending.
    """

    id: str
    study_key: str
    label: str
    analysis_seq: int | None = None
    model: ModelRef | None = None
    score: LabelScore | None = None
    decision: Decision = field(default_factory=lambda: Decision(ReviewState.PENDING))
    reader: str = ""
    decided_utc: str = ""

    @property
    def needs_decision(self) -> bool:
        """A positive or uncertain suggestion nobody has decided on: it stops a signature."""
        if self.decision.state is not ReviewState.PENDING or self.score is None:
            return False
        return self.score.positive or self.score.uncertain


def probability_text(probability: float) -> str:
    """A probability with two decimals, never rounded up to certainty nor down to nothing.

    0.999 reads ">0.99" and 0.001 reads "<0.01": the program does not claim what it does not know.
    """
    if probability >= 0.995:
        return ">0.99"
    if probability < 0.005:
        return "<0.01"
    return f"{probability:.2f}"
