"""The page itself, read back by another library: pypdf for text and metadata, pdfium for the picture."""

from __future__ import annotations

import hashlib
import io
from dataclasses import replace

import numpy as np
import pypdfium2
import pytest
from pypdf import PdfReader

from medvision_desktop.domain.findings import Decision, Finding, LabelScore, ReviewState
from medvision_desktop.domain.report import AiStatement, Report, ReportSections
from medvision_desktop.errors import ExportFailed
from medvision_desktop.reporting import pdf
from tests.helpers.record_cases import MODEL, PATIENT, key_image

SCORE = LabelScore("Pneumonia", 0.93, 0.9, 0.5, positive=True)
AI = AiStatement(
    model=MODEL.name,
    version=MODEL.version,
    weights_sha256=MODEL.weights_sha256,
    state="done",
    ran_utc="2026-11-22T06:30:11Z",
    manifest_digest=hashlib.sha256(b"manifest").hexdigest(),
    trained_on="3 500 images of children",
    intended_use="research",
    gate_reasons=("age_outside_training",),
)
REPORT = Report(
    title="Chest radiograph, PA",
    institution="Riverside General Hospital",
    patient=PATIENT,
    study_key="s",
    study_date="2004-08-26",
    study_time="18:50:00",
    accession="A1",
    referring_physician="Иванов^Ωμέγα",
    version=1,
    sections=ReportSections(
        "Cough.", "PA film.", "None.", "Consolidation.\nNo effusion.", "1 Pneumonia.\n2 CT."
    ),
    findings=(Finding("1.0", "s", "Pneumonia", 1, MODEL, SCORE, Decision(ReviewState.ACCEPTED)),),
    key_images=(key_image("s"),),
    ai=(AI,),
    reader="Dr M. Okonkwo",
    ledger_seq=12481,
    ledger_head="7be241d09c3f0000" * 4,
)
SIGNED = replace(REPORT, signed_utc="2026-11-22T06:40:11.000000Z")


def pages(report: Report) -> list[str]:
    return [
        " ".join(page.extract_text().split()) for page in PdfReader(io.BytesIO(pdf.render(report))).pages
    ]


def test_a_short_report_is_one_a4_page_with_everything_on_it() -> None:
    document = PdfReader(io.BytesIO(pdf.render(SIGNED)))
    assert len(document.pages) == 1
    box = document.pages[0].mediabox
    assert (round(float(box.width)), round(float(box.height))) == (595, 842)
    (text,) = pages(SIGNED)
    for wanted in (
        "Riverside General Hospital",
        "Chest radiograph, PA",
        "Łukasz, Ærø",
        "CANARY-9RG1",
        "05 Mar 1940, F",
        "26 Aug 2004, 18:50",
        "Иванов, Ωμέγα",
        "Cough.",
        "Consolidation.",
        "Model attention for Pneumonia, not a lesion outline",
        f"{MODEL.name} {MODEL.version}",
        MODEL.weights_sha256[:4],
        "Pneumonia 0.93 (threshold 0.50) accepted",
        "age outside training",
        "trained on 3\u00a0500 images of children",
        "Suggestion: the radiologist decides.",
        AI.manifest_digest,
        "Dr M. Okonkwo",
        "Signed 22 Nov 2026, 06:40 UTC",
        "no password, no certificate",
        "Record 12481",
        SIGNED.ledger_head,
        "Not a medical device.",
        "Page 1 of 1",
    ):
        assert wanted.replace("\u00a0", " ") in text.replace("\u00a0", " ")
    assert "Draft" not in text


def test_a_draft_says_twice_that_it_is_not_signed() -> None:
    (text,) = pages(REPORT)
    assert text.count("Draft, not signed") == 2
    assert "no password" not in text


def test_the_same_report_is_the_same_bytes() -> None:
    assert pdf.render(SIGNED) == pdf.render(SIGNED)
    assert pdf.render(SIGNED) != pdf.render(replace(SIGNED, reader="Dr Other"))


def test_the_metadata_names_no_person() -> None:
    metadata = PdfReader(io.BytesIO(pdf.render(SIGNED))).metadata
    assert metadata is not None
    assert set(metadata.values()) <= {
        "Radiology report",
        "MedVision Desktop",
        "",
        "ReportLab PDF Library - (opensource)",
        "D:20000101000000+00'00'",
        "/False",
    }


def test_every_face_is_embedded() -> None:
    document = PdfReader(io.BytesIO(pdf.render(SIGNED)))
    fonts = document.pages[0]["/Resources"]["/Font"].values()
    names = set()
    for font in fonts:
        found = font.get_object()
        if "/FontDescriptor" in found:
            assert "/FontFile2" in found["/FontDescriptor"]
            names.add(found["/BaseFont"].split("+")[-1])
    assert any("Inter" in name for name in names)


def test_without_ai_the_report_says_so() -> None:
    (text,) = pages(replace(REPORT, ai=(), findings=(), key_images=()))
    assert "No AI analysis was run on this study." in text


@pytest.mark.parametrize(
    ("state", "said"),
    [("refused", "input gate refused"), ("failed", "started and failed"), ("abstained", "gave no answer")],
)
def test_a_run_without_an_answer_is_not_told_as_a_negative_one(state: str, said: str) -> None:
    (text,) = pages(replace(REPORT, ai=(replace(AI, state=state, message="A leg."),), findings=()))
    assert said in text
    assert "A leg." in text
    assert "No suggestion" not in text


def test_an_uncertain_score_is_called_uncertain() -> None:
    doubtful = replace(REPORT.findings[0], score=replace(SCORE, probability=0.55, uncertain=True))
    (text,) = pages(replace(REPORT, findings=(doubtful,)))
    assert "Pneumonia 0.55 (threshold 0.50, uncertain: review by hand) accepted" in text


def test_what_cannot_be_drawn_stands_as_its_code_and_is_named() -> None:
    report = replace(
        REPORT, patient=replace(PATIENT, name="=山^太"), sections=ReportSections(findings="A\u0007B שלום")
    )
    (text,) = pages(report)
    assert "[U+5C71], [U+592A]" in text
    assert "U+5C71 cjk unified ideograph-5c71" in text
    assert "U+05E9" in text
    assert "AB" in text


def test_decomposed_letters_are_drawn_as_letters() -> None:
    (text,) = pages(replace(REPORT, reader="Dr Rene\u0301e"))
    assert "Dr Renée" in text
    assert "[U+" not in text


def test_a_long_report_flows_over_pages_that_all_name_the_patient() -> None:
    lines = "\n".join(f"Line {number}: {'words about the lungs ' * 12}" for number in range(60))
    report = replace(REPORT, sections=ReportSections(findings=lines, impression="w" * 3000))
    texts = pages(report)
    assert len(texts) > 3
    assert all("Łukasz, Ærø" in text for text in texts)
    assert all(f"Page {n} of {len(texts)}" in text for n, text in enumerate(texts, start=1))
    assert all(f"Line {number}:" in " ".join(texts) for number in range(60))
    assert " ".join(texts).count("w" * 40) > 20


def test_markup_in_the_readers_text_is_text() -> None:
    (text,) = pages(
        replace(REPORT, sections=ReportSections(findings='<b>x</b> & <img src="/etc/passwd"/>'))
    )
    assert '<b>x</b> & <img src="/etc/passwd"/>' in text


def test_nothing_is_drawn_outside_the_margins_and_no_lines_overlap_the_footer() -> None:
    lines = "\n".join("x" * 400 for _ in range(30))
    report = replace(
        REPORT, sections=ReportSections(lines, lines, lines, lines, lines), key_images=REPORT.key_images * 3
    )
    document = pypdfium2.PdfDocument(pdf.render(report))
    try:
        for number in range(len(document)):
            page = document[number]
            shade = np.asarray(page.render(scale=1).to_pil().convert("L"))
            assert shade[:, :52].min() == 255
            assert shade[:, -52:].min() == 255
            assert shade[:50].min() == 255
            assert shade[-42:].min() == 255
    finally:
        document.close()


def test_a_key_image_that_is_no_picture_is_refused() -> None:
    with pytest.raises(ExportFailed, match="key image"):
        pdf.render(replace(REPORT, key_images=(replace(key_image("s"), png=b"\x89PNG\r\n\x1a\n"),)))


def test_an_addendum_names_the_file_it_replaces() -> None:
    previous = hashlib.sha256(b"first").hexdigest()
    (text,) = pages(replace(SIGNED, version=2, previous_version_sha256=previous))
    assert "Addendum, version 2" in text
    assert previous in text
