"""Which series of a study is which channel of a model: a suggestion from descriptions."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from medvision_desktop.domain.study import SeriesRef, SourceKind, StudyRef

# What makers and collections call them; contrast medium decides between T1 and T1ce.
_MEDIUM: Final = re.compile(r"(?<![a-z])(t1ce|t1-?c|t1gd|gd|gad\w*|post|contrast|\+ ?c|ce|km|c\+)(?![a-z])")
_T1: Final = re.compile(r"t1|mp-?rage|spgr|bravo|tfe|vibe|flash")
_T2: Final = re.compile(r"t2")
_FLAIR: Final = re.compile(r"flair|dark ?fluid|t2f(?![a-z])")
_NOT: Final = re.compile(r"adc|dwi|trace|swi|t2\*|t2 ?star|perf|localizer|scout|survey|mip|sub(?!tr)")
_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})


def sequence_of(description: str) -> str:
    """T1, T1ce, T2 or FLAIR, as a series description says; "" where it says none of them."""
    text = description.lower().replace("_", " ")
    if _NOT.search(text):
        return ""
    if _FLAIR.search(text):
        return "FLAIR"
    if _T1.search(text):
        return "T1ce" if _MEDIUM.search(text) else "T1"
    return "T2" if _T2.search(text) else ""


def said_of(series: SeriesRef) -> str:
    """What a series says of itself: its description; of a NIfTI file, the name of the file."""
    if series.kind is SourceKind.NIFTI and series.instances:
        return series.instances[0].path.name
    return series.description


def suggested(study: StudyRef, shown: SeriesRef, channels: Sequence[str]) -> Mapping[str, str]:
    """UIDs of series by channel. A model of one channel takes the series on screen.

    Of several series that fit the one on screen wins, then the one with the most images. A series on
    screen that says nothing of itself becomes the first channel that nothing else is.
    """
    if len(channels) == 1:
        return MappingProxyType({channels[0]: shown.uid})
    found: dict[str, str] = {}
    images = [series for series in study.series if not series.is_layer]
    order = sorted(images, key=lambda series: (series.uid != shown.uid, -series.frame_count))
    for series in order:
        name = sequence_of(said_of(series))
        if name in channels and name not in found:
            found[name] = series.uid
    if shown.uid not in found.values() and not sequence_of(said_of(shown)):
        free = next((name for name in channels if name not in found), None)
        if free is not None and not found:
            found[free] = shown.uid
    return MappingProxyType(found)


def missing(channels: Sequence[str], given: Mapping[str, str] = _NOTHING) -> tuple[str, ...]:
    """Channels that have no series."""
    return tuple(name for name in channels if not given.get(name))
