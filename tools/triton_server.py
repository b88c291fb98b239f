"""Serve an exported ONNX file with a real Triton Inference Server, and draw faces with Triton's client.

    facegan export outputs/quickstart --out onnx --format onnx
    python3 -m venv triton
    triton/bin/pip install nvidia-pytriton "numpy<2" onnxruntime
    triton/bin/python tools/triton_server.py onnx/generator.onnx latents.npy faces.npy

`latents.npy` holds float32 [N, L]; `faces.npy` receives uint8 [N, S, S, 3]. PyPI's nvidia-pytriton contains
the server; it needs numpy 1.26, and glibc 2.35 or newer, so it has its own environment, without facegan_tf.
Triton itself collects the requests into batches. With `--keep`, the server runs until Ctrl-C.
"""

import argparse
import os
import platform
import sys
import sysconfig
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

GLIBC = (2, 35)
MODEL = "faces"
BATCH = 16


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("onnx", type=Path)
    parser.add_argument("latents", type=Path)
    parser.add_argument("faces", type=Path)
    parser.add_argument("--port", type=int, default=8711, help="port for HTTP (default: 8711)")
    parser.add_argument("--keep", action="store_true", help="keep serving until Ctrl-C")
    options = parser.parse_args()
    if reason := why_not():
        print(f"skipped: {reason}", file=sys.stderr)
        sys.exit(0)
    with_libraries()
    serve(options)


def why_not() -> str | None:
    """Why this machine can't run the server; None if it can."""
    name, version = platform.libc_ver()
    if name != "glibc" or tuple(map(int, version.split("."))) < GLIBC:
        return f"Triton needs glibc {'.'.join(map(str, GLIBC))} or newer; this is {name} {version}"
    try:
        import onnxruntime  # noqa: F401
        import pytriton  # noqa: F401
    except ImportError as error:
        return f"{error}; see the top of this file"
    return None


def with_libraries() -> None:
    """Restart with Python's own library where Triton's Python backend finds it."""
    folder = sysconfig.get_config_var("LIBDIR")
    if folder not in os.environ.get("LD_LIBRARY_PATH", "").split(":"):
        os.environ["LD_LIBRARY_PATH"] = f"{folder}:{os.environ.get('LD_LIBRARY_PATH', '')}".rstrip(":")
        os.execv(sys.executable, [sys.executable, *sys.argv])


def serve(options: argparse.Namespace) -> None:
    import numpy as np
    import onnxruntime
    from pytriton.client import ModelClient
    from pytriton.decorators import batch
    from pytriton.model_config import ModelConfig, Tensor
    from pytriton.triton import Triton, TritonConfig

    session = onnxruntime.InferenceSession(options.onnx, providers=["CPUExecutionProvider"])
    [source], [target] = session.get_inputs(), session.get_outputs()
    names = ("http", "grpc", "metrics")
    places = {f"{name}_port": options.port + number for number, name in enumerate(names)}
    places |= {f"{name}_address": "127.0.0.1" for name in names}

    @batch
    def draw(latents: np.ndarray) -> list[np.ndarray]:
        return session.run(["images"], {"latents": latents})

    with Triton(config=TritonConfig(**places)) as triton:
        triton.bind(
            MODEL,
            draw,
            inputs=[Tensor(name="latents", dtype=np.float32, shape=source.shape[1:])],
            outputs=[Tensor(name="images", dtype=np.uint8, shape=target.shape[1:])],
            config=ModelConfig(max_batch_size=BATCH),
        )
        triton.run()
        latents = np.load(options.latents)
        parts = np.array_split(latents, range(BATCH, len(latents), BATCH))

        def ask(part: np.ndarray) -> np.ndarray:
            with ModelClient(f"http://127.0.0.1:{options.port}", MODEL, init_timeout_s=120) as client:
                return client.infer_batch(part)["images"]

        ask(latents[:1])
        started = time.perf_counter()
        with ThreadPoolExecutor(4) as pool:
            faces = np.concatenate(list(pool.map(ask, parts)))
        seconds = time.perf_counter() - started
        np.save(options.faces, faces)
        print(f"{len(faces)} faces from Triton in {seconds:.2f} s")
        while options.keep:
            time.sleep(1)


if __name__ == "__main__":
    main()
