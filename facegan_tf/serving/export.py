"""Export a trained generator as a SavedModel; `facegan_tf.serving.signatures` defines its signatures."""

from pathlib import Path

import keras
import tensorflow as tf

from facegan_tf.common.files import atomic_folder, refuse_existing, writable_parent
from facegan_tf.serving.signatures import signatures


def export_savedmodel(generator: keras.Model, out: str | Path) -> None:
    """Write a generator as a SavedModel: the folder `out`, which needs only TensorFlow to load.

    generator: maps latents float32 [N, L] to images float32 [N, S, S, 3] in [-1, 1]; for a run, that is
    `restore_run(run)[0].sampler`. The SavedModel has three signatures: `serving_default` (latents to pixels),
    `png` (latents to PNG files) and `sample` (seeds and truncation to both).

    Raises InputError if `out` exists or can't be written.
    """
    out = Path(out)
    refuse_existing(out)
    writable_parent(out)
    archive = keras.export.ExportArchive()
    archive.track(generator)
    for name, (function, specs) in signatures(generator).items():
        archive.add_endpoint(name, function, input_signature=specs)
    logger = tf.get_logger()
    level = logger.level
    logger.setLevel("WARNING")  # TensorFlow would announce the temporary folder that we write into
    try:
        with atomic_folder(out) as partial:
            archive.write_out(partial, verbose=False)
    finally:
        logger.setLevel(level)
