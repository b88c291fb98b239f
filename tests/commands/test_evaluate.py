from facegan_tf.evaluation.metrics import METRICS
from tests.helpers.command_line import call


def test_an_unknown_metric_is_answered_with_the_names_of_all(store_folder, tmp_path, capsys):
    code, out, err = call(
        capsys,
        *("evaluate", store_folder, "--reference", store_folder, "--out", tmp_path / "out"),
        *("--features", "none", "--metrics", "nonsense"),
    )
    assert (code, out) == (2, "")
    assert "--metrics nonsense: " in err
    assert set(METRICS) <= set(err.replace(",", " ").split())
