"""What `facegan evaluate` refuses: with the parameter, the value that was given, and nothing written."""

import numpy as np
import pytest
from PIL import Image

from facegan_tf.cli import main
from facegan_tf.common.errors import InputError
from facegan_tf.evaluation.evaluate import EvaluationRequest, evaluate
from facegan_tf.model.build import build_gan
from facegan_tf.run.restore import LAST, RunState
from facegan_tf.serving.export import export_savedmodel
from tests.helpers.configs import make_store, tiny_config
from tests.helpers.image_folders import folder_of


@pytest.fixture(scope="module")
def inputs(tmp_path_factory, network_file):
    """Paths of things to score and to score against, by name."""
    folder = tmp_path_factory.mktemp("inputs")
    store = make_store(folder / "store", 40)
    paths = {name: folder_of(store, 8, folder / name) for name in ("images", "mixed", "late")}
    Image.new("RGB", (40, 32)).save(paths["mixed"] / "004a.png")
    Image.new("RGB", (16, 16)).save(paths["late"] / "008.png")  # after the images that are scored
    (folder / "empty").mkdir()
    (folder / "text.keras").write_text("not a network")
    export_savedmodel(build_gan(tiny_config(store)).generator, folder / "savedmodel")
    make_store(folder / "smaller", 10, size=16)
    folder_of(store, 3, folder / "few")
    make_store(folder / "few_reals", 3)
    return lambda name: str(folder / name)


def refused(inputs, tmp_path, network_file, path, reference="store", state=LAST, **request):
    """The InputError of an evaluation, which must not have written anything."""
    request = {"features": str(network_file)} | request
    for key in ("features", "feature_weights"):
        if str(request.get(key)).startswith("./"):
            request[key] = inputs(request[key])
    with pytest.raises(InputError) as caught:
        evaluate(
            inputs(path) if not path.startswith("synthetic") else path,
            reference and inputs(reference),
            EvaluationRequest(**request),
            state=state,
            cache=tmp_path / "cache",
            out=tmp_path / "out",
        )
    assert list(tmp_path.iterdir()) == []
    return caught.value


@pytest.mark.parametrize(
    ("request_", "name", "value", "fact"),
    [
        ({"count": 9}, "count", 9, "has only 8 images"),
        ({"count": 41}, "count", 41, "has only 40 images"),
        ({"count": 5}, "count", 5, "6 or more"),
        ({"count": 1, "metrics": ["fid"]}, "count", 1, "2 or more"),
        ({"features": "resnet"}, "features", "resnet", ".keras"),
        ({"features": "inception-2015"}, "features", "inception-2015", "`feature_weights`"),
        ({"metrics": ["fid", "is"]}, "metrics", "is", "fid, kid"),
        ({"metrics": []}, "metrics", None, "fid, kid"),
        ({"features": "none", "metrics": ["fid"]}, "metrics", "fid", "feature network"),
        ({"batch_size": 0}, "batch_size", 0, "1 or more"),
        ({"state": RunState("best")}, "checkpoint", "best", "is not a run"),
        ({"state": RunState(weights="raw")}, "weights", "raw", "is not a run"),
        ({"path": "savedmodel", "seed": -1}, "seed", -1, "0 or more"),
        ({"path": "images", "seed": -1}, "seed", -1, "0 or more"),
        ({"path": "images", "seed": 2**63}, "seed", 2**63, "below 2^63"),
        ({"path": "savedmodel", "seed": 2**63 - 3}, "seed", 2**63 - 3, "below 2^63"),
        ({"reference": None}, "reference", None, "a store of real faces"),
    ],
)
def test_a_parameter_is_named_with_its_value(inputs, tmp_path, network_file, request_, name, value, fact):
    error = refused(inputs, tmp_path, network_file, **{"path": "images"} | request_)
    assert (error.name, error.value) == (name, value)
    assert fact in error.problem


@pytest.mark.parametrize(
    ("request_", "fact"),
    [
        ({"path": "nowhere"}, "no such run"),
        ({"path": "empty"}, "empty"),
        ({"path": "mixed", "count": 8}, "004a.png has 40x32 pixels"),
        ({"path": "late", "count": 8}, "008.png has 16x16 pixels"),
        ({"path": "images", "reference": "images"}, "is not a store of faces"),
        ({"path": "savedmodel", "reference": "smaller"}, "32 pixels"),
        ({"path": "store", "reference": "smaller"}, "32 pixels"),
        ({"path": "synthetic:9"}, "facegan prepare synthetic:9"),
        ({"path": "images", "features": "./text.keras"}, "text.keras"),
        ({"path": "images", "features": "./gone.keras"}, "gone.keras"),
        ({"path": "images", "features": "inception", "feature_weights": "./gone.h5"}, "gone.h5"),
    ],
)
def test_a_path_that_cant_be_used_is_named_with_the_reason(inputs, tmp_path, network_file, request_, fact):
    assert fact in str(refused(inputs, tmp_path, network_file, **request_))


@pytest.mark.parametrize(
    ("path", "reference", "too_small"),
    [("few", "store", "few"), ("images", "few_reals", "few_reals"), ("few_reals", "store", "few_reals")],
)
def test_without_a_count_the_side_with_too_few_images_is_named(
    inputs, tmp_path, network_file, path, reference, too_small
):
    error = refused(inputs, tmp_path, network_file, path, reference)
    assert (error.name, str(error.value)) == (None, inputs(too_small))
    assert "has only 3 images" in error.problem
    assert "count" not in str(error) and "40" not in str(error)


def test_a_cache_in_a_home_folder_that_is_not_there_is_refused_before_faces_are_drawn(
    inputs, network_file, tmp_path, monkeypatch
):
    monkeypatch.setattr("facegan_tf.evaluation.evaluate.load_generated", lambda *_: pytest.fail("drawn"))
    cache = "~no_such_user/cache"
    with pytest.raises(InputError) as caught:
        evaluate(
            inputs("savedmodel"),
            inputs("store"),
            EvaluationRequest(features=str(network_file), count=8),
            cache=cache,
            out=tmp_path / "out",
        )
    assert (caught.value.name, caught.value.value) == ("cache", cache)


def test_a_run_whose_images_are_gone_needs_a_reference(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "config.yaml").write_text(tiny_config(tmp_path / "gone").to_yaml())
    with pytest.raises(InputError) as caught:
        evaluate(tmp_path / "run", request=EvaluationRequest(features="none"))
    assert (caught.value.name, caught.value.value) == ("reference", None)
    assert str(tmp_path / "gone") in caught.value.problem


def test_an_unwritable_default_folder_is_not_called_a_value_of_out(inputs, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "outputs").write_text("a file where the folder belongs")
    with pytest.raises(InputError) as caught:
        evaluate(inputs("images"), inputs("store"), EvaluationRequest(features="none"))
    assert caught.value.name is None and "`out`" in caught.value.problem


def test_a_failed_download_shows_no_default_as_if_it_were_given(inputs, tmp_path, monkeypatch):
    import keras

    def no_network(*args, **kwargs):
        raise OSError("Name or service not known")

    monkeypatch.setattr(keras.applications, "InceptionV3", no_network)
    with pytest.raises(InputError) as caught:
        evaluate(inputs("images"), inputs("store"), EvaluationRequest(metrics=["fid"]), out=tmp_path / "out")
    assert (caught.value.name, caught.value.value) == ("metrics", "fid")
    assert "features: inception" not in str(caught.value)


def test_the_command_exits_with_2_and_one_message(inputs, tmp_path, capsys):
    out = ["--out", str(tmp_path / "out"), "--features", "none"]
    for arguments, words in [
        ([inputs("nowhere"), "--reference", inputs("store")], ("nowhere", "no such run")),
        ([inputs("images"), "--reference", inputs("store"), "--count", "9"], ("9", "has only 8 images")),
        ([inputs("images")], ("reference", "must name a store")),
        (
            [inputs("images"), "--reference", inputs("store"), "--metrics", "is"],
            ("metrics", "no such metric"),
        ),
    ]:
        assert main(["evaluate", *arguments, *out]) == 2
        printed = capsys.readouterr().err
        assert all(word in printed for word in words) and "Traceback" not in printed
    assert not (tmp_path / "out").exists()


def test_bad_files_of_a_folder_are_left_out_and_named(inputs, tmp_path, capsys):
    images = folder_of(tmp_path.parent / inputs("store"), 8, tmp_path / "faces")
    (images / "000a.png").write_bytes(b"not an image")
    Image.fromarray(np.zeros((32, 32, 3), np.uint8)).save(images / "000b.png")
    whole = (images / "000b.png").read_bytes()
    (images / "000b.png").write_bytes(whole[: len(whole) // 2])
    request = EvaluationRequest(metrics=["psnr"], count=8)
    record = evaluate(images, inputs("store"), request, out=tmp_path / "out")
    rejected = dict(record["generated"]["rejected"])
    assert list(rejected) == ["000a.png", "000b.png"]
    assert all(rejected.values())
    assert "000a.png is left out" in capsys.readouterr().err
    with pytest.raises(InputError, match="has only 8 images") as caught:
        evaluate(images, inputs("store"), EvaluationRequest(metrics=["psnr"], count=9), out=tmp_path / "out")
    assert (caught.value.name, caught.value.value) == ("count", 9)
    assert "000b.png is left out" in capsys.readouterr().err
