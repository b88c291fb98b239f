"""Tar, parquet and TFRecord files as sources."""

import gzip
import io
import pickle
import random
import struct
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facegan_tf.common.errors import InputError, Rejected
from facegan_tf.data.attributes.stored import read_attributes
from facegan_tf.data.prepare import prepare
from facegan_tf.data.rejected import read_rejected
from facegan_tf.data.sources import base, open_source, open_sources
from facegan_tf.data.sources.names import ChainedNames, NumberedNames, PackedNames
from facegan_tf.data.sources.reading import open_reader
from tests.helpers.photos import bare_pillow, encoded, pixels
from tests.helpers.refusals import refusal
from tests.helpers.shards import example, masked_crc32c, parquet_bytes, tar_bytes, tfrecord_bytes

NAMES = [f"people/{k:03}.png" for k in range(12)]
PHOTOS = dict(zip(NAMES, (encoded(pixels(20, 24, k)) for k in range(12)), strict=True))
SHUFFLED = dict(random.Random(0).sample(sorted(PHOTOS.items()), 12))


def written(folder: Path, kind: str) -> str:
    """The photos in files of a kind; how a user would name them."""
    photos = list(PHOTOS.values())
    match kind:
        case "zip":
            with zipfile.ZipFile(folder / "a.zip", "w") as archive:
                for name, content in PHOTOS.items():
                    archive.writestr(name, content)
            return str(folder / "a.zip")
        case "tar":
            (folder / "a.tar").write_bytes(tar_bytes(SHUFFLED))
            return str(folder / "a.tar")
        case "tar.gz":
            (folder / "a.tgz").write_bytes(tar_bytes(SHUFFLED, "w:gz"))
            return str(folder / "a.tgz")
        case "shards":
            for part in range(3):
                names = NAMES[4 * part : 4 * part + 4]
                labels = {name.replace(".png", ".cls"): b"1" for name in names}
                content = tar_bytes({name: PHOTOS[name] for name in names} | labels)
                (folder / f"faces-{part:03}.tar").write_bytes(content)
            return str(folder / "faces-{000..002}.tar")
        case "parquet":
            (folder / "0.parquet").write_bytes(parquet_bytes(photos[:7], rows=3))
            (folder / "1.parquet").write_bytes(parquet_bytes(photos[7:]))
            return str(folder)
        case "examples":
            records = [example(**{"image/encoded": photo, "label": [k]}) for k, photo in enumerate(photos)]
            (folder / "a.tfrecord-00000-of-00001").write_bytes(tfrecord_bytes(records))
            return str(folder / "*.tfrecord-*")
    assert kind == "stylegan"
    for level, size in ((3, (8, 8)), (5, (24, 20))):  # the largest is used
        images = [np.asarray(_open(photo).resize(size)).transpose(2, 0, 1) for photo in photos]
        records = [example(shape=list(image.shape), data=image.tobytes()) for image in images]
        (folder / f"faces-r{level:02}.tfrecords").write_bytes(tfrecord_bytes(records))
    return str(folder)


def _open(content: bytes) -> Any:
    from PIL import Image

    return Image.open(io.BytesIO(content))


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz", "shards", "parquet", "examples", "stylegan"])
def test_every_kind_of_file_gives_the_same_faces(tmp_path: Path, kind: str) -> None:
    store = prepare(written(tmp_path, kind), tmp_path.with_name(tmp_path.name + "-store"), 8, workers=1)
    assert store.manifest.rejected == 0
    np.testing.assert_array_equal(
        store.gather(np.arange(12)), [bare_pillow(PHOTOS[name], 8) for name in NAMES]
    )


@pytest.mark.parametrize("kind", ["tar.gz", "shards", "parquet", "examples"])
def test_shards_are_read_in_any_order_and_in_other_processes(tmp_path: Path, kind: str) -> None:
    source: Any = open_source(written(tmp_path, kind))
    copy = pickle.loads(pickle.dumps(source))
    order = random.Random(1).sample(range(12), 12)
    assert [copy.read(k) for k in order] == [PHOTOS[NAMES[k]] for k in order]
    assert (list(copy.names), copy.identity) == (list(source.names), source.identity)
    assert list(source.names) == sorted(set(source.names))


def test_several_sources_are_one_in_their_order(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    one, two = written(tmp_path, "tar"), written(tmp_path / "b", "parquet")
    source = open_sources([two, "synthetic:2", one])
    assert len(source.names) == 26
    assert source.names[0] == f"{two}: 0.parquet/row-000000000"
    assert source.names[12:15] == (
        "synthetic:2: face-0000000",
        "synthetic:2: face-0000001",
        f"{one}: {NAMES[0]}",
    )
    store = prepare([one, two], tmp_path / "store", 8)
    faces = store.gather(np.arange(24))
    np.testing.assert_array_equal(faces[:12], faces[12:])
    with refusal("source", "does not exist", value=tmp_path / "gone"):
        prepare([one, str(tmp_path / "gone")], tmp_path / "more", 8)


def test_odd_members_of_a_tar_are_named_and_nothing_is_unpacked(tmp_path: Path) -> None:
    odd = {
        "../up.png": tarfile.REGTYPE,
        "link.png": tarfile.SYMTYPE,
        "hard.png": tarfile.LNKTYPE,
        "device.png": tarfile.CHRTYPE,
        "pipe.png": tarfile.FIFOTYPE,
        "sparse.png": tarfile.GNUTYPE_SPARSE,
        "a" * 300 + ".png": tarfile.REGTYPE,
        "unknown.png": b"Z",
    }
    with tarfile.open(tmp_path / "a.tar", "w", format=tarfile.PAX_FORMAT) as archive:
        for name, kind in odd.items():
            header = tarfile.TarInfo(name)
            header.type, header.linkname = kind, "../../etc/passwd"
            header.size = 5 if kind in (tarfile.REGTYPE, tarfile.GNUTYPE_SPARSE, b"Z") else 0
            archive.addfile(header, io.BytesIO(b"photo"))
        archive.addfile(tarfile.TarInfo("empty.png"))
    before = sorted(tmp_path.rglob("*"))
    source: Any = open_source(str(tmp_path / "a.tar"))
    assert set(source.names) == {*odd, "empty.png"}
    answers: dict[str, str | bytes] = {}
    for index, name in enumerate(source.names):
        try:
            answers[name] = source.read(index)
        except Rejected as reason:
            answers[name] = str(reason)
    assert answers.pop("../up.png") == answers.pop("a" * 300 + ".png") == b"photo"
    assert answers.pop("empty.png") == b""
    for name, fact in {
        "link.png": "symbolic link",
        "hard.png": "hard link",
        "device.png": "a device",
        "pipe.png": "a pipe",
        "sparse.png": "a sparse file",
        "unknown.png": "unknown type",
    }.items():
        assert fact in str(answers.pop(name))
    assert not answers
    assert sorted(tmp_path.rglob("*")) == before


def test_what_claims_to_be_huge_takes_no_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "FILE_LIMIT", 1000)
    header = tarfile.TarInfo("huge.png")
    header.size = 2**40
    (tmp_path / "a.tar").write_bytes(header.tobuf(tarfile.GNU_FORMAT) + bytes(512))
    source: Any = open_source(str(tmp_path / "a.tar"))
    assert tuple(source.names) == ("(rest of the file)", "huge.png")
    for index, why in enumerate(("cut off", "larger than")):
        with pytest.raises(Rejected, match=why):
            source.read(index)
    length = struct.pack("<Q", 2**60)
    (tmp_path / "a.tfrecord").write_bytes(length + struct.pack("<I", masked_crc32c(length)) + b"x")
    with refusal("source", "larger than"):
        open_source(str(tmp_path / "a.tfrecord"))


def test_damaged_records_are_named_and_the_others_kept(tmp_path: Path) -> None:
    records = [example(image=photo) for photo in PHOTOS.values()]
    content = bytearray(tfrecord_bytes(records))
    content[12 + 40] ^= 1  # in the first record
    eighth = len(tfrecord_bytes(records[:8]))
    content[eighth + 2] ^= 1  # in the length of the ninth
    (tmp_path / "a.tfrecords").write_bytes(content)
    store = prepare(tmp_path / "a.tfrecords", tmp_path / "store", 8)
    assert len(store) == 7
    (first, why), (rest, lost) = read_rejected(store.folder)
    assert (first, rest) == ("row-000000000", "row-000000008")
    assert "checksum (CRC-32C) is wrong" in why
    assert "rest of the file are lost" in lost and f"at byte {eighth}" in lost


def test_the_column_of_photos_is_found_or_asked_for(tmp_path: Path) -> None:
    photos = list(PHOTOS.values())[:2]
    (tmp_path / "a.parquet").write_bytes(parquet_bytes([None, photos[1]], mask=photos, label=[1, 2]))
    path = str(tmp_path / "a.parquet")
    source: Any = open_source(path)
    with pytest.raises(Rejected, match="no bytes of a photo"):
        source.read(0)
    assert open_source(path, "mask").read(0) == photos[0]  # type: ignore[attr-defined]
    for column, fact in {"label": "holds no bytes", "gone": "is not a column"}.items():
        with refusal("column", fact, "photos are in image, mask", value=column):
            open_source(path, column)
    with refusal("column", "has no columns", value="image"):
        open_source(written(tmp_path, "tar"), "image")


def test_a_row_group_is_read_once_however_many_rows_are_bad(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from facegan_tf.data.sources.parquet import ParquetShard

    photos = [photo if k % 3 else None for k, photo in enumerate(PHOTOS.values())]
    (tmp_path / "a.parquet").write_bytes(parquet_bytes(photos, rows=6))
    groups, rows_of = [], ParquetShard._rows_of

    def counted(shard: ParquetShard, group: int) -> Any:
        groups.append(group)
        return rows_of(shard, group)

    monkeypatch.setattr(ParquetShard, "_rows_of", counted)
    store = prepare(tmp_path / "a.parquet", tmp_path / "store", 8, workers=1)
    assert (len(store), store.manifest.rejected, groups) == (8, 4, [0, 1])


def open_below(folder: Path) -> int:
    return sum(Path(file.path).is_relative_to(folder) for file in psutil.Process().open_files())


@pytest.mark.parametrize("kind", ["shards", "parquet"])
def test_one_file_is_open_at_a_time(tmp_path: Path, kind: str) -> None:
    source: Any = open_source(written(tmp_path, kind))
    source.keys()
    source.attributes()
    assert open_below(tmp_path) == 0
    for index in (0, 5, 11, 3):
        assert source.read(index) == PHOTOS[NAMES[index]]
        assert open_below(tmp_path) == 1


@pytest.mark.parametrize("damaged", ["age", "image.path"])
def test_a_damaged_column_of_attributes_is_left_out(
    tmp_path: Path, damaged: str, capsys: pytest.CaptureFixture[str]
) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="needs the extra `parquet`")
    path = tmp_path / "a.parquet"
    path.write_bytes(parquet_bytes(list(PHOTOS.values()), age=list(range(12)), label=list("abcdefghijkl")))
    group = parquet.read_metadata(path).row_group(0)
    columns = {group.column(k).path_in_schema: group.column(k) for k in range(group.num_columns)}
    content = bytearray(path.read_bytes())
    start = columns[damaged].dictionary_page_offset
    content[start : start + 20] = b"\xff" * 20
    path.write_bytes(content)
    source: Any = open_source(str(path))
    assert source.keys()[1] == ("row-000000001" if damaged == "image.path" else "001.png")
    store = prepare(path, tmp_path / "store", 8, where="label != 'c'")
    assert len(store) == 11
    kept = {"label"} if damaged == "age" else {"age", "label"}
    assert read_attributes(store.folder).keys() == kept
    assert f"{path}: {damaged} is left out, because it is damaged (" in capsys.readouterr().err


def test_a_parquet_without_photos_is_refused_with_its_columns(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as parquet

    nested = pa.array([[[b"x"]]], pa.list_(pa.list_(pa.binary())))
    parquet.write_table(pa.table({"image": nested, "age": [3]}), tmp_path / "a.parquet")
    with refusal("source", "no column of photos", "image: list<", "age: int64"):
        open_source(str(tmp_path / "a.parquet"))


def test_a_parquet_that_claims_a_billion_rows_is_refused(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as parquet

    with parquet.ParquetWriter(tmp_path / "a.parquet", pa.schema([("image", pa.binary())])) as writer:
        writer.write_table(pa.table({"image": pa.nulls(10**6, pa.binary())}))  # in a few bytes
    with refusal("source", "says that it has 1,000,000 rows, but the file has only"):
        open_source(str(tmp_path / "a.parquet"))


@pytest.mark.parametrize("kind", ["tar", "tar.gz", "parquet", "tfrecord"])
def test_files_cut_off_at_any_byte_are_refused_or_named(tmp_path: Path, kind: str) -> None:
    photos = {f"{k}.png": encoded(pixels(9, 9, k)) for k in range(3)}
    content = {
        "tar": lambda: tar_bytes(photos),
        "tar.gz": lambda: tar_bytes(photos, "w:gz"),
        "parquet": lambda: parquet_bytes(list(photos.values())),
        "tfrecord": lambda: tfrecord_bytes([example(image=photo) for photo in photos.values()]),
    }[kind]()
    path = tmp_path / f"a.{kind}"
    for end in [*range(0, len(content), 37), len(content) - 1]:
        path.write_bytes(content[:end])
        try:
            source: Any = open_source(str(path))
        except InputError as error:
            assert error.name == "source"
            continue
        read, lost = [], 0
        for index in range(len(source.names)):
            try:
                read.append(source.read(index))
            except Rejected:
                lost += 1
        assert read == list(photos.values())[: len(read)]
        assert lost or len(read) == 3, f"cut at {end} of {len(content)}, and nothing said so"


def test_one_bad_file_among_many_is_named(tmp_path: Path) -> None:
    written(tmp_path, "shards")
    (tmp_path / "faces-001.tar").write_bytes(b"not a tar" * 100)
    store = prepare(tmp_path, tmp_path.with_name("bad-store"), 8, workers=1)
    assert len(store) == 8
    ((name, reason),) = read_rejected(store.folder)
    assert name == "faces-001.tar" and "can't be read as a tar" in reason


def test_patterns_that_match_nothing_or_too_much_are_refused(tmp_path: Path) -> None:
    written(tmp_path, "shards")
    written(tmp_path, "parquet")
    for pattern, fact in {"*.tfrecord": "no file matches", "*": "files of one kind"}.items():
        with refusal("source", fact, value=tmp_path / pattern):
            open_source(str(tmp_path / pattern))
    with refusal("source", "more than 100,000 files"):
        open_source(str(tmp_path / "a-{0..99999999}.tar"))
    (tmp_path / "a.tar.bz2").write_bytes(b"BZh")
    with refusal("source", "not supported"):
        open_source(str(tmp_path / "a.tar.bz2"))


LONG = np.random.default_rng(0).integers(0, 4, 390_000, np.uint8).tobytes()
LONG_GZIP = gzip.compress(LONG[:200_000], 1) + gzip.compress(LONG[200_000:], 1)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 400_000), st.integers(0, 70_000)), min_size=1, max_size=8))
def test_a_compressed_file_is_read_at_any_place(
    tmp_path_factory: pytest.TempPathFactory, places: list[tuple[int, int]]
) -> None:
    path = tmp_path_factory.getbasetemp() / "a.gz"
    path.write_bytes(LONG_GZIP)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("facegan_tf.data.sources.reading._FIRST_INTERVAL", 1)
        patch.setattr("facegan_tf.data.sources.reading._MOST_MARKS", 3)
        reader = open_reader(path)
        for start, count in places:
            assert reader.read_at(start, count) == LONG[start : start + count]
        reader.close()


@given(st.lists(st.lists(st.text(max_size=3), max_size=4), max_size=4), st.data())
def test_names_in_little_memory_are_sequences_like_any_other(
    parts: list[list[str]], data: st.DataObject
) -> None:
    plain = [f"{number}{name}" for number, part in enumerate(parts) for name in part]
    packed = ChainedNames([(str(number), PackedNames(part)) for number, part in enumerate(parts)])
    assert list(packed) == plain
    start, stop = (data.draw(st.integers(-20, 20)) for _ in range(2))
    assert list(packed[start:stop]) == plain[start:stop]
    for index in range(-len(plain), len(plain)):
        assert packed[index] == plain[index]
    with pytest.raises(IndexError):
        packed[len(plain)]
    assert list(NumberedNames(2)) == ["row-000000000", "row-000000001"]
