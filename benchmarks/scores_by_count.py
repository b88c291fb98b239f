"""How FID and MIND depend on the number of images.

    facegan prepare img_align_celeba.zip --out faces64 --size 64 --limit 8000
    python benchmarks/scores_by_count.py faces64 --features FILE.keras

Draws N reals and N others from the store, again and again, and scores the others against the first: as they
are, which shows the floor, and slightly blurred. Prints a table of the means and standard deviations over the
draws, and how much other directions would change MIND.
"""

import argparse
from pathlib import Path

import numpy as np
from score_perturbations import perturbed

from facegan_tf.data.store import FaceStore
from facegan_tf.evaluation.feature_networks import load_feature_network
from facegan_tf.evaluation.features import FeatureCache, extract
from facegan_tf.evaluation.fid import frechet_distance, moments
from facegan_tf.evaluation.mind import monge_distance

COUNTS = (500, 1000, 2000, 4000)
DRAWS = 10
BLUR = 0.5
"""Sigma in pixels."""
SEEDS = 20
"""Number of draws of MIND's directions, with one draw of the images."""


def fid(generated: np.ndarray, reference: np.ndarray) -> float:
    return frechet_distance(moments(generated), moments(reference))


def draws(store_size: int, count: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """For each draw, the indices of `count` images and of as many others."""
    orders = [np.random.default_rng(seed).permutation(store_size) for seed in range(DRAWS)]
    return [(order[:count], order[count : 2 * count]) for order in orders]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("store", type=Path)
    parser.add_argument("--features", required=True, help="a .keras file, or inception")
    parser.add_argument("--cache", type=Path, default=Path("~/.cache/facegan_tf").expanduser())
    options = parser.parse_args()
    store, network = FaceStore.open(options.store), load_feature_network(options.features)
    size = len(store)
    reals = FeatureCache(options.cache).features_of(store, network, size)
    blurred = extract(
        network, lambda at: perturbed(store.gather(at), "blur", BLUR), size, what="blurred images"
    )

    print("| N | fid, reals | fid, blurred | mind, reals | mind, blurred |\n|---|---|---|---|---|")
    for count in (count for count in COUNTS if 2 * count <= size):
        cells = []
        for metric in (fid, monge_distance):
            for features in (reals, blurred):
                scores = [metric(features[ours], reals[theirs]) for theirs, ours in draws(size, count)]
                cells.append(f"{np.mean(scores):.3f} \u00b1 {np.std(scores, ddof=1):.3f}")
        print(f"| {count:,} | {' | '.join(cells)} |", flush=True)
    theirs, ours = draws(size, min(2000, size // 2))[0]
    scores = [monge_distance(reals[ours], reals[theirs], seed) for seed in range(SEEDS)]
    share = np.std(scores, ddof=1) / np.mean(scores)
    print(f"other directions: mind {np.mean(scores):.3f}, with a deviation of {share:.1%}")


if __name__ == "__main__":
    main()
