"""The GAN: two nets, composed into two models that train them, and the training step."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from facegan_tf.config.optimizers import OptimizerSettings
from facegan_tf.config.schedule import settings_over_run
from facegan_tf.config.settings import Config
from facegan_tf.model.augment import Augmentation
from facegan_tf.model.composed import Composed
from facegan_tf.model.ema import update_average
from facegan_tf.model.objectives.objective import (
    DiscriminatorBatch,
    GeneratorBatch,
    Terms,
    build_objective,
)
from facegan_tf.model.optimizers import build_optimizer
from facegan_tf.model.precision import computing_in_type_of_weights
from facegan_tf.model.run_clock import RunClock
from facegan_tf.model.step_inputs import StepInputs


class GAN:
    """A generator and a discriminator, composed into the two models that train them.

    generator       latents [N, L] -> images [N, S, S, 3] in [-1, 1]
    discriminator   images [N, S, S, 3] -> logits [N, 1]
    critic          (latents, reals) -> logits of the fakes, then of the reals [2N, 1]; the discriminator
                    sees them as one batch or as two; trains only the discriminator
    combined        latents -> logits of the fakes [N, 1]; trains only the generator. If the loss compares
                    fakes with reals: (latents, reals) -> logits of the fakes, then of the reals [2N, 1]
    """

    def __init__(
        self,
        generator: keras.Model,
        discriminator: keras.Model,
        config: Config,
        average: keras.Model | None = None,
    ):
        """average: a third net, with the generator's layers, for the moving average of its weights."""
        self.generator = generator
        self.discriminator = discriminator
        self.average = average
        self.config = config
        self.clock = RunClock(config.training.images_per_step)
        self.clock.total_steps.assign(config.training.steps_without_images or 0)
        self._settings_over_run = settings_over_run(config)
        self.objective = build_objective(config.objective, self.clock)
        self.recent_losses: list[dict[str, float]] = []  # of each step of the last call
        self.stop_training = False  # Keras callbacks set this on a model to stop training
        self.critic = self._compose_critic()
        self.combined = self._compose_combined()
        self._compile(self.critic, config.optimizers.discriminator)
        self._compile(self.combined, config.optimizers.generator)
        self._end_step = tf.function(self._end_step_in_graph)

    def _compose_critic(self) -> Composed:
        latents = keras.Input(self.generator.input_shape[1:], name="latents")
        reals = keras.Input(self.discriminator.input_shape[1:], name="reals")
        # Like PyTorch's detach(): the critic's gradient ends at the images.
        fakes = keras.ops.stop_gradient(self.generator(latents))
        change_fakes, change_reals = self._augmentation(part=0), self._augmentation(part=1)
        logits = self._logits_of_both(change_fakes(fakes), change_reals(reals))

        def exact_logits(images: tf.Tensor) -> tf.Tensor:
            with computing_in_type_of_weights(self.discriminator):
                return self.discriminator(images, training=True)

        def terms(inputs: Any, fakes: tf.Tensor, logits: tf.Tensor, label_noise: tf.Tensor) -> Terms:
            batch = DiscriminatorBatch(
                discriminator=self.discriminator,
                logits_of_fakes=lambda images: exact_logits(change_fakes(images)),
                logits_of_reals=lambda images: exact_logits(change_reals(images)),
                latents=inputs[0],
                fakes=fakes,
                reals=inputs[1],
                logits=logits,
                label_noise=label_noise,
            )
            return self.objective.discriminator_terms(batch)

        return Composed([latents, reals], fakes, logits, self.discriminator, terms, name="critic")

    def _compose_combined(self) -> Composed:
        latents = keras.Input(self.generator.input_shape[1:], name="latents")
        reals = keras.Input(self.discriminator.input_shape[1:], name="reals")
        fakes = self.generator(latents)
        sees_reals = self.objective.loss.generator_sees_reals
        changed = self._augmentation(part=2)(fakes)
        if sees_reals:
            logits = self._logits_of_both(changed, self._augmentation(part=3)(reals))
        else:
            logits = self.discriminator(changed)

        def terms(inputs: list[tf.Tensor], fakes: tf.Tensor, logits: tf.Tensor, _: None) -> Terms:
            fake_logits, real_logits = tf.split(logits, 2) if sees_reals else (logits, None)
            batch = GeneratorBatch(self.discriminator, inputs[0], fakes, fake_logits, real_logits)
            return self.objective.generator_terms(batch)

        inputs = [latents, reals] if sees_reals else [latents]
        return Composed(inputs, fakes, logits, self.generator, terms, name="combined")

    def _augmentation(self, part: int) -> Augmentation:
        return Augmentation(self.config.augment, self.clock, self.config.seed, part)

    def _logits_of_both(self, fakes: keras.KerasTensor, reals: keras.KerasTensor) -> keras.KerasTensor:
        """Logits of the fakes, then of the reals, which the discriminator sees as one batch or as two."""
        # Not in the nets' own precision, where logits would lose digits.
        both = keras.layers.Concatenate(axis=0, dtype=keras.config.floatx())
        if self.config.objective.batching == "joint":
            return self.discriminator(both([fakes, reals]))
        # In the sources, the reals update the averages of batch normalisation first. The Identity layers make
        # them do so here: with one behind each pass, Keras runs the last pass first.
        passes = [
            keras.layers.Identity(dtype=keras.config.floatx())(self.discriminator(images))
            for images in (fakes, reals)
        ]
        return both(passes)

    def _compile(self, model: Composed, settings: OptimizerSettings) -> None:
        optimizer = build_optimizer(settings, self.clock)
        if self.config.training.precision == "float16":
            optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
        optimizer.build(model.trainable_variables)
        model.compile(optimizer, jit_compile=self.config.training.jit)

    @property
    def sampler(self) -> keras.Model:
        """The net that draws faces for people: the generator's average, or the generator if there is none."""
        return self.average or self.generator

    @property
    def steps_done(self) -> int:
        """How many steps this GAN has been trained for; restored with its checkpoints."""
        return int(self.clock.step.numpy())

    def state(self) -> dict[str, Any]:
        """Everything that a step depends on and changes, by name: what a checkpoint holds.

        Keras models, Keras optimizers, and variables or lists of them.
        """
        nets = {"generator": self.generator, "discriminator": self.discriminator}
        if self.average is not None:
            nets["average"] = self.average
        return {
            "step": self.clock.step,
            **nets,
            "generator_optimizer": self.combined.optimizer,
            "discriminator_optimizer": self.critic.optimizer,
            **{f"{name}_seeds": _dropout_seeds(net) for name, net in nets.items()},
        }

    def train_on_batch(
        self,
        reals: tf.Tensor,
        latents_d: tf.Tensor,
        latents_g: tf.Tensor,
        label_noise: tf.Tensor | None = None,
        reals_g: tf.Tensor | None = None,
    ) -> dict[str, float]:
        """Train the discriminator on reals and fakes, then the generator; return the named losses.

        With N the batch size and K `training.critic_steps`: reals: float32 [KN, S, S, 3] in [-1, 1].
        latents_d: float32 [KN, L] and latents_g: float32 [N, L], for the fakes that the discriminator and the
        generator learn from. label_noise: U(0, 1) float32 [2KN, 1], for the targets of each update of the
        discriminator, first its fakes' (None: no noise). reals_g: float32 [N, S, S, 3], for a generator's
        loss that compares its fakes with reals (None: the discriminator's last). The losses are those of the
        last update of each net, by the names in `objective.curves`. Raises ValueError for reals outside
        [-1, 1], such as 0..255, which Keras would silently train on, and if a setting changes over the whole
        run but the run's length is not known.

        >>> import tensorflow as tf
        >>> from facegan_tf import build_gan, load_config
        >>> gan = build_gan(load_config("configs/quickstart.yaml"))
        >>> latents = tf.random.normal([8, 64])
        >>> sorted(gan.train_on_batch(tf.zeros([8, 32, 32, 3]), latents, latents)), gan.steps_done
        (['d_loss', 'g_loss'], 1)
        """
        self._check_length()
        for images in (reals, reals_g):
            if images is not None:
                _check_range(np.asarray(images))
        if label_noise is None:
            label_noise = tf.zeros([2 * len(reals), 1], reals.dtype)
        if reals_g is None:
            reals_g = reals[-len(latents_g) :]
        inputs = StepInputs(reals, latents_d, latents_g, label_noise, reals_g)
        for batch in self._critic_batches(inputs):
            losses = self.critic.train_on_batch(*batch, return_dict=True)
        losses |= self.combined.train_on_batch(self._generator_batch(inputs), return_dict=True)
        self._end_step()
        return self.objective.logged(losses, self.steps_done)

    def step_in_graph(self, inputs: StepInputs) -> Terms:
        """The same step, for a graph that makes several; returns the terms as tensors, lazy ones as 0."""
        self._check_length()
        for batch in self._critic_batches(inputs):
            terms = self.critic.step_in_graph(batch)
        terms |= self.combined.step_in_graph((self._generator_batch(inputs),))
        self._end_step_in_graph()
        return terms

    @tf.autograph.experimental.do_not_convert  # otherwise it would become part of the graph
    def _check_length(self) -> None:
        """Raise ValueError if a setting can't be followed because the run's length is not known."""
        with tf.init_scope():  # outside the graph, if one is being built
            if self._settings_over_run and not int(self.clock.total_steps.numpy()):
                raise ValueError(
                    f"{', '.join(self._settings_over_run)} can't change over the whole run: its length is "
                    "not known, as training.epochs depends on the number of images. Give training.steps or "
                    "training.images instead, give the schedule a length in `images`, or set the GAN's "
                    "`clock.total_steps`"
                )

    def _critic_batches(self, inputs: StepInputs) -> list[tuple[list[tf.Tensor], tf.Tensor]]:
        """(latents and reals, label noise) of each update of the discriminator."""
        count = self.config.training.critic_steps
        parts = (tf.split(each, count) for each in (inputs.latents_d, inputs.reals, inputs.label_noise))
        return [([latents, reals], noise) for latents, reals, noise in zip(*parts, strict=True)]

    def _generator_batch(self, inputs: StepInputs) -> list[tf.Tensor]:
        return [inputs.latents_g, inputs.reals_g][: len(self.combined.inputs)]

    def _end_step_in_graph(self) -> None:
        half_life = self.config.training.ema_half_life
        if self.average is not None and half_life is not None:
            images = self.clock.images_per_step
            # A run that starts from another has good weights from the start, so there is nothing to forget.
            seen = None if self.config.training.start_from else self.clock.images_seen() + images
            update_average(self.average, self.generator, self.clock.value_of(half_life), seen, images)
        self.clock.step.assign_add(1)


def _dropout_seeds(model: keras.Model) -> list[tf.Variable]:
    """The states of the model's dropout seeds, which no Keras format saves."""
    return [variable.value for variable in model.variables if "seed_generator_state" in variable.path]


def _check_range(reals: np.ndarray) -> None:
    low, high = reals.min(), reals.max()
    if not (low >= -1 and high <= 1):  # "not": NaN fails it too
        raise ValueError(
            f"reals lie in [{low:g}, {high:g}]; the nets need [-1, 1]: scale 0..255 as x / 127.5 - 1"
        )
