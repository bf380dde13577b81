"""The manifest of a model package: what the model is, what it wants, what it was measured to do.

`manifest.toml` is data only. Reading it checks every type and range and names what is wrong;
hashes of the files beside it are checked by `registry`.
"""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NoReturn

from medvision_desktop.errors import ModelRefused
from medvision_desktop.modelkit import segmentation as segmentations
from medvision_desktop.modelkit import volumes
from medvision_desktop.modelkit.preprocess import VERSION, Preprocessing
from medvision_desktop.modelkit.segmentation import Segmentation

FILE: Final = "manifest.toml"
ANOMALY: Final = "anomaly"
TASKS: Final = ("binary", "single-label", "multi-label", "gate", ANOMALY, segmentations.TASK)
# Networks whose map is the mean over an image and its mirror image.
_ATTENTIVE: Final = (
    *("efficientnet-lite0-attention", "efficientnet-lite0-attention-one"),
    "efficientnet-b0-attention-one",
)
MIRRORED: Final = frozenset({"efficientnet-b0-dense-mirrored", *_ATTENTIVE})
AUTOENCODER: Final = "autoencoder-256"
NETWORKS: Final = (
    *("efficientnet-b0", "efficientnet-b0-dense", "efficientnet-b0-front", *MIRRORED),
    *("efficientnet-b1", "efficientnet-b2", "efficientnet-b3", "efficientnet-b4"),
    *("resnet-18", "resnet-34", "resnet-50", "resnet-101"),
    *("densenet-121", "densenet-169", "densenet-201"),
    *("vgg-16", "vgg-19", "vgg-16-bn", "vgg-19-bn"),
    *("mobilenet-v2", "mobilenet-v3-small", "mobilenet-v3-large", "inception-v3"),
    AUTOENCODER,
    *segmentations.NETWORKS,
)
# A model of volumes has no preprocessing of pictures.
NO_PICTURE: Final = Preprocessing(32, (0.5, 99.5), 0.0, 1.0, 1)
MAX_MANIFEST_BYTES: Final = 1_000_000
_NAME: Final = re.compile(r"^[a-z0-9][a-z0-9-]{0,63}$")
_VERSION: Final = re.compile(r"^\d+\.\d+\.\d+$")
_SHA256: Final = re.compile(r"^[0-9a-f]{64}$")


@dataclass(frozen=True)
class Wanted:
    """What the header gate asks of an image. Empty tuples ask nothing.

    `views` lists accepted View Positions; `age_years` is the range the model was trained on.
    `text` says it for people: "Frontal chest film, PA or AP". `pixel_gate` names the package that
    looks at the pixels, at least `pixel_gate_minimum` of likeness. `clipped_share`: how much of an
    image may lie at its lowest and highest value before that is a doubt.
    """

    text: str = ""
    clipped_share: float = 0.5
    modalities: tuple[str, ...] = ()
    body_parts: tuple[str, ...] = ()
    views: tuple[str, ...] = ()
    age_years: tuple[float, float] | None = None
    pixel_gate: str = ""
    pixel_gate_minimum: float = 0.8


@dataclass(frozen=True)
class DataUsed:
    """One data set the model saw or was measured on, with what its source says of the licence."""

    name: str
    licence: str
    images: int
    use: str
    source: str = ""


@dataclass(frozen=True)
class Metric:
    """A measured number with its 95 % interval; `n` images of `people` persons of `fold`."""

    label: str
    name: str
    value: float
    low: float
    high: float
    n: int
    people: int
    fold: str


@dataclass(frozen=True)
class Parity:
    """That the executed file and the safetensors are the same network: largest differences seen.

    `logits` is absolute, `maps` in parts of the map's largest absolute value.
    """

    executed: str
    reference: str
    images: int
    logits: float
    maps: float


_HARDLY: Final = 1.25


@dataclass(frozen=True)
class Attention:
    """How faithful the maps of `n` true cases of the calibration people are: mean deletion scores.

    `own`: painting over what the map points at; `random`: over as much anywhere.
    """

    own: float
    random: float
    n: int

    @property
    def by_chance(self) -> bool:
        """Whether the maps find hardly more than chance would, so that showing them would mislead."""
        return self.own < _HARDLY * self.random


@dataclass(frozen=True)
class Manifest:
    """All of `manifest.toml`. `files` maps each file of the package to its SHA-256.

    `executed` is the weight file that runs on a CPU. `grid` is (rows, columns) of the maps.
    `thresholds` are (label, threshold) on calibrated probabilities. `confidence_floor`: below it
    the answer is uncertain (largest probability of a single-label task, of either answer for a
    binary one); `uncertain_band` is half the width of a multi-label task's band, `uncertain_bands` that of
    single labels where they have their own. A model that segments
    has `segmentation`, and in the place of `preprocessing` that of no picture, and no thresholds.
    `not_evaluated`: labels with too few cases to say how well they are told; not shown unless asked for.
    `within`: the label among whose images alone the others were measured again.
    """

    name: str
    version: str
    title: str
    task: str
    network: str
    labels: tuple[str, ...]
    executed: str
    files: tuple[tuple[str, str], ...]
    preprocessing: Preprocessing
    preprocessing_version: str
    grid: tuple[int, int]
    thresholds: tuple[tuple[str, float], ...]
    intended_use: str
    contraindications: tuple[str, ...]
    trained_on: str
    licence: str
    trained_utc: str = ""
    confidence_floor: float = 0.70
    uncertain_band: float = 0.1
    wanted: Wanted = Wanted()
    data: tuple[DataUsed, ...] = ()
    metrics: tuple[Metric, ...] = ()
    parity: Parity | None = None
    attention: Attention | None = None
    confounds: tuple[tuple[str, float], ...] = ()
    uncertain_bands: tuple[tuple[str, float], ...] = ()
    not_evaluated: tuple[str, ...] = ()
    within: str = ""
    segmentation: Segmentation | None = None
    training: tuple[tuple[str, str], ...] = field(default=())

    @property
    def mirrored(self) -> bool:
        """Whether the network averages over an image and its mirror image."""
        return self.network in MIRRORED

    def threshold(self, label: str) -> float:
        """The operating threshold of a label."""
        return dict(self.thresholds)[label]

    def sha256(self, name: str) -> str:
        """The declared SHA-256 of a file of the package."""
        return dict(self.files)[name]


def read(path: Path) -> Manifest:
    """The checked manifest in a file. Raises `ModelRefused` naming what is wrong."""
    try:
        if path.stat().st_size > MAX_MANIFEST_BYTES:
            _refuse(path.parent.name, "its manifest is too large")
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        _refuse(path.parent.name, f"its manifest cannot be read: {error.strerror}")
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        _refuse(path.parent.name, f"its manifest is not TOML: {error}")
    return from_table(table)


def from_table(table: Mapping[str, Any]) -> Manifest:
    """A manifest from parsed TOML. Raises `ModelRefused`."""
    name = table.get("name")
    shown = name if isinstance(name, str) and _NAME.match(name) else "(no name)"
    try:
        manifest = _built(table)
    except KeyError as error:
        _refuse(shown, f"the manifest lacks {error.args[0]!r}")
    except (TypeError, ValueError, AttributeError) as error:
        _refuse(shown, f"the manifest has a value of a wrong kind: {error}")
    wrong = _wrong(manifest)
    if wrong:
        _refuse(shown, wrong)
    return manifest


def _built(table: Mapping[str, Any]) -> Manifest:
    steps, wanted = table["preprocessing"], dict(table.get("wanted", {}))
    for name in ("modalities", "body_parts", "views"):
        wanted[name] = _words(wanted.get(name, []))
    if "age_years" in wanted:
        low, high = wanted["age_years"]
        wanted["age_years"] = (_number(low), _number(high))
    rows, columns = table.get("grid", [1, 1])
    found = table.get("segmentation")
    parity, attention = table.get("parity"), table.get("attention")
    return Manifest(
        name=_word(table["name"]),
        version=_word(table["version"]),
        title=_word(table["title"]),
        task=_word(table["task"]),
        network=_word(table["network"]),
        labels=_words(table["labels"]),
        executed=_word(table["executed"]),
        files=tuple((_word(name), _word(digest)) for name, digest in table["files"].items()),
        preprocessing=_preprocessing(steps) if found is None else NO_PICTURE,
        preprocessing_version=_word(steps["version"]),
        grid=(_whole(rows), _whole(columns)),
        thresholds=tuple(
            (_word(label), _number(value)) for label, value in table.get("thresholds", {}).items()
        ),
        intended_use=_word(table["intended_use"]),
        contraindications=_words(table["contraindications"]),
        trained_on=_word(table["trained_on"]),
        licence=_word(table["licence"]),
        trained_utc=_word(table.get("trained_utc", "")),
        confidence_floor=_number(table.get("confidence_floor", 0.70)),
        uncertain_band=_number(table.get("uncertain_band", 0.1)),
        wanted=Wanted(**wanted),
        data=tuple(DataUsed(**entry) for entry in table.get("data", [])),
        metrics=tuple(Metric(**entry) for entry in table.get("metrics", [])),
        parity=Parity(**parity) if parity is not None else None,
        attention=Attention(**attention) if attention is not None else None,
        confounds=tuple(
            (_word(name), _number(value)) for name, value in table.get("confounds", {}).items()
        ),
        uncertain_bands=tuple(
            (_word(label), _number(value)) for label, value in table.get("uncertain_bands", {}).items()
        ),
        not_evaluated=_words(table.get("not_evaluated", [])),
        within=_word(table.get("within", "")),
        segmentation=None if found is None else segmentations.from_table(found),
        training=tuple((_word(name), str(value)) for name, value in table.get("training", {}).items()),
    )


def _preprocessing(table: Mapping[str, Any]) -> Preprocessing:
    low, high = table["stretch"]
    return Preprocessing(
        size=_whole(table["size"]),
        stretch=(_number(low), _number(high)),
        mean=_number(table["mean"]),
        std=_number(table["std"]),
        channels=_whole(table["channels"]),
    )


def _wrong(manifest: Manifest) -> str:
    """What is wrong with the values of a manifest whose types are right; empty if nothing."""
    checks = (
        (bool(_NAME.match(manifest.name)), "its name is not made of small letters, digits and hyphens"),
        (bool(_VERSION.match(manifest.version)), "its version is not three numbers"),
        (manifest.task in TASKS, f"its task {manifest.task!r} is unknown"),
        (manifest.network in NETWORKS, f"its network {manifest.network!r} is unknown"),
        (manifest.preprocessing_version == _version(manifest), "its preprocessing is of another version"),
        (0 < len(manifest.labels) <= 256, "it has no labels"),
        (len(set(manifest.labels)) == len(manifest.labels), "a label is there twice"),
        (manifest.task != "binary" or len(manifest.labels) == 1, "a binary task has one label"),
        (manifest.task != ANOMALY or len(manifest.labels) == 1, "an anomaly task has one label"),
        (
            (manifest.task == ANOMALY) == (manifest.network == AUTOENCODER),
            f"its network {manifest.network!r} does not do its task",
        ),
        (
            tuple(label for label, _ in manifest.thresholds)
            == (() if manifest.segmentation else manifest.labels),
            "thresholds and labels differ",
        ),
        (set(manifest.not_evaluated) < set(manifest.labels), "no label is evaluated, or one is unknown"),
        (
            all(label in manifest.labels and 0 < half < 1 for label, half in manifest.uncertain_bands),
            "an uncertain band is of no label, or outside 0 to 1",
        ),
        (manifest.within in ("", *manifest.labels), "it was measured within a label that it has not"),
        (all(0 < value < 1 for _, value in manifest.thresholds), "a threshold is outside 0 to 1"),
        (0.5 <= manifest.confidence_floor < 1, "the confidence floor is outside 0.5 to 1"),
        (0 < manifest.wanted.clipped_share <= 1, "the share of clipped pixels is outside 0 to 1"),
        (0 <= manifest.wanted.pixel_gate_minimum <= 1, "the pixel gate's minimum is outside 0 to 1"),
        (all(_SHA256.match(digest) for _, digest in manifest.files), "a SHA-256 is malformed"),
        (all(_plain(name) for name, _ in manifest.files), "a file name leads out of the package"),
        (manifest.executed in dict(manifest.files), "the executed file is not among its files"),
        ("weights.safetensors" in dict(manifest.files), "weights.safetensors is not among its files"),
        ("calibration.json" in dict(manifest.files), "calibration.json is not among its files"),
        (all(1 <= extent <= 256 for extent in manifest.grid), "the map grid is out of range"),
        (manifest.parity is not None, "nothing binds the executed file to the safetensors"),
    )
    for fine, sentence in checks:
        if not fine:
            return sentence
    return _wrong_segmentation(manifest) or _wrong_parity(manifest)


def _version(manifest: Manifest) -> str:
    return VERSION if manifest.segmentation is None else volumes.VERSION


def _wrong_segmentation(manifest: Manifest) -> str:
    found = manifest.segmentation
    if (manifest.task == segmentations.TASK) != (found is not None):
        return "its task and its [segmentation] table do not go together"
    if (manifest.network in segmentations.NETWORKS) != (found is not None):
        return f"its network {manifest.network!r} does not do its task"
    return "" if found is None else found.wrong(manifest.labels)


def _wrong_parity(manifest: Manifest) -> str:
    parity = manifest.parity
    if parity is None:
        return ""
    if parity.executed != manifest.sha256(manifest.executed):
        return "the parity was measured on another executed file"
    if parity.reference != manifest.sha256("weights.safetensors"):
        return "the parity was measured on other safetensors"
    if not (0 <= parity.logits <= 1e-4 and 0 <= parity.maps <= 1e-4):
        return "the executed file and the safetensors differ by more than 1e-4"
    return ""


def _plain(name: str) -> bool:
    return Path(name).name == name and name not in ("", ".", "..", FILE)


def _word(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not text")
    return value


def _words(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise TypeError(f"{value!r} is not a list")
    return tuple(_word(entry) for entry in value)


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise TypeError(f"{value!r} is not a finite number")
    return float(value)


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{value!r} is not a whole number")
    return value


def _refuse(name: str, why: str) -> NoReturn:
    raise ModelRefused(
        f"The model package {name} may not run.", f"{why[:1].upper()}{why[1:]}.", "Install it again."
    )
