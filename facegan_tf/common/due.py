"""Whether something that happens every few steps is due."""


def due(before: int, after: int, every: int | None) -> bool:
    """Whether a multiple of `every` is above `before` and at most `after`; False if `every` is None.

    A call may make one step or several: what was due at any of them is due after the call.

    >>> due(9, 10, every=5), due(10, 11, every=5), due(8, 16, every=5)
    (True, False, True)
    """
    return every is not None and after // every > before // every
