"""Runs and servers for the tests of serving."""

import contextlib
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import uvicorn

from facegan_tf.config.settings import Config
from facegan_tf.model.build import build_gan
from facegan_tf.model.gan import GAN
from facegan_tf.run.checkpoints import Checkpoints
from facegan_tf.run.directory import RunDirectory
from facegan_tf.serving.server.app import build_app
from facegan_tf.serving.server.protocol import impatient_protocol
from facegan_tf.serving.server.service import Service


def untrained_run(folder: Path, config: Config) -> tuple[GAN, Checkpoints]:
    """A run directory with a checkpoint of step 0, and a function that saves others there."""
    folder.mkdir(parents=True)
    run = RunDirectory(folder)
    run.write_config(config)
    run.update_record(
        store={"folder": "/stores/one", "fingerprint": "f" * 64, "images": 24}, versions={"python": "3.11"}
    )
    gan = build_gan(config)
    checkpoints = Checkpoints(gan, run.checkpoints, keep=9)
    checkpoints.save()
    return gan, checkpoints


@contextlib.contextmanager
def listening(service: Service) -> Iterator[tuple[str, int]]:
    """In the block, a server of this process answers at this address."""
    config = uvicorn.Config(
        build_app(service),
        port=0,
        http=impatient_protocol(service.limits),
        ws="none",
        loop="asyncio",
        log_config=None,
        server_header=False,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.01)
    try:
        yield server.servers[0].sockets[0].getsockname()
    finally:
        server.should_exit = True
        thread.join(timeout=30)
