"""Everything a use case needs, built once: the window and the command line share it.

The parts are opened when they are first asked for, on the lane that asks, so that the window shows
before the record is opened and before any child process is started.
"""

from __future__ import annotations

import dataclasses
import logging
import threading
from typing import TYPE_CHECKING

from medvision_desktop import paths
from medvision_desktop.paths import Locations
from medvision_desktop.settings import Settings, checked, save

if TYPE_CHECKING:
    from medvision_desktop.audit.store import Store
    from medvision_desktop.inference.host import InferenceHost
    from medvision_desktop.io.decoder import Decoder
    from medvision_desktop.modelkit.registry import Registry

_log = logging.getLogger(__name__)


class Workbench:
    """Settings, places, and the four long-lived parts: record, decoder, models, inference host."""

    def __init__(self, settings: Settings, locations: Locations) -> None:
        self.settings = settings
        self.locations = locations
        self._lock = threading.RLock()
        self._store: Store | None = None
        self._decoder: Decoder | None = None
        self._registry: Registry | None = None
        self._host: InferenceHost | None = None

    @property
    def store(self) -> Store:
        """The record. Raises `StoreUnavailable` each time it cannot be opened."""
        from medvision_desktop.audit.store import Store

        with self._lock:
            if self._store is None:
                self.locations.ensure()
                self._store = Store.open(self.locations.record)
            return self._store

    @property
    def decoder(self) -> Decoder:
        """Reads frames, compressed ones in child processes."""
        from medvision_desktop.io.decoder import Decoder

        with self._lock:
            if self._decoder is None:
                self._decoder = Decoder(self.settings)
            return self._decoder

    @property
    def registry(self) -> Registry:
        """The model packages that are here; the reader's own come before the shipped ones."""
        from medvision_desktop.modelkit.registry import Registry

        with self._lock:
            if self._registry is None:
                self._registry = Registry((self.locations.installed_models, paths.shipped_models()))
            return self._registry

    @property
    def host(self) -> InferenceHost:
        """Runs models in a child process."""
        from medvision_desktop.inference.host import InferenceHost

        with self._lock:
            if self._host is None:
                self._host = InferenceHost(
                    self.registry, engine=self.settings.engine, cam_method=self.settings.cam_method
                )
            return self._host

    def change_settings(self, **changes: object) -> Settings:
        """Change settings now and for the next start. Raises `SettingsInvalid`."""
        merged = {**dataclasses.asdict(self.settings), **changes}
        fresh = checked(merged)
        try:
            save(self.locations.settings, fresh)
        except OSError as error:
            # The change still holds for this run; the reader is told by whoever asked for it.
            _log.warning("settings could not be saved: %s", error.strerror)
        self.settings = fresh
        return fresh

    def close(self) -> None:
        """End the children and close the record. Safe to call twice."""
        with self._lock:
            for part in (self._host, self._decoder, self._store):
                if part is not None:
                    part.close()
            self._host = self._decoder = self._store = None
