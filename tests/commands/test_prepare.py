from tests.helpers.command_line import modules_after


def test_it_never_loads_tensorflow(tmp_path):
    loaded = modules_after("prepare", "synthetic:3", "--size", 32, "--out", tmp_path / "store")
    assert (tmp_path / "store" / "manifest.json").is_file()
    assert "numpy" in loaded
    assert not loaded & {"tensorflow", "keras"}
