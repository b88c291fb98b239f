"""Measure the speed of the input pipeline, the training loop and the command line.

    python benchmarks/training_speed.py

Prints three figures with their targets. Run it on a quiet machine.

1. The pipeline's images per second, compared with a bare numpy loop over the same store (random gather,
   scaling to float32). Both run in this process, in turns.
2. The share of a training step that is spent outside the two `train_on_batch` calls, for
   configs/quickstart.yaml at 32 pixels, with everything that a run writes (one checkpoint in 300 steps).
3. The time that `facegan --help` takes.
"""

import argparse
import itertools
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # as in `facegan train`

import keras
import numpy as np

from facegan_tf.config.load import load_config
from facegan_tf.data.prepare import prepare
from facegan_tf.data.store import FaceStore
from facegan_tf.data.training_set import TrainingSet
from facegan_tf.training.train import train

BATCH_SIZES = (16, 64, 128, 256)  # those of the recipes
QUICKSTART = Path(__file__).parents[1] / "configs" / "quickstart.yaml"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=7, help="measurements of each figure (default: 7)")
    parser.add_argument("--steps", type=int, default=300, help="training steps to measure (default: 300)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        pipeline_speed(Path(folder), options.rounds)
        loop_share(Path(folder), options.steps)
    help_time(options.rounds)


def pipeline_speed(folder: Path, rounds: int) -> None:
    store = prepare("synthetic:4000", folder / "store64", size=64)
    for batch_size in BATCH_SIZES:
        ours, bare = [], []
        for _ in range(rounds):
            ours.append(images_per_second(TrainingSet(store, batch_size, seed=0).batches(), batch_size))
            bare.append(images_per_second(numpy_loop(store, batch_size), batch_size))
        ratios = np.array(ours) / np.array(bare)
        print(f"64 pixels, batches of {batch_size}")
        print(f"  pipeline               {describe(ours)} images/s")
        print(f"  bare numpy loop        {describe(bare)} images/s")
        print(f"  ratio                  {describe(ratios, '.2f')}; target: at least 2")


def numpy_loop(store: FaceStore, batch_size: int):
    faces = np.load(store.folder / "faces-00000-of-00001.npy", mmap_mode="r")
    rng = np.random.default_rng(0)
    while True:
        yield faces[rng.integers(0, len(faces), batch_size)].astype(np.float32) / np.float32(127.5) - 1


def images_per_second(stream, batch_size: int, images: int = 20_000) -> float:
    stream, count = iter(stream), images // batch_size
    for _ in range(20):
        next(stream)
    began = time.perf_counter()
    for _ in itertools.islice(stream, count):
        pass
    return count * batch_size / (time.perf_counter() - began)


class Stopwatch(keras.callbacks.Callback):
    """Measures the time of all steps but the first few, and the part of it inside `train_on_batch`."""

    WARM_UP = 20

    def __init__(self) -> None:
        super().__init__()
        self.inside = 0.0
        self.began = self.ended = 0.0

    def on_train_begin(self, logs=None) -> None:
        for model in (self.model.critic, self.model.combined):
            model.train_on_batch = self.timed(model.train_on_batch)

    def timed(self, call):
        def timed_call(*arguments, **options):
            began = time.perf_counter()
            result = call(*arguments, **options)
            self.inside += time.perf_counter() - began
            return result

        return timed_call

    def on_train_batch_end(self, batch, logs=None) -> None:
        self.ended = time.perf_counter()
        if batch + 1 == self.WARM_UP:
            self.began, self.inside = self.ended, 0.0


def loop_share(folder: Path, steps: int) -> None:
    overrides = [f"training.steps={Stopwatch.WARM_UP + steps}", "data.source=synthetic:500"]
    config = load_config(QUICKSTART, [*overrides, f"data.cache={folder / 'cache'}"])
    watch = Stopwatch()
    train(config, folder / "run", callbacks=[watch])
    whole = watch.ended - watch.began
    print(f"step at {config.data.size} pixels        {1000 * whole / steps:.0f} ms, mean of {steps} steps")
    print(f"loop's share of it       {100 * (1 - watch.inside / whole):.1f} %; target: under 10 %")


def help_time(rounds: int) -> None:
    seconds = []
    for _ in range(rounds):
        began = time.perf_counter()
        command = [Path(sys.executable).parent / "facegan", "--help"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        seconds.append(time.perf_counter() - began)
    print(f"facegan --help           {describe(seconds, '.3f')} s; target: under 0.15 s")


def describe(values, form: str = ",.0f") -> str:
    low, middle, high = np.min(values), np.median(values), np.max(values)
    return f"{middle:{form}} (median of {len(values)}; {low:{form}} to {high:{form}})"


if __name__ == "__main__":
    main()
