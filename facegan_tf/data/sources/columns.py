"""Columns of attributes that several files or sources have in common."""

from collections.abc import Sequence
from typing import Any


def stacked(tables: Sequence[dict[str, Any] | None], counts: Sequence[int]) -> dict[str, Any] | None:
    """The columns that all tables have, one table after the other; None if there are none.

    tables: columns as numpy arrays; None for a file that can't be read, whose `counts` items have no values.
    """
    import numpy as np  # not loaded in workers that only decode photos

    read = [table for table in tables if table is not None]
    shared = [name for name in read[0] if all(name in table for table in read)] if read else []
    return {
        name: np.concatenate(
            [
                _missing(read[0][name].dtype, count) if table is None else table[name]
                for table, count in zip(tables, counts, strict=True)
            ]
        )
        for name in shared
    } or None


def _missing(dtype: Any, count: int) -> Any:
    import numpy as np

    return np.full(count, None, object) if dtype.kind == "O" else np.full(count, np.nan)
