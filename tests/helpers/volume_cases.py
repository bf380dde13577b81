"""Drawn volumes with known labels, and a package of a small network trained on them in seconds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import nibabel
import numpy as np
from numpy.typing import NDArray

from medvision_desktop.training import volume_recipe, volume_run
from medvision_desktop.training.volume_recipe import VolumeAugmentation, VolumeRecipe

RECIPE = """
kind = "volumes"
name = "blobs"
network = "unet3d-8"
source = "decathlon"
folder = "blobs"
labels = ["Bright", "Brighter"]
colours = [[230, 159, 0], [86, 180, 233]]
channels = ["T1"]
patch = [16, 16, 16]
window = [32, 32, 32]
cross = 2
seed = 5
epochs = 30
batch_size = 2
learning_rate = 1e-2
loss = "dice-ce"

[augmentation]
flip = false

[package]
version = "0.0.1"
title = "Bright blobs in drawn volumes"
intended_use = "Trying the machinery; it knows nothing of any disease."
contraindications = ["Every real image."]
licence = "Apache-2.0"
who = "drawn volumes"
beyond = "Nothing: the volumes are drawn."

[package.box]
smallest_mm = [16.0, 16.0, 16.0]
largest_mm = [30.0, 30.0, 30.0]

[package.wanted]
text = "A drawn volume of about 20 mm"
modalities = ["MR"]

[[package.data]]
name = "Drawn volumes"
licence = "Apache-2.0"
use = "training, and measuring by parts that were left out"
"""


def drawn(seed: int) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """A volume (i, j, k) of about 20 voxels with two blobs, and its labels."""
    random = np.random.default_rng(seed)
    shape = tuple(int(side) for side in random.integers(18, 23, 3))
    grid = np.stack(np.meshgrid(*(np.arange(side) for side in shape), indexing="ij"))
    labels = np.zeros(shape, np.uint8)
    for number, place in ((1, 0.32), (2, 0.68)):
        centre = np.array([side * place for side in shape]) + random.uniform(-1, 1, 3)
        distance = np.sqrt(((grid - centre[:, None, None, None]) ** 2).sum(axis=0))
        labels[distance < random.uniform(3.0, 4.0)] = number
    values = 20 * labels.astype(np.float32) + random.normal(30, 2, shape).astype(np.float32)
    return values, labels


def write_cases(folder: Path, count: int = 8, affine: NDArray[np.float64] | None = None) -> Path:
    """`folder/blobs/images` and `labels`, as the Medical Segmentation Decathlon lays them out."""
    place = np.eye(4) if affine is None else affine
    for name in ("images", "labels"):
        (folder / "blobs" / name).mkdir(parents=True, exist_ok=True)
    for seed in range(count):
        values, labels = drawn(seed)
        for name, array in (("images", values), ("labels", labels)):
            image = nibabel.Nifti1Image(array, place)  # type: ignore[attr-defined]  # exported by name
            image.to_filename(folder / "blobs" / name / f"case_{seed:03d}.nii.gz")
    return folder


def blob_recipe(folder: Path) -> VolumeRecipe:
    """The recipe, read from a file as any other."""
    path = folder / "blobs.toml"
    path.write_text(RECIPE, encoding="utf-8")
    return volume_recipe.read(path)


def quiet(recipe: VolumeRecipe) -> VolumeRecipe:
    """Without random changes."""
    plain = VolumeAugmentation(0.0, 0.0, 0.0, False, 0.0, 0.0, 0.0, 0.0, 0.0)
    return replace(recipe, augmentation=plain)


def make_package(folder: Path, *, epochs: int = 30) -> Path:
    """Train in a folder; where the package `blobs` is."""
    data = write_cases(folder / "data")
    recipe = replace(quiet(blob_recipe(folder)), epochs=epochs)
    volume_run.train(recipe, data, folder / "runs", folder / "models")
    return folder / "models"
