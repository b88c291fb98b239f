from tests.helpers.command_line import call


def test_a_run_and_its_export_draw_the_same_faces(run, tmp_path, capsys):
    code, out, err = call(capsys, "export", run, "--out", tmp_path / "model")
    assert (code, out) == (0, "")
    assert f"{tmp_path / 'model'}: the generator at step 6" in err
    for source, out in ((run, tmp_path / "a"), (tmp_path / "model", tmp_path / "b")):
        assert call(capsys, "sample", source, "--out", out, "--count", 4, "--truncation", 0.5)[0] == 0
    for one in (tmp_path / "a").iterdir():
        assert one.read_bytes() == (tmp_path / "b" / one.name).read_bytes()
