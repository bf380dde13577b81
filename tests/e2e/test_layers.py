"""Layers in one sitting: a segmentation of a study is shown, edited, kept, and there after a restart."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from medvision_desktop.audit.store import Store
from medvision_desktop.domain.labelmap import LabelMap, LayerOrigin
from medvision_desktop.paths import Locations
from medvision_desktop.services.masks import masks
from medvision_desktop.services.verify import verify
from tests.helpers.layer_files import saved, saved_series, segmentation, source_images
from tests.helpers.sitting import LEFT, NO_KEYS, Sitting

SitDown = Callable[..., Sitting]


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """A CT of eight slices and a segmentation of it with two labels."""
    folder = tmp_path / "study"
    source = source_images(slices=8, rows=48, columns=40)
    saved_series(source, folder)
    mask = np.zeros((8, 48, 40, 2), np.uint8)
    mask[2:6, 10:30, 8:24, 0] = 1
    mask[2:6, 30:38, 8:24, 1] = 1
    saved(segmentation(source, mask, labels=("Liver", "Lesion")), folder / "seg.dcm")
    return folder


def pick_layer(sitting: Sitting) -> None:
    row = sitting.room.worklist.studies[0]
    layer = next(series for series in row.study.series if series.is_layer)
    sitting.room.worklist.select(row.key, layer.uid)
    sitting.settle()


def shown_layers(sitting: Sitting) -> list[tuple[str, LayerOrigin, bool]]:
    shown = sitting.room.viewer.active_pane.shown
    assert shown is not None
    over = sitting.room.viewer.layers.over(shown.loaded)
    return [(one.layer.title, one.layer.origin, one.style.visible) for one in over]


def at(sitting: Sitting, row: float, column: float) -> QPoint:
    view = sitting.room.viewer.view(sitting.room.viewer.active).transform
    assert view is not None
    x, y = view.to_screen(row, column)
    return QPoint(round(x), round(y))


def stroke(sitting: Sitting, start: tuple[float, float], end: tuple[float, float]) -> None:
    canvas = sitting.room.grid.panes[sitting.room.viewer.active].canvas
    QTest.mousePress(canvas, LEFT, NO_KEYS, at(sitting, *start))
    canvas.moved.emit((float(at(sitting, *end).x()), float(at(sitting, *end).y())), NO_KEYS)
    QTest.mouseRelease(canvas, LEFT, NO_KEYS, at(sitting, *end))
    sitting.settle()


def test_a_segmentation_is_shown_edited_and_still_there_after_a_restart(
    sit_down: SitDown, study: Path, locations: Locations
) -> None:
    sitting = sit_down(paths=[study])
    pick_layer(sitting)
    assert sitting.room.docks["layers"].isVisible()
    assert shown_layers(sitting) == [("Liver by hand", LayerOrigin.FILE, True)]
    shown = sitting.room.viewer.active_pane.shown
    assert shown is not None
    assert shown.loaded.series.modality == "CT"
    facts = sitting.room.layer_facts.of(next(iter(sitting.room.viewer.layers.over(shown.loaded))).uid)
    assert facts is not None
    assert facts[1].ml == pytest.approx(4 * 20 * 16 * 0.8 * 0.6 * 2.5 / 1000)
    assert facts[1].mean == pytest.approx(350.0)  # slices 2 to 5 of values 100 k
    card = next(iter(sitting.room.layers_panel.cards.values()))
    assert card.rows[1].volume == "1.5"

    sitting.room.viewer.set_index(0, 3)
    sitting.room.commands.perform("tool.brush")
    stroke(sitting, (40, 30), (44, 34))
    assert shown_layers(sitting) == [
        ("Liver by hand", LayerOrigin.FILE, False),
        ("Liver by hand, edited", LayerOrigin.READER, True),
    ]
    drawn = sitting.room.viewer.layers.entry(sitting.room.viewer.masks.uid)
    assert drawn is not None
    values = drawn.layer.values_kji.copy()
    sitting.close()

    store = Store.open(locations.record)
    row = masks(store, shown.loaded.study.key)
    assert np.array_equal(row[0].layer.values_kji, values)
    assert verify(store).ok
    store.close()

    again = sit_down(paths=[study])
    again.wait(lambda: again.room.viewer.active_pane.shown is not None)
    again.settle()
    assert shown_layers(again) == [("Liver by hand, edited", LayerOrigin.READER, True)]
    found = again.room.viewer.layers.of_study(shown.loaded.study.key)[0].layer
    assert isinstance(found, LabelMap)
    assert np.array_equal(found.values_kji, values)
    assert not again.errors
    assert not again.crashes


def test_every_tool_of_the_panel_works_by_key_and_the_panel_says_what_it_does(
    sit_down: SitDown, study: Path
) -> None:
    sitting = sit_down(paths=[study])
    sitting.wait(lambda: sitting.room.viewer.active_pane.shown is not None)
    sitting.settle()
    sitting.key(Qt.Key.Key_F6)
    panel = sitting.room.layers_panel
    assert panel.isVisible()
    sitting.settle()
    assert list(panel.offers)  # the segmentation waits to be shown
    sitting.click(next(iter(panel.offers.values())))
    sitting.settle()
    assert len(panel.cards) == 1
    sitting.room.commands.perform("labels.new_map")
    sitting.settle()
    assert "Label 1" in panel.edit.target.text()
    sitting.room.commands.perform("labels.new_label")
    save = sitting.button("Save")
    sitting.type("Cyst")
    sitting.click(save)
    sitting.settle()
    assert "Cyst" in panel.edit.target.text()
    for index in (2, 6):
        sitting.room.viewer.set_index(0, index)
        sitting.room.commands.perform("tool.brush")
        stroke(sitting, (20, 20), (20, 24))
    sitting.room.commands.perform("labels.interpolate")
    sitting.settle()
    entry = sitting.room.viewer.layers.entry(sitting.room.viewer.masks.uid)
    assert entry is not None
    held = np.flatnonzero((entry.layer.values_kji == 2).any(axis=(1, 2)))
    assert held.tolist() == [2, 3, 4, 5, 6]
    sitting.room.mask_record.remove(entry.uid)
    sitting.settle()
    assert len(panel.cards) == 1
    sitting.follow_toast()
    sitting.settle()
    assert len(panel.cards) == 2
    kept = masks(sitting.room.bench.store, entry.study_key)
    assert np.array_equal(kept[0].layer.values_kji, entry.layer.values_kji)
    sitting.room.mask_record.remove(entry.uid)
    sitting.settle()
    assert masks(sitting.room.bench.store, entry.study_key) == ()
    assert not sitting.errors


def test_a_damaged_segmentation_is_refused_in_a_sentence_and_the_images_stay(
    sit_down: SitDown, study: Path
) -> None:
    path = study / "seg.dcm"
    data = path.read_bytes()
    path.write_bytes(data[: len(data) - 200])
    sitting = sit_down(paths=[study])
    pick_layer(sitting)
    assert [error.what for error in sitting.errors] == ["The file is cut short."]
    assert sitting.room.viewer.active_pane.shown is not None
    assert shown_layers(sitting) == []


def test_a_layer_dropped_on_a_pane_brings_its_images_there(sit_down: SitDown, study: Path) -> None:
    sitting = sit_down(paths=[study])
    sitting.wait(lambda: sitting.room.viewer.active_pane.shown is not None)
    sitting.settle()
    sitting.room.commands.perform("layout.1x2")
    row = sitting.room.worklist.studies[0]
    layer = next(series for series in row.study.series if series.is_layer)
    sitting.room.grid.seriesDropped.emit(1, row.key, layer.uid)
    sitting.settle()
    second = sitting.room.viewer.panes[1]
    assert second.series is not None
    assert second.series.modality == "CT"
    assert [one.layer.title for one in sitting.room.viewer.view(1).layers] == ["Liver by hand"]


def test_a_nifti_label_map_of_the_worklist_is_laid_over_the_image_on_screen(
    sit_down: SitDown, tmp_path: Path
) -> None:
    affine = np.diag([1.0, 1.0, 2.0, 1.0])
    rng = np.random.default_rng(0)
    labels = np.zeros((20, 24, 12), np.uint8)
    labels[5:12, 6:15, 3:9] = 2
    for name, values in (("t1", rng.normal(100, 5, labels.shape).astype(np.float32)), ("labels", labels)):
        nib.save(nib.Nifti1Image(values, affine), tmp_path / f"{name}.nii.gz")
    sitting = sit_down(paths=[tmp_path / "t1.nii.gz", tmp_path / "labels.nii.gz"])
    rows = {row.study.description: row for row in sitting.room.worklist.studies}
    image, file = rows["t1.nii.gz"], rows["labels.nii.gz"]
    sitting.room.worklist.select(image.key, image.study.series[0].uid)
    sitting.settle()
    sitting.room.worklist_pane.list.layerWanted.emit(file.key, file.study.series[0].uid)
    sitting.settle()
    found = sitting.room.viewer.layers.of_study(image.key)[0].layer
    assert isinstance(found, LabelMap)
    assert found.volume_ml(2) == pytest.approx(7 * 9 * 6 * 2.0 / 1000)
    sitting.room.worklist_pane.list.layerWanted.emit(image.key, image.study.series[0].uid)
    sitting.settle()
    assert [error.what for error in sitting.errors] == ["The file is no label map."]
