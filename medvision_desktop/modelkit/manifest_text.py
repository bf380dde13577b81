"""The manifest as TOML text: the inverse of `manifest.from_table`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from medvision_desktop.modelkit import segmentation
from medvision_desktop.modelkit.manifest import Manifest

_SELDOM = ("not_evaluated", "within")


def text(manifest: Manifest) -> str:
    """TOML that reads back as the same manifest."""
    steps, wanted = manifest.preprocessing, manifest.wanted
    simple = (
        "name version title task network executed trained_on licence trained_utc intended_use labels "
        "contraindications grid confidence_floor uncertain_band"
    )
    given = {name: getattr(manifest, name) for name in simple.split()}
    given |= {name: getattr(manifest, name) for name in _SELDOM if getattr(manifest, name)}
    parts = [table("", given)]
    if manifest.uncertain_bands:
        parts.append(table("uncertain_bands", dict(manifest.uncertain_bands)))
    version, found = {"version": manifest.preprocessing_version}, manifest.segmentation
    parts.append(table("preprocessing", version if found else {**version, **asdict(steps)}))
    parts.append(table("thresholds", dict(manifest.thresholds)))
    for name, values in segmentation.tables(found).items() if found else ():
        parts.append(table(name, values))
    parts.append(
        table("wanted", {key: value for key, value in asdict(wanted).items() if value is not None})
    )
    parts.append(table("files", dict(manifest.files)))
    if manifest.parity is not None:
        parts.append(table("parity", asdict(manifest.parity)))
    if manifest.confounds:
        parts.append(table("confounds", dict(manifest.confounds)))
    if manifest.attention is not None:
        parts.append(table("attention", asdict(manifest.attention)))
    if manifest.training:
        parts.append(table("training", dict(manifest.training)))
    parts += [table("data", asdict(entry), array=True) for entry in manifest.data]
    parts += [table("metrics", asdict(entry), array=True) for entry in manifest.metrics]
    return "\n".join(parts)


def table(name: str, values: Mapping[str, Any], *, array: bool = False) -> str:
    """One TOML table, or one entry of an array of tables; a table without a name is the top one."""
    head = [f"[[{name}]]" if array else f"[{name}]"] if name else []
    lines = [f"{_key(key)} = {_value(value)}" for key, value in values.items()]
    return "\n".join([*head, *lines, ""])


def _key(name: str) -> str:
    bare = name.replace("_", "").replace("-", "")
    return name if bare.isascii() and bare.isalnum() else _value(name)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        # JSON's escapes are a part of TOML's basic strings, but for DEL.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007F")
    if isinstance(value, tuple | list):
        return "[" + ", ".join(_value(entry) for entry in value) + "]"
    return repr(value)
