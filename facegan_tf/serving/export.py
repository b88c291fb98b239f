"""SavedModel export: what a generator can be asked to do once it is served.

Three signatures, each for any batch size:

    serving_default   latents float32 [N, L]                         -> images uint8 [N, S, S, 3]
    png               latents float32 [N, L]                         -> image_bytes string [N], PNG
    sample            seeds int64 [N], truncation float32 []         -> images and image_bytes

`facegan sample` runs these same functions, so a face is the same from a run and from its export.
"""

from pathlib import Path

import keras
import tensorflow as tf

from facegan_tf.common.errors import InputError
from facegan_tf.common.files import atomic_folder
from facegan_tf.serving.signatures import signatures


def export_savedmodel(generator: keras.Model, out: str | Path) -> None:
    """Write the generator as a SavedModel, the folder `out`, that needs only tensorflow to load.

    generator: latents [N, L] -> images [N, S, S, 3] in [-1, 1], such as `restore_run` gives with its GAN.
    Raises InputError if `out` exists.
    """
    out = Path(out)
    if out.exists():
        raise InputError(f"--out {out}: is there already; choose another folder, or remove it")
    archive = keras.export.ExportArchive()
    archive.track(generator)
    for name, (function, specs) in signatures(generator).items():
        archive.add_endpoint(name, function, input_signature=specs)
    logger = tf.get_logger()
    level = logger.level
    logger.setLevel("WARNING")  # it would tell the folder's name as long as it is being written
    try:
        with atomic_folder(out) as partial:
            archive.write_out(partial, verbose=False)
    finally:
        logger.setLevel(level)
