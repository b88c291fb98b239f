import pytest

from facegan_tf.common.errors import InputError
from facegan_tf.config.settings import DataSettings
from facegan_tf.data.locate import locate
from tests.helpers.configs import make_store
from tests.helpers.photos import encoded, pixels


def settings(source, tmp_path, **others):
    return DataSettings(source=str(source), size=32, cache=str(tmp_path / "cache"), **others)


def photos(folder, count):
    folder.mkdir()
    for number in range(count):
        (folder / f"{number}.png").write_bytes(encoded(pixels(40, 40), "PNG"))
    return folder


def test_a_store_is_opened_where_it_is(tmp_path):
    store = make_store(tmp_path / "store", 5)
    located = locate(settings(store, tmp_path))
    assert (located.folder, located.count) == (store, 5)
    assert len(located.open_or_prepare()) == 5
    assert locate(settings(store, tmp_path, limit=3)).count == 3


def test_photos_are_prepared_once_and_found_again(tmp_path):
    data = settings(photos(tmp_path / "photos", 4), tmp_path, limit=3)
    before = locate(data)
    assert (before.store, before.count) == (None, 3)
    store = before.open_or_prepare()
    after = locate(data)
    assert after.store and after.folder == before.folder == store.folder
    assert after.store.fingerprint == store.fingerprint


def test_changed_photos_or_settings_get_a_store_of_their_own(tmp_path):
    folder = photos(tmp_path / "photos", 3)
    places = [locate(settings(folder, tmp_path, crop=crop)).folder for crop in ("square", "center:30")]
    (folder / "more.png").write_bytes(encoded(pixels(40, 40), "PNG"))
    places.append(locate(settings(folder, tmp_path)).folder)
    assert len(set(places)) == 3


def test_the_home_folder_may_be_written_as_a_tilde(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    make_store(tmp_path / "store", 5)
    assert locate(settings("~/store", tmp_path)).count == 5


def test_synthetic_means_drawn_faces_whatever_lies_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make_store(tmp_path / "synthetic", 5)
    assert locate(settings("synthetic", tmp_path)).count == 5000
    assert locate(settings("./synthetic", tmp_path)).count == 5


def test_of_two_that_prepare_the_same_the_slower_takes_the_others_store(tmp_path):
    data = settings("synthetic:3", tmp_path)
    slower = locate(data)
    faster = locate(data).open_or_prepare()
    assert slower.store is None
    assert slower.open_or_prepare().fingerprint == faster.fingerprint


def test_no_room_for_the_store_is_said_before_any_work(tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": 1000})())
    with pytest.raises(InputError, match=r"data\.source: synthetic:3 can't be used.*the store needs .* free"):
        locate(settings("synthetic:3", tmp_path))
