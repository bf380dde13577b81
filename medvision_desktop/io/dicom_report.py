"""Structured reports as readable text: the content tree in its own order (PS3.3 C.17.3, C.18).

Read in the decoding child: a content tree is as deep and as long as its writer liked.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from pydicom.dataset import Dataset

from medvision_desktop.domain.document import ReportLine, ReportText, Role
from medvision_desktop.errors import InputRefused
from medvision_desktop.io import dicom_report_values as value_text
from medvision_desktop.io.dicom_faults import PARSER_FAULTS, quiet, refused_by_parser
from medvision_desktop.io.dicom_header import read_header
from medvision_desktop.io.dicom_values import (
    clean,
    iso_date,
    iso_time,
    items_of,
    numbers,
    person,
    text,
    uid_name,
)

MOST_LINES: Final = 20_000
MOST_DEPTH: Final = 40
_MOST_BYTES: Final = 64 << 20
_CONTINUED: Final = frozenset({"TEXT", "CODE", "NUM", "DATE", "TIME", "DATETIME", "PNAME", "UIDREF"})
# How an item belongs to the one above it, where that is more than being a part or a property of it.
_RELATIONS: Final = {"INFERRED FROM": "Inferred from", "SELECTED FROM": "Selected from"}


def read_report(path: Path) -> ReportText:
    """The report in a file, at most `MOST_LINES` lines. Raises `InputRefused` in words for a reader."""
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise InputRefused("The report is too large.", f"The limit is {_MOST_BYTES >> 20} MB.")
        dataset = read_header(path, defer_bytes=_MOST_BYTES).dataset
        with quiet():
            return _report(dataset)
    except PARSER_FAULTS as error:
        raise refused_by_parser(error) from error


def _report(dataset: Dataset) -> ReportText:
    if text(dataset, "ValueType") != "CONTAINER" and not items_of(dataset, "ContentSequence"):
        raise InputRefused(
            "The report cannot be read.", "It has no content.", "Ask for it to be sent again."
        )
    lines = list(itertools.islice(_children(dataset, 0, (1,)), MOST_LINES + 1))
    if len(lines) > MOST_LINES:
        cut = ReportLine(0, f"Only the first {MOST_LINES} lines are shown.", role=Role.NOTE)
        lines = [*lines[:MOST_LINES], cut]
    if not lines:
        lines = [ReportLine(0, "The report is empty.", role=Role.NOTE)]
    return ReportText(title_of(dataset), tuple(_facts(dataset)), tuple(lines))


def title_of(dataset: Dataset) -> str:
    """The title of a report: the concept of its root, else what class of object it is."""
    named = _meaning(dataset, "ConceptNameCodeSequence")
    kind = uid_name(text(dataset, "SOPClassUID")).removesuffix(" Storage")
    return named or (kind if kind != "unknown" else "Structured report")


def _facts(dataset: Dataset) -> Iterator[ReportLine]:
    """Who, when, and how far the report is: what stands above its content."""
    who = [
        person(dataset, "PatientName"),
        text(dataset, "PatientID"),
        iso_date(dataset, "PatientBirthDate"),
    ]
    rows = [
        ("Patient", ", ".join(part for part in who if part), True),
        ("Study", text(dataset, "StudyDescription"), False),
        ("Written", _moment(dataset, "ContentDate", "ContentTime"), False),
        ("State", _state(dataset), False),
        ("Reason", text(dataset, "CompletionFlagDescription"), False),
    ]
    for observer in items_of(dataset, "VerifyingObserverSequence")[:20]:
        name, when = person(observer, "VerifyingObserverName"), text(observer, "VerificationDateTime")
        place = text(observer, "VerifyingOrganization")
        rows.append(
            ("Verified by", ", ".join(p for p in (name, place, value_text.moment(when)) if p), True)
        )
    for author in items_of(dataset, "AuthorObserverSequence")[:20]:
        name = person(author, "PersonName") or text(author, "StationName")
        rows.append(("Author", name, True))
    earlier = len(items_of(dataset, "PredecessorDocumentsSequence"))
    rows.append(
        ("Replaces", f"{earlier} earlier version{'s' if earlier > 1 else ''}" if earlier else "", False)
    )
    yield from (ReportLine(0, name, value, personal=personal) for name, value, personal in rows if value)


def _state(dataset: Dataset) -> str:
    flags = (
        text(dataset, "CompletionFlag"),
        text(dataset, "VerificationFlag"),
        text(dataset, "PreliminaryFlag"),
    )
    return ", ".join(flag.capitalize() for flag in flags if flag)


def _moment(dataset: Dataset, day: str, clock: str) -> str:
    return " ".join(part for part in (iso_date(dataset, day), iso_time(dataset, clock)) if part)


def _children(item: Dataset, depth: int, place: tuple[int, ...]) -> Iterator[ReportLine]:
    """Lines of the items below one, in order. `place` numbers them as references do (C.17.3.2.5)."""
    if depth >= MOST_DEPTH:
        if items_of(item, "ContentSequence"):
            yield ReportLine(depth, "What lies deeper is not shown.", role=Role.NOTE)
        return
    for number, child in enumerate(items_of(item, "ContentSequence"), start=1):
        yield from _lines(child, depth, (*place, number))


def _lines(item: Dataset, depth: int, place: tuple[int, ...]) -> Iterator[ReportLine]:
    kind = text(item, "ValueType")
    relation = _RELATIONS.get(text(item, "RelationshipType"), "")
    name = _meaning(item, "ConceptNameCodeSequence")
    reference = numbers(item, "ReferencedContentItemIdentifier")
    if not kind and reference:
        where = ".".join(f"{int(part)}" for part in reference[:MOST_DEPTH])
        yield ReportLine(depth, relation or "See", f"item {where}")
        return
    if kind == "CONTAINER":
        yield from _container(item, depth, place, _led(relation, name))
        return
    value = value_text.of(item, kind)
    image = value_text.image_of(item) if kind == "IMAGE" else None
    yield ReportLine(depth, _led(relation, name), value, personal=kind == "PNAME", image=image)
    yield from _children(item, depth + 1, place)


def _container(item: Dataset, depth: int, place: tuple[int, ...], name: str) -> Iterator[ReportLine]:
    """A heading and what it holds; a continuous one is one running text (PS3.3 C.18.8)."""
    children = items_of(item, "ContentSequence")
    running = text(item, "ContinuityOfContent") == "CONTINUOUS" and children
    if running and all(text(child, "ValueType") in _CONTINUED for child in children):
        parts = [value_text.of(child, text(child, "ValueType")) for child in children]
        personal = any(text(child, "ValueType") == "PNAME" for child in children)
        yield ReportLine(depth, name, " ".join(part for part in parts if part), personal=personal)
        for number, child in enumerate(children, start=1):
            yield from _children(child, depth + 1, (*place, number))
        return
    if name:
        yield ReportLine(depth, name, role=Role.HEADING)
        depth += 1
    yield from _children(item, depth, place)


def _led(relation: str, name: str) -> str:
    return f"{relation}: {name}" if relation and name else relation or name


def _meaning(item: Dataset, keyword: str) -> str:
    for code in items_of(item, keyword)[:1]:
        return text(code, "CodeMeaning") or clean(value_text.code_value(code))
    return ""
