"""What an interrupted `prepare` leaves is continued, and the store is the same as if nothing had happened."""

import errno
import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from facegan_tf.common.errors import FaceganError
from facegan_tf.data import chunks as chunks_module
from facegan_tf.data import draft as draft_module
from facegan_tf.data import prepare as prepare_module
from facegan_tf.data import store as store_module
from facegan_tf.data import workers as workers_module
from facegan_tf.data.draft import Draft
from facegan_tf.data.prepare import prepare
from facegan_tf.data.same_photos import ContentDigest
from facegan_tf.data.store import StoreWriter
from tests.helpers.photos import encoded, pixels, write_zip

GOOD = {f"{k:03}.png": encoded(pixels(12, 12, k)) for k in range(24)}
BAD = {"004.txt.png": b"not a photo", "010.x.png": b""}
UNFINISHED = ".store.unfinished"


class Killed(BaseException):
    """Ends the process here, as far as `prepare` can see."""


def files_of(store: Path) -> dict[str, Any]:
    files: dict[str, Any] = {path.name: path.read_bytes() for path in store.iterdir()}
    manifest = json.loads(files["manifest.json"])
    del manifest["created"]
    return files | {"manifest.json": manifest}


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small chunks, with the draft saved after each."""
    monkeypatch.setattr(workers_module, "_CHUNK_ITEMS", 3)
    monkeypatch.setattr(prepare_module, "SAVE_SECONDS", -1)


def dies_at(index: int, error: BaseException, patch: pytest.MonkeyPatch) -> list[int]:
    """Raise an error when this item's turn comes; returns the list of items that were begun."""
    begun: list[int] = []
    outcome = chunks_module._outcome

    def interrupted(job: chunks_module.Job, item: int) -> chunks_module.Outcome:
        begun.append(item)
        if item == index:
            raise error
        return outcome(job, item)

    patch.setattr(chunks_module, "_outcome", interrupted)
    return begun


@pytest.mark.usefixtures("often")
@pytest.mark.parametrize("options", [{}, {"limit": 20}, {"dedupe": 20}, {"part": "2/2"}])
@pytest.mark.parametrize("error", [Killed(), KeyboardInterrupt(), FaceganError("a worker died")])
def test_interrupted_again_and_again_it_continues_where_it_stopped(
    tmp_path: Path, options: dict[str, Any], error: BaseException
) -> None:
    source = write_zip(tmp_path / "a.zip", GOOD | BAD)
    prepare(source, tmp_path / "undisturbed", 8, workers=1, **options)
    out = tmp_path / "work" / "store"
    seen: list[int] = []
    for place in (17, 20, 99):
        with pytest.MonkeyPatch.context() as patch:
            begun = dies_at(place, error, patch)
            if place < 99:
                with pytest.raises(type(error)):
                    prepare(source, out, 8, workers=1, **options)
                assert [path.name for path in out.parent.iterdir()] == [UNFINISHED]
            else:
                prepare(source, out, 8, workers=1, **options)
        assert not set(begun) & set(seen), "work that was saved is not done again"
        seen += [item for item in begun if item < place // 3 * 3 - 3]
    assert [path.name for path in out.parent.iterdir()] == ["store"]
    assert files_of(out) == files_of(tmp_path / "undisturbed")


@pytest.mark.parametrize("error", [KeyboardInterrupt(), FaceganError("a worker died")])
def test_an_interruption_saves_what_was_added_since_the_last_save(
    tmp_path: Path, error: BaseException, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(workers_module, "_CHUNK_ITEMS", 3)
    monkeypatch.setattr(prepare_module, "SAVE_SECONDS", 10**6)
    source = write_zip(tmp_path / "a.zip", GOOD | BAD)
    with pytest.MonkeyPatch.context() as patch, pytest.raises(type(error)):
        dies_at(17, error, patch)
        prepare(source, tmp_path / "store", 8, workers=1)
    assert "faces are kept; the same command continues" in capsys.readouterr().err
    begun = dies_at(99, error, monkeypatch)
    prepare(source, tmp_path / "store", 8, workers=1)
    assert min(begun) >= 12


@pytest.mark.usefixtures("often")
@pytest.mark.parametrize("place", ["content", "append"])
def test_an_interruption_while_an_item_is_added_or_saved_spoils_nothing(tmp_path: Path, place: str) -> None:
    source = write_zip(tmp_path / "a.zip", GOOD | BAD)
    prepare(source, tmp_path / "undisturbed", 8, workers=1)
    owner, name = {"content": (ContentDigest, "add"), "append": (Draft, "_append_new")}[place]
    original, calls = getattr(owner, name), []

    def interrupted(*arguments: Any) -> Any:
        done = original(*arguments)
        calls.append(done)
        if len(calls) == {"content": 14, "append": 4}[place]:
            raise KeyboardInterrupt
        return done

    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(owner, name, interrupted)
        prepare(source, tmp_path / "store", 8, workers=1)
    assert (tmp_path / UNFINISHED).is_dir()
    prepare(source, tmp_path / "store", 8, workers=1)
    assert files_of(tmp_path / "store") == files_of(tmp_path / "undisturbed")


@pytest.mark.usefixtures("often")
@pytest.mark.parametrize("place", ["rejected.csv", "a shard's name", "manifest.json", "the state"])
@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(errno.ENOSPC, "No space left on device")])
@pytest.mark.parametrize("options", [{}, {"part": "2/2"}])
def test_an_interruption_while_the_store_is_finished_loses_nothing(
    tmp_path: Path,
    place: str,
    error: BaseException,
    options: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(draft_module, "StoreWriter", partial(StoreWriter, shard_bytes=5 * 8 * 8 * 3))
    source = write_zip(tmp_path / "a.zip", GOOD | BAD)
    prepare(source, tmp_path / "undisturbed", 8, workers=1, **options)
    owner, name, argument = {
        "rejected.csv": (Draft, "_append_new", None),
        "a shard's name": (Path, "rename", "faces-00001.npy"),
        "manifest.json": (store_module, "write_manifest", None),
        "the state": (Path, "unlink", "state.json"),
    }[place]
    original, finish = getattr(owner, name), Draft.finish

    def failing(self: Any, *arguments: Any, **named: Any) -> Any:
        if argument in (None, getattr(self, "name", None)):
            raise error
        return original(self, *arguments, **named)

    def failing_finish(*arguments: Any, **about: Any) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(owner, name, failing)
            finish(*arguments, **about)

    with pytest.MonkeyPatch.context() as patch, pytest.raises((KeyboardInterrupt, FaceganError)):
        patch.setattr(Draft, "finish", failing_finish)
        prepare(source, tmp_path / "store", 8, workers=1, **options)
    assert "faces are kept; the same command continues" in capsys.readouterr().err
    with pytest.MonkeyPatch.context() as patch:
        begun = dies_at(99, error, patch)
        prepare(source, tmp_path / "store", 8, workers=1, **options)
    assert not begun, "everything was saved"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.zip", "store", "undisturbed"]
    assert files_of(tmp_path / "store") == files_of(tmp_path / "undisturbed")


@pytest.mark.parametrize("error", [Killed(), KeyboardInterrupt(), OSError(errno.ENOSPC, "No space left")])
@pytest.mark.parametrize("place", ["hashing", "the first item"])
def test_an_interruption_before_the_first_save_of_a_continued_draft_loses_nothing(
    tmp_path: Path, place: str, error: BaseException, capsys: pytest.CaptureFixture[str]
) -> None:
    source = write_zip(tmp_path / "a.zip", GOOD | BAD)
    prepare(source, tmp_path / "undisturbed", 8, workers=1)
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Killed):
        patch.setattr(workers_module, "_CHUNK_ITEMS", 3)
        patch.setattr(prepare_module, "SAVE_SECONDS", -1)
        dies_at(15, Killed(), patch)
        prepare(source, tmp_path / "store", 8, workers=1)

    def failing(*_: Any) -> None:
        raise error

    with pytest.MonkeyPatch.context() as patch, pytest.raises((type(error), FaceganError)):
        if place == "hashing":
            patch.setattr(StoreWriter, "_continue", failing)
        else:
            patch.setattr(prepare_module, "make_chunks", failing)
        prepare(source, tmp_path / "store", 8, workers=1)
    assert "13 faces are kept; the same command continues" in capsys.readouterr().err
    with pytest.MonkeyPatch.context() as patch:
        begun = dies_at(99, Killed(), patch)
        prepare(source, tmp_path / "store", 8, workers=1)
    assert min(begun) == 15, "work that was saved is not done again"
    assert files_of(tmp_path / "store") == files_of(tmp_path / "undisturbed")


@pytest.mark.usefixtures("often")
def test_what_was_written_after_the_last_save_is_cut_off(tmp_path: Path) -> None:
    source = write_zip(tmp_path / "a.zip", GOOD | BAD)
    prepare(source, tmp_path / "undisturbed", 8, workers=1)
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Killed):
        dies_at(15, Killed(), patch)
        prepare(source, tmp_path / "store", 8, workers=1)
    for name in ("faces-00000.npy", "rejected.csv", "contents.bin"):
        with (tmp_path / UNFINISHED / name).open("ab") as file:
            file.write(b"half a line")
    prepare(source, tmp_path / "store", 8, workers=1)
    assert files_of(tmp_path / "store") == files_of(tmp_path / "undisturbed")


@pytest.mark.usefixtures("often")
@pytest.mark.parametrize("change", ["size", "photos", "versions", "damaged", "shorter"])
def test_a_draft_of_something_else_is_not_continued(
    tmp_path: Path, change: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source, size = write_zip(tmp_path / "a.zip", GOOD | BAD), 8
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Killed):
        dies_at(15, Killed(), patch)
        prepare(source, tmp_path / "store", size, workers=1)
    match change:
        case "size":
            size = 9
        case "photos":
            write_zip(source, dict(list(GOOD.items())[2:]))
        case "versions":
            monkeypatch.setattr("facegan_tf.data.request.versions", lambda *_: {"pillow": "1.0"})
        case "damaged":
            (tmp_path / UNFINISHED / "state.json").write_text("{")
        case "shorter":
            (tmp_path / UNFINISHED / "contents.bin").write_bytes(b"")
    store = prepare(source, tmp_path / "store", size, workers=1)
    expected = prepare(source, tmp_path / "expected", size, workers=1)
    assert store.fingerprint == expected.fingerprint
    assert "continuing" not in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.zip", "expected", "store"]


@pytest.mark.usefixtures("often")
def test_a_second_process_works_beside_the_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It can't share the draft, so it makes its own; whichever finishes first becomes the store."""
    source = write_zip(tmp_path / "a.zip", GOOD)
    inner = []

    def meanwhile(job: chunks_module.Job, item: int) -> chunks_module.Outcome:
        if item == 10 and not inner:
            inner.append(None)
            prepare(source, tmp_path / "store", 8, workers=1)
        return outcome(job, item)

    outcome = chunks_module._outcome
    with pytest.MonkeyPatch.context() as patch, pytest.raises(FaceganError, match="can't be written"):
        patch.setattr(chunks_module, "_outcome", meanwhile)
        prepare(source, tmp_path / "store", 8, workers=1)
    told = capsys.readouterr().err
    assert "faces are kept" not in told
    assert "note: nothing is kept if this is interrupted" in told  # by the second
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.zip", "store"]
    store = prepare(source, tmp_path / "store", 8, workers=1)
    np.testing.assert_array_equal(len(store), len(GOOD))
