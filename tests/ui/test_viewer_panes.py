"""The panes with real mouse, wheel and key events, and the pixels that end up on screen."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PySide6.QtCore import QCoreApplication, QMimeData, QPoint, QPointF, Qt
from PySide6.QtGui import QAction, QDragEnterEvent, QDropEvent, QImage, QKeySequence, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from medvision_desktop.domain.display import VoiWindow
from medvision_desktop.domain.image import LoadedSeries
from medvision_desktop.pixels import viewport
from medvision_desktop.ui.actions import ACTIONS
from medvision_desktop.ui.notify import Notifier
from medvision_desktop.ui.panes.tool_bar import ToolBar
from medvision_desktop.ui.panes.viewer_grid import ViewerGrid
from medvision_desktop.ui.viewmodels.gestures import Tool
from medvision_desktop.ui.viewmodels.viewer import ViewerModel
from medvision_desktop.ui.viewmodels.worklist_items import SERIES_MIME
from medvision_desktop.ui.widgets.image_canvas import ImageCanvas
from medvision_desktop.ui.widgets.key_image import key_image
from medvision_desktop.ui.workers.lane import Lanes
from tests.helpers import viewer_cases as cases

LEFT, RIGHT, MIDDLE = (
    Qt.MouseButton.LeftButton,
    Qt.MouseButton.RightButton,
    Qt.MouseButton.MiddleButton,
)
NONE, SHIFT, CTRL = (
    Qt.KeyboardModifier.NoModifier,
    Qt.KeyboardModifier.ShiftModifier,
    Qt.KeyboardModifier.ControlModifier,
)


class Screen:
    """A grid on an offscreen screen, with the table's keys bound as the window binds them."""

    def __init__(self, qtbot: Any, *loaded: LoadedSeries) -> None:
        self.qtbot = qtbot
        self.lanes = Lanes(lambda error: pytest.fail(f"{error!r}"))
        self.viewer = ViewerModel(
            cases.bench(),
            self.lanes,
            Notifier(lambda error: pytest.fail(f"{error!r}")),
            read=cases.Shelf(*loaded),
        )
        self.grid = ViewerGrid(self.viewer)
        for row in ACTIONS:
            action = QAction(row.text, self.grid)
            action.setShortcuts([QKeySequence(keys) for keys in row.shortcuts])
            action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            action.triggered.connect(lambda _=False, name=row.id: self.viewer.perform(name))
            self.grid.addAction(action)
        qtbot.addWidget(self.grid)
        self.grid.resize(804, 500)
        self.grid.show()
        qtbot.waitExposed(self.grid)
        self.grid.activateWindow()

    def open(self, loaded: LoadedSeries, pane: int | None = None) -> None:
        self.viewer.open(loaded.study, loaded.series, pane=pane)
        assert self.lanes.drain()
        QApplication.processEvents()
        self.grid.focus_active()

    def canvas(self, pane: int = 0) -> ImageCanvas:
        return self.grid.panes[pane].canvas

    def drag(
        self,
        start: tuple[int, int],
        end: tuple[int, int],
        button: Qt.MouseButton = LEFT,
        modifier: Qt.KeyboardModifier = NONE,
        pane: int = 0,
    ) -> None:
        canvas = self.canvas(pane)
        QTest.mousePress(canvas, button, modifier, QPoint(*start))
        move(canvas, QPoint(*end), button, modifier)
        QTest.mouseRelease(canvas, button, modifier, QPoint(*end))

    def key(self, key: Qt.Key, modifier: Qt.KeyboardModifier = NONE) -> None:
        QTest.keyClick(self.canvas(self.viewer.active), key, modifier)

    def settle(self) -> None:
        canvases = [self.canvas(number) for number in self.viewer.visible]
        for canvas in canvases:
            canvas.repaint()
        self.qtbot.waitUntil(lambda: all(canvas.is_settled for canvas in canvases), timeout=3000)
        for canvas in canvases:
            canvas.repaint()

    def pixels(self, pane: int = 0) -> NDArray[np.uint8]:
        self.settle()
        return as_array(self.canvas(pane).grab().toImage())


def move(canvas: QWidget, to: QPoint, button: Qt.MouseButton, modifier: Qt.KeyboardModifier) -> None:
    """A move with a button down, which QTest.mouseMove does not send."""
    from PySide6.QtGui import QMouseEvent

    event = QMouseEvent(
        QMouseEvent.Type.MouseMove,
        QPointF(to),
        QPointF(canvas.mapToGlobal(to)),
        Qt.MouseButton.NoButton,
        button,
        modifier,
    )
    QCoreApplication.sendEvent(canvas, event)


def wheel(canvas: QWidget, at: QPoint, notches: int, modifier: Qt.KeyboardModifier = NONE) -> None:
    event = QWheelEvent(
        QPointF(at),
        QPointF(canvas.mapToGlobal(at)),
        QPoint(),
        QPoint(0, 120 * notches),
        Qt.MouseButton.NoButton,
        modifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QCoreApplication.sendEvent(canvas, event)


def as_array(image: QImage) -> NDArray[np.uint8]:
    rgb = image.convertToFormat(QImage.Format.Format_RGB888)
    flat = np.frombuffer(rgb.constBits(), np.uint8).reshape(rgb.height(), rgb.bytesPerLine())
    return flat[:, : 3 * rgb.width()].reshape(rgb.height(), rgb.width(), 3).copy()


@pytest.fixture
def show(qtbot: Any) -> Iterator[Any]:
    screens: list[Screen] = []

    def build(*loaded: LoadedSeries) -> Screen:
        screens.append(Screen(qtbot, *loaded))
        return screens[-1]

    yield build
    for screen in screens:
        screen.lanes.close()


def index(screen: Screen, pane: int = 0) -> int:
    shown = screen.viewer.panes[pane].shown
    assert shown is not None
    return shown.index


def window(screen: Screen, pane: int = 0) -> VoiWindow:
    shown = screen.viewer.panes[pane].shown
    assert shown is not None
    assert isinstance(shown.plan.voi, VoiWindow)
    return shown.plan.voi


def test_the_image_on_screen_is_the_pipelines_pixel_for_pixel(show: Any) -> None:
    film = cases.film()
    screen = show(film)
    screen.open(film)
    screen.viewer.perform("view.corner_text")
    view = screen.viewer.view(0)
    assert view.plan is not None
    assert view.viewport is not None
    wanted = viewport.draw(view.plan, view.viewport, interactive=False)
    seen = screen.pixels(0)
    # Away from the edge of the active pane and the letters.
    inside = np.s_[40:200, 40:360]
    assert np.array_equal(seen[inside][..., 0], wanted[inside])
    assert np.array_equal(seen[inside][..., 0], seen[inside][..., 2])


def test_dragging_right_widens_and_down_raises_the_centre(show: Any) -> None:
    film = cases.film()
    screen = show(film)
    screen.open(film)
    screen.drag((100, 100), (200, 160))
    # The series spans 1000 and 1024 px cross it, so a pixel is nearly one.
    assert (window(screen).width, window(screen).center) == (1098, 559)


def test_shift_is_fine_and_ctrl_is_coarse_and_the_right_button_windows_with_any_tool(show: Any) -> None:
    film = cases.film()
    screen = show(film)
    screen.open(film)
    widths = []
    screen.viewer.perform("tool.pan")
    for modifier in (NONE, SHIFT, CTRL):
        screen.viewer.perform("view.preset_1")
        screen.drag((100, 100), (200, 100), RIGHT, modifier)
        widths.append(window(screen).width - 1000)
    assert widths == [98, 20, 488]


def test_the_left_button_pans_with_the_pan_tool_and_the_middle_one_always(show: Any) -> None:
    film = cases.film()
    screen = show(film)
    screen.open(film)
    screen.drag((100, 100), (130, 90), MIDDLE)
    assert screen.viewer.panes[0].display.pan == (30, -10)
    screen.key(Qt.Key.Key_P)
    screen.drag((100, 100), (110, 100))
    assert screen.viewer.panes[0].display.pan == (40, -10)


@pytest.mark.parametrize("notches", [1, 3, -2])
def test_ctrl_and_wheel_zoom_about_the_cursor(show: Any, notches: int) -> None:
    film = cases.film()
    screen = show(film)
    screen.open(film)
    at = QPoint(150, 180)
    before = screen.viewer.view(0).transform
    wheel(screen.canvas(), at, notches, CTRL)
    after = screen.viewer.view(0).transform
    assert (after.scale > before.scale) == (notches > 0)
    # The place under the cursor stays there, to the pixel.
    row, column = before.to_source(at.x(), at.y())
    assert after.to_screen(row, column) == pytest.approx((at.x(), at.y()), abs=1.0)


def test_the_wheel_turned_towards_the_reader_goes_on_in_the_series(show: Any) -> None:
    scan = cases.scan()
    screen = show(scan)
    screen.open(scan)
    wheel(screen.canvas(), QPoint(50, 50), -5)
    assert index(screen) == 5
    wheel(screen.canvas(), QPoint(50, 50), 2)
    assert index(screen) == 3
    wheel(screen.canvas(), QPoint(50, 50), 9)
    assert index(screen) == 0


def test_keys_scroll_turn_and_window_the_active_pane(show: Any) -> None:
    scan = cases.scan(count=25)
    screen = show(scan)
    screen.open(scan)
    for key in (Qt.Key.Key_Home, Qt.Key.Key_Down, Qt.Key.Key_PageDown, Qt.Key.Key_Up):
        screen.key(key)
    assert index(screen) == 10
    screen.key(Qt.Key.Key_End)
    assert index(screen) == 24
    screen.key(Qt.Key.Key_I)
    screen.key(Qt.Key.Key_H)
    screen.key(Qt.Key.Key_Period)
    display = screen.viewer.panes[0].display
    assert display.invert
    assert display.turn.flip_horizontal
    assert display.turn.quarters != 0
    screen.key(Qt.Key.Key_2)
    assert (window(screen).center, window(screen).width) == (40, 80)
    screen.key(Qt.Key.Key_Equal)
    assert screen.viewer.view(0).transform.scale == 1.0
    screen.key(Qt.Key.Key_0)
    assert screen.viewer.panes[0].display.zoom is None


def test_tab_goes_round_the_panes_and_the_keyboard_follows(show: Any) -> None:
    film = cases.film()
    screen = show(film)
    screen.open(film)
    screen.key(Qt.Key.Key_Tab)
    assert screen.viewer.active == 1
    assert screen.canvas(1).hasFocus()
    screen.key(Qt.Key.Key_Tab)
    assert screen.viewer.active == 0


def test_a_click_makes_a_pane_active_and_gives_it_the_edge(show: Any) -> None:
    film = cases.film()
    screen = show(film)
    screen.open(film)
    QTest.mouseClick(screen.canvas(1), LEFT, NONE, QPoint(50, 50))
    assert screen.viewer.active == 1
    accent = (0x6C, 0xB0, 0xDC)
    edges = [tuple(int(c) for c in screen.pixels(n)[250, 0]) for n in (0, 1)]
    assert [edge == accent for edge in edges] == [False, True]


def test_a_double_click_fills_the_grid_with_a_pane_and_another_brings_all_back(show: Any) -> None:
    film = cases.film()
    screen = show(film)
    screen.open(film)
    before = screen.canvas(0).width()
    QTest.mouseDClick(screen.canvas(1), LEFT, NONE, QPoint(50, 50))
    QApplication.processEvents()
    assert not screen.grid.panes[0].isVisible()
    assert screen.canvas(1).width() == screen.grid.width()
    QTest.mouseDClick(screen.canvas(1), LEFT, NONE, QPoint(50, 50))
    QApplication.processEvents()
    assert screen.grid.panes[0].isVisible()
    assert screen.canvas(0).width() == before


def test_a_length_on_a_film_without_spacing_is_in_pixels_and_with_spacing_in_millimetres(
    show: Any,
) -> None:
    film, scan = cases.film(), cases.scan()
    screen = show(film, scan)
    screen.open(film)
    screen.key(Qt.Key.Key_L)
    view = screen.viewer.view(0).transform
    start, end = (round(c) for c in view.to_screen(10, 10)), (round(c) for c in view.to_screen(10, 50))
    screen.drag(tuple(start), tuple(end))
    (length,) = screen.viewer.marks_on(0)
    assert length.lines == ("40 px",)
    # The same image on the other pane carries the same measurement.
    assert screen.viewer.marks_on(1) == (length,)
    screen.open(scan)
    view = screen.viewer.view(0).transform
    start, end = (round(c) for c in view.to_screen(5, 5)), (round(c) for c in view.to_screen(5, 25))
    screen.drag(tuple(start), tuple(end))
    (drawn,) = screen.viewer.view(0).marks
    assert drawn.lines[0].endswith(" mm")
    assert float(drawn.lines[0].removesuffix(" mm")) == pytest.approx(20, abs=0.2)


def test_escape_and_a_click_leave_no_measurement_and_delete_takes_the_last_away(show: Any) -> None:
    film = cases.film()
    screen = show(film)
    screen.open(film)
    screen.viewer.perform("tool.length")
    canvas = screen.canvas()
    QTest.mouseClick(canvas, LEFT, NONE, QPoint(100, 100))
    assert screen.viewer.marks_on(0) == ()
    QTest.mousePress(canvas, LEFT, NONE, QPoint(100, 100))
    move(canvas, QPoint(200, 200), LEFT, NONE)
    screen.key(Qt.Key.Key_Escape)
    QTest.mouseRelease(canvas, LEFT, NONE, QPoint(200, 200))
    assert screen.viewer.marks_on(0) == ()
    screen.drag((100, 100), (200, 200))
    screen.drag((100, 300), (200, 300))
    screen.key(Qt.Key.Key_Delete)
    assert len(screen.viewer.marks_on(0)) == 1


def test_an_end_of_a_line_can_be_taken_hold_of_and_moved(show: Any) -> None:
    film = cases.film()
    screen = show(film)
    screen.open(film)
    screen.viewer.perform("tool.length")
    screen.drag((100, 100), (200, 100))
    screen.drag((203, 98), (250, 100))
    (length,) = screen.viewer.marks_on(0)
    view = screen.viewer.view(0).transform
    assert view.to_screen(*length.points[1]) == pytest.approx((250, 100), abs=0.01)


def test_escape_puts_a_window_drag_back(show: Any) -> None:
    film = cases.film()
    screen = show(film)
    screen.open(film)
    QTest.mousePress(screen.canvas(), LEFT, NONE, QPoint(100, 100))
    move(screen.canvas(), QPoint(300, 100), LEFT, NONE)
    assert window(screen).width > 1000
    screen.key(Qt.Key.Key_Escape)
    assert window(screen) == VoiWindow(500, 1000)


def test_width_and_centre_of_a_window_drag_change_places_and_back(show: Any) -> None:
    film = cases.film()
    screen = show(film)
    screen.open(film)
    before = window(screen)
    screen.key(Qt.Key.Key_X)
    screen.drag((100, 100), (200, 100))
    across = window(screen)
    assert across.width == before.width
    assert across.center > before.center
    screen.drag((100, 100), (100, 200))
    assert window(screen).width > across.width
    assert window(screen).center == across.center
    screen.key(Qt.Key.Key_X)
    screen.drag((100, 100), (200, 100))
    assert window(screen).center == across.center


def test_the_rail_is_slid_to_a_slice(show: Any) -> None:
    scan = cases.scan(count=11)
    screen = show(scan)
    screen.open(scan)
    canvas = screen.canvas()
    bottom = QPoint(canvas.width() - 12, canvas.height() - 48)
    QTest.mousePress(canvas, LEFT, NONE, bottom)
    assert index(screen) == 10
    move(canvas, QPoint(canvas.width() - 12, canvas.height() // 2), LEFT, NONE)
    QTest.mouseRelease(canvas, LEFT, NONE, bottom)
    assert index(screen) == 5
    assert screen.viewer.panes[0].display.voi is None


def test_the_magnifier_enlarges_what_is_under_the_cursor_while_the_button_is_down(show: Any) -> None:
    film = cases.film(rows=400, columns=320)
    screen = show(film)
    screen.open(film)
    screen.viewer.perform("tool.magnifier")
    lens = screen.grid.panes[0]._hand.lens((210.0, 190.0))
    before = screen.viewer.view(0).transform
    inside = viewport.transform(lens.plan.frame, lens.viewport)
    assert inside.scale == pytest.approx(2.5 * before.scale, rel=0.01)
    middle = inside.to_source(lens.viewport.width / 2, lens.viewport.height / 2)
    assert middle == pytest.approx(before.to_source(210, 190), abs=1)
    plain = screen.pixels(0)
    QTest.mousePress(screen.canvas(), LEFT, NONE, QPoint(210, 190))
    assert not np.array_equal(screen.pixels(0), plain)
    QTest.mouseRelease(screen.canvas(), LEFT, NONE, QPoint(210, 190))
    assert np.array_equal(screen.pixels(0), plain)


def test_the_crosshair_is_dragged_to_a_voxel(show: Any) -> None:
    brain = cases.brain()
    screen = show(brain)
    screen.open(brain)
    assert screen.viewer.tool is Tool.CROSSHAIR
    view = screen.viewer.view(0).transform
    x, y = view.to_screen(9, 4)
    QTest.mouseClick(screen.canvas(0), LEFT, NONE, QPoint(round(x), round(y)))
    coronal, sagittal = (screen.viewer.panes[n].shown.frame.geometry for n in (1, 2))
    assert (coronal.origin_lps_mm[1], sagittal.origin_lps_mm[0]) == (9.0, 4.0)


def test_the_probe_reads_the_pixel_under_the_cursor(show: Any) -> None:
    scan = cases.scan()
    screen = show(scan)
    screen.open(scan)
    screen.key(Qt.Key.Key_B)
    view = screen.viewer.view(0).transform
    x, y = view.to_screen(20, 13)
    lines = screen.grid.panes[0]._hand.probe((x, y))
    value = int(screen.viewer.panes[0].shown.frame.stored[20, 13])
    assert lines[:3] == ("Column 13  row 20", f"Stored {value}", f"Value {value} HU")
    assert screen.grid.panes[0]._hand.probe((-500.0, -500.0)) == ()


def test_the_attention_map_lies_where_the_network_looked_and_leaves_the_rest_untouched(
    show: Any,
) -> None:
    film = cases.film()
    screen = show(film)
    screen.open(film)
    before = [screen.pixels(n) for n in (0, 1)]
    screen.viewer.show_attention("Pneumonia", cases.heat(film))
    after = [screen.pixels(n) for n in (0, 1)]
    view = screen.viewer.view(1).transform
    assert np.array_equal(before[0], after[0])
    looked = tuple(round(c) for c in view.to_screen(10, 10))
    away = tuple(round(c) for c in view.to_screen(40, 70))
    red, _, blue = (int(c) for c in after[1][looked[1], looked[0]])
    assert red > blue
    assert red > int(before[1][looked[1], looked[0]][0])
    assert np.array_equal(after[1][away[1], away[0]], before[1][away[1], away[0]])
    screen.key(Qt.Key.Key_O)
    assert np.array_equal(screen.pixels(1), before[1])


def test_the_map_turns_with_the_image(show: Any) -> None:
    film = cases.film()
    screen = show(film)
    screen.open(film)
    screen.viewer.show_attention("Pneumonia", cases.heat(film))
    screen.viewer.perform("view.flip_h")
    screen.viewer.perform("view.rotate_right")
    view = screen.viewer.view(1).transform
    x, y = (round(c) for c in view.to_screen(10, 10))
    red, _, blue = (int(c) for c in screen.pixels(1)[y, x])
    assert red > blue + 30


def test_the_colour_bar_stands_on_the_layered_pane_alone_and_takes_threshold_and_opacity(
    show: Any,
) -> None:
    film = cases.film()
    screen = show(film)
    screen.open(film)
    screen.viewer.show_attention("Pneumonia", cases.heat(film))
    cards = [screen.grid.panes[n].card for n in (0, 1)]
    assert [card.isVisible() for card in cards] == [False, True]
    assert "Model attention, Pneumonia" in cards[1].accessibleName()
    QTest.mouseClick(cards[1], LEFT, NONE, QPoint(cards[1].width() // 2, 32))
    assert screen.viewer.overlay.threshold == pytest.approx(0.5, abs=0.01)
    cards[1].setFocus()
    QTest.keyClick(cards[1], Qt.Key.Key_Down)
    assert screen.viewer.overlay.opacity == pytest.approx(0.53)


def test_a_series_dropped_from_the_worklist_names_its_pane_and_files_are_left_alone(
    show: Any, qtbot: Any
) -> None:
    film = cases.film()
    screen = show(film)
    screen.open(film)
    canvas = screen.canvas(1)
    data = QMimeData()
    data.setData(SERIES_MIME, b"study-7\n1.2.3")
    actions, at = Qt.DropAction.CopyAction, QPoint(20, 20)
    enter = QDragEnterEvent(at, actions, data, LEFT, NONE)
    QCoreApplication.sendEvent(canvas, enter)
    assert enter.isAccepted()
    with qtbot.waitSignal(screen.grid.seriesDropped) as caught:
        QCoreApplication.sendEvent(canvas, QDropEvent(QPointF(at), actions, data, LEFT, NONE))
    assert caught.args == [1, "study-7", "1.2.3"]
    files = QMimeData()
    files.setText("file:///somewhere")
    enter = QDragEnterEvent(at, actions, files, LEFT, NONE)
    canvas.dragEnterEvent(enter)
    assert not enter.isAccepted()


def test_no_pane_speaks_the_patients_name_to_a_screen_reader(show: Any) -> None:
    film = cases.film()
    screen = show(film)
    screen.open(film)
    names = [screen.canvas(n).accessibleName() for n in (0, 1)]
    assert all(name.startswith(f"Image pane {n + 1}, Chest PA") for n, name in enumerate(names))
    assert not any("Larsen" in name for name in names)


def test_after_moving_the_image_settles_on_the_careful_interpolation(show: Any) -> None:
    film = cases.film()
    screen = show(film)
    screen.open(film)
    canvas = screen.canvas()
    screen.settle()
    for notch in range(4):
        wheel(canvas, QPoint(120 + notch, 150), 1, CTRL)
        canvas.repaint()
    assert not canvas.is_settled
    view = screen.viewer.view(0)
    screen.viewer.perform("view.corner_text")
    wanted = viewport.draw(view.plan, view.viewport, interactive=False)
    seen = screen.pixels(0)
    inside = np.s_[40:200, 40:360]
    assert np.array_equal(seen[inside][..., 0], wanted[inside])


def test_a_key_image_is_the_plain_picture_and_the_one_with_attention(show: Any) -> None:
    film = cases.film()
    screen = show(film)
    screen.open(film)
    screen.viewer.show_attention("Pneumonia", cases.heat(film))
    made = key_image(screen.viewer.snapshot())
    plain, layered = (as_array(QImage.fromData(png)) for png in (made.png, made.overlay_png))
    assert plain.shape == layered.shape == (1000, 800, 3)
    # Grey but for the letters, which keep their colour.
    assert np.array_equal(plain[100:400, 100:700, 0], plain[100:400, 100:700, 2])
    assert (layered[100:400, 100:300, 0].astype(int) - layered[100:400, 100:300, 2]).max() > 60
    assert np.array_equal(plain[600:900, 500:700], layered[600:900, 500:700])
    assert made.sop_instance_uid == "film.0"


def test_the_tool_bar_mirrors_the_viewer_and_asks_for_actions(show: Any, qtbot: Any) -> None:
    film = cases.film()
    screen = show(film)
    bar = ToolBar(screen.viewer)
    qtbot.addWidget(bar)
    bar.wanted.connect(screen.viewer.perform)
    screen.open(film)
    zoom = bar.findChild(QWidget, "tool.zoom")
    QTest.mouseClick(zoom, LEFT)
    assert screen.viewer.tool is Tool.ZOOM
    assert zoom.isChecked()
    QTest.mouseClick(zoom, LEFT)
    assert zoom.isChecked()
    screen.key(Qt.Key.Key_W)
    assert not zoom.isChecked()
    assert "(Z)" in zoom.toolTip()
    assert all(button.accessibleName() for button in bar._tools.values())


def test_a_narrow_tool_bar_keeps_the_tools_used_most_and_a_menu(show: Any, qtbot: Any) -> None:
    screen = show()
    bar = ToolBar(screen.viewer)
    qtbot.addWidget(bar)
    bar.show()
    bar.resize(bar.sizeHint())
    QApplication.processEvents()
    assert bar._tools["tool.probe"].isVisible()
    bar.resize(bar.minimumSizeHint())
    QApplication.processEvents()
    kept = {name for name, button in bar._tools.items() if button.isVisible()}
    assert kept == {"tool.window", "tool.pan", "tool.zoom", "tool.scroll", "tool.length"}
    bar._more.menu().aboutToShow.emit()
    assert any("Probe" in action.text() for action in bar._more.menu().actions())
    # A tool without a button of its own is still seen to be in hand.
    assert not bar._more.isChecked()
    screen.viewer.set_tool(Tool.PROBE)
    assert bar._more.isChecked()
    assert "Probe in hand" in bar._more.accessibleName()
    screen.viewer.set_tool(Tool.COBB)
    bar.resize(bar.sizeHint())
    QApplication.processEvents()
    assert "Cobb angle in hand" in bar._more.accessibleName()
    screen.viewer.set_tool(Tool.PROBE)
    assert not bar._more.isChecked()
