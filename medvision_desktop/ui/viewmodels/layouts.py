"""How panes are laid out, and which layout a series is hung in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from medvision_desktop.domain.image import LoadedSeries
from medvision_desktop.domain.study import SeriesRef, SourceKind, StudyRef

# Panes of one window, windows that may be open, and all panes: the first four are the main window's.
PANES: Final = 4
WINDOWS: Final = 3
ALL_PANES: Final = PANES * WINDOWS
MPR: Final = "mpr"

# Slices further apart than this make poor reformatted planes, so such a volume opens as a stack.
_PLANES_SPACING_MM: Final = 2.5
_FILM_MODALITIES: Final = frozenset({"CR", "DX", "RG"})


@dataclass(frozen=True)
class Cell:
    """Where a pane lies in the grid."""

    row: int
    column: int
    row_span: int = 1
    column_span: int = 1


@dataclass(frozen=True)
class Layout:
    """One arrangement: a cell for each pane, and how rows and columns share the room.

    `title` is shown in the tool bar, `icon` is a Lucide name.
    """

    name: str
    title: str
    icon: str
    cells: tuple[Cell, ...]
    row_shares: tuple[int, ...]
    column_shares: tuple[int, ...]

    @property
    def action_id(self) -> str:
        """The action that asks for this layout."""
        return f"layout.{self.name}"


LAYOUTS: Final[tuple[Layout, ...]] = (
    Layout("1x1", "1 × 1", "square", (Cell(0, 0),), (1,), (1,)),
    Layout("1x2", "1 × 2", "columns-2", (Cell(0, 0), Cell(0, 1)), (1,), (1, 1)),
    Layout("2x1", "2 × 1", "rows-2", (Cell(0, 0), Cell(1, 0)), (1, 1), (1,)),
    Layout("2x2", "2 × 2", "grid-2x2", (Cell(0, 0), Cell(0, 1), Cell(1, 0), Cell(1, 1)), (1, 1), (1, 1)),
    Layout("1+2", "1 + 2", "panel-right", (Cell(0, 0, 2, 1), Cell(0, 1), Cell(1, 1)), (1, 1), (2, 1)),
    Layout(
        MPR,
        "3 + 1",
        "layout-panel-left",
        (Cell(0, 0, 3, 1), Cell(0, 1), Cell(1, 1), Cell(2, 1)),
        (1, 1, 1),
        (2, 1),
    ),
)

BY_NAME: Final = {layout.name: layout for layout in LAYOUTS}


def window_of(pane: int) -> int:
    """Which window a pane belongs to; 0 is the main one."""
    return pane // PANES


def is_film(series: SeriesRef) -> bool:
    """Whether a series is one projection radiograph: the kind that is read plain beside overlay."""
    return series.frame_count == 1 and series.modality in _FILM_MODALITIES


def is_chest_film(study: StudyRef, series: SeriesRef) -> bool:
    """Whether header words say that a film shows a chest. Decides a layout, never an analysis."""
    words = f"{series.body_part} {series.description} {study.description}".lower()
    return is_film(series) and any(word in words for word in ("chest", "thorax", "lung"))


def kind_of(study: StudyRef, series: SeriesRef) -> str:
    """What sort of series this is for hanging: chest film, single image, volume file or stack."""
    if is_chest_film(study, series):
        return "chest"
    if series.kind is SourceKind.NIFTI:
        return "volume"
    return "image" if series.frame_count == 1 else "stack"


# The layout a kind of series opens in, until the reader chooses another one for it.
HANGING: Final = {"chest": "1x2", "volume": MPR, "image": "1x1", "stack": "1x1"}


def has_fine_planes(loaded: LoadedSeries) -> bool:
    """Whether a volume's steps are small enough in every direction for good planes."""
    if loaded.volume is None or min(loaded.volume.stored_kji.shape) < 2:
        return False
    affine = loaded.volume.affine_kji_to_lps[:3, :3]
    return bool(((affine**2).sum(axis=0) ** 0.5 <= _PLANES_SPACING_MM).all())
