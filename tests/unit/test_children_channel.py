"""What crosses between processes: words as JSON, arrays bit for bit, nothing left behind."""

from __future__ import annotations

import json
import os
import socket
import struct
import threading
from collections.abc import Iterator
from pathlib import Path

import hypothesis.extra.numpy as some
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from medvision_desktop.children.channel import Channel, ChannelClosed

Pair = tuple[Channel, Channel]


@pytest.fixture
def pair() -> Iterator[Pair]:
    ours, theirs = socket.socketpair()
    left, right = Channel(ours), Channel(theirs)
    yield left, right
    left.close()
    right.close()


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@given(
    st.dictionaries(
        st.text(max_size=8),
        some.arrays(
            st.one_of(
                some.integer_dtypes(),
                some.unsigned_integer_dtypes(),
                some.floating_dtypes(),
                some.boolean_dtypes(),
            ),
            some.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5),
        ),
        max_size=3,
    ),
)
def test_arrays_arrive_bit_for_bit_with_their_shape_and_type(
    arrays: dict[str, NDArray[np.generic]],
) -> None:
    ours, theirs = socket.socketpair()
    left, right = Channel(ours), Channel(theirs)
    left.send({"n": 1}, arrays)
    message, received = right.receive()
    left.close()
    right.close()
    assert message == {"n": 1}
    assert list(received) == list(arrays)
    for name, array in arrays.items():
        assert received[name].dtype == array.dtype
        assert received[name].shape == array.shape
        assert received[name].tobytes() == array.tobytes()


def test_a_received_array_belongs_to_the_receiver(pair: Pair) -> None:
    sent = np.arange(6, dtype=np.uint16).reshape(2, 3)
    pair[0].send({}, {"a": sent})
    _, received = pair[1].receive()
    received["a"][0, 0] = 99
    assert sent[0, 0] == 0
    assert received["a"].flags.owndata or received["a"].base is not None


def test_a_view_with_strides_arrives_as_what_it_shows(pair: Pair) -> None:
    sent = np.arange(24).reshape(4, 6)[::2, ::-3]
    pair[0].send({}, {"a": sent})
    assert np.array_equal(pair[1].receive()[1]["a"], sent)


def test_large_arrays_need_no_reader_to_be_sent(pair: Pair) -> None:
    """Pixels go through shared memory; only a few words go through the socket."""
    pair[0].send({}, {"a": np.zeros((512, 512, 64), np.int16)})
    assert pair[1].receive()[1]["a"].nbytes == 512 * 512 * 64 * 2


def test_no_descriptor_stays_open_after_many_messages(pair: Pair) -> None:
    before = open_files()
    for _ in range(20):
        pair[0].send({}, {"a": np.ones(1000)})
        pair[1].receive()
    assert open_files() == before


def test_messages_keep_their_order_and_their_size(pair: Pair) -> None:
    texts = ["x" * size for size in (0, 1, 5000, 300_000)]
    sender = threading.Thread(target=lambda: [pair[0].send({"text": text}) for text in texts])
    sender.start()
    received = [pair[1].receive()[0]["text"] for _ in texts]
    sender.join()
    assert received == texts


def test_a_closed_end_is_said_so_on_both_sides(pair: Pair) -> None:
    pair[0].close()
    with pytest.raises(ChannelClosed):
        pair[1].receive()
    with pytest.raises(ChannelClosed):
        pair[1].send({"x": 1})


def test_half_a_message_counts_as_closed() -> None:
    ours, theirs = socket.socketpair()
    ours.sendall(struct.pack("<I", 100) + b"{")
    ours.close()
    channel = Channel(theirs)
    with pytest.raises(ChannelClosed):
        channel.receive()
    channel.close()


@pytest.mark.parametrize(
    "layout",
    [
        [{"name": "a", "dtype": "<f8", "shape": [1000], "offset": 0}],
        [{"name": "a", "dtype": "<f8", "shape": [1], "offset": -8}],
        [{"name": "a", "dtype": "|O", "shape": [1], "offset": 0}],
        [{"name": "a", "dtype": "|V8", "shape": [1], "offset": 0}],
    ],
)
def test_a_layout_that_reaches_outside_or_holds_objects_is_refused(layout: list[dict[str, object]]) -> None:
    ours, theirs = socket.socketpair()
    header = json.dumps({"message": {}, "arrays": layout, "bytes": 64}).encode()
    descriptor = os.memfd_create("test")
    os.ftruncate(descriptor, 64)
    socket.send_fds(ours, [struct.pack("<I", len(header))], [descriptor])
    os.close(descriptor)
    ours.sendall(header)
    channel = Channel(theirs)
    with pytest.raises(ChannelClosed):
        channel.receive()
    channel.close()
    ours.close()


def test_a_map_shorter_than_its_header_says_is_refused() -> None:
    ours, theirs = socket.socketpair()
    layout = [{"name": "a", "dtype": "|u1", "shape": [4096], "offset": 0}]
    header = json.dumps({"message": {}, "arrays": layout, "bytes": 4096}).encode()
    descriptor = os.memfd_create("test")
    os.ftruncate(descriptor, 16)
    socket.send_fds(ours, [struct.pack("<I", len(header))], [descriptor])
    os.close(descriptor)
    ours.sendall(header)
    channel = Channel(theirs)
    with pytest.raises(ChannelClosed):
        channel.receive()
    channel.close()
    ours.close()


def test_an_absurd_length_is_refused_before_anything_is_allocated() -> None:
    ours, theirs = socket.socketpair()
    ours.sendall(struct.pack("<I", 0xFFFFFFFF))
    channel = Channel(theirs)
    with pytest.raises(ChannelClosed):
        channel.receive()
    channel.close()
    ours.close()
