"""Readers in the record: somebody gives a name once, and decisions are signed with it from then on."""

from __future__ import annotations

import unicodedata
from typing import Final

from medvision_desktop.audit.store import Store
from medvision_desktop.errors import SettingsInvalid

LONGEST_NAME: Final = 64


def tidy_name(text: str) -> str:
    """A name without control characters and with single spaces. Raises `SettingsInvalid`."""
    kept = "".join(c if unicodedata.category(c)[0] != "C" else " " for c in text)
    name = " ".join(kept.split())
    if not name:
        raise SettingsInvalid("A reader needs a name.", "", "Type the name that reports shall carry.")
    if len(name) > LONGEST_NAME:
        raise SettingsInvalid("This name is too long.", f"It may have {LONGEST_NAME} characters.")
    return name


def introduce(store: Store, name: str) -> str:
    """Enter a reader in the record, the first time only; the reader's pseudonym.

    Raises `StoreUnavailable`.
    """
    with store.writing() as tx:
        return tx.reader(name)
