"""The data audit finds what is wrong with a data set, and refuses what would make numbers untrue."""

from __future__ import annotations

import csv
import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from medvision_desktop.errors import InputRefused
from medvision_desktop.training import audit, confounds, dataset, run, sources, split
from medvision_desktop.training.recipe import Recipe, Words
from tests.helpers.model_cases import RECIPE, WORDS, draw_pictures

FOLDERS = replace(
    RECIPE,
    source="folders",
    classes=("NORMAL", "PNEUMONIA"),
    table="table.csv",
    group="person",
    package=None,
)


def _with_table(folder: Path, fold_of: dict[str, str]) -> Path:
    """Drawn pictures with a table that names a person and a fold for each."""
    draw_pictures(folder, people=8)
    with (folder / "pictures" / "table.csv").open("w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle)
        writer.writerow(("image", "person", "fold"))
        for path in sorted((folder / "pictures").glob("*/*.jpg")):
            person = path.stem.rsplit("-", 1)[0] if "IM" in path.stem else path.stem.split("_")[0]
            place = int("".join(c for c in person if c.isdigit()))
            fold = fold_of.get(path.name) or ("train", "validation", "calibration", "test")[place % 4]
            writer.writerow((path.name, person, fold))
    return folder


def test_a_split_of_the_hospitals_own_is_taken_as_it_is(tmp_path: Path) -> None:
    prepared = run.prepare(FOLDERS, _with_table(tmp_path, {}), tmp_path / "run")
    assert set(prepared.folds) == {"train", "validation", "calibration", "test"}
    assert "| groups on two sides of the split | 0 |" in (tmp_path / "run" / "audit.md").read_text("utf-8")


def test_a_person_on_two_sides_is_refused_unless_that_is_wanted(tmp_path: Path) -> None:
    folder = _with_table(tmp_path, {"IM-0000-0001.jpg": "test"})
    with pytest.raises(InputRefused, match="two sides") as refused:
        run.prepare(FOLDERS, folder, tmp_path / "run")
    assert "1 groups" in str(refused.value)
    run.prepare(FOLDERS, folder, tmp_path / "run", allow_leakage=True)


def test_the_same_picture_under_two_answers_is_named(tmp_path: Path) -> None:
    draw_pictures(tmp_path, people=6)
    pictures = tmp_path / "pictures"
    shutil.copyfile(
        pictures / "NORMAL" / "IM-0000-0000.jpg", pictures / "PNEUMONIA" / "person99_virus_0.jpg"
    )
    prepared = run.prepare(replace(RECIPE, package=None), tmp_path, tmp_path / "run")
    text = (tmp_path / "run" / "audit.md").read_text("utf-8")
    assert "| of these with different answers | 1 |" in text
    assert "person99_virus_0.jpg" in text
    # A duplicate joins the two people, so it never sits on both sides.
    folds = {
        fold
        for item, fold in zip(prepared.images.items, prepared.folds, strict=True)
        if item.path.name in {"IM-0000-0000.jpg", "person99_virus_0.jpg"}
    }
    assert len(folds) == 1


def test_a_file_that_cannot_be_read_is_left_out_and_named(tmp_path: Path) -> None:
    draw_pictures(tmp_path, people=4)
    (tmp_path / "pictures" / "NORMAL" / "IM-0077-0000.jpg").write_bytes(b"no picture")
    prepared = run.prepare(replace(RECIPE, package=None), tmp_path, tmp_path / "run")
    assert len(prepared.images.items) == 16
    assert "cannot be read: IM-0077-0000.jpg" in (tmp_path / "run" / "audit.md").read_text("utf-8")


def test_a_size_that_tells_the_answers_apart_is_pointed_at(tmp_path: Path) -> None:
    draw_pictures(tmp_path, people=6)
    for path in (tmp_path / "pictures" / "PNEUMONIA").glob("*.jpg"):
        picture = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        assert picture is not None
        cv2.imwrite(str(path), cv2.resize(picture, (64, 48)))
    run.prepare(replace(RECIPE, package=None), tmp_path, tmp_path / "run")
    text = (tmp_path / "run" / "audit.md").read_text("utf-8")
    assert "| Patch | width | 1.00 | look into this |" in text
    assert "| Patch | height | 0.50 |  |" in text


def test_a_mirrored_or_turned_copy_is_found_and_what_is_even_is_not() -> None:
    random = np.random.default_rng(0)
    one = random.integers(0, 256, (48, 48)).astype(np.uint8)
    other = random.integers(0, 256, (48, 48)).astype(np.uint8)
    rows = np.repeat(np.arange(48), 48).reshape(48, 48)
    round_one = (255 * np.exp(-((rows - 23.5) ** 2 + (rows.T - 23.5) ** 2) / 200)).astype(np.uint8)
    pictures = np.stack([one, np.rot90(one), other, other[:, ::-1], one, round_one, round_one[::-1]])
    found = split.turned_duplicates(np.ascontiguousarray(pictures))
    assert found == [(0, 1), (1, 4), (2, 3)]


def test_a_sex_and_a_view_that_go_with_an_answer_are_pointed_at(tmp_path: Path) -> None:
    draw_pictures(tmp_path, people=12)
    rows = ["image,patient,view,sex,age,labels"]
    for path in sorted((tmp_path / "pictures").glob("*/*.jpg")):
        sick, number = (
            path.parent.name == "PNEUMONIA",
            int("".join(c for c in path.stem if c.isdigit())[-3:]),
        )
        person = path.stem.rsplit("-", 1)[0] if "IM" in path.stem else path.stem.split("_")[0]
        sex = "M" if sick == (number % 7 > 0) else "F"
        rows.append(
            f"{path.parent.name}/{path.name},{person},{'AP' if sick else 'PA'},{sex},40,{'Patch' * sick}"
        )
    (tmp_path / "pictures" / "labels.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    (tmp_path / "pictures" / "images").symlink_to(tmp_path / "pictures")
    table = replace(RECIPE, source="table", package=None)
    run.prepare(table, tmp_path, tmp_path / "run")
    text = (tmp_path / "run" / "audit.md").read_text("utf-8")
    assert "| Patch | is view AP | 1.00 | look into this |" in text
    assert "| view AP | Patch | 24 | 24 | 1.00 |" in text
    assert "| Patch | is sex M | 0." in text
    assert "is age 40 to 59" not in text


def test_an_unknown_answer_contradicts_nothing(tmp_path: Path) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (2, 32, 32)).astype(np.uint8)
    picture[1] = picture[0]
    items = tuple(sources.Item(Path(name), 1, name, "a") for name in ("x", "y"))
    images = dataset.Images(items, picture, ("1", "1"), np.full((2, 2), 32))
    for second, conflicts in (([1, -1], 0), ([0, -1], 1)):
        found = audit.of(
            images, np.array([[1, 0], second]), ("train", "train"), ("a", "b"), named=("x", "y")
        )
        assert (found.duplicates, found.copies, found.conflicts) == (1, 1, conflicts)


def test_attention_outside_a_box_is_the_share_of_its_weight() -> None:
    grid = np.zeros((8, 8), np.float32)
    grid[0, :] = 1
    assert confounds.outside(grid, (0.5, 0.0, 1.0, 1.0)) == pytest.approx(1, abs=0.01)
    assert confounds.outside(grid, (0.0, 0.0, 1.0, 0.5)) == pytest.approx(0.5, abs=0.01)
    assert np.isnan(confounds.outside(-grid, (0.0, 0.0, 1.0, 0.5)))
    assert confounds.area((0.0, 0.25, 0.5, 0.75)) == pytest.approx(0.25)


def test_a_number_tells_apart_whichever_way_round() -> None:
    truth = np.array([False, False, True, True])
    assert confounds.apart([1, 2, 3, 4], truth) == confounds.apart([4, 3, 2, 1], truth) == 1
    assert confounds.apart([1, 1, 1, 1], truth) == 0.5


def test_a_label_table_gives_several_answers_to_an_image(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text(
        "image,patient,view,labels\na.png,1,PA,Mass|Hernia\nb.png,2,AP,No Finding\n", encoding="utf-8"
    )
    recipe = Recipe("x", "efficientnet-b0", "table", ".", ("Hernia", "Mass"), group="patient")
    items = sources.read(recipe, tmp_path)
    assert [item.stratum for item in items] == ["view PA", "view AP"]
    np.testing.assert_array_equal(sources.truth(items, 2, softmax=False), [[1, 1], [0, 0]])


def test_the_words_of_a_task_say_whether_one_label_is_right() -> None:
    single: Words = replace(WORDS, task="single-label")
    assert replace(RECIPE, package=single).softmax
    assert not RECIPE.softmax
