"""What careless resizing does to scores: scores the same images, resized in two ways.

    facegan prepare img_align_celeba.zip --out faces64 --size 64 --limit 2000
    python benchmarks/naive_resize.py faces64 --features FILE.keras

One side is resized as in `facegan evaluate` (Pillow's bicubic, antialiased), the other as TensorFlow does by
default (bilinear, not antialiased). Both sides are the same images, so whatever they score against each other
comes from the resizing. Compare it with the floor that score_perturbations.py measures.
"""

import argparse
from pathlib import Path

import numpy as np
import tensorflow as tf

from facegan_tf.data.store import FaceStore
from facegan_tf.evaluation import fid, kid
from facegan_tf.evaluation.feature_networks import load_feature_network
from facegan_tf.evaluation.features import FeatureCache, extract


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("store", type=Path)
    parser.add_argument("--features", required=True, help="a .keras file, or inception")
    parser.add_argument("--count", type=int, default=2000, help="images (default: 2000)")
    parser.add_argument("--cache", type=Path, default=Path("~/.cache/facegan_tf").expanduser())
    options = parser.parse_args()
    store = FaceStore.open(options.store)
    network = load_feature_network(options.features)

    def naively_resized(indices: np.ndarray) -> np.ndarray:
        images = store.gather(indices).astype(np.float32)
        return tf.image.resize(images, (network.size, network.size), method="bilinear").numpy()

    naive = extract(network, naively_resized, options.count, what="naively resized images")
    careful = FeatureCache(options.cache).features_of(store, network, options.count)
    distance = fid.frechet_distance(fid.moments(naive), fid.moments(careful))
    kernel = kid.kernel_distance(naive, careful, seed=0)
    print(f"{options.count:,} images of {store.size} pixels against themselves, resized to {network.size}")
    print(f"fid {distance:.3f}, kid {kernel.mean:.6f} \u00b1 {kernel.std:.6f}")


if __name__ == "__main__":
    main()
