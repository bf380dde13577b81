"""People, never images, are put into folds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medvision_desktop.errors import InputRefused
from medvision_desktop.training import coverage, sources, split
from tests.helpers.model_cases import RECIPE


@given(st.text(min_size=1, max_size=20), st.integers(0, 2**31))
def test_a_group_is_always_in_the_same_fold(group: str, seed: int) -> None:
    assert split.fold_of(group, seed) == split.fold_of(group, seed)
    assert split.fold_of(group, seed) in split.FOLDS


def test_folds_have_their_shares_over_many_people() -> None:
    folds = [split.fold_of(f"person{index}", 1) for index in range(20_000)]
    for fold, share in zip(split.FOLDS, split.SHARES, strict=True):
        assert abs(folds.count(fold) / 20_000 - share) < 0.01


def test_another_seed_is_another_split() -> None:
    names = [f"person{index}" for index in range(200)]
    assert [split.fold_of(n, 1) for n in names] != [split.fold_of(n, 2) for n in names]


def test_people_who_share_a_picture_become_one_group() -> None:
    random = np.random.default_rng(0)
    pictures = random.integers(0, 256, (5, 48, 48)).astype(np.uint8)
    pictures[3] = pictures[0]
    groups = split.joined_groups(["a", "b", "c", "d", "c"], pictures)
    assert groups[0] == groups[3]
    assert groups[2] == groups[4]
    assert len({groups[0], groups[1], groups[2]}) == 3


def test_a_brighter_copy_counts_as_a_copy_and_another_picture_does_not() -> None:
    random = np.random.default_rng(1)
    one = random.integers(0, 120, (48, 48)).astype(np.uint8)
    other = random.integers(0, 120, (48, 48)).astype(np.uint8)
    pictures = np.stack([one, one * 2, other])
    assert split.near_duplicates(pictures) == [(0, 1)]


def test_a_split_needs_somebody_everywhere_and_both_answers_of_what_is_judged() -> None:
    four = [*split.FOLDS] * 2
    truth = np.array([[0, 0]] * 4 + [[1, 0]] * 4)
    alone = replace(RECIPE, package=None, labels=("a", "b"), not_evaluated=("b",))
    coverage.checked(four, truth, alone, packaged=True)
    with pytest.raises(InputRefused, match="none with it to learn from"):
        coverage.checked(four, truth, replace(alone, not_evaluated=()))
    with pytest.raises(InputRefused, match="nobody for validation"):
        coverage.checked(["train"] * 8, truth, alone)
    only = ["train", "validation"] * 4
    coverage.checked(only, truth, alone)
    with pytest.raises(InputRefused, match="nobody for calibration"):
        coverage.checked(only, truth, alone, packaged=True)
    unknown = truth.copy()
    unknown[3, 1] = -1  # the only test image without "a" is not measured
    with pytest.raises(InputRefused, match="none without it in the test"):
        coverage.checked(four, unknown, alone, packaged=True)
    crossed = [f"cross-{part}" for part in range(3)]
    with pytest.raises(InputRefused, match="nobody for cross-3"):
        coverage.checked(crossed * 2, truth[:6], replace(alone, cross=4))


@pytest.mark.parametrize(
    ("name", "group"),
    [
        ("NORMAL/IM-0115-0001.jpg", "IM-0115"),
        ("NORMAL/NORMAL2-IM-0383-0001.jpg", "NORMAL2-IM-0383"),
        ("NORMAL/IM-0543-0001-0002.jpg", "IM-0543"),
        ("PNEUMONIA/person23_bacteria_77.jpg", "person23"),
        ("PNEUMONIA/person23_virus_81.jpg", "person23"),
    ],
)
def test_the_person_is_read_from_the_file_name(tmp_path: Path, name: str, group: str) -> None:
    path = tmp_path / name
    path.parent.mkdir()
    path.write_bytes(b"")
    (item,) = sources.kermany(tmp_path)
    assert item.group == group
    assert item.label == int(name.startswith("PNEUMONIA"))


def test_a_folder_without_the_layout_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match="no training images"):
        sources.kermany(tmp_path)


@pytest.mark.data
def test_no_child_is_in_two_folds_and_the_shares_hold(data_dir: Path) -> None:
    items = sources.kermany(data_dir / "chest-pneumonia")
    folds = {}
    for item in items:
        folds.setdefault(item.group, set()).add(split.fold_of(item.group, 20261122))
    assert all(len(found) == 1 for found in folds.values())
    assert len(items) == 5216
