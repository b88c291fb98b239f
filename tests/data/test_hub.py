"""Data sets of the Hub, from a server on this machine that speaks its API."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from facegan_tf.data.store import FaceStore
from tests.helpers.fake_hub import COMMIT, FakeHub, fake_hub
from tests.helpers.paths import ROOT
from tests.helpers.photos import bare_pillow, encoded, pixels
from tests.helpers.shards import parquet_bytes

pytest.importorskip("huggingface_hub", reason="needs the extra `hub`")

PHOTOS = [encoded(pixels(20, 20, k)) for k in range(6)]
PHOTOS[3] = encoded(pixels(2000, 2500), compress_level=0)  # 15 MB: downloads are saved in pieces of 10
FILES = {
    "README.md": b"---\nlicense: mit\n---\n# Faces\n",
    "data/test-00000-of-00001.parquet": parquet_bytes(PHOTOS[4:]),
    "data/train-00000-of-00002.parquet": parquet_bytes(PHOTOS[:2]),
    "data/train-00001-of-00002.parquet": parquet_bytes(PHOTOS[2:4]),
}


def environment(hub: FakeHub, home: Path, **more: str) -> dict[str, str]:
    own = {"HF_ENDPOINT": hub.url, "HF_HOME": str(home), "HF_HUB_DISABLE_TELEMETRY": "1", "HF_TOKEN": ""}
    return os.environ | own | more | {"PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}


def prepare(env: dict[str, str], source: str, out: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "facegan_tf", "prepare", source, "--out", out, "--size", "8"]
    return subprocess.run([*command, "--workers", "1"], env=env, capture_output=True, text=True, timeout=300)


def test_a_data_set_is_downloaded_through_pages_redirects_and_a_broken_connection(tmp_path: Path) -> None:
    with fake_hub(FILES) as hub:
        hub.break_once = {"data/train-00001-of-00002.parquet"}
        ended = prepare(environment(hub, tmp_path / "home"), "hf:people/faces:train", tmp_path / "store")
        assert ended.returncode == 0, ended.stderr
        store = FaceStore.open(tmp_path / "store")
        np.testing.assert_array_equal(
            store.gather(np.arange(4)), [bare_pillow(content, 8) for content in PHOTOS[:4]]
        )
        identity = store.manifest.source_identity
        assert identity["revision"] == COMMIT
        assert identity["licence"].startswith("mit (")
        assert store.manifest.licence == identity["licence"]
        assert "often wrong" in ended.stderr
        ranges = [
            place for method, path, place in hub.requests if path.endswith("train-00001-of-00002.parquet")
        ]
        assert any(place and place != "bytes=0-" for place in ranges), "it resumed where it had stopped"
        assert not any("test-00000" in path and "elsewhere" in path for _, path, _ in hub.requests)

        seen = len(hub.requests)
        offline = environment(hub, tmp_path / "home", HF_HUB_OFFLINE="1")
        again = prepare(offline, "hf:people/faces:train", tmp_path / "again")
        assert again.returncode == 0, again.stderr
        assert not [path for _, path, _ in hub.requests[seen:] if "people" in path]
        assert FaceStore.open(tmp_path / "again").manifest.source_identity == identity


SCRIPT = """
import json, sys
from facegan_tf.common.errors import InputError
from facegan_tf.data.sources import open_source
for source in sys.argv[1:]:
    try:
        open_source(source)
        print(json.dumps([source, "opened"]))
    except InputError as error:
        print(json.dumps([error.name, str(error.value), error.problem]))
"""


def test_the_hubs_refusals_are_explained(tmp_path: Path) -> None:
    facts = {
        "hf:people/nobody": "does not exist on the Hub",
        "hf:people/private": "is private",
        "hf:people/gated": "accepted its terms",
        "hf:people/faces@v9": "no revision v9",
        "hf:people/faces:validation": "no files for the split validation; it has README.md, data/test-00000",
        "hf:faces": "must be hf:OWNER/NAME",
    }
    with fake_hub(FILES) as hub:
        command = [sys.executable, "-c", SCRIPT, *facts]
        env = environment(hub, tmp_path)
        printed: Any = subprocess.run(command, env=env, capture_output=True, text=True, timeout=300)
    assert printed.returncode == 0, printed.stderr
    answers = list(map(json.loads, printed.stdout.splitlines()))
    assert len(answers) == len(facts)
    for (source, fact), (name, value, problem) in zip(facts.items(), answers, strict=True):
        assert (name, value) == ("source", source)
        assert fact in problem
