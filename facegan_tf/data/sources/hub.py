"""A data set on the Hugging Face Hub: `hf:OWNER/NAME[@REVISION][:SPLIT]`.

Its files are downloaded into the Hub's own cache (HF_HOME) by the package huggingface-hub, which resumes
interrupted downloads and obeys HF_ENDPOINT, HF_TOKEN and HF_HUB_OFFLINE. They are then read there like
local files.
"""

import glob
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from facegan_tf.common.errors import InputError, in_short
from facegan_tf.common.status import print_status
from facegan_tf.data.decode import one_line
from facegan_tf.data.framing import FramedFace, Framing
from facegan_tf.data.sources.base import Source
from facegan_tf.data.sources.find_shards import kind_of_name, open_files
from facegan_tf.data.sources.folder import FolderSource
from facegan_tf.data.sources.several import join_sources
from facegan_tf.data.sources.shards import SHARD_KINDS
from facegan_tf.data.sources.zipped import ZipSource

SCHEME = "hf"
FORM = f"{SCHEME}:OWNER/NAME[@REVISION][:SPLIT]"
_WRITTEN = re.compile(SCHEME + r":(?P<name>[^/@:]+/[^/@:]+)(@(?P<revision>[^:]+))?(:(?P<split>.+))?")
_CARD = "README.md"
_PHOTOS = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")
CAUTION = "as declared on the Hub; the declared licences of face photos are often wrong"


class Written(NamedTuple):
    """What a user wrote."""

    name: str
    revision: str | None
    split: str | None


class HubSource:
    """The photos of a data set at one revision."""

    can_crop = True

    def __init__(self, photos: Source, identity: dict[str, Any]) -> None:
        """photos: the source that reads the downloaded files."""
        self._photos, self.identity = photos, identity

    @property
    def names(self) -> Sequence[str]:
        """One name for each photo; it includes the name of its file."""
        return self._photos.names

    def keys(self) -> Sequence[str]:
        """The names by which tables of attributes know the photos."""
        return self._photos.keys()

    def attributes(self) -> dict[str, Any] | None:
        """The other columns of parquet files."""
        return self._photos.attributes()

    def faces(self, index: int, framing: Framing) -> list[FramedFace]:
        """The faces in photo `names[index]`. Raises Rejected if it can't be used."""
        return self._photos.faces(index, framing)

    def content(self, index: int) -> bytes:
        """A short digest of photo `names[index]`."""
        return self._photos.content(index)

    def contains(self, path: Path) -> bool:
        """Whether a file written to `path` would become part of the downloaded files."""
        return self._photos.contains(path)


def open_hub(source: str, column: str | None = None) -> HubSource:
    """Download what is needed from a data set, unless it is already there, and open it.

    Raises InputError if it can't be reached or has no photos.
    """
    match = _WRITTEN.fullmatch(source)
    if not match:
        raise InputError("source", source, f"must be {FORM}")
    written = Written(match["name"], match["revision"], match["split"])
    try:
        import huggingface_hub as hub  # an optional package
        import huggingface_hub.constants
        import huggingface_hub.errors
    except ImportError:
        problem = "data sets on the Hub need the extra `hub`: pip install 'facegan_tf[hub]'"
        raise InputError("source", source, problem) from None
    try:
        folder, files = _downloaded(hub, source, written)
        licence = _licence(hub, folder)
    except InputError:
        raise
    except Exception as error:  # of a dozen types, some of which belong to the HTTP library
        raise InputError("source", source, _problem(hub, written, error)) from None
    print_status(f"{source}: licence {licence} ({CAUTION})")
    identity = {
        "kind": SCHEME,
        "repository": written.name,
        "revision": folder.name,
        "files": files,
        "licence": f"{licence} ({CAUTION})",
    }
    if column is not None:
        identity["column"] = column
    return HubSource(_opened(source, folder, files, column), identity)


def _downloaded(hub: Any, source: str, written: Written) -> tuple[Path, list[str]]:
    """The folder of a revision in the Hub's cache, named after its commit, and its files with photos."""
    data_set = {"repo_id": written.name, "repo_type": "dataset", "revision": written.revision}
    if hub.constants.HF_HUB_OFFLINE:
        tree = hub.get_cached_repo_tree(**data_set)
    else:
        tree = hub.HfApi().list_repo_tree(**data_set, recursive=True)
    files = _with_photos(
        source, sorted(entry.path for entry in tree if isinstance(entry, hub.RepoFile)), written.split
    )
    wanted = [glob.escape(name) for name in (_CARD, *files)]
    return Path(hub.snapshot_download(**data_set, allow_patterns=wanted)), files


def _with_photos(source: str, names: Sequence[str], split: str | None) -> list[str]:
    """The files to use: those of the first kind that the data set has. Raises InputError if it has none."""
    if split is not None:
        of_split = re.compile(rf"(?:.*[/_.-])?{re.escape(split)}(?:[/_.-].*)?")
        if not any(map(of_split.fullmatch, names)):
            problem = f"has no files for the split {in_short(split)}; it has {_listed(names)}"
            raise InputError("source", source, problem)
        names = list(filter(of_split.fullmatch, names))
    kinds = [kind_of_name(name) for name in names]
    for wanted in SHARD_KINDS:
        if found := [name for name, kind in zip(names, kinds, strict=True) if kind is wanted]:
            return found
    for endings in ((".zip",), _PHOTOS):
        if found := [name for name in names if name.lower().endswith(endings)]:
            return found
    problem = (
        f"has no files of photos that can be read; it has {_listed(names)}. The Hub turns many data sets "
        "into parquet files: try @refs/convert/parquet after the name"
    )
    raise InputError("source", source, problem)


def _listed(names: Sequence[str]) -> str:
    return in_short(", ".join(names), 300) or "none"


def _opened(source: str, folder: Path, files: list[str], column: str | None) -> Source:
    paths = [folder / name for name in files]
    if kind := kind_of_name(files[0]):
        return open_files(source, kind, folder, paths, column)
    if column is not None:
        raise InputError("column", column, f"{source} has no columns; leave `column` out")
    if files[0].lower().endswith(".zip"):
        return join_sources([(path.name, ZipSource(os.fspath(path))) for path in paths])
    return FolderSource(folder, tuple(files), {})


def _licence(hub: Any, folder: Path) -> str:
    """The licence that the data set's card declares."""
    card = folder / _CARD
    declared = hub.DatasetCard.load(card).data.get("license") if card.is_file() else None
    return in_short(str(declared), 100) if declared else "not declared"


def _problem(hub: Any, written: Written, error: Exception) -> str:
    """What went wrong, and what to do about it."""
    errors = hub.errors
    log_in = "log in (hf auth login), or set HF_TOKEN"
    if isinstance(error, errors.GatedRepoError):
        return f"is only open to those who accepted its terms: do so on its page on the Hub, and {log_in}"
    if isinstance(error, errors.RevisionNotFoundError):
        return f"has no revision {written.revision}"
    status = getattr(getattr(error, "response", None), "status_code", None)
    if isinstance(error, errors.RepositoryNotFoundError) or status in (401, 403):
        return f"does not exist on the Hub, or is private: check its name; if it is private, {log_in}"
    if hub.constants.HF_HUB_OFFLINE:
        return "is not complete in the Hub's cache, and HF_HUB_OFFLINE is set, so it can't be downloaded"
    reason = one_line(error.__cause__ or error)
    return f"can't be downloaded: {reason}; the same command continues an interrupted download"
