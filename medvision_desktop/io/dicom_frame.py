"""One frame of a DICOM object: decoded pixels and what the header says about showing them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final, NamedTuple

from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from medvision_desktop.domain.geometry import PixelSpacing, PlaneGeometry
from medvision_desktop.domain.image import Frame, Palette, Photometric
from medvision_desktop.domain.layers import OverlayPlane, Shutter
from medvision_desktop.domain.quantities import UltrasoundRegion
from medvision_desktop.errors import InputRefused
from medvision_desktop.io import dicom_real, dicom_space, dicom_tables
from medvision_desktop.io.dicom_colour import supplement_of
from medvision_desktop.io.dicom_corner import CornerWords, Remembered
from medvision_desktop.io.dicom_doubts import doubts_of
from medvision_desktop.io.dicom_faults import quiet
from medvision_desktop.io.dicom_groups import group_of
from medvision_desktop.io.dicom_header import Header
from medvision_desktop.io.dicom_layers import GROUPS, overlays_of, shutter_of
from medvision_desktop.io.dicom_layout import PixelLayout
from medvision_desktop.io.dicom_memo import Memo
from medvision_desktop.io.dicom_palette import palette_of
from medvision_desktop.io.dicom_values import numbers, text, texts, whole
from medvision_desktop.pixels import collimation

# Films whose unexposed border is covered, unless the header has a shutter of its own.
_FILMS: Final = frozenset({"CR", "DX", "RG"})
_LOSSY: Final = frozenset(
    {
        "1.2.840.10008.1.2.4.50",
        "1.2.840.10008.1.2.4.51",
        "1.2.840.10008.1.2.4.81",
        "1.2.840.10008.1.2.4.91",
        "1.2.840.10008.1.2.4.111",
        "1.2.840.10008.1.2.4.112",
        "1.2.840.10008.1.2.4.203",
    }
)


def frame_of(
    header: Header,
    layout: PixelLayout,
    index: int,
    values: NDArray[Any],
    *,
    doubts: tuple[str, ...] = (),
    words: NDArray[Any] | None = None,
) -> Frame:
    """A `Frame` of decoded values (HxW, or HxWx3 RGB) of frame `index`, counted from 0.

    `words`: what of a compressed frame the values were taken from, where bits beside them may be overlays.
    """
    with quiet():
        return _frame(header, layout, index, values, doubts, words)


def _frame(
    header: Header,
    layout: PixelLayout,
    index: int,
    values: NDArray[Any],
    doubts: tuple[str, ...],
    words: NDArray[Any] | None,
) -> Frame:
    # What other files of the series have said alike is not asked again; frames of one file differ in
    # what their functional groups say.
    dataset, of = header.dataset, (header.memo if layout.frames == 1 else Memo()).of
    alike: _Alike = of("alike", lambda: _alike(header, layout, index, of))
    if alike.covered:
        overlays, shutter, unread = _covers(header, layout, index, words)
    else:
        overlays, shutter, unread = (), alike.shutter, alike.unread
    geometry = of("geometry", lambda: _geometry(dataset, index, of))
    frame = Frame(
        stored=values,
        geometry=geometry,
        patient_orientation=None
        if geometry
        else of("letters", lambda: dicom_space.patient_orientation_of(dataset, index)),
        sop_instance_uid=header.sop_instance_uid,
        frame_number=index + 1,
        not_faithful=(*doubts, *unread, *alike.doubts),
        corner=CornerWords(dataset, index, geometry, of),
        shutter=shutter,
        overlays=overlays,
        **alike.fields,
    )
    if shutter is None and alike.film:
        return replace(frame, shutter=collimation.border_of(frame))
    return frame


class _Alike(NamedTuple):
    """What most files of a series say in the same words."""

    fields: dict[str, Any]  # of a `Frame`
    doubts: tuple[str, ...]
    covered: bool  # by overlay planes, which may lie in the pixels and so are read from each file
    shutter: Shutter | None  # where nothing covers
    unread: tuple[str, ...]
    film: bool


def _alike(header: Header, layout: PixelLayout, index: int, of: Remembered) -> _Alike:
    dataset = header.dataset
    covered = of("overlays", lambda: any(Tag(group, 0x0010) in dataset for group in GROUPS))
    shutter, unread = (
        (None, ())
        if covered
        else of("shutter", lambda: _shutter(_shutter_owner(dataset, index), (), layout))
    )
    return _Alike(
        _standing(header, layout, index, of),
        of("doubts", lambda: doubts_of(header, layout, index)),
        covered,
        shutter,
        unread,
        layout.frames == 1 and of("film", lambda: text(dataset, "Modality") in _FILMS),
    )


def _geometry(dataset: Dataset, index: int, of: Remembered) -> PlaneGeometry | None:
    if of("mosaic", lambda: dicom_space.is_mosaic(dataset)):
        return None
    plain = of("place", lambda: dicom_space.places_itself(dataset))
    return dicom_space.plane_at(
        dicom_space.own_origin_of(dataset) if plain else dicom_space.origin_of(dataset, index),
        _spacing(dataset, index, of),
        of("directions", lambda: dicom_space.directions_of(dataset, index)),
        of("reference", lambda: text(dataset, "FrameOfReferenceUID")),
    )


def _standing(header: Header, layout: PixelLayout, index: int, of: Remembered) -> dict[str, Any]:
    """Fields of a `Frame` that are alike in most files of a series. Each is known by itself, too."""
    dataset = header.dataset
    photometric = _photometric(layout, of("shape", lambda: text(dataset, "PresentationLUTShape").upper()))
    grey = photometric in (Photometric.MONOCHROME1, Photometric.MONOCHROME2)

    def regions() -> tuple[UltrasoundRegion, ...]:
        found: tuple[UltrasoundRegion, ...] = of(
            "regions", lambda: dicom_real.ultrasound_regions_of(dataset)
        )
        return found

    def aspect() -> float:
        return dicom_space.aspect_of(dataset, _spacing(dataset, index, of), regions())

    return {
        "photometric": photometric,
        "bits_stored": layout.bits_stored,
        "signed": layout.signed and grey,
        "palette": of("palette", lambda: _palette(header, layout)),
        "spacing": _spacing(dataset, index, of),
        "pixel_aspect": of("aspect", aspect),
        "badges": of("badges", lambda: _badges(header, layout)),
        "dimension_index": of("dimensions", lambda: dimension_index(dataset, index)),
        "regions": regions(),
        **(of("meaning", lambda: _meaning(header, layout, index)) if grey else {}),
    }


def _spacing(dataset: Dataset, index: int, of: Remembered) -> PixelSpacing | None:
    found: PixelSpacing | None = of("spacing", lambda: dicom_space.spacing_of(dataset, index))
    return found


def _meaning(header: Header, layout: PixelLayout, index: int) -> dict[str, Any]:
    """What grey values mean: the fields of a `Frame` that say so."""
    dataset, little = header.dataset, header.little_endian
    shape = text(dataset, "PresentationLUTShape").upper()
    modality = dicom_tables.modality_of(dataset, index, layout, little=little)
    return {
        "modality": modality,
        "units": dicom_tables.units_of(dataset, index),
        "voi": dicom_tables.voi_of(dataset, index, layout, little=little),
        "presentation_inverse": _photometric(layout, shape) is Photometric.MONOCHROME2
        and shape == "INVERSE",
        "padding": dicom_tables.padding_of(dataset, layout),
        "real": dicom_real.real_values_of(dataset, index, modality),
        "supplement": supplement_of(header, layout),
    }


def _palette(header: Header, layout: PixelLayout) -> Palette | None:
    if layout.photometric != Photometric.PALETTE_COLOR.value:
        return None
    palette = palette_of(header.dataset, little=header.little_endian)
    if palette is None:
        raise InputRefused("The colours cannot be shown.", "The palette is missing or cannot be right.")
    return palette


def _covers(
    header: Header, layout: PixelLayout, index: int, words: NDArray[Any] | None
) -> tuple[tuple[OverlayPlane, ...], Shutter | None, tuple[str, ...]]:
    """Overlay planes, the shutter, and what of both cannot be drawn."""
    dataset = header.dataset
    shapes = _shutter_owner(dataset, index)
    overlays, unread = overlays_of(header, layout, index, words)
    shutter, doubts = _shutter(shapes, overlays, layout)
    if shutter is not None:
        overlays = tuple(plane for plane in overlays if not _is_bitmap(shapes, plane))
    return overlays, shutter, (*unread, *doubts)


def _shutter_owner(dataset: Dataset, index: int) -> Dataset:
    """What says which shutter frame `index` has: a functional group of its own, or the object."""
    return group_of(dataset, index, "FrameDisplayShutterSequence")


def _shutter(
    shapes: Dataset, overlays: tuple[OverlayPlane, ...], layout: PixelLayout
) -> tuple[Shutter | None, tuple[str, ...]]:
    """The shutter, and the word that there is one which cannot be read."""
    shutter = shutter_of(shapes, overlays, layout.rows, layout.columns)
    if shutter is None and text(shapes, "ShutterShape"):
        return None, ("the display shutter cannot be read",)
    return shutter, ()


def _is_bitmap(dataset: Dataset, plane: OverlayPlane) -> bool:
    """Whether a plane is the shutter, and so no layer."""
    return "BITMAP" in texts(dataset, "ShutterShape") and plane.group == whole(
        dataset, "ShutterOverlayGroup"
    )


def dimension_index(dataset: Dataset, index: int) -> tuple[int, ...]:
    """Dimension Index Values of a frame; () without."""
    content = group_of(dataset, index, "FrameContentSequence")
    return tuple(int(value) for value in numbers(content, "DimensionIndexValues"))


def _photometric(layout: PixelLayout, shape: str) -> Photometric:
    """How values are meant to look.

    A Presentation LUT Shape says what the values are once the window is applied: IDENTITY means
    P-Values, low is black (PS3.3 C.11.6.1.2). Under MONOCHROME1 the two contradict each other, and
    the shape counts because it is the later stage, which is also what DCMTK draws.
    """
    if layout.samples == 3:
        return Photometric.RGB
    if layout.photometric == "MONOCHROME1" and shape == "IDENTITY":
        return Photometric.MONOCHROME2
    return Photometric(layout.photometric)


def _badges(header: Header, layout: PixelLayout) -> tuple[str, ...]:
    dataset = header.dataset
    badges = []
    if layout.photometric == "MONOCHROME1" and text(dataset, "PresentationLUTShape").upper() == "IDENTITY":
        badges.append("Header contradicts itself on polarity")
    if dicom_space.is_mosaic(dataset):
        badges.append("Mosaic of slices")
    if texts(dataset, "ImageType")[:1] == ("DERIVED",):
        badges.append("Derived")
    if text(dataset, "PresentationIntentType") == "FOR PROCESSING":
        badges.append("For processing, not for presentation")
    if text(dataset, "LossyImageCompression") == "01" or _is_lossy(header):
        # One ratio for each time the image was compressed; the last is the newest.
        ratios = [ratio for ratio in numbers(dataset, "LossyImageCompressionRatio") if ratio > 1]
        badges.append(f"Lossy {_ratio(ratios[-1])}:1" if ratios else "Lossy")
    return tuple(badges)


def _ratio(value: float) -> str:
    return f"{value:.0f}" if value >= 10 else f"{value:.2g}"


def _is_lossy(header: Header) -> bool:
    """A lossy syntax without the flag; JPEG 2000 (.91) may be reversible, then the flag says 00."""
    return header.transfer_syntax in _LOSSY and text(header.dataset, "LossyImageCompression") != "00"
