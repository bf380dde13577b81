"""The slice rail says where a model found something, from the record and from nothing else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from medvision_desktop.audit.store import Store
from medvision_desktop.domain.findings import Decision, ReviewState
from medvision_desktop.services.ai_places import places
from medvision_desktop.services.analyse_record import record_analysis
from medvision_desktop.services.review import decide, findings
from tests.helpers import record_cases, viewer_cases
from tests.helpers.viewer_screen import Screen


def test_images_with_a_positive_suggestion_that_stands_are_named(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "record.db")
    for uid, probability in (("one", 0.9), ("two", 0.1)):
        result = record_cases.result(("Pneumonia", probability), pixels=uid)
        record_analysis(store, record_cases.STUDY, record_cases.SERIES, uid, result, record_cases.READER)
    assert places(store, record_cases.STUDY) == {(record_cases.SERIES, "one", 1)}
    (finding,) = [one for one in findings(store, record_cases.STUDY) if one.score and one.score.positive]
    refused = Decision(ReviewState.REJECTED, reason="A fold of the skin")
    decide(store, finding.id, refused, reader=record_cases.READER)
    assert places(store, record_cases.STUDY) == frozenset()
    store.close()


def test_the_rail_has_a_mark_on_that_image_and_none_with_the_layers_hidden(qtbot: Any) -> None:
    loaded = viewer_cases.scan(count=9)
    screen = Screen(qtbot, loaded)
    screen.open(loaded)
    screen.viewer.show_found(frozenset({("scan", "scan.6", 1), ("other", "scan.2", 1)}))
    rail = screen.viewer.view(0).rail
    assert rail is not None
    assert rail.marks == (6,)
    before = screen.canvas().grab().toImage()
    screen.viewer.perform("layers.toggle")
    hidden = screen.viewer.view(0).rail
    assert hidden == replace(rail, marks=())
    assert screen.canvas().grab().toImage() != before
    screen.lanes.close()
