"""A run whose generator has a moving average draws with the average everywhere."""

import numpy as np
import pytest
from PIL import Image

from facegan_tf import load_generator, train
from facegan_tf.cli import main
from facegan_tf.common import draws
from facegan_tf.common.images import grid, to_uint8
from facegan_tf.evaluation import generated
from facegan_tf.evaluation.evaluate import EvaluationRequest, evaluate
from facegan_tf.evaluation.text import provenance
from facegan_tf.model.build import build_gan
from facegan_tf.run.directory import RunDirectory
from facegan_tf.run.restore import RunState, restore_run
from facegan_tf.serving.generator import FaceGenerator
from facegan_tf.training import evaluations
from tests.helpers.configs import tiny_dcgan

COUNT = 8


@pytest.fixture(scope="module")
def trained(store_folder, tmp_path_factory):
    """A run of 3 steps, and the faces that were scored after the last one."""
    config = tiny_dcgan(
        store_folder,
        training={"steps": 3, "ema_half_life": 2.0},
        grids={"every": 3, "side": 2},
        evaluation={"every": 3, "count": COUNT},
    )
    # A rate at which three steps leave faces that are not grey.
    quick = config.optimizers.generator.model_copy(update={"learning_rate": 0.05})
    optimizers = config.optimizers.model_copy(update={"generator": quick})
    config = config.model_copy(update={"optimizers": optimizers})
    scored = []

    def watched(generator, *others):
        scored.append(generated.draw(generator, *others))
        return scored[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evaluations, "draw", watched)
        run = train(config, tmp_path_factory.mktemp("runs") / "run")
    return run, scored


@pytest.fixture(scope="module")
def nets(trained):
    """Nets without an average that have the averaged weights, and the newest ones."""
    gan, _ = restore_run(trained[0])
    found = []
    for net in (gan.average, gan.generator):
        plain = build_gan(tiny_dcgan())
        plain.generator.set_weights(net.get_weights())
        found.append(plain)
    return found


def test_grids_show_the_average(trained, nets):
    latents = 0.5 * draws.normal(0, 0, draws.Stream.CONTROL_VECTORS, (4, 4))
    with Image.open(trained[0] / "grids" / "step_000003.png") as picture:
        drawn = np.asarray(picture)
    of_average, of_generator = (grid(to_uint8(net.generator(latents)).numpy(), 2) for net in nets)
    np.testing.assert_array_equal(drawn, of_average)
    assert (drawn != of_generator).any()


def test_samples_exports_and_scores_come_from_the_average(trained, nets, tmp_path):
    run, scored = trained
    average, generator = (FaceGenerator.of(net).sample(range(COUNT)) for net in nets)
    assert (average != generator).any(axis=(1, 2, 3)).all()
    assert np.ptp(average) > 20
    np.testing.assert_array_equal(load_generator(run).sample(range(COUNT)), average)
    assert main(["export", str(run), "--out", str(tmp_path / "export")]) == 0
    np.testing.assert_array_equal(load_generator(tmp_path / "export").sample(range(COUNT)), average)
    assert len(scored) == 1
    np.testing.assert_array_equal(scored[0], average)


@pytest.mark.parametrize(("weights", "said"), [("ema", True), ("raw", False)])
def test_records_say_which_weights_were_scored(trained, store_folder, tmp_path, weights, said):
    run, _ = trained
    [during] = RunDirectory(run).read_evaluations()
    assert during["generated"]["weights"] == "ema"
    request = EvaluationRequest(metrics=["swd"], count=COUNT)
    record = evaluate(run, request=request, state=RunState(weights=weights), out=tmp_path / "out")
    assert record["generated"] == during["generated"] | {"weights": weights}
    assert ("the moving average" in provenance(record)["generated"]) == said


@pytest.mark.slow
def test_the_records_of_a_run_without_an_average_say_raw(store_folder, tmp_path):
    config = tiny_dcgan(store_folder, training={"steps": 1}, evaluation={"every": 1, "count": COUNT})
    run = train(config, tmp_path / "run")
    request = EvaluationRequest(metrics=["swd"], count=COUNT)
    records = [
        RunDirectory(run).read_evaluations()[0],
        *(
            evaluate(run, request=request, state=RunState(weights=weights), out=tmp_path / "out")
            for weights in ("ema", "raw")
        ),
    ]
    assert [record["generated"]["weights"] for record in records] == ["raw"] * 3
