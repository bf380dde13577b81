"""Documents, read and drawn in the decoding children: a PDF may be made to break who reads it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from medvision_desktop.domain.document import (
    DocumentRef,
    ImageName,
    PageMatch,
    PageSizes,
    ReportLine,
    ReportText,
    Role,
)
from medvision_desktop.work import CancelToken

if TYPE_CHECKING:
    from medvision_desktop.io.decoder import Decoder

_WHAT: Final = "The document cannot be shown."


def report(document: DocumentRef, decoder: Decoder, cancel: CancelToken | None = None) -> ReportText:
    """A structured report as text. Raises `InputRefused` and `Cancelled`."""
    answer, _ = _ask("report", document, decoder, cancel)
    return ReportText(str(answer["title"]), _lines(answer["facts"]), _lines(answer["lines"]))


def page_sizes(document: DocumentRef, decoder: Decoder, cancel: CancelToken | None = None) -> PageSizes:
    """How large the pages of a PDF are. Raises as `report`."""
    answer, _ = _ask("pdf_sizes", document, decoder, cancel)
    points = tuple((float(width), float(height)) for width, height in answer["points"])
    return PageSizes(points, int(answer["total"]))


def page(
    document: DocumentRef, number: int, width_px: int, decoder: Decoder, cancel: CancelToken | None = None
) -> NDArray[np.uint8]:
    """A page from 0 as HxWx3 uint8 RGB, at most 4096 pixels wide. Raises as `report`."""
    _, arrays = _ask("pdf_page", document, decoder, cancel, page=number, width=max(1, width_px))
    return np.asarray(arrays["page"], dtype=np.uint8)


def matches(
    document: DocumentRef, words: str, decoder: Decoder, cancel: CancelToken | None = None
) -> tuple[PageMatch, ...]:
    """Where words stand in a PDF, at most 500 places. Raises as `report`."""
    answer, _ = _ask("pdf_find", document, decoder, cancel, words=words)
    return tuple(
        PageMatch(int(number), (float(left), float(top), float(right), float(bottom)))
        for number, left, top, right, bottom in answer["matches"]
    )


def words(document: DocumentRef, decoder: Decoder, cancel: CancelToken | None = None) -> str:
    """The words of a PDF, at most a million characters; "" for scanned paper. Raises as `report`."""
    answer, _ = _ask("pdf_text", document, decoder, cancel)
    return str(answer["text"])


def _ask(
    operation: str, document: DocumentRef, decoder: Decoder, cancel: CancelToken | None, **more: Any
) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    return decoder.ask(operation, {"path": str(document.path), **more}, cancel, what=_WHAT)


def _lines(rows: Sequence[Sequence[Any]]) -> tuple[ReportLine, ...]:
    return tuple(
        ReportLine(
            int(depth),
            str(name),
            str(value),
            Role(role),
            bool(personal),
            ImageName(str(uid), int(frame)) if uid else None,
        )
        for depth, name, value, role, personal, uid, frame in rows
    )
