"""A server on this machine that speaks as much of the Hugging Face Hub's API as a download needs."""

import contextlib
import hashlib
import json
import re
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import unquote, urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class FakeHub(ThreadingHTTPServer):
    """Serves one data set, `people/faces`. Every list has one file a page, and every file is redirected."""

    daemon_threads = True

    def __init__(self, files: dict[str, bytes]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files = files
        self.break_once: set[str] = set()
        """Files whose first download ends after four fifths."""
        self.requests: list[tuple[str, str, str | None]] = []
        """(method, path, range) of each."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


@contextlib.contextmanager
def fake_hub(files: dict[str, bytes]) -> Iterator[FakeHub]:
    with FakeHub(files) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: FakeHub

    def log_message(self, *_: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        path = unquote(url.path)
        self.server.requests.append((self.command, path, self.headers.get("Range")))
        if path.startswith("/api/datasets/people/faces/tree/"):
            return self._page(int((re.search(r"page=(\d+)", url.query) or [0, 0])[1]))
        if match := re.fullmatch(r"/api/datasets/people/faces(?:/revision/(.+))?", path):
            if match[1] not in (None, "main", COMMIT):
                return self._answer(404, b"{}", {"X-Error-Code": "RevisionNotFound"})
            return self._answer(200, json.dumps({"id": "people/faces", "sha": COMMIT}).encode())
        if path.startswith("/api/datasets/people/private"):
            return self._answer(401, b"{}", {"X-Error-Message": "Invalid username or password."})
        if path.startswith("/api/datasets/people/gated"):
            return self._answer(403, b"{}", {"X-Error-Code": "GatedRepo"})
        prefix = f"/datasets/people/faces/resolve/{COMMIT}/"
        if path.startswith(prefix) and (name := path.removeprefix(prefix)) in self.server.files:
            content = self.server.files[name]
            etag = f'"{hashlib.sha1(content).hexdigest()}"'
            about = {"X-Repo-Commit": COMMIT, "ETag": etag, "X-Linked-Size": str(len(content))}
            other_host = f"http://localhost:{self.server.server_address[1]}"  # as the Hub does
            return self._answer(302, b"", about | {"Location": f"{other_host}/elsewhere/{name}"})
        if path.startswith("/elsewhere/"):
            return self._file(path.removeprefix("/elsewhere/"))
        return self._answer(404, b"{}", {"X-Error-Code": "RepoNotFound"})

    def _page(self, page: int) -> None:
        name = sorted(self.server.files)[page]
        entry = {"type": "file", "path": name, "size": len(self.server.files[name]), "oid": "0" * 40}
        more = page + 1 < len(self.server.files)
        here = f"{self.server.url}/api/datasets/people/faces/tree/{COMMIT}"
        link = {"Link": f'<{here}?recursive=true&page={page + 1}>; rel="next"'} if more else {}
        self._answer(200, json.dumps([entry]).encode(), link)

    def _file(self, name: str) -> None:
        content = self.server.files[name]
        start = int((re.match(r"bytes=(\d+)-", self.headers.get("Range") or "") or [0, 0])[1])
        part = content[start:]
        about = {"Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"} if start else {}
        if name in self.server.break_once and self.command == "GET":
            self.server.break_once.remove(name)
            self._answer(200, part[: len(part) * 4 // 5], {"Content-Length": str(len(part))})
            self.close_connection = True
            return
        self._answer(206 if start else 200, part, about)

    def _answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | (headers or {})).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
