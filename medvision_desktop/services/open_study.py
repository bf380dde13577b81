"""Open what the reader points at: first a list of studies from headers, then one series with its pixels."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from medvision_desktop.domain.image import Frame, LoadedSeries, Stack
from medvision_desktop.domain.study import RefusedFile, ScanResult, SeriesRef, SourceKind, StudyRef
from medvision_desktop.errors import InputRefused
from medvision_desktop.io import (
    archive,
    dicom_header,
    dicom_scan,
    dicom_series,
    nifti,
    nifti_header,
    raster,
    volume,
)
from medvision_desktop.pixels.digest import pixel_digest
from medvision_desktop.work import CancelToken, Progress, ProgressSink, no_progress

if TYPE_CHECKING:
    from medvision_desktop.io.decoder import Decoder

_HEAD: Final = 4096
_CROSS_SECTIONAL: Final = frozenset({"CT", "MR", "PT", "NM", "RTDOSE", "SEG"})
_NOT_AN_IMAGE: Final = "It is not a kind of image that is read here (DICOM, NIfTI, PNG, JPEG)."


def index(
    paths: Sequence[Path],
    *,
    scratch: Path,
    progress: ProgressSink = no_progress,
    cancel: CancelToken | None = None,
) -> ScanResult:
    """Studies in folders, files, zip archives and DICOMDIRs, from headers alone.

    Archives are unpacked below `scratch`. What is not taken is listed with why; nothing but
    `Cancelled` and `InputRefused` for a scratch folder that cannot be written is raised.
    """
    token = cancel or CancelToken()
    refused: list[RefusedFile] = []
    progress(Progress(0, 0, "Looking for images"))
    files = _collect(paths, scratch, refused, token)
    found: list[dicom_scan.ScannedFile] = []
    others: dict[str, StudyRef] = {}
    for position, path in enumerate(files):
        token.check()
        try:
            _scan_one(path, found, others, refused)
        except InputRefused as refusal:
            refused.append(
                RefusedFile(path, " ".join(part for part in (refusal.what, refusal.why) if part))
            )
        progress(Progress(position + 1, len(files), "Reading headers"))
    studies, copies = dicom_scan.assemble(found)
    apart = sorted(others.values(), key=lambda study: (study.description, study.key))
    return ScanResult((*studies, *apart), (*refused, *copies))


def _scan_one(
    path: Path,
    found: list[dicom_scan.ScannedFile],
    others: dict[str, StudyRef],
    refused: list[RefusedFile],
) -> None:
    head = _head(path)
    if dicom_header.looks_like_dicom(head):
        found.append(dicom_scan.scan_file(path))
        return
    if nifti_header.looks_like_nifti(nifti_header.inflated(head)):
        study = nifti.scan(path)
    elif raster.looks_like_raster(head):
        study = raster.scan(path)
    else:
        raise InputRefused(_NOT_AN_IMAGE if head else "It is empty.")
    if study.key in others:
        refused.append(RefusedFile(path, "A copy: another file has the same content."))
    else:
        others[study.key] = study


def _refusal(path: Path, refusal: InputRefused) -> RefusedFile:
    return RefusedFile(path, " ".join(part for part in (refusal.what, refusal.why) if part))


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_HEAD)
    except FileNotFoundError as error:
        raise InputRefused("It does not exist.") from error
    except OSError as error:
        raise InputRefused(f"It cannot be read: {error.strerror or 'no reason given'}.") from error


def _collect(
    paths: Sequence[Path], scratch: Path, refused: list[RefusedFile], token: CancelToken
) -> list[Path]:
    files: list[Path] = []
    for path in paths:
        token.check()
        try:
            if path.is_dir():
                members = [(member, False) for member in archive.walk(path, token)]
            else:
                members = [(path, True)]
        except InputRefused as refusal:
            refused.append(_refusal(path, refusal))
            continue
        for member, named in members:
            token.check()
            try:
                _expand(member, scratch, files, refused, token, named=named)
            except InputRefused as refusal:
                refused.append(_refusal(member, refusal))
    return list(dict.fromkeys(files))


def _expand(
    path: Path,
    scratch: Path,
    files: list[Path],
    refused: list[RefusedFile],
    token: CancelToken,
    *,
    named: bool,
) -> None:
    """Add a file, or the files behind an archive or an index; archives in archives are refused."""
    head = _head(path)
    if archive.is_zip(head):
        members, left_out = _unpacked(path, scratch, token)
        refused.extend(left_out)
        files.extend(member for member in members if member.name.upper() != "DICOMDIR")
        return
    if archive.is_directory(path, head):
        if named:
            listed, missing = archive.directory_files(path)
            files.extend(listed)
            refused.extend(missing)
        elif path.name.upper() != "DICOMDIR":  # in a folder the files of an index are found anyway
            refused.append(RefusedFile(path, "It is a DICOMDIR, an index that holds no image."))
        return
    files.append(path)


def _unpacked(path: Path, scratch: Path, token: CancelToken) -> tuple[list[Path], list[RefusedFile]]:
    """Unpack into a fresh folder; nothing stays behind when that fails or is cancelled."""
    try:
        scratch.mkdir(parents=True, exist_ok=True, mode=0o700)
        folder = Path(tempfile.mkdtemp(prefix="zip-", dir=scratch))
    except OSError as error:
        raise InputRefused(
            "The archive cannot be unpacked.", f"{error.strerror or 'No reason given'}."
        ) from error
    try:
        return archive.unpack(path, folder, token)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def open_series(
    study: StudyRef,
    series: SeriesRef,
    *,
    decoder: Decoder,
    first: Callable[[LoadedSeries], None] | None = None,
    progress: ProgressSink = no_progress,
    cancel: CancelToken | None = None,
) -> LoadedSeries:
    """Load a series. `first` gets one with only its first frame as soon as that is decoded.

    Raises `InputRefused` in words for the reader, and `Cancelled`.
    """

    def early(frame: Frame) -> None:
        if first is not None:
            first(LoadedSeries(study, series, Stack((frame,), volume.modality_range([frame]))))

    if series.kind is SourceKind.DICOM:
        frames = dicom_series.load_frames(series, decoder, first=early, progress=progress, cancel=cancel)
        placed = all(frame.geometry is not None for frame in frames)
        wanted = len(frames) > 1 and (placed or series.modality in _CROSS_SECTIONAL)
    elif series.kind is SourceKind.NIFTI:
        frames = _nifti_frames(series, decoder, early, cancel)
        wanted = len(frames) > 1
    else:
        frames = (raster.load(series.instances[0], decoder, cancel),)
        wanted = False
    value_range = volume.modality_range(frames)
    fault = volume.grid_fault(frames) if wanted else ""
    built = volume.build_volume(frames, value_range) if wanted and not fault else None
    return LoadedSeries(study, series, Stack(frames, value_range), built, fault, _digest_of(frames))


def _nifti_frames(
    series: SeriesRef, decoder: Decoder, early: Callable[[Frame], None], cancel: CancelToken | None
) -> tuple[Frame, ...]:
    instance = series.instances[0]
    header = nifti_header.read_header(instance.path)
    values = nifti.read_volume(instance.path, header, limit_bytes=decoder.image_memory_bytes, cancel=cancel)
    frames = nifti.to_frames(header, values, instance.sop_instance_uid)
    early(frames[0])
    if not any(frame.corner.get("series_description") for frame in frames[:1]) and series.description:
        frames = tuple(
            replace(frame, corner={**frame.corner, "series_description": series.description})
            for frame in frames
        )
    return frames


def _digest_of(frames: Sequence[Frame]) -> str:
    """The frame's own digest for one frame, else SHA-256 over the frames' digests in order."""
    digests = [pixel_digest(frame.stored) for frame in frames]
    return digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()
