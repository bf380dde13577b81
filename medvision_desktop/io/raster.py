"""PNG and JPEG files: pictures without a header to speak of, shown as what they are."""

from __future__ import annotations

import struct
from pathlib import Path
from types import MappingProxyType
from typing import Final

from medvision_desktop.domain.image import Frame, Photometric
from medvision_desktop.domain.study import InstanceRef, Patient, SeriesRef, SourceKind, StudyRef
from medvision_desktop.errors import InputRefused
from medvision_desktop.io.content_key import content_key
from medvision_desktop.io.decoder import Decoder
from medvision_desktop.io.dicom_values import clean
from medvision_desktop.work import CancelToken

_PNG: Final = b"\x89PNG\r\n\x1a\n"
_JPEG: Final = b"\xff\xd8\xff"
_MAX_PIXELS: Final = 1 << 28
# Start-of-frame markers; C4, C8 and CC are tables, not frames.
_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_MOST_MARKERS: Final = 20_000
_ALONE: Final = frozenset({0x01, *range(0xD0, 0xD9)})


def looks_like_raster(head: bytes) -> bool:
    """Whether the first bytes are PNG or JPEG."""
    return head.startswith((_PNG, _JPEG))


def scan(path: Path) -> StudyRef:
    """The study of one picture, from its header. Raises `InputRefused`."""
    try:
        rows, columns = size_of(path)
        key = content_key("picture", path)
    except OSError as error:
        raise InputRefused(
            "The file cannot be read.", f"{error.strerror or 'It cannot be opened'}."
        ) from error
    if rows < 1 or columns < 1 or rows * columns > _MAX_PIXELS:
        raise InputRefused("The picture cannot be right.", f"It says {columns} x {rows} pixels.")
    name = clean(path.name)
    instance = InstanceRef(path, key, rows=rows, columns=columns)
    series = SeriesRef(uid=f"{key}-1", kind=SourceKind.RASTER, instances=(instance,), description=name)
    return StudyRef(key=key, patient=Patient(), series=(series,), description=name)


def size_of(path: Path) -> tuple[int, int]:
    """(rows, columns) by the file's header; raises `InputRefused` when there are none, OSError."""
    with path.open("rb") as file:
        head = file.read(24)
        if head.startswith(_PNG):
            if len(head) < 24 or head[12:16] != b"IHDR":
                raise _cut()
            columns, rows = struct.unpack(">II", head[16:24])
            return rows, columns
        file.seek(2)
        for _ in range(_MOST_MARKERS):
            mark = file.read(2)
            if len(mark) < 2 or mark[0] != 0xFF:
                raise _cut()
            code = mark[1]
            if code == 0xFF:  # fill bytes
                file.seek(-1, 1)
                continue
            if code in _ALONE:
                continue
            length = struct.unpack(">H", (file.read(2) + b"\0\0")[:2])[0]
            if code in _FRAMES:
                body = file.read(5)
                if len(body) < 5:
                    raise _cut()
                rows, columns = struct.unpack(">HH", body[1:])
                return rows, columns
            if length < 2 or code == 0xDA:
                raise _cut()
            file.seek(length - 2, 1)
        raise _cut()


def load(instance: InstanceRef, decoder: Decoder, cancel: CancelToken | None = None) -> Frame:
    """The picture as a frame: no spacing, no orientation, because the file knows none."""
    decoded = decoder.raster(instance.path, cancel)
    values = decoded.frames[0]
    deep = values.ndim == 3 and values.dtype.itemsize > 1
    doubts = ("16-bit colour is shown with 8 bits",) if deep else ()
    return Frame(
        stored=values,
        photometric=Photometric.RGB if values.ndim == 3 else Photometric.MONOCHROME2,
        bits_stored=values.dtype.itemsize * 8,
        sop_instance_uid=instance.sop_instance_uid,
        not_faithful=(*decoded.doubts, *doubts),
        corner=MappingProxyType({}),
    )


def _cut() -> InputRefused:
    return InputRefused(
        "The picture cannot be read.", "Its header is damaged or cut short.", "Save it again."
    )
