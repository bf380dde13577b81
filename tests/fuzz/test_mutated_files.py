"""A thousand mutated files from bytes to grey levels: each is drawn or refused, and nothing is left behind.

Seeded, so that a failure can be repeated: the assertion names seed file and number.
"""

from __future__ import annotations

import gc
import io
import os
import random
import threading
from collections.abc import Iterator
from pathlib import Path

import nibabel
import numpy as np
import psutil
import pytest
from PIL import Image
from pydicom.data import get_testdata_file

from medvision_desktop.io.decoder import Decoder
from medvision_desktop.services.render import RenderOptions
from medvision_desktop.services.render_batch import batch
from medvision_desktop.settings import Settings

SEED = 20240229
NATIVE = [
    "CT_small.dcm",
    "MR_small.dcm",
    "MR_small_implicit.dcm",
    "MR_small_bigendian.dcm",
    "image_dfl.dcm",
    "examples_palette.dcm",
    "liver_1frame.dcm",
    "rtdose_1frame.dcm",
    "SC_rgb_expb.dcm",
    "SC_ybr_full_422_uncompressed.dcm",
    "nested_priv_SQ.dcm",
    "no_meta.dcm",
    "parametric_map_float.dcm",
]
COMPRESSED = [
    "MR_small_RLE.dcm",
    "MR_small_jp2klossless.dcm",
    "MR_small_jpeg_ls_lossless.dcm",
    "SC_rgb_jpeg_gdcm.dcm",
    "JPEG-LL.dcm",
    "JPEG-lossy.dcm",
]
# Of each kind; together a thousand.
COUNTS = {"native": 880, "compressed": 80, "other": 40}
LONGEST_S = 15.0
GROWTH_MB = 200
_LENGTHS = (b"\xff\xff\xff\xff", b"\x00\x00\x00\x80", b"\xff\xff", b"\x00\x00", b"\xfe\xff\xff\x7f")


def seeds(names: list[str]) -> list[tuple[str, bytes]]:
    found = []
    for name in names:
        path = get_testdata_file(name, download=False)
        if isinstance(path, str):
            found.append((name, Path(path).read_bytes()[: 1 << 19]))
    assert len(found) >= len(names) // 2
    return found


def other_kinds() -> list[tuple[str, bytes]]:
    values = np.arange(5 * 6 * 7, dtype=np.int16).reshape(5, 6, 7)
    nifti = bytes(nibabel.Nifti1Image(values, np.eye(4)).to_bytes())
    found = [("volume.nii", nifti)]
    for kind in ("PNG", "JPEG"):
        buffer = io.BytesIO()
        Image.fromarray(np.arange(4096, dtype=np.uint8).reshape(64, 64) % 251).save(buffer, kind)
        found.append((f"picture.{kind.lower()}", buffer.getvalue()))
    return found


def mutated(content: bytes, chance: random.Random) -> bytes:
    """One to six changes: bytes, bits, lengths, cuts, repeats, swaps; mostly where the header is."""
    data = bytearray(content)
    for _ in range(chance.randint(1, 6)):
        if len(data) < 16:
            break
        reach = len(data) if chance.random() < 0.3 else min(len(data), 3000)
        at = chance.randrange(reach)
        kind = chance.randrange(7)
        if kind == 0:
            data[at] = chance.randrange(256)
        elif kind == 1:
            data[at] ^= 1 << chance.randrange(8)
        elif kind == 2:
            data[at : at + 4] = chance.choice(_LENGTHS)
        elif kind == 3:
            del data[at : at + chance.randint(1, 40)]
        elif kind == 4:
            data[at:at] = data[at : at + chance.randint(1, 200)]
        elif kind == 5:
            data[at:at] = bytes(chance.randrange(256) for _ in range(chance.randint(1, 12)))
        else:
            data = data[: chance.randrange(len(data))]
    return bytes(data)


@pytest.fixture(scope="module")
def decoder() -> Iterator[Decoder]:
    made = Decoder(Settings(image_memory_mb=256, decoder_timeout_s=10))
    made.warm()
    yield made
    made.close()


def through(kind: str, seeds_of: list[tuple[str, bytes]], folder: Path, decoder: Decoder) -> None:
    chance = random.Random(f"{SEED}-{kind}")  # noqa: S311 - repeatable, not secret
    names = []
    for number in range(COUNTS[kind]):
        name, content = seeds_of[number % len(seeds_of)]
        path = folder / f"{number:04d}-{name}"
        path.write_bytes(mutated(content, chance))
        names.append(path)
    drawn = 0
    for path, line in zip(names, batch(names, RenderOptions(overlays=True), decoder=decoder), strict=True):
        assert line.state in ("ok", "refused"), path.name
        assert "fault of this program" not in line.why, path.name
        assert line.seconds < LONGEST_S, path.name
        if line.state == "refused":
            assert line.why.endswith("."), path.name
        drawn += line.state == "ok"
    assert 0 < drawn < len(names)


@pytest.mark.parametrize("kind", list(COUNTS))
def test_mutated_files_are_drawn_or_refused_and_nothing_is_left_behind(
    kind: str, decoder: Decoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {"native": seeds(NATIVE), "compressed": seeds(COMPRESSED), "other": other_kinds()}[kind]
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    folder = tmp_path / "files"
    folder.mkdir()
    process = psutil.Process()
    gc.collect()
    before = (
        process.memory_info().rss,
        process.num_fds() if os.name == "posix" else 0,
        threading.active_count(),
    )
    through(kind, given, folder, decoder)
    gc.collect()
    assert list(scratch.iterdir()) == []
    assert (process.memory_info().rss - before[0]) >> 20 < GROWTH_MB
    if os.name == "posix":
        assert process.num_fds() <= before[1] + 4
    assert threading.active_count() <= before[2] + 2
    assert len(process.children(recursive=True)) <= 2 * decoder.width
