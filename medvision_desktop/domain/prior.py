"""Earlier studies of the same patient: who counts as the same, which count as earlier, and by how much.

A Patient ID alone is not enough (two hospitals give the same number), and a name alone never is.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from medvision_desktop.domain.study import Patient, StudyRef

_MONTHS_A_YEAR = 12


@dataclass(frozen=True)
class Prior:
    """An earlier study of the same patient. `interval` is how long before, as "2 y 3 mo"."""

    study: StudyRef
    interval: str


def same_patient(one: Patient, other: Patient) -> bool:
    """Whether two headers mean one person: the same Patient ID, and name and birth date that agree.

    Two birth dates must be equal, two names must not contradict each other, and one of both must be
    there to compare. Without a Patient ID nobody is taken for somebody else.
    """
    if not one.id.strip() or one.id.strip() != other.id.strip():
        return False
    born = _agreeing(one.birth_date, other.birth_date)
    names = (_words(one.name), _words(other.name))
    if born is False or (one.sex and other.sex and one.sex != other.sex):
        return False
    if not all(names):
        return born is True
    shorter, longer = sorted(names, key=len)
    # A name changes by marriage: with the same birth date one common part of it is enough.
    return shorter <= longer or (born is True and bool(shorter & longer))


def priors_of(study: StudyRef, studies: Iterable[StudyRef]) -> tuple[Prior, ...]:
    """Earlier studies of the patient, the newest first. Undated ones are neither earlier nor later."""
    found = []
    for other in studies:
        if other.key == study.key or other.is_sample is not study.is_sample:
            continue
        if same_patient(study.patient, other.patient) and (interval := interval_before(other, study)):
            found.append(Prior(other, interval))
    found.sort(key=lambda prior: (prior.study.date, prior.study.time), reverse=True)
    return tuple(found)


def interval_before(earlier: StudyRef, later: StudyRef) -> str:
    """How long one study is before another: "2 y 3 mo", "5 mo", "12 d", "4 h"; "" when it is not."""
    then, now = _day(earlier), _day(later)
    if then is None or now is None or then > now:
        return ""
    if then == now:
        return _hours(earlier.time, later.time)
    months = (now.year - then.year) * _MONTHS_A_YEAR + now.month - then.month - (now.day < then.day)
    years, rest = divmod(months, _MONTHS_A_YEAR)
    if years:
        return f"{years} y {rest} mo" if rest else f"{years} y"
    return f"{months} mo" if months else f"{(now - then).days} d"


def _hours(earlier: str, later: str) -> str:
    try:
        seconds = (datetime.fromisoformat(f"2000-01-01T{later}")) - datetime.fromisoformat(
            f"2000-01-01T{earlier}"
        )
    except ValueError:
        return ""
    minutes = int(seconds.total_seconds()) // 60
    if minutes <= 0:
        return ""
    return f"{minutes // 60} h" if minutes >= 60 else f"{minutes} min"


def _day(study: StudyRef) -> date | None:
    try:
        return date.fromisoformat(study.date)
    except ValueError:
        return None


def _agreeing(one: str, other: str) -> bool | None:
    return one == other if one and other else None


def _words(name: str) -> frozenset[str]:
    """The parts of a person name (PS3.5 6.2.1) in its first representation, without case and accents."""
    plain = unicodedata.normalize("NFKD", name.split("=", maxsplit=1)[0]).casefold()
    kept = "".join(" " if not char.isalnum() else char for char in plain if not unicodedata.combining(char))
    return frozenset(kept.split())
