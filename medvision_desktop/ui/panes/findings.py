"""The findings panel: model card, sections of findings, what the gate said, and the disclaimer."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QMenu, QScrollArea, QVBoxLayout, QWidget

from medvision_desktop.domain.findings import GateCheck
from medvision_desktop.ui.actions import key_text
from medvision_desktop.ui.theme import icons
from medvision_desktop.ui.theme.tokens import M, T
from medvision_desktop.ui.viewmodels import words
from medvision_desktop.ui.viewmodels.finding_rows import Row, RowState, RunState, Section
from medvision_desktop.ui.viewmodels.findings import FindingsModel
from medvision_desktop.ui.widgets.attention_sliders import AttentionSliders, open_below
from medvision_desktop.ui.widgets.button import Button
from medvision_desktop.ui.widgets.channel_list import ChannelList
from medvision_desktop.ui.widgets.check_list import CheckLine, CheckList
from medvision_desktop.ui.widgets.empty_state import EmptyState
from medvision_desktop.ui.widgets.finding_list import FindingList
from medvision_desktop.ui.widgets.gate_card import GateCard
from medvision_desktop.ui.widgets.icon_button import IconButton
from medvision_desktop.ui.widgets.model_card import ModelCard
from medvision_desktop.ui.widgets.panel_head import PanelHead
from medvision_desktop.ui.widgets.section_head import SectionHead
from medvision_desktop.ui.widgets.text import label

DISCLAIMER: Final = "Suggestion: the radiologist decides."
_USUAL_ROWS: Final = 6
_LIMITS: Final = "Research use only; not a medical device."


class FindingsPane(QFrame):
    """Composes widgets over a `FindingsModel`. `reportWanted` and `viewerWanted` go to the window.

    `head` stands at the top, and is the handle of a dock that takes it.
    """

    reportWanted = Signal()
    viewerWanted = Signal()

    def __init__(self, model: FindingsModel) -> None:
        super().__init__()
        self._model = model
        self._read_without: set[str] = set()
        self._map_name = words.map_name("")
        self.setObjectName("findingsPane")
        self.setStyleSheet(
            f"QFrame#findingsPane {{ background: {T.bg1}; border: none; border-left: 1px solid {T.line}; }}"
        )
        self.setMinimumWidth(M.findings_min)
        self.setMaximumWidth(M.findings_max)
        self.card = ModelCard()
        self.gate_card = GateCard()
        self.gate_head = SectionHead("Input gate")
        self.gate_checks = CheckList()
        self.list = FindingList()
        self.channels = ChannelList()
        self.start = Button("Run AI", "sparkles", key=key_text("ai.run"), kind="ai")
        self.stop = Button("Stop", "x", key=key_text("ai.cancel"), kind="quiet")
        self.empty = EmptyState("sparkles")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        self.head = self._head()
        layout.addWidget(self.head)
        self._card_row = _inset(self.card, bottom=8)
        layout.addWidget(self._card_row)
        layout.addWidget(self.channels)
        self._scroll = self._scrolled()
        layout.addWidget(self._scroll, 1)
        layout.addWidget(self._foot())
        layout.addWidget(_disclaimer())
        self.setFocusProxy(self.list)
        self._connect()
        self.refresh()

    def prepare(self) -> None:
        """Make the rows of a usual study before there is one."""
        self.list.keep_spare(_USUAL_ROWS, Row("", "", RowState.NOT_RUN, Section.ABOVE))

    def refresh(self) -> None:
        """Show what the model says now."""
        model = self._model
        facts, analysis, state = model.facts, model.analysis, model.run_state
        has_study = model.study is not None
        self.empty.setVisible(not has_study)
        self._card_row.setVisible(has_study)
        name = facts.name if analysis is None else analysis.model.name
        version = facts.version if analysis is None else analysis.model.version
        self.card.show_model(name, version, state, model.fraction)
        self.card.show_facts(model.card_rows)
        self.card.show_doubts(model.doubts)
        self.card.show_limits(_LIMITS)
        self.card.setToolTip("" if state is RunState.NO_MODEL else facts.intended_use)
        self.channels.show_lines(model.channel_lines)
        self.list.show_rows(model.rows, model.selected, model.saving)
        self._show_gate(state)
        self._show_buttons(state, has_study=has_study)

    def show_selection(self) -> None:
        """Mark the selected row."""
        self.list.select(self._model.selected)

    def focus_list(self) -> None:
        """Give the keyboard to the list."""
        self.list.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def row_top(self, key: str) -> int:
        """Where a row begins, in pixels from the top of the window; the list's top for an unknown key."""
        shown = next((row for row in self.list.rows if row.row.key == key), None)
        return (shown or self.list).mapTo(self.window(), QPoint(0, 0)).y()

    def showEvent(self, event: QShowEvent) -> None:
        """The first look after being hidden is a fresh one."""
        super().showEvent(event)
        self.refresh()

    def _connect(self) -> None:
        model = self._model
        model.changed.connect(self.refresh)
        model.selectionChanged.connect(self.show_selection)
        self.list.picked.connect(model.select)
        self.list.stepWanted.connect(lambda by, tour: model.step(by, show_image=tour))
        self.list.eyeWanted.connect(model.toggle_eye)
        self.list.acceptWanted.connect(model.accept_row)
        self.list.rejectWanted.connect(model.ask_reject)
        self.list.overrideWanted.connect(model.ask_override)
        self.list.selectedRowMoved.connect(lambda row: self._scroll.ensureWidgetVisible(row, 0, 8))
        self.channels.chosen.connect(model.choose_channel)
        self.start.clicked.connect(model.run_default)
        self.stop.clicked.connect(model.cancel)
        self.gate_card.readWithout.connect(self._on_read_without)
        self.gate_card.chooseModel.connect(lambda: self._open_models(self.gate_card.choose))
        self.gate_head.toggled.connect(self.gate_checks.setVisible)

    def _head(self) -> QWidget:
        head = PanelHead()
        self.hide_layer = IconButton("eye-off", "Hide model attention", key=key_text("layers.attention"))
        self.tune = IconButton("sliders-horizontal", "Opacity and threshold of the model attention")
        self.sort = IconButton(
            "arrow-down-wide-narrow", "Sort by name instead of probability", checkable=True
        )
        self.more = IconButton("ellipsis", "More")
        self.hide_layer.clicked.connect(self._model.hide_eye)
        self.tune.clicked.connect(self._open_sliders)
        self.sort.toggled.connect(self._model.sort_by_name)
        self.more.clicked.connect(self._open_menu)
        head.row.setSpacing(2)
        head.row.addWidget(label("AI findings", "title"))
        head.row.addStretch(1)
        for button in (self.hide_layer, self.tune, self.sort, self.more):
            head.row.addWidget(button)
        return head

    def _scrolled(self) -> QScrollArea:
        content = QWidget()
        self._column = QVBoxLayout(content)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(0)
        self._gate_row = _inset(self.gate_card, bottom=8)
        self._gate_block = QWidget()
        block = QVBoxLayout(self._gate_block)
        block.setContentsMargins(0, 0, 0, 4)
        block.setSpacing(0)
        block.addWidget(self.gate_head)
        block.addWidget(self.gate_checks)
        self._start_row = _inset(self.start, top=8, bottom=8)
        self._stop_row = _inset(self.stop, top=4, bottom=8)
        for part in (
            self.empty,
            self._gate_row,
            self.list,
            self._start_row,
            self._stop_row,
            self._gate_block,
        ):
            self._column.addWidget(part)
        self._column.addStretch(1)
        scroll = QScrollArea()
        scroll.setWidget(content)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        return scroll

    def _foot(self) -> QWidget:
        self.add = Button("Add a finding", "plus", key=key_text("ai.add_finding"))
        self.report = Button("Report", "file-text", key=key_text("report.open"), kind="quiet")
        self.add.clicked.connect(lambda: self._model.addWanted.emit(""))
        self.report.clicked.connect(self.reportWanted)
        foot = QWidget()
        row = QHBoxLayout(foot)
        row.setContentsMargins(M.pad_left, 12, M.pad_right, 12)
        row.addWidget(self.add)
        row.addStretch(1)
        row.addWidget(self.report)
        return foot

    def _show_gate(self, state: RunState) -> None:
        analysis = self._model.analysis
        checks = () if analysis is None or state is RunState.RUNNING else analysis.gate.checks
        refused = analysis is not None and state is RunState.REFUSED
        dismissed = self._model.study is not None and self._model.study.key in self._read_without
        self._gate_row.setVisible(refused and not dismissed)
        self._gate_block.setVisible(bool(checks))
        self.gate_head.show_count(len(checks))
        lines = [_line(check, refused=refused) for check in checks]
        self.gate_checks.show_lines(lines, left=M.pad_left, right=M.pad_right)
        if analysis is None:
            return
        if refused:
            self.gate_card.say(*words.refusal(analysis.gate))
        place = self._column.indexOf(self._gate_row) + 1 if refused else self._column.count() - 2
        if self._column.indexOf(self._gate_block) != place:
            self._column.removeWidget(self._gate_block)
            self._column.insertWidget(place, self._gate_block)

    def _show_buttons(self, state: RunState, *, has_study: bool) -> None:
        model = self._model
        can_run = has_study and model.loaded is not None and not model.facts.missing
        self._start_row.setVisible(
            has_study and state in (RunState.NOT_RUN, RunState.FAILED, RunState.ABSTAINED)
        )
        self.start.setEnabled(can_run)
        self.start.setText("Run AI again" if state in (RunState.FAILED, RunState.ABSTAINED) else "Run AI")
        self._stop_row.setVisible(state is RunState.RUNNING)
        named = next((row.map_name for row in model.rows if row.map_name), words.map_name(""))
        self._map_name = named
        self.hide_layer.rename(f"Hide {named.lower()}", key_text("layers.attention"))
        self.hide_layer.setEnabled(bool(model.eye))
        self.tune.rename(f"Opacity and threshold of the {named.lower()}")
        self.tune.setEnabled(any(row.has_map and not row.is_measured for row in model.rows))
        self.add.setEnabled(has_study)
        self.report.setEnabled(has_study)
        if not has_study:
            self.empty.say("No study is open", "Pick one from the list, or drop files into the window.")

    def _open_sliders(self) -> None:
        sliders = AttentionSliders(self, self._map_name)
        sliders.show_values(*self._model.attention)
        sliders.tuned.connect(self._model.tune_attention)
        self._model.attentionTaken.connect(sliders.show_values)
        open_below(sliders, self.tune)

    def _open_menu(self) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        again = menu.addAction(icons.icon("sparkles", T.ai), "Run AI again")
        again.setEnabled(self.start.isEnabled() and self._model.run_state is not RunState.RUNNING)
        again.triggered.connect(self._model.run_default)
        models = menu.addMenu(icons.icon("box"), "Run another model")
        self._fill_models(models)
        menu.popup(self.more.mapToGlobal(self.more.rect().bottomLeft()))

    def _open_models(self, anchor: QWidget) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._fill_models(menu)
        menu.popup(anchor.mapToGlobal(anchor.rect().bottomLeft()))

    def _fill_models(self, menu: QMenu) -> None:
        for facts in self._model.choices:
            wants = f"  {facts.wanted}" if facts.wanted else ""
            action = menu.addAction(f"{facts.title or facts.name} {facts.version}{wants}")
            action.setEnabled(not facts.missing and self._model.loaded is not None)
            action.triggered.connect(lambda _=False, name=facts.name: self._model.run(name))
        if not self._model.choices:
            menu.addAction("No model is installed").setEnabled(False)

    def _on_read_without(self) -> None:
        if self._model.study is not None:
            self._read_without.add(self._model.study.key)
        self.refresh()
        self.viewerWanted.emit()


def _line(check: GateCheck, *, refused: bool) -> CheckLine:
    """A failed check is why the model refused, or a doubt beside a result."""
    if check.passed is None:
        return CheckLine(check.name, "open", check.detail or "not checked")
    return CheckLine(check.name, "ok" if check.passed else "refused" if refused else "doubt", check.detail)


def _inset(widget: QWidget, *, top: int = 0, bottom: int = 0) -> QWidget:
    row = QWidget()
    column = QVBoxLayout(row)
    column.setContentsMargins(M.pad_left, top, M.pad_right, bottom)
    column.addWidget(widget)
    return row


def _disclaimer() -> QWidget:
    line = QFrame()
    line.setObjectName("disclaimer")
    line.setFixedHeight(M.disclaimer)
    line.setStyleSheet(
        f"QFrame#disclaimer {{ background: transparent; border: none; border-top: 1px solid {T.line}; }}"
    )
    glyph = QLabel()
    glyph.setPixmap(icons.pixmap("info", T.t3, M.chip_icon, 2.0, line.devicePixelRatioF()))
    row = QHBoxLayout(line)
    row.setContentsMargins(M.pad_left + 1, 0, M.pad_right, 0)
    row.setSpacing(0)
    row.addWidget(glyph)
    row.addSpacing(8)
    row.addWidget(label(DISCLAIMER, "caption", "t2"))
    row.addStretch(1)
    row.addWidget(label("Research use", "caption", "t3"))
    return line
