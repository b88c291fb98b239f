"""How fast features are computed from images, compared with the bare network on ready batches.

    facegan prepare img_align_celeba.zip --out faces64 --size 64 --limit 2000
    python benchmarks/feature_speed.py faces64 --features FILE.keras

Both take turns on the same images in several rounds, so that both meet the same noise; which one goes first
changes each round. `extract` reads the images, resizes, scales and batches them while the network works. The
bare network gets float32 batches from memory, resized and scaled before the clock starts. Both must give the
same features. Target: at most 1.15 x the bare network's time. Run it on a quiet machine.
"""

import argparse
import os
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import tensorflow as tf

from facegan_tf.data.store import FaceStore
from facegan_tf.evaluation.feature_network import FeatureNetwork
from facegan_tf.evaluation.feature_networks import load_feature_network
from facegan_tf.evaluation.features import BATCH, extract
from facegan_tf.evaluation.resize import resize

TARGET = 1.15  # x the bare network's time


def timed_extract(network: FeatureNetwork, images: np.ndarray) -> tuple[float, np.ndarray]:
    """Seconds that `extract` takes, and the features float32 [N, D], for images uint8 [N, S, S, 3]."""
    began = time.perf_counter()
    features = extract(network, lambda indices: images[indices], len(images))
    return time.perf_counter() - began, features


def timed_bare(network: FeatureNetwork, images: np.ndarray) -> tuple[float, np.ndarray]:
    """The same for the network alone: the batches are prepared first."""
    ready = [
        tf.constant(network.scaled(resize(images[start : start + BATCH], network.size)))
        for start in range(0, len(images), BATCH)
    ]
    began = time.perf_counter()
    features = np.concatenate([np.asarray(network.compute(batch)) for batch in ready])
    return time.perf_counter() - began, features


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("store", type=Path)
    parser.add_argument("--features", required=True, help="a .keras file, or inception")
    parser.add_argument("--count", type=int, default=2000, help="images in total (default: 2000)")
    parser.add_argument("--rounds", type=int, default=10, help="rounds to split them into (default: 10)")
    options = parser.parse_args()
    store = FaceStore.open(options.store)
    network = load_feature_network(options.features)
    timed_bare(
        network, store.gather(np.arange(min(2 * BATCH, len(store))))
    )  # the first call traces the network

    seconds: dict[str, list[float]] = {"extract": [], "bare": []}
    for number, indices in enumerate(np.array_split(np.arange(options.count), options.rounds)):
        images = store.gather(indices)
        ways = [("extract", timed_extract), ("bare", timed_bare)]
        found = {}
        for name, way in ways if number % 2 else reversed(ways):
            took, found[name] = way(network, images)
            seconds[name].append(took)
        np.testing.assert_allclose(found["extract"], found["bare"], rtol=1e-5, atol=1e-6)

    print(f"{options.count:,} images of {store.size} pixels, network at {network.size} in batches of {BATCH}")
    print(f"{os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f}; both gave the same features")
    for name, title in (("extract", "extract"), ("bare", "bare network, ready batches")):
        print(f"{title:28}{sum(seconds[name]):7.1f} s   {options.count / sum(seconds[name]):6.1f} images/s")
    ratios = np.array(seconds["extract"]) / np.array(seconds["bare"])
    spread = f"({ratios.min():.3f} to {ratios.max():.3f} in {len(ratios)} rounds)"
    print(f"ratio of all                {sum(seconds['extract']) / sum(seconds['bare']):7.3f}")
    print(f"ratio, median of rounds     {np.median(ratios):7.3f}   {spread}   target {TARGET}")


if __name__ == "__main__":
    main()
