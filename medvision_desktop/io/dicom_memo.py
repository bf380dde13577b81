"""What was worked out from one header holds for the next one of its series, as far as they say the same.

While something is worked out from a header it is noted which elements were asked for. For another
header of which is known what differs from the first, only what hangs on a difference is worked out anew.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag, Tag

T = TypeVar("T")


class HeaderSet(Dataset):
    """A data set that notes in `asked`, while it is a set, which tags it was asked for."""

    asked: set[int] | None = None

    def get_item(self, key: Any, *, keep_deferred: bool = False) -> Any:
        """The element as it lies in the file."""
        self._note(key)
        if keep_deferred and isinstance(key, BaseTag):
            return self._dict.get(key)
        return super().get_item(key, keep_deferred=keep_deferred)

    def __getitem__(self, key: Any) -> Any:
        self._note(key)
        return super().__getitem__(key)

    def __contains__(self, name: Any) -> bool:
        self._note(name)
        return bool(super().__contains__(name))

    def get(self, key: Any, default: Any = None) -> Any:
        """The value of a keyword, or the element of a tag."""
        self._note(key)
        return super().get(key, default)

    def with_elements(self, changed: dict[BaseTag, RawDataElement]) -> HeaderSet:
        """The same data set but for some elements. It notes nothing."""
        other = HeaderSet.__new__(HeaderSet)
        # What a data set is set up with costs more than all of a header's elements.
        vars(other).update(vars(self))
        vars(other)["_dict"] = {**self._dict, **changed}
        vars(other)["asked"] = None
        return other

    def _note(self, key: Any) -> None:
        asked = self.asked
        if asked is None:
            return
        try:
            asked.add(int(key if isinstance(key, int) else Tag(key)))
        except (KeyError, OverflowError, TypeError, ValueError):
            return  # what is no tag and no keyword is in no header


class Memo:
    """What is known of the headers of a series, as it stands for one of them.

    `changed`: tags whose values differ from those of the header that was the first; None for a header
    of its own, of which nothing is kept.
    """

    def __init__(
        self,
        known: dict[str, tuple[frozenset[int], Any]] | None = None,
        first: HeaderSet | None = None,
        changed: frozenset[int] = frozenset(),
    ) -> None:
        self._known = known
        self._first = first
        self._changed = changed

    def of(self, name: str, work_out: Callable[[], T]) -> T:
        """What `work_out` gives, from memory where it can be no other. `name` is what it is known by."""
        if self._known is None:
            return work_out()
        found = self._known.get(name)
        if self._first is None:
            if found is not None and found[0].isdisjoint(self._changed):
                value: T = found[1]
                return value
            return work_out()
        return self._noted(self._known, self._first, name, work_out)

    def _noted(
        self,
        known: dict[str, tuple[frozenset[int], Any]],
        first: HeaderSet,
        name: str,
        work_out: Callable[[], T],
    ) -> T:
        around, first.asked = first.asked, set()
        try:
            value = work_out()
            known[name] = (frozenset(first.asked), value)
        finally:
            asked, first.asked = first.asked, around
            if around is not None:
                around |= asked
        return value
