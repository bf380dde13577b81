"""A request and its result as words and arrays, for the way to the child and back.

Only pixels, how they mean brightness, and geometry cross; header text stays with the parent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from numpy.typing import NDArray

from medvision_desktop.domain.display import Voi, VoiFunction, VoiLut, VoiWindow
from medvision_desktop.domain.findings import (
    AnalysisState,
    GateCheck,
    GateReport,
    HeatMap,
    InferenceResult,
    LabelScore,
)
from medvision_desktop.domain.geometry import PixelSpacing, PlaneGeometry, SpacingSource
from medvision_desktop.domain.image import Frame, ModalityLut, Palette, Photometric, Rescale
from medvision_desktop.domain.provenance import InputRef, ModelRef, RunManifest

Words = dict[str, Any]
Arrays = dict[str, NDArray[Any]]


def pack_frame(frame: Frame) -> tuple[Words, Arrays]:
    """A frame without its UIDs, badges and corner text."""
    arrays: Arrays = {"stored": frame.stored}
    words: Words = {
        "photometric": frame.photometric.value,
        "bits_stored": frame.bits_stored,
        "signed": frame.signed,
        "units": frame.units,
        "presentation_inverse": frame.presentation_inverse,
        "padding": frame.padding,
        "pixel_aspect": frame.pixel_aspect,
        "frame_number": frame.frame_number,
    }
    if isinstance(frame.modality, Rescale):
        words["rescale"] = [frame.modality.slope, frame.modality.intercept]
    else:
        words["modality_first"] = frame.modality.first_mapped
        arrays["modality_lut"] = frame.modality.entries
    words["voi"] = [_pack_voi(voi, index, arrays) for index, voi in enumerate(frame.voi)]
    if frame.palette is not None:
        words["palette_first"] = frame.palette.first_mapped
        arrays["palette"] = frame.palette.entries
    if frame.geometry is not None:
        words["geometry"] = _pack_geometry(frame.geometry)
    return words, arrays


def unpack_frame(words: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Frame:
    """The frame of `pack_frame`."""
    palette = None
    if "palette" in arrays:
        palette = Palette(int(words["palette_first"]), arrays["palette"])
    modality: Rescale | ModalityLut
    if "modality_lut" in arrays:
        modality = ModalityLut(int(words["modality_first"]), arrays["modality_lut"])
    else:
        modality = Rescale(*(float(number) for number in words["rescale"]))
    return Frame(
        stored=arrays["stored"],
        photometric=Photometric(words["photometric"]),
        bits_stored=int(words["bits_stored"]),
        signed=bool(words["signed"]),
        modality=modality,
        units=str(words["units"]),
        voi=tuple(_unpack_voi(entry, index, arrays) for index, entry in enumerate(words["voi"])),
        presentation_inverse=bool(words["presentation_inverse"]),
        palette=palette,
        padding=_pair(words["padding"]),
        geometry=_unpack_geometry(words["geometry"]) if "geometry" in words else None,
        pixel_aspect=float(words["pixel_aspect"]),
        frame_number=int(words["frame_number"]),
    )


def pack_gate(gate: GateReport) -> Words:
    """A gate report as words."""
    return asdict(gate)


def unpack_gate(words: Mapping[str, Any]) -> GateReport:
    """The report of `pack_gate`."""
    return GateReport(
        ok=bool(words["ok"]),
        reasons=tuple(words["reasons"]),
        checks=tuple(GateCheck(**check) for check in words["checks"]),
        wanted=str(words["wanted"]),
        given=str(words["given"]),
    )


def pack_result(result: InferenceResult) -> tuple[Words, Arrays]:
    """A result as words and one array a map."""
    words: Words = {
        "state": result.state.value,
        "model": asdict(result.model),
        "gate": pack_gate(result.gate),
        "labels": [asdict(label) for label in result.labels],
        "maps": [
            {
                "label": heat.label,
                "method": heat.method,
                "box_xyxy": heat.box_xyxy,
                "faithfulness": heat.faithfulness,
                "random_faithfulness": heat.random_faithfulness,
            }
            for heat in result.maps
        ],
        "manifest": asdict(result.manifest) if result.manifest else None,
        "seconds": result.seconds,
        "message": result.message,
    }
    return words, {f"map{index}": heat.grid for index, heat in enumerate(result.maps)}


def unpack_result(words: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> InferenceResult:
    """The result of `pack_result`."""
    return InferenceResult(
        state=AnalysisState(words["state"]),
        model=ModelRef(**words["model"]),
        gate=unpack_gate(words["gate"]),
        labels=tuple(LabelScore(**label) for label in words["labels"]),
        maps=tuple(
            HeatMap(**{**heat, "box_xyxy": tuple(heat["box_xyxy"])}, grid=arrays[f"map{index}"])
            for index, heat in enumerate(words["maps"])
        ),
        manifest=_unpack_manifest(words["manifest"]) if words["manifest"] else None,
        seconds=float(words["seconds"]),
        message=str(words["message"]),
    )


def _unpack_manifest(words: Mapping[str, Any]) -> RunManifest:
    return RunManifest(
        **{
            **words,
            "model": ModelRef(**words["model"]),
            "inputs": tuple(InputRef(**given) for given in words["inputs"]),
            "thresholds": tuple((str(label), float(value)) for label, value in words["thresholds"]),
        }
    )


def _pack_voi(voi: Voi, index: int, arrays: Arrays) -> Words:
    if isinstance(voi, VoiWindow):
        return {"center": voi.center, "width": voi.width, "function": voi.function.value}
    arrays[f"voi{index}"] = voi.entries
    return {"first_mapped": voi.first_mapped, "bits": voi.bits}


def _unpack_voi(words: Mapping[str, Any], index: int, arrays: Mapping[str, NDArray[Any]]) -> Voi:
    if "center" in words:
        return VoiWindow(float(words["center"]), float(words["width"]), VoiFunction(words["function"]))
    return VoiLut(int(words["first_mapped"]), arrays[f"voi{index}"], int(words["bits"]))


def _pack_geometry(geometry: PlaneGeometry) -> Words:
    spacing = geometry.spacing
    return {
        "vectors": [geometry.origin_lps_mm, geometry.row_lps, geometry.column_lps],
        "spacing": [spacing.row_mm, spacing.column_mm, spacing.source.value],
    }


def _unpack_geometry(words: Mapping[str, Any]) -> PlaneGeometry:
    origin, row, column = (tuple(float(number) for number in vector) for vector in words["vectors"])
    row_mm, column_mm, source = words["spacing"]
    spacing = PixelSpacing(float(row_mm), float(column_mm), SpacingSource(source))
    return PlaneGeometry(_three(origin), _three(row), _three(column), spacing)


def _three(vector: tuple[float, ...]) -> tuple[float, float, float]:
    x, y, z = vector
    return x, y, z


def _pair(values: Any) -> tuple[float, float] | None:
    if values is None:
        return None
    low, high = values
    return float(low), float(high)
