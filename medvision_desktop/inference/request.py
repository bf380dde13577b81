"""What an inference is asked to do: one model, one frame, nothing of the patient."""

from __future__ import annotations

from dataclasses import dataclass

from medvision_desktop.domain.findings import GateReport
from medvision_desktop.domain.image import Frame


@dataclass(frozen=True, eq=False)
class InferenceRequest:
    """Run `model` on `frame`: pixels, how they mean brightness, and geometry.

    `gate` is what the header gate said; the pixel gate adds to it. `cam_method` None takes the
    host's. `random_maps`: how many random maps the faithfulness of each map is measured against;
    0 leaves it out, which is quicker. `unevaluated`: also labels that were never judged, as such.
    """

    model: str
    frame: Frame
    gate: GateReport
    want_maps: bool = True
    cam_method: str | None = None
    random_maps: int = 0
    unevaluated: bool = False
