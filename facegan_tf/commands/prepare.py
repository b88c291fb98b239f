"""`facegan prepare`: turn photos into a store for training."""

import argparse
from pathlib import Path

from facegan_tf.commands.arguments import Verbs, add_dedupe
from facegan_tf.common.errors import InputError


def add_to(verbs: Verbs) -> argparse.ArgumentParser:
    """Add the command's parser."""
    verb = verbs.add_parser("prepare", help="turn photos into a store for training")
    verb.add_argument(
        "source",
        metavar="SOURCE",
        nargs="+",
        help="a folder (searched recursively) or a zip of photos; tar, parquet or TFRecord files (a file, a "
        "folder, or a pattern in quotes); hf:OWNER/NAME[@REVISION][:SPLIT]; or synthetic[:N] (drawn faces). "
        "Nothing is unpacked to disk",
    )
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
    verb.add_argument("--limit", type=int, metavar="N", help="keep only the first N usable images")
    verb.add_argument("--workers", type=int, metavar="N", help="processes (default: one for each core)")
    verb.add_argument(
        "--column", metavar="NAME", help="column of the photos in a parquet file, or feature in a TFRecord"
    )
    verb.add_argument("--align", action="store_true", help="find the faces and align them as CelebA's are")
    verb.add_argument(
        "--faces",
        default="largest",
        metavar="WHICH",
        help="faces to align in each photo: largest (default) or all",
    )
    verb.add_argument(
        "--outside",
        default="mirror",
        metavar="HOW",
        help="what to do if an aligned face extends beyond the edge of the photo: mirror (default) or reject",
    )
    verb.add_argument(
        "--where",
        nargs="+",
        metavar=("TABLE", "EXPRESSION"),
        help="keep only photos with these attributes, as in: --where list_attr_celeba.csv 'Smiling == 1'; "
        "without TABLE, a parquet file's own columns are used",
    )
    add_dedupe(verb)
    verb.add_argument(
        "--part", metavar="I/N", help="prepare only the I-th of N parts, as one of N jobs; see facegan join"
    )
    verb.add_argument(
        "--max-rejected",
        type=float,
        default=0.5,
        metavar="SHARE",
        help="exit with code 2 if a larger share of the files is bad, 0 to 1 (default: 0.5); the store of "
        "the good ones is kept",
    )
    return verb


def run(options: argparse.Namespace) -> None:
    """Prepare the store."""
    from facegan_tf.data.prepare import prepare

    table, where = _where(options.where)
    prepare(
        options.source,
        options.out,
        options.size,
        options.crop,
        options.limit,
        workers=options.workers,
        max_rejected=options.max_rejected,
        column=options.column,
        align=options.align,
        faces=options.faces,
        outside=options.outside,
        attributes=table,
        where=where,
        dedupe=options.dedupe,
        part=options.part,
    )


def _where(words: list[str] | None) -> tuple[str | None, str | None]:
    """The table and the expression of `--where`."""
    if words is None:
        return None, None
    if len(words) > 2:
        raise InputError(
            "where", " ".join(words), "must be a table and an expression in quotes, after SOURCE"
        )
    return (words[0] if len(words) == 2 else None), words[-1]
