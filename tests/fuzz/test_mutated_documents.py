"""Mutated reports and PDFs from bytes to text and pages: each is read or refused, the child lives on."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from pydicom.data import get_testdata_file

from medvision_desktop.domain.document import DocumentKind
from medvision_desktop.errors import InputRefused
from medvision_desktop.io import documents
from medvision_desktop.io.decoder import Decoder
from medvision_desktop.services.open_study import index
from medvision_desktop.settings import Settings
from tests.fuzz.test_mutated_files import SEED, mutated
from tests.helpers.dicom_files import write
from tests.helpers.report_files import item, letter, pdf_document, report

COUNT = 160


@pytest.fixture
def decoder() -> Iterator[Decoder]:
    """Decoding children with a short limit."""
    made = Decoder(Settings(decoder_timeout_s=10, decoder_memory_mb=1024))
    made.warm()
    yield made
    made.close()


def seeds(folder: Path) -> list[bytes]:
    """A report of DCMTK's, a report of ours, a letter, and a letter that is mutated inside of its PDF."""
    tree = report([item("CONTAINER", "Findings", content=[item("TEXT", "Finding", TextValue="None.")])])
    return [
        Path(str(get_testdata_file("test-SR.dcm", download=False))).read_bytes(),
        write(tree, folder / "report").read_bytes(),
        write(pdf_document(letter()), folder / "letter").read_bytes(),
    ]


def test_documents_are_read_or_refused_whatever_is_in_them(tmp_path: Path, decoder: Decoder) -> None:
    chance = random.Random(f"{SEED}-documents")  # noqa: S311 - repeatable, not secret
    given = seeds(tmp_path)
    outcomes = {"read": 0, "drawn": 0, "refused": 0}
    pids = {child.pid for child in decoder._children}
    for number in range(COUNT):
        folder = tmp_path / f"{number}"
        folder.mkdir()
        content = given[number % len(given)]
        if number % 6 == 5:
            content = write(pdf_document(mutated(letter(), chance)), tmp_path / "inside").read_bytes()
        (folder / "one.dcm").write_bytes(mutated(content, chance) if number % 6 != 5 else content)
        found = index([folder], scratch=tmp_path / "scratch")
        for study in found.studies:
            for document in study.documents:
                try:
                    if document.kind is DocumentKind.REPORT:
                        assert documents.report(document, decoder).as_text()
                        outcomes["read"] += 1
                    else:
                        documents.page_sizes(document, decoder)
                        assert documents.page(document, 0, 200, decoder).shape[1] <= 4096
                        documents.matches(document, "page", decoder)
                        outcomes["drawn"] += 1
                except InputRefused:
                    outcomes["refused"] += 1
        outcomes["refused"] += len(found.refused)

    assert outcomes["read"] > 20
    assert outcomes["drawn"] > 10
    assert outcomes["refused"] > 20
    assert pids <= {None, *psutil.pids()}
