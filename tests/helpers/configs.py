"""Small configs and stores."""

import json
from pathlib import Path

import numpy as np

from facegan_tf.config.settings import Config
from facegan_tf.data.store import StoreWriter


def tiny_settings(source: object = "synthetic:24", **blocks: dict) -> dict:
    """Settings for tiny nets of the deepconv family at 32 pixels, as a config file has them.

    blocks: settings to change, such as `training={"steps": 3}`.
    """
    optimizer = {"name": "rmsprop", "learning_rate": 1e-3, "clipvalue": 1.0}
    settings: dict = {
        "name": "tiny",
        "data": {"source": str(source), "size": 32},
        "networks": {
            "family": "deepconv",
            "latent_dim": 4,
            "generator": {"stem_channels": 3, "body_channels": 4, "head_channels": 3},
            "discriminator": {"channels": 4, "dropout": 0.4},
        },
        "objective": {"real_target": 0, "fake_target": 1, "generator_target": 0, "label_noise": 0.05},
        "optimizers": {"discriminator": optimizer, "generator": optimizer},
        "training": {"steps": 6, "batch_size": 4, "log_every": 1, "checkpoint_every": 3},
        "grids": {"every": 2, "side": 2, "psnr_pool": 8},
        "evaluation": {},
    }
    for name, block in blocks.items():
        settings[name] = settings[name] | block
    return settings


def tiny_dcgan(source: object = "synthetic:24", **blocks: dict) -> Config:
    """A config for tiny nets of the DCGAN family, with all that its recipes use, such as dropout."""
    networks = {
        "family": "dcgan",
        "latent_dim": 4,
        "generator": {"stem": "dense", "channels": [6, 4], "dropout": 0.5},
        "discriminator": {"channels": [4, 6], "head": "dense", "dropout": 0.5},
    }
    optimizers = {
        "discriminator": {"name": "sgd", "learning_rate": 1e-2, "momentum": 0.9},
        "generator": {"name": "adam", "learning_rate": 1e-3, "beta1": 0.5},
    }
    objective = {"batching": "split", "real_target": 0.9, "fake_target": 0.0, "generator_target": 1.0}
    settings = tiny_settings(source, **blocks)
    settings |= {"networks": networks, "optimizers": optimizers, "objective": objective}
    return Config.model_validate(settings)


def modern_config(source: object = "synthetic:24", **blocks: dict) -> Config:
    """A config for tiny DCGAN nets with dropout that has all of these at once.

    The relativistic loss, lazy R1 and R2, an average, schedules of every kind.
    """
    rate = {"from": 2e-3, "to": 1e-4, "by": "cosine"}
    beta2 = {"from": 0.9, "to": 0.99, "by": "linear", "images": 20}
    adam = {"name": "adam", "learning_rate": rate, "beta1": 0.0, "beta2": beta2}
    base = tiny_dcgan(source).model_dump(mode="json") | {
        "objective": {
            "loss": "relativistic",
            "r1": {"from": 0.5, "to": 0.1, "by": "linear"},
            "r2": 0.5,
            "penalty_every": 4,
        },
        "optimizers": {"discriminator": adam, "generator": adam},
    }
    base["training"] |= {"ema_half_life": {"from": 8.0, "to": 16.0}}
    for name, block in blocks.items():
        base[name] = base[name] | block
    return Config.model_validate_json(json.dumps(base))


def tiny_config(source: object = "synthetic:24", **blocks: dict) -> Config:
    """`tiny_settings` as a config."""
    return Config.model_validate(tiny_settings(source, **blocks))


def make_store(folder: Path, count: int, size: int = 32, shard_bytes: int = 2**20) -> Path:
    """A store of noise; the first red value of image number i is i % 256."""
    folder.mkdir(parents=True)
    faces = np.random.default_rng(0).integers(0, 256, (count, size, size, 3), dtype=np.uint8)
    faces[:, 0, 0, 0] = np.arange(count) % 256
    writer = StoreWriter(folder, size, shard_bytes)
    writer.append(faces.tobytes())
    writer.finish(
        crop="square",
        filter="lanczos",
        source="noise",
        source_identity={"kind": "noise"},
        limit=None,
        rejected=0,
        versions={},
        created="2000-01-01T00:00:00+00:00",
    )
    return folder
