"""The composition: two sets of weights, four Functional models, and the step that trains them."""

import itertools
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from facegan_tf.common.errors import InputError
from facegan_tf.config.optimizers import OptimizerSettings
from facegan_tf.config.settings import Config
from facegan_tf.model.composed import Composed
from facegan_tf.model.networks import family_module
from facegan_tf.model.objectives.objective import (
    DiscriminatorBatch,
    GeneratorBatch,
    Terms,
    build_objective,
)
from facegan_tf.model.optimizers import build_optimizer


class GAN:
    """A generator and a discriminator, composed into the two models that train them.

    generator       latents [N, L] -> images [N, S, S, 3] in [-1, 1]
    discriminator   images [N, S, S, 3] -> logits [N, 1]
    critic          (latents, reals) -> logits of the fakes, then of the reals [2N, 1]; the discriminator
                    sees them as one batch or as two; trains only the discriminator
    combined        latents -> logits of the fakes [N, 1]; trains only the generator. If the loss compares
                    fakes with reals: (latents, reals) -> logits of the fakes, then of the reals [2N, 1]
    """

    def __init__(self, generator: keras.Model, discriminator: keras.Model, config: Config):
        self.generator = generator
        self.discriminator = discriminator
        self.config = config
        self.objective = build_objective(config.objective)
        self.step = tf.Variable(0, dtype=tf.int64, trainable=False, name="step")
        self.stop_training = False  # Keras callbacks set this on a model to end its training
        self.critic = self._compose_critic()
        self.combined = self._compose_combined()
        self._compile(self.critic, config.optimizers.discriminator)
        self._compile(self.combined, config.optimizers.generator)

    def _compose_critic(self) -> Composed:
        latents = keras.Input(self.generator.input_shape[1:], name="latents")
        reals = keras.Input(self.discriminator.input_shape[1:], name="reals")
        # As PyTorch's detach(): the critic's gradient ends at the images.
        fakes = keras.ops.stop_gradient(self.generator(latents))
        logits = self._logits_of_both(fakes, reals)

        def terms(inputs: Any, fakes: tf.Tensor, logits: tf.Tensor, label_noise: tf.Tensor) -> Terms:
            latents, reals = inputs
            batch = DiscriminatorBatch(self.discriminator, latents, fakes, reals, logits, label_noise)
            return self.objective.discriminator_terms(batch)

        return Composed([latents, reals], fakes, logits, self.discriminator, terms, name="critic")

    def _compose_combined(self) -> Composed:
        latents = keras.Input(self.generator.input_shape[1:], name="latents")
        reals = keras.Input(self.discriminator.input_shape[1:], name="reals")
        fakes = self.generator(latents)
        sees_reals = self.objective.loss.generator_sees_reals
        logits = self._logits_of_both(fakes, reals) if sees_reals else self.discriminator(fakes)

        def terms(inputs: list[tf.Tensor], fakes: tf.Tensor, logits: tf.Tensor, _: None) -> Terms:
            fake_logits, real_logits = tf.split(logits, 2) if sees_reals else (logits, None)
            batch = GeneratorBatch(self.discriminator, inputs[0], fakes, fake_logits, real_logits)
            return self.objective.generator_terms(batch)

        inputs = [latents, reals] if sees_reals else [latents]
        return Composed(inputs, fakes, logits, self.generator, terms, name="combined")

    def _logits_of_both(self, fakes: keras.KerasTensor, reals: keras.KerasTensor) -> keras.KerasTensor:
        """Logits of the fakes, then of the reals, which the discriminator sees as one batch or as two."""
        both = keras.layers.Concatenate(axis=0)
        if self.config.objective.batching == "joint":
            return self.discriminator(both([fakes, reals]))
        # The sources' averages of batch statistics see the reals first. So do ours: behind a layer of its
        # own for each pass, Keras runs the last pass first.
        return both([keras.layers.Identity()(self.discriminator(images)) for images in (fakes, reals)])

    def _compile(self, model: Composed, settings: OptimizerSettings) -> None:
        optimizer = build_optimizer(settings)
        optimizer.build(model.trainable_variables)
        model.compile(optimizer, jit_compile=self.config.training.jit)

    @property
    def sampler(self) -> keras.Model:
        """The net that draws faces for people: grids, samples, evaluations, exports."""
        return self.generator

    @property
    def steps_done(self) -> int:
        """How many steps this GAN has been trained for; restored with its checkpoints."""
        return int(self.step)

    def state(self) -> dict[str, Any]:
        """Everything that a step depends on and changes, by name: what a checkpoint holds.

        Keras models, Keras optimizers, and variables or lists of them.
        """
        return {
            "step": self.step,
            "generator": self.generator,
            "discriminator": self.discriminator,
            "generator_optimizer": self.combined.optimizer,
            "discriminator_optimizer": self.critic.optimizer,
            "generator_seeds": _dropout_seeds(self.generator),
            "discriminator_seeds": _dropout_seeds(self.discriminator),
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

        reals: float32 [N, S, S, 3] in [-1, 1]. latents_d, latents_g: float32 [N, L], for the fakes that the
        discriminator and the generator learn from. label_noise: U(0, 1) float32 [2N, 1], for the targets of
        the discriminator's fakes and then of the reals (None: no noise). reals_g: other reals, for a
        generator's loss that compares its fakes with reals (None: the same). The losses are this batch's, by
        the names of `objective.curves`. Raises ValueError for reals outside [-1, 1], such as 0..255, which
        Keras would train on without a word.

        >>> import tensorflow as tf
        >>> from facegan_tf import build_gan, load_config
        >>> gan = build_gan(load_config("configs/quickstart.yaml"))
        >>> latents = tf.random.normal([8, 32])
        >>> sorted(gan.train_on_batch(tf.zeros([8, 32, 32, 3]), latents, latents)), gan.steps_done
        (['d_loss', 'g_loss'], 1)
        """
        for images in (reals, reals_g):
            if images is not None:
                _check_range(np.asarray(images))
        if label_noise is None:
            label_noise = tf.zeros([2 * len(reals), 1], reals.dtype)
        losses = self.critic.train_on_batch([latents_d, reals], label_noise, return_dict=True)
        seen = [latents_g]
        if self.objective.loss.generator_sees_reals:
            seen.append(reals if reals_g is None else reals_g)
        losses |= self.combined.train_on_batch(seen, return_dict=True)
        self.step.assign_add(1)
        return losses


def build_gan(config: Config) -> GAN:
    """Build both nets from the config, initialised from its seed, and compose them.

    Raises InputError if there is no memory for them.
    """
    size, networks = config.data.size, config.networks
    family = family_module(networks.family)
    generator_seed, discriminator_seed = np.random.SeedSequence(config.seed).generate_state(2)
    try:
        return GAN(
            family.build_generator(size, networks, itertools.count(int(generator_seed))),
            family.build_discriminator(size, networks, itertools.count(int(discriminator_seed))),
            config,
        )
    except tf.errors.ResourceExhaustedError as error:
        raise InputError(
            "networks",
            None,
            "these nets need more memory than there is; lower their channels or networks.latent_dim",
        ) from error


def _dropout_seeds(model: keras.Model) -> list[tf.Variable]:
    """The states of the model's dropout seeds, which no Keras format saves."""
    return [variable.value for variable in model.variables if "seed_generator_state" in variable.path]


def _check_range(reals: np.ndarray) -> None:
    low, high = reals.min(), reals.max()
    if not (low >= -1 and high <= 1):  # "not": NaN fails it too
        raise ValueError(
            f"reals lie in [{low:g}, {high:g}]; the nets need [-1, 1]: scale 0..255 as x / 127.5 - 1"
        )
