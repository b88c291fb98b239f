"""A few of many, evenly spaced."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from facegan_tf.common.evenly_spaced import evenly_spaced


@given(st.integers(0, 300), st.integers(2, 50))
def test_there_are_few_with_the_first_and_the_last_and_even_gaps(count, most):
    chosen = evenly_spaced(range(count), most)
    assert len(chosen) == min(count, most)
    if chosen:
        assert (chosen[0], chosen[-1]) == (0, count - 1)
    gaps = {after - before for before, after in itertools.pairwise(chosen)}
    assert not gaps or (min(gaps) >= 1 and max(gaps) - min(gaps) <= 1)
