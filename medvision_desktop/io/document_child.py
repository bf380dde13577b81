"""The child's side of documents: reports read, PDFs drawn and searched, under the limits of decoding."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from medvision_desktop.domain.document import ReportLine
from medvision_desktop.errors import InputRefused
from medvision_desktop.io.decoder_limits import limit_memory
from medvision_desktop.io.dicom_document import pdf_bytes
from medvision_desktop.io.dicom_report import read_report
from medvision_desktop.work import CancelToken, ProgressSink

if TYPE_CHECKING:
    from medvision_desktop.children.serve import Answer, Handler

MOST_PAGES: Final = 500
_MOST_WIDE: Final = 4096
_MOST_PIXELS: Final = 1 << 25
_MOST_MATCHES: Final = 500
_MOST_TEXT: Final = 1 << 20
_SIDE_POINTS: Final = (1.0, 20_000.0)


@dataclass(frozen=True, eq=False)
class _Open:
    """A PDF that is open, and the bytes that it reads from."""

    document: Any
    data: bytes
    points: tuple[tuple[float, float], ...]
    total: int


def handlers() -> Mapping[str, Handler]:
    """What the decoding child answers about documents."""
    return {"report": _report, "pdf_sizes": _sizes, "pdf_page": _page, "pdf_find": _find, "pdf_text": _text}


def _report(
    arguments: dict[str, Any], arrays: dict[str, NDArray[Any]], progress: ProgressSink, cancel: CancelToken
) -> Answer:
    del arrays, progress, cancel
    limit_memory(arguments)
    found = read_report(Path(arguments["path"]))

    def plain(line: ReportLine) -> list[Any]:
        uid, frame = (line.image.uid, line.image.frame) if line.image is not None else ("", 1)
        return [line.depth, line.name, line.value, line.role.value, line.personal, uid, frame]

    facts, lines = [plain(line) for line in found.facts], [plain(line) for line in found.lines]
    return {"title": found.title, "facts": facts, "lines": lines}, {}


def _sizes(
    arguments: dict[str, Any], arrays: dict[str, NDArray[Any]], progress: ProgressSink, cancel: CancelToken
) -> Answer:
    del arrays, progress, cancel
    opened = _opened(arguments)
    return {"points": [list(size) for size in opened.points], "total": opened.total}, {}


def _page(
    arguments: dict[str, Any], arrays: dict[str, NDArray[Any]], progress: ProgressSink, cancel: CancelToken
) -> Answer:
    del arrays, progress, cancel
    opened, number = _opened(arguments), int(arguments["page"])
    if not 0 <= number < len(opened.points):
        raise InputRefused(f"There is no page {number + 1}.")
    width, height = opened.points[number]
    scale = min(int(arguments["width"]), _MOST_WIDE) / width
    scale = min(scale, math.sqrt(_MOST_PIXELS / (width * height)))
    page = opened.document[number]
    try:
        bitmap = page.render(scale=scale, rev_byteorder=True)
        try:
            drawn = np.asarray(bitmap.to_numpy())
            colour = np.repeat(drawn[..., :1], 3, axis=2) if drawn.shape[2] == 1 else drawn[..., :3]
            return {}, {"page": np.ascontiguousarray(colour)}
        finally:
            bitmap.close()
    finally:
        page.close()


def _find(
    arguments: dict[str, Any], arrays: dict[str, NDArray[Any]], progress: ProgressSink, cancel: CancelToken
) -> Answer:
    """Where words stand, each match as page, left, top, right, bottom in shares of the page."""
    del arrays, progress
    opened, words = _opened(arguments), str(arguments["words"])[:200]
    found: list[list[float]] = []
    for number, size in enumerate(opened.points):
        cancel.check()
        for box in _matches(opened.document, number, words):
            found.append([number, *_shares(box, size)])
            if len(found) >= _MOST_MATCHES:
                return {"matches": found}, {}
    return {"matches": found}, {}


def _matches(document: Any, number: int, words: str) -> Iterator[tuple[float, float, float, float]]:
    page = document[number]
    try:
        texts = page.get_textpage()
        try:
            search = texts.search(words, match_case=False)
            for _ in range(_MOST_MATCHES):
                hit = search.get_next()
                if hit is None:
                    return
                boxes = [texts.get_rect(at) for at in range(min(texts.count_rects(*hit), 8))]
                if boxes:
                    left, bottom, right, top = boxes[0]
                    yield left, bottom, right, top
        finally:
            texts.close()
    finally:
        page.close()


def _shares(
    box: tuple[float, float, float, float], size: tuple[float, float]
) -> tuple[float, float, float, float]:
    """From points up from the lower left corner to shares down from the upper left one."""
    left, bottom, right, top = box
    shares = (left / size[0], 1 - top / size[1], right / size[0], 1 - bottom / size[1])
    held = [min(1.0, max(0.0, share)) if math.isfinite(share) else 0.0 for share in shares]
    return held[0], held[1], held[2], held[3]


def _text(
    arguments: dict[str, Any], arrays: dict[str, NDArray[Any]], progress: ProgressSink, cancel: CancelToken
) -> Answer:
    """The words of all pages, at most a million characters."""
    del arrays, progress
    opened = _opened(arguments)
    parts: list[str] = []
    left = _MOST_TEXT
    for number in range(len(opened.points)):
        cancel.check()
        page = opened.document[number]
        try:
            texts = page.get_textpage()
            try:
                parts.append(str(texts.get_text_bounded())[:left])
            finally:
                texts.close()
        finally:
            page.close()
        left -= len(parts[-1])
        if left <= 0:
            break
    return {"text": "\n".join(parts)}, {}


def _opened(arguments: dict[str, Any]) -> _Open:
    limit_memory(arguments)
    path = Path(arguments["path"])
    try:
        status = path.stat()
    except OSError as error:
        why = f"{error.strerror or 'No reason given'}."
        raise InputRefused("The file cannot be read.", why, "Check the file and its rights.") from error
    return _document(path, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=1)
def _document(path: Path, size: int, changed_ns: int) -> _Open:
    """The PDF inside a file, kept open for its next pages."""
    del size, changed_ns  # they are in the key, so that a file that changed is read again
    import pypdfium2

    data = pdf_bytes(path)
    try:
        document = pypdfium2.PdfDocument(data)
        total = len(document)
        points = tuple(_size(document, number) for number in range(min(total, MOST_PAGES)))
    except pypdfium2.PdfiumError as error:
        raise InputRefused(
            "The document cannot be shown.",
            "Its PDF is damaged or locked.",
            "Ask for it to be sent again.",
        ) from error
    if not points:
        raise InputRefused("The document cannot be shown.", "Its PDF has no pages.")
    return _Open(document, data, points, total)


def _size(document: Any, number: int) -> tuple[float, float]:
    page = document[number]
    try:
        width, height = (float(side) for side in page.get_size())
    finally:
        page.close()
    low, high = _SIDE_POINTS
    if not (low <= width <= high and low <= height <= high):
        raise InputRefused("The document cannot be shown.", "A page of its PDF has an impossible size.")
    return width, height
