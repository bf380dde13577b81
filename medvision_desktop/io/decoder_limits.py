"""The memory limit that the decoding child sets itself before it touches a file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def limit_memory(arguments: Mapping[str, Any]) -> None:
    """Cap the address space (once): a bomb then ends in MemoryError, not in a frozen machine."""
    try:
        import resource
    except ImportError:  # Windows has no such limit; the time limit remains
        return
    wanted = int(arguments.get("memory_mb", 2048)) << 20
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    if soft == resource.RLIM_INFINITY or soft > wanted:
        resource.setrlimit(resource.RLIMIT_AS, (wanted, hard))
