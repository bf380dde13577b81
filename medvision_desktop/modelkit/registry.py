"""Where model packages are found, and the checks that each passes before it may run."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from medvision_desktop.domain.provenance import ModelRef
from medvision_desktop.errors import ModelRefused
from medvision_desktop.modelkit import calibration, manifest, weights
from medvision_desktop.modelkit.calibration import Calibration
from medvision_desktop.modelkit.manifest import Manifest


@dataclass(frozen=True)
class ModelPackage:
    """A package whose files are what its manifest says. `ref` names the file that is executed."""

    directory: Path
    manifest: Manifest
    calibration: Calibration

    @property
    def ref(self) -> ModelRef:
        """Name, version and SHA-256 of the executed weights."""
        found = self.manifest
        return ModelRef(found.name, found.version, found.sha256(found.executed))

    def executed(self) -> bytes:
        """The executed weight file, hashed again as it is read. Raises `ModelRefused`."""
        return weights.read_verified(
            self.directory / self.manifest.executed, self.manifest.sha256(self.manifest.executed)
        )

    def safetensors(self) -> bytes:
        """The safetensors weights, hashed again as they are read. Raises `ModelRefused`."""
        name = "weights.safetensors"
        return weights.read_verified(self.directory / name, self.manifest.sha256(name))


def open_package(directory: Path) -> ModelPackage:
    """The package in a folder, verified. Raises `ModelRefused` naming what is wrong."""
    found = manifest.read(directory / manifest.FILE)
    if found.name != directory.name:
        raise ModelRefused(
            f"The model package {directory.name} may not run.", "Its folder and its name differ."
        )
    for name, digest in found.files:
        weights.read_verified(directory / name, digest)
    shapes = weights.shapes(directory / "weights.safetensors")
    head = shapes.get("classifier.weight", ())
    outputs, axes = len(found.labels) + (found.segmentation is not None), 5 if found.segmentation else 2
    if found.task == manifest.ANOMALY:
        # It ends in a picture: its last filter makes one grey plane.
        head, outputs, axes = shapes.get("drawing.16.weight", ()), 1, 4
    if len(head) != axes or head[0] != outputs:
        raise ModelRefused(
            f"The model package {found.name} may not run.",
            f"Its weights end in {head[0] if head else 0} outputs for {len(found.labels)} labels.",
            "Install it again.",
        )
    return ModelPackage(directory, found, calibration.read(directory / calibration.FILE, found.labels))


def open_unchanged(directory: Path, weights_sha256: str) -> ModelPackage:
    """As `open_package`, of weights that were named before; "" names none. Raises `ModelRefused`."""
    package = open_package(directory)
    if weights_sha256 and package.ref.weights_sha256 != weights_sha256:
        raise ModelRefused(
            f"The model package {package.manifest.name} may not run.",
            "It changed while the program was running.",
            "Run again.",
        )
    return package


class Registry:
    """Packages below some directories; the first directory that has a name wins. Thread-safe."""

    def __init__(self, directories: Sequence[Path]) -> None:
        self.directories = tuple(directories)
        self._verified: dict[str, tuple[Path, int, ModelPackage]] = {}
        self._lock = threading.Lock()

    def names(self) -> tuple[str, ...]:
        """Names of the packages that are there, sorted; they may still be refused."""
        found = set()
        for directory in self.directories:
            if directory.is_dir():
                found |= {path.parent.name for path in directory.glob(f"*/{manifest.FILE}")}
        return tuple(sorted(found))

    def get(self, name: str) -> ModelPackage:
        """The verified package. Raises `ModelRefused` when it is absent or not as its manifest says.

        The hashes are computed once for a manifest; what is executed is hashed again when read.
        """
        for directory in self.directories:
            path = directory / name / manifest.FILE
            if Path(name).name == name and path.is_file():
                return self._opened(name, path)
        known = ", ".join(self.names()) or "none"
        raise ModelRefused(f"There is no model package {name!r}.", f"Here are: {known}.")

    def _opened(self, name: str, path: Path) -> ModelPackage:
        stamp = path.stat().st_mtime_ns
        with self._lock:
            known = self._verified.get(name)
            if known is not None and known[:2] == (path, stamp):
                return known[2]
            package = open_package(path.parent)
            self._verified[name] = (path, stamp, package)
            return package
