import json
import re

import numpy as np
from PIL import Image

from facegan_tf.data.prepare import prepare
from tests.helpers.command_line import call
from tests.helpers.paths import CONFIGS
from tests.helpers.photos import encoded, pixels, write_zip


def test_of_a_config_it_counts_the_parameters(capsys):
    code, out, _ = call(capsys, "info", CONFIGS / "celeba128.yaml", "--json")
    facts = json.loads(out)
    assert code == 0
    assert facts["generator"]["trainable_parameters"] == 14_953_987
    assert facts["discriminator"]["trainable_parameters"] == 4_211_713
    assert "step" not in facts


def test_of_a_run_it_shows_step_and_weights(run, capsys):
    code, out, _ = call(capsys, "info", run, "--json")
    facts = json.loads(out)
    saved = json.loads((run / "checkpoints" / "step_000006" / "checkpoint.json").read_text())
    assert code == 0
    assert facts["step"] == 6
    assert facts["weights_sha256"] == saved["weights_sha256"]
    assert facts["checkpoints"] == [3, 6]
    code, out, _ = call(capsys, "info", run)
    assert "trained for 6 steps" in out
    assert re.search(r"Conv2DTranspose +k4 s2 +32x32x4 ", out)


def test_it_shows_what_a_store_contains_and_what_was_rejected(tmp_path, capsys):
    photos = {f"{k}.png": encoded(pixels(16, 16, k)) for k in range(5)}
    bad = {"x.png": b"not a photo", "y.png": b"", "z.png": b"no photo either"}
    store = prepare(write_zip(tmp_path / "a.zip", photos | bad), tmp_path / "store", 8)
    sheet = tmp_path / "sheet.png"
    code, out, _ = call(capsys, "info", store.folder, "--json", "--plot", sheet)
    facts = json.loads(out)
    faces = store.gather(np.arange(5)).astype(float)
    assert code == 0
    assert (facts["count"], facts["size"], facts["fingerprint"]) == (5, 8, store.fingerprint)
    assert facts["rejected"] == {"not an image in a supported format": 2, "the file is empty": 1}
    np.testing.assert_allclose(facts["pixels"]["mean"], faces.mean(axis=(0, 1, 2)))
    np.testing.assert_allclose(facts["pixels"]["deviation"], faces.std(axis=(0, 1, 2)))
    assert facts["disk_bytes"] == sum(path.stat().st_size for path in store.folder.iterdir())
    with Image.open(sheet) as picture:
        np.testing.assert_array_equal(np.asarray(picture)[:, :40], np.hstack(list(faces)))
    code, out, _ = call(capsys, "info", store.folder)
    assert "5 of 8x8 pixels" in out
    assert "2  not an image in a supported format" in out
