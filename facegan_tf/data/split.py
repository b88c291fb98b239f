"""Which images of a store a run learns from, and which it holds out, to be scored against."""

from dataclasses import dataclass

from facegan_tf.common.errors import InputError
from facegan_tf.config.settings import DataSettings
from facegan_tf.data.store import FaceStore


@dataclass(frozen=True)
class Split:
    """The images of a run."""

    training: FaceStore
    """Those that it learns from."""
    held_out: FaceStore | None
    """Those that it never sees; None without `data.held_out`."""

    @classmethod
    def of(cls, data: DataSettings, store: FaceStore) -> "Split":
        """Split a store as the settings say. Raises InputError if no image is left to learn from."""
        count = data.training_count(len(store))
        if count < 1:
            problem = f"leaves none of the {len(store):,} images of {store.folder} to learn from; lower it"
            raise InputError("data.held_out", data.held_out, problem)
        used = store.first(count + data.held_out)
        return cls(store.first(count), used.last(data.held_out) if data.held_out else None)

    @property
    def reference(self) -> FaceStore:
        """The images that faces are scored against: those held out, or else those learned from."""
        return self.training if self.held_out is None else self.held_out
