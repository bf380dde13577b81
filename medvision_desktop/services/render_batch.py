"""Draw thousands of files in one process: a line for each of them, and none that ends it."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from medvision_desktop.errors import ExportFailed, MedVisionError
from medvision_desktop.services.render import Format, RenderOptions, render_file, save
from medvision_desktop.work import CancelToken

if TYPE_CHECKING:
    from medvision_desktop.io.decoder import Decoder

_ENDINGS: Final = (".nii.gz", ".nii", ".dcm", ".dicom", ".ima", ".png", ".jpg", ".jpeg")
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class BatchLine:
    """What became of one file of a batch; `as_json` has the keys that the command line promises."""

    path: str
    state: Literal["ok", "refused"]
    why: str = ""
    shape: tuple[int, ...] | None = None
    window: dict[str, Any] | None = None
    badges: tuple[str, ...] = ()
    seconds: float = 0.0
    out: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Plain values for one JSON line."""
        return {
            "path": self.path,
            "state": self.state,
            "why": self.why,
            "shape": None if self.shape is None else list(self.shape),
            "window": self.window,
            "badges": list(self.badges),
            "seconds": round(self.seconds, 4),
            "out": self.out,
        }


def batch(
    paths: Sequence[Path],
    options: RenderOptions = RenderOptions(),
    *,
    decoder: Decoder,
    out_dir: Path | None = None,
    kind: Format = "png",
    cancel: CancelToken | None = None,
) -> Iterator[BatchLine]:
    """Draw many files in one process, one line each; no file ends it.

    Images are written to `out_dir` (created) under the name of their file; without it they are
    drawn and dropped. Raises `ExportFailed` if the folder cannot be made, and `Cancelled`.
    """
    if out_dir is not None:
        try:
            out_dir.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ExportFailed(
                "The folder for the images cannot be made.", f"{error.strerror or 'The disk refused it'}."
            ) from error
    token = cancel or CancelToken()
    taken: set[str] = set()
    for path in paths:
        token.check()
        target = None if out_dir is None else out_dir / _name_for(path, kind, taken)
        yield _one(path, options, decoder, target, token, kind)


def _one(
    path: Path,
    options: RenderOptions,
    decoder: Decoder,
    target: Path | None,
    token: CancelToken,
    kind: Format,
) -> BatchLine:
    started = time.perf_counter()
    try:
        rendered = render_file(path, options, decoder=decoder, cancel=token)
        if target is not None:
            save(rendered, target)
        elif kind == "npy":
            rendered.values()
        else:
            rendered.levels()
    except MedVisionError as refusal:
        return BatchLine(str(path), "refused", str(refusal), seconds=time.perf_counter() - started)
    except MemoryError:
        why = "The image was not drawn. There is not enough memory for it."
        return BatchLine(str(path), "refused", why, seconds=time.perf_counter() - started)
    except Exception:  # noqa: BLE001 - a fault of ours on one file must not cost the files after it
        _log.exception("a file of the batch was not drawn")
        why = "It was not drawn because of a fault of this program, which is in the log."
        return BatchLine(str(path), "refused", why, seconds=time.perf_counter() - started)
    return BatchLine(
        path=str(path),
        state="ok",
        shape=rendered.shape,
        window=rendered.window,
        badges=rendered.plan.badges,
        seconds=time.perf_counter() - started,
        out=None if target is None else str(target),
    )


def _name_for(path: Path, kind: Format, taken: set[str]) -> str:
    name = path.name
    for ending in _ENDINGS:
        if name.lower().endswith(ending):
            name = name[: -len(ending)]
            break
    name = name or "image"
    fresh, count = f"{name}.{kind}", 1
    while fresh.casefold() in taken:
        count += 1
        fresh = f"{name}-{count}.{kind}"
    taken.add(fresh.casefold())
    return fresh
