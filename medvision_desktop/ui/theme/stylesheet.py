"""The style sheet of every ordinary Qt control, made from resources/stylesheet.qss and the tokens.

Variants are chosen by dynamic properties: `kind` on buttons (primary, ai, danger, quiet) and tool
buttons (tool, text, ai, ok, reject), `density` (small, tiny) on buttons, `tone` on labels and `card`
on frames. A property that changes later needs `repolish`.
"""

from __future__ import annotations

import os
import re
from string import Template
from typing import Final

from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QApplication, QWidget

from medvision_desktop import paths
from medvision_desktop.ui.theme import fonts, icons
from medvision_desktop.ui.theme.tokens import T

_PIXELS: Final = re.compile(r"(?<![\w#])(\d+(?:\.\d+)?)px")


def apply(app: QApplication, scale: float = 1.0) -> None:
    """Dress an application: style, faces, palette and style sheet."""
    app.setStyle("Fusion")
    fonts.install(app)
    app.setPalette(palette())
    app.setStyleSheet(stylesheet(scale))


def scale_screen(percent: int) -> None:
    """Make Qt draw everything larger or smaller: type, controls, icons and drawings alike.

    Has to be called before the application object is made, and `apply` then needs no scale of its own.
    A factor that the reader set in the environment stands.
    """
    if percent != 100:
        os.environ.setdefault("QT_SCALE_FACTOR", f"{percent / 100:g}")


def repolish(widget: QWidget) -> None:
    """Make the style sheet look again at a widget whose property changed."""
    widget.style().unpolish(widget)
    widget.style().polish(widget)
    widget.update()


def stylesheet(scale: float = 1.0) -> str:
    """The style sheet with all of its measures multiplied by `scale`; hairlines stay one pixel."""
    colours = {name: value for name, value in vars(T).items() if not name.startswith("_")}
    text = Template((paths.resources() / "stylesheet.qss").read_text(encoding="utf-8")).substitute(
        colours, controls=(icons.folder() / "controls").as_posix()
    )
    return _PIXELS.sub(lambda match: _scaled(float(match[1]), scale), text)


def _scaled(pixels: float, scale: float) -> str:
    return f"{pixels:g}px" if pixels <= 1 else f"{max(1, round(pixels * scale))}px"


def palette() -> QPalette:
    """The palette behind the style sheet, for what paints itself."""
    result = QPalette()
    roles = {
        QPalette.ColorRole.Window: T.bg1,
        QPalette.ColorRole.WindowText: T.t1,
        QPalette.ColorRole.Base: T.bg2,
        QPalette.ColorRole.AlternateBase: T.bg1,
        QPalette.ColorRole.Text: T.t1,
        QPalette.ColorRole.Button: T.bg3,
        QPalette.ColorRole.ButtonText: T.t1,
        QPalette.ColorRole.BrightText: T.t1,
        QPalette.ColorRole.Highlight: T.accent,
        QPalette.ColorRole.HighlightedText: T.accentfg,
        QPalette.ColorRole.ToolTipBase: T.bg2,
        QPalette.ColorRole.ToolTipText: T.t1,
        QPalette.ColorRole.PlaceholderText: T.t3,
        QPalette.ColorRole.Link: T.accent,
        QPalette.ColorRole.LinkVisited: T.accent,
        QPalette.ColorRole.Accent: T.accent,
        QPalette.ColorRole.Light: T.line2,
        QPalette.ColorRole.Midlight: T.line2,
        QPalette.ColorRole.Mid: T.line,
        QPalette.ColorRole.Dark: T.bg0,
        QPalette.ColorRole.Shadow: T.image,
    }
    for role, colour in roles.items():
        result.setColor(role, QColor(colour))
    for role in (QPalette.ColorRole.WindowText, QPalette.ColorRole.Text, QPalette.ColorRole.ButtonText):
        result.setColor(QPalette.ColorGroup.Disabled, role, QColor(T.tdis))
    return result
