"""How much of its training images the discriminator of a run has learned by heart.

    python benchmarks/memorisation.py outputs/faces64 --checkpoints 4000 24000

Prints its mean logit, with the standard error, for images that it was trained on, for unseen images (those
that the run held out, or those of `--unseen STORE`), and for fakes: faces drawn by the generator itself, not
by its moving average. A discriminator that only knew what faces are like would judge the first two alike.
The share says where the unseen images lie between training images (0) and fakes (1).
"""

import argparse
from pathlib import Path

import numpy as np

from facegan_tf import load_generator
from facegan_tf.config.load import load_config
from facegan_tf.data.locate import locate
from facegan_tf.data.split import Split
from facegan_tf.data.store import FaceStore
from facegan_tf.run.directory import RunDirectory
from facegan_tf.run.restore import restore_run
from facegan_tf.run.resume import check_same_images

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
    store = locate(config.data, run.prepared_store()).open_or_prepare()
    check_same_images(run, store)
    split = Split.of(config, store)
    if options.unseen:
        reference = FaceStore.open(options.unseen)
    elif split.held_out:
        reference = split.reference
    else:
        parser.error(f"{options.run} has no images that it has certainly not seen; give some with --unseen")
    if reference.size != config.data.size:
        parser.error(f"the images have {reference.size} pixels, those of {options.run} {config.data.size}")
    unseen, seen = first(reference), first(split.training)
    print("| checkpoint | training images | unseen images | fakes | share |\n|---|---|---|---|---|")
    for checkpoint in options.checkpoints:
        gan, _ = restore_run(options.run, checkpoint)
        fakes = load_generator(options.run, checkpoint, weights="raw").sample(range(FAKES))
        judged = [
            gan.discriminator.predict(
                images.astype(np.float32) / 127.5 - 1, batch_size=config.training.batch_size, verbose=0
            )
            for images in (seen, unseen, fakes)
        ]
        means = [logits.mean() for logits in judged]
        columns = [f"{logits.mean():.3f} ± {logits.std() / len(logits) ** 0.5:.3f}" for logits in judged]
        share = (means[0] - means[1]) / (means[0] - means[2])
        print(f"| {checkpoint} | {' | '.join(columns)} | {share:.2f} |", flush=True)


def first(store: FaceStore) -> np.ndarray:
    """The first images of a store, uint8 [N, S, S, 3]."""
    return store.gather(np.arange(min(MOST, len(store))))


if __name__ == "__main__":
    main()
