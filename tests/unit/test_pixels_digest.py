"""The digest names pixels, not memory."""

from __future__ import annotations

import hashlib

import numpy as np

from medvision_desktop.pixels.digest import pixel_digest

PIXELS = np.arange(12, dtype=np.int16).reshape(3, 4)


def test_the_digest_is_sha256_of_type_shape_and_bytes() -> None:
    by_hand = hashlib.sha256(b"<i2(3, 4)" + PIXELS.astype("<i2").tobytes()).hexdigest()
    assert pixel_digest(PIXELS) == by_hand


def test_the_same_image_has_the_same_digest_in_any_layout_and_byte_order() -> None:
    assert pixel_digest(np.asfortranarray(PIXELS)) == pixel_digest(PIXELS)
    assert pixel_digest(PIXELS.astype(">i2")) == pixel_digest(PIXELS)
    assert pixel_digest(np.repeat(PIXELS, 2, axis=1)[:, ::2]) == pixel_digest(PIXELS)


def test_the_same_bytes_as_another_shape_or_type_have_another_digest() -> None:
    assert pixel_digest(PIXELS.reshape(4, 3)) != pixel_digest(PIXELS)
    assert pixel_digest(PIXELS.view(np.uint16)) != pixel_digest(PIXELS)


def test_one_changed_pixel_changes_the_digest() -> None:
    other = PIXELS.copy()
    other[2, 3] += 1
    assert pixel_digest(other) != pixel_digest(PIXELS)


def test_read_only_pixels_can_be_digested() -> None:
    locked = PIXELS.copy()
    locked.setflags(write=False)
    assert pixel_digest(locked) == pixel_digest(PIXELS)
