"""What the chest gate is trained on: frontal chest films, and everything else there is.

There are no films of limbs to train on, so limbs are drawn; the one real extremity film and the one
real chest film of `pydicom-data` that samples show are kept for the test and never trained on.
"""

from __future__ import annotations

import csv
import hashlib
import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from medvision_desktop.errors import InputRefused, MedVisionError
from medvision_desktop.training.sources import DRAWN, Item, kermany

_PNEUMONIA_SHARE: Final = 0.3
_BRAIN_SHARE: Final = 0.2
_VARIANT_SHARE: Final = 0.12
_CHANGES: Final = ("inverted", "quarter", "half", "three-quarters", "corner", "shuffled")
_DRAWN: Final = {"limb": 500, "uniform": 60, "noise": 100, "gradient": 100, "shapes": 150}
# Kept for the test: what the sample studies show.
_HELD_OUT: Final = ("RG1_", "RG3_")
_CHESTS: Final = ("RG1_",)


def items(directory: Path) -> tuple[Item, ...]:
    """All items below the data folder; raises `InputRefused` where a chest source is missing."""
    films = list(_films(directory))
    turned = [
        Item(film.path, 0, film.group, film.source, f"chest film, {change}", change)
        for change in _CHANGES
        for film in films
        if _kept(f"{change}/{film.group}/{film.path.name}", _VARIANT_SHARE)
    ]
    drawn = [
        Item(Path(DRAWN), 0, f"{name}:{index}", DRAWN, f"drawn, {name}", f"{name}:{index}")
        for name, count in _DRAWN.items()
        for index in range(count)
    ]
    return (*films, *turned, *drawn, *_brains(directory), *_heads(directory), *_packaged())


def _kept(name: str, share: float) -> bool:
    digest = hashlib.sha256(name.encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64 < share


def _films(directory: Path) -> Iterator[Item]:
    for item in kermany(directory / "chest-pneumonia"):
        if _kept(item.group, _PNEUMONIA_SHARE):
            yield Item(item.path, 1, f"kermany/{item.group}", item.source, "film, children")
    labels = directory / "chest-findings" / "labels.csv"
    if not labels.exists():
        raise InputRefused("There are no training images.", "chest-findings is missing.")
    with labels.open(newline="", encoding="utf-8") as handle:
        for row in csv.DictReader(handle):
            path = labels.parent / "images" / row["image"]
            stratum = f"film, adults {row['view']}"
            yield Item(path, 1, f"nih/{row['patient']}", "chest-findings", stratum)
    for path in sorted((directory / "chest-tuberculosis").glob("*/*.*g")):
        group = f"tb/{path.parent.name}/{path.stem}"
        yield Item(path, 1, group, "chest-tuberculosis", "film, tuberculosis set")


def _brains(directory: Path) -> Iterator[Item]:
    table = directory / "brain-tumour-2d" / "clusters.csv"
    if not table.exists():
        return
    with table.open(newline="", encoding="utf-8") as handle:
        for row in csv.DictReader(handle):
            cluster = row["cluster"]
            if _kept(f"brain/{cluster}", _BRAIN_SHARE):
                path = table.parent / row["class"] / row["image"]
                yield Item(path, 0, f"brain/{cluster}", "brain-tumour-2d", "MR head")


def _heads(directory: Path) -> Iterator[Item]:
    for series in sorted((directory / "dicom").glob("ct-head-*")):
        for path in sorted(series.iterdir()):
            if _readable(path):
                yield Item(path, 0, series.name, "dicom", "CT head")


def _packaged() -> Iterator[Item]:
    """DICOM files that come with Python packages: CT, MR, ultrasound, screens, test patterns."""
    for package, folder in (("data_store", "data"), ("pydicom", "data/test_files")):
        found = importlib.util.find_spec(package)
        if found is None or not found.submodule_search_locations:
            continue
        root = Path(found.submodule_search_locations[0], folder)
        for path in sorted(root.rglob("*")):
            held = path.name.startswith(_HELD_OUT)
            if not path.is_file() or (held and "UNCR" not in path.name) or not _readable(path):
                continue
            label = int(path.name.startswith(_CHESTS))
            group, fold = f"packaged/{path.stem[:4]}", "test" if held else ""
            stratum = f"sample {path.stem[:3]}" if held else "DICOM of packages"
            yield Item(path, label, group, "packages", stratum, fold=fold)


def _readable(path: Path) -> bool:
    from medvision_desktop.training.pictures import dicom_frame

    try:
        frame = dicom_frame(path)
    except (MedVisionError, OSError, ValueError):
        return False
    return min(frame.rows, frame.columns) >= 16
