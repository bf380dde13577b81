"""What may be erased: identities and free text, each with the salt of its digest.

The ledger names a person, study, file or text by a random pseudonym and, where the content matters,
by SHA-256(salt || content). The salt lies in the same row as the content, so erasing the row leaves
a digest that nobody can test guesses against, and a chain that still verifies.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import sqlalchemy as sa

from medvision_desktop.audit import schema
from medvision_desktop.audit.chain import canonical

_SALT_BYTES: Final = 16
_NAME_BYTES: Final = 8

RandomBytes = Callable[[int], bytes]


class IdentityKind(StrEnum):
    """What a pseudonym stands for."""

    PATIENT = "patient"
    STUDY = "study"
    SERIES = "series"
    INSTANCE = "instance"
    READER = "reader"


@dataclass(frozen=True)
class Pointer:
    """What the ledger keeps of something private: its random id and its salted digest."""

    id: str
    digest: str

    def as_payload(self) -> dict[str, str]:
        """For an entry's payload."""
        return {"id": self.id, "digest": self.digest}


@dataclass(frozen=True)
class Identity:
    """Who or what a pseudonym stands for. Empty `natural_key` and `details` once erased."""

    pseudonym: str
    kind: str
    parent: str
    natural_key: str
    details: Mapping[str, Any]
    erased: bool


def salted_digest(salt: bytes, *parts: bytes) -> str:
    """SHA-256 of the salt and the parts; each part is preceded by its length in 8 bytes."""
    state = hashlib.sha256(salt)
    for part in parts:
        state.update(len(part).to_bytes(8, "big"))
        state.update(part)
    return state.hexdigest()


def pseudonym_of(connection: sa.Connection, kind: IdentityKind, natural_key: str) -> str | None:
    """The pseudonym that was given, or None."""
    table = schema.identity
    found = connection.scalar(
        sa.select(table.c.pseudonym).where(table.c.kind == kind.value, table.c.natural_key == natural_key)
    )
    return None if found is None else str(found)


def remember(
    connection: sa.Connection,
    random: RandomBytes,
    kind: IdentityKind,
    natural_key: str,
    details: Mapping[str, Any],
    *,
    parent: str | None = None,
) -> Pointer:
    """Give a pseudonym, or find the one given before and bring its details up to date."""
    table = schema.identity
    text = canonical(details)
    row = connection.execute(
        sa.select(table).where(table.c.kind == kind.value, table.c.natural_key == natural_key)
    ).one_or_none()
    if row is None:
        name, salt = f"{kind.value}-{random(_NAME_BYTES).hex()}", random(_SALT_BYTES)
        connection.execute(
            table.insert().values(
                pseudonym=name,
                kind=kind.value,
                parent=parent,
                natural_key=natural_key,
                details=text,
                salt=salt,
            )
        )
    else:
        name, salt = row.pseudonym, row.salt
        if row.details != text or (parent is not None and row.parent != parent):
            connection.execute(
                table.update()
                .where(table.c.pseudonym == name)
                .values(details=text, parent=parent if parent is not None else row.parent)
            )
    return Pointer(name, salted_digest(salt, text.encode("utf-8")))


def name_only(
    connection: sa.Connection,
    random: RandomBytes,
    kind: IdentityKind,
    natural_key: str,
    *,
    parent: str | None = None,
) -> str:
    """The pseudonym of something whose details are not at hand; what is known stays as it is."""
    known = pseudonym_of(connection, kind, natural_key)
    if known is not None:
        return known
    return remember(connection, random, kind, natural_key, {}, parent=parent).id


def identity_of(connection: sa.Connection, pseudonym: str) -> Identity | None:
    """Who a pseudonym stands for, or None for one that was never given."""
    table = schema.identity
    row = connection.execute(sa.select(table).where(table.c.pseudonym == pseudonym)).one_or_none()
    if row is None:
        return None
    details: dict[str, Any] = json.loads(row.details) if row.details else {}
    return Identity(
        row.pseudonym, row.kind, row.parent or "", row.natural_key or "", details, erased=row.salt is None
    )


def identity_digest(connection: sa.Connection, pseudonym: str) -> str | None:
    """The digest of the row as it is now; None when it is erased or absent."""
    table = schema.identity
    row = connection.execute(
        sa.select(table.c.details, table.c.salt).where(table.c.pseudonym == pseudonym)
    ).one_or_none()
    if row is None or row.salt is None:
        return None
    return salted_digest(row.salt, row.details.encode("utf-8"))


def keep_text(connection: sa.Connection, random: RandomBytes, subject: str, text: str) -> Pointer:
    """Store free text that belongs to `subject` (a study's pseudonym)."""
    name, salt = f"text-{random(_NAME_BYTES).hex()}", random(_SALT_BYTES)
    connection.execute(schema.free_text.insert().values(id=name, subject=subject, text=text, salt=salt))
    return Pointer(name, salted_digest(salt, text.encode("utf-8")))


def keep_words(
    connection: sa.Connection, random: RandomBytes, subject: str, words: Mapping[str, Any]
) -> Pointer:
    """Store several texts as one canonical JSON object."""
    return keep_text(connection, random, subject, canonical(words))


def text_of(connection: sa.Connection, text_id: str) -> str | None:
    """The text, or None once it is erased or was replaced."""
    table = schema.free_text
    found = connection.scalar(sa.select(table.c.text).where(table.c.id == text_id))
    return None if found is None else str(found)


def words_of(connection: sa.Connection, text_id: str) -> dict[str, Any]:
    """The JSON object that `keep_words` stored; empty once it is erased."""
    text = text_of(connection, text_id)
    parsed: dict[str, Any] = json.loads(text) if text else {}
    return parsed


def text_digest(connection: sa.Connection, text_id: str) -> str | None:
    """The digest of the text as it is now; None when it is erased or absent."""
    table = schema.free_text
    row = connection.execute(
        sa.select(table.c.text, table.c.salt).where(table.c.id == text_id)
    ).one_or_none()
    if row is None or row.salt is None:
        return None
    return salted_digest(row.salt, row.text.encode("utf-8"))


def forget_text(connection: sa.Connection, text_id: str) -> None:
    """Remove a draft's text that a newer draft replaced."""
    connection.execute(schema.free_text.delete().where(schema.free_text.c.id == text_id))
