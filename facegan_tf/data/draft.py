"""A store being prepared: what a killed process left behind is continued, not redone.

The files of a draft only grow. `save` appends what is new since the last time, and then writes `state.json`
with the length of each file; anything beyond these lengths is cut off when the draft is opened again.
"""

import json
from array import array
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from facegan_tf.common.files import sync, write_json
from facegan_tf.data.chunks import Chunk, Outcome
from facegan_tf.data.duplicates import SeenFaces
from facegan_tf.data.framing import FramedFace
from facegan_tf.data.preview import Preview
from facegan_tf.data.rejected import HEADER, NEAR_DUPLICATE, as_row
from facegan_tf.data.same_photos import ContentDigest
from facegan_tf.data.store import REJECTED, StoreWriter

STATE = "state.json"
CONTENTS = "contents.bin"
"""What `ContentDigest` hashes. A finished store keeps it only if it is a part, for `facegan join`."""
_ITEMS, _HASHES = "items.bin", "hashes.bin"
_GROWING = (REJECTED, CONTENTS, _ITEMS, _HASHES)


class Draft:
    """All that is known about the items of a source up to `done`."""

    def __init__(self, folder: Path, size: int, request: dict[str, Any], first: int) -> None:
        """Continue the draft in this folder, if it is for this request; otherwise begin at item `first`."""
        self.folder = folder
        self._request = request
        state = _saved_state(folder, request)
        if not state:
            (folder / STATE).unlink(missing_ok=True)  # first: without its files it must not be continued
        self._sizes: dict[str, int] = state.get("sizes", {})
        for path in folder.iterdir():
            if path.name in self._sizes:
                _cut(path, self._sizes[path.name])
            elif not (state and (path.name == STATE or path.name.startswith("faces-"))):
                path.unlink()
        self.done: int = state.get("done", first)
        self.busy = False
        """Whether `add` or `save` is running, or was interrupted: then the draft can't be saved any more."""
        self.rejected: int = state.get("rejected", 0)
        self.notes = Counter[str](state.get("notes", {}))
        self.faces = StoreWriter(folder, size, count=state.get("faces", 0))
        self.content = ContentDigest()
        self.content.add_hashed(self._saved(CONTENTS))
        self.items = array("Q", self._saved(_ITEMS))
        """The item of each face."""
        self.seen = SeenFaces(self._saved(_HASHES))
        self.preview = Preview(state.get("preview"))
        self._new = {name: bytearray() for name in _GROWING}
        if not state:
            self._new[REJECTED] += as_row(HEADER)

    def add(self, chunk: Chunk, names: Sequence[str], limit: int | None, most_bits: int | None) -> int:
        """Add the outcomes of the next items, until there are `limit` faces.

        most_bits: drop faces within this distance of an earlier one. Returns how many were dropped.
        """
        dropped, self.busy = 0, True
        for index, outcome in enumerate(chunk.outcomes, chunk.start):
            if limit is not None and self.faces.count >= limit:
                break
            faces, reason = outcome.faces, outcome.reason
            if most_bits is not None and faces:
                faces, reason = self._without_duplicates(outcome, names, most_bits)
                dropped += len(outcome.faces) - len(faces)
            if reason:
                self.rejected += 1
                self._new[REJECTED] += as_row((names[index], reason))
            self._add_faces(index, faces[: None if limit is None else limit - self.faces.count])
            self._new[CONTENTS] += self.content.add(names[index], outcome.content)
            self.preview.add(names[index], outcome._replace(faces=faces, reason=reason), self.faces.size)
            self.done = index + 1
        self.busy = False
        return dropped

    def _add_faces(self, index: int, faces: Sequence[FramedFace]) -> None:
        self.faces.append(b"".join(face.pixels for face in faces))
        self.notes.update(face.note for face in faces if face.note)
        self.items.extend([index] * len(faces))

    def _without_duplicates(
        self, outcome: Outcome, names: Sequence[str], most_bits: int
    ) -> tuple[list[FramedFace], str]:
        kept, reason = [], ""
        for face, hashed in zip(outcome.faces, outcome.hashes, strict=True):
            if (near := self.seen.nearest(hashed, most_bits)) is None:
                kept.append(face)
                self.seen.add(hashed)
                self._new[_HASHES] += hashed
            else:
                known = near.place < len(self.items)
                first = names[self.items[near.place]] if known else "another face in the same photo"
                reason = f"{NEAR_DUPLICATE} {first}: {near.bits} of 256 bits differ"
        return kept, reason

    def save(self) -> None:
        """Write everything so far, so that the work can continue from here if the process is killed."""
        self.busy = True
        self.faces.flush()
        saved = self._sizes.get(_ITEMS, 0) // self.items.itemsize
        self._new[_ITEMS] += self.items[saved:].tobytes()
        self._append_new()
        state = {
            "request": self._request,
            "done": self.done,
            "faces": self.faces.count,
            "rejected": self.rejected,
            "notes": dict(self.notes),
            "sizes": self._sizes,
            "preview": self.preview.state(),
        }
        write_json(self.folder / STATE, state)
        self.busy = False

    def _append_new(self) -> None:
        for name, new in self._new.items():
            with (self.folder / name).open("ab") as file:
                file.write(new)
                self._sizes[name] = file.tell()
            sync(self.folder / name)
            new.clear()

    def finish(self, keep_contents: bool, **about: Any) -> None:
        """Turn the draft into a store; `about` has the manifest's fields, as for `StoreWriter.finish`.

        What only drafts have is removed last: until then, an interruption leaves a draft to continue.
        """
        superfluous = (STATE, _ITEMS, _HASHES, *(() if keep_contents else (CONTENTS,)))
        for name in superfluous:
            self._new.pop(name, None)
        self._append_new()
        self.faces.finish(**about)
        for name in superfluous:
            (self.folder / name).unlink(missing_ok=True)

    def _saved(self, name: str) -> bytes:
        path = self.folder / name
        return path.read_bytes() if name in self._sizes else b""


def saved_faces(folder: Path) -> int:
    """How many faces the draft in this folder has saved; 0 if there is no draft that can be continued."""
    try:
        return json.loads((folder / STATE).read_bytes())["faces"]
    except (OSError, ValueError, KeyError, TypeError):
        return 0


def _saved_state(folder: Path, request: dict[str, Any]) -> dict[str, Any]:
    """What `save` wrote last, if it is for this request and all files are as long as it says; else {}."""
    try:
        state = json.loads((folder / STATE).read_bytes())
        if state["request"] != json.loads(json.dumps(request)):
            return {}
        complete = all((folder / name).stat().st_size >= size for name, size in state["sizes"].items())
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return state if complete else {}


def _cut(path: Path, size: int) -> None:
    with path.open("r+b") as file:
        file.truncate(size)
