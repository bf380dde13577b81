"""Sample studies that installed packages carry, so that the first start is no empty room.

Nothing is downloaded, and the packages are only located, not imported.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from medvision_desktop.domain.study import ScanResult, StudyRef
from medvision_desktop.services.open_study import index
from medvision_desktop.work import CancelToken, ProgressSink, no_progress

# In the order in which they are listed: package, then the file within it.
_FILES: Final = (
    ("data_store", "data/RG1_UNCR.dcm"),
    ("data_store", "data/RG3_UNCR.dcm"),
    ("data_store", "data/MR2_UNCR.dcm"),
    ("data_store", "data/693_UNCR.dcm"),
    ("data_store", "data/US1_UNCR.dcm"),
    ("nilearn", "datasets/data/mni_icbm152_t1_tal_nlin_sym_09a_converted.nii.gz"),
)
# What the template's own header does not say, by the file that says nothing.
_NAMES: Final[Mapping[str, tuple[str, str]]] = {
    "mni_icbm152_t1_tal_nlin_sym_09a_converted.nii.gz": ("MNI152 template", "T1, 1 mm"),
}


def sample_files() -> tuple[Path, ...]:
    """The sample files that are installed here."""
    found = []
    for package, name in _FILES:
        spec = importlib.util.find_spec(package)
        for folder in (spec.submodule_search_locations or ()) if spec is not None else ():
            path = Path(folder, name)
            if path.is_file():
                found.append(path)
                break
    return tuple(found)


def sample_studies(
    *, progress: ProgressSink = no_progress, cancel: CancelToken | None = None
) -> ScanResult:
    """The sample studies, marked as such, in a fixed order. None of them is an archive."""
    files = sample_files()
    scan = index(files, scratch=Path(), progress=progress, cancel=cancel)
    order = {path: position for position, path in enumerate(files)}
    studies = sorted((_marked(study) for study in scan.studies), key=lambda study: _place(study, order))
    return ScanResult(tuple(studies), scan.refused)


def _place(study: StudyRef, order: Mapping[Path, int]) -> int:
    return min(order.get(instance.path, 99) for series in study.series for instance in series.instances)


def _marked(study: StudyRef) -> StudyRef:
    name = study.series[0].instances[0].path.name
    if name not in _NAMES:
        return replace(study, is_sample=True)
    title, described = _NAMES[name]
    series = tuple(replace(one, modality="MR", description=described) for one in study.series)
    return replace(study, is_sample=True, description=title, series=series)
