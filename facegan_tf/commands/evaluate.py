"""`facegan evaluate`: score a generator against real faces."""

import argparse
import json
from pathlib import Path

from facegan_tf.commands.arguments import CACHE, Verbs, add_state
from facegan_tf.common.tensorflow_start import start_tensorflow


def add_to(verbs: Verbs) -> argparse.ArgumentParser:
    """Add the command's parser."""
    verb = verbs.add_parser("evaluate", help="score a generator against real faces: FID, KID and others")
    verb.add_argument(
        "generated",
        metavar="RUN_OR_SAVEDMODEL_OR_FOLDER",
        help="what to score: a run, an exported SavedModel, a folder or zip of images, or a store",
    )
    verb.add_argument(
        "--reference",
        metavar="STORE",
        help="real faces, a store made by `facegan prepare` (default, for a run: those it held out, or else "
        "those it was trained on)",
    )
    verb.add_argument(
        "--count",
        type=int,
        metavar="N",
        help="images of each side, the first ones (default: as many as both have, up to 2000)",
    )
    _add_features(verb)
    # The names of the metrics are not listed: importing them would load numpy.
    verb.add_argument(
        "--metrics",
        nargs="+",
        metavar="METRIC",
        help="metrics to compute, such as kid swd (default: all); an unknown name prints the list",
    )
    verb.add_argument(
        "--seed",
        type=int,
        default=0,
        metavar="S",
        help="seed of the first face and of the other random draws (default: 0)",
    )
    add_state(verb)
    verb.add_argument(
        "--cache",
        default=CACHE,
        metavar="DIR",
        help=f"folder that keeps the reference's features for later (default: {CACHE})",
    )
    verb.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="folder for evaluation.json and the rest (default: the run; else outputs/evaluations/NAME)",
    )
    verb.add_argument("--json", action="store_true", help="print the result as JSON")
    return verb


def _add_features(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "--features",
        default="inception",
        metavar="F",
        help="feature network: inception (default; Keras downloads its weights once), inception-2015 (of "
        "published FIDs; needs --feature-weights), a .keras file, or none",
    )
    verb.add_argument(
        "--feature-weights",
        metavar="PATH",
        help="Inception's weights: an .h5 file without the top, or classify_image_graph_def.pb for "
        "inception-2015",
    )
    verb.add_argument(
        "--range",
        dest="input_range",
        type=float,
        nargs=2,
        metavar=("BLACK", "WHITE"),
        help="values that a .keras file expects for black and for white (default: -1 1)",
    )
    verb.add_argument(
        "--batch-size",
        type=int,
        default=32,
        metavar="B",
        help="images that the network sees at once (default: 32)",
    )


def run(options: argparse.Namespace) -> None:
    """Compute the scores and print them."""
    start_tensorflow()
    from facegan_tf.evaluation.evaluate import EvaluationRequest, evaluate
    from facegan_tf.evaluation.metrics import METRICS
    from facegan_tf.evaluation.text import as_text
    from facegan_tf.run.restore import RunState

    named = options.metrics and [name for words in options.metrics for name in words.split(",") if name]
    request = EvaluationRequest(
        metrics=named or tuple(METRICS),
        count=options.count,
        features=options.features,
        feature_weights=options.feature_weights,
        input_range=options.input_range and tuple(options.input_range),
        seed=options.seed,
        batch_size=options.batch_size,
    )
    record = evaluate(
        options.generated,
        options.reference,
        request,
        state=RunState(options.checkpoint, options.weights),
        cache=options.cache,
        out=options.out,
    )
    print(json.dumps(record, indent=2) if options.json else as_text(record))
