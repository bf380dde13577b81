"""`index` and `render` over real files, folders, archives and things that are no images."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from medvision_desktop.cli import run
from tests.helpers.dicom_files import write
from tests.helpers.report_files import item, report

Capture = pytest.CaptureFixture[str]
Sample = Callable[[str], Path]


@pytest.fixture
def ask(tmp_path: Path, capsys: Capture) -> Callable[..., tuple[int, list[dict[str, Any]], str]]:
    def asked(*arguments: object) -> tuple[int, list[dict[str, Any]], str]:
        code = run([*map(str, arguments), "--json", "--data-dir", str(tmp_path / "data")])
        captured = capsys.readouterr()
        return code, [json.loads(line) for line in captured.out.splitlines()], captured.err

    return asked


def test_a_study_is_listed_with_what_its_header_says(ask: Any, sample_file: Sample) -> None:
    code, lines, complaints = ask("index", sample_file("RG1_UNCR.dcm"))
    assert (code, complaints) == (0, "")
    assert len(lines) == 1
    assert (lines[0]["item"], lines[0]["modality"], lines[0]["body_part"]) == ("series", "CR", "CHEST")
    assert lines[0]["patient"]["id"] == "9RG1"
    assert lines[0]["paths"] == [str(sample_file("RG1_UNCR.dcm"))]


def test_an_archive_is_listed_and_what_is_no_image_is_named(
    ask: Any, sample_file: Sample, tmp_path: Path
) -> None:
    archive = tmp_path / "studies.zip"
    with zipfile.ZipFile(archive, "w") as made:
        made.write(sample_file("693_UNCR.dcm"), "a/ct.dcm")
        made.writestr("a/notes.txt", "nothing")
    code, lines, complaints = ask("index", archive)
    assert code == 0
    assert [line["item"] for line in lines] == ["series", "refused"]
    assert "notes.txt" in complaints
    assert not list((tmp_path / "data" / "cache").iterdir())


def test_nothing_readable_is_a_refusal(ask: Any, tmp_path: Path) -> None:
    (tmp_path / "x.dcm").write_bytes(b"no DICOM at all")
    code, lines, complaints = ask("index", tmp_path / "x.dcm")
    assert code == 2
    assert lines[0]["item"] == "refused"
    assert complaints.count("\n") == 1


def test_an_empty_folder_is_a_refusal_in_words(ask: Any, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    code, lines, complaints = ask("index", tmp_path / "empty")
    assert (code, lines) == (2, [])
    assert complaints.count("\n") == 1


def test_an_image_is_drawn_at_its_own_size(ask: Any, sample_file: Sample, tmp_path: Path) -> None:
    code, lines, _ = ask(
        "render", sample_file("693_UNCR.dcm"), "--out", tmp_path / "ct.png", "--window", "40", "400"
    )
    assert code == 0
    assert lines[0]["shape"] == [512, 512]
    assert lines[0]["window"] == {"center": 40.0, "width": 400.0, "function": "LINEAR", "source": "reader"}
    with Image.open(tmp_path / "ct.png") as drawn:
        assert drawn.size == (512, 512)


def test_inverting_gives_the_complement_of_every_level(
    ask: Any, sample_file: Sample, tmp_path: Path
) -> None:
    for name, extra in (("a.png", ()), ("b.png", ("--invert",))):
        assert ask("render", sample_file("693_UNCR.dcm"), "--out", tmp_path / name, *extra)[0] == 0
    with Image.open(tmp_path / "a.png") as first, Image.open(tmp_path / "b.png") as second:
        total = np.asarray(first).astype(int) + np.asarray(second)
    # Padding lies outside the image and is black either way.
    image = total > 0
    assert image.mean() > 0.5
    assert np.abs(total[image] - 255).max() <= 1


def test_many_are_drawn_into_a_folder_and_refusals_end_nothing(
    ask: Any, sample_file: Sample, tmp_path: Path
) -> None:
    (tmp_path / "bad.dcm").write_bytes(b"bad")
    out = tmp_path / "out"
    code, lines, complaints = ask(
        "render", tmp_path / "bad.dcm", sample_file("693_UNCR.dcm"), "--out", out, "--format", "npy"
    )
    assert code == 0
    assert [line["state"] for line in lines] == ["refused", "ok"]
    assert "1 of 2" in complaints
    values = np.load(lines[1]["out"])
    assert values.dtype == np.float32
    assert 0 <= values.min() <= values.max() <= 1


@pytest.mark.parametrize(
    ("more", "name", "said"),
    [((), "a.jpg", "not png or npy"), (("again",), "a.png", "several"), (("again",), "a.npy", "several")],
)
def test_a_place_that_no_image_can_have_is_refused_before_anything_is_drawn(
    ask: Any, sample_file: Sample, tmp_path: Path, more: tuple[str, ...], name: str, said: str
) -> None:
    images = [sample_file("693_UNCR.dcm") for _ in ("once", *more)]
    code, lines, complaints = ask("render", *images, "--out", tmp_path / name)
    assert (code, lines) == (2, [])
    assert said in complaints
    assert not (tmp_path / name).exists()


def test_a_place_below_a_file_is_refused_as_any_other(
    ask: Any, sample_file: Sample, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    code, _, complaints = ask("render", sample_file("693_UNCR.dcm"), "--out", tmp_path / "file" / "a.png")
    assert code == 2
    assert "The image was not written." in complaints


@pytest.mark.parametrize("window", [["40"], ["a", "b"], ["nan", "1"], ["40", "0"], ["40", "inf"]])
def test_a_window_that_is_none_is_refused(ask: Any, sample_file: Sample, window: list[str]) -> None:
    code, _, complaints = ask("render", sample_file("693_UNCR.dcm"), "--window", *window)
    assert code == 2
    assert "window" in complaints.lower()


def test_a_volume_is_cut(ask: Any, tmp_path: Path) -> None:
    nibabel = pytest.importorskip("nibabel")
    path = tmp_path / "v.nii"
    nibabel.save(
        nibabel.Nifti1Image(np.arange(24 * 20 * 16, dtype=np.int16).reshape(24, 20, 16), np.eye(4)), path
    )
    code, lines, _ = ask("render", path, "--plane", "coronal", "--slice", "3", "--out", tmp_path / "x.png")
    assert code == 0
    assert lines[0]["shape"] == [16, 24]


def test_a_batch_prints_one_line_a_file_whatever_becomes_of_it(
    ask: Any, sample_file: Sample, tmp_path: Path
) -> None:
    (tmp_path / "bad.dcm").write_bytes(b"bad")
    good = sample_file("693_UNCR.dcm")
    listed = tmp_path / "list.txt"
    listed.write_text(
        f"{tmp_path / 'bad.dcm'}\n\n{good}\r\n{tmp_path / 'none.dcm'}\n{good}\n", encoding="utf-8"
    )
    code, lines, _ = ask("render", "--batch", listed, "--out-dir", tmp_path / "out", "--format", "npy")
    assert code == 0
    assert [line["state"] for line in lines] == ["refused", "ok", "refused", "ok"]
    assert set(lines[0]) == {"path", "state", "why", "shape", "window", "badges", "seconds", "out"}
    assert all(line["why"].endswith(".") for line in lines if line["state"] == "refused")
    first, second = np.load(lines[1]["out"]), np.load(lines[3]["out"])
    assert lines[1]["out"] != lines[3]["out"]
    assert np.array_equal(first, second)


def test_a_list_that_is_not_there_is_refused(ask: Any, tmp_path: Path) -> None:
    code, lines, complaints = ask("render", "--batch", tmp_path / "none.txt")
    assert (code, lines) == (2, [])
    assert complaints.count("\n") == 1


def test_layers_are_drawn_only_when_asked_for(ask: Any, sample_file: Sample, tmp_path: Path) -> None:
    leg = sample_file("RG3_UNCR.dcm")
    shown = {}
    for name, extra in (("usual", ()), ("without", ("--no-overlays",)), ("with", ("--overlays",))):
        out = tmp_path / f"{name}.npy"
        assert ask("render", leg, "--out", out, *extra)[0] == 0
        shown[name] = np.load(out)
    assert np.array_equal(shown["usual"], shown["without"])
    assert shown["usual"][:, 0].min() > 0.9
    assert shown["with"][:, 0].max() == 0.0
    assert np.array_equal(shown["with"][:, 600:1100], shown["usual"][:, 600:1100])


@pytest.mark.parametrize(
    ("options", "named"),
    [(["--voi", "0", "--window", "40", "400"], "--window"), (["--slice", "3"], "--plane")],
)
def test_options_that_do_not_go_together_are_refused(
    ask: Any, sample_file: Sample, options: list[str], named: str
) -> None:
    code, lines, complaints = ask("render", sample_file("693_UNCR.dcm"), *options)
    assert (code, lines) == (2, [])
    assert named in complaints


def test_a_report_is_listed_as_a_document_and_not_drawn(ask: Any, tmp_path: Path) -> None:
    path = tmp_path / "report.dcm"
    write(report([item("TEXT", "Finding", TextValue="None.")]), path)
    code, lines, _ = ask("index", path)
    assert code == 0
    assert [(line["item"], line["kind"], line["title"]) for line in lines] == [
        ("document", "SR", "Radiology report")
    ]
    code, lines, complaints = ask("render", path)
    assert code == 2
    assert lines[0]["state"] == "refused"
    assert "document" in complaints


def test_a_name_that_no_file_can_have_costs_one_line(ask: Any, sample_file: Sample, tmp_path: Path) -> None:
    listed = tmp_path / "list.txt"
    listed.write_bytes(b"a\0b\n" + str(sample_file("693_UNCR.dcm")).encode() + b"\n" + b"x" * 5000 + b"\n")
    _, lines, _ = ask("render", "--batch", listed)
    assert [line["state"] for line in lines] == ["refused", "ok", "refused"]
    assert not [line for line in lines if "fault" in line["why"]]


def test_a_place_below_a_file_is_refused_in_words(ask: Any, sample_file: Sample, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    code, _, complaints = ask("render", sample_file("693_UNCR.dcm"), "--out", tmp_path / "file" / "a.png")
    assert code == 2
    assert "The image was not written. Not a directory." in complaints
