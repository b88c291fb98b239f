"""Checks of the errors that tell users what they did wrong."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from facegan_tf.common.errors import InputError

ANY = object()


@contextmanager
def refusal(name: str | None, *facts: str, value: Any = ANY) -> Iterator[pytest.ExceptionInfo[InputError]]:
    """Expect an InputError about the parameter `name`, whose problem mentions the facts."""
    with pytest.raises(InputError) as caught:
        yield caught
    error = caught.value
    assert error.name == name, error
    assert value is ANY or str(error.value) == str(value), error
    for fact in facts:
        assert fact in error.problem
