"""A recipe for a network of volumes: a TOML file with `kind = "volumes"`, typed and checked."""

from __future__ import annotations

import dataclasses
import json
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from medvision_desktop.errors import InputRefused, ModelRefused
from medvision_desktop.modelkit import segmentation
from medvision_desktop.modelkit.segmentation import Segmentation
from medvision_desktop.modelkit.volumes import VolumeSpec

KIND: Final = "volumes"
LOSSES: Final = ("dice-ce", "dice-focal")


@dataclass(frozen=True)
class VolumeAugmentation:
    """Ranges of random changes. Angles in degrees, shifts in voxels, the rest relative.

    `flip`: left and right exchanged, where an organ on one side mirrors that on the other. `missing`:
    the chance of each channel to be left out, though never all of them.
    """

    degrees: float = 10.0
    zoom: float = 0.1
    shift: float = 3.0
    flip: bool = True
    gamma: float = 0.3
    contrast: float = 0.15
    brightness: float = 0.15
    noise: float = 0.1
    missing: float = 0.0


@dataclass(frozen=True)
class VolumeWords:
    """What the package says of itself beside its numbers; see `recipe.Words`.

    `codes`, `sums`, `mirrored`, `shifts`, `needed`, `box` and `background_share` go to the manifest's table
    `segmentation`, see there; `wanted` and `data` are tables of the manifest.
    """

    version: str
    title: str
    intended_use: str
    contraindications: list[str]
    licence: str
    who: str
    beyond: str
    misses: str = ""
    evaluated_on: str = ""
    tried: str = ""
    codes: list[list[str]] = field(default_factory=list)
    sums: dict[str, list[str]] = field(default_factory=dict)
    mirrored: bool = False
    shifts: int = 1
    smallest_ml: float = 0.0
    needed: list[str] = field(default_factory=list)
    box: dict[str, list[float]] | None = None
    background_share: list[float] | None = None
    wanted: dict[str, Any] = field(default_factory=dict)
    data: list[dict[str, str]] = field(default_factory=list)


@dataclass(frozen=True)
class VolumeRecipe:
    """What to train, on what and how. Lengths as (k, j, i), rates per step, epochs as counts.

    `source` names a layout in `volume_sources.SOURCES`, `folder` the folder below the data directory.
    `cross` parts each get a network that never saw them; then one network sees everything. Nothing is
    chosen and every epoch is run. `repeats`: how often a real case is drawn from in an epoch.
    `text`: the file. `label_values`: the label of each value of a label file, where they are not the
    same. `synthetic`: how many made cases every network is trained on as well.
    """

    name: str
    network: str
    source: str
    folder: str
    labels: tuple[str, ...]
    colours: tuple[tuple[int, int, int], ...]
    channels: tuple[str, ...]
    patch: tuple[int, int, int]
    window: tuple[int, int, int]
    spacing_mm: tuple[float, float, float] = (1.0, 1.0, 1.0)
    overlap: float = 0.5
    presence: bool = False
    label_values: tuple[int, ...] = ()
    synthetic: int = 0
    cross: int = 5
    repeats: int = 1
    seed: int = 0
    epochs: int = 40
    batch_size: int = 2
    learning_rate: float = 2e-3
    weight_decay: float = 1e-4
    warmup_epochs: float = 0.5
    clip_norm: float = 1.0
    loss: str = "dice-focal"
    augmentation: VolumeAugmentation = field(default_factory=VolumeAugmentation)
    package: VolumeWords | None = None
    text: str = ""

    @property
    def segmentation(self) -> Segmentation:
        """What the manifest of its package says of grid and labels. Raises as `segmentation.from_table`."""
        words, spec = self.package, self.spec
        said: dict[str, Any] = {}
        if words is not None:
            kept = (
                "codes",
                "sums",
                "needed",
                "mirrored",
                "shifts",
                "smallest_ml",
                "box",
                "background_share",
            )
            said = {name: getattr(words, name) for name in kept}
        return segmentation.from_table({**dataclasses.asdict(spec), "colours": self.colours, **said})

    @property
    def plain(self) -> dict[str, Any]:
        """What decides over the weights, as JSON knows it; its words are left out."""
        values = dataclasses.asdict(self)
        for name in ("package", "text"):
            del values[name]
        found: dict[str, Any] = json.loads(json.dumps(values))
        return found

    @property
    def spec(self) -> VolumeSpec:
        """What the network eats."""
        from medvision_desktop.modelkit.networks import unet3d

        return VolumeSpec(
            self.channels,
            self.spacing_mm,
            self.window,
            self.overlap,
            unet3d.multiple(self.network),
            self.presence,
        )


def is_volumes(path: Path) -> bool:
    """Whether a recipe file is of this kind; False too for what cannot be read."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8")).get("kind") == KIND
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return False


def read(path: Path) -> VolumeRecipe:
    """The recipe in a TOML file. Raises `InputRefused` for what is unknown, missing or out of range."""
    try:
        text = path.read_text(encoding="utf-8")
        table = tomllib.loads(text)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputRefused("The recipe cannot be read.", f"{error}.", "Check the file.") from error
    table.pop("kind", None)
    changes = VolumeAugmentation(**_known(VolumeAugmentation, table.pop("augmentation", {})))
    words = table.pop("package", None)
    values = {name: _tuples(value) for name, value in _known(VolumeRecipe, table).items()}
    try:
        package = None if words is None else VolumeWords(**_known(VolumeWords, words))
        recipe = VolumeRecipe(**values, augmentation=changes, package=package, text=text)
        _check(recipe)
    except (TypeError, ValueError, KeyError) as error:
        raise InputRefused("The recipe is not complete or out of range.", f"{error}.") from error
    return recipe


def _check(recipe: VolumeRecipe) -> None:
    from medvision_desktop.modelkit.networks import unet3d

    if recipe.network not in unet3d.SIZES:
        raise ModelRefused(f"There is no network {recipe.network!r}.", f"Known: {', '.join(unet3d.SIZES)}.")
    step = recipe.spec.multiple
    if any(side % step or not 8 <= side <= 192 for side in recipe.patch):
        raise ValueError(f"patch has three multiples of {step} from 8 to 192")
    if len(recipe.labels) != len(recipe.colours) or not 1 <= len(recipe.labels) <= 255:
        raise ValueError("every label has a colour")
    if any(not 0 <= value <= len(recipe.labels) for value in recipe.label_values):
        raise ValueError("label_values holds numbers of labels")
    if not 0 <= recipe.synthetic <= 1000:
        raise ValueError("synthetic is 0 to 1000")
    wrong = recipe.segmentation.wrong(recipe.labels)
    if wrong:
        raise ValueError(wrong)
    if recipe.loss not in LOSSES:
        raise ValueError(f"loss is one of {', '.join(LOSSES)}")
    if recipe.epochs < 1 or recipe.batch_size < 1 or recipe.repeats < 1 or not 2 <= recipe.cross <= 20:
        raise ValueError("epochs, batch_size and repeats are positive, cross is 2 to 20")


def _tuples(value: Any) -> Any:
    return tuple(_tuples(entry) for entry in value) if isinstance(value, list) else value


def _known(kind: type, table: dict[str, Any]) -> dict[str, Any]:
    names = {entry.name for entry in dataclasses.fields(kind)}
    unknown = sorted(set(table) - names)
    if unknown:
        raise InputRefused("The recipe has a name nobody knows.", f"{', '.join(unknown)}.")
    return dict(table)
