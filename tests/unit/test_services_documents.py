"""Reports and PDFs of a study: listed beside its images, read and drawn in the decoding child."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pydicom.uid import DeflatedExplicitVRLittleEndian, EncapsulatedCDAStorage, EncapsulatedSTLStorage

from medvision_desktop.domain.document import DocumentKind, DocumentRef
from medvision_desktop.domain.study import ScanResult
from medvision_desktop.errors import InputRefused
from medvision_desktop.io import documents
from medvision_desktop.io.decoder import Decoder
from medvision_desktop.services import open_study
from tests.helpers.dicom_files import ct, write
from tests.helpers.report_files import item, letter, pdf_document, report


def scanned(folder: Path) -> ScanResult:
    """What is found in a folder."""
    return open_study.index([folder], scratch=folder / "scratch")


def one_pdf(tmp_path: Path, pdf: bytes) -> DocumentRef:
    """A document file with this PDF in it."""
    write(pdf_document(pdf), tmp_path / "letter.dcm")
    (study,) = scanned(tmp_path).studies
    (document,) = study.documents
    return document


def test_a_report_and_a_letter_are_listed_under_the_study_of_their_images(tmp_path: Path) -> None:
    write(ct(), tmp_path / "image.dcm")
    write(report([item("TEXT", "Finding", TextValue="None.")], SeriesNumber=4), tmp_path / "report.dcm")
    write(pdf_document(letter(), SeriesNumber=5), tmp_path / "letter.dcm")
    found = scanned(tmp_path)

    (study,) = found.studies
    assert len(study.series) == 1
    assert [(one.kind, one.title) for one in study.documents] == [
        (DocumentKind.REPORT, "Radiology report"),
        (DocumentKind.PDF, "Letter"),
    ]
    assert not found.refused


def test_a_report_without_images_is_a_study_of_its_own(tmp_path: Path) -> None:
    write(report([item("TEXT", "Finding", TextValue="None.")]), tmp_path / "report.dcm")
    found = scanned(tmp_path)

    (study,) = found.studies
    assert study.series == ()
    assert study.patient.name == "Doe, Jane"
    assert len(study.documents) == 1


def test_a_report_of_another_patient_never_lies_under_these_images(tmp_path: Path) -> None:
    write(ct(), tmp_path / "image.dcm")
    write(report([item("TEXT", "Finding", TextValue="None.")], PatientID="9"), tmp_path / "report.dcm")

    assert [(len(study.series), len(study.documents)) for study in scanned(tmp_path).studies] == [
        (1, 0),
        (0, 1),
    ]


def test_a_copy_of_a_report_is_named_and_not_listed_twice(tmp_path: Path) -> None:
    tree = report([item("TEXT", "Finding", TextValue="None.")])
    write(tree, tmp_path / "one.dcm")
    write(tree, tmp_path / "two.dcm")
    found = scanned(tmp_path)

    assert len(found.studies[0].documents) == 1
    assert "copy" in found.refused[0].why.lower()


@pytest.mark.parametrize(
    ("kind", "name"), [(EncapsulatedCDAStorage, "CDA"), (EncapsulatedSTLStorage, "STL")]
)
def test_other_encapsulated_documents_are_refused_by_name(tmp_path: Path, kind: str, name: str) -> None:
    write(
        pdf_document(b"<xml/>", SOPClassUID=kind, MIMETypeOfEncapsulatedDocument="text/XML"),
        tmp_path / "a.dcm",
    )
    found = scanned(tmp_path)

    assert not found.studies
    assert name in found.refused[0].why


def test_a_report_read_in_the_child_is_the_report(tmp_path: Path, decoder: Decoder) -> None:
    write(report([item("TEXT", "Finding", TextValue="Två noduler.")]), tmp_path / "report.dcm")
    found = documents.report(scanned(tmp_path).studies[0].documents[0], decoder)

    assert [(line.name, line.value) for line in found.lines] == [("Finding", "Två noduler.")]


def test_a_page_is_drawn_as_it_lies(tmp_path: Path, decoder: Decoder) -> None:
    document = one_pdf(tmp_path, letter())
    sizes = documents.page_sizes(document, decoder)
    page = documents.page(document, 0, 400, decoder)

    assert sizes.points == ((200, 100), (200, 100))
    assert page.shape == (200, 400, 3)
    assert np.all(page[5:95, 5:95] == 0)
    assert np.all(page[105:140, 5:95] == 255)


def test_words_are_found_where_they_stand(tmp_path: Path, decoder: Decoder) -> None:
    document = one_pdf(tmp_path, letter())
    (found,) = documents.matches(document, "page 2", decoder)

    assert found.page == 1
    left, top, right, bottom = found.box
    assert 0.59 < left < 0.65 < right < 0.85
    assert 0.75 < top < bottom < 0.95
    assert documents.words(document, decoder).split() == ["Page", "1", "Page", "2"]


def test_a_deflated_letter_is_read(tmp_path: Path, decoder: Decoder) -> None:
    write(pdf_document(letter(1)), tmp_path / "letter.dcm", transfer_syntax=DeflatedExplicitVRLittleEndian)
    document = scanned(tmp_path).studies[0].documents[0]

    assert documents.page_sizes(document, decoder).total == 1


@pytest.mark.parametrize(
    "pdf",
    [b"", b"not a pdf at all", b"%PDF-1.4 nothing follows", letter()[:400], b"%PDF-" + b"\xff" * 3000],
)
def test_a_damaged_pdf_is_refused_in_one_sentence(tmp_path: Path, decoder: Decoder, pdf: bytes) -> None:
    document = one_pdf(tmp_path, pdf)

    with pytest.raises(InputRefused, match="The document cannot be shown"):
        documents.page_sizes(document, decoder)


def test_a_page_that_would_be_huge_is_drawn_smaller(tmp_path: Path, decoder: Decoder) -> None:
    document = one_pdf(tmp_path, letter(1, size=(50, 14_000)))
    page = documents.page(document, 0, 4096, decoder)

    assert page.size <= 3 * (1 << 25) * 1.01


def test_a_document_that_is_gone_is_refused(tmp_path: Path, decoder: Decoder) -> None:
    document = replace(one_pdf(tmp_path, letter(1)), path=tmp_path / "gone.dcm")

    with pytest.raises(InputRefused):
        documents.page_sizes(document, decoder)
