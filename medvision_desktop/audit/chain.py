"""The hash chain: what binds every entry of the ledger to all before it.

hash = SHA-256( DOMAIN_TAG || RFC 8785 array of every other column, in the order of `Entry` ).

`payload` enters as its canonical text. `monotonic_ns` enters as a decimal string, because RFC 8785
numbers are doubles and 2**53 ns are 104 days of uptime. The chain sees a changed, removed, inserted
or reordered entry. It cannot see that its tail was cut off: that needs a copy of the head elsewhere,
and each signed report prints one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import rfc8785

DOMAIN_TAG: Final = b"MedVision ledger entry, version 1\n"
GENESIS: Final = "0" * 64


@dataclass(frozen=True)
class Entry:
    """One entry as stored. `payload` is canonical JSON text; hashes are lower-case hex."""

    seq: int
    at_utc: str
    monotonic_ns: int
    actor: str
    kind: str
    subject: str
    payload: str
    prev_hash: str
    hash: str

    @property
    def data(self) -> dict[str, Any]:
        """The payload, parsed."""
        parsed: dict[str, Any] = json.loads(self.payload)
        return parsed


@dataclass(frozen=True)
class ChainFault:
    """The first entry that is wrong, and how, in one sentence."""

    seq: int
    why: str


@dataclass(frozen=True)
class ChainResult:
    """What a walk over the chain found. `head_hash` is that of the last good entry."""

    entries: int
    head_seq: int
    head_hash: str
    fault: ChainFault | None = None
    clock_went_back: tuple[int, ...] = ()


def canonical(value: Mapping[str, Any] | list[Any]) -> str:
    """RFC 8785 text of a JSON value. Raises `ValueError` for NaN, infinities and huge integers."""
    try:
        return rfc8785.dumps(value).decode("utf-8")
    except rfc8785.CanonicalizationError as error:
        raise ValueError(f"not a value RFC 8785 can hold: {error}") from error


def digest(value: Mapping[str, Any] | list[Any]) -> str:
    """SHA-256 of the canonical text, as hex."""
    return hashlib.sha256(canonical(value).encode("utf-8")).hexdigest()


def entry_hash(entry: Entry) -> str:
    """What `entry.hash` must be."""
    columns = [
        entry.seq,
        entry.at_utc,
        str(entry.monotonic_ns),
        entry.actor,
        entry.kind,
        entry.subject,
        entry.payload,
        entry.prev_hash,
    ]
    return hashlib.sha256(DOMAIN_TAG + canonical(columns).encode("utf-8")).hexdigest()


def walk(entries: Iterable[Entry], *, after_seq: int = 0, after_hash: str = GENESIS) -> ChainResult:
    """Check entries in the order given; stops at the first that is wrong."""
    seq, head, count = after_seq, after_hash, 0
    back: list[int] = []
    previous_utc, previous_ns = "", 0
    for entry in entries:
        why = _fault(entry, seq, head)
        if why:
            return ChainResult(count, seq, head, ChainFault(entry.seq, why), tuple(back))
        # The monotonic clock restarts with the machine; within one boot both clocks must rise.
        if entry.monotonic_ns >= previous_ns and entry.at_utc < previous_utc:
            back.append(entry.seq)
        previous_utc, previous_ns = entry.at_utc, entry.monotonic_ns
        seq, head, count = entry.seq, entry.hash, count + 1
    return ChainResult(count, seq, head, None, tuple(back))


def _fault(entry: Entry, previous_seq: int, previous_hash: str) -> str:
    if entry.seq != previous_seq + 1:
        return f"Entry {previous_seq + 1} was expected here: entries are missing or out of order."
    if entry.prev_hash != previous_hash:
        return "It does not follow the entry before it."
    try:
        same = entry_hash(entry) == entry.hash
    except (ValueError, UnicodeError):
        same = False
    if not same:
        return "Its content does not match its hash: it was changed after it was written."
    try:
        well_formed = isinstance(json.loads(entry.payload), dict) and canonical(entry.data) == entry.payload
    except ValueError:
        well_formed = False
    return "" if well_formed else "Its payload is not canonical JSON."
