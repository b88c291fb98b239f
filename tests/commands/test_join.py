from facegan_tf.data.prepare import prepare
from tests.helpers.command_line import call


def test_it_joins_what_prepare_made_in_parts(tmp_path, capsys):
    for part in ("1/2", "2/2"):
        arguments = ("prepare", "synthetic:5", "--size", 8, "--out", tmp_path / part[0], "--part", part)
        assert call(capsys, *arguments)[0] == 0
    joined = ("join", tmp_path / "2", tmp_path / "1", "--out", tmp_path / "joined")
    code, _, printed = call(capsys, *joined)
    whole = prepare("synthetic:5", tmp_path / "whole", 8)
    assert code == 0
    assert f"5 faces of 2 parts, fingerprint {whole.fingerprint[:12]}" in printed
    code, _, printed = call(capsys, *joined)
    assert code == 2
    assert "--out" in printed and "already exists" in printed
    code, _, printed = call(capsys, "join", tmp_path / "2", "--out", tmp_path / "half")
    assert code == 2
    assert "STORE: these parts are missing: 1/2" in printed
