"""Files become domain values, or a named refusal."""

from __future__ import annotations

import sys
from typing import Any


def _import_pydicom() -> None:
    """Import pydicom without the HTTP client that its test data manager would load.

    Nothing here downloads, and the client costs half of pydicom's import, which holds the window up.
    pydicom itself copes without: it catches the ImportError that a None in `sys.modules` raises.
    """
    modules: dict[str, Any] = sys.modules
    absent = "requests" not in modules
    if absent:
        modules["requests"] = None
    try:
        import pydicom.data.data_manager  # noqa: F401 - imported for its effect
    finally:
        if absent:
            del modules["requests"]


_import_pydicom()
