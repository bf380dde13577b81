"""Which trained model is in use: the registry's stages, and an entry in the record when one changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medvision_desktop.audit.schema import EventKind

if TYPE_CHECKING:
    from medvision_desktop.services.workbench import Workbench
    from medvision_desktop.training.stages import Entry, Stage


def entries(bench: Workbench, name: str = "") -> tuple[Entry, ...]:
    """Packages that were trained here, of one name or all. Raises `ModelRefused`."""
    from medvision_desktop.training.stages import Shelf

    return Shelf.of(bench.locations.data).entries(name)


def promote(bench: Workbench, name: str, identity: str, stage: Stage) -> Entry:
    """Give a package a stage and enter it in the record; in production it is what the program uses.

    Raises `InputRefused`, `ModelRefused`, `ExportFailed`; `StoreUnavailable` before anything changes.
    """
    from medvision_desktop.training import tracking
    from medvision_desktop.training.stages import Shelf
    from medvision_desktop.training.stages import Stage as Stages

    shelf, store = Shelf.of(bench.locations.data), bench.store
    entry = shelf.staged(name, identity, stage)
    kinds = {Stages.PRODUCTION: EventKind.MODEL_INSTALLED, Stages.ARCHIVED: EventKind.MODEL_DISABLED}
    with store.writing() as tx:
        actor = tx.reader(bench.settings.reader)
        payload = {
            "model": {"name": name, "version": entry.version, "weights_sha256": entry.weights_sha256},
            "stage": entry.stage.value,
        }
        kind = kinds.get(stage, EventKind.MODEL_ENABLED)
        tx.append(kind, actor=actor, subject=actor, payload=payload)
    tracking.staged(bench.locations.data / "runs" / entry.run, entry.stage)
    return entry
