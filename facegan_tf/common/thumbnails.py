"""Small copies of picture files, which may be damaged."""

import sys
from pathlib import Path

from PIL import Image
from tqdm import tqdm


def thumbnail(path: Path, pixels: int) -> Image.Image | None:
    """The picture, at most `pixels` wide and high; None, with a warning on stderr, if it is damaged."""
    try:
        with Image.open(path) as picture:
            picture.thumbnail((pixels, pixels), Image.Resampling.LANCZOS)
            return picture.copy()
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        # Pillow raises SyntaxError for a damaged PNG, and ValueError for a chunk that is too short.
        tqdm.write(f"warning: {path} is left out, because it can't be read: {error}", file=sys.stderr)
        return None
