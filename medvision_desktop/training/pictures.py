"""The frame behind a training item, and the digest that names it in `predictions.csv`."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from medvision_desktop.domain.image import Frame
from medvision_desktop.errors import InputRefused
from medvision_desktop.modelkit.preprocess import display_gray
from medvision_desktop.training import variants
from medvision_desktop.training.sources import DRAWN, Item

if TYPE_CHECKING:
    from medvision_desktop.io.decoder import Decoder

_DECODER: Final[ContextVar[Decoder | None]] = ContextVar("_DECODER", default=None)
_RASTER_SUFFIXES: Final = frozenset({".jpg", ".jpeg", ".png"})


def framed(item: Item) -> tuple[Frame, str]:
    """The frame of an item and its SHA-256: of the file, or of file and variant together.

    Raises `InputRefused` if there is no picture.
    """
    if item.source == DRAWN:
        drawn = variants.drawn(item.variant)
        return Frame(drawn, bits_stored=8), hashlib.sha256(drawn.tobytes()).hexdigest()
    content = item.path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    raster = item.path.suffix.lower() in _RASTER_SUFFIXES
    frame = raster_frame(content) if raster else dicom_frame(item.path)
    if not item.variant:
        return frame, digest
    shown = np.rint(display_gray(frame) * 255).astype(np.uint8)
    changed = Frame(variants.changed(shown, item.variant), bits_stored=8)
    return changed, hashlib.sha256(f"{digest}:{item.variant}".encode()).hexdigest()


def raster_frame(content: bytes) -> Frame:
    """A picture file's bytes as an 8-bit gray frame. Raises `InputRefused`."""
    gray = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_GRAYSCALE)
    if gray is None:
        raise InputRefused("A training image cannot be read.", "It is not a picture.")
    return Frame(np.asarray(gray, dtype=np.uint8), bits_stored=8)


def dicom_frame(path: Path) -> Frame:
    """The middle frame of a DICOM file. Raises `InputRefused`."""
    from medvision_desktop.io.dicom_scan import scan_file
    from medvision_desktop.io.dicom_series import load_frame

    with decoding() as decoder:
        instance = scan_file(path).instance
        return load_frame(instance, instance.number_of_frames // 2, decoder)


@contextlib.contextmanager
def decoding() -> Iterator[Decoder]:
    """A decoder for all DICOM files that are read inside; an inner `decoding` takes the outer one's.

    Without it each compressed file would start a child process of its own.
    """
    from medvision_desktop.io.decoder import Decoder
    from medvision_desktop.settings import Settings

    outer = _DECODER.get()
    if outer is not None:
        yield outer
        return
    decoder = Decoder(Settings())
    kept = _DECODER.set(decoder)
    try:
        yield decoder
    finally:
        _DECODER.reset(kept)
        decoder.close()
