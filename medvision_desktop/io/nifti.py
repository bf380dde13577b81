"""NIfTI volumes: read with the gzip checksum compared, shown as axial slices the radiological way.

nibabel reads a compressed file with a wrong checksum without a word, so the bytes are read here.
"""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from medvision_desktop.domain.display import VoiWindow
from medvision_desktop.domain.geometry import PixelSpacing, PlaneGeometry, SpacingSource, Vector3
from medvision_desktop.domain.image import Frame, Photometric, Rescale
from medvision_desktop.domain.phases import PhaseFrames, time_text
from medvision_desktop.domain.study import InstanceRef, Patient, SeriesRef, SourceKind, StudyRef
from medvision_desktop.errors import InputRefused
from medvision_desktop.io.content_key import content_key
from medvision_desktop.io.dicom_values import clean
from medvision_desktop.io.nifti_header import (
    MAX_EXTENSIONS,
    NiftiHeader,
    check_length,
    read_header,
    too_short,
    unreadable,
    wrong,
)
from medvision_desktop.work import CancelToken

_CHUNK: Final = 4 << 20


def scan(path: Path) -> StudyRef:
    """The study of one file, from its header. Raises `InputRefused`."""
    header = read_header(path)
    check_length(path, header)
    i, j, k = header.shape
    try:
        key = content_key("nifti", path)
        if header.data_path is not None:  # many images may have one and the same header
            key = f"{key}-{content_key('', header.data_path)[1:9]}"
    except OSError as error:
        raise unreadable(error) from error
    frames, rows, columns = _display_shape(header) if header.affine_ras_mm is not None else (k, j, i)
    name = clean(path.name)
    frames *= header.volumes
    instance = InstanceRef(path, key, number_of_frames=frames, rows=rows, columns=columns)
    series = SeriesRef(
        uid=f"{key}-1", kind=SourceKind.NIFTI, instances=(instance,), description=header.description or name
    )
    return StudyRef(key=key, patient=Patient(), series=(series,), description=name)


def read_volume(
    path: Path, header: NiftiHeader, *, limit_bytes: int, cancel: CancelToken | None = None
) -> NDArray[Any]:
    """The first volume as (i, j, k) or (i, j, k, 3), machine byte order; the CRC is checked.

    Raises `InputRefused` when the file is shorter than it says, damaged, or over the limit.
    """
    one: NDArray[Any] = _read(path, header, 1, limit_bytes, cancel)[0]
    return one.copy() if header.colour else one


def too_large(need: int, limit: int) -> InputRefused:
    """The refusal of what does not fit into the memory for images."""
    return InputRefused(
        "The image is larger than the memory for images.",
        f"It needs {need >> 20} MB and the limit is {limit >> 20} MB.",
        "Raise image_memory_mb in the settings.",
    )


@contextmanager
def damage_told() -> Iterator[None]:
    """What reading a file may raise, as `InputRefused`."""
    try:
        yield
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise InputRefused(
            "The compressed file is damaged.",
            "Its checksum or its end is not right.",
            "Ask for the file again.",
        ) from error
    except OSError as error:
        raise unreadable(error) from error


def read_volumes(
    path: Path, header: NiftiHeader, *, limit_bytes: int, cancel: CancelToken | None = None
) -> NDArray[Any]:
    """As many volumes as fit into half of the limit, at least one: (volume, i, j, k) or (..., 3).

    They run along dimension 4 first, then 5 and so on. Raises as `read_volume`.
    """
    fit = max(1, limit_bytes // 2 // max(1, header.volume_bytes))
    return _read(path, header, min(header.volumes, fit), limit_bytes, cancel)


def _read(
    path: Path, header: NiftiHeader, count: int, limit_bytes: int, cancel: CancelToken | None
) -> NDArray[Any]:
    check_length(path, header)
    if header.volume_bytes > limit_bytes:
        raise too_large(header.volume_bytes, limit_bytes)
    token = cancel or CancelToken()
    with damage_told(), (header.data_path or path).open("rb") as raw:
        compressed = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        source: Any = gzip.GzipFile(fileobj=raw) if compressed else raw
        data = _exactly(source, header, count, token)
        if compressed:
            total = header.data_offset + header.volume_bytes * header.volumes
            _drain(source, total + MAX_EXTENSIONS - len(data), token)
    flat = np.frombuffer(data, header.voxel, offset=header.data_offset)
    return np.moveaxis(as_values(header, flat.reshape((*header.shape, count), order="F")), 3, 0)


def as_values(header: NiftiHeader, block: NDArray[Any]) -> NDArray[Any]:
    """Voxels of the file in Fortran order, (i, j, k, ...) of `header.voxel`, as they are shown.

    Colours get an axis of three at the end; complex numbers become their magnitude, what is wider than
    32 bits becomes int32 where all of it fits and else float64. Machine byte order.
    """
    if header.colour:
        bytes_ = block.ravel(order="F").view(np.uint8)
        samples = bytes_.reshape((header.samples, *block.shape), order="F")
        return np.moveaxis(samples, 0, -1)[..., :3]
    native = block.astype(block.dtype.newbyteorder("="), copy=False)
    if native.dtype.kind == "c":
        kind = np.float32 if native.dtype.itemsize == 8 else np.float64
        with np.errstate(over="ignore", invalid="ignore"):
            return np.abs(native * header.complex_scale[0] + header.complex_scale[1]).astype(kind)
    if native.dtype.kind in "iu" and native.dtype.itemsize == 8:
        limits = np.iinfo(np.int32)
        fits = native.size and native.min() >= limits.min and native.max() <= limits.max
        return native.astype(np.int32 if fits else np.float64)
    return native


def _exactly(source: Any, header: NiftiHeader, count: int, token: CancelToken) -> NDArray[np.uint8]:
    need = header.data_offset + header.volume_bytes * count
    # Read into place: a buffer that grows is copied and cleared while every other thread waits. Memory is
    # taken as it is filled, so a file that ends early costs no more than it has.
    data = np.empty(need, np.uint8)
    view, done = data.data, 0
    while done < need:
        token.check()
        got = source.readinto(view[done : done + _CHUNK])
        if not got:
            raise too_short(done, need)
        done += got
    return data


def _drain(source: io.BufferedIOBase, limit: int, token: CancelToken) -> None:
    """Read to the end, which is where gzip compares the checksum, but not through a bomb."""
    while limit > 0:
        token.check()
        part = source.read(min(_CHUNK, limit))
        if not part:
            return
        limit -= len(part)
    raise wrong("it holds far more than it says")


def _display_shape(header: NiftiHeader) -> tuple[int, int, int]:
    """(slices, rows, columns) once turned to the patient's axes."""
    axes, _ = patient_axes(header.affine_ras_mm)
    shape = [header.shape[axis] for axis in axes]
    return shape[2], shape[1], shape[0]


def patient_axes(
    affine_ras_mm: NDArray[np.float64] | None,
) -> tuple[tuple[int, int, int], tuple[bool, bool, bool]]:
    """Which array axis runs left-right, front-back, foot-head, and whether it must be flipped for LPS."""
    if affine_ras_mm is None:
        return (0, 1, 2), (False, False, False)
    import nibabel as nib

    orientations: Any = nib.orientations
    orientation = orientations.io_orientation(affine_ras_mm)
    axes, flips = [0, 0, 0], [False, False, False]
    for axis, (patient_axis, direction) in enumerate(orientation):
        patient = int(patient_axis)
        axes[patient] = axis
        # RAS grows to the right and front; LPS (and a DICOM axial image) to the left and back.
        flips[patient] = direction > 0 if patient < 2 else direction < 0
    return (axes[0], axes[1], axes[2]), (flips[0], flips[1], flips[2])


def frames_of_volumes(header: NiftiHeader, values: NDArray[Any], key: str) -> tuple[Frame, ...]:
    """`to_frames` of every volume that was read, one volume after another."""
    read = values.shape[0]
    several = (f"First {read} of {header.volumes} volumes",) if read < header.volumes else ()
    badges = (*several, *header.badges)
    found: list[Frame] = []
    for at in range(read):
        one = to_frames(header, values[at], key)
        first = len(found)
        found += [replace(frame, frame_number=first + n + 1, badges=badges) for n, frame in enumerate(one)]
    return tuple(found)


def volumes_of(header: NiftiHeader, frames: int) -> tuple[PhaseFrames, ...]:
    """The volumes that so many frames are, by what the header says of dimensions 4 to 7; () for one."""
    slices = _display_shape(header)[0] if header.affine_ras_mm is not None else header.shape[2]
    count = frames // slices
    if count < 2 or slices < 2:
        return ()  # images of one place are a film of it, to be scrolled through
    found = []
    for at in range(count):
        label, time_ms = _volume_label(header, at)
        numbers = tuple(range(at * slices, (at + 1) * slices))
        found.append(PhaseFrames(numbers, label, time_ms))
    return tuple(found)


def _volume_label(header: NiftiHeader, number: int) -> tuple[str, float | None]:
    """What a volume is called, and when it was if the fourth dimension is time and the only one."""
    words, left, time_ms = [], number, None
    several = [place for place, extent in enumerate(header.further) if extent > 1]
    for place, extent in enumerate(header.further):
        at, left = left % extent, left // extent
        if extent == 1:
            continue
        value = header.start + at * header.step
        if place == 0 and header.unit == "ms":
            time_ms = at * header.step if several == [0] else None
            words.append(time_text(value))
        elif place == 0 and header.unit:
            words.append(f"{value:g} {header.unit}")
        elif place == 1:
            words.append(f"{header.intent or 'component'} {at + 1}")
        elif several != [place]:
            words.append(f"dimension {place + 4}: {at + 1}")
    return ", ".join(words), time_ms


def to_frames(header: NiftiHeader, values: NDArray[Any], key: str) -> tuple[Frame, ...]:
    """Axial frames, right on the left and front at the top, from the feet up.

    Only whole-axis turns and flips: every stored value is kept. Without an affine the file's own
    slices are shown, with no orientation.
    """
    stack = as_slices(header, values)
    return tuple(frame_at(header, stack[k], k, key) for k in range(stack.shape[0]))


def as_slices(header: NiftiHeader, values: NDArray[Any]) -> NDArray[Any]:
    """Values (i, j, k) or (i, j, k, 3) turned to the patient: (slices, rows, columns) or (..., 3)."""
    axes, flips = patient_axes(header.affine_ras_mm)
    turned = np.transpose(values, (*axes, 3) if header.colour else axes)
    for axis, flip in enumerate(flips):
        turned = np.flip(turned, axis) if flip else turned
    return np.ascontiguousarray(np.swapaxes(turned, 0, 2))


def frame_at(header: NiftiHeader, stored: NDArray[Any], k: int, key: str) -> Frame:
    """Slice `k` from the feet, counted from 0, of pixels as `as_slices` gives them."""
    return _frame(header, stored, _turned_affine(header, *patient_axes(header.affine_ras_mm)), k, key)


def _turned_affine(
    header: NiftiHeader, axes: tuple[int, int, int], flips: tuple[bool, bool, bool]
) -> NDArray[np.float64] | None:
    """(i, j, k) of the turned grid to LPS millimetres."""
    if header.affine_ras_mm is None:
        return None
    turn = np.zeros((4, 4))
    turn[3, 3] = 1.0
    for new, old in enumerate(axes):
        turn[old, new] = -1.0 if flips[new] else 1.0
        turn[old, 3] = header.shape[old] - 1.0 if flips[new] else 0.0
    return np.diag([-1.0, -1.0, 1.0, 1.0]) @ header.affine_ras_mm @ turn


def _frame(
    header: NiftiHeader,
    stored: NDArray[Any],
    affine: NDArray[np.float64] | None,
    k: int,
    key: str,
) -> Frame:
    spacing, geometry, thickness = _placed(header, affine, k, key)
    voi: tuple[VoiWindow, ...] = ()
    if header.window is not None and not header.colour:
        low, high = header.window
        voi = (VoiWindow((low + high) / 2, max(high - low, 1.0), explanation="cal_min to cal_max"),)
    sheared = affine is not None and geometry is None
    corner = {"series_description": header.description, "slice_thickness_mm": thickness}
    if geometry is not None:
        corner["slice_location_mm"] = f"{round(geometry.position_mm, 3) + 0.0:g}"
    badges = (f"First of {header.volumes} volumes",) if header.volumes > 1 else ()
    return Frame(
        stored=stored,
        photometric=Photometric.RGB if header.colour else Photometric.MONOCHROME2,
        bits_stored=stored.dtype.itemsize * 8,
        signed=stored.dtype.kind in "if",
        modality=Rescale(header.slope, header.intercept),
        voi=voi,
        geometry=geometry,
        spacing=spacing,
        pixel_aspect=spacing.row_mm / spacing.column_mm if spacing is not None else 1.0,
        sop_instance_uid=key,
        frame_number=k + 1,
        badges=(*badges, *header.badges),
        not_faithful=(
            *header.not_faithful,
            *(("sheared grid drawn with right angles",) if sheared else ()),
        ),
        corner=MappingProxyType({name: text for name, text in corner.items() if text}),
    )


def _placed(
    header: NiftiHeader, affine: NDArray[np.float64] | None, k: int, key: str
) -> tuple[PixelSpacing | None, PlaneGeometry | None, str]:
    if affine is None:
        if header.spacing_mm is None:
            return None, None, ""
        column_mm, row_mm, thick = header.spacing_mm
        return PixelSpacing(row_mm, column_mm, SpacingSource.PATIENT), None, f"{thick:.4g}"
    steps = [affine[:3, axis] for axis in range(3)]
    lengths = [float(np.linalg.norm(step)) for step in steps]
    spacing = PixelSpacing(lengths[1], lengths[0], SpacingSource.PATIENT)
    row, column = steps[0] / lengths[0], steps[1] / lengths[1]
    thickness = f"{lengths[2]:.4g}"
    if abs(float(row @ column)) > 1e-3:  # sheared in the plane: no honest directions
        return spacing, None, thickness
    origin = affine[:3, 3] + k * steps[2]
    return spacing, PlaneGeometry(_vector(origin), _vector(row), _vector(column), spacing, key), thickness


def _vector(values: NDArray[np.float64]) -> Vector3:
    return float(values[0]), float(values[1]), float(values[2])
