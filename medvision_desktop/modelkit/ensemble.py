"""An ensemble: a package that names other packages by name and weights, and has no network of its own.

`ensemble.toml`, alone in its folder, says who votes and how much each vote counts. It names the SHA-256 of
each member's executed file, so a member that was changed is not the one that was measured.
"""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from medvision_desktop.errors import ModelRefused
from medvision_desktop.modelkit import manifest_text
from medvision_desktop.modelkit.registry import ModelPackage, Registry

FILE: Final = "ensemble.toml"
MAX_BYTES: Final = 100_000
MEMBERS: Final = (2, 8)
VOTING: Final = ("soft", "hard")
# Tasks whose answers can be counted together.
TASKS: Final = ("binary", "single-label", "multi-label")
_NAME: Final = re.compile(r"^[a-z0-9][a-z0-9-]{0,63}$")
_VERSION: Final = re.compile(r"^\d+\.\d+\.\d+$")
_SHA256: Final = re.compile(r"^[0-9a-f]{64}$")


@dataclass(frozen=True)
class Member:
    """A package by name, the SHA-256 of its executed file, and how much its vote counts."""

    package: str
    weights_sha256: str
    weight: float = 1.0


@dataclass(frozen=True)
class Ensemble:
    """All of `ensemble.toml`. `soft` voting takes the weighted mean of the calibrated probabilities.

    `hard` voting means the weighted share of members that call a label. `disagreement`: members whose
    probabilities lie further apart than that disagree, and the answer is uncertain. `measured` says on
    whom the weights were chosen and what it came to.
    """

    name: str
    version: str
    title: str
    voting: str
    members: tuple[Member, ...]
    disagreement: float = 0.3
    measured: str = ""


def read(path: Path) -> Ensemble:
    """The checked ensemble in a file. Raises `ModelRefused` naming what is wrong."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise _refused(path.parent.name, "its file is too large")
        return from_table(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise _refused(path.parent.name, f"its file cannot be read: {error}") from error


def from_table(table: Mapping[str, Any]) -> Ensemble:
    """An ensemble from parsed TOML. Raises `ModelRefused`."""
    try:
        members = tuple(
            Member(str(entry["package"]), str(entry["weights_sha256"]), float(entry.get("weight", 1.0)))
            for entry in table["members"]
        )
        found = Ensemble(
            name=str(table["name"]),
            version=str(table["version"]),
            title=str(table["title"]),
            voting=str(table["voting"]),
            members=members,
            disagreement=float(table.get("disagreement", 0.3)),
            measured=str(table.get("measured", "")),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _refused("(no name)", f"it lacks a value or has one of a wrong kind: {error}") from error
    wrong = _wrong(found)
    if wrong:
        raise _refused(found.name if _NAME.match(found.name) else "(no name)", wrong)
    return found


def text(found: Ensemble) -> str:
    """TOML that reads back as the same ensemble."""
    plain = {name: value for name, value in asdict(found).items() if name != "members"}
    parts = [manifest_text.table("", plain)]
    parts += [manifest_text.table("members", asdict(member), array=True) for member in found.members]
    return "\n".join(parts)


def members(found: Ensemble, registry: Registry) -> tuple[ModelPackage, ...]:
    """The verified packages of the members, in order.

    Raises `ModelRefused` where one is absent, was changed, or does not answer the same question.
    """
    packages = tuple(registry.get(member.package) for member in found.members)
    for member, package in zip(found.members, packages, strict=True):
        if package.ref.weights_sha256 != member.weights_sha256:
            raise _refused(found.name, f"{member.package} is not the one that was measured")
    wrong = _apart(packages)
    if wrong:
        raise _refused(found.name, wrong)
    return packages


def _wrong(found: Ensemble) -> str:
    fewest, most = MEMBERS
    weights = [member.weight for member in found.members]
    names = [member.package for member in found.members]
    checks = (
        (bool(_NAME.match(found.name)), "its name is not made of small letters, digits and hyphens"),
        (bool(_VERSION.match(found.version)), "its version is not three numbers"),
        (found.voting in VOTING, f"its voting {found.voting!r} is unknown"),
        (fewest <= len(names) <= most, f"it has not {fewest} to {most} members"),
        (len(set(names)) == len(names), "a member is there twice"),
        (all(_NAME.match(name) for name in names), "a member's name leads out of the models"),
        (all(_SHA256.match(member.weights_sha256) for member in found.members), "a SHA-256 is malformed"),
        (all(math.isfinite(value) and value > 0 for value in weights), "a weight is not above 0"),
        (0 < found.disagreement < 1, "the disagreement is outside 0 to 1"),
    )
    return next((sentence for fine, sentence in checks if not fine), "")


def _apart(packages: Sequence[ModelPackage]) -> str:
    first = packages[0].manifest
    for package in packages:
        manifest = package.manifest
        if manifest.task not in TASKS:
            return f"{manifest.name} gives no answer that can be counted"
        if (manifest.task, manifest.labels) != (first.task, first.labels):
            return f"{first.name} and {manifest.name} answer different questions"
    return ""


def _refused(name: str, why: str) -> ModelRefused:
    return ModelRefused(
        f"The ensemble {name} may not run.", f"{why[:1].upper()}{why[1:]}.", "Install it again."
    )
