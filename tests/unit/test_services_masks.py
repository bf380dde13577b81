"""Label maps in the record: there after each stroke, superseded, erasable, and never the model's own."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from medvision_desktop.audit import schema
from medvision_desktop.audit.erasure import erase_patient
from medvision_desktop.audit.schema import EventKind
from medvision_desktop.audit.store import Store
from medvision_desktop.domain.labelmap import LabelMap, LayerOrigin, Segment
from medvision_desktop.services.ingest import study_opened
from medvision_desktop.services.masks import masks, record, remove
from medvision_desktop.services.verify import verify
from tests.helpers import record_cases as cases

SEGMENTS = (
    Segment(1, "canary liver", (200, 50, 80), ("10200004", "SCT", "Liver"), "MANUAL"),
    Segment(7, "Lesion", (0, 158, 115)),
)


def layer(values: np.ndarray, uid: str = "mask-1") -> LabelMap:
    affine = np.asarray([[0, 0, 0.7, -3], [0, 0.6, 0.1, 4], [2.5, 0, 0, 1 / 3], [0, 0, 0, 1]])
    return LabelMap(
        values, affine, SEGMENTS, uid, "Liver by hand", "Drawn", LayerOrigin.READER, "1.2.3", ("Badge",)
    )


def some(seed: int = 0) -> np.ndarray:
    values = np.zeros((6, 9, 8), np.uint8)
    values[2:4, 3:7, 1:5] = np.random.default_rng(seed).choice([0, 1, 7], (2, 4, 4))
    return values


@pytest.fixture
def store(tmp_path: Path) -> Store:
    found = Store.open(tmp_path / "record.db")
    study_opened(found, cases.study(), cases.series(), reader=cases.READER)
    return found


def put(store: Store, found: LabelMap, made_from: str = "") -> int:
    return record(store, cases.STUDY, cases.SERIES, found, made_from=made_from, reader=cases.READER)


@given(seed=st.integers(0, 30))
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_was_drawn_comes_back_to_the_last_bit(store: Store, seed: int) -> None:
    drawn = layer(some(seed), f"mask-{seed}")
    seq = put(store, drawn, made_from="1.2.3.4")
    back = next(one for one in masks(store, cases.STUDY) if one.layer.uid == drawn.uid)
    assert np.array_equal(back.layer.values_kji, drawn.values_kji)
    assert np.array_equal(back.layer.affine_kji_to_lps, drawn.affine_kji_to_lps)
    assert back.layer.segments == SEGMENTS
    assert (back.layer.title, back.layer.frame_of_reference) == ("Liver by hand", "1.2.3")
    assert back.layer.badges == ("Badge",)
    assert back.layer.origin is LayerOrigin.READER
    assert (back.series_uid, back.made_from, back.seq) == (cases.SERIES, "1.2.3.4", seq)


def test_an_empty_map_is_kept_with_its_grid(store: Store) -> None:
    put(store, layer(np.zeros((4, 5, 6), np.uint8)))
    found = masks(store, cases.STUDY)[0].layer
    assert found.values_kji.shape == (4, 5, 6)
    assert not found.values_kji.any()


def test_every_stroke_is_an_entry_and_only_the_newest_voxels_are_kept(store: Store) -> None:
    first, second = put(store, layer(some(1))), put(store, layer(some(2)))
    entries = [entry for entry in store.entries() if entry.kind == EventKind.MASK_EDITED]
    assert [entry.seq for entry in entries] == [first, second]
    assert [entry.data["state"] for entry in entries] == ["drawn", "changed"]
    assert entries[1].data["supersedes"] == first
    with store.reading() as tx:
        assert len(tx.connection.execute(schema.mask.select()).all()) == 1
    assert np.array_equal(masks(store, cases.STUDY)[0].layer.values_kji, some(2))
    assert verify(store).ok


def test_a_map_that_was_removed_is_gone_and_can_come_back(store: Store) -> None:
    put(store, layer(some(1)))
    assert remove(store, cases.STUDY, "mask-1", reader=cases.READER) is not None
    assert masks(store, cases.STUDY) == ()
    assert remove(store, cases.STUDY, "mask-1", reader=cases.READER) is None
    assert verify(store).ok
    put(store, layer(some(1)))
    assert len(masks(store, cases.STUDY)) == 1


def test_the_ledger_holds_neither_labels_nor_uids_nor_voxels(store: Store) -> None:
    put(store, layer(some(1)))
    payload = store.entries()[-1].payload
    for secret in ("canary", cases.SERIES, cases.STUDY, "Liver"):
        assert secret not in payload
    assert set(json.loads(payload)) == {"study", "mask", "state", "supersedes", "voxels"}


@pytest.mark.parametrize("column", ["voxels", "details"])
def test_changed_voxels_are_found_and_not_shown(store: Store, tmp_path: Path, column: str) -> None:
    put(store, layer(some(1)))
    with sqlite3.connect(tmp_path / "record.db") as direct:
        if column == "voxels":
            direct.execute("UPDATE mask SET voxels = x'789c030000000001'")
        else:
            direct.execute("UPDATE mask SET details = replace(details, 'Lesion', 'Tumour')")
    assert [fault.part for fault in verify(store).faults] == ["label maps"]
    assert masks(store, cases.STUDY) == ()


def test_a_map_that_somebody_deleted_is_missed(store: Store, tmp_path: Path) -> None:
    put(store, layer(some(1)))
    with sqlite3.connect(tmp_path / "record.db") as direct:
        direct.execute("DELETE FROM mask")
    assert [fault.part for fault in verify(store).faults] == ["label maps"]


def test_erasing_a_patient_takes_label_maps_with_it(store: Store) -> None:
    put(store, layer(some(1)))
    patient = store.entries()[1].data["patient"]["id"]
    erase_patient(store, patient, reader=cases.READER)
    assert masks(store, cases.STUDY) == ()
    found = verify(store)
    assert found.ok
    assert found.erased > 0
    with store.reading() as tx:
        rows = tx.connection.execute(schema.mask.select()).all()
    assert [(row.details, row.voxels, row.salt) for row in rows] == [(None, None, None)]


def test_a_record_of_the_first_schema_is_brought_forward(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    store = Store.open(path)
    study_opened(store, cases.study(), cases.series(), reader=cases.READER)
    store.close()
    with sqlite3.connect(path) as direct:  # as the first release left it
        direct.execute("DROP INDEX ix_mask_subject")
        direct.execute("DROP TABLE mask")
        direct.execute("UPDATE alembic_version SET version_num = '0001'")
        direct.execute("PRAGMA user_version = 1")
    again = Store.open(path)
    put(again, layer(some(3)))
    assert len(masks(again, cases.STUDY)) == 1
    assert verify(again).ok
    again.close()


_DRAWS = """
import sys
from pathlib import Path
sys.path.insert(0, {root!r})
from medvision_desktop.audit.store import Store
from tests.helpers import record_cases as cases
from tests.unit.test_services_masks import layer, put, some
store = Store.open(Path({path!r}))
for seed in range(10_000):
    put(store, layer(some(seed)))
    print(seed, flush=True)
"""


def test_a_stroke_that_was_reported_as_saved_survives_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "record.db"
    root = str(Path(__file__).resolve().parents[2])
    program = [sys.executable, "-c", _DRAWS.format(root=root, path=str(path))]
    saved = -1
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        for line in child.stdout:
            saved = int(line)
            if saved == 5:
                os.kill(child.pid, signal.SIGKILL)
                break
        rest = child.stdout.read().split()
    saved = int(rest[-1]) if rest else saved
    store = Store.open(path)
    found = masks(store, cases.STUDY)[0].layer
    later = [some(seed) for seed in (saved, saved + 1)]
    assert any(np.array_equal(found.values_kji, one) for one in later)
    assert verify(store).ok
    store.close()


def test_the_layer_of_a_model_is_never_what_is_recorded(store: Store) -> None:
    drawn = replace(layer(some(1)), origin=LayerOrigin.MODEL, uid="model-1")
    put(store, replace(drawn, uid="mask-9", origin=LayerOrigin.READER), made_from="model-1")
    found = masks(store, cases.STUDY)[0]
    assert found.layer.origin is LayerOrigin.READER
    assert found.layer.uid != found.made_from
