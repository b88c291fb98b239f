"""`facegan train`: train a GAN from a config."""

import argparse
import os
import sys
from pathlib import Path

from facegan_tf.commands.arguments import Verbs, add_overrides
from facegan_tf.common.status import print_status
from facegan_tf.common.tensorflow_start import start_tensorflow

STEPS = "training.steps"
"""The setting that `--steps` sets, and its `dest`."""


def add_to(verbs: Verbs) -> argparse.ArgumentParser:
    """Add the command's parser."""
    verb = verbs.add_parser("train", help="train a GAN from a config")
    verb.add_argument("config", metavar="CONFIG", help="a YAML file, or a run directory")
    add_overrides(
        verb,
        "change settings, such as data.source=photos.zip training.batch_size=32; goes after CONFIG; "
        "text is taken literally, other values are YAML",
    )
    verb.add_argument(
        "--out",
        type=Path,
        metavar="RUN",
        help="run directory (default: outputs/NAME, or NAME in SM_MODEL_DIR or AIP_MODEL_DIR)",
    )
    verb.add_argument("--steps", dest=STEPS, type=int, metavar="N", help="short for --set training.steps=N")
    verb.add_argument(
        "--resume", action="store_true", help="continue the run in RUN, or start it if there is none"
    )
    verb.add_argument(
        "--devices",
        metavar="D",
        help="devices that share each batch: all (GPUs), a number of GPUs, or cpu:N, which splits the "
        "processor into N (default: one device; in a cluster, all GPUs of each worker)",
    )
    verb.add_argument(
        "--cluster",
        metavar="C",
        help="machines that train together: slurm, or HOST:PORT of each worker, separated by commas "
        "(default: from TF_CONFIG)",
    )
    verb.add_argument(
        "--worker", type=int, metavar="I", help="number of this worker in --cluster, from 0, the chief"
    )
    verb.add_argument(
        "--timeout",
        type=int,
        metavar="S",
        help="seconds to wait for a worker that doesn't keep up before it counts as lost (default: 1800)",
    )
    verb.add_argument(
        "--dry-run", action="store_true", help="check everything and print all settings, but do not train"
    )
    return verb


def run(options: argparse.Namespace) -> int:
    """Train, or check everything for `--dry-run`; return 128 + the signal's number if interrupted."""
    # Training is 1.5 times as fast on CPUs with AVX2, where TensorFlow leaves it off by default. Only for
    # training: its rounding need not match that of the exported model.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    from facegan_tf.config.load import load_config
    from facegan_tf.config.platforms import results_of_platform

    overrides = [*_source_of_platform(options), *options.overrides]
    steps = getattr(options, STEPS)
    if steps is not None:
        overrides.append(f"{STEPS}={steps}")
    config = load_config(options.config, overrides)
    out = options.out
    if out is None:
        platform = results_of_platform()
        outputs = Path(platform.path if platform else "outputs")
        out = Path(options.config) if Path(options.config).is_dir() else outputs / config.name

    start_tensorflow()
    from facegan_tf.training.devices import choose_devices
    from facegan_tf.training.signals import Interrupted
    from facegan_tf.training.train import dry_run, train
    from facegan_tf.training.workers import leave_together

    devices = choose_devices(options.devices, options.cluster, options.worker, options.timeout)
    if options.dry_run:
        print(dry_run(config, out, resume=options.resume, devices=devices))
        return 0
    code = 0
    try:
        train(config, out, resume=options.resume, devices=devices)
    except Interrupted as interrupted:
        code = 128 + interrupted.signum
    if devices.cluster:
        leave_together(devices.cluster.worker, devices.workers, devices.timeout)
        _leave_at_once(code)
    return code


def _source_of_platform(options: argparse.Namespace) -> list[str]:
    """An override that names a cloud platform's photos, unless the config names photos that exist."""
    from facegan_tf.config.platforms import photos_of_platform
    from facegan_tf.config.yaml_settings import read_yaml
    from facegan_tf.data.sources import may_exist

    photos = photos_of_platform()
    is_given = any(override.startswith("data.source=") for override in options.overrides)
    if photos is None or is_given or Path(options.config).is_dir():
        return []
    written = read_yaml(Path(options.config)).find(("data", "source"))
    sources = written.content if written and isinstance(written.content, list) else [written]
    names = [each.content for each in sources if each]
    if names and all(isinstance(name, str) and may_exist(name) for name in names):
        return []
    print_status(f"data.source      {photos.path}, from {photos.variable}")
    return [f"data.source={photos.path}"]


def _leave_at_once(code: int) -> None:
    """End the process at once: all workers are done, but TensorFlow would wait 10 seconds for them."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
