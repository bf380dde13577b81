"""On which images of a study a model found something that nobody has rejected."""

from __future__ import annotations

from medvision_desktop.audit.store import Store
from medvision_desktop.domain.findings import ReviewState
from medvision_desktop.services.review import analyses, findings

# Series UID, SOP Instance UID and frame number.
ImagePlace = tuple[str, str, int]


def places(store: Store, study_key: str) -> frozenset[ImagePlace]:
    """Images with a positive suggestion that stands. Raises `StoreUnavailable`."""
    standing = {
        finding.analysis_seq
        for finding in findings(store, study_key)
        if finding.score is not None
        and finding.score.positive
        and finding.score.volume_ml is None  # a label map marks its own images
        and finding.decision.state is not ReviewState.REJECTED
    }
    return frozenset(
        (run.series_uid, run.sop_instance_uid, run.frame_number)
        for run in analyses(store, study_key)
        if run.seq in standing
    )
