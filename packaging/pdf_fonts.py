"""Makes the TrueType faces that reports are set in from the bundled OpenType faces of Inter.

reportlab embeds TrueType outlines only, and Inter ships with cubic ones. This converts the curves
(at most half a unit of 2048 away), keeps what reports need (Latin, Greek, Cyrillic, punctuation and
signs), and makes the tabular figures the default ones, because a PDF has no feature switch. Run once
when the bundled faces change; the result is committed beside the licence:

    pip install fonttools && python packaging/pdf_fonts.py
"""

from __future__ import annotations

from pathlib import Path

from fontTools import subset
from fontTools.pens.cu2quPen import Cu2QuPen
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib import TTFont, newTable

FONTS = Path(__file__).resolve().parent.parent / "resources" / "fonts"
FACES = ("Inter-Regular", "Inter-SemiBold", "InterDisplay-SemiBold")
RANGES = (
    (0x20, 0x58F),  # Latin, Greek, Cyrillic, combining marks
    (0x1E00, 0x1FFF),
    (0x2000, 0x22FF),  # punctuation, units, arrows, signs of arithmetic
    (0x25A0, 0x26FF),
    (0xFFFD, 0xFFFD),
)


def convert(source: Path, target: Path) -> None:
    """Write the TrueType form of one face."""
    font = TTFont(source)
    _tabular_figures(font)
    order, glyphs = font.getGlyphOrder(), font.getGlyphSet()
    outlines = {}
    for name in order:
        pen = TTGlyphPen(None)
        glyphs[name].draw(Cu2QuPen(pen, max_err=0.5, reverse_direction=True))
        outlines[name] = pen.glyph()
    font["loca"] = newTable("loca")
    font["glyf"] = glyf = newTable("glyf")
    glyf.glyphOrder, glyf.glyphs = order, outlines
    maxp = font["maxp"]
    maxp.tableVersion = 0x00010000
    maxp.maxZones, maxp.maxTwilightPoints, maxp.maxStorage = 1, 0, 0
    maxp.maxFunctionDefs = maxp.maxInstructionDefs = maxp.maxStackElements = maxp.maxSizeOfInstructions = 0
    maxp.maxComponentElements = 0
    font["post"].formatType = 3.0
    for table in ("CFF ", "VORG", "GSUB", "GPOS", "GDEF", "DSIG", "meta"):
        if table in font:
            del font[table]
    font.sfntVersion = "\000\001\000\000"
    font["head"].glyphDataFormat = 0
    font.recalcTimestamp = False
    options = subset.Options(layout_features=[], hinting=False, name_IDs=["*"], notdef_outline=True)
    cutter = subset.Subsetter(options)
    cutter.populate(unicodes=[code for first, last in RANGES for code in range(first, last + 1)])
    cutter.subset(font)
    font.save(target, reorderTables=True)


def _tabular_figures(font: TTFont) -> None:
    swaps: dict[str, str] = {}
    table = font["GSUB"].table
    for record in table.FeatureList.FeatureRecord:
        if record.FeatureTag == "tnum":
            for index in record.Feature.LookupListIndex:
                for rule in table.LookupList.Lookup[index].SubTable:
                    swaps.update(getattr(rule, "ExtSubTable", rule).mapping)
    for cmap in font["cmap"].tables:
        for code, name in list(cmap.cmap.items()):
            if 0x30 <= code <= 0x39:
                cmap.cmap[code] = swaps.get(name, name)


if __name__ == "__main__":
    for face in FACES:
        convert(FONTS / f"{face}.otf", FONTS / f"{face}.ttf")
