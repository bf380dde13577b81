"""Every action once: menus, tool bar, palette, help sheet and documentation are made from this table.

Shortcuts are in Qt's portable text. `icon` is the name of a Lucide icon that ships in resources.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Action:
    """One thing that the reader can ask for.

    `text` is a verb phrase for menus and the palette, `tip` one sentence more. `checkable` actions
    show whether they are on. `scope` "viewer" keeps a key for the image panes, because lists and fields
    elsewhere use it for themselves.
    """

    id: str
    group: str
    text: str
    shortcuts: tuple[str, ...] = ()
    icon: str = ""
    tip: str = ""
    checkable: bool = False
    scope: str = "window"


def _presets() -> tuple[Action, ...]:
    return tuple(
        Action(f"view.preset_{n}", "Window presets", f"Window preset {n}", (str(n),)) for n in range(1, 10)
    )


def _looks() -> tuple[Action, ...]:
    curves = (
        ("header", "Curve of the header", ""),
        ("linear", "Linear curve", ""),
        ("sigmoid", "Sigmoid curve", ""),
        ("logarithmic", "Logarithmic curve", "Lifts what is dark."),
    )
    colours = (
        ("grey", "Colours: grey"),
        ("inverse_grey", "Colours: inverse grey"),
        ("hot_iron", "Colours: hot iron"),
        ("pet", "Colours: PET"),
        ("hot_metal_blue", "Colours: hot metal blue"),
        ("pet_20_step", "Colours: PET 20 step"),
        ("rainbow", "Colours: rainbow"),
    )
    return (
        *(Action(f"curve.{name}", "Windowing", text, (), "", tip, True) for name, text, tip in curves),
        *(Action(f"colours.{name}", "Windowing", text, (), "", "", True) for name, text in colours),
    )


def _nudges() -> tuple[Action, ...]:
    return tuple(
        Action(
            f"measure.{way.lower()}{suffix}",
            "Measurements",
            f"Move the point {way.lower()}{words}",
            (f"{keys}+{way}",),
            scope="viewer",
        )
        for keys, suffix, words in (("Alt", "", ""), ("Alt+Shift", "_far", " by ten"))
        for way in ("Left", "Right", "Up", "Down")
    )


def _hands() -> tuple[Action, ...]:
    return tuple(
        Action(
            f"hand.{way.lower()}{suffix}",
            "Tools",
            f"Tool in hand: {way.lower()}{words}",
            (f"{keys}+{way}",),
            scope="viewer",
        )
        for keys, suffix, words in (("Shift", "", ""), ("Ctrl+Shift", "_far", ", ten times"))
        for way in ("Left", "Right", "Up", "Down")
    )


ACTIONS: Final[tuple[Action, ...]] = (
    Action(
        "file.open", "File", "Open files", ("Ctrl+O",), "file-input", "DICOM, NIfTI, PNG, JPEG or a zip."
    ),
    Action("file.open_folder", "File", "Open folder", ("Ctrl+Shift+O",), "folder-open"),
    Action("file.samples", "File", "Show sample studies", (), "images"),
    Action("file.remove_samples", "File", "Remove sample studies", (), "x"),
    Action("file.welcome", "File", "Show the welcome page", (), "house"),
    Action("file.reader", "File", "Change the reader", (), "user"),
    Action("file.train", "File", "Train a model", (), "cpu", "On your own images, in the background."),
    Action("file.keys", "File", "Change the keys", (), "keyboard"),
    Action("file.quit", "File", "Quit", ("Ctrl+Q",)),
    Action(
        "tool.window",
        "Tools",
        "Window",
        ("W",),
        "contrast",
        "Drag: left-right width, up-down centre.",
        True,
    ),
    Action("tool.pan", "Tools", "Pan", ("P",), "move", "", True),
    Action("tool.zoom", "Tools", "Zoom", ("Z",), "zoom-in", "About the cursor.", True),
    Action("tool.scroll", "Tools", "Scroll", ("S",), "layers", "", True),
    Action("tool.magnifier", "Tools", "Magnifier", ("M",), "search", "Hold the button down.", True),
    Action("tool.probe", "Tools", "Probe", ("B",), "pipette", "Stored, modality and display values.", True),
    Action(
        "tool.crosshair", "Tools", "Crosshair", ("D",), "crosshair", "Takes three planes to a point.", True
    ),
    Action("tool.length", "Tools", "Length", ("L",), "ruler", "Says where its unit comes from.", True),
    Action("tool.angle", "Tools", "Angle", ("A",), "triangle-right", "A line, then its second arm.", True),
    Action("tool.rectangle", "Tools", "Rectangle region", ("R",), "square", "Mean, SD, area.", True),
    Action("tool.ellipse", "Tools", "Ellipse region", ("E",), "circle", "Mean, SD, area.", True),
    Action("tool.arrow", "Tools", "Arrow", ("Q",), "move-up-right", "The tip first, then words.", True),
    Action("tool.text", "Tools", "Text", ("Shift+T",), "type", "", True),
    Action("tool.polygon", "Tools", "Polygon region", ("Shift+R",), "pentagon", "Return closes it.", True),
    Action("tool.cobb", "Tools", "Cobb angle", ("Shift+A",), "tangent", "One line, then the other.", True),
    Action(
        "tool.cardiothoracic",
        "Tools",
        "Cardiothoracic ratio",
        ("Shift+L",),
        "heart",
        "The heart's width, then the chest's.",
        True,
    ),
    Action(
        "tool.window_region",
        "Tools",
        "Window from a region",
        ("Shift+W",),
        "square-dashed-mouse-pointer",
        "Draw a rectangle.",
        True,
    ),
    Action("tool.brush", "Labels", "Brush", ("Shift+B",), "brush", "Paints the label in work.", True),
    Action("tool.eraser", "Labels", "Eraser", ("Shift+E",), "eraser", "Takes labels away.", True),
    Action("tool.fill", "Labels", "Fill", ("Shift+F",), "paint-bucket", "What an outline encloses.", True),
    Action(
        "tool.threshold_brush",
        "Labels",
        "Threshold brush",
        ("Ctrl+Shift+B",),
        "wand-sparkles",
        "Paints only values like those where the stroke begins.",
        True,
    ),
    Action("labels.larger", "Labels", "Larger brush", ("Ctrl+]",), scope="viewer"),
    Action("labels.smaller", "Labels", "Smaller brush", ("Ctrl+[",), scope="viewer"),
    Action("labels.next", "Labels", "Next label", ("Alt+L",), scope="viewer"),
    Action("labels.interpolate", "Labels", "Fill in slices between slices", ("Ctrl+Shift+I",), "layers"),
    Action("labels.new_map", "Labels", "New label map", ("Alt+Shift+N",), "square-plus"),
    Action("labels.new_label", "Labels", "New label", ("Alt+N",), "plus"),
    *_hands(),
    Action("edit.undo", "Measurements", "Undo", ("Ctrl+Z",), "undo-2", "Views and measurements only."),
    Action("edit.redo", "Measurements", "Redo", ("Ctrl+Shift+Z", "Ctrl+Y"), "redo-2"),
    Action("measure.delete", "Measurements", "Delete", ("Del",), "trash-2", scope="viewer"),
    Action("measure.next", "Measurements", "Go to the next measurement", ("Alt+]",), scope="viewer"),
    Action("measure.previous", "Measurements", "Go to the measurement before", ("Alt+[",), scope="viewer"),
    Action("measure.next_point", "Measurements", "Next point", ("]",), scope="viewer"),
    Action("measure.previous_point", "Measurements", "Previous point", ("[",), scope="viewer"),
    *_nudges(),
    Action("view.invert", "View", "Invert", ("I",), "contrast"),
    Action("view.flip_h", "View", "Flip left to right", ("H",), "flip-horizontal"),
    Action("view.flip_v", "View", "Flip top to bottom", ("V",), "flip-vertical"),
    Action("view.rotate_left", "View", "Rotate left", (",",), "rotate-ccw"),
    Action("view.rotate_right", "View", "Rotate right", (".",), "rotate-cw"),
    Action("view.fit", "View", "Fit to the pane", ("0",), "maximize"),
    Action("view.one_to_one", "View", "One image pixel to one screen pixel", ("=",), "scan"),
    Action("view.reset", "View", "Reset the view", ("Ctrl+R",), "undo-2"),
    Action("view.next_pane", "View", "Next pane", ("Tab",), scope="viewer"),
    Action("view.maximise", "View", "Maximise the pane and back", ("F10",), "maximize-2"),
    Action("view.corner_text", "View", "Corner text on or off", ("T",), "type"),
    Action(
        "view.link",
        "View",
        "Link panes",
        ("Ctrl+L",),
        "link",
        "Scrolling, window, view and cursor go together.",
        True,
    ),
    Action("link.scroll", "View", "Link scrolling", (), "", "By patient position.", True),
    Action("link.window", "View", "Link windows", (), "", "", True),
    Action("link.view", "View", "Link zoom and pan", (), "", "", True),
    Action("link.cursor", "View", "Link the cursor", (), "", "Point with the crosshair.", True),
    Action(
        "link.beside",
        "View",
        "Scroll from these images on",
        ("Ctrl+Shift+L",),
        "",
        "For series that share no frame of reference.",
    ),
    *_looks(),
    Action(
        "view.swap_drag",
        "View",
        "Swap width and centre of the window drag",
        ("X",),
        "",
        "Left-right becomes centre, up-down width; once more and back.",
    ),
    Action("view.presets", "View", "Edit the window presets", ("Ctrl+W",), "sliders-horizontal"),
    Action("view.full_screen", "View", "Full screen", ("F11",), "expand"),
    *_presets(),
    Action("slice.next", "Slices", "Next image", ("Down",), scope="viewer"),
    Action("slice.previous", "Slices", "Previous image", ("Up",), scope="viewer"),
    Action("slice.page_down", "Slices", "Ten images on", ("PgDown",), scope="viewer"),
    Action("slice.page_up", "Slices", "Ten images back", ("PgUp",), scope="viewer"),
    Action("slice.first", "Slices", "First image", ("Home",), scope="viewer"),
    Action("slice.last", "Slices", "Last image", ("End",), scope="viewer"),
    Action("slab.thin", "Slices", "Thin planes", ("Alt+1",)),
    Action("slab.mean", "Slices", "Slab: mean", ("Alt+2",)),
    Action("slab.mip", "Slices", "Slab: largest value (MIP)", ("Alt+3",)),
    Action("slab.minip", "Slices", "Slab: smallest value (MinIP)", ("Alt+4",)),
    Action("slab.thicker", "Slices", "Thicker slab", ("Shift+PgUp",), scope="viewer"),
    Action("slab.thinner", "Slices", "Thinner slab", ("Shift+PgDown",), scope="viewer"),
    Action(
        "planes.turn_left",
        "Slices",
        "Turn the other planes left",
        ("Alt+,",),
        "rotate-ccw",
        "By 5 degrees about the crosshair, or drag a ring on its lines.",
    ),
    Action("planes.turn_right", "Slices", "Turn the other planes right", ("Alt+.",), "rotate-cw"),
    Action("planes.turn_left_fine", "Slices", "Turn the other planes left by 1 degree", ("Ctrl+,",)),
    Action("planes.turn_right_fine", "Slices", "Turn the other planes right by 1 degree", ("Ctrl+.",)),
    Action("planes.straight", "Slices", "Straighten the planes", ("Ctrl+0",), "undo-2"),
    Action(
        "planes.resample",
        "Slices",
        "Resample to a regular grid",
        ("Ctrl+Shift+G",),
        "",
        "For slices that are uneven or sheared by a tilted gantry; every plane then says so.",
    ),
    Action("phase.next", "Slices", "Next volume (time, b-value, echo)", ("Right",), scope="viewer"),
    Action("phase.previous", "Slices", "Previous volume", ("Left",), scope="viewer"),
    Action(
        "cine.toggle",
        "Slices",
        "Play, or stop",
        ("Space",),
        tip="Over time where a series has several volumes, else over the images.",
        scope="viewer",
    ),
    Action("cine.space", "Slices", "Play over the images, or stop", ("Shift+Space",), scope="viewer"),
    Action("file.header", "File", "Header of this image", ("Ctrl+T",), "file-text"),
    Action(
        "file.document",
        "File",
        "Reports and documents of this study",
        ("Ctrl+D",),
        "file-text",
        "One after the other.",
    ),
    Action("layout.1x1", "Layout", "One pane", ("Ctrl+1",), "square"),
    Action("layout.1x2", "Layout", "Two panes side by side", ("Ctrl+2",), "columns-2"),
    Action("layout.2x1", "Layout", "Two panes, one above the other", ("Ctrl+3",), "rows-2"),
    Action("layout.2x2", "Layout", "Four panes", ("Ctrl+4",), "grid-2x2"),
    Action("layout.1+2", "Layout", "One large and two small panes", ("Ctrl+5",), "panel-right"),
    Action("layout.mpr", "Layout", "Three planes", ("Ctrl+6",), "layout-panel-left"),
    Action(
        "hang.next", "Layout", "Next stage of the hanging", ("Ctrl+Right",), "chevron-right", scope="viewer"
    ),
    Action(
        "hang.previous",
        "Layout",
        "Previous stage of the hanging",
        ("Ctrl+Left",),
        "chevron-left",
        scope="viewer",
    ),
    Action("hang.prior", "Layout", "Newest prior beside the study", ("Ctrl+B",), "history"),
    Action("hang.rules", "Layout", "Edit the hanging protocols", (), "sliders-horizontal"),
    Action("window.new", "Layout", "New window", ("Ctrl+Shift+N",), "", "For another monitor."),
    Action("window.move_pane", "Layout", "Move the pane to another window", ("Ctrl+Shift+M",)),
    Action("window.close", "Layout", "Close this further window", ("Ctrl+Shift+W",)),
    Action(
        "volume.show",
        "Volume rendering",
        "Show the rendered volume, large and back",
        ("Shift+V",),
        "box",
        "In the fourth pane of the three planes; for looking at, not for measuring.",
    ),
    Action(
        "volume.next_look", "Volume rendering", "Next look", ("Ctrl+Shift+V",), "", "Bone, skin, vessels."
    ),
    Action("volume.reset", "Volume rendering", "See the volume from the front again"),
    *(
        Action(f"volume.{side}", "Volume rendering", f"See the volume from the {side}")
        for side in ("back", "left", "right", "head", "feet")
    ),
    Action("volume.more", "Volume rendering", "Show more of the volume"),
    Action("volume.less", "Volume rendering", "Show less of the volume"),
    Action("layers.toggle", "Layers", "Hide or show every layer", ("O",), "eye-off", "", True),
    Action("layers.shutter", "Layers", "Shutter on or off", ("U",), "", "What lies outside of the field."),
    Action("layers.labels", "Layers", "Label maps on or off", ("G",), "square-stack"),
    Action(
        "file.open_layer",
        "Layers",
        "Open a label map over this image",
        ("Ctrl+G",),
        "file-input",
        "DICOM segmentation, parametric map or NIfTI.",
    ),
    Action(
        "layers.attention",
        "Layers",
        "Model attention on or off",
        ("C",),
        "flame",
        "Where the network looked; not a lesion outline.",
    ),
    Action("ai.run", "AI", "Run AI", ("F5",), "sparkles"),
    Action("ai.cancel", "AI", "Stop the AI run", ("Shift+F5",), "x"),
    Action("ai.next_finding", "AI", "Next finding", ("N",)),
    Action("ai.previous_finding", "AI", "Previous finding", ("Shift+N",)),
    Action("ai.add_finding", "AI", "Add a finding", ("+",), "plus", "What the AI missed."),
    Action("report.open", "Report", "Report", ("Ctrl+P",), "file-text"),
    Action("report.sign", "Report", "Sign the report", ("Ctrl+S",), "signature"),
    Action("key.toggle", "Report", "Key image or not", ("K",), "bookmark", "Kept, and reported."),
    Action("key.list", "Report", "List of key images", ("Ctrl+Shift+K",), "images"),
    Action("key.next", "Report", "Next key image", ("Ctrl+Down",), scope="viewer"),
    Action("key.previous", "Report", "Previous key image", ("Ctrl+Up",), scope="viewer"),
    Action("report.key_image", "Report", "Add this view to the report", ("Shift+K",), "image-plus"),
    Action("display.patterns", "Display", "Test patterns", (), "grid-2x2", "One pixel to one pixel."),
    Action("display.measure", "Display", "Measure this display", (), "contrast", "Corrects it by PS3.14."),
    Action("record.verify", "Record", "Verify the record", (), "shield-check"),
    Action("dock.worklist", "Panels", "Studies panel", ("F7",), "panel-left"),
    Action("dock.float_report", "Panels", "Report in a window of its own, and back", ("Ctrl+Shift+P",)),
    Action("dock.view", "Panels", "Histogram and slab", ("F9",), "chart-area"),
    Action("dock.layers", "Panels", "Layers panel", ("F6",), "square-stack"),
    Action("dock.findings", "Panels", "Findings panel", ("F8",), "panel-right"),
    Action("privacy.mask", "View", "Mask names on screen", ("Ctrl+M",), "eye-off", "", True),
    Action("help.keys", "Help", "All keys", ("?",), "circle-help"),
    Action("help.palette", "Help", "Every action", ("Ctrl+K",), "search"),
)

BY_ID: Final = {action.id: action for action in ACTIONS}


_in_force: Final = dict(BY_ID)


def use(actions: Iterable[Action]) -> None:
    """These keys hold from now on. Called once by whoever builds the window, before it is built."""
    _in_force.update({action.id: action for action in actions})


def in_force() -> tuple[Action, ...]:
    """Every action with the keys that hold."""
    return tuple(_in_force.values())


def key_text(action_id: str) -> str:
    """The first shortcut of an action as people write it ("Ctrl P"), or an empty string."""
    shortcuts = _in_force[action_id].shortcuts
    return shortcuts[0].replace("+", " ") if shortcuts and shortcuts[0] != "+" else "".join(shortcuts)
