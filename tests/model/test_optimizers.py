import keras
import numpy as np
import pytest
import tensorflow as tf

from facegan_tf.config.optimizers import AdamSettings, RMSpropSettings, SGDSettings
from facegan_tf.config.schedule import Schedule
from facegan_tf.model.optimizers import build_optimizer
from facegan_tf.model.run_clock import RunClock
from tests.parity.package_run import precision

SCALES = [1e-8, 1e-6, 1e-3, 10.0]


def keras_2_rmsprop(gradients, rate, decay, clipvalue):
    """RMSprop as in Keras 2: the rate decays with the steps done, and epsilon, 1e-7, is added to the root."""
    weight, mean_square = 0.0, 0.0
    for step, gradient in enumerate(gradients):
        clipped = np.clip(gradient, -clipvalue, clipvalue)
        mean_square = 0.9 * mean_square + 0.1 * clipped**2
        weight = weight - rate / (1 + decay * step) * clipped / (np.sqrt(mean_square) + 1e-7)
    return weight


def papers_adam(gradients, rate, beta1, beta2):
    """Algorithm 1 of Kingma and Ba, "Adam", 2015, with its epsilon of 1e-8."""
    weight, mean, mean_square = 0.0, 0.0, 0.0
    for step, gradient in enumerate(gradients, start=1):
        mean = beta1 * mean + (1 - beta1) * gradient
        mean_square = beta2 * mean_square + (1 - beta2) * gradient**2
        corrected, corrected_square = mean / (1 - beta1**step), mean_square / (1 - beta2**step)
        weight = weight - rate * corrected / (np.sqrt(corrected_square) + 1e-8)
    return weight


def pytorch_sgd(gradients, rate, momentum):
    """SGD as PyTorch documents it: the velocity sums gradients, and the rate is applied to the velocity."""
    weight, velocity = 0.0, 0.0
    for gradient in gradients:
        velocity = momentum * velocity + gradient
        weight = weight - rate * velocity
    return weight


def stepped(settings, gradients):
    optimizer, weight = (
        build_optimizer(settings, RunClock(1)),
        keras.Variable(np.zeros(gradients[0].shape), dtype="float32"),
    )
    for gradient in gradients:
        optimizer.apply([tf.constant(gradient, tf.float32)], [weight])
    return weight.numpy()


def noise(scale, steps=20):
    return scale * np.random.default_rng(0).normal(size=(steps, 50))


@pytest.mark.parametrize("scale", SCALES)
def test_rmsprop_matches_keras_2_at_any_scale_of_gradients(scale):
    settings = RMSpropSettings(name="rmsprop", learning_rate=0.01, decay=0.1, clipvalue=1.0)
    expected = keras_2_rmsprop(noise(scale), rate=0.01, decay=0.1, clipvalue=1.0)
    np.testing.assert_allclose(stepped(settings, noise(scale)), expected, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("betas", [(0.1, 0.99), (0.5, 0.999), (0.0, 0.9)])
def test_adam_matches_its_paper_at_any_scale_of_gradients(scale, betas):
    settings = AdamSettings(name="adam", learning_rate=0.01, beta1=betas[0], beta2=betas[1])
    expected = papers_adam(noise(scale), 0.01, *betas)
    np.testing.assert_allclose(stepped(settings, noise(scale)), expected, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_sgd_matches_pytorch(momentum):
    settings = SGDSettings(name="sgd", learning_rate=0.01, momentum=momentum)
    expected = pytorch_sgd(noise(1.0), 0.01, momentum)
    np.testing.assert_allclose(stepped(settings, noise(1.0)), expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", ["rmsprop", "adam", "sgd"])
def test_the_learning_rate_decays_with_the_steps_done(name):
    kind = {"rmsprop": RMSpropSettings, "adam": AdamSettings, "sgd": SGDSettings}[name]
    optimizer = build_optimizer(kind(name=name, learning_rate=0.1, decay=0.5), RunClock(1))
    weight, rates = keras.Variable(np.zeros(2), dtype="float32"), []
    for _ in range(4):
        rates.append(float(optimizer.learning_rate))
        optimizer.apply([tf.constant([1.0, 2.0])], [weight])
    assert rates == pytest.approx([0.1 / (1 + 0.5 * step) for step in range(4)])


@pytest.mark.parametrize(
    "settings",
    [
        RMSpropSettings(name="rmsprop", learning_rate=0.01, clipvalue=0.5),
        AdamSettings(name="adam", learning_rate=0.01, clipvalue=0.5),
        SGDSettings(name="sgd", learning_rate=0.01, clipvalue=0.5),
    ],
    ids=lambda settings: settings.name,
)
def test_without_clipvalue_gradients_are_not_clipped(settings):
    gradients = np.array([[1.0, 0.1], [0.1, 0.1]])
    clipped = stepped(settings, gradients)
    whole = stepped(settings.model_copy(update={"clipvalue": None}), gradients)
    assert whole[0] != clipped[0]
    assert whole[1] == clipped[1]


ONES = tf.constant([1.0, 2.0])
FALL = {"from": 0.1, "to": 0.02, "by": "linear", "images": 8}


def clocked(settings, steps, images=4):
    """The weight after each of these steps, of `images` images each."""
    clock = RunClock(images)
    optimizer, weight = build_optimizer(settings, clock), keras.Variable(np.zeros(2), dtype="float32")
    weights = []
    for _ in range(steps):
        optimizer.apply([ONES], [weight])
        clock.step.assign_add(1)
        weights.append(weight.numpy())
    return np.diff(weights, axis=0, prepend=[np.zeros(2)])


def test_each_step_has_the_learning_rate_of_its_schedule():
    moves = clocked(SGDSettings(name="sgd", learning_rate=Schedule(**FALL)), 4)
    np.testing.assert_allclose(moves, -np.outer([0.1, 0.06, 0.02, 0.02], ONES), rtol=1e-5)


@pytest.mark.parametrize("name", ["rmsprop", "adam"])
def test_every_optimizer_follows_the_schedule_of_its_learning_rate(name):
    kind = {"rmsprop": RMSpropSettings, "adam": AdamSettings}[name]
    scheduled = clocked(kind(name=name, learning_rate=Schedule(**FALL)), 4)
    constant = clocked(kind(name=name, learning_rate=0.1), 4)
    np.testing.assert_allclose(scheduled / constant, np.outer([1.0, 0.6, 0.2, 0.2], [1, 1]), rtol=1e-4)


@pytest.mark.parametrize(("dtype", "error"), [("float32", 1e-5), ("float64", 1e-12)])
def test_each_step_has_the_beta2_of_its_schedule(dtype, error):
    with precision(dtype):
        beta2 = Schedule(**{"from": 0.5, "to": 0.9, "by": "linear", "images": 8})
        settings = AdamSettings(name="adam", learning_rate=0.01, beta1=0.0, beta2=beta2)
        clock = RunClock(4)
        optimizer, weight = build_optimizer(settings, clock), keras.Variable(np.zeros(2), dtype=dtype)
        mean_square, expected, ones = 0.0, np.zeros(2), ONES.numpy().astype(dtype)
        shares = [0.5, 0.7, 0.9, 0.9]
        for step, (size, share) in enumerate(zip([1.0, 3.0, 2.0, 5.0], shares, strict=True), 1):
            gradient = size * ones
            optimizer.apply([tf.constant(gradient)], [weight])
            clock.step.assign_add(1)
            mean_square = share * mean_square + (1 - share) * gradient**2
            expected = expected - 0.01 * gradient / (np.sqrt(mean_square / (1 - share**step)) + 1e-8)
            np.testing.assert_allclose(weight.numpy(), expected, rtol=error)
