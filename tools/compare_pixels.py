"""Draw the same seeds with everything that can draw facegan_tf's faces, and compare the pixels.

    python tools/compare_pixels.py outputs/quickstart --runtime package/dist --triton triton/bin/python

The reference is `facegan sample`. Compared with it: `facegan serve`, the SavedModel in TensorFlow without
this package, the ONNX file in ONNX Runtime, the exported page in Chromium (with --runtime, the folder `dist`
of npm's onnxruntime-web), and Triton (with --triton, a Python as tools/triton_server.py describes). Whatever
can't run here is skipped, with the reason. Exits with 1 if a pixel differs by more than 1.
"""

import argparse
import contextlib
import functools
import http.server
import io
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from facegan_tf.common.tensorflow_start import start_tensorflow

SAVEDMODEL = """
import sys
import numpy as np
sys.modules["facegan_tf"] = None
import tensorflow as tf
sample = tf.saved_model.load(sys.argv[1]).signatures["sample"]
seeds = tf.range(int(sys.argv[3]), dtype=tf.int64)
batches = [seeds[start : start + 16] for start in range(0, len(seeds), 16)]
faces = [sample(seeds=batch, truncation=tf.constant(1.0))["images"].numpy() for batch in batches]
np.save(sys.argv[2], np.concatenate(faces))
"""
IN_PAGE = """async ([count]) => {
  const { makePainter } = await import("./page/painter.js");
  const painter = await makePainter();
  const started = performance.now();
  const faces = [];
  for (let seed = 0; seed < count; seed += 1) {
    const url = await painter.face({ seed: String(seed), truncation: 1, mix: null, share: 0.5, moves: {} });
    const bytes = new Uint8Array(await (await fetch(url)).arrayBuffer());
    faces.push(Array.from(bytes));
  }
  return [faces, (performance.now() - started) / 1000];
}"""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path, help="a run directory")
    parser.add_argument("--count", type=int, default=100, help="seeds 0 to N-1 (default: 100)")
    parser.add_argument("--runtime", type=Path, help="the folder dist of npm's onnxruntime-web")
    parser.add_argument("--triton", type=Path, help="a Python with nvidia-pytriton and onnxruntime")
    options = parser.parse_args()
    start_tensorflow()
    from facegan_tf import load_generator
    from facegan_tf.serving.export import export_run

    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        for format in ("savedmodel", "onnx"):
            export_run(options.run, place / format, format)
        np.save(place / "latents.npy", load_generator(options.run).latents(range(options.count)))
        reference, seconds = timed(lambda: sampled(options.run, place, options.count))
        print(f"{'facegan sample':40} {'':>12} {seconds:>8.2f} s including start-up")
        ways: dict[str, Callable[[], tuple[np.ndarray, float] | str]] = {
            "facegan serve": lambda: served(options.run, options.count),
            "SavedModel in TensorFlow": lambda: in_tensorflow(place, options.count),
            "ONNX Runtime": lambda: in_onnxruntime(place),
            "the page in Chromium": lambda: in_page(options, place),
            "Triton": lambda: in_triton(options, place),
        }
        wrong = [name for name, way in ways.items() if not report(name, way(), reference)]
    sys.exit(f"differ by more than 1: {', '.join(wrong)}" if wrong else 0)


def report(name: str, result: tuple[np.ndarray, float] | str, reference: np.ndarray) -> bool:
    """Print how much faces differ from the reference; return whether they differ by at most 1."""
    if isinstance(result, str):
        print(f"{name:40} skipped: {result}")
        return True
    faces, seconds = result
    difference = np.abs(faces.astype(int) - reference)
    share = (difference > 0).mean()
    print(
        f"{name:40} at most {difference.max():>3}, {share:.5%} of the values differ; {seconds:>6.2f} s",
        flush=True,
    )
    return bool(difference.max() <= 1)


def timed(function: Callable[[], np.ndarray]) -> tuple[np.ndarray, float]:
    started = time.perf_counter()
    return function(), time.perf_counter() - started


def facegan(*arguments: object, **options: object) -> subprocess.Popen:
    return subprocess.Popen([sys.executable, "-m", "facegan_tf", *map(str, arguments)], **options)


def decoded(file: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(file)).convert("RGB"))


def sampled(run: Path, place: Path, count: int) -> np.ndarray:
    out = place / "samples"
    if facegan("sample", run, "--out", out, "--count", count).wait():
        sys.exit("facegan sample failed")
    return np.stack([decoded(path.read_bytes()) for path in sorted(out.glob("face_*.png"))])


def served(run: Path, count: int) -> tuple[np.ndarray, float]:
    """The faces of a server, requested one at a time."""
    server = facegan("serve", run, "--port", 0, stdout=subprocess.PIPE, text=True)
    try:
        address = server.stdout.readline().strip()

        def ask() -> np.ndarray:
            urls = [f"{address}/faces/{seed}.png" for seed in range(count)]
            return np.stack([decoded(urllib.request.urlopen(url).read()) for url in urls])

        return timed(ask)
    finally:
        server.terminate()
        server.wait()


def in_tensorflow(place: Path, count: int) -> tuple[np.ndarray, float]:
    command = [sys.executable, "-c", SAVEDMODEL, place / "savedmodel", place / "plain.npy", str(count)]
    _, seconds = timed(lambda: subprocess.run(command, check=True, cwd=place))
    return np.load(place / "plain.npy"), seconds


def in_onnxruntime(place: Path) -> tuple[np.ndarray, float]:
    import onnxruntime

    session = onnxruntime.InferenceSession(
        place / "onnx" / "generator.onnx", providers=["CPUExecutionProvider"]
    )
    latents = np.load(place / "latents.npy")
    return timed(lambda: session.run(["images"], {"latents": latents})[0])


def in_page(options: argparse.Namespace, place: Path) -> tuple[np.ndarray, float] | str:
    """The faces that the exported page draws, one at a time."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if options.runtime is None or chromium is None:
        return "needs --runtime" if options.runtime is None else "needs chromium"
    from playwright.sync_api import sync_playwright

    from facegan_tf.serving.export import export_run

    export_run(options.run, place / "web", "web", runtime=options.runtime)
    handler = functools.partial(QuietHandler, directory=place / "web")
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        stack.callback(server.shutdown)
        playwright = stack.enter_context(sync_playwright())
        flags = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
            "--disable-background-networking",
        ]
        context = playwright.chromium.launch_persistent_context(
            place / "profile", executable_path=chromium, args=flags, bypass_csp=True
        )
        stack.callback(context.close)
        page = context.new_page()
        page.set_default_timeout(600_000)
        page.goto(f"http://127.0.0.1:{server.server_port}/")
        files, seconds = page.evaluate(IN_PAGE, [options.count])
    return np.stack([decoded(bytes(file)) for file in files]), seconds


def in_triton(options: argparse.Namespace, place: Path) -> tuple[np.ndarray, float] | str:
    if options.triton is None:
        return "needs --triton"
    script = Path(__file__).with_name("triton_server.py")
    files = (place / "onnx" / "generator.onnx", place / "latents.npy", place / "triton.npy")
    done, seconds = timed(
        lambda: subprocess.run([options.triton, script, *files], capture_output=True, text=True, check=True)
    )
    if not files[-1].exists():
        return done.stderr.strip().splitlines()[-1]
    print(done.stdout.strip().splitlines()[-1])
    return np.load(files[-1]), seconds


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    """Serves files, without a line for each."""

    def log_message(self, *_: object) -> None:
        pass


if __name__ == "__main__":
    main()
