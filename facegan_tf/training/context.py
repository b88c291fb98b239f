"""What the parts of a training session share."""

from dataclasses import dataclass

from facegan_tf.config.settings import Config
from facegan_tf.data.training_set import TrainingSet
from facegan_tf.run.checkpoints import Checkpoints
from facegan_tf.run.directory import RunDirectory
from facegan_tf.run.tensorboard import EventLog
from facegan_tf.training.clock import Clock
from facegan_tf.training.statistics import LossStatistics


@dataclass(frozen=True)
class RunContext:
    """One training session: its settings, what it learns from, and what it writes to."""

    config: Config
    run: RunDirectory
    images: TrainingSet
    checkpoints: Checkpoints
    events: EventLog
    """TensorBoard's log."""
    clock: Clock
    statistics: LossStatistics
    rollbacks: int
    """How often the run has gone back to a checkpoint because of NaN or infinity."""
    total_steps: int
    """The run's length."""
