"""What the manifest of a segmenting model says beyond that of a classifier: its grid and its labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from medvision_desktop.domain.labelmap import RgbColour, Segment
from medvision_desktop.modelkit.volumes import VolumeSpec

TASK: Final = "segmentation"
NETWORKS: Final = ("unet3d-8", "unet3d-16", "unet3d-32")


@dataclass(frozen=True)
class Box:
    """Smallest and largest edges in millimetres that an image of this model covers, as (k, j, i)."""

    smallest_mm: tuple[float, float, float]
    largest_mm: tuple[float, float, float]

    def fits(self, edges_mm: Sequence[float]) -> bool:
        """Whether all edges lie inside."""
        ends = zip(self.smallest_mm, edges_mm, self.largest_mm, strict=True)
        return all(low <= edge <= high for low, edge, high in ends)

    def far(self, edges_mm: Sequence[float]) -> bool:
        """Whether an edge is under two thirds of the smallest or over one and a half of the largest."""
        ends = zip(self.smallest_mm, edges_mm, self.largest_mm, strict=True)
        return any(edge < low / 1.5 or edge > high * 1.5 for low, edge, high in ends)


@dataclass(frozen=True)
class Segmentation:
    """The `[segmentation]` table. Labels are those of the manifest, numbered from 1.

    `colours`: of each label. `codes`: value, scheme and meaning of its type (PS3.3 C.8.20.2), or empty.
    `sums`: volumes that several labels make up together. `mirrored`: the answer is the mean over the
    image and its left-right mirror image; `shifts`: over how many places of it in the network's grid,
    1 to 4, as a network that halves the grid answers otherwise after a step to the side. `needed`: at
    least one of these channels has to be there. `smallest_ml`: islands of labels that are smaller are
    taken away. `box`: the size of the images it was made from, None
    for any. `background_share`: how much of an image is plain background at least and at most, which
    tells a brain cut out of its skull; None for any.
    """

    spec: VolumeSpec
    colours: tuple[RgbColour, ...]
    codes: tuple[tuple[str, str, str], ...] = ()
    sums: tuple[tuple[str, tuple[str, ...]], ...] = ()
    mirrored: bool = False
    shifts: int = 1
    smallest_ml: float = 0.0
    needed: tuple[str, ...] = ()
    box: Box | None = None
    background_share: tuple[float, float] | None = None

    def segments(self, labels: Sequence[str]) -> tuple[Segment, ...]:
        """The segments of a label map that the model makes."""
        codes: Sequence[tuple[str, str, str] | None] = self.codes or [None] * len(labels)
        return tuple(
            Segment(index + 1, label, colour, code, "AUTOMATIC")
            for index, (label, colour, code) in enumerate(zip(labels, self.colours, codes, strict=True))
        )

    def wrong(self, labels: Sequence[str]) -> str:
        """What does not fit the labels; empty if nothing."""
        known = set(labels)
        checks = (
            (len(labels) <= 255, "a label map holds 255 labels at most"),
            (len(self.colours) == len(labels), "every label has a colour"),
            (len(self.codes) in (0, len(labels)), "codes and labels differ in number"),
            (all(0 <= v <= 255 for colour in self.colours for v in colour), "a colour is out of range"),
            (all(part in known for _, parts in self.sums for part in parts), "a sum names no label"),
            (1 <= self.shifts <= 4, "it shifts other than 1 to 4 times"),
            (0 <= self.smallest_ml <= 1000, "the smallest island is out of range"),
            (set(self.needed) <= set(self.spec.channels), "it needs a channel that it has not"),
        )
        return next((sentence for fine, sentence in checks if not fine), "")


def from_table(table: Mapping[str, Any]) -> Segmentation:
    """From parsed TOML. Raises `KeyError`, `TypeError` and `ValueError` for what does not fit."""
    box, share = table.get("box"), table.get("background_share")
    return Segmentation(
        spec=VolumeSpec(
            channels=tuple(_text(entry) for entry in table["channels"]),
            spacing_mm=_three(table["spacing_mm"]),
            patch=_whole(table["patch"]),
            overlap=float(table["overlap"]),
            multiple=_int(table["multiple"]),
            presence=_bool(table["presence"]),
        ),
        colours=tuple(_whole(entry) for entry in table["colours"]),
        codes=tuple(_code(entry) for entry in table.get("codes", [])),
        sums=tuple(
            (_text(name), tuple(_text(part) for part in parts))
            for name, parts in table.get("sums", {}).items()
        ),
        mirrored=_bool(table.get("mirrored", False)),
        shifts=_int(table.get("shifts", 1)),
        smallest_ml=float(table.get("smallest_ml", 0.0)),
        needed=tuple(_text(entry) for entry in table.get("needed", [])),
        box=None if box is None else Box(_three(box["smallest_mm"]), _three(box["largest_mm"])),
        background_share=None if share is None else (float(share[0]), float(share[1])),
    )


def tables(found: Segmentation) -> dict[str, dict[str, Any]]:
    """The tables of the manifest: `segmentation` and those below it, in the order to write them."""
    plain = {**asdict(found.spec), "colours": found.colours, "codes": found.codes}
    plain |= {"mirrored": found.mirrored, "shifts": found.shifts, "needed": found.needed}
    if found.smallest_ml:
        plain["smallest_ml"] = found.smallest_ml
    if found.background_share is not None:
        plain["background_share"] = found.background_share
    made = {"segmentation": plain}
    if found.sums:
        made["segmentation.sums"] = dict(found.sums)
    if found.box is not None:
        made["segmentation.box"] = asdict(found.box)
    return made


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not text")
    return value


def _bool(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"{value!r} is neither true nor false")
    return value


def _int(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{value!r} is not a whole number")
    return value


def _whole(values: Any) -> tuple[int, int, int]:
    first, second, third = (_int(value) for value in values)
    return first, second, third


def _three(values: Any) -> tuple[float, float, float]:
    first, second, third = (float(value) for value in values)
    return first, second, third


def _code(values: Any) -> tuple[str, str, str]:
    value, scheme, meaning = (_text(entry) for entry in values)
    return value, scheme, meaning
