"""Open what the reader points at: first a list of studies from headers, then one series with its pixels."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from medvision_desktop.domain.frame_shelf import faces_of
from medvision_desktop.domain.image import Frame, LoadedSeries, Phase, Stack
from medvision_desktop.domain.study import (
    PresentationRef,
    RefusedFile,
    ScanResult,
    SeriesRef,
    SourceKind,
    StudyRef,
)
from medvision_desktop.errors import InputRefused
from medvision_desktop.io import (
    archive,
    dicom_document,
    dicom_faults,
    dicom_header,
    dicom_presentation,
    dicom_scan,
    dicom_series,
    nifti,
    nifti_header,
    nifti_pages,
    nifti_pair,
    phases,
    raster,
    volume,
)
from medvision_desktop.io.dicom_alike import HeaderReader
from medvision_desktop.io.paged_shelf import PagedShelf
from medvision_desktop.services import documents, nifti_sets, presentations
from medvision_desktop.work import CancelToken, Progress, ProgressSink, no_progress

if TYPE_CHECKING:
    from medvision_desktop.io.decoder import Decoder

# Enough for most headers, so that they need not be read twice.
_HEAD: Final = 1 << 14
_CROSS_SECTIONAL: Final = frozenset({"CT", "MR", "PT", "NM", "RTDOSE", "SEG"})
# Of a series that is not kept whole: as many frames as tell its usual values.
_SAMPLE: Final = 16
_PAGED: Final = "The series is larger than the memory for images, so its slices are read one by one."
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
    progress(Progress(0, 0, "Looking for images"))
    collection = _Collection(scratch, progress, token)
    for path in paths:
        collection.add(path)
    files, refused = collection.files, collection.refused
    found = _Found(refused)
    with dicom_faults.quiet():  # once for all of them, which is cheaper than for each
        for position, path in enumerate(files):
            token.check()
            try:
                _scan_one(path, found)
            except InputRefused as refusal:
                refused.append(_refusal(path, refusal))
            progress(Progress(position + 1, len(files), "Reading headers"))
    studies, copies = dicom_scan.assemble(found.images)
    studies, more_copies = documents.attached(studies, found.documents)
    studies, alone = presentations.attached(studies, found.spoken)
    others = sorted(found.others.values(), key=lambda study: (study.description, study.key))
    apart = nifti_sets.joined(others)
    return ScanResult((*studies, *apart), (*refused, *copies, *more_copies, *alone))


@dataclass
class _Found:
    """What single files turned out to be, while a scan runs."""

    refused: list[RefusedFile]
    images: list[dicom_scan.ScannedFile] = field(default_factory=list)
    others: dict[str, StudyRef] = field(default_factory=dict)
    spoken: list[PresentationRef] = field(default_factory=list)
    documents: list[dicom_document.ScannedDocument] = field(default_factory=list)
    reader: HeaderReader = field(default_factory=HeaderReader)


def _scan_one(path: Path, found: _Found) -> None:
    head = _head(path)
    if dicom_header.looks_like_dicom(head):
        _scan_dicom(path, head, found)
        return
    opened = nifti_header.inflated(head)
    header = _header_of_pixels(path)
    if header is not None:
        path = header
        study = nifti.scan(path)
    elif nifti_header.looks_like_nifti(opened):
        study = nifti.scan(path)
    elif nifti_pair.is_analyze_header(opened):
        raise InputRefused(
            "It is an Analyze header, which does not say which side is left.", "Save it as NIfTI."
        )
    elif opened is not head and path.name.lower().endswith(".nii.gz"):
        raise InputRefused("The compressed file is damaged.", "No NIfTI header can be unpacked from it.")
    elif raster.looks_like_raster(head):
        study = raster.scan(path)
    else:
        raise InputRefused(_NOT_AN_IMAGE if head else "It is empty.")
    known = found.others.get(study.key)
    if known is not None and known.series[0].instances[0].path == path:
        return  # the other file of a pair
    if known is not None:
        found.refused.append(RefusedFile(path, "A copy: another file has the same content."))
    else:
        found.others[study.key] = study


def _header_of_pixels(path: Path) -> Path | None:
    """The NIfTI header beside a file of pixels alone; None for any other file."""
    header = nifti_pair.header_beside(path)
    if header is None:
        return None
    try:
        return header if nifti_pair.is_pair_header(nifti_header.inflated(_head(header))) else None
    except InputRefused:
        return None


def _scan_dicom(path: Path, head: bytes, found: _Found) -> None:
    """An image, or what speaks of images, or what is read: a key object selection is both of these."""
    try:
        found.images.append(dicom_scan.scan_file(path, found.reader, head))
    except dicom_scan.HoldsNoPixels:
        reference = dicom_presentation.ref_of(path)
        document = dicom_document.scan_document(path)
        if reference is None and document is None:
            raise
        if reference is not None:
            found.spoken.append(reference)
        if document is not None:
            found.documents.append(document)


def _refusal(path: Path, refusal: InputRefused) -> RefusedFile:
    return RefusedFile(path, " ".join(part for part in (refusal.what, refusal.why) if part))


def _head(path: Path) -> bytes:
    try:
        # Opening a pipe or a device could wait for ever; so could what the kernel calls an empty file.
        status = os.stat(path)  # noqa: PTH116 - thousands of files: half the time
        if not stat.S_ISREG(status.st_mode):
            raise InputRefused("It is not a file.")
        if not status.st_size:
            return b""
        file = os.open(path, os.O_RDONLY)
        try:
            return os.read(file, _HEAD)
        finally:
            os.close(file)
    except (FileNotFoundError, ValueError) as error:  # no file has a name with a zero in it
        raise InputRefused("It does not exist.") from error
    except OSError as error:
        raise InputRefused(f"It cannot be read: {error.strerror or 'no reason given'}.") from error


class _Collection:
    """The single files behind what the reader named, each once, and what was refused on the way."""

    def __init__(self, scratch: Path, progress: ProgressSink, token: CancelToken) -> None:
        self._scratch = scratch
        self._progress = progress
        self._token = token
        self._files: dict[Path, None] = {}
        self.refused: list[RefusedFile] = []

    @property
    def files(self) -> list[Path]:
        return list(self._files)

    def add(self, path: Path) -> None:
        """A file, an archive, a DICOMDIR, or all that is in a folder."""
        self._token.check()
        if not os.path.isdir(path):  # noqa: PTH112 - unlike Path.is_dir it never raises
            self._add_one(path, named=True)
            return
        members = archive.walk(path, self._token, self._refuse_folder)
        try:
            for member in members:
                self._add_one(member, named=False)
        except InputRefused as refusal:
            self.refused.append(_refusal(path, refusal))

    def _refuse_folder(self, error: OSError) -> None:
        why = f"It cannot be read: {error.strerror or 'no reason given'}."
        self.refused.append(RefusedFile(Path(error.filename or "."), why))

    def _add_one(self, path: Path, *, named: bool) -> None:
        self._token.check()
        try:
            self._expand(path, named=named)
        except InputRefused as refusal:
            self.refused.append(_refusal(path, refusal))

    def _expand(self, path: Path, *, named: bool) -> None:
        """Archives in archives are not opened; in a folder only what is called .zip is one."""
        if not named and path.suffix.lower() not in ("", ".zip") and path.name.upper() != "DICOMDIR":
            self._keep([path])  # whatever it is, reading its header will say
            return
        head = _head(path)
        if archive.is_zip(head) and (named or path.suffix.lower() in ("", ".zip")):
            members, left_out = _unpacked(path, self._scratch, self._progress, self._token)
            self.refused.extend(left_out)
            self._keep(member for member in members if member.name.upper() != "DICOMDIR")
        elif archive.is_directory(path, head):
            if named:  # in a folder the files of an index are found anyway
                listed, missing = archive.directory_files(path)
                self._keep(listed)
                self.refused.extend(missing)
        else:
            self._keep([path])

    def _keep(self, paths: Iterable[Path]) -> None:
        self._files.update(dict.fromkeys(paths))


def _unpacked(
    path: Path, scratch: Path, progress: ProgressSink, token: CancelToken
) -> tuple[list[Path], list[RefusedFile]]:
    """Unpack into a fresh folder; nothing stays behind when that fails or is cancelled."""
    try:
        scratch.mkdir(parents=True, exist_ok=True, mode=0o700)
        folder = Path(tempfile.mkdtemp(prefix="zip-", dir=scratch))
    except OSError as error:
        raise InputRefused(
            "The archive cannot be unpacked.", f"{error.strerror or 'No reason given'}."
        ) from error
    try:
        return archive.unpack(path, folder, token, progress=progress)
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
    """Load a series. `first` gets one with its first frame as soon as that is decoded.

    Its other frames then come to the same shelf (see `frame_shelf.FrameShelf`) before the whole series is
    given back; one that is larger than the memory for images stays on its shelf.
    Raises `InputRefused` in words for the reader, and `Cancelled`.
    """

    def early(frames: Sequence[Frame]) -> None:
        if first is not None:
            shown = [frame for _, frame in faces_of(frames)]
            first(LoadedSeries(study, series, Stack(frames, volume.modality_range(shown))))

    if series.kind is SourceKind.DICOM:
        frames = dicom_series.load_frames(series, decoder, first=early, progress=progress, cancel=cancel)
        placed = all(frame.geometry is not None for _, frame in faces_of(frames))
        wanted = len(frames) > 1 and (placed or series.modality in _CROSS_SECTIONAL)
    elif series.kind is SourceKind.NIFTI:
        frames = _nifti_frames(series, decoder, early, progress, cancel)
        wanted = len(frames) > 1
    else:
        frames = (raster.load(series.instances[0], decoder, cancel),)
        wanted = False
    here = [frame for _, frame in faces_of(frames)]
    states = presentations.states_of(study, here)
    if isinstance(frames, PagedShelf):
        stack = Stack(frames, volume.modality_range(frames.spread(_SAMPLE, cancel or CancelToken())))
        return LoadedSeries(study, series, stack, None, _PAGED, states)
    value_range = volume.modality_range(frames)
    frames = presentations.with_key_marks(study, tuple(frames))
    several = _phases_of(series, frames, value_range, cancel) if wanted else ()
    if several:
        one = several[0]
        return LoadedSeries(
            study, series, Stack(frames, value_range), one.volume, one.not_a_volume, states, several
        )
    fault = volume.grid_fault(frames) if wanted else ""
    built = volume.build_volume(frames, value_range) if wanted and not fault else None
    return LoadedSeries(study, series, Stack(frames, value_range), built, fault, states)


def _phases_of(
    series: SeriesRef,
    frames: Sequence[Frame],
    value_range: tuple[float, float] | None,
    cancel: CancelToken | None,
) -> tuple[Phase, ...]:
    """The volumes of a series that has several at the same place."""
    token = cancel or CancelToken()
    if series.kind is SourceKind.DICOM:
        return phases.of_dicom(series, frames, value_range, token)
    groups = nifti.volumes_of(nifti_header.read_header(series.instances[0].path), len(frames))
    return phases.built(frames, groups, value_range)


def _nifti_frames(
    series: SeriesRef,
    decoder: Decoder,
    early: Callable[[Sequence[Frame]], None],
    progress: ProgressSink,
    cancel: CancelToken | None,
) -> Sequence[Frame]:
    instance = series.instances[0]
    progress(Progress(0, series.frame_count, "Loading images"))
    header = nifti_header.read_header(instance.path)
    if header.volume_bytes > decoder.image_memory_bytes:
        return nifti_pages.shelf(
            instance.path, header, series, decoder.image_memory_bytes, early, cancel, progress
        )
    values = nifti.read_volumes(
        instance.path, header, limit_bytes=decoder.image_memory_bytes, cancel=cancel
    )
    frames = nifti.frames_of_volumes(header, values, instance.sop_instance_uid)
    early(frames[:1])
    progress(Progress(len(frames), len(frames), "Loading images"))
    if not any(frame.corner.get("series_description") for frame in frames[:1]) and series.description:
        frames = tuple(
            replace(frame, corner={**frame.corner, "series_description": series.description})
            for frame in frames
        )
    return frames
