"""What the header of the file behind an image says, for people and for the cine."""

from __future__ import annotations

from medvision_desktop.domain.header import CineTimes, HeaderRow
from medvision_desktop.domain.study import InstanceRef, SeriesRef, SourceKind
from medvision_desktop.errors import InputRefused


def instance_of(series: SeriesRef, sop_instance_uid: str) -> InstanceRef | None:
    """The file behind a frame; the only file of a series when no UID is known."""
    for instance in series.instances:
        if instance.sop_instance_uid == sop_instance_uid:
            return instance
    return series.instances[0] if len(series.instances) == 1 else None


def header_of(series: SeriesRef, sop_instance_uid: str) -> tuple[HeaderRow, ...]:
    """Every element of the file behind a frame. Raises `InputRefused`, also where there is no header."""
    from medvision_desktop.io.dicom_tags import header_rows

    instance = instance_of(series, sop_instance_uid)
    if series.kind is not SourceKind.DICOM:
        raise InputRefused("This image has no DICOM header.", f"It comes from a {series.kind.value} file.")
    if instance is None:
        raise InputRefused(
            "This image has no header of its own.",
            f"It is a plane through {len(series.instances)} files.",
            "Show the images themselves, then ask again.",
        )
    return header_rows(instance.path)


def cine_times(series: SeriesRef, sop_instance_uid: str) -> CineTimes:
    """How fast the frames of a file want to be played; the usual rate where nothing says so."""
    from medvision_desktop.io.dicom_tags import cine_times as read_times

    instance = instance_of(series, sop_instance_uid)
    if series.kind is not SourceKind.DICOM or instance is None:
        return CineTimes()
    try:
        return read_times(instance.path)
    except InputRefused:
        return CineTimes()
