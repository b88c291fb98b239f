"""Which files are skipped by their names alone: hidden ones, those of file managers, and sidecars."""

from facegan_tf.common.errors import InputError, in_short

_OF_FILE_MANAGERS = {"__macosx", "thumbs.db", "desktop.ini"}
_SIDECARS = frozenset(
    [
        *(".txt", ".md", ".log", ".html", ".htm", ".pdf", ".ini"),
        *(".json", ".jsonl", ".csv", ".tsv", ".xml", ".yaml", ".yml"),
        *(".npy", ".npz", ".mat", ".pts", ".pkl", ".db"),
        *(".xmp", ".aae"),  # edits, by Adobe's programs and by iPhones
    ]
)
"""Endings of what data sets and cameras put beside photos: labels, landmarks, captions, edits."""


def is_hidden(name: str) -> bool:
    """Whether a part of this path is hidden or a file manager's; `.` and `..` are neither."""
    return any(
        (part.startswith(".") and part not in (".", "..")) or part.lower() in _OF_FILE_MANAGERS
        for part in name.split("/")
    )


def is_sidecar(name: str) -> bool:
    """Whether the name of a file ends as those of labels and other data beside photos do."""
    stem, dot, ending = name.rpartition("/")[2].rpartition(".")
    return bool(stem) and dot + ending.lower() in _SIDECARS


def no_photos(source: str, kind: str, sidecars: list[str]) -> InputError:
    """The error for a folder or a zip (`kind`) in which nothing but `sidecars` was found."""
    if not sidecars:
        return InputError("source", source, f"this {kind} holds no files (hidden ones are skipped)")
    endings = sorted({"." + name.rpartition(".")[2].lower() for name in sidecars})
    return InputError(
        "source",
        source,
        f"this {kind} holds no photos: it has {len(sidecars)} files, such as "
        f"{in_short(min(sidecars))}, and files that end in {', '.join(endings)} are skipped",
    )
