"""Card and pictures of a package, from its predictions alone, bound by the manifest with all else."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

from medvision_desktop.errors import InputRefused
from medvision_desktop.modelkit import manifest as manifests
from medvision_desktop.modelkit import manifest_text, registry
from medvision_desktop.modelkit.calibration import Calibration
from medvision_desktop.modelkit.manifest import Manifest
from medvision_desktop.training import card, plots, predictions
from medvision_desktop.training.predictions import Predictions
from medvision_desktop.training.recipe import Recipe, Words


def described(
    folder: Path, manifest: Manifest, fitted: Calibration, table: Predictions, words: Words
) -> registry.ModelPackage:
    """Write card and pictures, then the manifest with the hash of every file, and open the package."""
    written = card.text(manifest, fitted, table, (words.beyond, words.evaluated_on))
    (folder / "card.md").write_text(written, encoding="utf-8")
    pictures = plots.figures(manifest, fitted, table)
    if pictures is not None:
        (folder / plots.FILE).write_bytes(pictures)
    names = sorted(path.name for path in folder.iterdir() if path.name != manifests.FILE)
    files = tuple((name, hashlib.sha256((folder / name).read_bytes()).hexdigest()) for name in names)
    bound = manifest_text.text(replace(manifest, files=files))
    (folder / manifests.FILE).write_text(bound, encoding="utf-8")
    return registry.open_package(folder)


def described_again(package: registry.ModelPackage, recipe: Recipe) -> registry.ModelPackage:
    """Numbers, card and pictures computed anew from the package's predictions and the recipe's words."""
    words = recipe.package
    if words is None:
        raise InputRefused("The recipe cannot describe a package.", "It has no [package] table.")
    table = predictions.read(package.directory / "predictions.csv")
    found = card.measured(table, package.calibration, package.manifest)
    manifest = replace(package.manifest, metrics=found)
    return described(package.directory, manifest, package.calibration, table, words)
