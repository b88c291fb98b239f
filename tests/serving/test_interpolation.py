import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facegan_tf.common.errors import InputError
from facegan_tf.serving.interpolation import round_trip, slerp

vectors = st.lists(st.floats(-3, 3), min_size=3, max_size=3).map(np.array)


@given(vectors, vectors)
def test_it_starts_at_the_start_and_ends_at_the_end(start, end):
    np.testing.assert_allclose(slerp(start, end, 0.0), start, atol=1e-9)
    np.testing.assert_allclose(slerp(start, end, 1.0), end, atol=1e-9)


@given(st.floats(0.01, 3.1), st.floats(0, 1))
def test_on_the_unit_circle_it_turns_through_its_share_of_the_angle(angle, share):
    start, end = np.array([1.0, 0.0]), np.array([np.cos(angle), np.sin(angle)])
    expected = [np.cos(share * angle), np.sin(share * angle)]
    np.testing.assert_allclose(slerp(start, end, share), expected, atol=1e-6)


@pytest.mark.parametrize("factor", [1.0, 2.0, -1.0, 0.0])
def test_between_latents_on_one_line_it_is_straight_and_finite(factor):
    start = np.array([1.0, 2.0])
    np.testing.assert_allclose(slerp(start, factor * start, 0.5), (1 + factor) / 2 * start)


def test_a_round_trip_passes_through_every_latent_and_never_jumps():
    latents = np.random.default_rng(0).normal(size=(3, 16))
    way = round_trip(latents, frames=20)
    assert way.shape == (60, 16)
    assert way.dtype == np.float32
    np.testing.assert_allclose(way[::20], latents, rtol=1e-6)
    jumps = np.linalg.norm(way - np.roll(way, -1, axis=0), axis=1).reshape(3, 20)
    assert (jumps.max(axis=1) < 1.5 * jumps.mean(axis=1)).all()


@pytest.mark.parametrize(
    ("shape", "frames", "name"),
    [((4,), 2, "latents"), ((0, 4), 2, "latents"), ((1, 2, 4), 2, "latents"), ((2, 4), 0, "frames")],
)
def test_a_round_trip_refuses_other_shapes_and_no_frames(shape, frames, name):
    with pytest.raises(InputError) as caught:
        round_trip(np.ones(shape), frames)
    assert caught.value.name == name
