"""What each sample study is good for, by the name of its file."""

from __future__ import annotations

from typing import Final

from medvision_desktop.domain.study import StudyRef
from medvision_desktop.ui.viewmodels.study_rows import StudyRow, series_detail

# File -> title, what it shows, what to know about it.
_WORDS: Final = {
    "RG1_UNCR.dcm": ("Chest film", "Run AI, see where it looked, decide", "1 image, no pixel spacing"),
    "RG3_UNCR.dcm": ("Lower leg", "What the input gate refuses", "1 image, wrong body part"),
    "MR2_UNCR.dcm": ("Shoulder MR", "Window by percentiles, measuring", "1 image, spacing in mm"),
    "693_UNCR.dcm": ("CT head", "Windows by key: brain, bone", "1 slice of 5 mm"),
    "US1_UNCR.dcm": ("Ultrasound", "Colour as it was stored", "1 image, burnt-in marks"),
    "mni_icbm152_t1_tal_nlin_sym_09a_converted.nii.gz": (
        "Brain MR",
        "Three planes of one volume",
        "Template of 152 brains, 1 mm",
    ),
}


def sample_words(row: StudyRow) -> tuple[str, str, str]:
    """Title, what it shows, and one fact, for the card of a sample."""
    name = _file_name(row.study)
    if name in _WORDS:
        return _WORDS[name]
    detail = series_detail(row.study.series[0]) if row.study.series else ""
    return (row.study.description or row.name, row.what, detail)


def covers_card(study: StudyRef) -> bool:
    """Whether its picture looks right when it fills a wide card and is cropped: films and CT slices."""
    return bool({"CR", "DX", "CT"} & set(study.modalities)) and _file_name(study) != "RG3_UNCR.dcm"


def _file_name(study: StudyRef) -> str:
    return study.series[0].instances[0].path.name if study.series and study.series[0].instances else ""
