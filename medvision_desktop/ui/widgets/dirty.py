"""What of a pane has to be painted again when its view changes: windowed or scrolled, not all of it."""

from __future__ import annotations

import math
from dataclasses import fields
from operator import attrgetter
from typing import Final

from PySide6.QtCore import QRect, QRectF
from PySide6.QtGui import QRegion

from medvision_desktop.domain.display import RenderPlan
from medvision_desktop.ui.viewmodels.corner_lines import CornerText
from medvision_desktop.ui.viewmodels.first_look import colour_scale
from medvision_desktop.ui.viewmodels.pane_view import PaneView
from medvision_desktop.ui.widgets import corner_text, slice_rail

_DRAWN_APART: Final = frozenset({"plan", "corner", "rail"})
# Of a plan, what is drawn within the picture, and what of it is said in the corners.
_WITHIN: Final = frozenset({"frame", "voi", "source", "inverted", "badges", "shutter", "overlays"})
# Marks of images stand beside the rail.
_BESIDE: Final = 16
_look: Final = attrgetter(*(field.name for field in fields(RenderPlan) if field.name not in _WITHIN))
_fixed: Final = attrgetter(*(field.name for field in fields(PaneView) if field.name not in _DRAWN_APART))


def region(
    before: PaneView, after: PaneView, pane: QRect, image: tuple[slice, slice] | None, ratio: float
) -> QRegion | None:
    """What is to be painted; None for all of it.

    Only the window, the image (another one in the same place), the words of the corners and the rail may
    differ for less. `image`: where in the pane the picture lies, in device pixels (rows, columns).
    """
    if image is None or before.plan is None or after.plan is None:
        return None
    # Tuples compare what is not the very same object, and stop at the first difference.
    if _look(before.plan) != _look(after.plan) or _fixed(before) != _fixed(after):
        return None
    if before.plan.frame.stored.shape != after.plan.frame.stored.shape:
        return None
    if colour_scale(after.plan) is not None:
        return None  # its ends are the window's
    if len(before.corner.bottom_right) != len(after.corner.bottom_right):
        return None  # the scale bar stands above it
    found = QRegion(_logical(image, ratio))
    if before.rail != after.rail:
        if before.rail is None or after.rail is None:
            return None  # words make room for it
        found = found.united(slice_rail.grip(QRectF(pane)).toAlignedRect().adjusted(-_BESIDE, 0, 0, 0))
    for corner in _corners(before.corner, after.corner, pane):
        found = found.united(corner)
    return found


def _logical(image: tuple[slice, slice], ratio: float) -> QRect:
    rows, columns = image
    top, left = math.floor(rows.start / ratio), math.floor(columns.start / ratio)
    bottom, right = math.ceil(rows.stop / ratio), math.ceil(columns.stop / ratio)
    return QRect(left, top, right - left, bottom - top)


def _corners(before: CornerText, after: CornerText, pane: QRect) -> list[QRect]:
    """A corner whose words differ: as wide as half of the pane, as high as its lines and one more."""
    found = []
    for field in fields(CornerText):
        old, new = getattr(before, field.name), getattr(after, field.name)
        if old == new:
            continue
        high = corner_text.INSET + corner_text.LINE * (max(len(old), len(new)) + 1)
        top = pane.top() if field.name.startswith("top") else pane.bottom() + 1 - high
        half = pane.width() // 2 + 1
        left = pane.left() if field.name.endswith("left") else pane.right() + 1 - half
        found.append(QRect(left, top, half, high))
    return found
