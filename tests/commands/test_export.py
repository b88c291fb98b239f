import pytest

from facegan_tf.serving.web import RUNTIME
from tests.helpers.command_line import call


@pytest.mark.slow
def test_a_run_and_its_export_draw_the_same_faces(run, tmp_path, capsys):
    code, out, err = call(capsys, "export", run, "--out", tmp_path / "model")
    assert (code, out) == (0, "")
    assert f"{tmp_path / 'model'}: the generator at step 6" in err
    for source, out in ((run, tmp_path / "a"), (tmp_path / "model", tmp_path / "b")):
        assert call(capsys, "sample", source, "--out", out, "--count", 4, "--truncation", 0.5)[0] == 0
    for one in (tmp_path / "a").iterdir():
        assert one.read_bytes() == (tmp_path / "b" / one.name).read_bytes()


def test_a_runtime_that_does_not_fit_is_refused_and_nothing_is_written(run, tmp_path, capsys):
    for flags, problem in (
        (["--format", "onnx", "--runtime", tmp_path], "leave it out"),
        (["--format", "web", "--runtime", tmp_path], RUNTIME["module"][0]),
    ):
        code, _, err = call(capsys, "export", run, "--out", tmp_path / "out", *flags)
        assert code == 2 and f"--runtime {tmp_path}" in err and problem in err
        assert not (tmp_path / "out").exists()


def test_without_a_runtime_the_page_loads_it_from_a_cdn_with_a_checksum(run, tmp_path, capsys, monkeypatch):
    pytest.importorskip("tf2onnx", reason="needs facegan_tf[onnx]")
    monkeypatch.setattr("facegan_tf.serving.web.write_onnx", lambda _, path, __: path.write_bytes(b"onnx"))
    code, _, err = call(capsys, "export", run, "--out", tmp_path / "web", "--format", "web")
    assert code == 0 and "http.server" in err
    model = (tmp_path / "web" / "model.json").read_text()
    for name, checksum in RUNTIME.values():
        assert f"/{name}" in model and checksum in model
    assert "https://cdn.jsdelivr.net" in (tmp_path / "web" / "index.html").read_text()
    assert not (tmp_path / "web" / "runtime").exists()
