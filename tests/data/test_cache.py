"""What is in the cache can be listed and removed, and nothing else is touched."""

import datetime
import os

import numpy as np
import pytest

from facegan_tf.config.settings import DataSettings
from facegan_tf.data.cache import DEFAULT_CACHE, as_table, entries_named, list_cache
from facegan_tf.data.locate import locate
from tests.helpers.configs import make_store
from tests.helpers.photos import encoded, pixels, write_zip
from tests.helpers.refusals import refusal

FEATURES = f"{'0' * 16}-{'a' * 16}-500.npy"


def use(cache, source, **others):
    """Prepare the store of a source, as a training does, or use it again."""
    settings = DataSettings(source=str(source), size=16, cache=str(cache), **others)
    return locate(settings).open_or_prepare().folder


def clear(cache, names):
    entries = entries_named(cache, names)
    for entry in entries:
        entry.remove()
    return entries


@pytest.fixture
def cache(tmp_path):
    """A cache of two stores and a file of features, beside files of other programs."""
    folder = tmp_path / "cache"
    photos = write_zip(tmp_path / "photos.zip", {f"{k}.png": encoded(pixels(20, 20, k)) for k in range(3)})
    use(folder, photos)
    use(folder, "synthetic:2")
    (folder / "features").mkdir()
    np.save(folder / "features" / FEATURES, np.zeros((500, 8), np.float32))
    (folder / "thesis-16-0123456789ab").mkdir()  # named like a store
    for other in ("thesis-16-0123456789ab/text.doc", "features/mine.npy", "notes.txt"):
        (folder / other).write_text("mine")
    make_store(folder / "a store of mine", 2)
    return folder


def others_are_untouched(cache):
    return all(
        (cache / name).exists()
        for name in ("thesis-16-0123456789ab/text.doc", "features/mine.npy", "notes.txt", "a store of mine")
    )


def test_stores_and_features_are_listed_with_size_source_and_last_use(cache, tmp_path):
    features, photos, drawn = sorted(list_cache(cache), key=lambda entry: entry.name)
    assert features.name == "features"
    assert features.bytes == (cache / "features" / FEATURES).stat().st_size
    assert photos.name.startswith("photos-16-")
    assert photos.source == str(tmp_path / "photos.zip")
    assert photos.bytes == sum(file.stat().st_size for file in (cache / photos.name).iterdir())
    assert drawn.source == "synthetic:2"
    now = datetime.datetime.now(datetime.UTC)
    assert abs(drawn.last_used - now) < datetime.timedelta(minutes=5)


def test_crop_and_limit_are_listed(tmp_path):
    photos = write_zip(tmp_path / "photos.zip", {f"{k}.png": encoded(pixels(20, 20, k)) for k in range(3)})
    use(tmp_path / "cache", photos, crop="center:18", limit=2)
    [entry] = list_cache(tmp_path / "cache")
    assert "crop center:18" in entry.source
    assert "first 2" in entry.source


def test_using_a_store_again_is_its_last_use(cache):
    folder = use(cache, "synthetic:2")
    os.utime(folder, (1e9, 1e9))
    assert {entry.last_used.year for entry in list_cache(cache)} == {2001, datetime.date.today().year}
    use(cache, "synthetic:2")
    assert {entry.last_used.year for entry in list_cache(cache)} == {datetime.date.today().year}


def test_a_damaged_store_is_listed_and_can_be_removed(cache):
    folder = use(cache, "synthetic:2")
    (folder / "manifest.json").write_text("{")
    assert "damaged" in {entry.name: entry.source for entry in list_cache(cache)}[folder.name]
    clear(cache, [folder.name])
    assert not folder.exists()


def test_all_removes_everything_but_files_of_others(cache):
    entries = list_cache(cache)
    assert clear(cache, ["all"]) == entries
    assert list_cache(cache) == []
    assert others_are_untouched(cache)
    assert not [path for path in cache.iterdir() if path.name.startswith(".")]


def test_no_names_are_no_entries(cache):
    assert entries_named(cache, []) == []


@pytest.mark.parametrize("names", [["all", "features"], ["features", "all"], ["all", "gone"]])
def test_all_beside_other_names_is_refused(cache, names):
    with refusal("names", "all alone", value=" ".join(names)):
        entries_named(cache, names)


def test_named_entries_alone_are_removed(cache):
    keep, *remove = [entry.name for entry in list_cache(cache)]
    removed = clear(cache, [*remove, remove[0]])
    assert [entry.name for entry in removed] == remove
    assert [entry.name for entry in list_cache(cache)] == [keep]
    assert others_are_untouched(cache)


@pytest.mark.parametrize("name", ["gone", "a store of mine", "../photos.zip", "thesis-16-0123456789ab"])
def test_a_name_that_is_not_in_the_cache_is_refused(cache, name):
    entries = list_cache(cache)
    with refusal("names", entries[0].name, value=name):
        entries_named(cache, [entries[0].name, name])
    assert list_cache(cache) == entries


def test_a_cache_that_does_not_exist_is_empty(tmp_path):
    assert list_cache(tmp_path / "gone") == entries_named(tmp_path / "gone", ["all"]) == []
    assert not (tmp_path / "gone").exists()


def test_a_removed_store_is_prepared_again(cache):
    before = {path: path.read_bytes() for path in use(cache, "synthetic:2").glob("*.npy")}
    clear(cache, ["all"])
    use(cache, "synthetic:2")
    assert {path: path.read_bytes() for path in before} == before


def test_the_table_has_a_line_for_each_entry_and_the_total(cache):
    entries = list_cache(cache)
    header, *rows, total = as_table(entries).splitlines()
    assert header.split() == ["NAME", "SIZE", "LAST", "USED", "SOURCE"]
    assert [row.split()[0] for row in rows] == [entry.name for entry in entries]
    assert total == "0.0 MB in all"


def test_the_default_is_that_of_the_setting():
    assert DataSettings(source="photos", size=8).cache == DEFAULT_CACHE
