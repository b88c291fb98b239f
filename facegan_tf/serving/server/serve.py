"""Runs the server: the socket, the signals, and the address on stdout."""

import contextlib
import ipaddress
import logging
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import uvicorn

from facegan_tf.common.errors import InputError
from facegan_tf.run.restore import LAST, RunState
from facegan_tf.serving.server.app import build_app
from facegan_tf.serving.server.protocol import impatient_protocol
from facegan_tf.serving.server.service import Service

FINISH_SECONDS = 60
"""Seconds that SIGTERM and Ctrl-C wait for requests in progress."""


class _Server(uvicorn.Server):
    """Prints its address as soon as it accepts requests."""

    def __init__(self, config: uvicorn.Config, address: str):
        super().__init__(config)
        self._address = address

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        print(self._address, flush=True)


def serve(
    path: str | Path,
    host: str = "127.0.0.1",
    port: int = 8501,
    name: str = "faces",
    state: RunState = LAST,
    allow_origin: str | None = None,
) -> None:
    """Serve a run or an exported SavedModel until SIGTERM or Ctrl-C, which let requests in progress finish.

    port: 0 picks a free one. The address is printed on stdout once the server answers. name: the model's name
    in `/v1/models/NAME`. Raises InputError for a port that is taken, before the model is loaded, and as
    `load_generator` does.
    """
    if not name or set(name) & set("/:?#%") or not name.isprintable():
        raise InputError("name", name, "must be a word that can be used in a URL, such as faces")
    with _listening(host, port) as listener:
        service = Service(Path(path), name, state)
        model = service.current.model
        step = "" if model.step is None else f" at step {model.step:,}"
        print(f"{path}: {model.name}{step}, {model.size} pixels; Ctrl-C stops it", file=sys.stderr)
        if not ipaddress.ip_address(listener.getsockname()[0]).is_loopback:
            print("warning: anyone who can reach this machine can use this server", file=sys.stderr)
        logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
        config = uvicorn.Config(
            build_app(service, allow_origin),
            http=impatient_protocol(service.limits),
            ws="none",
            loop="asyncio",
            access_log=False,
            server_header=False,
            log_config=None,
            timeout_graceful_shutdown=FINISH_SECONDS,
        )
        _Server(config, _address(listener)).run(sockets=[listener])


@contextlib.contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    """A socket bound to this address, not yet listening. Raises InputError if that is impossible."""
    if not 0 <= port < 2**16:
        raise InputError("port", port, "must be 0 to 65535; 0 picks a free one")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except OSError as error:
        problem = f"is not an address of this machine ({error.strerror}); try 127.0.0.1, or 0.0.0.0 for all"
        raise InputError("host", host, problem) from error
    with socket.socket(family, kind, protocol) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(address)
        except OSError as error:
            problem = f"can't be used on {host} ({error.strerror}); choose another, or 0 for any free one"
            raise InputError("port", port, problem) from error
        yield listener


def _address(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
