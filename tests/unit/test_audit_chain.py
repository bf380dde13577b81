"""The chain is what makes a silent change visible, so its oracle is written without it."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable

import pytest

from medvision_desktop.audit.chain import GENESIS, Entry, canonical, entry_hash, walk


def independent_hash(entry: Entry) -> str:
    """The definition in the documents, with the standard library's JSON instead of RFC 8785's package."""
    columns = [
        entry.seq, entry.at_utc, str(entry.monotonic_ns), entry.actor, entry.kind, entry.subject,
        entry.payload, entry.prev_hash,
    ]  # fmt: skip
    text = json.dumps(columns, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(b"MedVision ledger entry, version 1\n" + text.encode()).hexdigest()


def chain_of(count: int) -> list[Entry]:
    entries: list[Entry] = []
    head = GENESIS
    for seq in range(1, count + 1):
        bare = Entry(
            seq=seq,
            at_utc=f"2026-01-01T00:00:{seq:02d}.000000Z",
            monotonic_ns=2**60 + seq,
            actor="reader-1",
            kind="StudyOpened",
            subject=f'study "{seq}"\n\u007f\u0001ß',
            payload=canonical({"b": [1, 0.1, True, None], "a": seq}),
            prev_hash=head,
            hash="",
        )
        entries.append(dataclasses.replace(bare, hash=independent_hash(bare)))
        head = entries[-1].hash
    return entries


def test_hashes_agree_with_an_implementation_in_the_standard_library_only() -> None:
    assert [entry_hash(entry) for entry in chain_of(5)] == [entry.hash for entry in chain_of(5)]


def test_an_untouched_chain_verifies_to_its_head() -> None:
    entries = chain_of(9)
    result = walk(entries)
    assert (result.fault, result.entries, result.head_seq, result.head_hash) == (
        None,
        9,
        9,
        entries[-1].hash,
    )


@pytest.mark.parametrize("column", [column.name for column in dataclasses.fields(Entry)])
@pytest.mark.parametrize("position", [0, 4, 8])
def test_a_change_to_any_single_column_is_found_at_its_entry(column: str, position: int) -> None:
    entries = chain_of(9)
    old = getattr(entries[position], column)
    new = old + 1 if isinstance(old, int) else f"{old[:-1]}{'0' if old[-1] != '0' else '1'}"
    entries[position] = dataclasses.replace(entries[position], **{column: new})
    fault = walk(entries).fault
    assert fault is not None
    assert fault.seq in (position + 1, new if column == "seq" else position + 1)


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda e: e[:3] + e[4:], id="removed"),
        pytest.param(lambda e: [*e[:3], e[4], e[3], *e[5:]], id="swapped"),
        pytest.param(lambda e: [*e[:3], e[3], e[3], *e[4:]], id="doubled"),
        pytest.param(lambda e: e[1:], id="beginning cut off"),
        pytest.param(
            lambda e: [*e[:3], dataclasses.replace(e[3], payload="{}", hash=entry_hash(e[3])), *e[4:]],
            id="payload replaced",
        ),
    ],
)
def test_removed_inserted_and_reordered_entries_are_found(
    spoil: Callable[[list[Entry]], list[Entry]],
) -> None:
    assert walk(spoil(chain_of(9))).fault is not None


def test_rehashing_one_changed_entry_breaks_the_next_one() -> None:
    entries = chain_of(9)
    changed = dataclasses.replace(entries[4], actor="reader-2")
    entries[4] = dataclasses.replace(changed, hash=independent_hash(changed))
    fault = walk(entries).fault
    assert fault is not None
    assert fault.seq == 6


def test_a_payload_that_is_not_canonical_is_found_even_with_a_right_hash() -> None:
    entry = dataclasses.replace(chain_of(1)[0], payload='{"b":1, "a":2}')
    entry = dataclasses.replace(entry, hash=independent_hash(entry))
    fault = walk([entry]).fault
    assert fault is not None
    assert "canonical" in fault.why


def test_a_clock_set_back_is_noted_and_a_restart_is_not() -> None:
    entries = chain_of(3)
    back = dataclasses.replace(entries[2], at_utc="2025-01-01T00:00:00.000000Z")
    restarted = dataclasses.replace(back, monotonic_ns=5)
    for changed, noted in ((back, (3,)), (restarted, ())):
        fresh = dataclasses.replace(changed, hash=independent_hash(changed))
        assert walk([*entries[:2], fresh]).clock_went_back == noted


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 2**60])
def test_numbers_that_other_readers_would_see_differently_are_refused(value: float) -> None:
    with pytest.raises(ValueError, match="RFC 8785"):
        canonical({"value": value})
