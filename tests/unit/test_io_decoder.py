"""The pool of decoding children: a crash, a stall or a bomb costs one request and is told in words."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
from pydicom.data import get_testdata_file

from medvision_desktop.children.process import ChildProcess
from medvision_desktop.domain.study import InstanceRef
from medvision_desktop.errors import Cancelled, InputRefused
from medvision_desktop.io.decoder import Decoder
from medvision_desktop.io.decoder_child import PLUGINS
from medvision_desktop.io.dicom_scan import scan_file
from medvision_desktop.settings import Settings
from medvision_desktop.work import CancelToken


@pytest.fixture
def decoder() -> Iterator[Decoder]:
    made = Decoder(Settings(decoder_timeout_s=10, decoder_memory_mb=1024))
    yield made
    made.close()


def bundled(name: str) -> InstanceRef:
    found = get_testdata_file(name, download=False)
    assert isinstance(found, str)
    return scan_file(Path(found)).instance


def child_of(decoder: Decoder) -> ChildProcess:
    return next(child for child in decoder._children if child.pid is not None)


def test_a_child_that_was_killed_is_replaced(decoder: Decoder) -> None:
    instance = bundled("MR_small_RLE.dcm")
    first = decoder.frames(instance)
    pid = child_of(decoder).pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    psutil.wait_procs([psutil.Process(pid)], timeout=5)
    again = decoder.frames(instance)
    assert np.array_equal(first.frames[0], again.frames[0])


def test_a_child_that_dies_over_an_image_refuses_that_image(decoder: Decoder) -> None:
    decoder.warm()
    pid = child_of(decoder).pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)  # it cannot answer until it is dead
    killer = threading.Timer(0.3, os.kill, (pid, signal.SIGKILL))
    killer.start()
    with pytest.raises(InputRefused, match="ended with SIGKILL"):
        decoder.frames(bundled("MR_small_RLE.dcm"))
    killer.join()
    assert decoder.frames(bundled("MR_small_RLE.dcm")).frames[0].shape == (64, 64)


def test_a_child_that_stalls_is_ended_after_its_time() -> None:
    decoder = Decoder(Settings(decoder_timeout_s=1))
    decoder.warm()
    pid = child_of(decoder).pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    with pytest.raises(InputRefused, match="limit is 1 s"):
        decoder.frames(bundled("MR_small_RLE.dcm"))
    assert not psutil.pid_exists(pid)
    decoder.close()


def test_a_bomb_ends_at_the_memory_limit(tmp_path: Path) -> None:
    import struct
    import zlib

    packer = zlib.compressobj(9)
    body = packer.compress(bytes(1 << 20))
    for _ in range(255):
        body += packer.compress(bytes(1 << 20))
    body += packer.flush()

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 16383, 16383, 8, 6, 0, 0, 0)  # RGBA: a gigabyte once decoded
    path = tmp_path / "a.png"
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")
    )
    decoder = Decoder(Settings(decoder_memory_mb=512))
    with pytest.raises(InputRefused, match="cannot be decoded"):
        decoder.raster(path)
    decoder.close()


def test_decoding_can_be_cancelled(decoder: Decoder) -> None:
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(Cancelled):
        decoder.frames(bundled("MR_small_RLE.dcm"), cancel=cancel)


def test_a_cancel_while_the_child_stalls_is_quick_to_come_through(decoder: Decoder) -> None:
    decoder.warm()
    pid = child_of(decoder).pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    cancel = CancelToken()
    timer = threading.Timer(0.2, cancel.cancel)
    timer.start()
    with pytest.raises(Cancelled):
        decoder.frames(bundled("MR_small_RLE.dcm"), cancel=cancel)
    timer.join()


def test_no_child_runs_until_a_compressed_image_is_asked_for(tmp_path: Path) -> None:
    from medvision_desktop.io.dicom_series import load_frame
    from tests.helpers.dicom_files import ct, write

    decoder = Decoder(Settings())
    load_frame(scan_file(write(ct(), tmp_path / "a")).instance, 0, decoder)
    assert all(child.pid is None for child in decoder._children)
    decoder.close()


def test_every_syntax_in_the_table_has_its_library_installed() -> None:
    from pydicom.pixels.decoders.base import get_decoder
    from pydicom.uid import UID

    for syntax, plugin in PLUGINS.items():
        assert plugin in get_decoder(UID(syntax)).available_plugins


def test_an_unknown_syntax_is_named_in_the_refusal(decoder: Decoder, tmp_path: Path) -> None:
    import pydicom

    found = get_testdata_file("MR_small_RLE.dcm", download=False)
    dataset = pydicom.dcmread(str(found))
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.UID("1.2.840.10008.1.2.4.92")
    path = tmp_path / "a.dcm"
    dataset.save_as(path)
    with pytest.raises(InputRefused, match="JPEG 2000 Part 2"):
        decoder.frames(scan_file(path).instance)
