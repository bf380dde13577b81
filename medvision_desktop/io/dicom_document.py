"""Which files without pixels are documents, what study they belong to, and the PDF inside of one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydicom.dataset import Dataset

from medvision_desktop.domain.document import DocumentKind, DocumentRef
from medvision_desktop.domain.study import StudyRef
from medvision_desktop.errors import InputRefused
from medvision_desktop.io import dicom_scan
from medvision_desktop.io.dicom_faults import PARSER_FAULTS, quiet, refused_by_parser
from medvision_desktop.io.dicom_header import Header, read_header
from medvision_desktop.io.dicom_report import title_of
from medvision_desktop.io.dicom_values import iso_date, text, value_of, whole

ENCAPSULATED_PDF: Final = "1.2.840.10008.5.1.4.1.1.104.1"
_REPORTS: Final = "1.2.840.10008.5.1.4.1.1.88."
_OTHER_DOCUMENTS: Final = {
    "1.2.840.10008.5.1.4.1.1.104.2": "a CDA document",
    "1.2.840.10008.5.1.4.1.1.104.3": "an STL model",
    "1.2.840.10008.5.1.4.1.1.104.4": "an OBJ model",
    "1.2.840.10008.5.1.4.1.1.104.5": "an MTL material",
}
_MOST_BYTES: Final = 256 << 20


@dataclass(frozen=True)
class ScannedDocument:
    """A document and the study as its own header names it."""

    study: StudyRef
    document: DocumentRef


def scan_document(path: Path) -> ScannedDocument | None:
    """The document that a file without pixels is, None if it is none.

    Raises `InputRefused` for a kind of document that is not shown, by its name.
    """
    header = read_header(path)
    with quiet():
        return _scanned(header)


def _scanned(header: Header) -> ScannedDocument | None:
    dataset, path = header.dataset, header.path
    class_uid = text(dataset, "SOPClassUID")
    other = _OTHER_DOCUMENTS.get(class_uid)
    if other is not None:
        raise InputRefused(f"It holds {other}, which is not shown here.")
    if class_uid == ENCAPSULATED_PDF:
        mime = text(dataset, "MIMETypeOfEncapsulatedDocument").lower()
        if mime not in ("application/pdf", ""):
            raise InputRefused("It says that it holds a PDF and names another kind of document.")
        kind, title = DocumentKind.PDF, text(dataset, "DocumentTitle") or title_of(dataset)
    elif class_uid.startswith(_REPORTS) or text(dataset, "ValueType") == "CONTAINER":
        kind, title = DocumentKind.REPORT, title_of(dataset)
    else:
        return None
    identity = text(dataset, "SOPInstanceUID") or dicom_scan.key_of_content(path)
    document = DocumentRef(
        path=path,
        uid=identity,
        kind=kind,
        title=title,
        series_number=whole(dataset, "SeriesNumber"),
        date=_written(dataset),
    )
    return ScannedDocument(dicom_scan.study_of(dataset, identity), document)


def _written(dataset: Dataset) -> str:
    return (
        iso_date(dataset, "ContentDate")
        or iso_date(dataset, "SeriesDate")
        or iso_date(dataset, "StudyDate")
    )


def pdf_bytes(path: Path) -> bytes:
    """The PDF inside an encapsulated document. Raises `InputRefused`.

    Called in the decoding child: it takes as much memory as the document.
    """
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise InputRefused("The document is too large.", f"The limit is {_MOST_BYTES >> 20} MB.")
        dataset = read_header(path, defer_bytes=_MOST_BYTES).dataset
        with quiet():
            value = value_of(dataset, "EncapsulatedDocument")
            length = whole(dataset, "EncapsulatedDocumentLength")
    except PARSER_FAULTS as error:
        raise refused_by_parser(error) from error
    data = bytes(value) if isinstance(value, bytes | bytearray) else b""
    if length is not None and 0 < length < len(data):
        data = data[:length]
    # A PDF may have up to a kilobyte of something else in front (ISO 32000-1 annex H).
    if b"%PDF-" not in data[:1032]:
        raise InputRefused("The document cannot be shown.", "There is no PDF in it.")
    return data
