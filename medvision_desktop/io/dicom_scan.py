"""DICOM files to patients, studies and series: headers only, in the order in which they are shown."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
from pydicom.dataset import Dataset

from medvision_desktop.domain.geometry import Vector3
from medvision_desktop.domain.study import (
    LAYER_CLASSES,
    InstanceRef,
    Patient,
    RefusedFile,
    SeriesRef,
    SourceKind,
    StudyRef,
)
from medvision_desktop.errors import InputRefused
from medvision_desktop.io import dicom_space
from medvision_desktop.io.content_key import content_key
from medvision_desktop.io.dicom_alike import HeaderReader
from medvision_desktop.io.dicom_faults import quiet, refused_by_parser
from medvision_desktop.io.dicom_header import Header
from medvision_desktop.io.dicom_layout import PixelLayout, layout_of
from medvision_desktop.io.dicom_native import ends_early
from medvision_desktop.io.dicom_values import (
    iso_date,
    iso_time,
    items_of,
    person,
    text,
    texts,
    uid_name,
    whole,
)

_VIDEO: Final = frozenset(f"1.2.840.10008.1.2.4.{code}" for code in range(100, 109))


class HoldsNoPixels(InputRefused):
    """A DICOM object that is no image; it may still speak of images."""


@dataclass(frozen=True)
class ScannedFile:
    """One image object: its study and series as its own header names them, and its reference.

    `part` tells apart what shares a series but is not one stack: multi-frame objects each on
    their own, scouts, other object classes, colour beside grey.
    """

    study: StudyRef
    series: SeriesRef
    instance: InstanceRef
    part: tuple[str, ...]
    position_mm: float | None
    normal: Vector3 | None


def scan_file(path: Path, reader: HeaderReader | None = None, head: bytes = b"") -> ScannedFile:
    """Read one header. Raises `InputRefused` for what is no image or cannot be one.

    With a `reader` that has read others of the series, only what differs is worked out. `head`: the
    file's first bytes, if they are at hand.
    """
    with quiet():
        return _scanned(path, (reader or HeaderReader()).read(path, head))


def _scanned(path: Path, header: Header) -> ScannedFile:
    dataset, memo = header.dataset, header.memo
    class_uid = memo.of("class", lambda: text(dataset, "SOPClassUID"))
    if memo.of("directory", lambda: "DirectoryRecordSequence" in dataset):
        raise InputRefused("It is a DICOMDIR, an index that holds no image.")
    if header.pixels is None:
        name = uid_name(class_uid)
        # Pixels come last: what describes them is there, and the file was cut before them.
        cut = name.endswith("Image Storage") and "Rows" in dataset
        what = "ends before its pixels" if cut else "holds no pixels"
        raise HoldsNoPixels(f"It {what} ({name})." if name != "unknown" else f"It {what}.")
    if header.transfer_syntax in _VIDEO:
        raise InputRefused("It is a video, which is not shown yet.")
    layout = memo.of("layout", lambda: layout_of(header))
    identity = text(dataset, "SOPInstanceUID") or key_of_content(path)
    instance = InstanceRef(
        path=path,
        sop_instance_uid=identity,
        sop_class_uid=class_uid,
        transfer_syntax_uid=header.transfer_syntax,
        number_of_frames=layout.frames,
        instance_number=whole(dataset, "InstanceNumber"),
        rows=layout.rows,
        columns=layout.columns,
    )
    study, series = _owners(header, identity)
    normal = memo.of("normal", lambda: _normal(dataset))
    origin = dicom_space.origin_of(dataset, 0) if normal is not None else None
    return ScannedFile(
        study=study,
        series=series,
        instance=instance,
        part=memo.of("part", lambda: _part(header, layout)) if layout.frames == 1 else ("frames", identity),
        position_mm=None if normal is None or origin is None else dicom_space.position_of(normal, origin),
        normal=normal,
    )


def _owners(header: Header, identity: str) -> tuple[StudyRef, SeriesRef]:
    """Study and series as the header names them; `identity` stands in where it has no UIDs."""
    dataset, memo = header.dataset, header.memo
    if not memo.of("uid", lambda: text(dataset, "StudyInstanceUID")):
        study = study_of(dataset, identity)
        return study, _series(dataset, study.key)
    study = memo.of("study", lambda: study_of(dataset, identity))
    return study, memo.of("series", lambda: _series(dataset, study.key))


def _normal(dataset: Dataset) -> Vector3 | None:
    directions = dicom_space.directions_of(dataset, 0)
    return (
        None if directions is None or dicom_space.is_mosaic(dataset) else dicom_space.normal_of(*directions)
    )


def assemble(files: Iterable[ScannedFile]) -> tuple[tuple[StudyRef, ...], tuple[RefusedFile, ...]]:
    """Group by study, patient and series; order; name copies. Stable for a set of files."""
    unique, refused = _without_copies(sorted(files, key=lambda file: str(file.instance.path)))
    patients: dict[str, dict[tuple[str, str], list[ScannedFile]]] = {}
    for file in unique:
        patient = file.study.patient
        identity = (patient.id, patient.name if not patient.id else "")
        patients.setdefault(file.study.key, {}).setdefault(identity, []).append(file)
    studies = []
    for key, by_patient in patients.items():
        for identity, members in sorted(by_patient.items()):
            # Two patients under one study UID are two studies: pictures are never mixed up.
            own_key = key if len(by_patient) == 1 else f"{key}#{_digest(*identity)[:8]}"
            studies.append(_assembled(own_key, members))
    ordered = sorted(studies, key=lambda study: (study.patient.name, study.date, study.time, study.key))
    return tuple(ordered), tuple(refused)


def _without_copies(files: Sequence[ScannedFile]) -> tuple[list[ScannedFile], list[RefusedFile]]:
    """The first whole file of each image, else its first; the others are named."""
    alike: dict[tuple[str, str, str], list[ScannedFile]] = {}
    for file in files:
        identity = (file.study.key, file.series.uid, file.instance.sop_instance_uid)
        alike.setdefault(identity, []).append(file)
    kept = {id(_whole_one(same)) for same in alike.values()}
    refused = [
        RefusedFile(file.instance.path, "A copy: another file is the same image by its UID.")
        for file in files
        if id(file) not in kept
    ]
    return [file for file in files if id(file) in kept], refused


def _whole_one(same: Sequence[ScannedFile]) -> ScannedFile:
    if len(same) == 1:
        return same[0]
    return next((file for file in same if not ends_early(file.instance.path)), same[0])


def _assembled(key: str, members: Sequence[ScannedFile]) -> StudyRef:
    parts: dict[tuple[str, tuple[str, ...]], list[ScannedFile]] = {}
    for file in members:
        parts.setdefault((file.series.uid, file.part), []).append(file)
    series: list[SeriesRef] = []
    taken: dict[str, int] = {}
    for (uid, _), files in sorted(parts.items(), key=lambda entry: _part_order(entry[1])):
        taken[uid] = taken.get(uid, 0) + 1
        own_uid = uid if taken[uid] == 1 else f"{uid}#{taken[uid]}"
        ordered = tuple(file.instance for file in _in_order(files))
        series.append(replace(files[0].series, uid=own_uid, instances=ordered))
    # What lies over images stands behind them, whatever its number: a study opens with an image.
    series.sort(key=lambda one: (one.is_layer, one.number is None, one.number or 0, one.uid))
    first = members[0].study
    fullest = max((file.study for file in members), key=lambda study: len(study.description))
    return replace(first, key=key, description=fullest.description, series=tuple(series))


def _part_order(files: Sequence[ScannedFile]) -> tuple[str, bool, int, str]:
    """Parts of one series: scouts last, then by instance number, so that their UIDs are stable."""
    numbers = [file.instance.instance_number for file in files if file.instance.instance_number is not None]
    uids = [file.instance.sop_instance_uid for file in files]
    return files[0].series.uid, "scout" in files[0].part, min(numbers, default=1 << 40), min(uids)


def _in_order(files: Sequence[ScannedFile]) -> list[ScannedFile]:
    """By position along the shared normal, in the direction in which instance numbers grow.

    By instance number where the planes are not parallel or do not say where they are.
    """

    def by_number(file: ScannedFile) -> tuple[bool, int, str]:
        number = file.instance.instance_number
        return number is None, number or 0, file.instance.sop_instance_uid

    numbered = sorted(files, key=by_number)
    normals = [file.normal for file in files if file.normal is not None and file.position_mm is not None]
    if len(normals) != len(files) or not _parallel(normals):
        return numbered
    ordered = sorted(numbered, key=lambda file: file.position_mm or 0.0)
    numbers = [
        file.instance.instance_number for file in ordered if file.instance.instance_number is not None
    ]
    falling = sum(b < a for a, b in itertools.pairwise(numbers))
    if 2 * falling > max(1, len(numbers) - 1):
        ordered = sorted(numbered, key=lambda file: -(file.position_mm or 0.0))
    return ordered


def _parallel(normals: Sequence[Vector3]) -> bool:
    stack = np.asarray(normals)
    return bool(np.all(stack @ stack[0] > 0.9999))


def _part(header: Header, layout: PixelLayout) -> tuple[str, ...]:
    """What files of one stack have in common beside their series: object class, scout or not, colour."""
    scout = "LOCALIZER" in texts(header.dataset, "ImageType")
    class_uid = text(header.dataset, "SOPClassUID")
    return (class_uid, "scout" if scout else "", "colour" if layout.samples == 3 else "grey")


def study_of(dataset: Dataset, identity: str) -> StudyRef:
    """The study as a header names it, without series; `identity` stands in for missing UIDs."""
    uid = text(dataset, "StudyInstanceUID")
    sex = text(dataset, "PatientSex")
    return StudyRef(
        key=uid or f"no-study-uid-{_digest(text(dataset, 'SeriesInstanceUID') or identity)[:16]}",
        patient=Patient(
            name=person(dataset, "PatientName"),
            id=text(dataset, "PatientID"),
            birth_date=iso_date(dataset, "PatientBirthDate"),
            sex=sex if sex in ("M", "F", "O") else "",
        ),
        series=(),
        uid=uid,
        date=iso_date(dataset, "StudyDate"),
        time=iso_time(dataset, "StudyTime"),
        description=text(dataset, "StudyDescription"),
        accession=text(dataset, "AccessionNumber"),
        institution=text(dataset, "InstitutionName"),
        referring_physician=person(dataset, "ReferringPhysicianName"),
        age=text(dataset, "PatientAge"),
    )


def _series(dataset: Dataset, study_key: str) -> SeriesRef:
    uid, class_uid = text(dataset, "SeriesInstanceUID"), text(dataset, "SOPClassUID")
    layer = class_uid in LAYER_CLASSES
    return SeriesRef(
        uid=uid or f"no-series-uid-{_digest(study_key)[:16]}",
        kind=SourceKind.DICOM,
        instances=(),
        modality=text(dataset, "Modality"),
        description=text(dataset, "SeriesDescription") or text(dataset, "ProtocolName"),
        number=whole(dataset, "SeriesNumber"),
        body_part=text(dataset, "BodyPartExamined"),
        view_position=text(dataset, "ViewPosition"),
        laterality=text(dataset, "ImageLaterality") or text(dataset, "Laterality"),
        frame_of_reference=text(dataset, "FrameOfReferenceUID"),
        sop_class_uid=class_uid,
        refers_to=_referred(dataset) if layer else (),
        segments=len(items_of(dataset, "SegmentSequence")) if layer else 0,
    )


def _referred(dataset: Dataset) -> tuple[str, ...]:
    """Series that a derived object names as its sources (PS3.3 C.12.1.2)."""
    named = (text(item, "SeriesInstanceUID") for item in items_of(dataset, "ReferencedSeriesSequence"))
    return tuple(dict.fromkeys(uid for uid in named if uid))


def key_of_content(path: Path) -> str:
    """What identifies a file whose header has no UID. Raises `InputRefused`."""
    try:
        return content_key("dicom", path)
    except OSError as error:
        raise refused_by_parser(error) from error


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()
