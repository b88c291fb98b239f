import json
import re
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from facegan_tf import cli, train
from facegan_tf.common.errors import InputError
from facegan_tf.serving.sampling import write_samples
from tests.helpers.configs import tiny_config, tiny_settings

VERBS = ["prepare", "train", "info", "sample", "interpolate", "evaluate", "report", "compare", "export"]


def facegan(*arguments, code="import sys; from facegan_tf.cli import main; sys.exit(main())"):
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def call(capsys, *arguments):
    code = cli.main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


@pytest.fixture(scope="module")
def run(store_folder, tmp_path_factory):
    return train(tiny_config(store_folder), tmp_path_factory.mktemp("runs") / "run")


@pytest.fixture
def config(store_folder, tmp_path):
    path = tmp_path / "tiny.yaml"
    path.write_text(tiny_config(store_folder).to_yaml())
    return path


def modules_after(*arguments):
    code = (
        "import sys\nfrom facegan_tf.cli import main\n"
        "try:\n    main()\nexcept SystemExit: pass\n"
        "print('LOADED', *sorted(sys.modules))"
    )
    return set(facegan(*arguments, code=code).stdout.rpartition("LOADED")[2].split())


@pytest.mark.parametrize("verb", [[], *([verb] for verb in VERBS)])
def test_help_loads_next_to_nothing(verb):
    loaded = modules_after(*verb, "--help")
    assert "argparse" in loaded
    assert not loaded & {"tensorflow", "keras", "PIL", "pydantic", "matplotlib", "yaml"}
    if verb != ["evaluate"]:  # which lists the metrics, and so imports their records
        assert "numpy" not in loaded


def test_prepare_never_loads_tensorflow(tmp_path):
    loaded = modules_after("prepare", "synthetic:3", "--size", 32, "--out", tmp_path / "store")
    assert (tmp_path / "store" / "manifest.json").is_file()
    assert "numpy" in loaded
    assert not loaded & {"tensorflow", "keras"}


def test_every_verb_has_help(capsys):
    with pytest.raises(SystemExit) as left:
        cli.main(["--help"])
    assert left.value.code == 0
    listed = capsys.readouterr().out
    for verb in VERBS:
        assert re.search(rf"^    {verb}\b", listed, re.MULTILINE)
        with pytest.raises(SystemExit) as left:
            cli.main([verb, "--help"])
        assert left.value.code == 0


@pytest.mark.parametrize(
    "arguments", [[], ["dance"], ["train"], ["sample", "run"], ["prepare", "x", "--size", "a"]]
)
def test_wrong_use_exits_with_2(arguments, capsys):
    with pytest.raises(SystemExit) as left:
        cli.main(arguments)
    assert left.value.code == 2


def test_training_by_command_line(config, tmp_path, capsys):
    code, out, err = call(
        capsys, "train", config, "--out", tmp_path / "run", "--set", "grids.every=1", "--steps", 2
    )
    assert code == 0
    assert "finished at step 2" in err
    lines = out.strip().splitlines()
    assert [line.split(":")[0] for line in lines] == ["1/2", "2/2"]
    assert "d_loss: " in lines[0] and "g_loss: " in lines[0] and lines[0].endswith(" sec)")
    code, _, err = call(capsys, "train", config, "--out", tmp_path / "run")
    assert code == 2
    assert "--resume" in err
    code, _, err = call(capsys, "train", tmp_path / "run", "--steps", 3, "--resume")
    assert code == 0
    assert "resuming at step 2" in err


def test_the_set_flag_takes_one_setting_or_several(config, tmp_path, capsys):
    code, out, _ = call(
        capsys,
        *("train", config, "--out", tmp_path / "run", "--dry-run"),
        *("--set", "seed=7", "data.flip=true", "--set", "name=other"),
    )
    assert code == 0
    assert "name: other\nseed: 7\n" in out and "flip: true" in out


def test_a_wrong_config_exits_with_2_and_no_traceback(tmp_path, capsys):
    (tmp_path / "bad.yaml").write_text(json.dumps(tiny_settings(training={"steps": 0})))
    code, out, err = call(capsys, "train", tmp_path / "bad.yaml", "--out", tmp_path / "run")
    assert (code, out) == (2, "")
    assert f"{tmp_path / 'bad.yaml'}: line " in err and "training.steps: 0" in err and "Traceback" not in err


def test_info_of_a_config_counts_the_parameters(capsys):
    code, out, _ = call(capsys, "info", "configs/celeba128.yaml", "--json")
    facts = json.loads(out)
    assert code == 0
    assert facts["generator"]["trainable_parameters"] == 14_953_987
    assert facts["discriminator"]["trainable_parameters"] == 4_211_713
    assert "step" not in facts


def test_info_of_a_run_has_step_and_weights(run, capsys):
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


def test_sample_writes_a_png_a_seed_and_a_grid(run, tmp_path, capsys):
    code, out, err = call(capsys, "sample", run, "--out", tmp_path / "s", "--count", 3, "--seed", 5)
    assert (code, out) == (0, "")
    names = ["face_000005.png", "face_000006.png", "face_000007.png", "grid.png"]
    assert sorted(p.name for p in (tmp_path / "s").iterdir()) == names
    grid = np.asarray(Image.open(tmp_path / "s" / "grid.png"))
    assert grid.shape == (64, 64, 3)
    for name, (row, column) in zip(names, [(0, 0), (0, 32), (32, 0)], strict=False):
        face = np.asarray(Image.open(tmp_path / "s" / name))
        np.testing.assert_array_equal(face, grid[row : row + 32, column : column + 32])
    code, _, err = call(capsys, "sample", run, "--out", tmp_path / "s", "--count", 3)
    assert code == 2
    assert (
        err == f"facegan sample: --out {tmp_path / 's'}: already exists; choose another path, or remove it\n"
    )


def test_a_run_and_its_export_draw_the_same_faces(run, tmp_path, capsys):
    assert call(capsys, "export", run, "--out", tmp_path / "model")[0] == 0
    for source, out in ((run, tmp_path / "a"), (tmp_path / "model", tmp_path / "b")):
        assert call(capsys, "sample", source, "--out", out, "--count", 4, "--truncation", 0.5)[0] == 0
    for one in (tmp_path / "a").iterdir():
        assert one.read_bytes() == (tmp_path / "b" / one.name).read_bytes()


def test_interpolate_writes_a_gif_of_all_frames(run, tmp_path, capsys):
    out = tmp_path / "way.gif"
    assert call(capsys, "interpolate", run, "--out", out, "--seeds", "1,2,3", "--frames", 4)[0] == 0
    with Image.open(out) as gif:
        assert (gif.n_frames, gif.size) == (12, (32, 32))


@pytest.mark.parametrize(
    ("arguments", "flag"),
    [
        (["sample", "--count", "0"], "--count 0"),
        (["sample", "--seed", "-1"], "--seed -1"),
        (["sample", "--seed", str(2**63)], f"--seed {2**63}"),
        (["sample", "--truncation", "0"], "--truncation 0"),
        (["sample", "--truncation", "nan"], "--truncation nan"),
        (["interpolate", "--seeds", "1"], "--seeds 1"),
        (["interpolate", "--seeds", "1,x"], "--seeds 1,x"),
        (["interpolate", "--seeds", "1,-2"], "--seeds 1,-2"),
        (["interpolate", "--seeds", "1,2", "--frames", "0"], "--frames 0"),
    ],
)
def test_a_number_out_of_range_is_named_and_nothing_is_written(run, tmp_path, capsys, arguments, flag):
    code, _, err = call(capsys, arguments[0], run, "--out", tmp_path / "out", *arguments[1:])
    assert code == 2
    assert flag in err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (["--steps", "0"], "--steps 0: must be at least 1"),
        (["--set", "training.steps=0"], "--set: training.steps: 0: must be at least 1"),
        (["--set", "training.steps"], "--set training.steps: must be key.path=value"),
        (["--steps", "5", "--set", "data.size=1"], "--set: data.size: 1: must be at least 8"),
    ],
)
def test_a_setting_is_named_by_the_flag_that_gave_it(config, tmp_path, capsys, arguments, shown):
    code, _, err = call(capsys, "train", config, "--out", tmp_path / "run", *arguments)
    assert code == 2
    assert err.startswith(f"facegan train: {shown}")


def test_text_settings_are_taken_literally(config, tmp_path, capsys):
    code, _, err = call(capsys, "train", config, "--out", tmp_path / "run", "--set", "data.source=photos #2")
    assert code == 2
    assert "photos #2" in err


def test_python_names_parameters_where_the_command_names_flags(run, tmp_path):
    with pytest.raises(InputError) as caught:
        write_samples(run, tmp_path, count=1, seed=0)
    assert str(caught.value).startswith(f"out: {tmp_path}: ")
    assert "--" not in str(caught.value)


@pytest.mark.parametrize("verb", ["sample", "export", "info"])
def test_a_path_without_a_run_is_refused(tmp_path, capsys, verb):
    out = [] if verb == "info" else ["--out", tmp_path / "out"]
    code, _, err = call(capsys, verb, tmp_path, *out)
    assert code == 2
    assert str(tmp_path) in err
