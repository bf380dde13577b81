"""Which series of a study is which sequence of a model: suggested, shown, and changed by the reader."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from medvision_desktop.domain.study import SeriesRef, StudyRef
from medvision_desktop.services.channels import suggested

NONE: Final = "Not given"


@dataclass(frozen=True)
class ChannelLine:
    """One sequence: `chosen` is the UID of its series or "", `said` how it reads, `offered` the others."""

    name: str
    chosen: str
    said: str
    offered: tuple[tuple[str, str], ...]


class ChannelChoice:
    """Remembers, for each study, what the reader chose in place of what descriptions suggest."""

    def __init__(self) -> None:
        self._chosen: dict[str, dict[str, str]] = {}

    def choose(self, study: StudyRef, name: str, series_uid: str) -> None:
        """This series is that sequence; "" for none. A series is one sequence at a time."""
        own = self._chosen.setdefault(study.key, {})
        for other, uid in own.items():
            if series_uid and uid == series_uid and other != name:
                own[other] = ""
        own[name] = series_uid

    def given(self, study: StudyRef, shown: SeriesRef, names: Sequence[str]) -> Mapping[str, str]:
        """UIDs of series by sequence, those that are given."""
        if not names:
            return {}
        own = self._chosen.get(study.key, {})
        told = {**suggested(study, shown, names), **{name: own[name] for name in names if name in own}}
        taken: set[str] = set(own.values()) - {""}
        return {name: uid for name, uid in told.items() if uid and (name in own or uid not in taken)}

    def lines(self, study: StudyRef, shown: SeriesRef, names: Sequence[str]) -> tuple[ChannelLine, ...]:
        """One line for each sequence of a model that looks at several."""
        if len(names) < 2:
            return ()
        given = self.given(study, shown, names)
        offered = tuple((series.uid, _words(series)) for series in study.series if not series.is_layer)
        known = dict(offered)
        return tuple(
            ChannelLine(name, given.get(name, ""), known.get(given.get(name, ""), NONE), offered)
            for name in names
        )


def _words(series: SeriesRef) -> str:
    number = "" if series.number is None else f"{series.number}  "
    return f"{number}{series.description or series.modality or 'Series'}, {series.frame_count}"
