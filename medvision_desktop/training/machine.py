"""What a training runs on: threads, devices, and how Lightning spreads it over them."""

from __future__ import annotations

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Machine:
    """`threads` of the CPU; `accelerator`, `devices` and `strategy` as Lightning names them.

    With more than one device Lightning starts this command once more for each further one ("ddp"), each
    takes its share of every batch. Only one thread of one CPU gives the same bits again.
    """

    threads: int = 1
    accelerator: str = "auto"
    devices: int = 1
    strategy: str = "auto"


def is_helper() -> bool:
    """Whether this process was started by Lightning to train beside the one that a person started."""
    return int(os.environ.get("LOCAL_RANK", "0")) > 0
