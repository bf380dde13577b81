"""Who counts as the same patient, and how long before a study was."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medvision_desktop.domain.prior import interval_before, priors_of, same_patient
from medvision_desktop.domain.study import Patient, StudyRef

JANE = Patient("Doe^Jane^Mary", "4711", "1950-03-01", "F")


def _study(
    key: str, day: str, patient: Patient = JANE, time: str = "", *, sample: bool = False
) -> StudyRef:
    return StudyRef(key, patient, (), date=day, time=time, is_sample=sample)


@pytest.mark.parametrize(
    ("other", "same"),
    [
        (Patient("DOE^JANE", "4711", "1950-03-01", "F"), True),
        (Patient("Döe^Jane", "4711 ", "", ""), True),
        (Patient("Doe-Miller^Jane", "4711", "1950-03-01"), True),  # married, same birth date
        (Patient("Miller^Jane", "4711", ""), False),  # a name alone that differs
        (Patient("Doe^Jane", "4711", "1950-03-02"), False),
        (Patient("Doe^Jane^Mary", "4711", "1950-03-01", "M"), False),
        (Patient("Doe^Jane^Mary", "4712", "1950-03-01", "F"), False),
        (Patient("", "4711", "1950-03-01"), True),
        (Patient("", "4711", ""), False),
        (Patient("Smith^Bob", "4711", "1950-03-01", "F"), False),
    ],
)
def test_a_number_needs_a_name_or_a_birth_date_that_agrees(other: Patient, same: bool) -> None:
    assert same_patient(JANE, other) is same
    assert same_patient(other, JANE) is same


def test_without_a_patient_id_nobody_is_taken_for_somebody_else() -> None:
    nameless = Patient("Doe^Jane", "", "1950-03-01", "F")
    assert not same_patient(nameless, nameless)


@pytest.mark.parametrize(
    ("then", "now", "words"),
    [
        ("2001-12-31", "2004-03-31", "2 y 3 mo"),
        ("2003-03-31", "2004-03-31", "1 y"),
        ("2003-04-01", "2004-03-31", "11 mo"),
        ("2004-03-01", "2004-03-31", "30 d"),
        ("2004-02-29", "2005-02-28", "11 mo"),
        ("2004-03-31", "2004-03-01", ""),
        ("", "2004-03-01", ""),
        ("2004-03-01", "no date", ""),
    ],
)
def test_the_interval_is_what_a_calendar_says(then: str, now: str, words: str) -> None:
    assert interval_before(_study("a", then), _study("b", now)) == words


def test_the_same_day_goes_by_the_clock() -> None:
    morning = _study("a", "2004-03-01", time="08:10:00")
    assert interval_before(morning, _study("b", "2004-03-01", time="12:30:00")) == "4 h"
    assert interval_before(morning, _study("b", "2004-03-01", time="08:30:00")) == "20 min"
    assert interval_before(morning, _study("b", "2004-03-01")) == ""


@given(st.dates(date(1950, 1, 1), date(2050, 1, 1)), st.integers(0, 20000))
def test_adding_the_years_and_months_again_never_passes_the_later_date(first: date, days: int) -> None:
    later = first + timedelta(days)
    words = interval_before(_study("a", first.isoformat()), _study("b", later.isoformat())).split()
    told = dict(zip(words[1::2], (int(number) for number in words[::2]), strict=True))
    months = told.get("y", 0) * 12 + told.get("mo", 0)
    if "d" in told:
        assert told["d"] == days < 31
    whole = (later.year * 12 + later.month) - (first.year * 12 + first.month)
    assert months in (whole, whole - 1) or "d" in told or days == 0


def test_priors_come_newest_first_and_later_studies_are_none() -> None:
    now = _study("now", "2004-03-01")
    others = [
        _study("old", "1999-01-01"),
        _study("last", "2003-01-01"),
        _study("later", "2005-01-01"),
        _study("other", "2003-02-01", Patient("Doe^John", "99", "1950-03-01")),
        _study("sample", "2003-02-01", sample=True),
        _study("undated", ""),
        now,
    ]
    assert [prior.study.key for prior in priors_of(now, others)] == ["last", "old"]
