"""Structured reports as text, against DCMTK's dump and against trees made here."""

from __future__ import annotations

import copy
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.uid import (
    BasicTextSRStorage,
    Comprehensive3DSRStorage,
    ComprehensiveSRStorage,
    EnhancedSRStorage,
    ExtensibleSRStorage,
    ImplicitVRLittleEndian,
    MammographyCADSRStorage,
    XRayRadiationDoseSRStorage,
)

from medvision_desktop.domain.document import ImageName, ReportText, Role
from medvision_desktop.errors import InputRefused
from medvision_desktop.io import dicom_report
from tests.helpers.dicom_files import write
from tests.helpers.report_files import code, item, report


def _texts(found: ReportText) -> list[tuple[int, str, str]]:
    return [(line.depth, line.name, line.value) for line in found.lines]


def test_every_value_that_dcmtk_prints_is_in_the_text_in_the_same_order() -> None:
    path = str(get_testdata_file("test-SR.dcm"))
    dump = shutil.which("dsrdump")
    if dump is None:
        pytest.skip("dsrdump of DCMTK is not installed")
    printed = subprocess.run([dump, path], capture_output=True, check=True).stdout.decode("latin-1")
    body = printed[printed.index("<CONTAINER") :]
    wanted = re.findall(r'(?:TEXT|UIDREF):[^=\n]*="([^"\\.]{3,})', body)
    shown = "\n".join(value for _, _, value in _texts(dicom_report.read_report(Path(path))))

    at = 0
    for words in wanted:
        assert words in shown[at:]
        at = shown.index(words, at) + len(words)
    assert len(wanted) > 5


@pytest.mark.parametrize(
    "sop_class",
    [
        BasicTextSRStorage,
        EnhancedSRStorage,
        ComprehensiveSRStorage,
        Comprehensive3DSRStorage,
        ExtensibleSRStorage,
        MammographyCADSRStorage,
        XRayRadiationDoseSRStorage,
    ],
)
def test_a_report_of_any_class_is_read(tmp_path: Path, sop_class: str) -> None:
    tree = report([item("TEXT", "Finding", TextValue="No fracture.")], SOPClassUID=sop_class)
    path = write(tree, tmp_path / "report.dcm")

    assert _texts(dicom_report.read_report(path)) == [(0, "Finding", "No fracture.")]


def test_containers_are_headings_and_what_they_hold_is_indented() -> None:
    found = dicom_report._report(
        report(
            [
                item(
                    "CONTAINER",
                    "Findings",
                    content=[
                        item("CODE", "Finding", ConceptCodeSequence=[code("Nodule", "M-03010")]),
                        item("TEXT", "Comment", TextValue="Left upper lobe."),
                    ],
                )
            ]
        )
    )

    assert _texts(found) == [
        (0, "Findings", ""),
        (1, "Finding", "Nodule"),
        (1, "Comment", "Left upper lobe."),
    ]
    assert found.lines[0].role is Role.HEADING


@pytest.mark.parametrize(
    ("unit", "shown"),
    [
        (("mm", "millimeter", "UCUM"), "12.5 mm"),
        (("{ratio}", "ratio", "UCUM"), "12.5 ratio"),
        (("[hnsf'U]", "Hounsfield unit", "UCUM"), "12.5 Hounsfield unit"),
        (("1", "no units", "UCUM"), "12.5"),
        (("X-1", "Grays", "99LOCAL"), "12.5 Grays"),
    ],
)
def test_a_number_is_shown_with_its_unit(unit: tuple[str, str, str], shown: str) -> None:
    measured = Dataset()
    measured.NumericValue = "12.5"
    measured.MeasurementUnitsCodeSequence = [code(unit[1], unit[0], unit[2])]
    found = dicom_report._report(report([item("NUM", "Diameter", MeasuredValueSequence=[measured])]))

    assert _texts(found) == [(0, "Diameter", shown)]


def test_a_number_without_a_value_says_why() -> None:
    why = [code("Measurement failure", "114006", "DCM")]
    found = dicom_report._report(report([item("NUM", "Diameter", NumericValueQualifierCodeSequence=why)]))

    assert _texts(found) == [(0, "Diameter", "no value (Measurement failure)")]


def test_a_continuous_container_is_one_sentence() -> None:
    children = [
        item("TEXT", "", TextValue="A mass of"),
        item("CODE", "", ConceptCodeSequence=[code("three", "3")]),
        item("TEXT", "", TextValue="centimetres."),
    ]
    found = dicom_report._report(
        report([item("CONTAINER", "Finding", content=children, ContinuityOfContent="CONTINUOUS")])
    )

    assert _texts(found) == [(0, "Finding", "A mass of three centimetres.")]


def test_an_image_item_says_which_image_and_frame_it_points_at() -> None:
    reference = Dataset()
    reference.ReferencedSOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    reference.ReferencedSOPInstanceUID = "1.2.3.4"
    plain = item("IMAGE", "Whole", ReferencedSOPSequence=[copy.deepcopy(reference)])
    reference.ReferencedFrameNumber = [7, 9]
    framed = item("IMAGE", "Framed", ReferencedSOPSequence=[reference])
    words = item("TEXT", "Words", TextValue="1.2.3.4")
    found = dicom_report._report(report([plain, framed, item("IMAGE", "None"), words]))

    wanted = [ImageName("1.2.3.4"), ImageName("1.2.3.4", 7), None, None]
    assert [line.image for line in found.lines] == wanted


def test_an_outline_names_the_image_that_it_was_selected_from() -> None:
    reference = Dataset()
    reference.ReferencedSOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    reference.ReferencedSOPInstanceUID = "1.2.3.4"
    reference.ReferencedFrameNumber = [2, 3]
    image = item("IMAGE", "", relation="SELECTED FROM", ReferencedSOPSequence=[reference])
    outline = item(
        "SCOORD", "Outline", GraphicType="POLYLINE", GraphicData=[1.0, 2.0, 3.5, 4.0], content=[image]
    )
    found = dicom_report._report(report([outline]))

    assert _texts(found) == [
        (0, "Outline", "polyline through (1, 2) (3.5, 4) (column, row)"),
        (1, "Selected from", "CT Image, frames 2, 3 1.2.3.4"),
    ]


def test_dates_times_names_and_uids_are_readable() -> None:
    found = dicom_report._report(
        report(
            [
                item("DATE", "Day", Date="20240229"),
                item("TIME", "Clock", Time="081530"),
                item("DATETIME", "Moment", DateTime="20240229081530.25+0100"),
                item("PNAME", "Observer", PersonName="Doe^Jane"),
                item("UIDREF", "Class", UID="1.2.840.10008.1.1"),
            ]
        )
    )

    assert [value for _, _, value in _texts(found)] == [
        "2024-02-29",
        "08:15:30",
        "2024-02-29 08:15:30",
        "Doe, Jane",
        "Verification SOP Class (1.2.840.10008.1.1)",
    ]
    assert "Doe" not in found.as_text(masked=True)


def test_an_item_by_reference_says_which() -> None:
    reference = Dataset()
    reference.RelationshipType = "INFERRED FROM"
    reference.ReferencedContentItemIdentifier = [1, 2, 1]
    found = dicom_report._report(
        report([item("TEXT", "Impression", TextValue="Benign.", content=[reference])])
    )

    assert _texts(found)[1] == (1, "Inferred from", "item 1.2.1")


def test_markup_and_escapes_in_a_text_are_plain_text() -> None:
    found = dicom_report._report(
        report([item("TEXT", "<b>Finding</b>", TextValue="<img src=x>\x1b[31m red\nsecond\u202e line")])
    )

    assert _texts(found) == [(0, "<b>Finding</b>", "<img src=x>[31m red\nsecond line")]


def test_a_tree_that_is_too_deep_ends_with_a_word_about_it() -> None:
    node = item("CONTAINER", "level 99")
    for level in range(98, 0, -1):
        node = item("CONTAINER", f"level {level}", content=[node])
    found = dicom_report._report(report([node]))

    assert len(found.lines) == dicom_report.MOST_DEPTH + 1
    assert found.lines[-1].role is Role.NOTE


def test_a_tree_that_is_too_long_ends_with_a_word_about_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dicom_report, "MOST_LINES", 50)
    found = dicom_report._report(report([item("TEXT", "Line", TextValue=str(n)) for n in range(80)]))

    assert [line.value for line in found.lines[:50]] == [str(n) for n in range(50)]
    assert found.lines[50].role is Role.NOTE
    assert len(found.lines) == 51


def test_a_content_tree_of_more_than_a_megabyte_is_read(tmp_path: Path) -> None:
    words = "x" * 15_000
    tree = report([item("TEXT", f"Line {n}", TextValue=words) for n in range(90)])
    path = write(tree, tmp_path / "long.dcm", transfer_syntax=ImplicitVRLittleEndian)

    assert len(dicom_report.read_report(path).lines) == 90


@pytest.mark.parametrize("kept", [200, 500, 900])
def test_a_report_that_was_cut_is_refused_or_read_as_far_as_it_goes(tmp_path: Path, kept: int) -> None:
    tree = report(
        [item("TEXT", "Finding", TextValue="No fracture.", content=[item("TEXT", "More", TextValue="x")])]
    )
    path = write(tree, tmp_path / "report.dcm")
    path.write_bytes(path.read_bytes()[:kept])
    try:
        lines: Any = dicom_report.read_report(path).lines
    except InputRefused as refusal:
        lines = [refusal.what]

    assert lines


def test_an_empty_report_is_refused_in_one_sentence(tmp_path: Path) -> None:
    tree = report([])
    del tree.ContentSequence
    del tree.ValueType
    path = write(tree, tmp_path / "report.dcm")

    with pytest.raises(InputRefused, match="no content"):
        dicom_report.read_report(path)


@pytest.mark.parametrize("seed", range(60))
def test_a_report_with_damaged_bytes_is_read_or_refused(tmp_path: Path, seed: int) -> None:
    data = bytearray(Path(str(get_testdata_file("test-SR.dcm"))).read_bytes())
    random = np.random.default_rng(seed)
    for at in random.integers(140, len(data), size=int(random.integers(1, 40))):
        data[int(at)] = int(random.integers(0, 256))
    path = tmp_path / "damaged.dcm"
    path.write_bytes(bytes(data))
    try:
        words = dicom_report.read_report(path).as_text()
    except InputRefused as refusal:
        words = refusal.what

    assert words
    assert all(sign.isprintable() or sign == "\n" for sign in words)
