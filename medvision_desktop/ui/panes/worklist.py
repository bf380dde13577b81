"""The worklist: search, order, studies with their states; narrow, it is a rail of thumbnails."""

from __future__ import annotations

import itertools
from functools import partial

from PySide6.QtCore import QModelIndex, QSize, Qt, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QSizePolicy, QStackedWidget, QVBoxLayout, QWidget

from medvision_desktop.ui.theme import icons
from medvision_desktop.ui.theme.tokens import M, T
from medvision_desktop.ui.viewmodels.worklist import WorklistModel
from medvision_desktop.ui.viewmodels.worklist_items import WorklistItem
from medvision_desktop.ui.widgets.button import Button
from medvision_desktop.ui.widgets.empty_state import EmptyState
from medvision_desktop.ui.widgets.icon_button import IconButton
from medvision_desktop.ui.widgets.panel_head import PanelHead
from medvision_desktop.ui.widgets.search_field import SearchField
from medvision_desktop.ui.widgets.study_list import StudyList
from medvision_desktop.ui.widgets.text import label
from medvision_desktop.ui.widgets.worklist_menu import SortButton, WorklistMenu


class WorklistPane(QFrame):
    """`actionAsked` carries the id of an action of the table. `head` is the handle of its dock."""

    actionAsked = Signal(str)
    layerWanted = Signal(str, str)

    def __init__(self, model: WorklistModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("worklist")
        self.setStyleSheet(f"QFrame#worklist {{ background: {T.bg1}; }}")
        self.setAccessibleName("Studies")
        self._model = model
        self._rail = False
        self._peeking = False
        self.head = self._make_head()
        self.search = SearchField("Name, ID, date or modality", "/")
        self.search.textChanged.connect(model.set_search)
        self.list = StudyList(model)
        self.list.picked.connect(self._pick)
        self.list.layerWanted.connect(self.layerWanted)
        self.search.left.connect(self._to_list)
        self.search.abandoned.connect(self._end_peeking)
        self.sort = SortButton(model)
        self.unread = Button("Unread", size="tiny")
        self.unread.setCheckable(True)
        self.unread.setToolTip("Show only studies that nobody has read")
        self.unread.toggled.connect(model.set_only_unread)
        self._no_match, self._nothing = self._make_empty_states()
        self._pages = QStackedWidget()
        for page in (self.list, self._no_match, self._nothing):
            self._pages.addWidget(page)
        self._top = self._make_top()
        self._foot = self._make_foot()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self._top)
        layout.addWidget(self._pages, 1)
        layout.addWidget(self._foot)
        slash = QShortcut(QKeySequence("/"), self, context=Qt.ShortcutContext.WindowShortcut)
        slash.activated.connect(self.start_search)
        model.changed.connect(self._refresh)
        model.rowsChanged.connect(self._count)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        self._set_widths()
        self._refresh()

    def order_tabs(self) -> None:
        """The keyboard goes through the head first. For when the head is in the window, too."""
        for one, other in itertools.pairwise((self.open_button, self.more_button, self.search)):
            QWidget.setTabOrder(one, other)

    @property
    def is_rail(self) -> bool:
        """Whether it is collapsed to thumbnails."""
        return self._rail

    def set_rail(self, rail: bool) -> None:
        """Collapse to the rail of thumbnails, or come back."""
        self._peeking = False
        if rail is self._rail:
            return
        self._rail = rail
        self.list.set_rail(rail)
        self._set_widths()
        self._refresh()

    def start_search(self) -> None:
        """Put the caret into the search field. A rail opens until a study is picked or Esc is pressed."""
        peeking = self._rail or self._peeking
        self.set_rail(False)
        self._peeking = peeking
        self.search.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.search.selectAll()

    def sizeHint(self) -> QSize:
        """288 wide, or the rail."""
        return QSize(M.rail if self._rail else M.worklist, 600)

    def _make_head(self) -> PanelHead:
        head = PanelHead()
        self._title = label("Studies", "title")
        self._number = label("", "body", "t2")
        self.open_button = IconButton("folder-open", "Open files or a folder", key="Ctrl+O")
        self.more_button = IconButton("ellipsis", "More about the list")
        menu = WorklistMenu(self._model, self.more_button)
        menu.actionAsked.connect(self.actionAsked)
        self.more_button.setPopupMode(IconButton.ToolButtonPopupMode.InstantPopup)
        self.more_button.setMenu(menu)
        self.open_button.clicked.connect(partial(self.actionAsked.emit, "file.open"))
        head.row.addWidget(self._title)
        head.row.addWidget(self._number)
        head.row.addStretch(1)
        head.row.addWidget(self.open_button)
        head.row.addWidget(self.more_button)
        return head

    def _make_top(self) -> QWidget:
        top = QWidget()
        column = QVBoxLayout(top)
        column.setContentsMargins(M.pad_left, 4, M.pad_right + 1, 10)
        column.setSpacing(8)
        column.addWidget(self.search)
        self._order = QWidget()
        row = QHBoxLayout(self._order)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(2)
        row.addWidget(label("Sort", "caption", "t3"), 0, Qt.AlignmentFlag.AlignVCenter)
        row.addWidget(self.sort, 0, Qt.AlignmentFlag.AlignVCenter)
        row.addStretch(1)
        row.addWidget(self.unread)
        column.addWidget(self._order)
        return top

    def _make_foot(self) -> QWidget:
        foot = QWidget()
        column = QVBoxLayout(foot)
        column.setContentsMargins(M.pad_left, 10, M.pad_right, 12)
        column.setSpacing(8)
        self._sample_words = label(
            "Samples leave with one click and never mix with your own studies.", "caption", "t3", wrap=True
        )
        self.remove_samples = Button("Remove samples", "x", size="small")
        self.remove_samples.clicked.connect(partial(self.actionAsked.emit, "file.remove_samples"))
        self._hint = QWidget()
        row = QHBoxLayout(self._hint)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        glyph = QLabel()
        glyph.setPixmap(icons.pixmap("upload", T.t3, M.chip_icon, 2.0, self.devicePixelRatioF()))
        row.addWidget(glyph)
        row.addWidget(label("Drop a folder, files, a zip or a DICOMDIR", "caption", "t3", wrap=True), 1)
        column.addWidget(self._sample_words)
        column.addWidget(self.remove_samples, 0, Qt.AlignmentFlag.AlignLeft)
        column.addWidget(self._hint)
        return foot

    def _make_empty_states(self) -> tuple[EmptyState, EmptyState]:
        self.show_wider = Button("Show them")
        self.show_wider.clicked.connect(lambda: self.search.setText(self._model.wider_search[0]))
        self.clear_search = Button("Clear search", key="Esc", kind="quiet")
        self.clear_search.clicked.connect(self._clear_search)
        no_match = EmptyState("inbox", buttons=(self.show_wider, self.clear_search), stacked=True)
        open_files = Button("Open files", "file-plus", key="Ctrl O", kind="primary")
        open_files.clicked.connect(partial(self.actionAsked.emit, "file.open"))
        samples = Button("Show samples", "images", kind="quiet")
        samples.clicked.connect(partial(self.actionAsked.emit, "file.samples"))
        nothing = EmptyState("inbox", buttons=(open_files, samples), stacked=True)
        nothing.say("No studies yet", "Open your own images, or look at the samples.")
        return no_match, nothing

    def _refresh(self) -> None:
        rows, shown = self._model.studies, self._model.shown
        own = any(not row.study.is_sample for row in rows)
        samples = any(row.study.is_sample for row in rows)
        wide = not self._rail
        for part in (self._title, self._number, self.more_button, self._top, self._foot):
            part.setVisible(wide)
        self._order.setVisible(own)
        self._sample_words.setVisible(samples)
        self.remove_samples.setVisible(samples)
        self._hint.setVisible(not samples)
        if self.search.text().strip() != self._model.search:
            self.search.setText(self._model.search)
        if shown or self._rail:
            self._pages.setCurrentWidget(self.list)
        elif not rows:
            self._pages.setCurrentWidget(self._nothing)
        else:
            self._say_no_match()
            self._pages.setCurrentWidget(self._no_match)
        self._count()

    def _count(self) -> None:
        rows, shown = self._model.studies, self._model.shown
        only_samples = bool(rows) and all(row.study.is_sample for row in rows)
        noun = ("sample" if len(rows) == 1 else "samples") if only_samples else ""
        total = f"{len(rows)} {noun}".strip()
        self._number.setText(total if len(shown) == len(rows) else f"{len(shown)} of {total}")
        self.unread.setText(f"Unread {self._model.unread_count}")
        self.unread.setAccessibleName(f"Only unread, {self._model.unread_count}")

    def _say_no_match(self) -> None:
        search = self._model.search
        wider, count = self._model.wider_search
        self.show_wider.setVisible(bool(wider))
        self.show_wider.setText("Show it" if count == 1 else "Show them")
        self.clear_search.setVisible(bool(search))
        if not search:
            self._no_match.say("Nothing unread", "Every study here has been read.")
            return
        found = f"1 study matches “{wider}”." if count == 1 else f"{count} studies match “{wider}”."
        self._no_match.say(f"No study matches “{search}”", found if wider else "")

    def _clear_search(self) -> None:
        self.search.clear()
        self.search.setFocus(Qt.FocusReason.OtherFocusReason)

    def _to_list(self) -> None:
        self.list.setFocus(Qt.FocusReason.TabFocusReason)
        if not self.list.currentIndex().isValid():
            self.list.setCurrentIndex(self.list.model().index(0, 0))

    def _pick(self, index: QModelIndex) -> None:
        item: WorklistItem = self.list.items.item(index)
        if item.prior is not None:
            self._model.pick_prior(item.row.key, item.prior.study.key)
        else:
            self._model.select(*item.id)
        self._end_peeking()

    def _end_peeking(self) -> None:
        if self._peeking:
            self.search.clear()
            self.set_rail(True)

    def _set_widths(self) -> None:
        self.setMinimumWidth(M.rail if self._rail else M.worklist_min)
        self.setMaximumWidth(M.rail if self._rail else M.worklist_max)
        self.head.setMaximumWidth(M.rail if self._rail else M.worklist_max)
        margins = (14, 8, 14, 0) if self._rail else (M.pad_left, 8, M.pad_right - 4, 0)
        self.head.row.setContentsMargins(*margins)
        self.updateGeometry()
