import errno
import os
import shutil

import numpy as np
import pytest

from facegan_tf.common.errors import FaceganError
from facegan_tf.config.settings import DataSettings
from facegan_tf.data.locate import locate, with_absolute_paths
from facegan_tf.data.store import FaceStore
from tests.helpers.configs import make_store
from tests.helpers.photos import encoded, pixels, write_zip
from tests.helpers.refusals import refusal


def settings(source, tmp_path, **others):
    return DataSettings(source=str(source), **{"size": 32, "cache": str(tmp_path / "cache"), **others})


def photos(folder, count):
    folder.mkdir()
    for number in range(count):
        (folder / f"{number}.png").write_bytes(encoded(pixels(40, 40, number), "PNG"))
    return folder


def zipped(path, count):
    return write_zip(path, {f"{number}.png": encoded(pixels(40, 40, number)) for number in range(count)})


def touch(path):
    for file in [path, *path.rglob("*")]:
        os.utime(file, (1e9, 1e9))


def test_a_store_given_as_the_source_is_used_directly(tmp_path, monkeypatch):
    store = make_store(tmp_path / "store", 5)
    located = locate(settings(store, tmp_path))
    assert (located.folder, located.count) == (store, 5)
    assert len(located.open_or_prepare()) == 5
    assert locate(settings(store, tmp_path, limit=3)).count == 3
    monkeypatch.chdir(tmp_path)
    assert locate(settings("store", tmp_path)).folder == store


def test_a_store_of_another_size_is_refused(tmp_path):
    store = make_store(tmp_path / "store", 5)
    with refusal("data.source", "32 pixels", "data.size is 64", value=store):
        locate(settings(store, tmp_path, size=64))


def test_photos_are_prepared_once_and_found_again(tmp_path):
    data = settings(photos(tmp_path / "photos", 4), tmp_path, limit=3)
    before = locate(data)
    assert (before.store, before.count) == (None, 3)
    store = before.open_or_prepare()
    after = locate(data)
    assert after.store and after.folder == before.folder == store.folder
    assert after.store.fingerprint == store.fingerprint


@pytest.mark.parametrize("make", [photos, zipped])
@pytest.mark.parametrize("limit", [None, 2])
def test_photos_that_were_touched_or_moved_use_the_same_store(tmp_path, make, limit):
    source = make(tmp_path / "photos", 3)
    first = locate(settings(source, tmp_path, limit=limit)).open_or_prepare()
    touch(source)
    assert locate(settings(source, tmp_path, limit=limit)).folder == first.folder
    moved = source.rename(tmp_path / "elsewhere")
    assert locate(settings(moved, tmp_path, limit=limit)).folder == first.folder
    assert len(list((tmp_path / "cache").iterdir())) == 1


@pytest.mark.parametrize("make", [photos, zipped])
def test_photos_that_were_touched_are_read_only_once(tmp_path, make, monkeypatch):
    source = make(tmp_path / "photos", 3)
    locate(settings(source, tmp_path)).open_or_prepare()
    touch(source)
    locate(settings(source, tmp_path))
    monkeypatch.setattr("facegan_tf.data.sources.base.PhotoSource.content", None)
    monkeypatch.setattr("facegan_tf.data.sources.zipped.ZipSource.content", None)
    assert locate(settings(source, tmp_path)).store


def test_changed_photos_or_settings_get_a_store_of_their_own(tmp_path):
    folder = photos(tmp_path / "photos", 3)
    data = [settings(folder, tmp_path), settings(folder, tmp_path, crop="center:30")]
    data += [settings(folder, tmp_path, limit=2), settings(folder, tmp_path, size=16)]
    stores = [locate(each).open_or_prepare().folder for each in data]
    (folder / "more.png").write_bytes(encoded(pixels(40, 40), "PNG"))
    assert locate(data[0]).store is None
    stores.append(locate(data[0]).open_or_prepare().folder)
    assert len(set(stores)) == 5


def test_photos_whose_content_alone_changed_are_prepared_again(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for seed in (1, 2):
        (folder / "a.bmp").write_bytes(encoded(pixels(40, 40, seed), "BMP"))  # of the same size
        located = locate(settings(folder, tmp_path))
        assert located.store is None
        located.open_or_prepare()


def test_the_home_folder_may_be_written_as_a_tilde(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    make_store(tmp_path / "store", 5)
    assert locate(settings("~/store", tmp_path)).count == 5


def test_synthetic_means_drawn_faces_even_if_a_folder_has_that_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make_store(tmp_path / "synthetic", 5)
    assert locate(settings("synthetic", tmp_path)).count == 5000
    assert locate(settings("./synthetic", tmp_path)).count == 5


def test_the_slower_of_two_trainings_uses_the_store_of_the_faster_one(tmp_path):
    data = settings("synthetic:3", tmp_path)
    slower = locate(data)
    faster = locate(data).open_or_prepare()
    assert slower.store is None
    assert slower.open_or_prepare().fingerprint == faster.fingerprint


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"source": "gone"}, "data.source"),
        ({"source": "synthetic:0"}, "data.source"),
        ({"source": "synthetic:3", "crop": "center:30"}, "data.crop"),
    ],
)
def test_errors_name_the_setting_to_change(tmp_path, change, name):
    with refusal(name):
        locate(settings(**{"tmp_path": tmp_path, **change}))


def test_photos_of_which_none_is_good_are_the_fault_of_the_source(tmp_path):
    located = locate(settings(write_zip(tmp_path / "a.zip", {"a.jpg": b""}), tmp_path))
    with refusal("data.source", "none of its 1 files"):
        located.open_or_prepare()


class TestCacheThatCannotBeWritten:
    def test_a_full_disk_is_the_fault_of_the_cache(self, tmp_path, monkeypatch):
        monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": 1000})())
        with refusal("data.cache", "needs", "data.size or data.limit", value=tmp_path / "cache"):
            locate(settings("synthetic:3", tmp_path))

    def test_a_file_in_its_place_is_the_fault_of_the_cache(self, tmp_path):
        (tmp_path / "cache").write_text("a file")
        with refusal("data.cache", value=tmp_path / "cache"):
            locate(settings("synthetic:3", tmp_path))

    @pytest.mark.parametrize("cache", ["~/.cache/facegan_tf", "/srv/cache"])
    def test_a_folder_without_permission_is_the_fault_of_the_cache(self, tmp_path, monkeypatch, cache):
        monkeypatch.setattr(os, "access", lambda *_: False)  # root may write everywhere
        with refusal("data.cache", "no permission", value=cache):
            locate(settings("synthetic:3", tmp_path, cache=cache))

    def test_a_cache_inside_the_photos_is_the_fault_of_the_cache(self, tmp_path):
        folder = photos(tmp_path / "photos", 2)
        with refusal("data.cache", "inside the source folder", value=folder / "cache"):
            locate(settings(folder, tmp_path, cache=str(folder / "cache")))

    def test_a_missing_home_folder_is_the_fault_of_the_cache(self, tmp_path):
        with refusal("data.cache", "full path", value="~nobody-of-this-name/cache"):
            locate(settings("synthetic:3", tmp_path, cache="~nobody-of-this-name/cache"))

    def test_a_disk_that_fills_up_while_preparing_is_the_fault_of_the_cache(self, tmp_path, monkeypatch):
        def full(*_, **__):
            raise OSError(errno.ENOSPC, "No space left on device")

        located = locate(settings("synthetic:3", tmp_path))
        monkeypatch.setattr("facegan_tf.data.draft.Draft.finish", full)
        with pytest.raises(FaceganError, match=r"No space left.*data\.cache"):
            located.open_or_prepare()

    def test_a_store_in_a_cache_that_is_read_only_can_still_be_used(self, tmp_path, monkeypatch):
        source = photos(tmp_path / "photos", 2)
        locate(settings(source, tmp_path)).open_or_prepare()
        touch(source)

        def read_only(*_, **__):
            raise OSError(errno.EROFS, "Read-only file system")

        monkeypatch.setattr("facegan_tf.data.same_photos.write_manifest", read_only)
        monkeypatch.setattr("facegan_tf.data.cache.os.utime", read_only)
        assert locate(settings(source, tmp_path)).store

    def test_a_damaged_store_in_the_cache_is_named(self, tmp_path):
        folder = locate(settings("synthetic:3", tmp_path)).open_or_prepare().folder
        (folder / "faces-00000-of-00001.npy").unlink()
        with refusal(None, "damaged", value=folder):
            locate(settings("synthetic:3", tmp_path))
        (folder / "manifest.json").write_text("{")
        with refusal("data.cache", f"facegan cache --clear {folder.name}"):
            locate(settings("synthetic:3", tmp_path))


class TestSourceThatIsGone:
    @pytest.fixture
    def prepared(self, tmp_path):
        return locate(settings(photos(tmp_path / "photos", 3), tmp_path)).open_or_prepare()

    @pytest.fixture
    def data(self, tmp_path):
        return settings(tmp_path / "photos", tmp_path, limit=2)

    @pytest.mark.parametrize("emptied", [False, True])
    def test_the_store_of_the_run_is_used_with_a_message(self, tmp_path, prepared, data, capsys, emptied):
        shutil.rmtree(tmp_path / "photos")
        if emptied:
            (tmp_path / "photos").mkdir()
        located = locate(data, prepared=prepared.folder)
        assert (located.folder, located.count) == (prepared.folder, 2)
        np.testing.assert_array_equal(
            located.open_or_prepare().gather(np.arange(3)), prepared.gather(np.arange(3))
        )
        printed = capsys.readouterr()
        assert printed.out == ""
        assert str(tmp_path / "photos") in printed.err
        assert str(prepared.folder) in printed.err

    def test_a_store_given_as_the_source_may_have_moved(self, tmp_path):
        store = make_store(tmp_path / "store", 5).rename(tmp_path / "moved")
        assert locate(settings(tmp_path / "store", tmp_path), prepared=store).count == 5

    def test_without_a_store_it_is_refused(self, tmp_path, prepared, data):
        shutil.rmtree(tmp_path / "photos")
        with refusal("data.source", "does not exist"):
            locate(data)
        with refusal("data.source", "does not exist"):
            locate(data, prepared=tmp_path / "gone")
        (prepared.folder / "faces-00000-of-00001.npy").unlink()
        with refusal("data.source", "does not exist"):
            locate(data, prepared=prepared.folder)

    def test_a_store_of_another_size_is_not_used(self, tmp_path, prepared, data):
        shutil.rmtree(tmp_path / "photos")
        with refusal("data.source", "does not exist"):
            locate(data.model_copy(update={"size": 64}), prepared=prepared.folder)

    def test_the_source_is_preferred_while_it_is_there(self, tmp_path, prepared, data, capsys):
        other = make_store(tmp_path / "other", 5)
        assert locate(settings(tmp_path / "photos", tmp_path), prepared=other).folder == prepared.folder
        assert capsys.readouterr().err == ""
        assert FaceStore.open(other).size == 32

    def test_other_errors_are_not_hidden(self, tmp_path, prepared):
        with refusal("data.crop"):
            locate(settings("synthetic:3", tmp_path, crop="center:30"), prepared=prepared.folder)


def test_paths_are_made_absolute_wherever_a_run_may_resume_from(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    written = ["photos", "hf:a/b", "parts/*.tar", "gone.zip"]
    data = DataSettings(source=written, size=8, attributes="list.csv", where="true", cache="c")
    absolute = with_absolute_paths(data)
    # What is not there keeps the name under which the user knows it.
    assert absolute.source == [str(tmp_path / "photos"), "hf:a/b", str(tmp_path / "parts/*.tar"), "gone.zip"]
    assert (absolute.attributes, absolute.cache) == (str(tmp_path / "list.csv"), str(tmp_path / "c"))
    at_home = with_absolute_paths(DataSettings(source="photos", size=8))
    assert at_home.source == str(tmp_path / "photos")
    assert (at_home.attributes, at_home.cache) == (None, "~/.cache/facegan_tf")


def test_a_run_goes_on_without_its_table_of_attributes(tmp_path, capsys):
    table = tmp_path / "list.csv"
    table.write_text("image_id,Smiling\n0.png,1\n1.png,0\n2.png,1\n")
    folder = photos(tmp_path / "photos", 3)
    data = settings(folder, tmp_path, attributes=str(table), where="Smiling == 1")
    store = locate(data).open_or_prepare()
    table.unlink()
    assert locate(data, store.folder).store.fingerprint == store.fingerprint
    assert f"data.attributes can't be opened ({table}" in capsys.readouterr().err
    with refusal("data.attributes", value=str(table)):
        locate(data)
