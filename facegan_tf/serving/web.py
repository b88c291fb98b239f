"""Writes the page with the generator inside: a folder for any static web server."""

import base64
import hashlib
import json
import shutil
from pathlib import Path

import keras

from facegan_tf.common.errors import InputError
from facegan_tf.serving.model_facts import ModelFacts
from facegan_tf.serving.onnx import write_onnx

PAGE = Path(__file__).parent / "page"
"""The page's files, which `facegan serve` serves as they are."""
ONLY_WITH_A_SERVER = ("docs.html", "docs.js", "server_painter.js")
VERSION = "1.30.0"
"""Version of onnxruntime-web that is loaded from the CDN."""
CDN = f"https://cdn.jsdelivr.net/npm/onnxruntime-web@{VERSION}/dist/"
RUNTIME = {
    "module": (
        "ort.wasm.bundle.min.mjs",
        "sha384-PLWz+nHEVHpjwBsO0YVdvQj6n5814Iv8E3b8FG0Rp/uIAtjFMCKOpP66iPzedrIG",
    ),
    "wasm": (
        "ort-wasm-simd-threaded.wasm",
        "sha384-vjBJ1z7qrhkTyYsNqKeF6c7N+nOJSU94czEo+tvZcu8G75JparGq9kB+kTnEUNVM",
    ),
}
"""The files of onnxruntime-web that the page loads, with their checksums on the CDN."""
CSP = (
    "default-src 'none'; script-src 'self' blob: 'wasm-unsafe-eval'; style-src 'self'; "
    "img-src 'self' blob: data:; connect-src 'self'{cdn}; base-uri 'none'; form-action 'none'"
)


def check_runtime(runtime: Path | None) -> None:
    """Raise InputError if `runtime` is given but lacks the files of onnxruntime-web."""
    for name, _ in RUNTIME.values():
        if runtime is not None and not (runtime / name).is_file():
            problem = (
                f"has no {name}; give the `dist` folder of npm's onnxruntime-web, about version {VERSION}"
            )
            raise InputError("runtime", runtime, problem)


def write_web(generator: keras.Model, folder: Path, facts: ModelFacts, runtime: Path | None) -> None:
    """Write the page, the generator as ONNX and, if given, the runtime that runs it in browsers."""
    shutil.copytree(PAGE, folder / "page", ignore=shutil.ignore_patterns(*ONLY_WITH_A_SERVER))
    policy = CSP.format(cdn="" if runtime else f" {CDN}")
    meta = f'<meta charset="utf-8">\n  <meta http-equiv="Content-Security-Policy" content="{policy}">'
    index = (folder / "page" / "index.html").read_text(encoding="utf-8")
    index = index.replace('<meta charset="utf-8">', meta).replace("server_painter.js", "browser_painter.js")
    (folder / "index.html").write_text(index, encoding="utf-8")
    (folder / "page" / "index.html").unlink()
    write_onnx(generator, folder / "generator.onnx", facts)
    generator_file = _described("generator.onnx", folder)
    content = {
        "painter": "browser",
        "name": facts.name,
        "size": generator.output_shape[1],
        "step": facts.step,
        "newest": None,
        "version": generator_file["integrity"],
        "latent_dim": generator.input_shape[1],
        "movements": facts.directions.to_json()["movements"],
        "directions": facts.directions.to_json()["vectors"],
        "generator": generator_file,
        "runtime": _runtime(folder, runtime),
    }
    (folder / "model.json").write_text(json.dumps(content) + "\n", encoding="utf-8")


def _runtime(folder: Path, runtime: Path | None) -> dict[str, dict[str, str]]:
    """Where the page finds the files of the runtime, and their checksums. Copies them if they are given."""
    if runtime is None:
        return {role: {"url": CDN + name, "integrity": known} for role, (name, known) in RUNTIME.items()}
    (folder / "runtime").mkdir()
    for name, _ in RUNTIME.values():
        shutil.copyfile(runtime / name, folder / "runtime" / name)
    return {role: _described(f"runtime/{name}", folder) for role, (name, _) in RUNTIME.items()}


def _described(name: str, folder: Path) -> dict[str, str]:
    digest = hashlib.sha384((folder / name).read_bytes()).digest()
    return {"url": name, "integrity": f"sha384-{base64.b64encode(digest).decode('ascii')}"}
