"""Every setting, once: name, type, default, range and what it does.

Order of precedence: environment (`MEDVISION_<NAME>`), the reader's TOML file, the default. An
unknown name or a value outside its range is refused in one sentence, never ignored.
"""

from __future__ import annotations

import dataclasses
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, get_type_hints

from medvision_desktop.errors import SettingsInvalid

_PREFIX: Final = "MEDVISION_"
# Environment names that steer the launcher, tests or children and are not settings.
_NOT_SETTINGS: Final = frozenset({"DATA", "CHILD_OUTPUT", "ENV", "PYTHON", "CAPTURE"})


def _setting(
    default: Any,
    doc: str,
    *,
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] = (),
) -> Any:
    return field(default=default, metadata={"doc": doc, "low": low, "high": high, "choices": choices})


@dataclass(frozen=True)
class Settings:
    """The typed table. Each field's metadata holds `doc`, `low`, `high` and `choices`."""

    reader: str = _setting("", "Name of the reader, asked at first start; it signs the reports.")
    institution: str = _setting("", "Institution printed at the head of reports.")
    scale_percent: int = _setting(100, "Size of text and controls.", low=90, high=150)
    reduced_motion: bool = _setting(False, "Every transition takes no time.")
    privacy_mode: bool = _setting(False, "Mask patient names and numbers on screen.")
    show_samples: bool = _setting(True, "List the sample studies in the worklist.")
    default_model: str = _setting("chest-pneumonia", "Model package that Run AI starts with.")
    engine: str = _setting(
        "auto",
        "What runs the networks; auto takes a GPU through torch, else the quickest CPU engine.",
        choices=("auto", "onnxruntime", "openvino", "torch"),
    )
    cam_method: str = _setting("native", "How attention maps are made.", choices=("native", "gradcam"))
    unevaluated_labels: bool = _setting(
        False, "Also show findings of a model that were not evaluated, marked as such."
    )
    overlay_opacity: float = _setting(0.58, "Opacity of the attention map.", low=0.0, high=1.0)
    overlay_threshold: float = _setting(0.35, "Attention below this is not drawn.", low=0.0, high=1.0)
    decoder_memory_mb: int = _setting(2048, "Memory limit of a frame decoder.", low=256, high=65536)
    decoder_timeout_s: int = _setting(20, "Time limit of one decoding request.", low=1, high=600)
    image_memory_mb: int = _setting(
        2048, "Memory for opened images; a larger series is read slice by slice.", low=256, high=262144
    )
    log_level: str = _setting("INFO", "How much is logged.", choices=("DEBUG", "INFO", "WARNING", "ERROR"))


def load(path: Path | None, environment: Mapping[str, str] | None = None) -> Settings:
    """Settings from a TOML file (absent is fine) and the environment. Raises `SettingsInvalid`."""
    values: dict[str, Any] = {}
    if path is not None and path.exists():
        if not path.is_file():  # reading a pipe would wait for ever
            raise SettingsInvalid(
                "The settings file cannot be read.", "It is not a file.", f"Remove {path}."
            )
        try:
            values.update(tomllib.loads(path.read_text(encoding="utf-8")))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise SettingsInvalid(
                "The settings file cannot be read.", f"{error}.", f"Mend or remove {path}."
            ) from error
    for name, text in (os.environ if environment is None else environment).items():
        if name.startswith(_PREFIX) and name.removeprefix(_PREFIX) not in _NOT_SETTINGS:
            values[name.removeprefix(_PREFIX).lower()] = _from_text(name, text)
    return checked(values)


def checked(values: Mapping[str, Any]) -> Settings:
    """A `Settings` of these values over the defaults. Raises `SettingsInvalid`."""
    known = {entry.name: entry for entry in dataclasses.fields(Settings)}
    types = get_type_hints(Settings)
    for name, value in values.items():
        if name not in known:
            raise SettingsInvalid(f"There is no setting {name!r}.", "", f"Known: {', '.join(known)}.")
        wanted = types[name]
        fits = isinstance(value, int | float) if wanted is float else isinstance(value, wanted)
        if not fits or (wanted is not bool and isinstance(value, bool)):
            raise SettingsInvalid(f"Setting {name} must be {wanted.__name__}.", f"It is {value!r}.")
        _check_range(name, value, known[name].metadata)
    return Settings(**values)


def save(path: Path, settings: Settings) -> None:
    """Write what differs from the defaults as TOML, replacing the file in one step."""
    lines = []
    for entry in dataclasses.fields(Settings):
        value = getattr(settings, entry.name)
        if value != entry.default:
            lines.append(f"# {entry.metadata['doc']}\n{entry.name} = {_toml(value)}\n")
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    fresh.write_text("\n".join(lines), encoding="utf-8")
    fresh.replace(path)


def _check_range(name: str, value: Any, metadata: Mapping[str, Any]) -> None:
    if metadata["choices"] and value not in metadata["choices"]:
        raise SettingsInvalid(
            f"Setting {name} cannot be {value!r}.", "", f"Choose from {', '.join(metadata['choices'])}."
        )
    low, high = metadata["low"], metadata["high"]
    # Written so that what is not a number is refused as well.
    if (low is not None and not value >= low) or (high is not None and not value <= high):
        raise SettingsInvalid(f"Setting {name} must be from {low:g} to {high:g}.", f"It is {value:g}.")


def _from_text(name: str, text: str) -> Any:
    wanted = get_type_hints(Settings).get(name.removeprefix(_PREFIX).lower(), str)
    if wanted is bool:
        return {"1": True, "true": True, "0": False, "false": False}.get(text.lower(), text)
    try:
        return wanted(text)
    except ValueError:
        return text


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return '"' + "".join(c if c >= " " and c != "\x7f" else f"\\u{ord(c):04X}" for c in escaped) + '"'
    return repr(value)
