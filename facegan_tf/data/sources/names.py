"""Names of millions of items in little memory: sequences of text that is made on demand."""

from array import array
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import Any


class PackedNames(Sequence[str]):
    """Names in one block of bytes, which takes a third of the memory of a tuple."""

    def __init__(self, names: Iterable[str]) -> None:
        block, ends = bytearray(), array("Q")
        for name in names:
            block += name.encode("utf-8", "surrogatepass")  # a file's name may not be valid text
            ends.append(len(block))
        self._block, self._ends = bytes(block), ends

    def __len__(self) -> int:
        """The number of names."""
        return len(self._ends)

    def __getitem__(self, index: Any) -> Any:
        """The name at an index, or a tuple of those of a slice."""
        if isinstance(index, slice):
            return _sliced(self, index)
        index = _checked(index, len(self))
        start = self._ends[index - 1] if index else 0
        return self._block[start : self._ends[index]].decode("utf-8", "surrogatepass")


class NumberedNames(Sequence[str]):
    """`row-000000000`, `row-000000001` and so on: names for items that have only a number."""

    def __init__(self, count: int, form: str = "row-{:09d}") -> None:
        self._count, self._form = count, form

    def __len__(self) -> int:
        """The number of names."""
        return self._count

    def __getitem__(self, index: Any) -> Any:
        """The name at an index, or a tuple of those of a slice."""
        if isinstance(index, slice):
            return _sliced(self, index)
        return self._form.format(_checked(index, self._count))


class ChainedNames(Sequence[str]):
    """Several sequences of names, one after the other, each with a prefix."""

    def __init__(self, parts: Sequence[tuple[str, Sequence[str]]]) -> None:
        """parts: (prefix, names) of each."""
        self._parts = parts
        self._part_index = PartIndex([len(names) for _, names in parts])

    def __len__(self) -> int:
        """The number of names."""
        return len(self._part_index)

    def __getitem__(self, index: Any) -> Any:
        """The name at an index, or a tuple of those of a slice."""
        if isinstance(index, slice):
            return _sliced(self, index)
        part, inside = self._part_index.of(_checked(index, len(self)))
        prefix, names = self._parts[part]
        return prefix + names[inside]


class PartIndex:
    """Finds an item's part, and its place in that part, from its place among all items."""

    def __init__(self, counts: Sequence[int]) -> None:
        """counts: number of items in each part."""
        self._ends = list(accumulate(counts))

    def __len__(self) -> int:
        """The number of items in all parts."""
        return self._ends[-1] if self._ends else 0

    def of(self, index: int) -> tuple[int, int]:
        """(part, place in it) of an item."""
        part = bisect_right(self._ends, index)
        return part, index - (self._ends[part - 1] if part else 0)


def _checked(index: int, count: int) -> int:
    if not -count <= index < count:
        raise IndexError(f"index {index} of {count} names")
    return index % count


def _sliced(names: Sequence[str], part: slice) -> tuple[str, ...]:
    return tuple(names[index] for index in range(*part.indices(len(names))))
