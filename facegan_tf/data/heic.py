"""HEIC, the format of iPhone photos. It can be read where the package pillow-heif is installed."""

from functools import cache

from facegan_tf.common.errors import Rejected

HEIC = "HEIF"
"""The name under which pillow-heif adds the format to Pillow."""

_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"}
_MAX_HEADER = 256  # bytes of a file's list of brands; real ones have about 40


def is_heic(content: bytes) -> bool:
    """Whether a file's header says that it is HEIC, whatever its name (ISO/IEC 23008-12, annex B)."""
    if content[4:8] != b"ftyp":
        return False
    end = min(int.from_bytes(content[:4], "big"), _MAX_HEADER, len(content))
    return any(content[place : place + 4] in _BRANDS for place in (8, *range(16, end, 4)))


def require_heic() -> None:
    """Make Pillow read HEIC. Raises Rejected if pillow-heif is not installed."""
    if not _register():
        raise Rejected("a HEIC photo, which needs the extra `heif`: pip install 'facegan_tf[heif]'")


@cache
def _register() -> bool:
    try:
        import pillow_heif  # an optional package
    except ImportError:
        return False
    pillow_heif.options.DECODE_THREADS = 1  # the worker processes already keep all cores busy
    pillow_heif.register_heif_opener()
    return True
