"""Colours, type and measures of the interface, once.

Colours are sRGB hex strings. `PAIRS` lists every pair of text or mark over a ground that must keep
its contrast; a test computes each with the WCAG 2 formula. Measures are device-independent pixels
at 100 %.
"""

from __future__ import annotations

from typing import Final


class T:
    """Colours by what they mean, never by how they look."""

    # Surfaces, dark to light.
    image: Final = "#000000"
    bg0: Final = "#0B0D10"
    bg1: Final = "#13161A"
    bg2: Final = "#1A1E24"
    bg3: Final = "#232931"
    bg4: Final = "#2D3540"
    gap: Final = "#1E232A"
    track: Final = "#2A3039"
    line: Final = "#252B33"
    line2: Final = "#37404B"
    ctl: Final = "#5F6975"

    # Text.
    t1: Final = "#E4E7EB"
    t2: Final = "#AEB6C0"
    t3: Final = "#8C96A3"
    tdis: Final = "#7D8793"
    corner: Final = "#C3C9D1"
    onimage: Final = "#F2D98C"

    # Meaning: blue is the reader, violet came out of a model.
    accent: Final = "#6CB0DC"
    accent_tint: Final = "#16293A"
    accentfg: Final = "#08131C"
    accent_hover: Final = "#86C0E6"
    accent_pressed: Final = "#5596C2"
    ai: Final = "#B3A6F0"
    ai_tint: Final = "#221F36"
    ai_hover: Final = "#2D2947"
    ai_edge: Final = "#54498C"
    aidim: Final = "#8379B9"
    ok: Final = "#73C4A0"
    ok_tint: Final = "#13291F"
    warn: Final = "#E2B563"
    warn_tint: Final = "#2D2413"
    warn_edge: Final = "#6B5426"
    bad: Final = "#EC8F87"
    bad_tint: Final = "#331C1C"
    bad_hover: Final = "#402424"
    bad_edge: Final = "#7C4743"
    rej: Final = "#7A8592"

    # Data.
    core: Final = "#E7785A"
    enh: Final = "#F0C454"
    oed: Final = "#54B2A8"
    axial: Final = "#DB93B4"
    coronal: Final = "#9CC47C"
    sagittal: Final = "#D9A05B"
    pat1: Final = "#8FB0D0"
    pat2: Final = "#C9926B"

    # The report page.
    paper: Final = "#FDFDFB"
    ink: Final = "#16191D"
    ink2: Final = "#5A626C"
    rule: Final = "#D4D8DD"
    draft: Final = "#9A5A10"


class M:
    """Measures in device-independent pixels; durations in milliseconds."""

    top_bar: Final = 48
    status_bar: Final = 28
    worklist: Final = 288
    worklist_min: Final = 240
    worklist_max: Final = 400
    rail: Final = 56
    findings: Final = 368
    findings_min: Final = 336
    findings_max: Final = 480
    pane_gap: Final = 4
    active_edge: Final = 2
    patient_band: Final = 5
    study_row: Final = 79
    thumbnail: Final = 48
    series_row: Final = 40
    panel_head: Final = 44
    section_head: Final = 28
    disclaimer: Final = 36
    control: Final = 32
    control_small: Final = 28
    control_tiny: Final = 24
    chip: Final = 20
    tool_button: Final = 32
    tool_icon: Final = 18
    row_button: Final = 28
    row_icon: Final = 16
    mini_button: Final = 22
    chip_icon: Final = 14
    bar: Final = 6
    radius_chip: Final = 4
    radius_control: Final = 6
    radius_card: Final = 8
    radius_sheet: Final = 10
    sheet: Final = 434
    pad_left: Final = 16
    pad_right: Final = 12
    hover_ms: Final = 80
    fade_ms: Final = 120
    toast_ms: Final = 6000


def _on(name: str, least: float, *grounds: str) -> tuple[tuple[str, str, float], ...]:
    return tuple((name, ground, least) for ground in grounds)


# (text or mark, ground, least WCAG 2 contrast): 4.5 for text, 3 for edges and marks that mean something.
PAIRS: Final[tuple[tuple[str, str, float], ...]] = (
    *_on("t1", 4.5, "image", "bg0", "bg1", "bg2", "bg3", "bg4"),
    *_on("t2", 4.5, "image", "bg0", "bg1", "bg2", "bg3", "bg4"),
    *_on("t3", 4.5, "image", "bg0", "bg1", "bg2", "bg3"),
    *_on("tdis", 4.5, "image", "bg1", "bg2"),
    *_on("corner", 4.5, "image"),
    *_on("onimage", 4.5, "image"),
    *_on("accent", 4.5, "image", "bg1", "bg2", "bg3", "accent_tint"),
    *_on("ai", 4.5, "image", "bg1", "bg2", "bg3", "ai_tint", "ai_hover"),
    *_on("ok", 4.5, "bg1", "bg2", "bg3", "ok_tint"),
    *_on("warn", 4.5, "image", "bg1", "bg2", "bg3", "warn_tint"),
    *_on("bad", 4.5, "bg1", "bg2", "bg3", "bad_tint", "bad_hover"),
    *_on("accentfg", 4.5, "accent", "accent_hover", "accent_pressed"),
    *_on("ctl", 3.0, "bg1", "bg2"),
    *_on("aidim", 3.0, "track", "bg1"),
    *_on("rej", 3.0, "track", "bg1"),
    *_on("core", 3.0, "image", "bg1"),
    *_on("enh", 3.0, "image", "bg1"),
    *_on("oed", 3.0, "image", "bg1"),
    *_on("axial", 3.0, "image", "bg1"),
    *_on("coronal", 3.0, "image", "bg1"),
    *_on("sagittal", 3.0, "image", "bg1"),
    *_on("pat1", 3.0, "image", "bg1"),
    *_on("pat2", 3.0, "image", "bg1"),
    *_on("ink", 4.5, "paper"),
    *_on("ink2", 4.5, "paper"),
    *_on("draft", 4.5, "paper"),
)


def contrast(one: str, other: str) -> float:
    """WCAG 2 contrast ratio of two hex colours, 1..21 (Web Content Accessibility Guidelines 2.2, 1.4.3)."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    channels = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
