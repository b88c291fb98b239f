"""Which images of a store a run learns from, and which it holds out, to be scored against."""

from dataclasses import dataclass

from facegan_tf.common.errors import InputError
from facegan_tf.config.settings import Config
from facegan_tf.data.store import FaceStore


@dataclass(frozen=True)
class Split:
    """The images of a run."""

    training: FaceStore
    """Those that it learns from."""
    reference: FaceStore
    """Those that it is scored against: those held out, or else `training` itself."""
    held_out: bool | None
    """Whether its networks never learned from the reference.

    None if they come from another run, which may have.
    """

    @classmethod
    def of(cls, config: Config, store: FaceStore) -> "Split":
        """Split a store as a config says. Raises InputError if no image is left to learn from."""
        data, count = config.data, config.data.training_count(len(store))
        if count < 1:
            used = count + data.held_out
            problem = f"leaves none of {used:,} images to learn from; lower it, or use more images"
            raise InputError("data.held_out", data.held_out, problem)
        training = store.first(count)
        if not data.held_out:
            return cls(training, training, held_out=False)
        reference = store.first(count + data.held_out).last(data.held_out)
        return cls(training, reference, held_out=None if config.training.start_from else True)
