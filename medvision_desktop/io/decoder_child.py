"""The child's side of decoding: one table of which library decodes what, under a memory limit."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate

from medvision_desktop.errors import InputRefused
from medvision_desktop.io import decoder_codecs, decoder_fragments, dicom_native, document_child, png_whole
from medvision_desktop.io.decoder_limits import limit_memory
from medvision_desktop.io.dicom_faults import quiet, refused_by_parser
from medvision_desktop.io.dicom_header import Header, read_header
from medvision_desktop.io.dicom_layout import PixelLayout, justified, layout_of
from medvision_desktop.io.dicom_values import uid_name
from medvision_desktop.work import CancelToken, ProgressSink

if TYPE_CHECKING:
    from medvision_desktop.children.serve import Answer, Handler

_RLE: Final = "1.2.840.10008.1.2.5"
_JPEG: Final = ("50", "51", "57", "70")
_JPEG_LS: Final = ("80", "81")
_JPEG_2000: Final = ("90", "91", "201", "202", "203")
_MAX_RASTER_PIXELS: Final = 1 << 28
# Kinds of PNG that have colour, grey with transparency, or both.
_MORE_THAN_GREY: Final = (2, 4, 6)
_TURN: Final = 0x0112  # Exif Orientation

# Named explicitly: the order in which plugins happen to be tried decides nothing here.
PLUGINS: Final[Mapping[str, str]] = {
    _RLE: "pylibjpeg",
    **{f"1.2.840.10008.1.2.4.{code}": "pylibjpeg" for code in (*_JPEG, *_JPEG_2000)},
    **{f"1.2.840.10008.1.2.4.{code}": "pyjpegls" for code in _JPEG_LS},
}
_OWN: Final = (*decoder_codecs.JPEG_XL, decoder_codecs.DEFLATED_FRAMES, decoder_codecs.WRAPPED_FRAMES)


def handlers() -> Mapping[str, Handler]:
    """What this child answers."""
    return {"ready": _ready, "frames": _frames, "raster": _raster, **document_child.handlers()}


def _ready(
    arguments: dict[str, Any], arrays: dict[str, NDArray[Any]], progress: ProgressSink, cancel: CancelToken
) -> Answer:
    del arrays, progress, cancel
    limit_memory(arguments)
    import pydicom.pixels  # noqa: F401 - loaded now, so that the first image need not wait

    return {}, {}


def _frames(
    arguments: dict[str, Any], arrays: dict[str, NDArray[Any]], progress: ProgressSink, cancel: CancelToken
) -> Answer:
    del arrays, progress
    limit_memory(arguments)
    path = Path(arguments["path"])
    header = read_header(path)
    layout = layout_of(header)
    shape = (layout.rows, layout.columns, 3)[: 2 if layout.samples == 1 else 3]
    found: dict[str, NDArray[Any]] = {}
    for frame_number in arguments["frames"]:
        cancel.check()
        values = _decoded(header, layout, int(frame_number) - 1)
        if values.shape != shape:
            raise InputRefused(
                "The image cannot be decoded.", "Its size differs from what the header says."
            )
        found[str(frame_number)] = values
    return {"right_aligned": header.transfer_syntax != _RLE}, found


def _decoded(header: Header, layout: PixelLayout, index: int) -> NDArray[Any]:
    syntax = header.transfer_syntax
    if syntax not in PLUGINS and syntax not in _OWN:
        name = uid_name(syntax)
        raise InputRefused("The image cannot be decoded.", f"Its transfer syntax is not read: {name}.")
    with quiet():
        try:
            dataset = _whole_file(str(header.path), *_stamp(header.path))
            if syntax not in _OWN and syntax not in decoder_codecs.JPEG:
                return _by_plugin(dataset, layout, index, syntax)
            data = decoder_codecs.encoded(dataset, layout, index)
            if syntax == decoder_codecs.DEFLATED_FRAMES:
                return decoder_codecs.deflated_frame(data, header, layout)
            if syntax == decoder_codecs.WRAPPED_FRAMES:
                return decoder_codecs.wrapped_frame(data, header, layout)
            if syntax in decoder_codecs.JPEG_XL:
                return decoder_codecs.jpeg_xl(data, layout)
            if decoder_codecs.jpeg_has_end(data):
                return _jpeg(dataset, layout, index, syntax, data)
            return decoder_codecs.jpeg_without_end(
                data, lambda ended: _jpeg(_of_one_frame(dataset, ended), layout, 0, syntax, ended)
            )
        except InputRefused:
            raise
        except Exception as error:  # a dozen decoders raise many kinds
            raise _undecodable(error) from error


def _jpeg(dataset: Dataset, layout: PixelLayout, index: int, syntax: str, data: bytes) -> NDArray[Any]:
    """A JPEG frame, which is `data` and frame `index` of the data set."""
    if syntax == decoder_codecs.JPEG_EXTENDED:
        # The usual plugin does not read all of them; this one reads those that DCMTK reads.
        found = decoder_codecs.jpeg_12_bit(data, layout)
        if found is not None:
            return found
    return _by_plugin(dataset, layout, index, syntax)


def _by_plugin(dataset: Dataset, layout: PixelLayout, index: int, syntax: str) -> NDArray[Any]:
    from pydicom.pixels.decoders.base import get_decoder
    from pydicom.uid import UID

    # Words of RLE stay as they are: pydicom masks as if High Bit were Bits Stored - 1.
    options: dict[str, Any] = {"correct_unused_bits": syntax != _RLE}
    values, said = get_decoder(UID(syntax)).as_array(
        dataset, index=index, decoding_plugin=PLUGINS[syntax], **options
    )
    if str(said["photometric_interpretation"]).startswith("YBR_PARTIAL"):
        return dicom_native.as_rgb(np.asarray(values), "YBR_PARTIAL")
    found = np.asarray(values)
    if syntax == _RLE and layout.samples == 3:  # grey ones are put right when their frame is made
        return justified(found, bits_stored=layout.bits_stored, high_bit=layout.high_bit, signed=False)
    return found


def _of_one_frame(dataset: Dataset, data: bytes) -> Dataset:
    """The data set as if it held this one frame only."""
    one = Dataset()
    one.update(dataset.group_dataset(0x0028))
    one.NumberOfFrames = 1
    one.PixelData = encapsulate([data])
    one["PixelData"].is_undefined_length = True
    return one


@lru_cache(maxsize=1)
def _whole_file(path: str, size: int, changed_ns: int) -> Dataset:
    """The object with its compressed pixels, kept for the next frames of the same file."""
    del size, changed_ns  # they are in the key, so that a file that changed is read again
    header = read_header(Path(path))
    return decoder_fragments.whole_file(header, layout_of(header))


def _stamp(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns


def _undecodable(error: Exception) -> InputRefused:
    if isinstance(error, OSError) and error.strerror:
        return refused_by_parser(error)
    if isinstance(error, MemoryError):
        return InputRefused("The image cannot be decoded.", "It needs more memory than decoding may take.")
    return InputRefused(
        "The image cannot be decoded.",
        f"The compressed data is damaged or of an unusual kind ({type(error).__name__}).",
        "Ask for the file to be sent again, or for an uncompressed copy.",
    )


def _raster(
    arguments: dict[str, Any], arrays: dict[str, NDArray[Any]], progress: ProgressSink, cancel: CancelToken
) -> Answer:
    del arrays, progress, cancel
    limit_memory(arguments)
    from PIL import Image, ImageOps

    Image.MAX_IMAGE_PIXELS = _MAX_RASTER_PIXELS
    doubts: list[str] = []
    try:
        with Path(arguments["path"]).open("rb") as file:
            head = file.read(26)
        with quiet(), Image.open(arguments["path"], formats=("PNG", "JPEG")) as opened:
            # A camera's turn mark is part of the picture as meant; PNG and scanners rarely have one.
            turn = opened.getexif().get(_TURN, 1)
            picture = ImageOps.exif_transpose(opened)
            values = _grey_or_rgb(picture, doubts)
        if head.startswith(b"\x89PNG"):
            content = Path(arguments["path"]).read_bytes()
            png_whole.check(content)
            if head[24] == 16 and head[25] in _MORE_THAN_GREY:
                values = _deep(content, int(turn))
    except InputRefused:
        raise
    except Exception as error:  # the codecs of Pillow raise many kinds
        raise _undecodable(error) from error
    return {"doubts": doubts}, {"1": values}


def _deep(content: bytes, turn: int) -> NDArray[Any]:
    """Samples of 16 bits of a PNG that has colour or transparency, of which Pillow keeps 8.

    `turn`: its Exif Orientation, 1 to 8.
    """
    import cv2

    found = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    if found is None or found.dtype != np.uint16 or found.ndim != 3:
        raise ValueError("not 16 bits")
    colour = found[..., 2::-1]
    if turn >= 5:  # rows are columns
        colour = colour.swapaxes(0, 1)
    if turn in (3, 4, 7, 8):
        colour = colour[::-1]
    if turn in (2, 3, 6, 7):
        colour = colour[:, ::-1]
    return _one_if_grey(colour)


def _grey_or_rgb(picture: Any, doubts: list[str]) -> NDArray[Any]:
    mode = str(picture.mode)
    if mode in ("I;16", "I;16L", "I;16B", "I"):
        return np.asarray(picture).astype(np.uint16)
    if mode in ("LA", "RGBA", "PA", "La", "RGBa"):
        alpha = np.asarray(picture.convert("RGBA"))[..., 3]
        if int(alpha.min()) < 255:
            doubts.append("transparency in the picture is not applied")
    if mode in ("1", "L", "LA"):
        return np.asarray(picture.convert("L"))
    return _one_if_grey(np.asarray(picture.convert("RGB")))


def _one_if_grey(colour: NDArray[Any]) -> NDArray[Any]:
    red, green, blue = colour[..., 0], colour[..., 1], colour[..., 2]
    if np.array_equal(red, green) and np.array_equal(green, blue):
        return np.ascontiguousarray(red)  # grey stored as colour: windows and probes apply to it
    return np.ascontiguousarray(colour)
