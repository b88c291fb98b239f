"""Export a trained generator: as a SavedModel, as ONNX, or as a web page that draws faces by itself."""

from pathlib import Path
from typing import Literal, get_args

import keras
import tensorflow as tf

from facegan_tf.common.errors import InputError
from facegan_tf.common.files import atomic_folder, refuse_existing, writable_parent
from facegan_tf.run.restore import LAST, RunState, restore_run
from facegan_tf.serving.card import write_card
from facegan_tf.serving.directions import find_directions
from facegan_tf.serving.model_facts import ModelFacts
from facegan_tf.serving.signatures import signatures

Format = Literal["savedmodel", "onnx", "web"]
FORMATS: tuple[Format, ...] = get_args(Format)


def export_run(
    run: str | Path,
    out: str | Path,
    format: Format = "savedmodel",
    state: RunState = LAST,
    runtime: Path | None = None,
) -> int:
    """Write the generator of a run into the folder `out`, with a model card; return its step.

    runtime: for `web`, the folder `dist` of the npm package onnxruntime-web, from which the runtime is
    copied; without it, browsers load the runtime from a CDN. Raises InputError if `out` exists or can't be
    written, if `runtime` lacks its files, or if the packages for `onnx` and `web` are missing;
    FaceganError if the result doesn't draw the same faces.
    """
    out = Path(out)
    if format not in FORMATS:
        raise InputError("format", format, f"must be one of {', '.join(FORMATS)}")
    if runtime is not None and format != "web":
        raise InputError("runtime", runtime, f"is for `format` web, not for {format}; leave it out")
    _check_place(out)
    if format != "savedmodel":
        from facegan_tf.serving.onnx import check_packages

        check_packages(format)
    if format == "web":
        from facegan_tf.serving.web import check_runtime

        check_runtime(runtime)
    gan, directory = restore_run(run, state.checkpoint)
    net = state.net_of(gan)
    facts = ModelFacts(gan.config.name, gan.steps_done, find_directions(net))
    with atomic_folder(out) as folder:
        _write(net, folder, format, facts, runtime)
        write_card(folder, format, gan, directory, state)
    return gan.steps_done


def _write(net: keras.Model, folder: Path, format: Format, facts: ModelFacts, runtime: Path | None) -> None:
    if format == "savedmodel":
        _write_savedmodel(net, folder)
        facts.write(folder)
    elif format == "onnx":
        from facegan_tf.serving.onnx import write_onnx

        write_onnx(net, folder / "generator.onnx", facts)
    else:
        from facegan_tf.serving.web import write_web

        write_web(net, folder, facts, runtime)


def export_savedmodel(generator: keras.Model, out: str | Path) -> None:
    """Write a generator as a SavedModel: the folder `out`, which needs only TensorFlow to load.

    generator: maps latents float32 [N, L] to images float32 [N, S, S, 3] in [-1, 1]; for a run, that is
    `restore_run(run)[0].sampler`. The SavedModel has three signatures: `serving_default` (latents to pixels),
    `png` (latents to PNG files) and `sample` (seeds and truncation to both). It has no model card, and no
    directions for the page of `facegan serve`; `export_run` writes these too.

    Raises InputError if `out` exists or can't be written.
    """
    out = Path(out)
    _check_place(out)
    with atomic_folder(out) as partial:
        _write_savedmodel(generator, partial)


def _check_place(out: Path) -> None:
    refuse_existing(out)
    writable_parent(out)


def _write_savedmodel(generator: keras.Model, folder: Path) -> None:
    archive = keras.export.ExportArchive()
    archive.track(generator)
    for name, (function, specs) in signatures(generator).items():
        archive.add_endpoint(name, function, input_signature=specs)
    logger = tf.get_logger()
    level = logger.level
    logger.setLevel("WARNING")  # TensorFlow would announce the temporary folder that we write into
    try:
        archive.write_out(folder, verbose=False)
    finally:
        logger.setLevel(level)
