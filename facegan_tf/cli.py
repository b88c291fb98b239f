"""The `facegan` command: each verb parses its flags, calls a function, and prints the result.

TensorFlow is imported inside the verbs that need it, so that `--help` is instant. The functions' parameters
have the names of the flags (their `dest`), so that errors about them can be shown as flags.

Exit codes: 0 done, 1 failed, 2 wrong use (flags, config, input), 128 + the signal's number when interrupted
(130 for Ctrl-C). Results go to stdout, messages and progress bars to stderr.
"""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from facegan_tf.common.errors import FaceganError, InputError
from facegan_tf.common.tensorflow_start import start_tensorflow

SOURCE_HELP = "a folder (searched recursively), a zip (read in place), or synthetic[:N] (drawn faces)"
CHECKPOINT_HELP = "checkpoint of a run: last (default), best (by its evaluations), or a step"
MODEL_HELP = "a run directory, or a SavedModel that `facegan export` wrote"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    parser, verbs = _parsers()
    options = parser.parse_args(arguments)
    try:
        return options.verb(options) or 0
    except InputError as error:
        message = error.described(_flags(verbs[options.command], options))
        print(f"facegan {options.command}: {message}", file=sys.stderr)
        return error.exit_code
    except FaceganError as error:
        print(f"facegan {options.command}: {error}", file=sys.stderr)
        return error.exit_code
    except OSError as error:  # a full disk, a folder without permission: the system's message says which
        print(f"facegan {options.command}: failed: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"\nfacegan {options.command}: interrupted", file=sys.stderr)
        return 130


def _parsers() -> tuple[argparse.ArgumentParser, dict[str, argparse.ArgumentParser]]:
    """The parser of the command line, and that of each verb."""
    parser = argparse.ArgumentParser(
        prog="facegan", description="Train a face GAN, look at what it draws, and export it for serving."
    )
    verbs = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for add in (
        _add_prepare,
        _add_train,
        _add_info,
        _add_sample,
        _add_interpolate,
        _add_evaluate,
        _add_report,
        _add_compare,
        _add_export,
        _add_cache,
    ):
        add(verbs)
    return parser, verbs.choices


def _flags(verb: argparse.ArgumentParser, options: argparse.Namespace) -> dict[str, str]:
    """The flag, or the positional's name, that sets each parameter of a verb: {"out": "--out"}."""
    flags = {action.dest: (action.option_strings or [str(action.metavar)])[-1] for action in verb._actions}
    if getattr(options, "steps", None) is not None:  # `train --steps` sets a setting
        flags["training.steps"] = "--steps"
    return flags


def _add_prepare(verbs: argparse._SubParsersAction) -> None:
    verb = verbs.add_parser("prepare", help="turn photos into a store for training")
    verb.add_argument("source", metavar="SOURCE", help=SOURCE_HELP)
    verb.add_argument("--out", type=Path, required=True, metavar="STORE", help="folder to create")
    verb.add_argument(
        "--size", type=int, required=True, metavar="S", help="height and width of a face, 8 to 1024 pixels"
    )
    verb.add_argument(
        "--crop",
        default="square",
        metavar="CROP",
        help="square (the largest, centred; default), center:N, or box:L,T,R,B, in pixels of the photo",
    )
    verb.add_argument("--limit", type=int, metavar="N", help="keep only the first N good images by name")
    verb.add_argument("--workers", type=int, metavar="N", help="processes (default: one for each core)")
    verb.add_argument(
        "--max-rejected",
        type=float,
        default=0.5,
        metavar="SHARE",
        help="exit with code 2 if a larger share of the files is bad, 0 to 1 (default: 0.5); the store of "
        "the good ones is kept",
    )
    verb.set_defaults(verb=_prepare)


def _prepare(options: argparse.Namespace) -> None:
    from facegan_tf.data.prepare import prepare

    prepare(
        options.source,
        options.out,
        options.size,
        options.crop,
        options.limit,
        workers=options.workers,
        max_rejected=options.max_rejected,
    )


def _add_train(verbs: argparse._SubParsersAction) -> None:
    verb = verbs.add_parser("train", help="train a GAN from a config")
    verb.add_argument("config", metavar="CONFIG", help="a YAML file, or a run directory")
    verb.add_argument(
        "--set",
        dest="overrides",
        nargs="+",
        action="extend",
        default=[],
        metavar="key.path=value",
        help="change settings, such as data.source=photos.zip training.batch_size=32; goes after CONFIG; "
        "text is taken literally, other values are YAML",
    )
    verb.add_argument("--out", type=Path, metavar="RUN", help="run directory (default: outputs/NAME)")
    verb.add_argument("--steps", type=int, metavar="N", help="short for --set training.steps=N")
    verb.add_argument(
        "--resume", action="store_true", help="continue the run in RUN, or start it if there is none"
    )
    verb.add_argument(
        "--dry-run", action="store_true", help="check everything and print all settings, but do not train"
    )
    verb.set_defaults(verb=_train)


def _train(options: argparse.Namespace) -> int:
    # 1.5 times as fast on CPUs with AVX2, where TensorFlow leaves it off by default. Only for training: its
    # rounding need not match that of the exported model.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    from facegan_tf.config.load import load_config

    overrides = list(options.overrides)
    if options.steps is not None:
        overrides.append(f"training.steps={options.steps}")
    config = load_config(options.config, overrides)
    out = options.out
    if out is None:
        is_run = Path(options.config).is_dir()
        out = Path(options.config) if is_run else Path("outputs") / config.name

    start_tensorflow()
    from facegan_tf.training.signals import Interrupted
    from facegan_tf.training.train import dry_run, train

    if options.dry_run:
        print(dry_run(config, out, resume=options.resume))
        return 0
    try:
        train(config, out, resume=options.resume)
    except Interrupted as interrupted:
        return 128 + interrupted.signum
    return 0


def _add_info(verbs: argparse._SubParsersAction) -> None:
    verb = verbs.add_parser("info", help="show layers, parameters, FLOPs and memory")
    verb.add_argument("path", metavar="CONFIG_OR_RUN", help="a YAML file or a run directory")
    verb.add_argument("--json", action="store_true", help="print JSON")
    verb.add_argument("--plot", type=Path, metavar="FILE.png", help="also draw both nets into this file")
    verb.set_defaults(verb=_info)


def _info(options: argparse.Namespace) -> None:
    from facegan_tf.common.files import refuse_existing, writable_parent

    if options.plot is not None:
        refuse_existing(options.plot, "plot")
        writable_parent(options.plot, "plot")
    start_tensorflow()
    from facegan_tf.report.info import describe, format_description

    facts = describe(options.path)
    if options.plot is not None:
        from facegan_tf.report.network_plot import save_network_plot

        save_network_plot(options.plot, facts)
        print(f"{options.plot}: both nets, layer by layer", file=sys.stderr)
    print(json.dumps(facts, indent=2) if options.json else format_description(facts))


def _add_checkpoint(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--checkpoint", default="last", metavar="WHICH", help=CHECKPOINT_HELP)


def _add_sample(verbs: argparse._SubParsersAction) -> None:
    verb = verbs.add_parser("sample", help="draw faces: one PNG for each, and a grid of all")
    verb.add_argument("model", metavar="RUN_OR_SAVEDMODEL", help=MODEL_HELP)
    verb.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to create")
    verb.add_argument("--count", type=int, default=36, metavar="N", help="number of faces (default: 36)")
    verb.add_argument("--seed", type=int, default=0, metavar="S", help="seeds S to S+N-1 (default: 0)")
    verb.add_argument(
        "--truncation",
        type=float,
        default=1.0,
        metavar="T",
        help="multiply the latents by T, above 0 and up to 1 (default); lower is more typical, less varied",
    )
    _add_checkpoint(verb)
    verb.set_defaults(verb=_sample)


def _sample(options: argparse.Namespace) -> None:
    start_tensorflow()
    from facegan_tf.serving.sampling import write_samples

    write_samples(
        options.model, options.out, options.count, options.seed, options.truncation, options.checkpoint
    )


def _add_interpolate(verbs: argparse._SubParsersAction) -> None:
    verb = verbs.add_parser("interpolate", help="make a GIF that turns one face into the next")
    verb.add_argument("model", metavar="RUN_OR_SAVEDMODEL", help=MODEL_HELP)
    verb.add_argument("--out", type=Path, required=True, metavar="FILE.gif", help="file to create")
    verb.add_argument(
        "--seeds",
        required=True,
        metavar="A,B,...",
        help="seeds of the faces to pass through; the GIF returns to the first",
    )
    verb.add_argument(
        "--frames", type=int, default=24, metavar="N", help="frames from one face to the next (default: 24)"
    )
    _add_checkpoint(verb)
    verb.set_defaults(verb=_interpolate)


def _interpolate(options: argparse.Namespace) -> None:
    try:
        seeds = [int(seed) for seed in options.seeds.split(",")]
    except ValueError:
        problem = "must be whole numbers separated by commas, such as 1,2,3"
        raise InputError("seeds", options.seeds, problem) from None
    start_tensorflow()
    from facegan_tf.serving.sampling import write_interpolation

    write_interpolation(options.model, options.out, seeds, options.frames, options.checkpoint)


def _add_evaluate(verbs: argparse._SubParsersAction) -> None:
    verb = verbs.add_parser(
        "evaluate",
        help="score a generator against real faces: FID, KID and others",
        formatter_class=_MetricsHelp,
    )
    verb.add_argument(
        "generated",
        metavar="RUN_OR_SAVEDMODEL_OR_FOLDER",
        help="what to score: a run, an exported SavedModel, a folder or zip of images, or a store",
    )
    verb.add_argument(
        "--reference",
        metavar="STORE",
        help="real faces, a store made by `facegan prepare` (default, for a run: those it was trained on)",
    )
    verb.add_argument(
        "--count",
        type=int,
        metavar="N",
        help="images of each side, the first ones (default: as many as both have, up to 2000)",
    )
    verb.add_argument(
        "--features",
        default="inception",
        metavar="F",
        help="feature network: inception (default; Keras downloads its weights once), inception-2015 (of "
        "published FIDs; needs --weights), a .keras file, or none",
    )
    verb.add_argument(
        "--weights",
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
        "--metrics",
        nargs="+",
        metavar="METRIC",
        help="metrics to compute (default: all)",
    )
    verb.add_argument(
        "--seed",
        type=int,
        default=0,
        metavar="S",
        help="seed of the first face and of the other random draws (default: 0)",
    )
    _add_checkpoint(verb)
    verb.add_argument(
        "--batch-size",
        type=int,
        default=32,
        metavar="B",
        help="images that the network sees at once (default: 32)",
    )
    verb.add_argument(
        "--cache",
        default="~/.cache/facegan_tf",
        metavar="DIR",
        help="folder that keeps the reference's features for later (default: ~/.cache/facegan_tf)",
    )
    verb.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="folder for evaluation.json and the rest (default: the run; else outputs/evaluations/NAME)",
    )
    verb.add_argument("--json", action="store_true", help="print the result as JSON")
    verb.set_defaults(verb=_evaluate)


class _MetricsHelp(argparse.HelpFormatter):
    """Lists the metrics in the help of `--metrics`; only that help imports them."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        if action.dest != "metrics":
            return super()._get_help_string(action)
        from facegan_tf.evaluation.metrics import METRICS

        network, pixels = (
            " ".join(name for name, metric in METRICS.items() if metric.needs_features == needs)
            for needs in (True, False)
        )
        return f"{network}, which need a feature network; {pixels}, which need none (default: all)"


def _evaluate(options: argparse.Namespace) -> None:
    start_tensorflow()
    from facegan_tf.evaluation.evaluate import EvaluationRequest, evaluate
    from facegan_tf.evaluation.metrics import METRICS
    from facegan_tf.evaluation.text import as_text

    named = options.metrics and [name for words in options.metrics for name in words.split(",") if name]
    request = EvaluationRequest(
        metrics=named or tuple(METRICS),
        count=options.count,
        features=options.features,
        weights=options.weights,
        input_range=options.input_range and tuple(options.input_range),
        seed=options.seed,
        batch_size=options.batch_size,
    )
    record = evaluate(
        options.generated,
        options.reference,
        request,
        checkpoint=options.checkpoint,
        cache=options.cache,
        out=options.out,
    )
    print(json.dumps(record, indent=2) if options.json else as_text(record))


def _add_report(verbs: argparse._SubParsersAction) -> None:
    verb = verbs.add_parser("report", help="show a run on one page: pictures, curves, scores, settings")
    verb.add_argument("run", metavar="RUN", help="a run directory")
    verb.add_argument(
        "--out", type=Path, metavar="FILE.html", help="file to write (default: report.html in the run)"
    )
    verb.set_defaults(verb=_report)


def _report(options: argparse.Namespace) -> None:
    from facegan_tf.report.report import write_report

    write_report(options.run, options.out)


def _add_compare(verbs: argparse._SubParsersAction) -> None:
    verb = verbs.add_parser("compare", help="show runs side by side on one page: scores, curves, grids")
    verb.add_argument("runs", nargs="+", metavar="RUN", help="two or more run directories")
    verb.add_argument(
        "--out",
        type=Path,
        default=Path("outputs/compare.html"),
        metavar="FILE.html",
        help="file to create (default: outputs/compare.html)",
    )
    verb.set_defaults(verb=_compare)


def _compare(options: argparse.Namespace) -> None:
    from facegan_tf.report.compare import write_comparison

    write_comparison(options.runs, options.out)


def _add_export(verbs: argparse._SubParsersAction) -> None:
    verb = verbs.add_parser("export", help="export the generator as a SavedModel for serving")
    verb.add_argument("run", type=Path, metavar="RUN", help="a run directory")
    verb.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to create")
    _add_checkpoint(verb)
    verb.set_defaults(verb=_export)


def _export(options: argparse.Namespace) -> None:
    start_tensorflow()
    from facegan_tf.run.restore import restore_run
    from facegan_tf.serving.export import export_savedmodel

    gan, _ = restore_run(options.run, options.checkpoint)
    export_savedmodel(gan.sampler, options.out)
    print(f"{options.out}: the generator at step {gan.steps_done}", file=sys.stderr)


def _add_cache(verbs: argparse._SubParsersAction) -> None:
    verb = verbs.add_parser(
        "cache", help="list or remove prepared stores and features that are kept for later"
    )
    verb.add_argument(
        "--cache", default="~/.cache/facegan_tf", metavar="DIR", help="default: ~/.cache/facegan_tf"
    )
    verb.add_argument(
        "--clear",
        dest="names",
        nargs="*",
        metavar="NAME",
        help="remove these, or all without names; what is removed is made again when it is needed",
    )
    verb.set_defaults(verb=_cache)


def _cache(options: argparse.Namespace) -> None:
    from facegan_tf.data.cache import as_table, clear_cache, list_cache

    if options.names is None:
        print(as_table(list_cache(options.cache)))
    else:
        removed = clear_cache(options.cache, options.names)
        print(as_table(removed))
        print(f"removed from {options.cache}", file=sys.stderr)
