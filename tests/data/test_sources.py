import os
import pickle
import sys
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facegan_tf.common.errors import Rejected
from facegan_tf.data.sources import base, has_scheme, open_source
from facegan_tf.data.sources.kinds import KINDS, Kind
from tests.helpers.photos import write_zip
from tests.helpers.refusals import refusal


def write_folder(root: Path, names: list[str]) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    return root


NAMES = ["b.jpg", "a/z.png", "a/b/c", "B.JPG", "a.tif", "a-1/x.jpg"]
HIDDEN = [
    ".hidden.jpg",
    ".git/a.jpg",
    "a/.DS_Store",
    "__MACOSX/a/._z.png",
    "__MACOSX/z.png",
    "a/Thumbs.db",
    "Desktop.ini",
]
SORTED = ("B.JPG", "a-1/x.jpg", "a.tif", "a/b/c", "a/z.png", "b.jpg")


def test_a_folder_is_listed_in_order_of_the_whole_name(tmp_path: Path) -> None:
    source = open_source(str(write_folder(tmp_path, NAMES + HIDDEN)))
    assert source.names == SORTED
    assert [source.read(k) for k in range(6)] == [name.encode() for name in SORTED]


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA])
def test_a_zip_is_read_like_the_folder_it_was_made_of(tmp_path: Path, compression: int) -> None:
    path = tmp_path / "photos.zip"
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.mkdir("a") if hasattr(archive, "mkdir") else archive.writestr("a/", b"")
        for name in NAMES + HIDDEN:
            archive.writestr(name, name)
    source = open_source(str(path))
    assert source.names == SORTED
    assert [source.read(k) for k in range(6)] == [name.encode() for name in SORTED]


def test_odd_names_in_a_zip_are_only_names(tmp_path: Path) -> None:
    path = write_zip(
        tmp_path / "odd.zip",
        {
            "../up.jpg": b"1",
            "/etc/absolute.jpg": b"2",
            "./here.jpg": b"3",
            "a//b.jpg": b"4",
        },
    )
    before = sorted(tmp_path.rglob("*"))
    source = open_source(str(path))
    assert source.names == ("../up.jpg", "./here.jpg", "/etc/absolute.jpg", "a//b.jpg")
    assert [source.read(k) for k in range(4)] == [b"1", b"3", b"2", b"4"]
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_members_of_the_same_name_are_each_read(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "twice.zip", "w") as archive:
        archive.writestr("a.jpg", b"first")
        archive.writestr("a.jpg", b"second")
    source = open_source(str(tmp_path / "twice.zip"))
    assert [source.read(k) for k in range(2)] == [b"first", b"second"]


@pytest.mark.parametrize("kind", ["folder", "zip", "synthetic"])
def test_a_source_can_be_sent_to_another_process(tmp_path: Path, kind: str) -> None:
    spec = {
        "folder": lambda: str(write_folder(tmp_path, NAMES)),
        "zip": lambda: str(write_zip(tmp_path / "a.zip", {name: name.encode() for name in NAMES})),
        "synthetic": lambda: "synthetic:3",
    }[kind]()
    source = open_source(spec)
    names = source.names
    if kind == "zip":
        source.read(0)  # opens the file, which can't be pickled
    copy = pickle.loads(pickle.dumps(source))
    assert list(copy.names) == list(names)
    assert copy.identity == source.identity
    if kind != "synthetic":
        assert copy.read(3) == source.read(3)


def test_links_are_followed_and_no_folder_is_entered_twice(tmp_path: Path) -> None:
    root = write_folder(tmp_path / "photos", ["real/a.jpg", "b.jpg"])
    elsewhere = write_folder(tmp_path / "elsewhere", ["c.jpg"])
    (root / "loop").symlink_to(root)
    (root / "real" / "up").symlink_to("..")
    (root / "again").symlink_to(root / "real")
    (root / "outside").symlink_to(elsewhere)
    (root / "link.jpg").symlink_to(root / "b.jpg")
    (root / "self").symlink_to("self")
    (root / "dangling.jpg").symlink_to(root / "gone.jpg")
    source = open_source(str(root))
    assert source.names == ("again/a.jpg", "b.jpg", "dangling.jpg", "link.jpg", "outside/c.jpg", "self")
    for name, why in {"dangling.jpg": "No such file", "self": "symbolic links"}.items():
        with pytest.raises(Rejected, match=f"can't be read: .*{why}"):
            source.read(source.names.index(name))


def test_pipes_and_devices_are_rejected_and_never_opened(tmp_path: Path) -> None:
    """Opening a pipe would wait forever, and /dev/zero has no end."""
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "zero.jpg").symlink_to("/dev/zero")
    source = open_source(str(write_folder(tmp_path, ["a.jpg"])))
    assert source.names == ("a.jpg", "pipe.jpg", "zero.jpg")
    for index in (1, 2):
        with pytest.raises(Rejected, match="can't be read: not a regular file"):
            source.read(index)


def test_a_subfolder_that_cannot_be_listed_is_rejected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Root may list everything, so the refusal is simulated."""
    listing = os.scandir

    def refuse(path: Path) -> object:
        if Path(path).name == "lost+found":
            raise PermissionError(13, "Permission denied", str(path))
        return listing(path)

    root = write_folder(tmp_path, ["a.jpg", "lost+found/b.jpg", "z/c.jpg"])
    monkeypatch.setattr(os, "scandir", refuse)
    source = open_source(str(root))
    assert source.names == ("a.jpg", "lost+found/", "z/c.jpg")
    with pytest.raises(Rejected, match="the folder can't be listed"):
        source.read(1)
    with refusal("source", "can't be listed", "Permission denied", value=root / "lost+found"):
        open_source(str(root / "lost+found"))


def test_folders_may_be_nested_more_deeply_than_calls(tmp_path: Path) -> None:
    name = "d/" * 300 + "deep.jpg"
    write_folder(tmp_path, [name])
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(250)
    try:
        source = open_source(str(tmp_path))
        assert source.names == (name,)
        assert source.read(0) == name.encode()
    finally:
        sys.setrecursionlimit(limit)


def test_a_name_that_is_not_text_is_read(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"caf\xe9.jpg")).write_bytes(b"x")
    source = open_source(str(tmp_path))
    assert source.read(0) == b"x"
    assert len(source.identity["listing"]) == 64


@pytest.mark.parametrize("kind", ["folder", "zip"])
def test_a_file_that_is_too_large_is_rejected_unread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(base, "FILE_LIMIT", 2**20)
    if kind == "folder":
        (tmp_path / "fits.jpg").write_bytes(bytes(2**20))
        (tmp_path / "huge.jpg").write_bytes(bytes(2**20 + 1))
        source = open_source(str(tmp_path))
    else:
        members = {"fits.jpg": bytes(2**20), "huge.jpg": bytes(2**20 + 1)}
        source = open_source(str(write_zip(tmp_path / "a.zip", members)))
    assert len(source.read(0)) == 2**20
    with pytest.raises(Rejected, match="larger than 1 MiB"):
        source.read(1)


def test_damaged_and_encrypted_members_are_rejected(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", dict.fromkeys(("bad", "fine", "locked", "odd"), b"x" * 50))
    content = bytearray(path.read_bytes())
    content[content.index(b"x" * 50) + 3] ^= 1  # no longer what its checksum says
    listed = content.rindex(b"PK\1\2", 0, content.rindex(b"locked"))
    stored = content.index(b"PK\3\4", content.index(b"fine") + 4)
    content[listed + 8] |= 1
    content[stored + 6] |= 1  # the flag of an encrypted member
    listed = content.rindex(b"PK\1\2")
    content[listed + 10] = 99  # an unknown method of compression
    path.write_bytes(content)
    source = open_source(str(path))
    assert source.read(1) == b"x" * 50
    for index, why in {0: "Bad CRC-32", 2: "encrypted", 3: "NotImplementedError"}.items():
        with pytest.raises(Rejected, match=f"can't be read from the zip: .*{why}"):
            source.read(index)


def test_the_identity_of_a_folder_changes_with_its_files(tmp_path: Path) -> None:
    root = write_folder(tmp_path, ["a.jpg", "b.jpg"])
    first = open_source(str(root)).identity
    assert first["kind"] == "folder"
    assert first["path"] == str(tmp_path.resolve())
    assert first["files"] == 2
    assert open_source(f"{root}/../{root.name}").identity == first
    status = (root / "a.jpg").stat()
    os.utime(root / "a.jpg", ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    touched = open_source(str(root)).identity
    assert {key for key in first if touched[key] != first[key]} == {"times"}
    os.utime(root / "a.jpg", ns=(status.st_atime_ns, status.st_mtime_ns))
    assert open_source(str(root)).identity == first
    (root / "a.jpg").rename(root / "aa.jpg")  # in the same place
    assert open_source(str(root)).identity["listing"] != first["listing"]


def test_the_identity_of_a_zip_changes_when_it_is_written_again(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", {"a.jpg": b"1"})
    first = open_source(str(path)).identity
    status = path.stat()
    assert first == {
        "kind": "zip",
        "path": str(path.resolve()),
        "bytes": status.st_size,
        "times": status.st_mtime_ns,
    }
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    assert open_source(str(path)).identity != first


def test_the_names_of_very_many_drawn_faces_take_no_memory() -> None:
    tracemalloc.start()
    assert open_source("synthetic:1000000").names[-1] == "face-0999999"
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10**6


def test_the_number_of_drawn_faces_can_be_given() -> None:
    assert len(open_source("synthetic").names) == 5000
    source = open_source("synthetic:12")
    assert len(source.names) == 12
    assert list(source.names) == sorted(source.names)
    assert (source.names[0], source.names[11]) == ("face-0000000", "face-0000011")
    assert source.identity.keys() == {"kind", "count", "seed", "drawing_version"}
    assert open_source("synthetic:13").identity != source.identity


@pytest.mark.parametrize(
    "spec", ["synthetic:", "synthetic:0", "synthetic:-1", "synthetic:1e3", "synthetic:10000001"]
)
def test_a_wrong_number_of_drawn_faces_is_refused(spec: str) -> None:
    with refusal("source", "1 to 10000000", value=spec):
        open_source(spec)


def test_a_source_that_cannot_be_used_is_refused(tmp_path: Path) -> None:
    with refusal(
        "source", "does not exist; give synthetic[:N], ", "a folder or a zip", value=tmp_path / "gone"
    ):
        open_source(str(tmp_path / "gone"))
    (tmp_path / "empty" / "deeper").mkdir(parents=True)
    (tmp_path / "empty" / ".hidden.jpg").touch()
    with refusal("source", "no files", value=tmp_path / "empty"):
        open_source(str(tmp_path / "empty"))
    (tmp_path / "photo.jpg").write_bytes(b"not a zip")
    with refusal("source", "is a file", value=tmp_path / "photo.jpg"):
        open_source(str(tmp_path / "photo.jpg"))
    with refusal("source", "no files"):
        _ = open_source(str(write_zip(tmp_path / "nothing.zip", {"a/": b"", ".b.jpg": b"1"}))).names
    os.mkfifo(tmp_path / "pipe")
    with refusal("source", "neither a file nor a folder"):
        open_source(str(tmp_path / "pipe"))
    with refusal("source", "does not exist", value="~nobody-of-this-name/photos"):
        open_source("~nobody-of-this-name/photos")


SIDECARS = [
    "labels.txt",
    "a/1.JSON",
    "list.csv",
    "a/1.xml",
    "landmarks.npy",
    "IMG_1.AAE",
    "1.jpg.xmp",
    "a.db",
]


@pytest.mark.parametrize("kind", ["folder", "zip"])
def test_sidecars_beside_photos_are_skipped(tmp_path: Path, kind: str) -> None:
    def source(name: str, names: list[str]) -> str:
        if kind == "folder":
            return str(write_folder(tmp_path / name, names))
        return str(write_zip(tmp_path / f"{name}.zip", dict.fromkeys(names, b"x")))

    # Neither a folder's name nor a name without a stem makes a photo a sidecar.
    photos = ["1.jpg", "a.txt/2.jpg", "txt", "3.txt.png"]
    assert open_source(source("photos", photos + SIDECARS)).names == tuple(sorted(photos))
    with refusal("source", "no photos", f"{len(SIDECARS)} files", ".txt", ".xmp", "are skipped"):
        _ = open_source(source("labels", SIDECARS)).names


def test_backslashes_in_a_zip_made_on_windows_separate_folders(tmp_path: Path) -> None:
    members = {
        "photos\\": b"",
        "photos\\2.jpg": b"2",
        "photos\\more\\1.jpg": b"1",
        "photos\\Thumbs.db": b"x",
        "photos\\desktop.ini": b"x",
        "__MACOSX\\._1.jpg": b"x",
        "photos\\.hidden\\1.jpg": b"x",
        "photos\\labels.txt": b"x",
    }
    source = open_source(str(write_zip(tmp_path / "a.zip", members)))
    assert source.names == ("photos/2.jpg", "photos/more/1.jpg")
    assert [source.read(index) for index in range(2)] == [b"2", b"1"]


@pytest.mark.parametrize("kind", ["folder", "zip"])
def test_content_changes_with_a_photo_and_not_with_its_time(tmp_path: Path, kind: str) -> None:
    def open_with(content: bytes) -> Any:
        if kind == "zip":
            return open_source(str(write_zip(tmp_path / "a.zip", {"1.jpg": content})))
        (tmp_path / "a").mkdir(exist_ok=True)
        (tmp_path / "a" / "1.jpg").write_bytes(content)
        return open_source(str(tmp_path / "a"))

    first = open_with(b"abc").content(0)
    assert open_with(b"abd").content(0) != first
    assert open_with(b"abc").content(0) == first


def test_the_content_of_an_unreadable_file_is_its_reason(tmp_path: Path) -> None:
    (tmp_path / "gone.jpg").symlink_to("nowhere")
    before = open_source(str(tmp_path)).content(0)
    (tmp_path / "gone.jpg").unlink()
    (tmp_path / "gone.jpg").write_bytes(b"here")
    assert open_source(str(tmp_path)).content(0) != before


def test_a_new_kind_of_source_needs_one_entry(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    class Listed(base.PhotoSource):
        names = ("one", "two")
        identity: ClassVar = {"kind": "listed"}

        def read(self, index: int) -> bytes:
            return self.names[index].encode()

    listed = Kind("listed:NAME", lambda source: Listed(), scheme="listed")
    monkeypatch.setattr("facegan_tf.data.sources.kinds.KINDS", (listed, *KINDS))
    source = open_source("listed:photos")
    assert (source.names, source.read(1), source.can_crop) == (("one", "two"), b"two", True)
    assert has_scheme("listed:photos") and not has_scheme("./listed")
    with refusal("source", "give listed:NAME, synthetic[:N], ", "a folder or a zip"):
        open_source(str(tmp_path / "gone"))


def test_a_source_is_only_opened_by_the_kinds_that_claim_it(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(write_folder(tmp_path, ["synthetic/a.jpg", "synthetic:3/b.jpg"]))
    assert len(open_source("synthetic:3").names) == 3
    assert open_source("./synthetic").names == ("a.jpg",)
    assert open_source("./synthetic:3").names == ("b.jpg",)


def test_a_truncated_zip_is_refused(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", {"a.jpg": bytes(1000), "b.jpg": bytes(1000)})
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with refusal("source", "damaged", value=path):
        open_source(str(path))
    path.write_bytes(content[:-22].replace(b"PK\1\2", b"PK\1\7") + content[-22:])
    with refusal("source", "can't be read as a zip", value=path):
        _ = open_source(str(path)).names


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1), max_size=6))
def test_any_name_in_a_zip_can_be_listed(tmp_path_factory: pytest.TempPathFactory, names: list[str]) -> None:
    path = write_zip(tmp_path_factory.mktemp("zip") / "a.zip", dict.fromkeys(["z.jpg", *names], b"x"))
    source = open_source(str(path))
    assert "z.jpg" in source.names
    assert set(source.names) <= {"z.jpg", *(name.replace("\\", "/") for name in names)}
    assert list(source.names) == sorted(source.names)
    assert all(source.read(index) == b"x" for index in range(len(source.names)))
