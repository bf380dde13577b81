"""Evaluation of a package on somebody's images, and its card computed again."""

from __future__ import annotations

import hashlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from medvision_desktop.errors import InputRefused
from medvision_desktop.modelkit.registry import Registry
from medvision_desktop.training import describe, evaluate, plots
from tests.helpers.model_cases import RECIPE, make_package


@pytest.fixture(scope="module")
def school(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("school")
    make_package(folder)
    return folder


def test_a_report_holds_tables_pictures_and_the_worst_mistakes(school: Path) -> None:
    package = Registry((school / "models",)).get("patches")
    report = school / "report"
    found = evaluate.evaluate(package, RECIPE, school / "pictures", report=report)
    text = (report / "report.md").read_text(encoding="utf-8")
    assert f"{found.images} images of {found.people} people or groups." in text
    assert found.images == 96
    auroc = next(entry for entry in found.metrics if entry.name == "auroc")
    assert f"| AUROC | {auroc.value:.3f} |" in text
    assert (report / "thresholds.csv").read_text(encoding="utf-8").count("\n") == 100
    assert cv2.imread(str(report / plots.FILE)).shape[2] == 3
    mistakes = sorted((report / "failures").glob("*.png"))
    shown = (report / "failures" / "failures.md").read_text(encoding="utf-8")
    assert all(f"]({path.name})" in shown for path in mistakes)
    assert "never shared" in shown
    for path in mistakes:
        assert cv2.imread(str(path)).shape[:2] == (48, 96)  # the image, and the image under its map


def test_a_card_is_written_again_from_the_predictions_alone(school: Path) -> None:
    package = Registry((school / "models",)).get("patches")
    before = _hashes(package.directory)
    (package.directory / "card.md").write_text("AUROC 1.000, typed by hand", encoding="utf-8")
    again = describe.described_again(package, RECIPE)
    assert again.manifest == package.manifest
    assert _hashes(package.directory) == before


def _hashes(folder: Path) -> dict[str, str]:
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.iterdir()
        if path.name != "manifest.toml"
    }


def test_a_recipe_without_words_describes_nothing(school: Path) -> None:
    from dataclasses import replace

    package = Registry((school / "models",)).get("patches")
    with pytest.raises(InputRefused, match="describe"):
        describe.described_again(package, replace(RECIPE, package=None))


def test_the_pictures_of_a_card_are_no_blank_sheet(school: Path) -> None:
    package = Registry((school / "models",)).get("patches")
    drawn = cv2.imread(str(package.directory / plots.FILE))
    for quarter in (drawn[: len(drawn) // 2], drawn[len(drawn) // 2 :]):
        assert len(np.unique(quarter.reshape(-1, 3), axis=0)) > 20
