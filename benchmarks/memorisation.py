"""How far the discriminator of a run has learned its training images by heart.

    python benchmarks/memorisation.py outputs/faces64 --checkpoints 4000 24000

Prints its mean logit for images that it was trained on, for images that it has not seen (those that the run
held out, or those of `--unseen STORE`), and for faces drawn by its generator. If it only knew what faces are
like, the first two would be equal. The share is how far the images not seen are on the way from the training
images to the fakes: 0 if nothing is learned by heart, 1 if the discriminator takes them for fakes.
"""

import argparse
from pathlib import Path

import numpy as np

from facegan_tf import load_generator
from facegan_tf.config.load import load_config
from facegan_tf.data.locate import locate
from facegan_tf.data.split import Split
from facegan_tf.data.store import FaceStore
from facegan_tf.model.gan import GAN
from facegan_tf.run.directory import RunDirectory
from facegan_tf.run.restore import restore_run

MOST = 2_000
"""Images of each kind, at most."""
FAKES = 1_000


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path, metavar="RUN")
    parser.add_argument("--checkpoints", nargs="+", default=["last"], metavar="WHICH", help="default: last")
    parser.add_argument("--unseen", type=Path, metavar="STORE", help="default: the images held out")
    options = parser.parse_args()
    run = RunDirectory(options.run)
    config = load_config(run.config)
    split = Split.of(config, locate(config.data, run.prepared_store()).open_or_prepare())
    if not options.unseen and not split.held_out:
        parser.error(f"{options.run} held no images out; give some that it has not seen with --unseen")
    unseen = first(FaceStore.open(options.unseen) if options.unseen else split.reference)
    seen = first(split.training)
    print("| checkpoint | training images | images not seen | fakes | share |\n|---|---|---|---|---|")
    for checkpoint in options.checkpoints:
        gan, _ = restore_run(options.run, checkpoint)
        fakes = load_generator(options.run, checkpoint=checkpoint).sample(range(FAKES))
        means = [mean_logit(gan, images) for images in (seen, unseen, fakes)]
        share = (means[0] - means[1]) / (means[0] - means[2])
        print(f"| {checkpoint} | {' | '.join(f'{mean:.2f}' for mean in means)} | {share:.2f} |", flush=True)


def first(store: FaceStore) -> np.ndarray:
    """The first images of a store, uint8 [N, S, S, 3]."""
    return store.gather(np.arange(min(MOST, len(store))))


def mean_logit(gan: GAN, images: np.ndarray) -> float:
    """The discriminator's mean logit for uint8 images, as it judges outside training."""
    logits = gan.discriminator.predict(images.astype(np.float32) / 127.5 - 1, verbose=0)
    return float(logits.mean())


if __name__ == "__main__":
    main()
