"""What the record holds of one study, read in one go on the db lane for the findings panel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from medvision_desktop.domain.findings import AnalysisState, Finding, HeatMap
from medvision_desktop.domain.image import LoadedSeries
from medvision_desktop.domain.labelmap import LabelMap
from medvision_desktop.services import model_choice, review
from medvision_desktop.services.review import RecordedAnalysis
from medvision_desktop.services.workbench import Workbench
from medvision_desktop.ui.viewmodels.model_facts import ModelFacts, choices_of, facts_of, shown_of


@dataclass(frozen=True, eq=False)
class StudyRecord:
    """`analysis` is the run that is shown; `newest_failure` why a newer one failed.

    `maps` are by the number of their analysis and by label; only of runs on the series on screen.
    `label_map` is what the shown run drew, None where it draws none. `offer`: the model that Run AI starts;
    `fits`: as far as is known, the images are for it. `facts` are of the model that ran, or that Run AI
    would start; `choices` of every model.
    """

    analysis: RecordedAnalysis | None = None
    newest_failure: str = ""
    findings: tuple[Finding, ...] = ()
    maps: Mapping[tuple[int, str], HeatMap] = field(default_factory=dict)
    facts: ModelFacts = ModelFacts()
    choices: tuple[ModelFacts, ...] = ()
    label_map: LabelMap | None = None
    offer: str = ""
    fits: bool = True


def read(
    bench: Workbench,
    study_key: str,
    loaded: LoadedSeries | None,
    frame_index: int,
    model_name: str,
    picked: str = "",
) -> StudyRecord:
    """Read it. An empty `study_key` gives the model's facts alone. Raises `StoreUnavailable`.

    `model_name` is the reader's usual model, `picked` the one that was chosen for this study.
    """
    choices = choices_of(bench.registry)
    series_uid = loaded.series.uid if loaded is not None else ""
    offer = model_choice.Offer(picked or model_name, fits=True)
    if not picked and loaded is not None:
        offer = model_choice.offered(bench.registry, loaded, frame_index, model_name)
    if not study_key:
        facts = facts_of(bench.registry, offer.name)
        return StudyRecord(facts=facts, choices=choices, offer=offer.name)
    store = bench.store
    here = [run for run in review.analyses(store, study_key) if run.series_uid == series_uid]
    shown = shown_of(here)
    newest = here[0] if here else None
    failure = newest.message if newest is not None and newest.state is AnalysisState.FAILED else ""
    return StudyRecord(
        analysis=shown,
        newest_failure=failure,
        findings=review.findings(store, study_key),
        maps={(run.seq, heat.label): heat for run in here for heat in review.maps(store, run.seq)},
        facts=facts_of(bench.registry, offer.name if shown is None else shown.model.name),
        choices=choices,
        label_map=None if shown is None else review.label_map(store, shown.seq),
        offer=offer.name,
        fits=offer.fits,
    )
