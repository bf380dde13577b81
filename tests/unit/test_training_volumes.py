"""Training on volumes: numbers agree with others' code, runs resume to the bit, cards follow from them."""

from __future__ import annotations

import csv
import hashlib
import json
from dataclasses import replace
from pathlib import Path

import nibabel
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from scipy import ndimage

from medvision_desktop.errors import Cancelled, InputRefused, MedVisionError
from medvision_desktop.modelkit.registry import Registry
from medvision_desktop.training import (
    start,
    volume_card,
    volume_dataset,
    volume_loop,
    volume_recipe,
    volume_run,
    volume_sources,
    volume_synthetic,
)
from medvision_desktop.training import volume_predictions as predictions
from medvision_desktop.training.volume_augment import Augmenter, kept
from medvision_desktop.training.volume_measure import agreement, dice, hd95
from medvision_desktop.training.volume_recipe import VolumeRecipe
from medvision_desktop.work import CancelToken, Progress
from tests.helpers.volume_cases import blob_recipe, make_package, quiet, write_cases

SPACING = (2.0, 1.0, 0.5)


def _blob(seed: int) -> NDArray[np.bool_]:
    noise = np.random.default_rng(seed).normal(size=(20, 24, 22))
    found: NDArray[np.bool_] = ndimage.gaussian_filter(noise, 2) > 0.03
    return found


def _tensor(mask: NDArray[np.bool_]) -> torch.Tensor:
    return torch.from_numpy(mask[np.newaxis, np.newaxis].astype(np.float32))


@pytest.mark.parametrize("seed", range(4))
def test_dice_agrees_with_simpleitk_and_monai(seed: int) -> None:
    import SimpleITK
    from monai.metrics import compute_dice

    first, second = _blob(seed), _blob(seed + 100)
    filter_ = SimpleITK.LabelOverlapMeasuresImageFilter()
    filter_.Execute(*(SimpleITK.GetImageFromArray(mask.astype(np.uint8)) for mask in (first, second)))
    assert dice(first, second) == pytest.approx(filter_.GetDiceCoefficient(), abs=1e-9)
    theirs = compute_dice(_tensor(first), _tensor(second)).item()
    assert dice(first, second) == pytest.approx(theirs, abs=1e-6)


@pytest.mark.filterwarnings("ignore:.*always_return_as_numpy:FutureWarning")  # MONAI's own call
@pytest.mark.parametrize("seed", range(4))
def test_hd95_agrees_with_monai_in_millimetres(seed: int) -> None:
    from monai.metrics import compute_hausdorff_distance

    first, second = _blob(seed), _blob(seed + 100)
    theirs = compute_hausdorff_distance(
        _tensor(first), _tensor(second), include_background=True, percentile=95, spacing=SPACING
    )
    assert hd95(first, second, SPACING) == pytest.approx(theirs.item(), abs=1e-5)


def test_two_boxes_that_lie_apart_are_measured_by_hand() -> None:
    first, second = np.zeros((2, 10, 10, 10), np.bool_)
    first[2:5, 2:5, 2:5] = True
    second[2:5, 2:5, 4:7] = True
    found = agreement(first, second, SPACING)
    assert found.dice == pytest.approx(2 * 9 / 54)
    assert found.hd95_mm == pytest.approx(1.0)  # two voxels of half a millimetre
    assert found.volume_ml == pytest.approx(27 / 1000)


def test_what_neither_has_agrees_and_what_one_has_does_not() -> None:
    none, some = np.zeros((4, 4, 4), np.bool_), np.ones((4, 4, 4), np.bool_)
    assert (dice(none, none), hd95(none, none, SPACING)) == (1.0, 0.0)
    assert dice(some, none) == 0.0
    assert np.isnan(hd95(some, none, SPACING))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_cases(tmp_path / "data", 6)


@pytest.fixture
def recipe(tmp_path: Path) -> VolumeRecipe:
    return replace(blob_recipe(tmp_path), epochs=3)


def test_a_run_that_was_stopped_goes_on_to_the_same_weights(
    data: Path, recipe: VolumeRecipe, tmp_path: Path
) -> None:
    torch.set_num_threads(1)
    cases = volume_dataset.load(volume_sources.read(recipe, data), recipe)

    def trained(folder: Path) -> dict[str, torch.Tensor]:
        volume_loop.train(recipe, volume_loop.initial(recipe), cases, folder)
        return load_file(folder / "best.safetensors")

    whole = trained(tmp_path / "whole")
    token = CancelToken()

    def stop(progress: Progress) -> None:
        if progress.done >= 5:  # inside of the second epoch
            token.cancel()

    with pytest.raises(Cancelled):
        volume_loop.train(
            recipe,
            volume_loop.initial(recipe),
            cases,
            tmp_path / "parts",
            progress=stop,
            cancel=token,
        )
    again = trained(tmp_path / "parts")
    assert whole.keys() == again.keys()
    assert all(torch.equal(whole[name], again[name]) for name in whole)


def test_a_sample_follows_from_seed_epoch_and_index(data: Path, recipe: VolumeRecipe) -> None:
    (case, *_) = volume_dataset.load(volume_sources.read(recipe, data), recipe)
    once, twice = (Augmenter(recipe.augmentation, recipe.patch, 1) for _ in range(2))
    twice.sample(case, 0, 9)
    first, second = once.sample(case, 2, 3), twice.sample(case, 2, 3)
    assert torch.equal(first.channels, second.channels)
    assert torch.equal(first.labels, second.labels)
    assert not torch.equal(first.channels, once.sample(case, 3, 3).channels)
    assert first.channels.shape == (1, *recipe.patch)


def test_labels_move_with_their_image(data: Path, recipe: VolumeRecipe) -> None:
    (case, *_) = volume_dataset.load(volume_sources.read(recipe, data), recipe)
    plain = replace(recipe.augmentation, gamma=0.0, contrast=0.0, brightness=0.0, noise=0.0, flip=True)
    augmenter = Augmenter(plain, (24, 24, 24), 4)
    for index in range(6):
        sample = augmenter.sample(case, 0, index)
        inside = sample.channels[0][sample.labels == 2].mean()
        outside = sample.channels[0][sample.labels == 0].mean()
        assert float(inside) > float(outside) + 1.0


def test_some_channel_always_stays(data: Path) -> None:
    random = np.random.default_rng(0)
    drawn = [kept((True, False, True, False), 0.9, random) for _ in range(200)]
    assert all(any(present) for present in drawn)
    assert not any(present[1] or present[3] for present in drawn)
    assert set(drawn) >= {(True, False, False, False), (False, False, True, False)}


def test_the_loss_of_a_perfect_answer_is_nearly_nothing() -> None:
    labels = torch.zeros(1, 1, 8, 8, 8, dtype=torch.long)
    labels[..., 4:] = 1
    perfect = 40.0 * torch.cat([labels == 0, labels == 1], dim=1) - 20.0
    for name in volume_recipe.LOSSES:
        loss = volume_loop.loss_of(name)
        assert float(loss(perfect, labels)) < 1e-3
        assert float(loss(-perfect, labels)) > 0.9


def test_every_case_is_in_one_part_and_few_groups_are_parts_of_their_own(
    data: Path, recipe: VolumeRecipe
) -> None:
    cases = volume_dataset.load(volume_sources.read(recipe, data), recipe)
    assert set(volume_run.shared_out(cases, recipe)) <= {"cross-0", "cross-1"}
    each = volume_run.shared_out(cases, replace(recipe, cross=6))
    assert len(set(each)) == len(cases)
    twin = (*cases, replace(cases[0], name="copy", group="copy"))
    parts = volume_run.shared_out(twin, replace(recipe, cross=7))
    assert parts[0] == parts[-1]  # an equal file is never on both sides


def test_a_label_file_with_other_values_is_refused_by_the_case(data: Path, recipe: VolumeRecipe) -> None:
    path = data / "blobs" / "labels" / "case_002.nii.gz"
    odd = np.full((20, 20, 20), 7, np.uint8)
    nibabel.Nifti1Image(odd, np.eye(4)).to_filename(path)  # type: ignore[attr-defined]
    with pytest.raises(InputRefused, match="case_002"):
        volume_dataset.load(volume_sources.read(recipe, data), recipe)


def test_a_volume_without_labels_is_refused_by_name(data: Path, recipe: VolumeRecipe) -> None:
    (data / "blobs" / "labels" / "case_001.nii.gz").unlink()
    with pytest.raises(InputRefused, match="case_001"):
        volume_sources.read(recipe, data)


@pytest.mark.parametrize(
    "names",
    [
        ("x_t1.nii.gz", "x_t1ce.nii.gz", "x_t2.nii.gz", "x_flair.nii.gz", "x_seg.nii.gz"),
        ("x-t1n.nii.gz", "x-t1c.nii.gz", "x-t2w.nii.gz", "x-t2f.nii.gz", "x-seg.nii.gz"),
    ],
)
def test_brats_folders_of_2021_and_2023_name_their_channels(
    names: tuple[str, ...], recipe: VolumeRecipe, tmp_path: Path
) -> None:
    folder = tmp_path / "BraTS-1"
    folder.mkdir()
    for name in names:
        (folder / name).write_bytes(b"")
    four = replace(recipe, channels=("T1", "T1ce", "T2", "FLAIR"))
    (case,) = volume_sources.brats(tmp_path, four)
    assert [(name, path.name) for name, path in case.channels] == list(
        zip(four.channels, names, strict=False)
    )
    assert case.labels.name == names[-1]


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ('loss = "dice-ce"', "loss"),
        ("patch = [16, 16, 16]", "patch"),
        ("cross = 2", "cross"),
        ('network = "unet3d-8"', "network"),
        ("[augmentation]", "augmentation"),
    ],
)
def test_a_recipe_that_does_not_fit_is_refused_in_words(tmp_path: Path, change: str, word: str) -> None:
    from tests.helpers.volume_cases import RECIPE

    wrong = {
        "loss": 'loss = "guess"',
        "patch": "patch = [15, 16, 16]",
        "cross": "cross = 1",
        "network": 'network = "from-a-file"',
        "augmentation": "[augmentation]\nspin = 3",
    }[word]
    path = tmp_path / "wrong.toml"
    path.write_text(RECIPE.replace(change, wrong), encoding="utf-8")
    with pytest.raises(MedVisionError, match=r"recipe|network"):
        start.read(path)


def test_levels_lengthen_and_shorten_a_training_of_volumes(tmp_path: Path) -> None:
    blob_recipe(tmp_path)
    epochs = [start.read(tmp_path / "blobs.toml", level).epochs for level in range(1, 6)]
    assert epochs == sorted(epochs)
    assert start.read(tmp_path / "blobs.toml").epochs == epochs[3]
    with pytest.raises(InputRefused, match="no level 6"):
        start.read(tmp_path / "blobs.toml", 6)


def test_a_package_is_written_measured_and_made_again_from_its_run(tmp_path: Path) -> None:
    models = make_package(tmp_path, epochs=1)
    package = Registry((models,)).get("blobs")
    manifest = package.manifest
    with (models / "blobs" / "predictions.csv").open(encoding="utf-8") as handle:
        listed = list(csv.DictReader(handle))
    assert len(listed) == 8 * 2
    rows = predictions.read(models / "blobs" / "predictions.csv")
    assert predictions.measured(rows, manifest.labels) == manifest.metrics
    assert "of 8 images" in volume_card.text(manifest, rows, ("", "", ""))
    before = (models / "blobs" / "card.md").read_text(encoding="utf-8")
    run = tmp_path / "runs" / "blobs"
    again = start.packaged(start.read(run / "recipe.toml"), tmp_path / "data", run, tmp_path / "again")
    assert again.manifest.metrics == manifest.metrics
    assert (again.directory / "card.md").read_text(encoding="utf-8") == before
    found = start.evaluate(again, start.read(run / "recipe.toml"), tmp_path / "data" / "blobs")
    assert found.known == 8


def test_a_run_of_volumes_says_what_it_was_made_of_and_goes_on_only_with_that(tmp_path: Path) -> None:
    from mlflow.tracking import MlflowClient

    cases = write_cases(tmp_path / "data", count=4)
    recipe = replace(quiet(blob_recipe(tmp_path)), epochs=1, package=None)
    assert volume_run.train(recipe, cases, tmp_path / "runs", None) is None
    run = tmp_path / "runs" / "blobs"
    record = json.loads((run / "run.json").read_text(encoding="utf-8"))
    hashes = sorted(
        hashlib.sha256(path.read_bytes()).hexdigest() for path in (cases / "blobs" / "images").iterdir()
    )
    assert record["data"]["sha256"] == hashlib.sha256("\n".join(hashes).encode()).hexdigest()
    assert record["data"]["images"] == 4
    assert record["recipe"]["patch"] == [16, 16, 16]
    assert record["result"]["epoch"] == 1
    client = MlflowClient(tracking_uri=(tmp_path / "runs" / "mlruns").as_uri())
    (experiment,) = [one for one in client.search_experiments() if one.name == "blobs"]
    (kept,) = client.search_runs([experiment.experiment_id])
    assert kept.info.status == "FINISHED"
    assert kept.data.params["recipe.network"] == "unet3d-8"

    with pytest.raises(InputRefused, match="another recipe"):
        volume_run.train(replace(recipe, seed=6), cases, tmp_path / "runs", None)
    split_before = (run / "split.csv").read_bytes()
    write_cases(tmp_path / "data", count=5)
    with pytest.raises(InputRefused, match="other images"):
        volume_run.train(recipe, cases, tmp_path / "runs", None)
    assert (run / "split.csv").read_bytes() == split_before


def test_a_synthetic_tumour_lies_inside_of_the_brain_and_follows_from_its_seed() -> None:
    brain = volume_synthetic.average_brain()
    for seed in range(3):
        labels = volume_synthetic.grown(brain, np.random.default_rng(seed))
        assert labels.any()
        assert not labels[~brain.mask].any()
        again = volume_synthetic.grown(brain, np.random.default_rng(seed))
        np.testing.assert_array_equal(labels, again)
    pictures = volume_synthetic.contrasts(brain, labels, np.random.default_rng(5))
    assert set(pictures) == {"T1", "T1ce", "T2", "FLAIR"}
    flair = pictures["FLAIR"]
    healthy = flair[brain.mask & (labels == 0)].mean()
    assert flair[labels == volume_synthetic.OEDEMA].mean() > 1.2 * healthy
    assert all((picture[~brain.mask] == 0).all() for picture in pictures.values())
