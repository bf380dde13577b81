"""Layouts of public sets of volumes: files are listed by name, nothing is decoded."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from medvision_desktop.errors import InputRefused
from medvision_desktop.training import volume_recipe, volume_sources

ROOT = Path(__file__).resolve().parents[2]
BRAIN = volume_recipe.read(ROOT / "recipes" / "brain-tumour-3d.toml")


def _touch(folder: Path, *names: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).touch()


def test_brats_2021_and_2023_are_told_by_their_names(tmp_path: Path) -> None:
    recipe = replace(BRAIN, channels=("T1", "T1ce", "T2", "FLAIR"))
    old = tmp_path / "BraTS2021_00000"
    _touch(old, *(f"BraTS2021_00000_{kind}.nii.gz" for kind in ("t1", "t1ce", "t2", "flair", "seg")))
    for visit in ("000", "001"):
        name = f"BraTS-GLI-00005-{visit}"
        _touch(tmp_path / name, *(f"{name}-{kind}.nii.gz" for kind in ("t1n", "t1c", "t2w", "t2f", "seg")))
    _touch(tmp_path / "BraTS-GLI-00006-000", "BraTS-GLI-00006-000-t1n.nii.gz")
    found = volume_sources.brats(tmp_path, recipe)
    assert [case.name for case in found] == [
        "BraTS-GLI-00005-000",
        "BraTS-GLI-00005-001",
        "BraTS2021_00000",
    ]
    assert [case.group for case in found] == ["BraTS-GLI-00005", "BraTS-GLI-00005", "BraTS2021_00000"]
    for case in found:
        assert [name for name, _ in case.channels] == ["T1", "T1ce", "T2", "FLAIR"]
        assert len({path for _, path in case.channels} | {case.labels}) == 5


def _described(folder: Path, *pairs: tuple[str, str], modality: int = 1) -> Path:
    table = {
        "modality": {str(index): "MRI" for index in range(modality)},
        "labels": {"0": "background", "1": "Anterior"},
        "training": [{"image": image, "label": label} for image, label in pairs],
        "test": ["./imagesTs/c.nii.gz"],
    }
    (folder / "dataset.json").write_text(json.dumps(table), encoding="utf-8")
    return folder


def test_the_decathlon_is_read_from_its_list(tmp_path: Path) -> None:
    _touch(tmp_path / "imagesTr", "a.nii.gz", "b.nii.gz", "._a.nii.gz")
    _touch(tmp_path / "labelsTr", "a.nii.gz", "b.nii.gz")
    _described(tmp_path, ("./imagesTr/a.nii.gz", "./labelsTr/a.nii.gz"))
    (case,) = volume_sources.decathlon(tmp_path, BRAIN)
    assert (case.name, case.group) == ("a", "a")
    assert case.labels == tmp_path / "labelsTr" / "a.nii.gz"
    (tmp_path / "dataset.json").unlink()
    assert [case.name for case in volume_sources.decathlon(tmp_path, BRAIN)] == ["a", "b"]


def test_a_list_that_leads_elsewhere_or_says_something_else_is_refused(tmp_path: Path) -> None:
    home = tmp_path / "task"
    _touch(home / "imagesTr", "a.nii.gz")
    _touch(tmp_path, "secret.nii.gz")
    with pytest.raises(InputRefused, match="leads out"):
        volume_sources.decathlon(_described(home, ("imagesTr/a.nii.gz", "../secret.nii.gz")), BRAIN)
    with pytest.raises(InputRefused, match=r"names b\.nii\.gz"):
        volume_sources.decathlon(_described(home, ("imagesTr/a.nii.gz", "labelsTr/b.nii.gz")), BRAIN)
    with pytest.raises(InputRefused, match="4 channels"):
        volume_sources.decathlon(
            _described(home, ("imagesTr/a.nii.gz", "imagesTr/a.nii.gz"), modality=4), BRAIN
        )
    for content in ("[]", "{", '{"training": [1]}', '{"training": [{"image": "x"}]}'):
        (home / "dataset.json").write_text(content, encoding="utf-8")
        with pytest.raises(InputRefused, match="cannot be read"):
            volume_sources.decathlon(home, BRAIN)
