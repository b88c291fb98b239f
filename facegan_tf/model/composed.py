"""Models over both nets, each of which trains only one of them."""

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from facegan_tf.model.objectives.objective import Terms
from facegan_tf.model.replica import add_up, part_of_mean


class Composed(keras.Model):
    """A Functional model over both nets that trains only one of them, the `learner`.

    Keras reads a model's trainable variables when it traces its train function, so switching
    `discriminator.trainable` around `compile()` freezes too much or too little, depending on the order of
    the calls. Here the model itself fixes the answer. The frozen net still runs in training mode, with the
    batch statistics and the dropout of training, as in the sources.
    """

    def __init__(
        self,
        inputs: list[keras.KerasTensor],
        fakes: keras.KerasTensor,
        logits: keras.KerasTensor,
        learner: keras.Model,
        terms: Callable[[list[tf.Tensor], tf.Tensor, tf.Tensor, Any], Terms],
        **options: Any,
    ):
        """terms: (inputs, fakes, logits, draws) -> the losses that the learner minimises, by name."""
        super().__init__(inputs, logits, **options)
        self.learner = learner
        self._terms = terms
        # The same graph, with the fakes as another output.
        self._with_fakes = keras.Model(inputs, [fakes, logits])

    @property
    def trainable_variables(self) -> list[keras.Variable]:
        """The learner's trainable variables."""
        return self.learner.trainable_variables

    @property
    def trainable_weights(self) -> list[keras.Variable]:
        """The learner's trainable weights."""
        return self.learner.trainable_weights

    def train_step(self, data: tuple) -> Terms:
        """One update of the learner, from (inputs, draws); returns the terms before it, by name.

        The only definition of a step: `train_on_batch` runs it.
        """
        inputs, draws, _ = keras.utils.unpack_x_y_sample_weight(data)
        with tf.GradientTape() as tape:
            fakes, logits = self._with_fakes(inputs, training=True)
            terms = self._terms(inputs, fakes, logits, draws)
            loss = self.optimizer.scale_loss(part_of_mean(sum(terms.values())))
        variables = self.trainable_weights
        # The terms are summed along with the gradients, to save another message between machines.
        parts = [part_of_mean(term) for term in terms.values()]
        sums = add_up([*tape.gradient(loss, variables), *parts])
        gradients, values = sums[: len(variables)], sums[len(variables) :]
        self.optimizer.apply_gradients(zip(gradients, variables, strict=True))
        return dict(zip(terms, values, strict=True))

    def step_in_graph(self, data: tuple) -> Terms:
        """`train_step` for a graph of several steps, compiled by XLA where `train_on_batch` would be."""
        step = tf.function(self.train_step, jit_compile=True) if self.jit_compile else self.train_step
        return step(data)
