"""Differentiable augmentation of the images that the discriminator sees, reals and fakes alike.

Zhao et al., "Differentiable Augmentation for Data-Efficient GAN Training" (2020). For fixed draws each kind
is an affine map of the images, and gradients of any order flow through it.
"""

from collections.abc import Callable, Collection
from typing import NamedTuple

import keras
import tensorflow as tf

from facegan_tf.common.draws import Stream, draw_seed, seed_of_part, uniform_of_seed
from facegan_tf.config.augment import AugmentKind, AugmentSettings
from facegan_tf.model.replica import current_replica
from facegan_tf.model.run_clock import RunClock


def augment(
    images: tf.Tensor,
    kinds: Collection[AugmentKind],
    strength: float | tf.Tensor,
    draws_seed: tf.Tensor,
    *,
    first: int | tf.Tensor = 0,
    total: int | None = None,
) -> tf.Tensor:
    """The images after random changes of these kinds, whose order does not matter; same shape and dtype.

    images: floats [N, S, S, 3] in [-1, 1]; changed colours may lie outside. strength: the probability, 0 to
    1, with which an image gets a kind of change. draws_seed: int64 [2]; the same seed gives the same changes.
    first, total: index of the first image in a batch of `total` images, of which these are a slice (None:
    they are the batch). An image's changes depend only on the seed and on its place in the batch.
    """
    count = images.shape[0] if images.shape[0] is not None else tf.shape(images)[0]
    for kind in sorted(set(kinds), key=list(_KINDS).index):
        all_draws = kind_draws(draws_seed, kind, count if total is None else total)
        draws = tf.slice(all_draws, [first, 0], [count, all_draws.shape[1]])
        changed = _KINDS[kind].change(images, draws[:, 1:])
        applied = draws[:, 0] < tf.cast(strength, draws.dtype)
        images = tf.where(applied[:, None, None, None], changed, images)
    return images


def kind_draws(draws_seed: tf.Tensor, kind: AugmentKind, count: int | tf.Tensor) -> tf.Tensor:
    """The draws from U(0, 1) for one kind, a row for each image: float32 [count, 1 + its parameters].

    A kind is applied where the first draw of the row is below the strength. A row does not depend on
    `count`.
    """
    number, parameters, _ = _KINDS[kind]
    return uniform_of_seed(seed_of_part(draws_seed, number), [count, 1 + parameters])


def _flip(images: tf.Tensor, draws: tf.Tensor) -> tf.Tensor:
    """Mirrors images left to right where the draw is below 1/2."""
    return tf.where(draws[:, :, None, None] < 0.5, tf.reverse(images, axis=[2]), images)


def _change_colours(images: tf.Tensor, draws: tf.Tensor) -> tf.Tensor:
    """Brightness +- 0.5, saturation times 0 to 2, contrast times 0.5 to 1.5."""
    # Means over an image's pixels need more than 16 bits.
    x = tf.cast(images, tf.float32) if images.dtype.size < 4 else images
    brightness, saturation, contrast = tf.split(tf.cast(draws, x.dtype)[:, :, None, None], 3, axis=1)
    x = x + (brightness - 0.5)
    grey = tf.reduce_mean(x, axis=3, keepdims=True)
    x = (x - grey) * (saturation * 2.0) + grey
    mean = tf.reduce_mean(x, axis=[1, 2, 3], keepdims=True)
    x = (x - mean) * (contrast + 0.5) + mean
    return tf.cast(x, images.dtype)


def _translate(images: tf.Tensor, draws: tf.Tensor) -> tf.Tensor:
    """Moves images down and right by whole pixels, each from -1/8 to 1/8 of the side, rounded."""
    limit = _share_of(images.shape[1], 0.125)
    return _move(images, _whole_numbers(draws, 2 * limit + 1) - limit)


@tf.custom_gradient
def _move(images: tf.Tensor, shifts: tf.Tensor) -> tuple[tf.Tensor, Callable]:
    """Images moved by shifts int32 [N, 2], down and right; empty parts are 0.

    The gradient moves back. TensorFlow's own, of gathering, adds up pixels one by one.
    """
    size = images.shape[1]
    margin = _share_of(size, 0.125)
    padded = tf.pad(images, [[0, 0], [margin, margin], [margin, margin], [0, 0]])
    sources = margin + tf.range(size) - shifts[:, :, None]
    moved = tf.gather(padded, sources[:, 0], axis=1, batch_dims=1)
    moved = tf.gather(moved, sources[:, 1], axis=2, batch_dims=1)
    return moved, lambda upstream: (_move(upstream, -shifts), None)


def _cut_out(images: tf.Tensor, draws: tf.Tensor) -> tf.Tensor:
    """Sets a square of half the side to 0; its centre is anywhere, so that the border may clip it."""
    size = images.shape[1]
    side = _share_of(size, 0.5)
    # A square of even side has its centre between pixels, where there is one more place.
    starts = _whole_numbers(draws, size + 1 - side % 2) - side // 2
    places = tf.range(size) - starts[:, :, None]
    inside = (places >= 0) & (places < side)
    cut = inside[:, 0, :, None, None] & inside[:, 1, None, :, None]
    return tf.where(cut, tf.zeros([], images.dtype), images)


def _share_of(size: int, share: float) -> int:
    """This share of a side, in whole pixels; halves are rounded up."""
    return int(size * share + 0.5)


def _whole_numbers(draws: tf.Tensor, count: int) -> tf.Tensor:
    """U(0, 1) to int32 from 0 to count - 1, all equally likely."""
    return tf.cast(draws * count, tf.int32)


class _Kind(NamedTuple):
    number: int
    """Number of its seed; once assigned, never used for another kind."""
    parameters: int
    """Number of draws that it needs for each image."""
    change: Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
    """(images, draws [N, parameters]) -> images, all of them changed."""


# In the order in which they are applied: colours change before translation and cutout leave zeros.
_KINDS: dict[AugmentKind, _Kind] = {
    "flip": _Kind(0, 1, _flip),
    "colour": _Kind(1, 3, _change_colours),
    "translation": _Kind(2, 2, _translate),
    "cutout": _Kind(3, 2, _cut_out),
}


class Augmentation(keras.layers.Layer):
    """Applies the settings' changes to one batch of a step; within a step, they are always the same."""

    def __init__(self, settings: AugmentSettings, clock: RunClock, seed: int, part: int):
        """part: number of the batch in the step; each has draws of its own."""
        super().__init__(dtype=keras.config.floatx())
        self.settings, self.clock = settings, clock
        self.run_seed, self.part = seed, part

    def call(self, images: tf.Tensor) -> tf.Tensor:
        """Images [N, S, S, 3] after this step's changes."""
        if not self.settings.kinds:
            return images
        seed = seed_of_part(draw_seed(self.run_seed, self.clock.step, Stream.AUGMENT), self.part)
        kinds, strength = self.settings.kinds, self.clock.value_of(self.settings.strength)
        replica = current_replica()
        if replica is None:
            return augment(images, kinds, strength, seed)
        total = replica.batch_size
        first = replica.share.number * (total // replica.share.of)
        return augment(images, kinds, strength, seed, first=first, total=total)
