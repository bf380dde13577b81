"""The registry of trained models: every package that was made, and which of them the program uses.

    candidate    just made; nothing uses it
    staging      somebody tries it
    production   the installed package of its name, which the program uses; there is one at most
    archived     was used, or never will be

A retrained model never takes the place of one in use by itself. Only the first of its name goes into
production at once, because there is none to be replaced. Below the registry's folder lie
`NAME/stages.json` and `NAME/VERSION-HASH/NAME`, the package; production is a verified copy of it.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Final

from medvision_desktop import paths
from medvision_desktop.errors import ExportFailed, InputRefused, ModelRefused
from medvision_desktop.modelkit import manifest, registry
from medvision_desktop.modelkit.registry import ModelPackage

FOLDER: Final = "registry"
FILE: Final = "stages.json"
_SHORT: Final = 8
_MAKING: Final = ".making-"
_STALE_S: Final = 86_400.0


class Stage(StrEnum):
    """Where a package stands."""

    CANDIDATE = "candidate"
    STAGING = "staging"
    PRODUCTION = "production"
    ARCHIVED = "archived"


@dataclass(frozen=True)
class Entry:
    """One package of the registry. `id` is its version and the beginning of its weights' SHA-256."""

    name: str
    id: str
    stage: Stage
    version: str
    weights_sha256: str
    run: str
    made_utc: str
    staged_utc: str


@dataclass(frozen=True)
class Shelf:
    """The registry's folder `root`, the `installed` packages, and those that `ship` with the program."""

    root: Path
    installed: Path
    shipped: Path

    @classmethod
    def of(cls, data: Path) -> Shelf:
        """The shelf of a data directory of the program."""
        return cls(data / FOLDER, paths.locate(data).installed_models, paths.shipped_models())

    @contextlib.contextmanager
    def bench(self) -> Iterator[Path]:
        """A folder to make a package in; it is gone afterwards. Raises `ExportFailed`."""
        try:
            self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._tidied()
            folder = Path(tempfile.mkdtemp(prefix=_MAKING, dir=self.root))
        except OSError as error:
            raise _failed(error) from error
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _tidied(self) -> None:
        """Remove what a program that was killed over a package left behind, once it is a day old."""
        for leftover in self.root.glob(f"{_MAKING}*"):
            if time.time() - leftover.stat().st_mtime > _STALE_S:
                shutil.rmtree(leftover, ignore_errors=True)

    def taken(self, package: ModelPackage, run: str) -> tuple[Entry, ModelPackage]:
        """Keep a package that was made on `bench`: a candidate, or in production if it is the first.

        The package is given back from where it lies now. Made again with the same weights it keeps its
        stage. Raises `ExportFailed`.
        """
        ref = package.ref
        identity = f"{ref.version}-{ref.weights_sha256[:_SHORT]}"
        before = {entry.id: entry for entry in self.entries(ref.name)}
        now = _now()
        entry = before.get(identity) or Entry(
            ref.name, identity, Stage.CANDIDATE, ref.version, ref.weights_sha256, run, now, now
        )
        try:
            _put(package.directory, self.place(entry).parent, ref.name)
        except OSError as error:
            raise _failed(error) from error
        self._write(ref.name, list({**before, identity: entry}.values()))
        others = (self.installed / ref.name, self.shipped / ref.name)
        is_first = not any((folder / manifest.FILE).is_file() for folder in others)
        if is_first or entry.stage is Stage.PRODUCTION:
            entry = self.staged(ref.name, identity, Stage.PRODUCTION)
            return entry, registry.open_package(self.installed / ref.name)
        return entry, registry.open_package(self.place(entry))

    def entries(self, name: str = "") -> tuple[Entry, ...]:
        """Packages of one name, or all, the oldest first. Raises `ModelRefused` for a damaged registry."""
        names = [name] if name else sorted(path.parent.name for path in self.root.glob(f"*/{FILE}"))
        return tuple(entry for one in names for entry in self._read(one))

    def place(self, entry: Entry) -> Path:
        """Where the package of an entry lies."""
        return self.root / entry.name / entry.id / entry.name

    def staged(self, name: str, identity: str, stage: Stage) -> Entry:
        """Give a package a stage; to production it is verified and installed, and the one before archived.

        `identity` may be its beginning. Raises `InputRefused`, `ModelRefused`, `ExportFailed`.
        """
        entries = self.entries(name)
        found = [entry for entry in entries if entry.id == identity] or [
            entry for entry in entries if entry.id.startswith(identity)
        ]
        if len(found) != 1:
            known = ", ".join(entry.id for entry in entries) or "none"
            raise InputRefused(f"There is no one package {name} {identity!r}.", f"Here are: {known}.")
        (entry,) = found
        fresh = replace(entry, stage=stage, staged_utc=_now())
        try:
            if stage is Stage.PRODUCTION:
                registry.open_package(self.place(entry))
                _put(self.place(entry), self.installed, name)
            elif entry.stage is Stage.PRODUCTION:
                self._uninstall(entry)
        except OSError as error:
            raise _failed(error) from error
        kept = []
        for other in entries:
            gives_way = (
                stage is Stage.PRODUCTION and other.stage is Stage.PRODUCTION and other.id != entry.id
            )
            after = replace(other, stage=Stage.ARCHIVED, staged_utc=_now()) if gives_way else other
            kept.append(fresh if other.id == entry.id else after)
        self._write(name, kept)
        return fresh

    def _uninstall(self, entry: Entry) -> None:
        """Take the installed package away, if it is this one: somebody may have put another there."""
        try:
            here = registry.open_package(self.installed / entry.name).ref.weights_sha256
        except ModelRefused:
            return
        if here == entry.weights_sha256:
            shutil.rmtree(self.installed / entry.name)

    def _read(self, name: str) -> list[Entry]:
        path = self.root / name / FILE
        if Path(name).name != name or not path.is_file():
            return []
        try:
            rows = json.loads(path.read_text(encoding="utf-8"))
            found = [Entry(**{**row, "stage": Stage(row["stage"])}) for row in rows]
        except (OSError, ValueError, TypeError, KeyError) as error:
            why = f"{path}: {type(error).__name__}."
            raise ModelRefused(
                "The registry of models cannot be read.", why, "Restore the file."
            ) from error
        if any(entry.name != name or Path(entry.id).name != entry.id for entry in found):
            raise ModelRefused("The registry of models cannot be read.", f"{path} names other folders.")
        return found

    def _write(self, name: str, entries: list[Entry]) -> None:
        path = self.root / name / FILE
        fresh = path.with_suffix(".new")
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            text = json.dumps([asdict(entry) for entry in entries], indent=1) + "\n"
            fresh.write_text(text, encoding="utf-8")
            fresh.replace(path)
        except OSError as error:
            raise _failed(error) from error


def _put(package: Path, folder: Path, name: str) -> None:
    """Copy a package to `folder/name`; what is there goes only once the copy is whole."""
    # A level deeper than packages lie, so that nobody takes a part of one for a package.
    fresh, before = folder / ".incoming" / name, folder / ".outgoing" / name
    for place in (fresh, before):
        shutil.rmtree(place.parent, ignore_errors=True)
        place.parent.mkdir(parents=True)
    shutil.copytree(package, fresh)
    if (folder / name).exists():
        (folder / name).rename(before)
    fresh.rename(folder / name)
    for place in (fresh, before):
        shutil.rmtree(place.parent, ignore_errors=True)


def _failed(error: OSError) -> ExportFailed:
    return ExportFailed("The model cannot be put in its place.", f"{error.strerror}.", "Free some space.")


def _now() -> str:
    return datetime.now(tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
