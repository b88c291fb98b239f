"""Sources of faces: one module for each kind, and the registry that opens them."""

from facegan_tf.data.sources.base import Face, PhotoSource, Source
from facegan_tf.data.sources.kinds import has_scheme, open_source

__all__ = ["Face", "PhotoSource", "Source", "has_scheme", "open_source"]
