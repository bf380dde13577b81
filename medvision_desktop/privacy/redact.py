"""What may be written to a log: an allow-list, because patient data cannot be guessed.

Our own messages are literal templates; numbers and words that the code marks as `Plain` are filled
in, every other value is withheld. Fields are named in a table. Text of libraries is never written:
a warning about a header quotes the header.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from enum import Enum
from typing import Any, Final

WITHHELD: Final = "(withheld)"
MAX_WORDS: Final = 120

# Fields of our own log records. Numbers are counts and times; words come from closed vocabularies.
NUMBERS: Final = frozenset(
    [
        "bytes",
        "columns",
        "count",
        "done",
        "exit_code",
        "files",
        "frames",
        "generation",
        "milliseconds",
        "pid",
        "refused",
        "rows",
        "seconds",
        "seq",
        "total",
    ]
)
WORDS: Final = frozenset(
    [
        "action",
        "cam_method",
        "command",
        "device",
        "engine",
        "error",
        "job",
        "kind",
        "lane",
        "model",
        "operation",
        "sheet",
        "sha256",
        "state",
        "version",
    ]
)
_WORDS_PATTERN: Final = re.compile(r"[\w .,:;+()/%-]*", re.ASCII)
_CONVERSION: Final = re.compile(
    r"%(?:\((?P<name>\w+)\))?[-#0 +]*(?:\d+|\*)?(?:\.(?:\d+|\*))?[diouxXeEfFgGcrsa%]"
)


class Plain(str):
    """Words that the code vouches for: from its own tables, never from a file or a person."""

    __slots__ = ()


def value(given: object) -> object:
    """A value as it may be written: a number, a truth value, `Plain` words, or the name of a type.

    >>> value(3), value("DOE^JOHN"), value(Plain("OpenVINO CPU")), value(KeyError("DOE^JOHN"))
    (3, '(withheld)', 'OpenVINO CPU', 'KeyError')
    """
    if given is None or isinstance(given, bool | int | float):
        return given
    if isinstance(given, Plain):
        return str(given)[:MAX_WORDS]
    if isinstance(given, Enum):
        return given.name
    if isinstance(given, BaseException):
        return type(given).__name__
    if isinstance(given, type):
        return given.__name__
    return WITHHELD


def fields(given: Mapping[str, object]) -> dict[str, object]:
    """The fields of the table whose values fit; `withheld` counts the others."""
    kept: dict[str, object] = {}
    for name, content in given.items():
        if name in NUMBERS and isinstance(content, bool | int | float):
            kept[name] = content
        elif name in WORDS and (words := _words(content)) is not None:
            kept[name] = words
    if len(kept) < len(given):
        kept["withheld"] = len(given) - len(kept)
    return kept


def is_ours(record: logging.LogRecord, own: str) -> bool:
    """Whether the logger's name lies in the package `own`."""
    return record.name == own or record.name.startswith(f"{own}.")


def message(record: logging.LogRecord, own: str) -> str:
    """The text of a record: our template with its values made safe, or nothing of a library's."""
    if not is_ours(record, own):
        return WITHHELD
    if not isinstance(record.msg, str):
        return str(value(record.msg))
    template = record.msg
    if not record.args:
        return template
    arguments = record.args if isinstance(record.args, Mapping) else tuple(record.args)
    return _filled(template, arguments)


def _filled(template: str, arguments: Mapping[str, object] | tuple[object, ...]) -> str:
    position = iter(arguments if isinstance(arguments, tuple) else ())

    def fill(match: re.Match[str]) -> str:
        if match[0] == "%%":
            return "%"
        given: Any = arguments[match["name"]] if isinstance(arguments, Mapping) else next(position, None)
        safe = value(given)
        # Numbers keep the format that the message asks for; words replace it.
        if isinstance(safe, int | float) and match[0][-1] not in "rsac":
            conversion = match[0].replace(f"({match['name']})", "") if match["name"] else match[0]
            return str(conversion % safe)
        return str(safe)

    return _CONVERSION.sub(fill, template)


def _words(given: object) -> str | None:
    if isinstance(given, str):
        return given if len(given) <= MAX_WORDS and _WORDS_PATTERN.fullmatch(given) else None
    safe = value(given)
    return safe if isinstance(safe, str) and safe != WITHHELD else None
