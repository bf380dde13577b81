"""Where the program keeps things: data, cache, logs, models, resources.

Every place follows from one data directory when the reader names one (`--data-dir`), otherwise
from the platform's conventions. Nothing is created until `ensure` is called.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from medvision_desktop.errors import StoreUnavailable


@dataclass(frozen=True)
class Locations:
    """Absolute directories. `data` holds the record and reports; `cache` may be deleted."""

    data: Path
    cache: Path
    logs: Path

    @property
    def record(self) -> Path:
        """The audit database."""
        return self.data / "record.sqlite3"

    @property
    def reports(self) -> Path:
        """Signed PDFs, named by their SHA-256."""
        return self.data / "reports"

    @property
    def settings(self) -> Path:
        """The reader's settings file (TOML)."""
        return self.data / "settings.toml"

    @property
    def installed_models(self) -> Path:
        """Model packages that the reader added."""
        return self.data / "models"

    def ensure(self) -> Locations:
        """Create the directories, readable by this user only. Raises `StoreUnavailable`."""
        for directory in (self.data, self.cache, self.logs):
            try:
                directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            except OSError as error:
                raise StoreUnavailable(
                    "A folder the program needs cannot be made.",
                    f"{directory}: {error.strerror}.",
                    "Choose another place with --data-dir.",
                ) from error
        return self


def locate(data_dir: Path | None = None) -> Locations:
    """Locations under `data_dir`, or the platform's own for this user."""
    if data_dir is not None:
        root = data_dir.expanduser().absolute()
        return Locations(data=root, cache=root / "cache", logs=root / "logs")
    own = platformdirs.PlatformDirs("medvision", appauthor=False)
    return Locations(data=own.user_data_path, cache=own.user_cache_path / "program", logs=own.user_log_path)


def root() -> Path:
    """The folder that holds `resources` and `models`: the source tree, or a frozen build's."""
    bundle: str | None = getattr(sys, "_MEIPASS", None)
    return Path(bundle) if bundle else Path(__file__).resolve().parent.parent


def resources() -> Path:
    """Icons, fonts, style sheet parts and report templates that ship with the program."""
    return root() / "resources"


def shipped_models() -> Path:
    """Model packages that ship with the program."""
    return root() / "models"
