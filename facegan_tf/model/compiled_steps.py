"""Several training steps in one TensorFlow call, without Python between them."""

from collections.abc import Iterator

import keras
import tensorflow as tf

from facegan_tf.model.gan import GAN
from facegan_tf.model.runtime import ONE_DEVICE, Runtime
from facegan_tf.model.step_inputs import StepInputs


class CompiledSteps:
    """A loop of steps in one graph: the same steps as `GAN.train_on_batch` makes.

    On a CPU they are the same to the bit, with the graph options that `train` sets.
    """

    def __init__(self, gan: GAN, inputs: Iterator[StepInputs], runtime: Runtime = ONE_DEVICE):
        """inputs: an iterator over a tf.data.Dataset, from `runtime.iterate`, which the graph reads."""
        self.gan, self.runtime = gan, runtime
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
            terms = self._step(next(self._inputs))
            return k + 1, [each.write(k, terms[name]) for name, each in zip(names, arrays, strict=True)]

        start = [tf.constant(0), [tf.TensorArray(keras.config.floatx(), size=count) for _ in names]]
        _, arrays = tf.while_loop(lambda k, _: k < count, body, start, parallel_iterations=1)
        return {name: array.stack() for name, array in zip(names, arrays, strict=True)}

    def _step(self, inputs: StepInputs) -> dict[str, tf.Tensor]:
        gan, batch_size = self.gan, self.gan.config.training.batch_size

        def run(penalised: bool | None = None) -> dict[str, tf.Tensor]:
            return self.runtime.run(self._step_of_replica, inputs, batch_size, penalised)

        if self.runtime.replicas == 1 or gan.objective.penalty_every == 1:
            return run()
        return tf.cond(gan.objective.penalty_is_due(), lambda: run(True), lambda: run(False))

    def _step_of_replica(self, inputs: StepInputs) -> dict[str, tf.Tensor]:
        # Keras' floatx is float64 where rounding must be told apart from other differences.
        return self.gan.step_in_graph(StepInputs(*(tf.cast(x, keras.config.floatx()) for x in inputs)))
