"""The key of a study whose files carry no UID: a digest of what is in the file."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

_WHOLE: Final = 64 << 20
_END: Final = 8 << 20


def content_key(prefix: str, path: Path) -> str:
    """`prefix-` and 32 hex digits of SHA-256 over the content.

    Of files above 64 MiB: over the size and 8 MiB at either end. Raises OSError.
    """
    digest = hashlib.sha256()
    size = path.stat().st_size
    with path.open("rb") as file:
        if size <= _WHOLE:
            digest.update(file.read())
        else:
            digest.update(f"{size}:".encode() + file.read(_END))
            file.seek(-_END, 2)
            digest.update(file.read())
    return f"{prefix}-{digest.hexdigest()[:32]}"
