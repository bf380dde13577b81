"""Frames that share a place: what tells them apart, and how many volumes they make.

A fact is a number or a word that a header gives a frame: when it was taken, with which diffusion weighting,
at which echo. Frames of one place that differ in a fact belong to different volumes.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

# Names of facts. Those in `_SEQUENTIAL` differ from slice to slice of one volume, too, so that only their
# order at each place counts.
B_VALUE: Final = "b-value"
DIRECTION: Final = "diffusion direction"
ECHO: Final = "echo"
ECHO_TIME: Final = "echo time"
INVERSION: Final = "inversion time"
TEMPORAL: Final = "temporal position"
TRIGGER: Final = "trigger time"
REFERENCE: Final = "frame reference time"
ACQUISITION: Final = "acquisition time"
KIND: Final = "image type"
DIMENSION: Final = "dimension "  # followed by the name of the dimension
_SEQUENTIAL: Final = frozenset({TRIGGER, REFERENCE, ACQUISITION})
_TIMES: Final = (TRIGGER, REFERENCE, ACQUISITION)
# One fact after another is tried in this order, then pairs and triples of them.
_ORDER: Final = (
    B_VALUE,
    ECHO,
    ECHO_TIME,
    INVERSION,
    TEMPORAL,
    KIND,
    DIRECTION,
    TRIGGER,
    REFERENCE,
    ACQUISITION,
)
_MOST_TOGETHER: Final = 3
_SAME_PLACE_MM: Final = 0.01
MOST_PHASES: Final = 4096

Facts = Mapping[str, float | str]


@dataclass(frozen=True)
class PhaseFrames:
    """One volume: numbers of its frames in the order of their places, its name, and when it was."""

    numbers: tuple[int, ...]
    label: str
    time_ms: float | None = None


def split(places_mm: Sequence[float], facts: Sequence[Facts]) -> tuple[PhaseFrames, ...]:
    """The volumes that frames make, in order; () where no two share a place, all do, or nothing differs.

    `places_mm`: where each frame lies along the normal that all of them share. Frames of one volume
    keep the order in which they are given.
    """
    groups = _by_place(places_mm)
    most = max((len(group) for group in groups), default=0)
    if most < 2 or most > MOST_PHASES or len(groups) < 2:
        return ()  # images of one place are a film of it, to be scrolled through
    named = sorted({name for fact in facts for name in fact if name.startswith(DIMENSION)})
    known = [name for name in (*_ORDER, *named) if _varies(name, groups, facts)]
    for count in range(1, _MOST_TOGETHER + 1):
        for names in itertools.combinations(known, count):
            if DIRECTION in names and B_VALUE in known and B_VALUE not in names:
                continue  # a direction means nothing without its weighting
            found = _split_by(names, groups, facts)
            if found is not None:
                return found
    return ()


def _by_place(places_mm: Sequence[float]) -> list[list[int]]:
    order = sorted(range(len(places_mm)), key=lambda number: places_mm[number])
    groups: list[list[int]] = []
    last = -np.inf
    for number in order:
        if places_mm[number] - last > _SAME_PLACE_MM:
            groups.append([])
            last = places_mm[number]
        groups[-1].append(number)
    return [sorted(group) for group in groups]


def _varies(name: str, groups: list[list[int]], facts: Sequence[Facts]) -> bool:
    """Whether all frames have a fact and it differs within some place."""
    if any(name not in fact for fact in facts):
        return False
    return any(len({facts[number][name] for number in group}) > 1 for group in groups)


def _split_by(
    names: tuple[str, ...], groups: list[list[int]], facts: Sequence[Facts]
) -> tuple[PhaseFrames, ...] | None:
    """The volumes by these facts; None where some place has two frames that they do not tell apart."""
    facts = _with_numbered_directions(facts) if DIRECTION in names else facts
    keys = [tuple(fact[name] for name in names) for fact in facts]
    if any(len({keys[number] for number in group}) < len(group) for group in groups):
        return None
    if any(name in _SEQUENTIAL for name in names):
        if len({len(group) for group in groups}) > 1:
            return None  # by order alone a missing slice would shift all that follow
        ranks = [sorted(group, key=lambda number: _sortable(keys[number])) for group in groups]
        members = [[ranked[at] for ranked in ranks] for at in range(len(ranks[0]))]
    else:
        by_key: dict[tuple[float | str, ...], list[int]] = {}
        for number in range(len(facts)):
            by_key.setdefault(keys[number], []).append(number)
        members = [by_key[key] for key in sorted(by_key, key=_sortable)]
    times = _times(names, members, facts)
    labels = [_label(names, facts[numbers[0]], time) for numbers, time in zip(members, times, strict=True)]
    return tuple(
        PhaseFrames(tuple(sorted(numbers)), label, time)
        for numbers, label, time in zip(members, _told_apart(labels), times, strict=True)
    )


def _with_numbered_directions(facts: Sequence[Facts]) -> list[Facts]:
    """Diffusion directions as numbers in the order in which they first come; 0 for none."""
    seen: dict[float | str, float] = {"": 0.0}
    for fact in facts:
        seen.setdefault(fact[DIRECTION], float(len(seen)))
    return [{**fact, DIRECTION: seen[fact[DIRECTION]]} for fact in facts]


def _told_apart(labels: list[str]) -> list[str]:
    """Labels that come more than once, numbered."""
    count: dict[str, int] = {}
    found = []
    for label in labels:
        count[label] = count.get(label, 0) + 1
        is_one = labels.count(label) == 1
        found.append(label if is_one else f"{label}, {count[label]}" if label else f"repeat {count[label]}")
    return found


def _sortable(key: tuple[float | str, ...]) -> tuple[tuple[bool, float, str], ...]:
    """Numbers before words, so that unlike values can be put in order."""
    return tuple((isinstance(part, str), 0.0 if isinstance(part, str) else part, str(part)) for part in key)


def _times(names: tuple[str, ...], members: list[list[int]], facts: Sequence[Facts]) -> list[float | None]:
    """When each volume was, from the first: by the earliest time of its frames, if volumes are of times."""
    if not set(names) & {TEMPORAL, *_TIMES}:
        return [None] * len(members)
    for name in _TIMES:
        if all(name in fact for fact in facts):
            starts = [min(_number(facts[number][name]) for number in numbers) for numbers in members]
            steps = [after - before for before, after in itertools.pairwise(starts)]
            if all(step > 0 for step in steps):
                return [start - starts[0] for start in starts]
    return [None] * len(members)


def _number(value: float | str) -> float:
    return float("nan") if isinstance(value, str) else float(value)


def _label(names: tuple[str, ...], facts: Facts, time_ms: float | None) -> str:
    return ", ".join(word for name in names if (word := _word(name, facts, time_ms)))


def _word(name: str, facts: Facts, time_ms: float | None) -> str:
    value = facts[name]
    if isinstance(value, str):
        return value
    if name == ECHO:
        echo_time = facts.get(ECHO_TIME)
        return f"Echo {value:g}" + (f", TE {echo_time:g} ms" if isinstance(echo_time, float) else "")
    if name == DIRECTION:
        return f"direction {value:g}" if value else ""
    if name == TEMPORAL:
        return time_text(time_ms) if time_ms is not None else f"time {value:g}"
    if name in (REFERENCE, ACQUISITION):
        return time_text(time_ms) if time_ms is not None else ""
    patterns = {B_VALUE: "b = {:g} s/mm²", ECHO_TIME: "TE {:g} ms", INVERSION: "TI {:g} ms"}
    patterns[TRIGGER] = "trigger {:g} ms"
    return patterns.get(name, f"{name.removeprefix(DIMENSION)} {{:g}}").format(value)


def time_text(time_ms: float) -> str:
    """A time from the first volume: "t = 2.0 s"; in minutes from two of them on."""
    if time_ms >= 120_000:
        return f"t = {time_ms / 60_000:.1f} min"
    return f"t = {time_ms / 1000:.1f} s" if time_ms == 0 or time_ms >= 1000 else f"t = {time_ms:.0f} ms"
