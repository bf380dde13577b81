"""From what the reader names to single files: folders, zip archives and DICOMDIR.

Nothing leaves its place: an archive is unpacked only under the scratch folder, within bounds, and
a DICOMDIR reaches only files below its own folder.
"""

from __future__ import annotations

import errno
import io
import lzma
import os
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Final

from medvision_desktop.domain.study import RefusedFile
from medvision_desktop.errors import InputRefused
from medvision_desktop.io.dicom_faults import quiet
from medvision_desktop.io.dicom_header import read_header
from medvision_desktop.io.dicom_values import items_of, texts
from medvision_desktop.work import CancelToken, Progress, ProgressSink, no_progress

MAX_MEMBERS: Final = 100_000
MAX_MEMBER_BYTES: Final = 8 << 30
MAX_TOTAL_BYTES: Final = 32 << 30
_MAX_RATIO: Final = 200
_RATIO_FLOOR: Final = 64 << 20
_MAX_FILES: Final = 1_000_000
_CHUNK: Final = 1 << 20
# All members together may be packed as tightly as one: many small bombs are a large one.
_TOTAL_FLOOR: Final = 1 << 30
_MEMBER_ENTRY: Final = 320
# What the library raises on an archive whose parts contradict each other.
_ARCHIVE_FAULTS: Final = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    LookupError,
    NotImplementedError,
    OverflowError,
    RuntimeError,
    ValueError,
)
_DIRECTORY_CLASS: Final = b"1.2.840.10008.1.3.10"
_PIECES: Final = re.compile(r"[0-9]+|[^0-9]", re.DOTALL)
_LITTER: Final = frozenset({"thumbs.db", "desktop.ini", "__macosx"})


@dataclass(frozen=True)
class Limits:
    """Bounds of one unpacking, in members and bytes."""

    members: int = MAX_MEMBERS
    member_bytes: int = MAX_MEMBER_BYTES
    total_bytes: int = MAX_TOTAL_BYTES


def walk(folder: Path, cancel: CancelToken, refused: Callable[[OSError], None]) -> Iterator[Path]:
    """Regular files below a folder in a stable order; hidden files and links to folders left out.

    `refused` is told of each folder that cannot be read.
    """
    count = 0
    for base, folders, files in os.walk(folder, followlinks=False, onerror=refused):
        cancel.check()
        folders[:] = sorted(name for name in folders if not _is_litter(name))
        for name in sorted(files, key=_natural):
            path = Path(base, name)
            if _is_litter(name) or not _is_regular(path):
                continue
            count += 1
            if count > _MAX_FILES:
                raise InputRefused("The folder holds too many files.", f"The limit is {_MAX_FILES}.")
            yield path


def is_zip(head: bytes) -> bool:
    """Whether the first bytes are a zip archive's, and not the preamble of a DICOM file."""
    return head[128:132] != b"DICM" and head.startswith((b"PK\x03\x04", b"PK\x05\x06"))


def is_directory(path: Path, head: bytes) -> bool:
    """Whether a file is a DICOMDIR: by its name, or by its media storage class (PS3.10 8.6)."""
    return path.name.upper() == "DICOMDIR" or (head[128:132] == b"DICM" and _DIRECTORY_CLASS in head[:1024])


def unpack(
    archive: Path,
    into: Path,
    cancel: CancelToken,
    limits: Limits = Limits(),
    *,
    progress: ProgressSink = no_progress,
) -> tuple[list[Path], list[RefusedFile]]:
    """Unpack a zip below `into`. Returns the files, and the members that were refused.

    A member whose name would leave the folder, a link, an encrypted or damaged member is refused
    and the rest is read. Raises `InputRefused` when the archive as a whole is no zip or a bomb.
    """
    files: list[Path] = []
    refused: list[RefusedFile] = []
    try:
        with _Directory(archive, limits) as file:
            opened = _opened(file)
            members = opened.infolist()
            if len(members) > limits.members:
                raise _too_many(limits)
            for position, member in _wanted(members, archive, refused, limits, file.size):
                cancel.check()
                progress(Progress(position, len(members), "Unpacking"))
                # Our own names, so that no name in the archive can reach outside or collide.
                target = _target(into, member.filename, position)
                try:
                    _write(opened.open(member), target, member.file_size, cancel)
                    files.append(target)
                except (*_ARCHIVE_FAULTS, OSError) as error:
                    target.unlink(missing_ok=True)
                    if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
                        raise  # the disk's fault; damaged data has no number, or sends us nowhere
                    why = f"It cannot be unpacked ({type(error).__name__})."
                    refused.append(RefusedFile(_shown(archive, position), why))
    except OSError as error:
        raise InputRefused(
            "The archive cannot be unpacked.", f"{error.strerror or 'No reason given'}."
        ) from error
    return files, refused


class _Directory(io.FileIO):
    """An archive whose list of members is not read at all where it is longer than may be."""

    def __init__(self, archive: Path, limits: Limits) -> None:
        super().__init__(archive)
        self._limits = limits
        self.size = os.fstat(self.fileno()).st_size

    def read(self, size: int | None = -1, /) -> bytes:
        """As a file's. Raises `InputRefused`."""
        if size is not None and size > max(_CHUNK, self._limits.members * _MEMBER_ENTRY):
            raise _too_many(self._limits)
        return super().read(size) or b""


def _opened(file: _Directory) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(file)
    except (*_ARCHIVE_FAULTS, OSError) as error:
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
            raise
        raise InputRefused("The archive cannot be read.", "It is damaged or no zip file.") from error


def _too_many(limits: Limits) -> InputRefused:
    return InputRefused("The archive holds too many files.", f"The limit is {limits.members}.")


def _wanted(
    members: Sequence[zipfile.ZipInfo],
    archive: Path,
    refused: list[RefusedFile],
    limits: Limits,
    packed: int,
) -> list[tuple[int, zipfile.ZipInfo]]:
    """Members to unpack, with their place in an archive of `packed` bytes. Raises `InputRefused`."""
    wanted: list[tuple[int, zipfile.ZipInfo]] = []
    for position, member in enumerate(members):
        why = _why_not(member, limits, packed)
        if why:
            refused.append(RefusedFile(_shown(archive, position), why))
        elif not member.is_dir() and not any(_is_litter(part) for part in _parts(member.filename)):
            wanted.append((position, member))
    total = sum(member.file_size for _, member in wanted)
    if total > limits.total_bytes:
        raise InputRefused("The archive is too large.", f"The limit is {limits.total_bytes >> 30} GB.")
    if total > max(_TOTAL_FLOOR, _MAX_RATIO * packed):
        raise InputRefused(
            "The archive is not unpacked.", "It is packed so tightly that it looks like a bomb."
        )
    return wanted


def _shown(archive: Path, position: int) -> Path:
    """How a member is listed: by its place, because its name may be anything."""
    return archive / f"member {position + 1}"


def _why_not(member: zipfile.ZipInfo, limits: Limits, packed: int) -> str:
    name = member.filename.replace("\\", "/")
    parts = _parts(name)
    if not name or (not parts and not name.endswith("/")):
        return "It has no name."
    if name.startswith("/") or ".." in parts or (parts and ":" in parts[0]):
        return "Its name in the archive leads outside of the archive."
    if stat.S_ISLNK(member.external_attr >> 16):
        return "It is a link, which is not followed."
    if member.flag_bits & 0x1:
        return "It is encrypted."
    if member.compress_size > packed:
        return "It says that it is larger than the archive."
    if member.file_size > limits.member_bytes:
        return "It is too large."
    if member.file_size > _RATIO_FLOOR and member.file_size > _MAX_RATIO * max(1, member.compress_size):
        return "It is packed so tightly that it looks like a bomb."
    return ""


def _parts(name: str) -> tuple[str, ...]:
    return PurePosixPath(name.replace("\\", "/")).parts


def _target(into: Path, name: str, position: int) -> Path:
    """A place below `into`: safe folder names, and the file's own safe name with its position."""
    parts = [_safe(part) for part in _parts(name)]
    folder = into.joinpath(*parts[:-1][-6:])
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except (FileExistsError, NotADirectoryError):  # a member before has the name of this one's folder
        folder = into / f"{position}-folder"
        folder.mkdir(mode=0o700)
    plain = folder / parts[-1]
    return plain if not plain.exists() else folder / f"{position}-{parts[-1]}"


def _safe(part: str) -> str:
    kept = "".join(sign if sign.isalnum() or sign in "._- " else "_" for sign in part)
    short = kept.strip(". ").encode()[:80].decode(errors="ignore")  # file systems count bytes
    return short.strip(". ") or "_"


def _write(source: IO[bytes], target: Path, size: int, cancel: CancelToken) -> None:
    with source, target.open("xb") as sink:
        left = size
        while True:
            cancel.check()
            chunk = source.read(min(_CHUNK, left + 1))
            if not chunk:
                break
            left -= len(chunk)
            if left < 0:
                raise zipfile.BadZipFile("longer than declared")
            sink.write(chunk)


def directory_files(dicomdir: Path) -> tuple[list[Path], list[RefusedFile]]:
    """Files that a DICOMDIR lists, in its order, and those that cannot be had.

    Only files below its own folder are taken, whatever its records say (PS3.10 8.6). Raises
    `InputRefused` when the DICOMDIR cannot be read.
    """
    with quiet():
        records = items_of(read_header(dicomdir).dataset, "DirectoryRecordSequence")
        listed_parts = [texts(record, "ReferencedFileID") for record in records]
    root = dicomdir.parent.resolve()
    files: dict[Path, None] = {}
    refused: list[RefusedFile] = []
    listings: dict[Path, dict[str, str]] = {}
    for identifiers in listed_parts:
        parts = [part for text in identifiers for part in text.split("\\")]
        if not parts:
            continue
        listed = dicomdir.parent.joinpath(*(part.replace("/", "_") for part in parts))
        if any(part in ("..", ".", "") or "/" in part or ":" in part for part in parts):
            refused.append(RefusedFile(dicomdir, "A file it lists lies outside of its folder."))
            continue
        found = _in_any_case(root, parts, listings)
        if found is None:
            refused.append(RefusedFile(listed, "The DICOMDIR lists it and it is not there."))
        elif not found.resolve().is_relative_to(root):
            refused.append(RefusedFile(listed, "A file it lists lies outside of its folder."))
        else:
            files.setdefault(found)
    if not files and not refused:
        raise InputRefused("The DICOMDIR lists no images.", "", "Open the folder that holds the images.")
    return list(files), refused


def _in_any_case(root: Path, parts: list[str], listings: dict[Path, dict[str, str]]) -> Path | None:
    """The file as named, else by names that differ in case or carry a version (";1").

    `listings` keeps what is in each folder that had to be searched, for the next file.
    """
    place = root
    for part in parts:
        exact = place / part
        if os.path.exists(exact):  # noqa: PTH110 - unlike Path.exists it never raises
            place = exact
            continue
        if place not in listings:
            listings[place] = _plain_names(place)
        alike = listings[place].get(part.lower())
        if alike is None:
            return None
        place = place / alike
    return place if _is_regular(place) else None


def _plain_names(folder: Path) -> dict[str, str]:
    """Names in a folder by their lower-case form without version; {} where it cannot be read."""
    try:
        names = sorted((entry.name for entry in folder.iterdir()), reverse=True)
    except OSError:
        return {}
    return {name.lower().split(";")[0].rstrip("."): name for name in names}


def _is_regular(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except OSError:
        return False


def _is_litter(name: str) -> bool:
    return name.startswith(".") or name.lower() in _LITTER


def _natural(name: str) -> tuple[tuple[bool, int, str], ...]:
    """`I2` before `I10`."""
    return tuple(
        (False, int(piece[:18]), "") if piece[0] in "0123456789" else (True, 0, piece)
        for piece in _PIECES.findall(f"{name}\0")
    )
