"""`facegan info`: layers, parameters, FLOPs and memory of a config or a run."""

from pathlib import Path
from typing import Any

import keras
from keras import layers

from facegan_tf.config.load import load_config
from facegan_tf.model.build import build_gan
from facegan_tf.model.costs import forward_flops, layer_flops, step_costs, trainable_parameters
from facegan_tf.model.layers.colour_gain import ColourGain
from facegan_tf.model.layers.detail_gain import DetailGain
from facegan_tf.model.state import weights_sha256
from facegan_tf.run.checkpoints import describe_checkpoints
from facegan_tf.run.directory import checkpoint_steps
from facegan_tf.run.restore import restore_run


def describe(path: str | Path) -> dict[str, Any]:
    """Describe a config file or a run directory, as a dict of JSON values.

    Keys: `name`; `generator` and `discriminator` (see `describe_network`); `training_step` with `flops` and
    `memory_bytes`, of one step with the config's batch size, TensorFlow itself not counted, and the
    `images` and the names of the `penalties` of a step; `settings`.
    Of a run also `step` and `weights_sha256`, of its newest checkpoint; `checkpoints`, the steps that have
    one; `checkpoint_files` (see `describe_checkpoints`); and `best_checkpoint`, the step with the best score,
    or None.

    Raises InputError if `path` is neither a valid config nor a run with a checkpoint.
    """
    path = Path(path)
    facts: dict[str, Any] = {}
    if path.is_dir():
        gan, run = restore_run(path)
        facts["step"] = gan.steps_done
        facts["weights_sha256"] = weights_sha256(gan)
        facts["checkpoints"] = checkpoint_steps(run.checkpoints)
        facts["checkpoint_files"] = describe_checkpoints(run.checkpoints)
        facts["best_checkpoint"] = run.best_step()
    else:
        gan = build_gan(load_config(path))
    costs = step_costs(gan, gan.config.training.batch_size)
    return {
        "name": gan.config.name,
        **facts,
        "generator": describe_network(gan.generator),
        "discriminator": describe_network(gan.discriminator),
        "training_step": {
            "flops": costs.flops,
            "memory_bytes": costs.memory_bytes,
            "images": gan.config.training.images_per_step,
            "penalties": list(gan.objective.penalties),
        },
        "settings": gan.config.model_dump(mode="json"),
    }


def describe_network(model: keras.Model) -> dict[str, Any]:
    """Describe a network as JSON values: `trainable_parameters`, `flops` for one image, and `layers`.

    Each layer, from the input on, has `name`, `type` (its class), `detail` (its main setting in short, such
    as `k4 s2` for a kernel of 4x4 with strides of 2, and `g8` for 8 groups; may be empty), `output` (its
    shape for one image), `parameters` (the trainable ones) and `flops` (for one image). Parameters and FLOPs
    of the layers add up to those of the network.
    """
    return {
        "trainable_parameters": trainable_parameters(model),
        "flops": forward_flops(model),
        "layers": [
            {
                "name": layer.name,
                "type": type(layer).__name__,
                "detail": _detail(layer),
                "output": list(layer.output.shape[1:]),
                "parameters": trainable_parameters(layer),
                "flops": layer_flops(layer),
            }
            for layer in model.layers
        ],
    }


def _detail(layer: keras.Layer) -> str:
    match layer:
        case layers.Conv2D(groups=groups) if groups > 1:
            return f"k{layer.kernel_size[0]} s{layer.strides[0]} g{groups}"
        case layers.Conv2D() | layers.Conv2DTranspose() | layers.DepthwiseConv2D():
            return f"k{layer.kernel_size[0]} s{layer.strides[0]}"
        case layers.BatchNormalization():
            return f"momentum {layer.momentum:g}"
        case ColourGain() | DetailGain():
            return f"gain {layer.gain:g}"
        case layers.LeakyReLU():
            return f"slope {layer.negative_slope:g}"
        case layers.Dropout():
            return f"rate {layer.rate:g}"
        case layers.Activation():
            return layer.activation.__name__
    return ""


def format_description(facts: dict[str, Any]) -> str:
    """Format what `describe` returns for people: a table of layers for each net, then the cost of a step."""
    lines = [facts["name"]]
    for key in ("generator", "discriminator"):
        lines += ["", f"{key}, for one image:", *_table(facts[key])]
    step = facts["training_step"]
    lines += [
        "",
        f"a training step of {step['images']} images: "
        f"{step['flops'] / 1e9:,.1f} GFLOPs, about {step['memory_bytes'] / 2**30:.2f} GiB plus TensorFlow",
        *(f"  {each}" for each in _counted(step, facts["settings"])),
    ]
    if "step" in facts:
        lines += [
            f"trained for {facts['step']} steps",
            f"weights SHA-256 {facts['weights_sha256']}",
            "checkpoints:",
            *(
                f"  step {each['step']:<10,}{each['bytes'] / 1e6:>10,.1f} MB"
                f"  {'intact' if each['intact'] else 'DAMAGED'}{', the best' if each['best'] else ''}"
                for each in facts["checkpoint_files"]
            ),
        ]
    return "\n".join(lines)


def _counted(step: dict[str, Any], settings: dict[str, Any]) -> list[str]:
    """What a step's costs include besides one float32 update of each net, a line each."""
    training, every = settings["training"], settings["objective"]["penalty_every"]
    lines = []
    if training["critic_steps"] > 1:
        updates = f"{training['critic_steps']} updates of the discriminator"
        lines.append(f"{updates}, with {training['batch_size']} images each")
    if step["penalties"]:
        average = f", computed every {every} steps; the GFLOPs are the average" if every > 1 else ""
        lines.append(f"the penalties {', '.join(step['penalties'])}{average}")
    if training["freeze_discriminator"]:
        lines.append(f"frozen layers of the discriminator: the first {training['freeze_discriminator']}")
    if training["precision"] != "float32":
        exact = "; penalties are in float32" if step["penalties"] else ""
        lines.append(f"layers that compute in {training['precision']}{exact}")
    return lines


def _table(network: dict[str, Any]) -> list[str]:
    """Return the lines of a net's table: a header, a line for each layer, and the totals."""

    def row(kind: str, detail: str, output: str, parameters: int, flops: int) -> str:
        return f"  {kind:<18}  {detail:<13}  {output:<13}  {parameters:>12,}  {flops / 1e6:>13,.2f}"

    return [
        f"  {'layer':<18}  {'setting':<13}  {'output':<13}  {'parameters':>12}  {'MFLOPs':>13}",
        *(
            row(
                layer["type"],
                layer["detail"],
                "x".join(map(str, layer["output"])),
                layer["parameters"],
                layer["flops"],
            )
            for layer in network["layers"]
        ),
        row("total", "", "", network["trainable_parameters"], network["flops"]),
    ]
