"""The progress bar of a training."""

from types import SimpleNamespace

import pytest
from tqdm import tqdm

from facegan_tf.training import callbacks


@pytest.mark.parametrize("disabled", [False, True])
def test_it_counts_from_where_the_session_starts_or_stays_quiet(monkeypatch, capsys, disabled):
    """TQDM_DISABLE=1 disables the bars of all programs."""
    monkeypatch.setattr(
        callbacks, "tqdm", lambda **options: tqdm(**options | {"disable": disabled, "mininterval": 0})
    )
    bar = callbacks.ProgressBar(images_per_step=8)
    bar.set_params({"steps": 10})
    bar.set_model(SimpleNamespace(steps_done=4))
    bar.on_train_begin()
    bar.on_train_batch_end(5, {"d_loss": 0.5})
    bar.on_train_end()
    shown = capsys.readouterr().err
    if disabled:
        assert shown == ""
    else:
        assert "6/10" in shown and "d_loss=0.5000" in shown and "images_s=" in shown
