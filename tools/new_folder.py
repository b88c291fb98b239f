"""The folder that a tool writes its runs into."""

import argparse
from pathlib import Path


def new_folder(written: str) -> Path:
    """The `type` of `--out`: a folder that is empty or does not exist yet.

    Otherwise, runs of an earlier call would be taken for new ones.
    """
    folder = Path(written)
    if any(folder.glob("*")):
        raise argparse.ArgumentTypeError(f"{folder} is not empty; choose another folder, or remove it")
    return folder
