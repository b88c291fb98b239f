"""`--where`: photos chosen by tables of attributes, or by a parquet file's own columns."""

from pathlib import Path

import numpy as np
import pytest

from facegan_tf.cli import main
from facegan_tf.config.settings import DataSettings
from facegan_tf.data.attributes.stored import read_attributes, write_attributes
from facegan_tf.data.locate import locate
from facegan_tf.data.prepare import prepare
from tests.helpers.photos import bare_pillow, encoded, pixels, write_zip
from tests.helpers.refusals import refusal
from tests.helpers.shards import parquet_bytes

PHOTOS = {f"img/{k:06}.jpg": encoded(pixels(12, 12, k)) for k in range(1, 9)}
SMILING = [1, -1, 1, 1, -1, 1, -1, 1]
MALE = [-1, -1, 1, -1, 1, 1, -1, -1]
ROWS = [(f"{k:06}.jpg", *row) for k, row in enumerate(zip(SMILING, MALE, strict=True), 1)]
CELEBA = "8\nSmiling Male\n" + "".join(f"{name} {smiling:2d} {male:2d}\n" for name, smiling, male in ROWS)
KAGGLE = "image_id,Smiling,Male\n" + "".join(f"{name},{smiling},{male}\n" for name, smiling, male in ROWS)
WHERE = "Smiling == 1 and Male == -1"  # numbers 1, 4 and 8


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("chosen")
    (folder / "list_attr_celeba.txt").write_text(CELEBA)
    (folder / "list_attr_celeba.csv").write_text(KAGGLE)
    write_zip(folder / "a.zip", PHOTOS)
    columns = {"Smiling": SMILING, "Male": MALE, "caption": ["x" * 200] * 8}
    (folder / "a.parquet").write_bytes(parquet_bytes(list(PHOTOS.values()), **columns))
    return folder


@pytest.mark.parametrize("table", ["list_attr_celeba.txt", "list_attr_celeba.csv", None])
def test_the_chosen_photos_and_their_attributes_are_in_the_store(
    photos: Path, tmp_path: Path, table: str | None
) -> None:
    words = [str(photos / table)] if table else []
    source = photos / ("a.zip" if table else "a.parquet")
    out = tmp_path / "store"
    assert main(["prepare", str(source), "--out", str(out), "--size", "8", "--where", *words, WHERE]) == 0
    store = locate(DataSettings(source=str(out), size=8)).store
    assert store is not None
    expected = [bare_pillow(PHOTOS[f"img/{k:06}.jpg"], 8) for k in (1, 4, 8)]
    np.testing.assert_array_equal(store.gather(np.arange(3)), expected)
    attributes = read_attributes(out)
    assert {name: column.tolist() for name, column in attributes.items()} == {
        "Smiling": [1, 1, 1],
        "Male": [-1, -1, -1],
    }


def test_rejected_photos_leave_no_attributes_and_a_limit_counts_the_chosen(
    tmp_path: Path, photos: Path
) -> None:
    source = write_zip(tmp_path / "a.zip", PHOTOS | {"img/000004.jpg": b"bad", "img/extra.jpg": b"bad"})
    table = str(photos / "list_attr_celeba.csv")
    store = prepare(source, tmp_path / "store", 8, limit=3, attributes=table, where="Smiling == 1")
    assert store.manifest.rejected == 1
    assert read_attributes(store.folder)["Male"].tolist() == [-1, 1, 1]  # numbers 1, 3 and 6


def test_a_full_name_in_the_table_comes_before_the_name_without_folders(photos: Path, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("name,age\n000002.jpg,1\nimg/000002.jpg,2\n000005.jpg,2\n")
    store = prepare(
        photos / "a.zip", tmp_path / "store", 8, attributes=str(tmp_path / "a.csv"), where="age == 2"
    )
    expected = [bare_pillow(PHOTOS[f"img/{k:06}.jpg"], 8) for k in (2, 5)]
    np.testing.assert_array_equal(store.gather(np.arange(2)), expected)


@pytest.mark.parametrize(("one", "other"), [("1_23", "12_3"), ("1_2.5", "12.5")])
def test_numbers_with_underscores_are_text(photos: Path, tmp_path: Path, one: str, other: str) -> None:
    (tmp_path / "a.csv").write_text(f"name,id\n000002.jpg,{one}\n000005.jpg,{other}\n")
    table = str(tmp_path / "a.csv")
    store = prepare(photos / "a.zip", tmp_path / "store", 8, attributes=table, where=f"id == '{one}'")
    np.testing.assert_array_equal(store.gather(np.arange(1)), [bare_pillow(PHOTOS["img/000002.jpg"], 8)])
    assert read_attributes(store.folder)["id"].tolist() == [one]


def test_training_also_chooses_and_caches_each_choice(photos: Path, tmp_path: Path) -> None:
    settings = {"source": str(photos / "a.parquet"), "size": 8, "cache": str(tmp_path)}
    smiling = locate(DataSettings(**settings, where="Smiling == 1")).open_or_prepare()
    both = locate(DataSettings(**settings, where=WHERE)).open_or_prepare()
    assert (len(smiling), len(both)) == (5, 3)
    assert locate(DataSettings(**settings, where="Smiling == 1")).store is not None
    with refusal("data.where", "no attribute Smile"):
        locate(DataSettings(**settings, where="Smile == 1"))


@pytest.mark.parametrize(
    ("name", "content", "fact"),
    [
        ("a.csv", "image_id,Smiling\n000001.jpg\n", "line 2 has 0 values, not 1"),
        ("a.csv", "image_id,Smiling\na.jpg,1\na.jpg,1\n", "line 3 repeats a.jpg"),
        ("a.csv", "image_id,Smiling\nzzz.jpg,1\n", "names no photo in the source"),
        ("a.csv", "", "no names"),
        ("a.csv", "image_id,Smiling\n", "no rows"),
        ("a.txt", "image_id Smiling\n", "line 1 is not the number of photos"),
        ("a.txt", "3\n", "no line with the names"),
        ("a.csv", "\0\1", "no names"),
        ("gone.csv", None, "can't be read"),
    ],
)
def test_a_table_that_can_not_be_used_is_refused(
    photos: Path, tmp_path: Path, name: str, content: str | None, fact: str
) -> None:
    if content is not None:
        (tmp_path / name).write_text(content)
    with refusal("attributes", fact, value=tmp_path / name):
        prepare(
            photos / "a.zip", tmp_path / "store", 8, attributes=str(tmp_path / name), where="Smiling == 1"
        )


def test_choices_that_choose_nothing_are_refused(photos: Path, tmp_path: Path) -> None:
    with refusal("where", "needs a table"):
        prepare(photos / "a.zip", tmp_path / "store", 8, where="Smiling == 1")
    with refusal("where", "true for no photo"):
        prepare(photos / "a.parquet", tmp_path / "store", 8, where="Smiling == 3")
    with refusal("attributes", "needs `where`"):
        prepare(photos / "a.zip", tmp_path / "store", 8, attributes=str(photos / "list_attr_celeba.csv"))
    assert not (tmp_path / "store").exists()


def test_attributes_of_any_name_are_kept(tmp_path: Path) -> None:
    columns = {
        "file": np.array([1, 2]),
        "a/b": np.array(["x", None], object),
        "long": np.array(["y" * 101, ""], object),
    }
    assert write_attributes(tmp_path, columns, [1, 0, 0]) == ["long"]
    read = read_attributes(tmp_path)
    assert {name: column.tolist() for name, column in read.items()} == {
        "file": [2, 1, 1],
        "a/b": ["", "x", "x"],
    }
