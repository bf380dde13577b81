"""What a DICOM parser may raise or say, kept to a refusal in words.

Its messages quote header values, so they reach neither the terminal nor the log.
"""

from __future__ import annotations

import logging
import struct
import threading
import warnings
import zlib
from contextlib import AbstractContextManager
from typing import Final

from pydicom import config
from pydicom.errors import BytesLengthException, InvalidDicomError

from medvision_desktop.errors import InputRefused

# What the parser may raise on a file that is not what it claims to be; anything else is ours.
PARSER_FAULTS: Final = (
    InvalidDicomError,
    BytesLengthException,
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    NotImplementedError,
    OSError,
    RecursionError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)

# The parser's own messages quote header values, so they go nowhere; and it must not refuse what
# is merely untidy (reading tolerantly is decided here, value by value).
logging.getLogger("pydicom").setLevel(logging.CRITICAL + 1)
config.settings.reading_validation_mode = config.IGNORE


class _Silence:
    """Warning filters belong to the process: the first thread in sets them, the last one out restores.

    Entered three times a file, so it is no generator.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._depth = 0
        self._filters = warnings.catch_warnings()

    def __enter__(self) -> None:
        with self._lock:
            self._depth += 1
            if self._depth == 1:
                self._filters = warnings.catch_warnings()
                self._filters.__enter__()
                warnings.simplefilter("ignore")

    def __exit__(self, *_raised: object) -> None:
        with self._lock:
            self._depth -= 1
            if self._depth == 0:
                self._filters.__exit__(None, None, None)


_silence: Final = _Silence()


def quiet() -> AbstractContextManager[None]:
    """Keep the parser's warnings, which quote header values, off the terminal. Reading values warns too."""
    return _silence


def refused_by_parser(error: BaseException) -> InputRefused:
    """A refusal for what the parser raised, without quoting the file."""
    if isinstance(error, InputRefused):
        return error
    if isinstance(error, OSError) and error.strerror:
        return InputRefused(
            "The file cannot be read.", f"{error.strerror}.", "Check the file and its rights."
        )
    why = f"Its data set does not parse ({type(error).__name__})."
    if isinstance(error, RecursionError):
        why = "Its sequences lie too deep in one another."
    elif isinstance(error, MemoryError):
        why = "There is not enough memory for it."
    elif isinstance(error, struct.error | zlib.error | EOFError):
        why = "It is damaged or cut short."
    return InputRefused(
        "The file cannot be read as DICOM.",
        why,
        "Ask for the file to be sent again.",
    )
