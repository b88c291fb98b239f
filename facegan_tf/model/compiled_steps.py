"""Several training steps in one call of TensorFlow, without Python between them."""

from collections.abc import Iterator

import tensorflow as tf

from facegan_tf.model.gan import GAN
from facegan_tf.model.step_inputs import StepInputs


class CompiledSteps:
    """A loop of steps in one graph: the steps are those of `GAN.train_on_batch`.

    On a CPU they are equal to the bit, with the graph options that `train` sets.
    """

    def __init__(self, gan: GAN, inputs: Iterator[StepInputs]):
        """inputs: an iterator of a tf.data.Dataset, which the graph reads."""
        self.gan = gan
        self._inputs = inputs
        self._run = tf.function(self._run_in_graph)

    def __call__(self, count: int) -> list[dict[str, float]]:
        """Make `count` steps; return the losses of each, by name."""
        first = self.gan.steps_done
        losses = {name: values.numpy() for name, values in self._run(tf.constant(count)).items()}
        return [
            self.gan.objective.logged({name: float(each[k]) for name, each in losses.items()}, first + k + 1)
            for k in range(count)
        ]

    def _run_in_graph(self, count: tf.Tensor) -> dict[str, tf.Tensor]:
        names = list(self.gan.objective.curves)

        def body(k: tf.Tensor, arrays: list[tf.TensorArray]) -> tuple[tf.Tensor, list[tf.TensorArray]]:
            terms = self.gan.step_in_graph(next(self._inputs))
            return k + 1, [each.write(k, terms[name]) for name, each in zip(names, arrays, strict=True)]

        start = [tf.constant(0), [tf.TensorArray(tf.float32, size=count) for _ in names]]
        _, arrays = tf.while_loop(lambda k, _: k < count, body, start, parallel_iterations=1)
        return {name: array.stack() for name, array in zip(names, arrays, strict=True)}
