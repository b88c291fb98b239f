"""Stores prepared in parts: joined, or trained on as they are."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from facegan_tf.config.settings import DataSettings
from facegan_tf.data.attributes.stored import read_attributes
from facegan_tf.data.join import join
from facegan_tf.data.locate import locate
from facegan_tf.data.prepare import prepare
from facegan_tf.data.store import FaceStore
from tests.data.test_draft import files_of
from tests.helpers.photos import encoded, pixels
from tests.helpers.refusals import refusal
from tests.helpers.shards import parquet_bytes

PHOTOS = [b"bad" if k in (3, 11) else encoded(pixels(16, 16, k)) for k in range(14)]
PHOTOS[9] = encoded(pixels(16, 16, 2), "JPEG", quality=95)  # nearly the same as number 2
FOLDERS = {1: "z", 2: "x", 3: "y"}  # by name they are in another order


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("parts")
    (folder / "a.parquet").write_bytes(
        parquet_bytes(PHOTOS, age=list(range(14)), name=list("abcdefghijklmn"))
    )
    for number, name in FOLDERS.items():
        prepare(folder / "a.parquet", folder / "parts" / name, 8, part=f"{number}/3", workers=1)
    prepare(folder / "a.parquet", folder / "whole", 8, workers=1)
    return folder


def test_joined_parts_are_what_one_machine_makes(parts: Path, tmp_path: Path) -> None:
    store = join([parts / "parts" / FOLDERS[number] for number in (2, 3, 1)], tmp_path / "joined")
    assert files_of(store.folder) == files_of(parts / "whole")
    assert list(read_attributes(store.folder)["age"]) == [0, 1, 2, 4, 5, 6, 7, 8, 9, 10, 12, 13]
    again = prepare(parts / "a.parquet", tmp_path / "joined", 8)  # recognised as the store of this request
    assert again.fingerprint == store.fingerprint


@pytest.mark.parametrize("long", [0, 13])
def test_a_column_with_a_long_text_in_any_part_is_left_out_of_all(tmp_path: Path, long: int) -> None:
    captions = ["x" * 200 if k == long else "short" for k in range(14)]
    (tmp_path / "a.parquet").write_bytes(parquet_bytes(PHOTOS, caption=captions, age=list(range(14))))
    stores = [tmp_path / str(number) for number in (1, 2, 3)]
    for number, out in enumerate(stores, start=1):
        prepare(tmp_path / "a.parquet", out, 8, part=f"{number}/3", workers=1)
    whole = prepare(tmp_path / "a.parquet", tmp_path / "whole", 8, workers=1)
    joined = join(stores, tmp_path / "joined")
    assert list(read_attributes(joined.folder)) == ["age"] == list(read_attributes(whole.folder))


def test_a_part_is_recognised_when_it_is_asked_for_again(
    parts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    second = parts / "parts" / FOLDERS[2]
    for _ in range(2):
        prepare(parts / "a.parquet", second, 8, part="2/3")
        assert "already exists" in capsys.readouterr().err
        (parts / "a.parquet").touch()  # now its photos are compared
    with refusal("out", "part 2/3 -> 1/3"):
        prepare(parts / "a.parquet", second, 8, part="1/3")


def test_parts_of_a_copy_on_another_machine_belong_to_the_same_store(parts: Path, tmp_path: Path) -> None:
    copy = shutil.copyfile(parts / "a.parquet", tmp_path / "copy.parquet")
    prepare(copy, tmp_path / "third", 8, part="3/3", workers=1)
    stores = [parts / "parts" / FOLDERS[1], tmp_path / "third", parts / "parts" / FOLDERS[2]]
    assert join(stores, tmp_path / "joined").fingerprint == FaceStore.open(parts / "whole").fingerprint


def test_the_tenth_part_comes_after_the_ninth_and_missing_parts_are_listed_in_short(tmp_path: Path) -> None:
    stores = [
        prepare("synthetic:11", tmp_path / f"{k}", 8, part=f"{k}/11", workers=1).folder for k in range(1, 12)
    ]
    joined, whole = join(stores, tmp_path / "joined"), prepare("synthetic:11", tmp_path / "whole", 8)
    assert joined.fingerprint == whole.fingerprint
    with refusal("stores", "these parts are missing: 1/11, 3/11, 4/11, 6/11 to 11/11"):
        join([stores[1], stores[4]], tmp_path / "half")


@pytest.mark.parametrize("form", ["folder", "list"])
def test_parts_are_trained_on_without_joining(parts: Path, form: str) -> None:
    folder = parts / "parts"
    source = str(folder) if form == "folder" else [str(folder / name) for name in FOLDERS.values()]
    located = locate(DataSettings(source=source, size=8))
    whole = FaceStore.open(parts / "whole")
    assert located.store is not None and located.count == len(whole)
    assert located.store.fingerprint == whole.fingerprint
    order = np.random.default_rng(0).permutation(len(whole))
    np.testing.assert_array_equal(located.store.gather(order), whole.gather(order))


def test_parts_that_do_not_make_a_whole_are_refused(parts: Path, tmp_path: Path) -> None:
    one, two, three = (parts / "parts" / FOLDERS[number] for number in (1, 2, 3))
    prepare(parts / "a.parquet", tmp_path / "other", 9, part="3/3", workers=1)
    (tmp_path / "b.parquet").write_bytes(parquet_bytes(PHOTOS[::-1]))
    prepare(tmp_path / "b.parquet", tmp_path / "strange", 8, part="3/3", workers=1)
    cases = {
        (one, three): (None, "these parts are missing: 2/3"),
        (one, two, two): (two, "is part 2/3, as is"),
        (one, two, tmp_path / "other"): (tmp_path / "other", "size differ"),
        (one, two, tmp_path / "strange"): (tmp_path / "strange", "source differ"),
        (one, parts / "whole"): (parts / "whole", "is not a part"),
    }
    for stores, (value, fact) in cases.items():
        with refusal("stores", fact, value=value):
            join(stores, tmp_path / "joined")
    assert not (tmp_path / "joined").exists()
    shutil.copytree(one, tmp_path / "few" / "p1")
    with refusal("data.source", "missing: 2/3, 3/3"):
        locate(DataSettings(source=str(tmp_path / "few"), size=8))


def test_near_duplicates_are_dropped_and_named(parts: Path, tmp_path: Path) -> None:
    from facegan_tf.data.rejected import read_rejected

    pytest.importorskip("imagehash", reason="needs the extra `dedupe`")
    store = prepare(parts / "a.parquet", tmp_path / "store", 8, dedupe=20)
    reasons = dict(read_rejected(store.folder))
    assert reasons["row-000000009"].startswith("a near-duplicate of row-000000002: ")
    assert len(store) == 11 and 9 not in read_attributes(store.folder)["age"]
    first = prepare(parts / "a.parquet", tmp_path / "first", 8, dedupe=20, limit=9, workers=1)
    assert list(read_attributes(first.folder)["age"]) == [0, 1, 2, 4, 5, 6, 7, 8, 10]
    joined = join([parts / "parts" / name for name in FOLDERS.values()], tmp_path / "joined", dedupe=20)
    assert joined.fingerprint == store.fingerprint
    assert list(read_attributes(joined.folder)["age"]) == list(read_attributes(store.folder)["age"])


@pytest.mark.parametrize("part", ["0/3", "4/3", "1", "1/0", "-1/2", "a/b"])
def test_a_part_that_does_not_exist_is_refused(part: str, tmp_path: Path) -> None:
    with refusal("part", "must be I/N", value=part):
        prepare("synthetic:9", tmp_path / "store", 8, part=part)


def test_what_needs_all_photos_is_not_for_a_part(tmp_path: Path) -> None:
    for name, value in {"limit": 3, "dedupe": 4}.items():
        with refusal(name, "can't be used with `part`", value=value):
            prepare("synthetic:9", tmp_path / "store", 8, part="1/2", **{name: value})
    with refusal("part", "is empty"):
        prepare("synthetic:2", tmp_path / "store", 8, part="1/3")
