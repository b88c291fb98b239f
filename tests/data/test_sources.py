import os
import pickle
import sys
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facegan_tf.common.errors import InputError, Rejected
from facegan_tf.data import sources
from facegan_tf.data.sources import open_source
from tests.helpers.photos import write_zip


def write_folder(root: Path, names: list[str]) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    return root


NAMES = ["b.jpg", "a/z.png", "a/b/c", "B.JPG", "a.txt", "a-1/x.jpg"]
PASSED_OVER = [
    ".hidden.jpg",
    ".git/a.jpg",
    "a/.DS_Store",
    "__MACOSX/a/._z.png",
    "__MACOSX/z.png",
    "a/Thumbs.db",
    "Desktop.ini",
]
SORTED = ("B.JPG", "a-1/x.jpg", "a.txt", "a/b/c", "a/z.png", "b.jpg")


def test_a_folder_is_searched_through_in_order_of_the_whole_name(tmp_path: Path) -> None:
    source = open_source(str(write_folder(tmp_path, NAMES + PASSED_OVER)))
    assert source.names == SORTED
    assert [source.read(k) for k in range(6)] == [name.encode() for name in SORTED]


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA])
def test_a_zip_is_read_like_the_folder_it_was_made_of(tmp_path: Path, compression: int) -> None:
    path = tmp_path / "photos.zip"
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.mkdir("a") if hasattr(archive, "mkdir") else archive.writestr("a/", b"")
        for name in NAMES + PASSED_OVER:
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
def test_a_source_travels_to_another_process(tmp_path: Path, kind: str) -> None:
    spec = {
        "folder": lambda: str(write_folder(tmp_path, NAMES)),
        "zip": lambda: str(write_zip(tmp_path / "a.zip", {name: name.encode() for name in NAMES})),
        "synthetic": lambda: "synthetic:3",
    }[kind]()
    source = open_source(spec)
    names = source.names
    if kind == "zip":
        source.read(0)  # the open file stays behind
    copy = pickle.loads(pickle.dumps(source))
    assert copy.names == names
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


def test_what_is_no_file_is_named_and_never_opened(tmp_path: Path) -> None:
    """Opening a pipe would wait for ever, and /dev/zero has no end."""
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "zero.jpg").symlink_to("/dev/zero")
    source = open_source(str(write_folder(tmp_path, ["a.jpg"])))
    assert source.names == ("a.jpg", "pipe.jpg", "zero.jpg")
    for index in (1, 2):
        with pytest.raises(Rejected, match="can't be read: not a regular file"):
            source.read(index)


def test_a_folder_within_that_cannot_be_listed_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Root may list everything, so the refusal is played."""
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
    with pytest.raises(InputError, match=r"lost\+found can't be listed: Permission denied"):
        open_source(str(root / "lost+found"))


def test_folders_may_lie_in_each_other_more_deeply_than_calls_may(tmp_path: Path) -> None:
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
    assert len(source.identity["digest"]) == 64


@pytest.mark.parametrize("kind", ["folder", "zip"])
def test_a_file_too_large_is_rejected_unread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(sources, "FILE_LIMIT", 2**20)
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


def test_damaged_and_encrypted_members_are_rejected_by_name(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", dict.fromkeys(("bad", "fine", "locked", "odd"), b"x" * 50))
    content = bytearray(path.read_bytes())
    content[content.index(b"x" * 50) + 3] ^= 1  # no longer what its checksum says
    listed = content.rindex(b"PK\1\2", 0, content.rindex(b"locked"))
    stored = content.index(b"PK\3\4", content.index(b"fine") + 4)
    content[listed + 8] |= 1
    content[stored + 6] |= 1  # the flag of an encrypted member
    listed = content.rindex(b"PK\1\2")
    content[listed + 10] = 99  # a method of compression that nobody has
    path.write_bytes(content)
    source = open_source(str(path))
    assert source.read(1) == b"x" * 50
    for index, why in {0: "Bad CRC-32", 2: "encrypted", 3: "NotImplementedError"}.items():
        with pytest.raises(Rejected, match=f"can't be read from the zip: .*{why}"):
            source.read(index)


def test_a_folder_is_the_same_until_a_file_in_it_changes(tmp_path: Path) -> None:
    root = write_folder(tmp_path, ["a.jpg", "b.jpg"])
    first = open_source(str(root)).identity
    assert first["kind"] == "folder"
    assert first["path"] == str(tmp_path.resolve())
    assert first["files"] == 2
    assert open_source(f"{root}/../{root.name}").identity == first
    status = (root / "a.jpg").stat()
    os.utime(root / "a.jpg", ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    assert open_source(str(root)).identity["digest"] != first["digest"]
    os.utime(root / "a.jpg", ns=(status.st_atime_ns, status.st_mtime_ns))
    assert open_source(str(root)).identity == first
    (root / "a.jpg").rename(root / "aa.jpg")  # in the same place
    assert open_source(str(root)).identity["digest"] != first["digest"]


def test_a_zip_is_the_same_until_it_is_written_again(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", {"a.jpg": b"1"})
    first = open_source(str(path)).identity
    status = path.stat()
    assert first == {
        "kind": "zip",
        "path": str(path.resolve()),
        "bytes": status.st_size,
        "mtime_ns": status.st_mtime_ns,
    }
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    assert open_source(str(path)).identity != first


def test_the_number_of_drawn_faces() -> None:
    assert len(open_source("synthetic").names) == 5000
    source = open_source("synthetic:12")
    assert len(source.names) == 12
    assert list(source.names) == sorted(source.names)
    assert source.identity.keys() == {"kind", "count", "seed", "drawing_version"}
    assert open_source("synthetic:13").identity != source.identity


@pytest.mark.parametrize(
    "spec", ["synthetic:", "synthetic:0", "synthetic:-1", "synthetic:1e3", "synthetic:10000001"]
)
def test_a_number_of_drawn_faces_that_is_none(spec: str) -> None:
    with pytest.raises(InputError, match=f"source {spec}: the number of faces must be 1 to 10000000"):
        open_source(spec)


def test_sources_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gone does not exist; give a folder, a zip, or synthetic\[:N\]"):
        open_source(str(tmp_path / "gone"))
    (tmp_path / "empty" / "deeper").mkdir(parents=True)
    (tmp_path / "empty" / ".hidden.jpg").touch()
    with pytest.raises(InputError, match="empty holds no files"):
        open_source(str(tmp_path / "empty"))
    (tmp_path / "photo.jpg").write_bytes(b"not a zip")
    with pytest.raises(InputError, match=r"photo\.jpg is a file, but not a zip"):
        open_source(str(tmp_path / "photo.jpg"))
    with pytest.raises(InputError, match=r"nothing\.zip holds no files"):
        _ = open_source(str(write_zip(tmp_path / "nothing.zip", {"a/": b"", ".b.jpg": b"1"}))).names
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="pipe is neither a file nor a folder"):
        open_source(str(tmp_path / "pipe"))


def test_a_zip_cut_short_is_refused(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", {"a.jpg": bytes(1000), "b.jpg": bytes(1000)})
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match=r"a\.zip is a file, but not a zip \(or a damaged one\)"):
        open_source(str(path))
    path.write_bytes(content[:-22].replace(b"PK\1\2", b"PK\1\7") + content[-22:])
    with pytest.raises(InputError, match=r"a\.zip can't be read as a zip"):
        _ = open_source(str(path)).names


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0\\"), min_size=1), max_size=6))
def test_no_name_in_a_zip_upsets_the_listing(
    tmp_path_factory: pytest.TempPathFactory, names: list[str]
) -> None:
    path = write_zip(tmp_path_factory.mktemp("zip") / "a.zip", dict.fromkeys(["z.jpg", *names], b"x"))
    source = open_source(str(path))
    assert "z.jpg" in source.names
    assert set(source.names) <= {"z.jpg", *names}
    assert list(source.names) == sorted(source.names)
    assert all(source.read(index) == b"x" for index in range(len(source.names)))
