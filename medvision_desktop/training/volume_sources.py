"""Where training volumes come from: a folder's layout turned into cases with channels and labels."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from medvision_desktop.domain.image import Volume
from medvision_desktop.errors import InputRefused
from medvision_desktop.io import nifti
from medvision_desktop.io import volume as grids
from medvision_desktop.io.nifti_header import read_header
from medvision_desktop.training.volume_recipe import VolumeRecipe

_LIMIT_BYTES: Final = 1 << 30
_SUFFIXES: Final = (".nii.gz", ".nii")
_BRATS_CHANNELS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "T1": ("_t1.", "-t1n.", "t1_subtr"),
        "T1ce": ("_t1ce.", "-t1c.", "t1c_subtr"),
        "T2": ("_t2.", "-t2w.", "t2_subtr"),
        "FLAIR": ("_flair.", "-t2f.", "flair_subtr"),
    }
)
_VISIT: Final = re.compile(r"^(BraTS-[A-Z]+-\d+)-\d+$")
_LIMIT_JSON_BYTES: Final = 16 << 20
_BRATS_LABELS: Final = ("_seg.", "-seg.", "otmulticlass")


@dataclass(frozen=True)
class CaseFiles:
    """One case: the file of each channel that is there, the file of its labels, and who it may be."""

    name: str
    channels: tuple[tuple[str, Path], ...]
    labels: Path
    group: str


def volume(path: Path) -> Volume:
    """A NIfTI file as the program opens it: axial, right on the left, feet first.

    Raises `InputRefused`.
    """
    header = read_header(path)
    frames = nifti.to_frames(header, nifti.read_volume(path, header, limit_bytes=_LIMIT_BYTES), path.name)
    fault = grids.grid_fault(frames)
    if fault:
        raise InputRefused("The file is no volume.", f"{path.name}: {fault}")
    return grids.build_volume(frames, None)


def read(recipe: VolumeRecipe, data: Path) -> tuple[CaseFiles, ...]:
    """All cases of a recipe below the data directory. Raises `InputRefused`."""
    if recipe.source not in SOURCES:
        raise InputRefused(f"There is no source {recipe.source!r}.", f"Known: {', '.join(SOURCES)}.")
    found = SOURCES[recipe.source](data / recipe.folder, recipe)
    if not found:
        raise InputRefused("There are no training volumes.", f"{data / recipe.folder} holds none.")
    return found


def decathlon(directory: Path, recipe: VolumeRecipe) -> tuple[CaseFiles, ...]:
    """Medical Segmentation Decathlon: what `dataset.json` lists, or images and labels of equal names.

    The folders are `images` and `labels`, or `imagesTr` and `labelsTr`. One channel. Each file is a group
    of its own, since the collection does not say who is who.
    """
    listed = _listed(directory)
    if listed:
        return tuple(
            CaseFiles(_stem(path), ((recipe.channels[0], path),), truth, _stem(path))
            for path, truth in listed
        )
    for images, labels in (("images", "labels"), ("imagesTr", "labelsTr")):
        pairs = [
            (path, directory / labels / path.name)
            for path in sorted((directory / images).glob("*.nii*"))
            if path.name.endswith(_SUFFIXES) and not path.name.startswith(".")
        ]
        if pairs:
            break
    missing = [path.name for path, truth in pairs if not truth.is_file()]
    if missing:
        raise InputRefused("Some training volumes have no labels.", f"The first is {missing[0]}.")
    return tuple(
        CaseFiles(_stem(path), ((recipe.channels[0], path),), truth, _stem(path)) for path, truth in pairs
    )


def _listed(directory: Path) -> list[tuple[Path, Path]]:
    """Images and labels that `dataset.json` names for training; none without that file.

    Raises `InputRefused` for a file that says something else, or leads out of its folder.
    """
    table = directory / "dataset.json"
    if not table.is_file():
        return []
    try:
        with table.open(encoding="utf-8") as handle:
            described = json.loads(handle.read(_LIMIT_JSON_BYTES))  # cut, it is no JSON any more
        rows = [(str(row["image"]), str(row["label"])) for row in described["training"]]
        channels = len(described.get("modality", {"0": ""}))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        why = f"dataset.json: {type(error).__name__}."
        raise InputRefused("The list of training volumes cannot be read.", why) from error
    if channels > 1:
        why = f"It has {channels} channels in a file; volumes of one channel are read."
        raise InputRefused("This set cannot be read yet.", why, "Split its files by channel.")
    found = []
    for image, label in rows:
        pair = (directory / image, directory / label)
        if any(not path.resolve().is_relative_to(directory.resolve()) for path in pair):
            raise InputRefused(
                "The list of training volumes cannot be used.", "It leads out of its folder."
            )
        missing = [path.name for path in pair if not path.is_file()]
        if missing:
            raise InputRefused("A training volume is missing.", f"dataset.json names {missing[0]}.")
        found.append(pair)
    return found


def brats(directory: Path, recipe: VolumeRecipe) -> tuple[CaseFiles, ...]:
    """A folder for each case, files named as in BraTS 2015, 2021 or 2023; channels may be missing.

    Cases of 2023 end in the number of the visit: visits of one person are one group.
    """
    found = []
    for folder in sorted(path for path in directory.iterdir() if path.is_dir()):
        files = [path for path in sorted(folder.iterdir()) if path.name.endswith(_SUFFIXES)]
        channels = [
            (name, path)
            for name in recipe.channels
            for path in files
            if any(mark in path.name.lower() for mark in _BRATS_CHANNELS.get(name, ()))
        ]
        truth = [path for path in files if any(mark in path.name.lower() for mark in _BRATS_LABELS)]
        if channels and truth:
            person = _VISIT.sub(r"\1", folder.name)
            found.append(CaseFiles(folder.name, tuple(channels), truth[0], person))
    return tuple(found)


def label_values(found: Volume, recipe: VolumeRecipe) -> NDArray[np.uint8]:
    """The recipe's label of each voxel of a label file. Raises `InputRefused` for other values."""
    table = np.asarray(recipe.label_values or range(len(recipe.labels) + 1), dtype=np.uint8)
    values = np.rint(found.values_kji)
    if np.abs(values - found.values_kji).max() > 1e-3 or values.min() < 0 or values.max() >= len(table):
        raise InputRefused(
            "A label file holds other values than the recipe names.", f"0 to {len(table) - 1}."
        )
    found_labels: NDArray[np.uint8] = table[values.astype(np.uint8)]
    return found_labels


def sha256(path: Path) -> str:
    """SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _stem(path: Path) -> str:
    return path.name.removesuffix(".gz").removesuffix(".nii")


SOURCES: Final[Mapping[str, Callable[[Path, VolumeRecipe], tuple[CaseFiles, ...]]]] = MappingProxyType(
    {"decathlon": decathlon, "brats": brats}
)
