"""The fault of PySide6 6.12.0 on Python 3.11: each call that returns nothing lost a reference to None."""

from __future__ import annotations

import sys

from PySide6.QtCore import QObject


def test_calls_into_qt_keep_their_references_to_none() -> None:
    thing = QObject()
    before = sys.getrefcount(None)
    for _ in range(5000):
        thing.setObjectName("x")
        thing.blockSignals(False)
    lost = before - sys.getrefcount(None)
    assert lost < 500
