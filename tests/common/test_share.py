"""Shares of a batch."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from facegan_tf.common.share import WHOLE, Rows, Share, turns


@settings(max_examples=25, deadline=None)
@given(of=st.integers(1, 5), size=st.integers(1, 4), batches=st.integers(1, 3))
def test_the_shares_of_a_batch_have_each_row_once_and_in_order(of, size, batches):
    batch = of * size
    rows = [Share(number, of).rows(batch, batches).numpy() for number in range(of)]
    assert sorted(np.concatenate(rows)) == list(range(batches * batch))
    for number, own in enumerate(rows):
        assert own.shape == (batches * size,)
        assert (np.diff(own) > 0).all()
        assert set(own % batch) == set(range(number * size, (number + 1) * size))  # the same rows in each


def test_shares_take_their_turns_in_each_step():
    shares = [Share(2, 4), Share(3, 4)]
    values, rows = np.arange(16), Rows(shares, 8, batches=2)
    found = [(int(step), rows.of(values, place).numpy().tolist()) for step, place in turns(5, shares).take(3)]
    assert found == [(5, [4, 5, 12, 13]), (5, [6, 7, 14, 15]), (6, [4, 5, 12, 13])]


def test_the_whole_batch_is_left_as_it_is():
    values = np.arange(3)
    assert Rows([WHOLE], 3).of(values, 0) is values
