"""A request for a label map and its result as words and arrays, for the way to the child and back.

Only voxels, grids and how stored values mean modality values cross; header text stays with the parent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medvision_desktop.domain.findings import InferenceResult
from medvision_desktop.domain.image import Rescale, Volume
from medvision_desktop.domain.labelmap import LabelMap, LayerOrigin, Segment
from medvision_desktop.inference import wire
from medvision_desktop.inference.volume_runner import VolumeRequest

Words = dict[str, Any]
Arrays = dict[str, NDArray[Any]]


def pack_request(request: VolumeRequest) -> tuple[Words, Arrays]:
    """Channels by name, each with its grid; the model is named by the host."""
    arrays: Arrays = {}
    channels: list[Words] = []
    for index, (name, volume) in enumerate(request.channels.items()):
        arrays[f"volume{index}"] = volume.stored_kji
        channels.append(
            {
                "name": name,
                "affine": volume.affine_kji_to_lps.tolist(),
                "rescale": [volume.modality.slope, volume.modality.intercept],
            }
        )
    return {"channels": channels, "on": request.on, "gate": wire.pack_gate(request.gate)}, arrays


def unpack_request(
    words: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]], model: str
) -> VolumeRequest:
    """The request of `pack_request`."""
    channels = {
        str(entry["name"]): Volume(
            arrays[f"volume{index}"],
            np.array(entry["affine"], dtype=np.float64),
            modality=Rescale(*(float(number) for number in entry["rescale"])),
        )
        for index, entry in enumerate(words["channels"])
    }
    return VolumeRequest(model, channels, str(words["on"]), wire.unpack_gate(words["gate"]))


def pack_result(result: InferenceResult) -> tuple[Words, Arrays]:
    """A result as words, and its voxels as an array."""
    words, arrays = wire.pack_result(replace(result, label_map=None))
    layer = result.label_map
    if layer is not None:
        arrays = {**arrays, "labels": layer.values_kji}
        words["label_map"] = {
            "affine": layer.affine_kji_to_lps.tolist(),
            "segments": [asdict(segment) for segment in layer.segments],
            **{name: getattr(layer, name) for name in ("uid", "title", "source")},
            "badges": list(layer.badges),
        }
    return words, arrays


def unpack_result(
    words: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]], frame_of_reference: str
) -> InferenceResult:
    """The result of `pack_result`; the frame of reference never left the parent."""
    result = wire.unpack_result(words, arrays)
    told = words.get("label_map")
    if told is None:
        return result
    layer = LabelMap(
        values_kji=np.array(arrays["labels"], dtype=np.uint8),
        affine_kji_to_lps=np.array(told["affine"], dtype=np.float64),
        segments=tuple(_segment(entry) for entry in told["segments"]),
        uid=str(told["uid"]),
        title=str(told["title"]),
        source=str(told["source"]),
        origin=LayerOrigin.MODEL,
        frame_of_reference=frame_of_reference,
        badges=tuple(str(badge) for badge in told["badges"]),
    )
    return replace(result, label_map=layer)


def _segment(told: Mapping[str, Any]) -> Segment:
    red, green, blue = told["colour"]
    code = told["code"]
    return Segment(
        int(told["number"]),
        str(told["label"]),
        (red, green, blue),
        (code[0], code[1], code[2]) if code else None,
        str(told["algorithm"]),
    )
