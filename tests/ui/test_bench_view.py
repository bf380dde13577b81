"""The viewing bench measures what it says: both sides paint, and they paint the same image."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication, QWidget

from medvision_desktop.bench import measure, view
from medvision_desktop.domain.display import VoiWindow
from medvision_desktop.domain.image import Frame
from medvision_desktop.ui import bench_view


def small_slices() -> tuple[Frame, ...]:
    y, x = np.mgrid[:50, :80]
    return tuple(
        Frame((40 * x + 5 * y + 30 * n).astype(np.uint16), bits_stored=12, voi=(VoiWindow(2048, 2000),))
        for n in range(5)
    )


def grey(widget: QWidget) -> np.ndarray:
    image = widget.grab().toImage().convertToFormat(QImage.Format.Format_Grayscale8)
    pixels = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return pixels[:, : image.width()].astype(float)


def test_every_case_says_how_long_each_side_took(
    qapp: QApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench_view, "_film", lambda: small_slices()[0])
    monkeypatch.setattr(bench_view, "_slices", small_slices)
    rows = list(view.measure(3))
    assert [row.case for row in rows] == ["window drag, 3000x3000", "scroll, 512 slices of 512x512"]
    for row in rows:
        assert row.bench == "view"
        assert row.n == 3
        assert row.ours_ms > 0
        assert row.peer_ms > 0
        assert "pyqtgraph" in row.peer
        assert row.peak_mb > 0
    assert measure.Measured is type(rows[0])


@pytest.mark.parametrize("scroll", [False, True])
def test_both_sides_change_their_picture_at_every_event(qapp: QApplication, scroll: bool) -> None:
    frames = small_slices()
    ours = bench_view._Ours(frames, scroll=scroll)
    peer = bench_view._peer_of([frame.stored for frame in frames], scroll=scroll)
    try:
        for side in (ours, peer):
            before = grey(side.canvas())
            for number in range(3):
                bench_view._timed(qapp, side, number)
                after = grey(side.canvas())
                assert np.abs(after - before).max() > 0
                before = after
    finally:
        peer.canvas().window().close()
        ours.close()


def test_a_scroll_walks_to_the_last_image_and_back() -> None:
    index, seen = 0, []
    for number in range(8):
        index -= bench_view._to_and_fro(number, 5)
        seen.append(index)
    assert seen == [1, 2, 3, 4, 3, 2, 1, 0]
