"""The composition: two sets of weights, four Functional models, and the step that trains them."""

import itertools
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from facegan_tf.common.errors import InputError
from facegan_tf.config.optimizers import OptimizerSettings
from facegan_tf.config.settings import Config
from facegan_tf.model import objectives
from facegan_tf.model.networks import FAMILIES
from facegan_tf.model.optimizers import build_optimizer

# Until 3.15 `train_on_batch` returned the mean of all batches since the metrics were reset, not this one's.
_RETURNS_RUNNING_MEANS = tuple(int(part) for part in keras.__version__.split(".")[:2]) < (3, 15)


class Losses(NamedTuple):
    """This batch's losses: the discriminator's and the generator's."""

    discriminator: float
    generator: float


class Composed(keras.Model):
    """A Functional model over shared networks, of which it trains only one, the `learner`.

    Keras reads a model's trainable variables when it traces its train function, so switching
    `discriminator.trainable` around `compile()` freezes too much or too little, depending on the
    order of things. Here the answer is fixed by the model itself. The frozen network still runs in
    training mode: its batch statistics and dropout are the training ones, as in the sources.
    """

    def __init__(
        self,
        inputs: keras.KerasTensor | list[keras.KerasTensor],
        outputs: keras.KerasTensor,
        learner: keras.Model,
        name: str,
    ):
        super().__init__(inputs, outputs, name=name)
        self.learner = learner

    @property
    def trainable_variables(self) -> list[keras.Variable]:
        """The learner's alone."""
        return self.learner.trainable_variables

    @property
    def trainable_weights(self) -> list[keras.Variable]:
        """The learner's alone."""
        return self.learner.trainable_weights


class GAN:
    """A generator and a discriminator, composed into the two models that train them.

    generator       latents [N, L] -> images [N, S, S, 3] in [-1, 1]
    discriminator   images [N, S, S, 3] -> logits [N, 1]
    critic          (latents, reals) -> logits of the fakes, then of the reals [2N, 1]; seen by the
                    discriminator as one batch or as two; learns only the discriminator
    combined        latents -> logits of the fakes [N, 1]; learns only the generator
    """

    def __init__(self, generator: keras.Model, discriminator: keras.Model, config: Config):
        self.generator = generator
        self.discriminator = discriminator
        self.config = config
        self.stop_training = False  # the switch that Keras callbacks expect of a model

        latents = keras.Input(generator.input_shape[1:], name="latents")
        reals = keras.Input(discriminator.input_shape[1:], name="reals")
        # As PyTorch's detach(): the critic's gradient ends at the images.
        fakes = keras.ops.stop_gradient(generator(latents))
        both = keras.layers.Concatenate(axis=0)
        if config.objective.batching == "joint":
            logits = discriminator(both([fakes, reals]))
        else:
            # The sources' averages of batch statistics see the reals first. So do ours: behind a layer
            # of its own for each pass, Keras runs the last pass first.
            passes = [keras.layers.Identity()(discriminator(images)) for images in (fakes, reals)]
            logits = both(passes)
        self.critic = Composed([latents, reals], logits, discriminator, name="critic")
        self.combined = Composed(latents, discriminator(generator(latents)), generator, name="combined")
        critic_weight = objectives.critic_weight(config.objective)
        self._compile(self.critic, config.optimizers.discriminator, critic_weight)
        self._compile(self.combined, config.optimizers.generator)

    def _compile(self, model: Composed, settings: OptimizerSettings, loss_weight: float = 1.0) -> None:
        optimizer = build_optimizer(settings)
        optimizer.build(model.trainable_variables)
        loss, jit = objectives.adversarial_loss(), self.config.training.jit
        model.compile(optimizer, loss, loss_weights=loss_weight, jit_compile=jit)

    @property
    def steps_done(self) -> int:
        """How many steps this GAN has been trained for; restored with its checkpoints."""
        return int(self.critic.optimizer.iterations)

    def train_on_batch(
        self,
        reals: tf.Tensor,
        latents_d: tf.Tensor,
        latents_g: tf.Tensor,
        label_noise: tf.Tensor | None = None,
    ) -> Losses:
        """Train the discriminator on reals and fakes, then the generator; return both losses.

        reals: float32 [B, S, S, 3] in [-1, 1]; latents_d and latents_g: float32 [B, L], of the fakes
        that the discriminator and the generator learn from; label_noise: U(0, 1) float32 [2B, 1], for
        the targets of these fakes and then of the reals (None: targets without noise). Raises
        ValueError for reals outside [-1, 1], such as 0..255, which Keras would train on without a word.
        """
        _check_range(np.asarray(reals))
        if _RETURNS_RUNNING_MEANS:
            self.critic.reset_metrics()
            self.combined.reset_metrics()
        noise = None if label_noise is None else np.asarray(label_noise)
        targets = objectives.critic_targets(self.config.objective, len(reals), noise)
        d_loss = self.critic.train_on_batch([latents_d, reals], targets)
        targets = objectives.generator_targets(self.config.objective, len(latents_g))
        g_loss = self.combined.train_on_batch(latents_g, targets)
        return Losses(float(d_loss), float(g_loss))


def build_gan(config: Config) -> GAN:
    """Build both nets from the config, initialised from its seed, and compose them.

    Raises InputError if there is no memory for them.
    """
    size, networks = config.data.size, config.networks
    family = FAMILIES[networks.family]
    generator_seed, discriminator_seed = np.random.SeedSequence(config.seed).generate_state(2)
    try:
        return GAN(
            family.build_generator(size, networks, itertools.count(int(generator_seed))),
            family.build_discriminator(size, networks, itertools.count(int(discriminator_seed))),
            config,
        )
    except tf.errors.ResourceExhaustedError as error:
        raise InputError(
            "networks: these nets need more memory than there is; lower their channels or networks.latent_dim"
        ) from error


def _check_range(reals: np.ndarray) -> None:
    low, high = reals.min(), reals.max()
    if not (low >= -1 and high <= 1):  # "not": NaN fails it too
        raise ValueError(
            f"reals lie in [{low:g}, {high:g}]; the nets need [-1, 1]: scale 0..255 as x / 127.5 - 1"
        )
