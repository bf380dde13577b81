"""Public sets and a hospital's own folders, made small with the names and columns of the real ones."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from pydicom.data import get_testdata_file

from medvision_desktop.errors import InputRefused
from medvision_desktop.training import dataset, pictures, sources, split
from medvision_desktop.training.recipe import Recipe
from tests.helpers.model_cases import RECIPE, WORDS

BASE = Recipe("x", "efficientnet-b0", "", ".", ("Pleural Thickening", "Mass"))
NIH_HEAD = (
    "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,"
    "OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y],\n"
)


def _picture(path: Path, seed: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (40, 40)).astype(np.uint8)
    cv2.imwrite(str(path), pixels)
    return path


@pytest.fixture
def nih(tmp_path: Path) -> Path:
    rows = [
        "00000001_000.png,Mass|Pleural_Thickening,0,1,057Y,M,PA,2682,2749,0.143,0.143,",
        "00000001_001.png,No Finding,1,1,58,M,AP,2682,2749,0.143,0.143,",
        "00000002_000.png,Hernia,0,2,81,F,PA,2682,2749,0.143,0.143,",
        "00000003_000.png,Mass,0,3,20,F,PA,2682,2749,0.143,0.143,",
    ]
    (tmp_path / "Data_Entry_2017.csv").write_text(NIH_HEAD + "\n".join(rows) + "\n", encoding="utf-8")
    (tmp_path / "test_list.txt").write_text("00000002_000.png\n", encoding="utf-8")
    for place in (
        "images_001/images/00000001_000",
        "images_001/images/00000001_001",
        "images/00000002_000",
    ):
        _picture(tmp_path / f"{place}.png")
    return tmp_path


def test_nih_is_read_as_it_is_downloaded_and_what_is_not_there_is_passed_over(nih: Path) -> None:
    items = sources.read(replace(BASE, source="nih"), nih)
    assert [item.marks for item in items] == [(0, 1), (), ()]
    assert [item.group for item in items] == ["nih/1", "nih/1", "nih/2"]
    assert items[0].stratum == "view PA; sex M; age 40 to 59"
    assert {item.fold for item in items} == {""}
    kept = sources.read(replace(BASE, source="nih", kept_split=True), nih)
    assert [item.fold for item in kept] == ["", "", "test"]


def test_a_recipe_may_ask_for_views_and_for_the_first_so_many(nih: Path) -> None:
    only = sources.read(replace(BASE, source="nih", views=("PA",)), nih)
    assert [item.path.name for item in only] == ["00000001_000.png", "00000002_000.png"]
    drawn = {
        sources.read(replace(BASE, source="nih", at_most=1, seed=seed), nih)[0].group for seed in range(9)
    }
    assert drawn == {"nih/1", "nih/2"}
    with pytest.raises(InputRefused, match="None is of the views LL"):
        sources.read(replace(BASE, source="nih", views=("LL",)), nih)


@pytest.fixture
def chexpert(tmp_path: Path) -> Path:
    head = "Path,Sex,Age,Frontal/Lateral,AP/PA,No Finding,Mass,Pleural Thickening\n"
    stem = "CheXpert-v1.0-small"
    rows = [
        f"{stem}/train/patient00001/study1/view1_frontal.jpg,Female,68,Frontal,AP,1.0,,",
        f"{stem}/train/patient00002/study2/view1_frontal.jpg,Male,87,Frontal,PA,,-1.0,1.0",
        f"{stem}/train/patient00002/study2/view2_lateral.jpg,Male,87,Lateral,,,0.0,-1.0",
        f"{stem}/train/patient00009/study2/view1_frontal.jpg,Male,87,Frontal,AP,,0.0,-1.0",
    ]
    (tmp_path / "train.csv").write_text(head + "\n".join(rows) + "\n", encoding="utf-8")
    for row in rows[:3]:
        _picture(tmp_path / row.split(",")[0].removeprefix(f"{stem}/"))
    return tmp_path


@pytest.mark.parametrize(
    ("uncertain", "wanted"),
    [
        ("ignore", [[0, 0], [1, -1], [-1, 0]]),
        ("zeros", [[0, 0], [1, 0], [0, 0]]),
        ("ones", [[0, 0], [1, 1], [1, 0]]),
    ],
)
def test_chexpert_takes_uncertain_answers_as_the_recipe_says(
    chexpert: Path, uncertain: str, wanted: list[list[int]]
) -> None:
    items = sources.read(replace(BASE, source="chexpert", uncertain=uncertain), chexpert)
    np.testing.assert_array_equal(sources.truth(items, 2, softmax=False), wanted)
    assert [item.group for item in items] == ["chexpert/patient00001", *["chexpert/patient00002"] * 2]
    assert items[2].stratum == "view LATERAL; sex M; age 80 and over"


def test_one_uncertain_answer_of_one_label_is_not_known(chexpert: Path) -> None:
    items = sources.read(replace(BASE, source="chexpert", labels=("Mass",)), chexpert)
    np.testing.assert_array_equal(sources.truth(items, 1, softmax=False), [[0], [-1], [0]])


def test_a_set_of_which_nothing_is_there_is_refused(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text("Path,Sex,Age\n../../etc/passwd,M,3\n", encoding="utf-8")
    with pytest.raises(InputRefused, match="no training images"):
        sources.read(replace(BASE, source="chexpert"), tmp_path)
    with pytest.raises(InputRefused, match="label table"):
        sources.read(replace(BASE, source="nih"), tmp_path)


def test_a_split_of_folders_is_kept_where_the_recipe_says_so(tmp_path: Path) -> None:
    for fold, count in (("train", 4), ("val", 12), ("test", 3)):
        for name in ("CAT", "DOG"):
            for index in range(count):
                _picture(tmp_path / fold / name / f"p{index}_{fold}.png")
    recipe = replace(BASE, source="folders", classes=("CAT", "DOG"), labels=("Dog",))
    pooled = sources.read(recipe, tmp_path)
    assert len(pooled) == 38
    assert {item.fold for item in pooled} == {""}
    kept = sources.read(replace(recipe, kept_split=True), tmp_path)
    folds = [item.fold for item in kept]
    assert (folds.count("train"), folds.count("test")) == (8, 6)
    assert folds.count("validation") + folds.count("calibration") == 24
    assert min(folds.count("validation"), folds.count("calibration")) > 4


def test_people_are_found_in_file_names_by_a_pattern(tmp_path: Path) -> None:
    for name in ("A/p1_a.png", "A/p2_a.png", "B/p1_b.png", "B/other.png"):
        _picture(tmp_path / name)
    recipe = replace(BASE, source="folders", classes=("A", "B"), labels=("B",), group=r"re:^(p\d+)_")
    assert [item.group for item in sources.read(recipe, tmp_path)] == ["p1", "p2", "B/other", "p1"]


def test_kaggles_pneumonia_set_is_read_with_its_folders_of_a_split(tmp_path: Path) -> None:
    _picture(tmp_path / "train" / "NORMAL" / "IM-0115-0001.jpeg")
    _picture(tmp_path / "test" / "PNEUMONIA" / "person1_virus_6.jpeg")
    items = sources.kermany(tmp_path)
    assert [(item.label, item.group) for item in items] == [(0, "IM-0115"), (1, "person1")]


def test_a_table_without_the_column_that_it_needs_is_refused(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("image,labels\na.png,Mass\n", encoding="utf-8")
    with pytest.raises(InputRefused, match="no column 'patient'"):
        sources.read(replace(BASE, source="table"), tmp_path)


@pytest.fixture
def hospital(tmp_path: Path) -> Path:
    for name in ("CT_small.dcm", "MR_small.dcm", "JPEG2000.dcm"):
        found = get_testdata_file(name)
        assert isinstance(found, str)
        (tmp_path / name).write_bytes(Path(found).read_bytes())
    (tmp_path / "notes.dcm").write_text("not an image", encoding="utf-8")
    return tmp_path


def test_a_folder_of_dicom_takes_people_and_views_from_the_header(hospital: Path) -> None:
    import pydicom

    header = pydicom.dcmread(hospital / "CT_small.dcm", stop_before_pixels=True)
    (hospital / "labels.csv").write_text(
        "file,sop_instance_uid,Mass,Pleural_Thickening\n"
        "CT_small.dcm,,1,0\nMR_small.dcm,,,1\n../x.dcm,,1,1\nnotes.dcm,,1,1\n",
        encoding="utf-8",
    )
    items = sources.read(replace(BASE, source="dicom-table"), hospital)
    np.testing.assert_array_equal(sources.truth(items, 2, softmax=False), [[0, 1], [1, -1]])
    assert len({item.group for item in items}) == 2
    assert str(header.PatientID) not in "".join(item.group for item in items)
    assert f"sex {header.PatientSex}" in items[0].stratum


def test_dicom_named_by_uid_is_decoded_by_the_programs_own_pipeline(hospital: Path) -> None:
    import pydicom

    uid = pydicom.dcmread(hospital / "JPEG2000.dcm", stop_before_pixels=True).SOPInstanceUID
    (hospital / "labels.csv").write_text(f"uid,labels\n{uid},Mass\n1.2.3,Mass\n", encoding="utf-8")
    items = sources.read(replace(BASE, source="dicom-table"), hospital)
    assert [item.path.name for item in items] == ["JPEG2000.dcm"]
    images = dataset.load(items, 32, (0.5, 99.5))
    assert images.pictures.shape == (1, 32, 32)
    assert images.shapes.tolist() == [[1024, 256]]


def test_compressed_files_share_a_decoder_that_ends_with_the_last_of_them() -> None:
    with pictures.decoding() as outer:
        with pictures.decoding() as inner:
            assert inner is outer
        with pictures.decoding() as again:
            assert again is outer
    with pictures.decoding() as fresh:
        assert fresh is not outer


def test_more_images_than_the_memory_holds_are_refused_before_any_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    items = [sources.Item(_picture(tmp_path / f"{index}.png"), 0, "g", "s") for index in range(3)]
    monkeypatch.setattr(dataset, "_memory_bytes", lambda: 8000)
    assert len(dataset.load(items, 32, (0.5, 99.5)).items) == 3
    monkeypatch.setattr(dataset, "_memory_bytes", lambda: 7600)
    with pytest.raises(InputRefused, match="Take fewer with at_most"):
        dataset.load(items, 32, (0.5, 99.5))


def test_several_right_answers_are_not_one(tmp_path: Path, hospital: Path) -> None:
    (hospital / "labels.csv").write_text(
        "file,labels\nCT_small.dcm,Mass|Pleural Thickening\nMR_small.dcm,Mass\n", encoding="utf-8"
    )
    single = replace(BASE, source="dicom-table", package=replace(WORDS, task="single-label"))
    items = sources.read(single, hospital)
    assert [(item.path.name, item.label) for item in items] == [("MR_small.dcm", 1)]
    assert not RECIPE.softmax


def test_a_drawn_part_of_a_set_is_split_like_the_whole(tmp_path: Path) -> None:
    """The draw and the split follow from the same seed, and must not follow from one another."""
    rows = [f"{index:08d}_000.png,Mass,0,{index},50,M,PA,1,1,1,1," for index in range(400)]
    (tmp_path / "Data_Entry_2017.csv").write_text(NIH_HEAD + "\n".join(rows) + "\n", encoding="utf-8")
    (tmp_path / "images").mkdir()
    for index in range(400):
        (tmp_path / "images" / f"{index:08d}_000.png").touch()
    items = sources.read(replace(BASE, source="nih", at_most=200), tmp_path)
    folds = [split.fold_of(item.group, 0) for item in items]
    assert 110 < folds.count("train") < 170
    assert folds.count("test") > 5
