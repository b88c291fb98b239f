"""How many rejected files are too many, for `facegan prepare` and for a training on raw photos."""

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facegan_tf.cli import main
from facegan_tf.commands import prepare as prepare_command
from facegan_tf.common.errors import InputError, in_short
from facegan_tf.config.settings import DataSettings
from facegan_tf.data.locate import locate
from facegan_tf.data.prepare import prepare
from facegan_tf.data.rejected import HEADER, MAX_REJECTED, as_row, check_share, read_rejected
from facegan_tf.data.store import FaceStore
from tests.helpers.command_line import parsed
from tests.helpers.photos import bare_pillow, encoded, pixels, write_zip
from tests.helpers.refusals import refusal

GOOD = {f"good{k}.png": encoded(pixels(12, 9, k)) for k in range(3)}
CUT = {f"cut{k}.jpg": encoded(pixels(30, 30, k), "JPEG")[: 700 + k] for k in range(3)}
BAD = CUT | {"a.bmp": b"a note", "empty.jpg": b""}  # 5 of 8 files


@pytest.fixture
def photos(tmp_path: Path) -> str:
    return str(write_zip(tmp_path / "photos.zip", GOOD | BAD))


def assert_complete(folder: Path) -> None:
    store = FaceStore.open(folder)
    np.testing.assert_array_equal(
        store.gather(np.arange(3)), [bare_pillow(GOOD[name], 8) for name in sorted(GOOD)]
    )
    assert [name for name, _ in read_rejected(folder)] == sorted(BAD)


def test_above_the_limit_the_store_is_written_and_the_command_fails(
    photos: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "store"
    arguments = ["prepare", photos, "--out", str(out), "--size", "8"]
    for _ in range(2):  # the second time, the store exists and is as bad as before
        assert main(arguments) == 2
        last = capsys.readouterr().err.splitlines()[-1]
        assert "0.5: 5 of 8 files were rejected (62.5%)" in last
        assert f"3 x {dict(read_rejected(out))['cut0.jpg']}; 1 x not an image" in last
        assert f"The store {out} is complete with the other 3 images" in last
        assert last.endswith("to 0.63")
        assert_complete(out)
    assert main([*arguments, "--max-rejected", "0.63"]) == 0
    assert main([*arguments, "--max-rejected", "0.625"]) == 0
    assert main([*arguments, "--max-rejected", "0.62"]) == 2


def test_the_command_and_the_setting_have_the_same_default() -> None:
    options = parsed(prepare_command, "photos", "--out", "store", "--size", "8")
    assert options.max_rejected == DataSettings(source="photos", size=8).max_rejected == MAX_REJECTED


def test_half_of_the_files_may_be_bad_by_default(tmp_path: Path) -> None:
    half = write_zip(tmp_path / "half.zip", GOOD | CUT)
    prepare(half, tmp_path / "half", 8)
    with refusal("max_rejected", "3 of 6 files", "set `max_rejected` to 0.5", value=0):
        prepare(half, tmp_path / "half", 8, max_rejected=0)
    prepare(write_zip(tmp_path / "good.zip", GOOD), tmp_path / "good", 8, max_rejected=0)


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_a_share_out_of_range_is_refused_before_the_work(photos: str, tmp_path: Path, share: float) -> None:
    with refusal("max_rejected", "0 to 1", value=share):
        prepare(photos, tmp_path / "store", 8, max_rejected=share)
    assert not (tmp_path / "store").exists()


def test_files_after_the_limit_do_not_count(tmp_path: Path) -> None:
    """One of the three files that are read is bad; the five bad ones after them are never read."""
    good, names = list(GOOD.values()), ["2bad.jpg", *(f"4bad{k}.jpg" for k in range(5))]
    source = write_zip(tmp_path / "a.zip", {"1.png": good[0], "3.png": good[1]} | dict.fromkeys(names, b""))
    prepare(source, tmp_path / "two", 8, limit=2, max_rejected=0.34)
    with refusal("max_rejected", "1 of 3 files were rejected (33.3%)"):
        prepare(source, tmp_path / "two", 8, limit=2, max_rejected=0.33)
    with refusal("max_rejected", "6 of 8 files"):
        prepare(source, tmp_path / "all", 8)


def test_near_duplicates_are_dropped_but_not_bad(tmp_path: Path) -> None:
    pytest.importorskip("imagehash", reason="needs the extra `dedupe`")
    photo = encoded(pixels(64, 64, 0))
    copies = write_zip(tmp_path / "a.zip", {f"{k}.png": photo for k in range(6)} | {"bad.png": b""})
    store = prepare(copies, tmp_path / "store", 32, dedupe=20, max_rejected=0.15)
    assert (len(store), store.manifest.rejected) == (1, 6)
    with refusal("max_rejected", "1 of 7 files were rejected (14.3%)", "1 x the file is empty", "to 0.15"):
        prepare(copies, tmp_path / "store", 32, dedupe=20, max_rejected=0.14)


def test_training_on_too_many_bad_photos_is_refused_until_the_setting_allows_it(
    photos: str, tmp_path: Path
) -> None:
    def data(**others: float) -> DataSettings:
        return DataSettings(source=photos, size=8, cache=str(tmp_path / "cache"), **others)

    located = locate(data())
    facts = ("5 of 8 files", "set data.max_rejected to 0.63")
    with refusal("data.max_rejected", *facts, value=0.5):
        located.open_or_prepare()
    assert_complete(located.folder)
    with refusal("data.max_rejected", *facts, value=0.5):
        locate(data())
    store = locate(data(max_rejected=0.7)).store
    assert store and store.folder == located.folder  # not prepared again


def test_both_of_two_trainings_that_prepare_the_same_photos_are_refused(photos: str, tmp_path: Path) -> None:
    data = DataSettings(source=photos, size=8, cache=str(tmp_path / "cache"))
    slower, faster = locate(data), locate(data)
    for located in (faster, slower):
        with refusal("data.max_rejected", "5 of 8 files"):
            located.open_or_prepare()


def test_a_store_given_as_the_source_is_used_whatever_was_rejected(photos: str, tmp_path: Path) -> None:
    prepare(photos, tmp_path / "store", 8, max_rejected=1)
    assert locate(DataSettings(source=str(tmp_path / "store"), size=8, max_rejected=0)).count == 3


@given(st.integers(0, 300), st.integers(1, 300))
def test_the_share_that_the_message_advises_is_enough(rejected: int, good: int) -> None:
    manifest = type("Manifest", (), {"rejected": rejected, "items_read": rejected + good})()
    store = type("Store", (), {"manifest": manifest, "folder": Path(), "__len__": lambda self: good})()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("facegan_tf.data.rejected.read_rejected", lambda _: [("a", "b")] * rejected)
        share = 0.0
        try:
            check_share(store, 0)
        except InputError as error:
            share = float(str(error).rpartition(" ")[2])
        assert rejected / (rejected + good) <= share < rejected / (rejected + good) + 0.01
        check_share(store, share)


@settings(deadline=None)
@given(st.lists(st.tuples(st.text(st.characters(exclude_characters="\0")), st.text())))
def test_the_table_keeps_every_name(
    tmp_path_factory: pytest.TempPathFactory, rejected: list[tuple[str, str]]
) -> None:
    folder = tmp_path_factory.mktemp("table")
    rejected = [(name, in_short(reason)) for name, reason in rejected]
    (folder / "rejected.csv").write_bytes(b"".join(map(as_row, (HEADER, *rejected))))
    assert read_rejected(folder) == [
        (name.encode(errors="backslashreplace").decode(), reason) for name, reason in rejected
    ]


@pytest.mark.parametrize("content", [None, b"", b"name,why\na,b\n", b"name,reason\na,b,c\n", b"\xff"])
def test_a_damaged_table_is_refused(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "rejected.csv").write_bytes(content)
    with refusal(None, "damaged", "rejected.csv", "remove the folder", value=tmp_path):
        read_rejected(tmp_path)


def test_odd_names_of_bad_files_are_escaped_in_messages(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = ["a\x1b[31mb.jpg", "two\nlines.jpg", "\u202egpj.exe", "b" * 60_000]
    source = write_zip(tmp_path / "a.zip", dict.fromkeys(names, b""))
    assert main(["prepare", str(source), "--out", str(tmp_path / "store"), "--size", "8"]) == 2
    printed = capsys.readouterr().err
    assert r"a\x1b[31mb.jpg: the file is empty; bbbb" in printed
    assert "b" * 201 not in printed
    assert r"two\nlines.jpg: the file is empty" in printed
    assert printed.replace("\n", "").replace("\r", "").isprintable()


def test_names_of_bad_files_are_unchanged_in_the_table(tmp_path: Path) -> None:
    names = ["a\x1b[31mb.jpg", "two\nlines.jpg", "carriage\rreturn", "=cmd()", 'say "cheese"', "日本.jpg"]
    source = write_zip(tmp_path / "a.zip", dict.fromkeys(names, b"") | GOOD)
    prepare(source, tmp_path / "store", 8, max_rejected=1)
    with (tmp_path / "store" / "rejected.csv").open(encoding="utf-8", newline="") as file:
        assert [row[0] for row in csv.reader(file)] == ["name", *sorted(names)]
