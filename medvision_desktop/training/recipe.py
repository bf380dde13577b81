"""A training recipe: a TOML file, typed and checked, that together with the data makes the weights."""

from __future__ import annotations

import dataclasses
import math
import re
import tomllib
import typing
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from medvision_desktop.errors import InputRefused
from medvision_desktop.training.augment import Augmentation

# What a network may be trained to make small; `losses` says what each is.
_NAME: Final = re.compile(r"^[a-z0-9][a-z0-9-]{0,63}$")
LOSSES: Final = ("binary", "cross-entropy", "focal", "dice-focal", "reconstruction")


@dataclass(frozen=True)
class Words:
    """What the package of a recipe says of itself beside its numbers; goes to manifest and card.

    `who`: whose images these are. `beyond`: what to expect on other sources. `wanted` and `data`
    are tables of the manifest; the number of images in `data` is counted, not written. `groups` says
    what a group of images is. `network`: another form of the trained network with the same weights.
    `tried`: what else was trained and not chosen. `threshold` 0 means: the one that validation finds best.
    `half` keeps the weights in half precision. `audit` names variants (see `variants`) under which the
    test images are measured again, `inside` the part of the body that attention is counted inside of
    (see `confounds`), `within` a label among whose images alone the other labels are measured again.
    """

    version: str
    title: str
    task: str
    intended_use: str
    contraindications: list[str]
    licence: str
    who: str
    beyond: str
    evaluated_on: str = ""
    half: bool = False
    audit: list[str] = field(default_factory=list)
    within: str = ""
    inside: str = ""
    groups: str = "people"
    network: str = ""
    tried: str = ""
    threshold: float = 0.0
    wanted: dict[str, Any] = field(default_factory=dict)
    data: list[dict[str, str]] = field(default_factory=list)


@dataclass(frozen=True)
class Frozen:
    """How a head is fitted on a backbone that stays as it is: what `training.frozen` may choose from.

    `features`: names of `frozen.FEATURES`. `ridges`: how strongly weights are held back. `attention`: the
    same for attention over places, tried after the best of the others; none tried means none.
    """

    features: tuple[str, ...] = ("all",)
    ridges: tuple[float, ...] = (1.0, 3.0, 10.0)
    attention: tuple[float, ...] = ()


@dataclass(frozen=True)
class Recipe:
    """What to train, on what and how. Sizes in pixels, rates per step, epochs as counts.

    `source` names a layout in `sources.SOURCES`, `folder` the folder below the data directory; `classes`,
    `table` and `group` tell that layout its folders, its CSV file and the column that names a group.
    `cross` above 1 trains that many networks on all but one part each, so that every image is judged by
    a network that never saw it, and then one on everything; nothing is chosen, every epoch is run.
    `initial`: `lite0` (ImageNet tensors of a package), `none`, or `run:NAME`, an earlier run's best.
    `file:PATH` is a file of tensors that the user has, `package:NAME` a model package (see `initial`).
    `last_epoch`: stop after this one although the rate's schedule runs over all `epochs`; 0 means all.
    `loss`: a name of `losses`; "" is that of the task. `precision`: `whole` or `mixed`. `accumulate`: so
    many batches make one step. `thaw`: every so many epochs one more stage of the backbone learns, from the
    last one on; 0 means all from the start, below 0 only the head. `uncertain`: what a source makes of
    answers that its labels call uncertain: `ignore`, `zeros` or `ones`. `at_most`: only so many items, the
    first of a source that has an order, else a drawn part of its people; 0 means all. `kept_split`: a
    source's own folders of training,
    validation and test are kept; otherwise all of it is split again by group. `views`: only images of
    these View Positions, such as PA and AP; none named means all. `not_evaluated`: labels of which there
    are too few to say how well they are told; they are trained, never judged, and off in the program.
    `frozen`: the backbone stays as it is and a head is fitted, in place of epochs.
    """

    name: str
    network: str
    source: str
    folder: str
    labels: tuple[str, ...]
    classes: tuple[str, ...] = ()
    table: str = ""
    group: str = ""
    cross: int = 0
    initial: str = "none"
    last_epoch: int = 0
    seed: int = 0
    size: int = 224
    epochs: int = 8
    batch_size: int = 32
    learning_rate: float = 1e-3
    weight_decay: float = 1e-4
    warmup_epochs: float = 0.5
    clip_norm: float = 1.0
    patience: int = 4
    dropout: float = 0.2
    loss: str = ""
    precision: str = "whole"
    accumulate: int = 1
    thaw: int = 0
    uncertain: str = "ignore"
    at_most: int = 0
    kept_split: bool = False
    views: tuple[str, ...] = ()
    not_evaluated: tuple[str, ...] = ()
    frozen: Frozen | None = None
    stretch: tuple[float, float] = (0.5, 99.5)
    augmentation: Augmentation = field(default_factory=Augmentation)
    package: Words | None = None

    @property
    def origin(self) -> str:
        """`initial` as it may leave the house: the name of a file and not its path."""
        kind, _, path = self.initial.partition(":")
        return f"file:{Path(path).name}" if kind == "file" else self.initial

    @property
    def softmax(self) -> bool:
        """Whether exactly one label is right for an image."""
        return self.package is not None and self.package.task == "single-label"


def read(path: Path) -> Recipe:
    """The recipe in a TOML file. Raises `InputRefused` for what is unknown or of a wrong type."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputRefused("The recipe cannot be read.", f"{error}.", "Check the file.") from error
    for name in ("augmentation", "package", "frozen"):
        if not isinstance(table.get(name, {}), dict):
            raise InputRefused("The recipe cannot be read.", f"{name} is not a table.")
    augmentation = Augmentation(**_known(Augmentation, table.pop("augmentation", {})))
    words, frozen = table.pop("package", None), table.pop("frozen", None)
    values = _tuples(_known(Recipe, table))
    try:
        package = None if words is None else Words(**_known(Words, words))
        held = None if frozen is None else Frozen(**_tuples(_known(Frozen, frozen)))
        recipe = Recipe(**values, augmentation=augmentation, package=package, frozen=held)
    except TypeError as error:
        raise InputRefused("The recipe is not complete.", f"{error}.") from error
    wrong = _out_of_range(recipe)
    if wrong:
        raise InputRefused("The recipe is out of range.", f"{wrong}.")
    return recipe


def _out_of_range(recipe: Recipe) -> str:
    """What is wrong with numbers and words whose types are right; empty if nothing."""
    stretch = list(recipe.stretch)
    sized = recipe.size % 32 == 0 and 32 <= recipe.size <= 1024
    checks = (
        (bool(_NAME.match(recipe.name)), "name is made of small letters, digits and hyphens"),
        (
            bool(recipe.labels) and len(set(recipe.labels)) == len(recipe.labels),
            "labels are there, once each",
        ),
        (sized, "size is a multiple of 32 up to 1024"),
        (recipe.epochs >= 1 and recipe.batch_size >= 1, "epochs and batch_size are 1 or more"),
        (recipe.cross == 0 or 3 <= recipe.cross <= 20, "cross is 0 or 3 to 20 parts"),
        (recipe.precision in ("whole", "mixed"), "precision is whole or mixed"),
        (recipe.uncertain in ("ignore", "zeros", "ones"), "uncertain is ignore, zeros or ones"),
        (1 <= recipe.accumulate <= 1024, "accumulate is 1 or more batches"),
        (recipe.at_most >= 0 and recipe.seed >= 0, "at_most and seed are 0 or more"),
        (recipe.learning_rate > 0, "learning_rate is above 0"),
        (recipe.weight_decay >= 0 and recipe.clip_norm >= 0, "weight_decay and clip_norm are 0 or more"),
        (recipe.warmup_epochs >= 0 and recipe.patience >= 0, "warmup_epochs and patience are 0 or more"),
        (0 <= recipe.dropout < 1, "dropout is from 0 to below 1"),
        (
            len(stretch) == 2 and 0 <= stretch[0] < stretch[1] <= 100,
            "stretch is two percentiles",
        ),
        (recipe.loss in ("", *LOSSES), f"loss is one of {', '.join(LOSSES)}"),
    )
    return next((sentence for fine, sentence in checks if not fine), "")


def _tuples(table: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in table.items()}


def _known(kind: type, table: dict[str, Any]) -> dict[str, Any]:
    """The table, if its names are fields and its values of their types. Raises `InputRefused`."""
    types = typing.get_type_hints(kind)
    unknown = sorted(set(table) - {entry.name for entry in dataclasses.fields(kind)})
    if unknown:
        raise InputRefused("The recipe has a name nobody knows.", f"{', '.join(unknown)}.")
    for name, value in table.items():
        fits, word = _KINDS.get(types[name], (_any, ""))
        if not fits(value):
            raise InputRefused("The recipe has a value of a wrong kind.", f"{name} is {word}.")
    return dict(table)


def _any(_: Any) -> bool:
    return True


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(entry, str) for entry in value)


def _numbers(value: Any) -> bool:
    return isinstance(value, list) and all(_number(entry) for entry in value)


_KINDS: Final[dict[Any, tuple[Callable[[Any], bool], str]]] = {
    int: (_whole, "a whole number"),
    float: (_number, "a number"),
    bool: (lambda value: isinstance(value, bool), "true or false"),
    str: (lambda value: isinstance(value, str), "text in quotes"),
    tuple[str, ...]: (_texts, "a list of texts"),
    list[str]: (_texts, "a list of texts"),
    tuple[float, ...]: (_numbers, "a list of numbers"),
    tuple[float, float]: (_numbers, "a list of two numbers"),
    list[dict[str, str]]: (lambda value: isinstance(value, list), "a list of tables"),
    dict[str, Any]: (lambda value: isinstance(value, dict), "a table"),
}
