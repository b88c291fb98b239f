"""Settings of the evaluations during a run."""

from pydantic import Field

from facegan_tf.config.base import Changeable, Settings


class EvaluationSettings(Settings):
    """Scores during a run, which choose its best checkpoint; `facegan evaluate` scores a run afterwards."""

    every: Changeable[int | None] = Field(default=None, ge=1)
    """Steps between evaluations; there is one more at the end. null: no evaluations."""
    count: Changeable[int] = Field(default=500, ge=6)
    """Number of generated faces, and of reals, to score; fewer if there are fewer images to score against."""
    features: Changeable[str] = Field(default="none", min_length=1)
    """Feature network: `inception`, `inception-2015`, a .keras file, or `none`.

    Without one, only SWD and MS-SSIM are computed.
    """
    feature_weights: Changeable[str | None] = Field(default=None, min_length=1)
    """File with Inception's weights; null: Keras downloads them."""
    range: Changeable[tuple[float, float] | None] = Field(default=None, strict=False)
    """Values that a .keras file expects for black and for white; null: -1 and 1."""
    best_by: Changeable[str | None] = None
    """Metric that chooses the best checkpoint; null: `fid`, or `swd` without a feature network."""
