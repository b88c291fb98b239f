"""The errors that the commands turn into one clear line and an exit code."""


class FaceganError(Exception):
    """Something failed while working; the message says what, and the way out."""

    exit_code = 1


class InputError(FaceganError):
    """Wrong use: a flag, a setting, a path or a file that can't be worked with.

    The message names the flag or setting, its value, and what to do instead.
    """

    exit_code = 2


class Rejected(Exception):
    """One file of many can't be used, and the work goes on; the message is the reason, in one line."""


def printable(text: str, most: int = 200) -> str:
    """A file's name as a message may hold it: one line of at most `most` characters, all visible.

    A name may hold line breaks, what a terminal takes as orders, and bytes that are not text.
    """
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text[:most])
    return shown if len(text) <= most else shown + "..."
