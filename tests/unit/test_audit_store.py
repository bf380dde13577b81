"""The store: what it promises about its file, and what it says when the world is against it."""

from __future__ import annotations

import os
import sqlite3
import stat
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from medvision_desktop.audit import schema
from medvision_desktop.audit.chain import walk
from medvision_desktop.audit.schema import EventKind
from medvision_desktop.audit.store import Store
from medvision_desktop.errors import RecordDamaged, StoreUnavailable
from medvision_desktop.services.verify import verify
from tests.helpers.record_cases import PATIENT, READER, STUDY, analysed, opened, raw


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "record 100% ä.sqlite3"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    opened_store = Store.open(path)
    yield opened_store
    opened_store.close()


def add(store: Store, subject: str = "study-1") -> int:
    return store.append(EventKind.SETTINGS_CHANGED, actor="program", subject=subject, payload={})


def test_the_file_carries_the_promised_pragmas(store: Store, path: Path) -> None:
    with store.reading() as tx:
        values = {
            name: tx.connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in (
                "journal_mode", "synchronous", "foreign_keys", "busy_timeout", "application_id",
                "user_version",
            )
        }  # fmt: skip
    assert values == {
        "journal_mode": "wal",
        "synchronous": 2,  # FULL
        "foreign_keys": 1,
        "busy_timeout": 5000,
        "application_id": schema.APPLICATION_ID,
        "user_version": schema.SCHEMA_VERSION,
    }


@pytest.mark.skipif(os.name == "nt", reason="rights of files are different there")
def test_nobody_else_can_read_the_file(store: Store, path: Path) -> None:
    add(store)
    for file in path.parent.glob(f"{path.name}*"):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_the_migrations_from_empty_make_exactly_the_tables_the_code_uses(store: Store) -> None:
    with store.reading() as tx:
        context = MigrationContext.configure(tx.connection, opts={"compare_type": True})
        assert compare_metadata(context, schema.metadata) == []


@pytest.mark.parametrize(
    "statement", ["UPDATE ledger SET actor = 'x' WHERE seq = 1", "DELETE FROM ledger WHERE seq = 1"]
)
def test_the_ledger_refuses_changes_and_deletions(store: Store, path: Path, statement: str) -> None:
    add(store)
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        raw(path, statement)
    assert verify(store).ok


def test_a_reopened_record_holds_every_entry_byte_for_byte(store: Store, path: Path) -> None:
    opened(store)
    analysed(store)
    before = store.entries()
    store.close()
    again = Store.open(path)
    assert again.entries() == before
    again.close()


def test_two_programs_writing_in_turn_keep_one_chain(store: Store, path: Path) -> None:
    other = Store.open(path)
    numbers = [add((store, other)[turn % 2]) for turn in range(20)]
    assert numbers == list(range(1, 21))
    assert walk(store.entries()).fault is None
    other.close()


def test_threads_of_one_store_and_of_another_keep_one_chain(store: Store, path: Path) -> None:
    other = Store.open(path, busy_timeout_s=60)
    work = [threading.Thread(target=lambda s=s: [add(s) for _ in range(15)]) for s in (store, store, other)]
    for thread in work:
        thread.start()
    for thread in work:
        thread.join()
    result = walk(store.entries())
    assert (result.fault, result.entries) == (None, 45)
    other.close()


def test_a_record_that_stays_locked_is_said_and_nothing_is_added(store: Store, path: Path) -> None:
    add(store)
    impatient = Store.open(path, busy_timeout_s=0.05)
    with store.writing(), pytest.raises(StoreUnavailable, match="in use"):
        add(impatient)
    assert store.head()[0] == 1
    assert add(impatient) == 2
    impatient.close()


def test_a_full_disk_is_said_and_the_entry_is_not_there(store: Store) -> None:
    opened(store)
    before = store.head()
    with store.reading() as tx:
        pages = tx.connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        tx.connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")

    def fill(store: Store) -> None:
        for _ in range(50):
            store.append(EventKind.LOCKED, actor="program", subject="x", payload={"fill": "x" * 5000})

    with pytest.raises(StoreUnavailable, match="disk is full"):
        fill(store)
    held = store.entries()
    assert held[0].seq == 1
    assert len(held) >= before[0]
    assert walk(held).fault is None


def test_an_error_inside_a_transaction_leaves_no_trace(store: Store) -> None:
    def stumble(store: Store) -> None:
        with store.writing() as tx:
            tx.reader(READER)
            raise KeyError("a bug of ours")

    with pytest.raises(KeyError):
        stumble(store)
    assert store.entries() == ()
    with store.reading() as tx:
        assert tx.connection.scalar(sa.select(sa.func.count()).select_from(schema.identity)) == 0


def test_reading_inside_a_transaction_sees_what_it_wrote(store: Store) -> None:
    with store.writing() as tx:
        tx.append(EventKind.LOCKED, actor="program", subject="x", payload={})
        assert store.head()[0] == 1
        with pytest.raises(RuntimeError, match="nest"), store.writing():
            pass


@pytest.mark.parametrize("content", [b"not a database at all " * 60, b"\x00" * 5000])
def test_a_file_that_is_no_database_is_called_damaged_and_left_alone(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(RecordDamaged):
        Store.open(path)
    assert path.read_bytes() == content


def test_somebody_elses_database_is_not_touched(path: Path) -> None:
    raw(path, "CREATE TABLE notes (text TEXT)")
    with pytest.raises(RecordDamaged, match="not a record"):
        Store.open(path)


def test_a_record_of_a_newer_program_is_not_touched(store: Store, path: Path) -> None:
    store.close()
    raw(path, f"PRAGMA user_version = {schema.SCHEMA_VERSION + 1}")
    with pytest.raises(StoreUnavailable, match="newer version"):
        Store.open(path)


def test_torn_pages_are_called_damaged(store: Store, path: Path) -> None:
    opened(store)
    analysed(store)
    store.close()
    data = bytearray(path.read_bytes())
    data[4096:] = b"\xff" * (len(data) - 4096)
    path.write_bytes(data)
    with pytest.raises(RecordDamaged):
        Store.open(path)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger SET actor = 'somebody' WHERE seq = 2",
        "DELETE FROM ledger WHERE seq = (SELECT max(seq) FROM ledger)",
        "DELETE FROM ledger WHERE seq = 1",
    ],
)
def test_a_tampered_record_opens_only_for_reading(store: Store, path: Path, statement: str) -> None:
    opened(store)
    store.append(EventKind.LOCKED, actor="program", subject="x", payload={})
    store.close()
    raw(path, statement, unprotected=True)
    with pytest.raises(RecordDamaged, match="does not verify"):
        Store.open(path)
    reading = Store.open(path, read_only=True)
    assert not verify(reading).ok
    reading.close()


def test_a_record_opened_for_reading_refuses_to_write(store: Store, path: Path) -> None:
    opened(store)
    reading = Store.open(path, read_only=True)
    with pytest.raises(StoreUnavailable, match="reading only"):
        add(reading)
    assert reading.entries() == store.entries()
    reading.close()


def test_a_long_look_holds_nobody_up_and_sees_one_moment(store: Store) -> None:
    add(store)
    with store.snapshot() as tx:
        seen = list(tx.entries())
        assert add(store) == 2
        assert list(tx.entries()) == seen
        with pytest.raises(RuntimeError, match="only reads"):
            tx.append(EventKind.LOCKED, actor="program", subject="x", payload={})


def test_a_record_on_read_only_media_can_be_read(
    store: Store, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(store)
    before = store.entries()
    store.close()
    monkeypatch.setattr(os, "access", lambda *_: False)
    reading = Store.open(path, read_only=True)
    assert reading.entries() == before
    assert verify(reading).ok
    reading.close()
    assert list(path.parent.glob(f"{path.name}-*")) == []


def test_a_missing_record_cannot_be_opened_for_reading(path: Path) -> None:
    with pytest.raises(StoreUnavailable):
        Store.open(path, read_only=True)
    assert not path.exists()


@pytest.mark.skipif(not hasattr(os, "seteuid"), reason="rights of files are different there")
def test_a_folder_without_rights_is_said() -> None:
    # A folder of its own under the system's: root, for whom rights do not count, becomes nobody here.
    with tempfile.TemporaryDirectory(prefix="medvision-rights-") as folder:
        path = Path(folder) / "record.sqlite3"
        made = Store.open(path)
        add(made)
        made.close()
        path.chmod(0o400)
        path.parent.chmod(0o500)
        mighty = os.geteuid() == 0
        try:
            if mighty:
                os.chown(path, 65534, 65534)
                os.chown(path.parent, 65534, 65534)
                os.seteuid(65534)
            with pytest.raises(StoreUnavailable) as refused:
                Store.open(path)
        finally:
            if mighty:
                os.seteuid(0)
            path.parent.chmod(0o700)
    assert refused.value.now


def test_errors_carry_no_text_that_was_to_be_written(store: Store) -> None:
    words = "Canary^Patient"

    def twice(store: Store) -> None:
        with store.writing() as tx:
            for _ in range(2):
                tx.connection.execute(
                    schema.free_text.insert().values(id="one", subject="s", text=words, salt=b"")
                )

    with pytest.raises(sa.exc.IntegrityError) as bug:
        twice(store)
    assert words not in str(bug.value)
    assert words not in repr(bug.value)


def test_names_numbers_uids_and_words_never_reach_the_ledger(store: Store) -> None:
    opened(store)
    analysed(store)
    ledger = "\n".join(f"{entry.actor}{entry.subject}{entry.payload}" for entry in store.entries()).lower()
    for secret in ("canary", PATIENT.name, PATIENT.birth_date, STUDY, "łukasz", "иванов", "064y"):
        assert secret.lower() not in ledger


def test_a_rebuild_gives_the_same_read_models(store: Store) -> None:
    from medvision_desktop.audit.projection import dump

    opened(store)
    analysed(store)
    with store.reading() as tx:
        before = dump(tx.connection)
    store.rebuild()
    with store.reading() as tx:
        assert dump(tx.connection) == before
    assert before["finding"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes in folders are of Unix")
@pytest.mark.parametrize("read_only", [True, False])
def test_a_pipe_in_place_of_the_record_is_refused_unread(read_only: bool, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "record.sqlite3")
    with pytest.raises(StoreUnavailable, match="not a file"):
        Store.open(tmp_path / "record.sqlite3", read_only=read_only)
