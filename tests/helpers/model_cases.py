"""Small trainings and packages that tests make for themselves: pictures of their own, seconds to run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from medvision_desktop.training import run
from medvision_desktop.training.augment import Augmentation
from medvision_desktop.training.recipe import Recipe, Words

WORDS = Words(
    version="1.2.3",
    title="Bright patches",
    task="binary",
    intended_use="Tests.",
    contraindications=["Anything else."],
    licence="Apache-2.0",
    who="drawn pictures",
    beyond="Nothing is known.",
    wanted={
        "text": "Frontal chest film, PA or AP",
        "modalities": ["CR", "DX"],
        "body_parts": ["CHEST"],
        "views": ["PA", "AP"],
        "age_years": [1, 5],
    },
    data=[{"name": "drawn", "licence": "Apache-2.0", "use": "all"}],
)

RECIPE = Recipe(
    name="patches",
    network="efficientnet-b0-front",
    source="kermany",
    folder="pictures",
    labels=("Patch",),
    seed=3,
    size=32,
    epochs=2,
    batch_size=8,
    learning_rate=1e-3,
    augmentation=Augmentation(),
    package=WORDS,
)


def draw_pictures(folder: Path, people: int = 24) -> Path:
    """A folder in Kaggle's layout: two pictures a person, with a bright patch or without."""
    random = np.random.default_rng(7)
    for name, stem, bright in (
        ("NORMAL", "IM-{:04d}-{:04d}.png", 0),
        ("PNEUMONIA", "person{}_virus_{}.png", 90),
    ):
        target = folder / "pictures" / name
        target.mkdir(parents=True)
        for person in range(people):
            for shot in range(2):
                picture = random.normal(90, 25, (48, 48))
                row, column = random.integers(4, 28, 2)
                picture[row : row + 14, column : column + 14] += bright
                pixels = np.clip(picture, 0, 255).astype(np.uint8)
                path = target / stem.format(person, shot)
                # Kaggle's files are JPEGs; the layout is read by suffix, so these are too.
                cv2.imwrite(str(path.with_suffix(".jpg")), pixels)
    return folder


def make_package(folder: Path, *, recipe: Recipe = RECIPE) -> Path:
    """Draw, train and package; the directory that holds `<name>/manifest.toml`."""
    draw_pictures(folder)
    made = run.train(recipe, folder, folder / "runs", folder / "models")
    assert made is not None
    return folder / "models"


def quick(recipe: Recipe = RECIPE) -> Recipe:
    """The recipe with one epoch."""
    return replace(recipe, epochs=1)
