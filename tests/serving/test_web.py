"""The page with the generator inside, as files."""

import json
import re

import pytest

from facegan_tf.common.errors import InputError
from facegan_tf.model.build import build_gan
from facegan_tf.serving import web
from facegan_tf.serving.directions import Directions
from facegan_tf.serving.export import export_run
from facegan_tf.serving.model_facts import ModelFacts
from tests.helpers.configs import tiny_config


@pytest.fixture
def written(tmp_path, monkeypatch):
    """A page whose browsers load the runtime from the CDN."""
    monkeypatch.setattr(web, "write_onnx", lambda _, path, __: path.write_bytes(b"onnx"))
    web.write_web(build_gan(tiny_config()).sampler, tmp_path, ModelFacts("tiny", 6, Directions.none(4)), None)
    return tmp_path


def test_all_files_that_the_page_names_are_there_and_none_for_a_server(written):
    html = (written / "index.html").read_text()
    named = set(re.findall(r'(?:href|src)="([^"#]+)"', html))
    assert "page/browser_painter.js" in named and all((written / name).is_file() for name in named)
    assert not (written / "page" / "server_painter.js").exists()


def test_other_sites_give_the_page_nothing_but_the_runtime_with_its_checksum(written):
    html = (written / "index.html").read_text()
    assert f"connect-src 'self' {web.CDN};" in html and html.count("https://") == 1
    runtime = json.loads((written / "model.json").read_text())["runtime"]
    assert runtime == {
        role: {"url": web.CDN + name, "integrity": checksum} for role, (name, checksum) in web.RUNTIME.items()
    }


def test_a_folder_that_is_not_the_runtime_is_refused_before_the_run_is_read(tmp_path):
    pytest.importorskip("tf2onnx", reason="needs facegan_tf[onnx]")
    for format, problem in (("web", f"has no {web.RUNTIME['module'][0]}"), ("onnx", "leave it out")):
        with pytest.raises(InputError, match=problem) as caught:
            export_run(tmp_path / "none", tmp_path / "out", format, runtime=tmp_path)
        assert caught.value.name == "runtime"
