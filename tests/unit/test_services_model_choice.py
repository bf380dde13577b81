"""The model that is offered is one for the images on screen, where there is one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from medvision_desktop import paths
from medvision_desktop.domain.image import LoadedSeries
from medvision_desktop.modelkit.registry import Registry
from medvision_desktop.services.model_choice import Offer, offered
from medvision_desktop.services.open_study import index, open_series
from medvision_desktop.services.samples import sample_studies
from medvision_desktop.services.workbench import Workbench
from medvision_desktop.settings import Settings

SHIPPED = Registry((paths.shipped_models(),))
USUAL = "chest-pneumonia"


@pytest.fixture
def bench(locations: paths.Locations) -> Iterator[Workbench]:
    made = Workbench(Settings(engine="onnxruntime"), locations)
    yield made
    made.close()


def _sample(bench: Workbench, modality: str, part: str = "") -> LoadedSeries:
    for study in sample_studies().studies:
        for series in study.series:
            if series.modality == modality and part in (series.body_part, study.description, ""):
                return open_series(study, series, decoder=bench.decoder)
    raise AssertionError(f"no sample of {modality}")


def _aged(film: LoadedSeries, age: str) -> LoadedSeries:
    patient = replace(film.study.patient, birth_date="")
    return replace(film, study=replace(film.study, age=age, patient=patient))


@pytest.mark.parametrize(
    ("age", "model"),
    [
        ("003Y", USUAL),
        ("064Y", "chest-findings"),
        ("012Y", "chest-findings"),
        # Nobody says how old, or no model has seen such an age: the doubt is told, and nothing is guessed.
        ("", USUAL),
        ("002M", USUAL),
    ],
)
def test_the_age_in_the_header_decides_which_model_of_chest_films_is_offered(
    bench: Workbench, age: str, model: str
) -> None:
    film = _aged(_sample(bench, "CR", "CHEST"), age)
    assert offered(SHIPPED, film, 0, USUAL) == Offer(model, fits=True)
    assert offered(SHIPPED, film, 0, "chest-tuberculosis").name == "chest-tuberculosis"


def test_a_head_in_an_mr_volume_is_offered_a_model_of_heads(bench: Workbench) -> None:
    head = next(
        open_series(study, series, decoder=bench.decoder)
        for study in sample_studies().studies
        for series in study.series
        if series.frame_count > 100
    )
    found = SHIPPED.get(offered(SHIPPED, head, 90, USUAL).name).manifest
    assert "MR" in found.wanted.modalities


@pytest.mark.parametrize(("modality", "part"), [("US", ""), ("CR", "EXTREMITY"), ("MR", "SHOULDER")])
def test_where_nothing_fits_the_usual_model_stays_and_its_gate_says_why(
    bench: Workbench, modality: str, part: str
) -> None:
    assert offered(SHIPPED, _sample(bench, modality, part), 0, USUAL) == Offer(USUAL, fits=False)


def test_a_registry_without_models_offers_the_usual_name(bench: Workbench, tmp_path: Path) -> None:
    assert offered(Registry((tmp_path,)), _sample(bench, "US"), 0, USUAL) == Offer(USUAL, fits=False)


@pytest.mark.data
def test_a_crop_around_a_hippocampus_is_offered_its_model(
    bench: Workbench, data_dir: Path, tmp_path: Path
) -> None:
    crop = min((data_dir / "hippocampus" / "images").glob("*.nii.gz"))
    (study,) = index([crop], scratch=tmp_path).studies
    loaded = open_series(study, study.series[0], decoder=bench.decoder)
    assert offered(SHIPPED, loaded, 0, USUAL) == Offer("hippocampus", fits=True)
