"""What `facegan info` tells: layers, parameters, FLOPs and memory of a config or a run."""

from pathlib import Path
from typing import Any

import keras

from facegan_tf.config import load_config
from facegan_tf.costs import forward_flops, step_costs, trainable_parameters
from facegan_tf.gan import build_gan
from facegan_tf.generator import restore_run
from facegan_tf.training.checkpoints import checkpoint_steps, weights_sha256


def describe(path: str | Path) -> dict[str, Any]:
    """Facts of a config file or a run directory, as JSON values.

    Keys: `generator` and `discriminator` (each with `trainable_parameters`, `flops` of one image,
    `layers`), `training_step` (`flops`, `memory_bytes`), `settings`; for a run also `step`,
    `weights_sha256` and `checkpoints`. Raises InputError if `path` is neither.
    """
    path = Path(path)
    facts: dict[str, Any] = {}
    if path.is_dir():
        gan, run = restore_run(path)
        facts["step"] = gan.steps_done
        facts["weights_sha256"] = weights_sha256(gan)
        facts["checkpoints"] = checkpoint_steps(run.checkpoints)
    else:
        gan = build_gan(load_config(path))
    costs = step_costs(gan, gan.config.training.batch_size)
    return {
        "name": gan.config.name,
        **facts,
        "generator": _network(gan.generator),
        "discriminator": _network(gan.discriminator),
        "training_step": {"flops": costs.flops, "memory_bytes": costs.memory_bytes},
        "settings": gan.config.model_dump(mode="json"),
    }


def _network(model: keras.Model) -> dict[str, Any]:
    return {
        "trainable_parameters": trainable_parameters(model),
        "flops": forward_flops(model),
        "layers": [
            {
                "name": layer.name,
                "type": type(layer).__name__,
                "output": list(layer.output.shape[1:]),
                "parameters": layer.count_params(),
            }
            for layer in model.layers
        ],
    }


def as_text(facts: dict[str, Any]) -> str:
    """The same facts for a person: a table of layers for each net, then the totals."""
    lines = [facts["name"]]
    for key in ("generator", "discriminator"):
        network = facts[key]
        lines += ["", f"{key}: {network['trainable_parameters']:,} trainable parameters"]
        lines += [
            f"  {layer['type']:<16} {'x'.join(map(str, layer['output'])):<14} {layer['parameters']:>12,}"
            for layer in network["layers"]
        ]
        lines.append(f"  {network['flops'] / 1e9:.2f} GFLOPs an image, one way")
    step = facts["training_step"]
    lines += [
        "",
        f"a training step of {facts['settings']['training']['batch_size']} images: "
        f"{step['flops'] / 1e9:,.1f} GFLOPs, about {step['memory_bytes'] / 2**30:.2f} GiB besides TensorFlow",
    ]
    if "step" in facts:
        lines += [
            f"trained for {facts['step']} steps; checkpoints: {', '.join(map(str, facts['checkpoints']))}",
            f"weights SHA-256 {facts['weights_sha256']}",
        ]
    return "\n".join(lines)
