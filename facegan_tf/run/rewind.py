"""Going back to a checkpoint: drops what the resumed run will write again."""

from dataclasses import dataclass
from typing import Any, Literal

from facegan_tf.config.load import load_config
from facegan_tf.config.settings import Config
from facegan_tf.run.directory import EPOCHS, GRIDS, RunDirectory, numbered
from facegan_tf.run.logs import EVALUATIONS, METRICS, PSNR, is_score, keep_lines, losses_of
from facegan_tf.run.records import EvaluationFiles
from facegan_tf.run.tensorboard import EventLog

Kind = Literal["losses", "scores", "grids"]

LOGGED_WITH_GRIDS = ("control_vectors", "psnr")
"""Names of the TensorBoard records that are written with each grid."""


def rewind(run: RunDirectory, step: int, config: Config, images: int) -> None:
    """Drop everything that the run wrote after `step`: the resumed run writes it again.

    The grid and the log lines of `step` itself are dropped too if they were written only because the run
    ended there: a run that was never interrupted doesn't write them. Everything earlier stays, whatever
    intervals it was written at, and so do the scores of the best checkpoint. config: the settings of the
    resumed run. images: number of images in an epoch.
    """
    written = load_config(run.config)  # has the intervals that the records were written at
    end = config.training.total_steps(images)
    every: dict[Kind, int] = {
        "losses": written.training.log_every,
        "scores": written.evaluation.every or end,
        "grids": written.grids.every,
    }
    kept = _Kept(step, end, every)
    _rewind_logs(run, kept)
    for number, grid in numbered(run.grids, GRIDS):
        if not kept.keeps("grids", number):
            grid.unlink()
    epochs_done = config.training.whole_epochs(step, images)
    for epoch, faces in numbered(run.epochs, EPOCHS):
        if epoch > epochs_done:
            faces.unlink()


@dataclass(frozen=True)
class _Kept:
    """Which records stay when a run goes back to `step`. `every`: the interval of each kind, in steps."""

    step: int
    end: int
    every: dict[Kind, int]

    def keeps(self, kind: Kind, step: int) -> bool:
        """Whether a record written after `step` steps stays."""
        return step < self.step or (step == self.step and (step % self.every[kind] == 0 or step == self.end))

    def expects(self, kind: Kind) -> bool:
        """Whether the run must have written records of this kind by now."""
        return self.step >= self.every[kind]


def _rewind_logs(run: RunDirectory, kept: _Kept) -> None:
    def keeps_metrics(line: dict[str, Any]) -> bool:
        return kept.keeps("losses" if losses_of(line) else "scores", line["step"])

    def keeps_psnr(line: dict[str, Any]) -> bool:
        return kept.keeps("grids", line["step"])

    def keeps_evaluation(record: dict[str, Any]) -> bool:
        if "training" not in record:
            return True
        step = record["training"]["step"]
        return kept.keeps("scores", step) or step == run.best_step()

    keep_lines(run.metrics, METRICS, keeps_metrics, expected=kept.expects("losses"))
    keep_lines(run.psnr, PSNR, keeps_psnr, expected=kept.expects("grids"))
    keep_lines(EvaluationFiles(run.folder).all, EVALUATIONS, keeps_evaluation, expected=False)
    EventLog(run.tensorboard).keep(lambda name, step: kept.keeps(_kind(name), step))


def _kind(name: str) -> Kind:
    """The kind of record that a TensorBoard record of this name is written with."""
    if is_score(name):
        return "scores"
    return "grids" if name in LOGGED_WITH_GRIDS else "losses"
