"""The header of a NIfTI-1 or NIfTI-2 file, checked before anything is allocated.

Native readers crash on wild dimensions (dim[4] = 32767), so the header is read by nibabel's pure
Python and every number in it is bounded here.
"""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from medvision_desktop.errors import InputRefused
from medvision_desktop.io import nifti_placement
from medvision_desktop.io.dicom_values import clean
from medvision_desktop.io.nifti_pair import is_pair_header, pixels_beside

_HEAD: Final = 4096
MAX_EXTENSIONS: Final = 64 << 20
_MAX_EXTENT: Final = 1 << 16
_KINDS: Final = {
    2: "u1",
    4: "i2",
    8: "i4",
    16: "f4",
    64: "f8",
    256: "i1",
    512: "u2",
    768: "u4",
    1024: "i8",
    1280: "u8",
    32: "c8",
    1792: "c16",
}
_COLOURS: Final = {128: 3, 2304: 4}
_MAGNITUDE: Final = "Magnitude of complex values"
_AXIS_MARKS: Final = (b"n+1\0", b"n+2\0")
_FOURTH: Final = {
    8: (1000.0, "ms"),
    16: (1.0, "ms"),
    24: (0.001, "ms"),
    32: (1.0, "Hz"),
    40: (1.0, "ppm"),
    48: (1.0, "rad/s"),
}
_TO_MM: Final = {0: 1.0, 1: 1000.0, 2: 1.0, 3: 0.001}


@dataclass(frozen=True, eq=False)
class NiftiHeader:
    """What the header says, checked. `shape` is (i, j, k); `volumes` further ones along time.

    `affine_ras_mm` maps (i, j, k) to RAS millimetres, None when the file does not say. `further`: extents
    of dimensions 4 to 7, the first of them running fastest. `step` and `start`: of dimension 4, in `unit`
    ("ms", "Hz", "ppm", "rad/s" or "" where the file does not say). `intent`: what its values are called.
    `badges` and `not_faithful` as of a `Frame`: what is to be said of every slice. `samples`: bytes of a
    colour. `complex_scale`: slope and intercept of complex numbers, of which the magnitude is shown.
    `data_path`: the file of the pixels where they are not behind the header.
    """

    shape: tuple[int, int, int]
    volumes: int
    kind: np.dtype[Any]
    colour: bool
    data_offset: int
    slope: float
    intercept: float
    spacing_mm: tuple[float, float, float] | None
    affine_ras_mm: NDArray[np.float64] | None
    window: tuple[float, float] | None
    description: str
    further: tuple[int, ...] = ()
    step: float = 0.0
    start: float = 0.0
    unit: str = ""
    intent: str = ""
    badges: tuple[str, ...] = ()
    not_faithful: tuple[str, ...] = ()
    samples: int = 1
    complex_scale: tuple[float, float] = (1.0, 0.0)
    data_path: Path | None = None

    @property
    def voxel(self) -> np.dtype[Any]:
        """One voxel in the file: a number, or so many bytes of a colour."""
        return np.dtype(f"V{self.samples}") if self.colour else self.kind

    @property
    def volume_bytes(self) -> int:
        """Bytes of one volume."""
        return math.prod(self.shape) * self.voxel.itemsize


def looks_like_nifti(head: bytes) -> bool:
    """Whether the first (uncompressed) bytes are a NIfTI header, with its pixels behind it or elsewhere."""
    one_file = (len(head) >= 348 and head[344:348] in _AXIS_MARKS) or (
        len(head) >= 12 and head[4:8] == b"n+2\0"
    )
    return one_file or is_pair_header(head)


def inflated(head: bytes, count: int = 4096) -> bytes:
    """The first bytes of a file, inflated when they are gzip; b"" when that fails."""
    if head[:2] != b"\x1f\x8b":
        return head
    try:
        return zlib.decompressobj(31).decompress(head, count)
    except zlib.error:
        return b""


def read_header(path: Path) -> NiftiHeader:
    """Parse and check the header. Raises `InputRefused`."""
    try:
        with path.open("rb") as file:
            head = inflated(file.read(_HEAD))
    except OSError as error:
        raise unreadable(error) from error
    if not looks_like_nifti(head):
        raise InputRefused("The file is no NIfTI image.", "Its header does not carry the mark.")
    import nibabel as nib

    data: Path | None = None
    if is_pair_header(head):
        data = pixels_beside(path)
        if data is None:
            raise InputRefused(
                "The pixels of the image are missing.",
                "Its header says that they are in a file of the same name that ends in .img.",
                "Put both files into one folder.",
            )
    second = head[4:8] in (b"n+2\0", b"ni2\0")
    kind: Any = nib.Nifti2Header if second else nib.Nifti1Header
    if len(head) < kind.template_dtype.itemsize:
        raise too_short(len(head), kind.template_dtype.itemsize)
    try:
        header = kind(head[: kind.template_dtype.itemsize], check=False)
        return _checked(header, data)
    except InputRefused:
        raise
    except (
        ValueError,
        TypeError,
        KeyError,
        OverflowError,
        ArithmeticError,
        nib.spatialimages.HeaderDataError,
        nib.wrapstruct.WrapStructError,
    ) as error:
        raise InputRefused(
            "The header of the file cannot be right.", f"It does not parse ({type(error).__name__})."
        ) from error


def _checked(header: Any, data: Path | None) -> NiftiHeader:
    dim = [int(entry) for entry in header["dim"]]
    code = int(header["datatype"])
    if not 1 <= dim[0] <= 7 or any(extent < 1 for extent in dim[1 : dim[0] + 1]):
        raise wrong("its dimensions are not counts")
    extents = [*dim[1 : dim[0] + 1], 1, 1, 1][: max(3, dim[0])]
    if max(extents[:3]) > _MAX_EXTENT:
        raise wrong("a side is longer than any image")
    colour = code in _COLOURS
    if not colour and code not in _KINDS:
        raise InputRefused("The image cannot be shown.", f"NIfTI data type {code} is not read.")
    kind = np.dtype("u1") if colour else np.dtype(_KINDS[code]).newbyteorder(header.endianness)
    offset = float(header["vox_offset"])
    minimum = 0 if data is not None else 544 if int(header["sizeof_hdr"]) == 540 else 352
    if not (math.isfinite(offset) and offset.is_integer() and 0 <= offset <= MAX_EXTENSIONS):
        raise wrong("the place where its pixels begin is out of range")
    slope, intercept = float(header["scl_slope"]), float(header["scl_inter"])
    scale = (1.0, 0.0)
    if math.isfinite(slope) and math.isfinite(intercept) and slope != 0:
        scale = (slope, intercept)
    is_complex = kind.kind == "c"
    doubts = ("the transparency of its colours is not shown",) if _COLOURS.get(code) == 4 else ()
    to_mm = _TO_MM.get(int(header["xyzt_units"]) & 7, 1.0)
    low, high = float(header["cal_min"]), float(header["cal_max"])
    codes = int(header["sform_code"]), int(header["qform_code"])
    window = (low, high) if math.isfinite(low) and math.isfinite(high) and high > low else None
    return NiftiHeader(
        shape=(extents[0], extents[1], extents[2]),
        volumes=math.prod(extents[3:]),
        kind=kind,
        colour=colour,
        data_offset=max(int(offset), minimum),
        slope=1.0 if is_complex else scale[0],
        intercept=0.0 if is_complex else scale[1],
        spacing_mm=_spacing(header, to_mm),
        affine_ras_mm=_affine(header, to_mm),
        window=window,
        description=_words(header, "descrip"),
        further=tuple(extents[3:]),
        intent=_words(header, "intent_name"),
        **_along_four(header),
        badges=(
            *nifti_placement.space_badges(codes[0] or codes[1]),
            *((_MAGNITUDE,) if is_complex else ()),
        ),
        not_faithful=(
            *doubts,
            *nifti_placement.disagreement(
                _sform(header, to_mm),
                _qform(header, to_mm),
                extents[:3],
                same_space=codes[0] == codes[1],
            ),
        ),
        samples=_COLOURS.get(code, 1),
        complex_scale=scale,
        data_path=data,
    )


def _words(header: Any, field: str) -> str:
    return clean(bytes(header[field]).split(b"\0")[0].decode("latin-1"))


def _along_four(header: Any) -> dict[str, Any]:
    """Step, start and unit of the fourth dimension, times in milliseconds."""
    scale, unit = _FOURTH.get(int(header["xyzt_units"]) & 56, (1.0, ""))
    step, start = float(header["pixdim"][4]) * scale, float(header["toffset"]) * scale
    if not (math.isfinite(step) and step > 0):
        return {"unit": ""}
    return {"step": step, "start": start if math.isfinite(start) else 0.0, "unit": unit}


def _spacing(header: Any, to_mm: float) -> tuple[float, float, float] | None:
    zooms = [abs(float(zoom)) * to_mm for zoom in header["pixdim"][1:4]]
    if not all(math.isfinite(zoom) and 1e-6 < zoom < 1e6 for zoom in zooms):
        return None
    return zooms[0], zooms[1], zooms[2]


def _affine(header: Any, to_mm: float) -> NDArray[np.float64] | None:
    """The sform before the qform, as the format's authors do; None where neither is set."""
    if int(header["sform_code"]) > 0:
        return _sform(header, to_mm)
    return _qform(header, to_mm)


def _sform(header: Any, to_mm: float) -> NDArray[np.float64] | None:
    return _sound(header.get_sform(), to_mm) if int(header["sform_code"]) > 0 else None


def _qform(header: Any, to_mm: float) -> NDArray[np.float64] | None:
    import nibabel as nib

    if int(header["qform_code"]) <= 0:
        return None
    try:
        return _sound(header.get_qform(), to_mm)
    except (ValueError, nib.spatialimages.HeaderDataError):  # a quaternion that is no rotation
        return None


def _sound(given: Any, to_mm: float) -> NDArray[np.float64] | None:
    """An affine in millimetres; None for what is none."""
    affine: NDArray[np.float64] = np.array(given, dtype=np.float64)
    if not np.all(np.isfinite(affine)):
        return None
    with np.errstate(over="ignore", invalid="ignore"):
        affine = np.asarray(affine * [[to_mm], [to_mm], [to_mm], [1.0]], dtype=np.float64)
        lengths = np.linalg.norm(affine[:3, :3], axis=0)
    if not np.all((lengths >= 1e-6) & (lengths < 1e6) & np.isfinite(affine[:3, 3])):
        return None
    if abs(float(np.linalg.det(affine[:3, :3] / lengths))) < 1e-3:
        return None
    return affine


def check_length(path: Path, header: NiftiHeader) -> None:
    """An uncompressed file must be as long as its header says; gzip is checked when it is read."""
    data = header.data_path or path
    try:
        with data.open("rb") as file:
            compressed = file.read(2) == b"\x1f\x8b"
        size = data.stat().st_size
    except OSError as error:
        raise unreadable(error) from error
    need = header.data_offset + header.volume_bytes * header.volumes
    # Deflate cannot shrink below about 1:1032.
    if (not compressed and size < need) or (compressed and size * 1100 < need):
        raise too_short(size if not compressed else size * 1100, need)


def wrong(why: str) -> InputRefused:
    """The refusal of a header that contradicts itself."""
    return InputRefused("The header of the file cannot be right.", f"As far as it says, {why}.")


def too_short(have: int, need: int) -> InputRefused:
    """The refusal of a file that ends before its pixels do."""
    return InputRefused(
        "The file is cut short.",
        f"It should hold {need} bytes and holds {have}.",
        "Ask for the file again.",
    )


def unreadable(error: OSError) -> InputRefused:
    """The refusal of a file that the system does not let us read."""
    return InputRefused("The file cannot be read.", f"{error.strerror or 'It cannot be opened'}.")
