"""The configs for a GPU, with narrow nets and few images: they train, resume, sample and export."""

import numpy as np
import pytest
import tensorflow as tf

from facegan_tf import build_gan, load_config, load_generator, train
from facegan_tf.cli import main
from facegan_tf.model.costs import forward_flops
from facegan_tf.run.restore import restore_run
from facegan_tf.serving.export import export_savedmodel
from tests.helpers.interruptions import StopAfter
from tests.helpers.paths import CONFIGS
from tests.helpers.runs import metrics, sha256

pytestmark = pytest.mark.slow

NARROW = {
    "faces64_gpu": [32, 32, 16, 16, 16],
    "faces128_gpu": [32, 16, 16, 16, 16, 8],
    "faces256_gpu": [32, 16, 16, 16, 16, 8, 8],
}
STEPS, BATCH = 2, 4


def overrides(name, folder):
    """Settings that make a config small, and leave what it is about."""
    return [
        "data.source=synthetic:8",
        f"data.cache={folder}",
        f"networks.channels={NARROW[name]}",
        "networks.blocks=1",
        f"training.images={STEPS * BATCH}",
        f"training.batch_size={BATCH}",
        "training.log_every=1",
        "training.checkpoint_every=1",
        "grids.every=2",
        "grids.side=2",
        "grids.psnr_pool=8",
    ]


def small(name, folder):
    return load_config(CONFIGS / f"{name}.yaml", overrides(name, folder))


def smallest(folder):
    """A config with fewer stages than any of these, but all their parts: each stage takes long to compile."""
    stages = ["data.size=32", "networks.channels=[16, 16, 16, 16]"]
    return load_config(CONFIGS / "faces64_gpu.yaml", overrides("faces64_gpu", folder) + stages)


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def run(cache, tmp_path_factory):
    return train(smallest(cache), tmp_path_factory.mktemp("runs") / "run")


def test_a_narrow_version_trains_samples_and_exports(run, tmp_path):
    logged = metrics(run)
    assert [line["step"] for line in logged] == [1, 2]
    assert all(np.isfinite(line[term]) for line in logged for term in ("d_loss", "g_loss", "r1", "r2"))
    export_savedmodel(restore_run(run)[0].sampler, tmp_path / "export")
    served = tf.saved_model.load(tmp_path / "export").signatures["sample"]
    faces = served(seeds=tf.constant([1, 2], tf.int64), truncation=tf.constant(1.0))["images"]
    np.testing.assert_array_equal(faces, load_generator(run).sample(seeds=[1, 2], truncation=1.0))
    assert faces.shape == (2, 32, 32, 3)


def test_a_resumed_run_ends_with_the_same_bits(run, cache, tmp_path):
    config = smallest(cache)
    stopped = train(config, tmp_path / "stopped", callbacks=[StopAfter(1)])
    train(config, stopped, resume=True)
    assert sha256(stopped) == sha256(run)
    assert (stopped / "metrics.jsonl").read_bytes() == (run / "metrics.jsonl").read_bytes()


@pytest.mark.parametrize("name", NARROW)
def test_a_dry_run_and_info_tell_what_a_step_costs(name, cache, tmp_path, capsys):
    command = [f"{CONFIGS}/{name}.yaml", "--dry-run", "--out", str(tmp_path / "run"), "--set"]
    assert main(["train", *command, *overrides(name, cache)]) == 0
    plan = capsys.readouterr()
    config = small(name, cache)
    gan = build_gan(config)
    # In forward passes: 4 of the generator, and of the discriminator 6 for its loss, 6 for each penalty, and
    # 4 for the generator's loss.
    flops = BATCH * (4 * forward_flops(gan.generator) + 22 * forward_flops(gan.discriminator))
    assert f"a step           {flops / 1e9:,.1f} GFLOPs" in plan.out + plan.err
    assert not (tmp_path / "run").exists()


def test_the_schedules_are_those_of_the_source():
    gammas = {"faces64_gpu": (2.0, 0.2), "faces128_gpu": (17.0, 1.7), "faces256_gpu": (150.0, 15.0)}
    for name, gamma in gammas.items():
        config = load_config(CONFIGS / f"{name}.yaml")
        adam = config.optimizers.generator
        assert config.optimizers.discriminator == adam
        found = {
            "gamma": config.objective.r1,
            "rate": adam.learning_rate,
            "beta2": adam.beta2,
            "augmentation": config.augment.strength,
            "half-life": config.training.ema_half_life,
        }
        assert config.objective.r2 == config.objective.r1
        assert {key: (each.from_, each.to) for key, each in found.items()} == {
            "gamma": gamma,
            "rate": (2e-4, 5e-5),
            "beta2": (0.9, 0.99),
            "augmentation": (0.0, 0.3),
            "half-life": (1.0, 500_000.0),
        }
        assert {(each.by, each.images) for each in found.values()} == {("cosine", None)}
        # The source's half-life starts at 0 images, which no setting can be. After a batch, 1 does the same.
        assert 0.5 ** (config.training.batch_size / config.training.ema_half_life.from_) < 1e-76
        assert (config.training.images, config.training.batch_size) == (20_000_000, 256)
        assert (adam.beta1, adam.epsilon, config.objective.loss) == (0.0, 1e-8, "relativistic")
        assert (config.networks.latent_dim, config.networks.blocks, config.networks.group_channels) == (
            64,
            2,
            16,
        )
