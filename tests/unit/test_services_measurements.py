"""Measurements in the record: superseded, never edited, erasable, and there after kill -9."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from medvision_desktop.audit.erasure import erase_patient
from medvision_desktop.audit.schema import EventKind
from medvision_desktop.audit.store import Store
from medvision_desktop.domain.geometry import PixelSpacing, PlaneGeometry, SpacingSource
from medvision_desktop.domain.measurement import Measurement, MeasurementKind, Place
from medvision_desktop.services.ingest import study_opened
from medvision_desktop.services.measurements import measurements, record, remove
from medvision_desktop.services.verify import verify
from tests.helpers import record_cases as cases

PLACE = Place(cases.STUDY, cases.SERIES, cases.IMAGE)
LINE = Measurement("m-1", MeasurementKind.LENGTH, ((1.5, 2.0), (10.25, 20.0)), PLACE)
ARROW = Measurement("m-2", MeasurementKind.ARROW, ((1.0, 2.0), (3.0, 4.0)), PLACE, "canary words")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    found = Store.open(tmp_path / "record.db")
    study_opened(found, cases.study(), cases.series(), reader=cases.READER)
    return found


def test_what_was_drawn_comes_back_as_it_was(store: Store) -> None:
    record(store, LINE, ("42.3 mm",), reader=cases.READER)
    record(store, ARROW, (), reader=cases.READER)
    found = measurements(store, cases.STUDY)
    assert [one.measurement for one in found] == [LINE, ARROW]
    assert found[0].said == ("42.3 mm",)
    assert measurements(store, "another study") == ()


def test_a_change_and_a_removal_supersede_and_both_stay_in_the_ledger(store: Store) -> None:
    first = record(store, LINE, ("1.0 mm",), reader=cases.READER)
    moved = replace(LINE, points=((0.0, 0.0), (1.0, 1.0)))
    second = record(store, moved, ("2.0 mm",), reader=cases.READER)
    assert [one.measurement for one in measurements(store, cases.STUDY)] == [moved]
    third = remove(store, cases.STUDY, LINE.id, reader=cases.READER)
    assert measurements(store, cases.STUDY) == ()
    assert remove(store, cases.STUDY, LINE.id, reader=cases.READER) is None
    entries = [e for e in store.entries() if e.kind == EventKind.MEASUREMENT_RECORDED]
    assert [e.seq for e in entries] == [first, second, third]
    assert [e.data["supersedes"] for e in entries] == [None, first, second]
    assert [e.data["state"] for e in entries] == ["drawn", "changed", "removed"]
    record(store, LINE, ("1.0 mm",), reader=cases.READER)
    assert [one.measurement for one in measurements(store, cases.STUDY)] == [LINE]


def test_the_ledger_holds_neither_words_nor_uids_nor_numbers(store: Store) -> None:
    record(store, ARROW, ("canary said",), reader=cases.READER)
    entry = store.entries()[-1]
    for secret in ("canary", cases.IMAGE, cases.SERIES, "1.0"):
        assert secret not in entry.payload


def test_the_record_verifies_and_a_changed_geometry_is_found(store: Store, tmp_path: Path) -> None:
    record(store, LINE, ("42.3 mm",), reader=cases.READER)
    assert verify(store).ok
    import sqlite3

    with sqlite3.connect(tmp_path / "record.db") as direct:
        direct.execute("UPDATE free_text SET text = replace(text, '10.25', '11.25')")
    found = verify(store)
    assert [fault.part for fault in found.faults] == ["texts"]


def test_erasing_a_patient_takes_measurements_with_it(store: Store) -> None:
    record(store, ARROW, (), reader=cases.READER)
    patient = store.entries()[1].data["patient"]["id"]
    erase_patient(store, patient, reader=cases.READER)
    assert measurements(store, cases.STUDY) == ()
    assert verify(store).ok


_PROGRAM = """
import sys
from pathlib import Path
from tests.unit import test_services_measurements as here
from medvision_desktop.audit.store import Store
from medvision_desktop.services.measurements import record
store = Store.open(Path(sys.argv[1]))
record(store, here.LINE, ("42.3 mm",), reader="Dr Vale")
print("saved", flush=True)
sys.stdin.read()
"""


def test_a_measurement_that_was_saved_is_there_after_kill_9(store: Store, tmp_path: Path) -> None:
    store.close()
    child = subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, str(tmp_path / "record.db")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).resolve().parents[2],
    )
    with child:
        assert child.stdout is not None
        assert child.stdout.readline() == "saved\n"
        os.kill(child.pid, signal.SIGKILL)
        assert child.wait(10) == -signal.SIGKILL
    again = Store.open(tmp_path / "record.db")
    assert [one.measurement for one in measurements(again, cases.STUDY)] == [LINE]
    again.close()


def test_a_measurement_on_an_oblique_slab_comes_back_to_the_last_bit(store: Store) -> None:
    spacing = PixelSpacing(0.1 + 0.2, 1 / 3, SpacingSource.PATIENT)
    cut = PlaneGeometry((1 / 7, -88.1, 0.3), (0.6, 0.8, 0.0), (-0.8, 0.6, 0.0), spacing, "1.2.3")
    place = Place(cases.STUDY, cases.SERIES, plane="axial", index=4, slab="MIP 10.0 mm", cut=cut)
    line = replace(LINE, place=place)
    record(store, line, (), reader=cases.READER)
    assert [one.measurement for one in measurements(store, cases.STUDY)] == [line]
