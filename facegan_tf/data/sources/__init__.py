"""Sources of faces: one module for each kind, and the registry that opens them."""

from facegan_tf.data.sources.base import PhotoSource, Source
from facegan_tf.data.sources.find_shards import is_pattern
from facegan_tf.data.sources.kinds import has_scheme, may_exist, open_source, open_sources

__all__ = ["PhotoSource", "Source", "has_scheme", "is_pattern", "may_exist", "open_source", "open_sources"]
