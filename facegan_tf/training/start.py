"""The GAN that a run starts with: new, or with the nets of another run (fine-tuning)."""

import re
from pathlib import Path

import keras

from facegan_tf.common.errors import InputError
from facegan_tf.common.paths import path_of
from facegan_tf.config.settings import Config
from facegan_tf.model.build import build_gan
from facegan_tf.model.gan import GAN
from facegan_tf.run.restore import restore_run

SETTING = "training.start_from"


def new_gan(config: Config) -> GAN:
    """A GAN at step 0, with the nets of the run `training.start_from` if that is set.

    Optimizers start fresh. The GAN's config names the step that was taken, RUN@STEP, because later `last` and
    `best` may be other steps. Raises InputError if there is no such run, or if its nets don't fit.
    """
    start_from = config.training.start_from
    if start_from is None:
        return build_gan(config)
    folder, which = _parsed(start_from)
    try:
        other, _ = restore_run(folder, which)
    except InputError as error:
        raise InputError(SETTING, start_from, str(error)) from error
    taken = {"start_from": f"{folder}@{other.steps_done}"}
    training = config.training.model_copy(update=taken)
    gan = build_gan(config.model_copy(update={"training": training}))
    _copy_nets(other, gan, start_from)
    return gan


def absolute_start(start_from: str | None, began_from: str | None = None) -> str | None:
    """`start_from` with an absolute path, which is right in any working directory.

    began_from: for a run being resumed, the RUN@STEP that it began from. `last` and `best` of the same RUN
    mean that step, although RUN may have trained on.
    """
    if start_from is None:
        return None
    path, which = _parsed(start_from)
    folder = path.absolute()
    if began_from and which in ("last", "best") and folder == _parsed(began_from)[0]:
        return began_from
    return f"{folder}@{which}"


def _parsed(start_from: str) -> tuple[Path, str]:
    """The folder and the checkpoint of RUN, RUN@best or RUN@STEP."""
    match = re.fullmatch(r"(.+)@(last|best|[0-9]+)", start_from)
    folder, which = match.groups() if match else (start_from, "last")
    return path_of(folder), which


def _copy_nets(other: GAN, gan: GAN, start_from: str) -> None:
    for net, source in ((gan.generator, other.generator), (gan.discriminator, other.discriminator)):
        _check_fits(net, source, start_from)
        net.set_weights(source.get_weights())
    if gan.average is not None:
        gan.average.set_weights(other.sampler.get_weights())


def _check_fits(net: keras.Model, source: keras.Model, start_from: str) -> None:
    """Raise InputError, naming the layers, if the nets' weights differ in number or shape."""
    ours, theirs = _shapes(net), _shapes(source)
    if list(ours.values()) == list(theirs.values()):
        return
    problem = f"its {net.name} has {len(theirs)} layers with weights, this config's has {len(ours)}"
    for (name, here), there in zip(ours.items(), theirs.values(), strict=False):
        if here != there:
            problem = f"the {net.name} differs in layer {name}: weights of {there} there, of {here} here"
            break
    raise InputError(SETTING, start_from, f"{problem}; use the networks and the data.size of that run")


def _shapes(net: keras.Model) -> dict[str, list[tuple[int, ...]]]:
    """The shapes of each layer's weights, by the layer's name; layers without weights are left out."""
    return {layer.name: [tuple(w.shape) for w in layer.weights] for layer in net.layers if layer.weights}
