"""Small structured reports and encapsulated documents made for a test, written by pydicom."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag
from pydicom.uid import ComprehensiveSRStorage, EncapsulatedPDFStorage, generate_uid
from reportlab.pdfgen.canvas import Canvas

from tests.helpers.dicom_files import STUDY_UID, Raw


def code(meaning: str, value: str, scheme: str = "99TEST") -> Dataset:
    """A code sequence item."""
    found = Dataset()
    found.CodeValue = value
    found.CodingSchemeDesignator = scheme
    found.CodeMeaning = meaning
    return found


def item(
    kind: str,
    name: str = "",
    *,
    relation: str = "CONTAINS",
    content: Sequence[Dataset] = (),
    **elements: Any,
) -> Dataset:
    """A content item with its children; `elements` by keyword are its value."""
    made = Dataset()
    made.RelationshipType = relation
    made.ValueType = kind
    if name:
        made.ConceptNameCodeSequence = [code(name, "T-1")]
    for keyword, value in elements.items():
        setattr(made, keyword, value)
    if content:
        made.ContentSequence = list(content)
    return made


def report(content: Sequence[Dataset], title: str = "Radiology report", **elements: Any) -> Dataset:
    """A structured report of the study of `dicom_files.ct`."""
    said: dict[str, Any] = {
        **_identity(),
        "SOPClassUID": ComprehensiveSRStorage,
        "Modality": "SR",
        "ValueType": "CONTAINER",
        "ContinuityOfContent": "SEPARATE",
        "CompletionFlag": "COMPLETE",
        "VerificationFlag": "UNVERIFIED",
        "ConceptNameCodeSequence": [code(title, "18748-4")],
        "ContentSequence": list(content),
        **elements,
    }
    return _made(said)


def pdf_document(pdf: bytes, **elements: Any) -> Dataset:
    """An encapsulated PDF of the study of `dicom_files.ct`."""
    said: dict[str, Any] = {
        **_identity(),
        "SOPClassUID": EncapsulatedPDFStorage,
        "Modality": "DOC",
        "DocumentTitle": "Letter",
        "MIMETypeOfEncapsulatedDocument": "application/pdf",
        "EncapsulatedDocument": pdf + b"\0" * (len(pdf) % 2),
        "EncapsulatedDocumentLength": len(pdf),
        **elements,
    }
    return _made(said)


def letter(pages: int = 2, size: tuple[float, float] = (200, 100)) -> bytes:
    """A PDF whose pages have a black square at the upper left and the words "Page n" at the lower right."""
    held = io.BytesIO()
    canvas = Canvas(held, pagesize=size)
    for number in range(pages):
        canvas.rect(0, size[1] / 2, size[0] / 4, size[1] / 2, fill=1)
        canvas.drawString(size[0] * 0.6, size[1] * 0.1, f"Page {number + 1}")
        canvas.showPage()
    canvas.save()
    return held.getvalue()


def _identity() -> dict[str, Any]:
    return {
        "SpecificCharacterSet": "ISO_IR 192",
        "SOPInstanceUID": generate_uid(),
        "StudyInstanceUID": STUDY_UID,
        "SeriesInstanceUID": generate_uid(),
        "PatientName": "Doe^Jane",
        "PatientID": "4711",
        "StudyDate": "20240229",
        "ContentDate": "20240301",
        "ContentTime": "101500",
        "SeriesNumber": 9,
    }


def _made(said: dict[str, Any]) -> Dataset:
    made = Dataset()
    for keyword, value in said.items():
        if isinstance(value, Raw):
            tag = Tag(keyword)
            made[tag] = RawDataElement(tag, value.vr, len(value.data), value.data, 0, False, True)
        elif value is not None:
            setattr(made, keyword, value)
    return made
