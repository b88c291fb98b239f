"""Attack a server as hostile clients would, and check that it keeps serving.

    python tools/attack_server.py outputs/quickstart

Huge bodies, slow senders, a thousand idle connections, clients that don't read, more requests than the queue
can hold, random bytes, and paths that lead out of the page's folder. Every status must be below 500, or an
intended 503; no response may show a traceback; and a face must be drawn after each attack. Prints what was
seen, and the peak memory. Exits with 1 if any of this fails.
"""

import argparse
import contextlib
import random
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

Address = tuple[str, int]
HEAD = b"POST /v1/models/faces:predict HTTP/1.1\r\nHost: x\r\n"
GIGABYTE = 10**9


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", type=Path, help="a run directory or an exported SavedModel")
    options = parser.parse_args()
    attacks = (
        declared_gigabyte,
        chunked_gigabyte,
        long_text,
        slow_heads,
        slow_bodies,
        idle,
        deaf,
        flood,
        noise,
        traversal,
    )
    failures = 0
    with serving(options.model) as (address, process):
        for attack in attacks:
            seen = attack(address)
            bad = {status for status in seen if status >= 500 and status != 503}
            drawn = status_of(address, "/faces/1.png")
            verdict = "ok" if not bad and drawn == 200 and process.poll() is None else "FAILED"
            failures += verdict != "ok"
            print(f"{attack.__doc__:58} {dict(seen)}; a face after it: {drawn}; {verdict}", flush=True)
        peak = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{process.pid}/status").read_text())
        print(f"largest memory: {int(peak[1]) / 1024:.0f} MiB")
    sys.exit(1 if failures else 0)


@contextlib.contextmanager
def serving(model: Path) -> Iterator[tuple[Address, subprocess.Popen]]:
    command = [sys.executable, "-m", "facegan_tf", "serve", str(model), "--port", "0"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        host, port = server.stdout.readline().strip().removeprefix("http://").split(":")
        yield (host, int(port)), server
    finally:
        server.terminate()
        server.wait()


def status_of(address: Address, path: str, data: bytes | None = None) -> int:
    """The status of a response, 0 if there was none. Fails if the response shows a traceback."""
    request = urllib.request.Request(f"http://{address[0]}:{address[1]}{path}", data)
    try:
        with urllib.request.urlopen(request, timeout=90) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        assert b"Traceback" not in error.read()
        return error.code
    except OSError:
        return 0


def answered(connection: socket.socket) -> int:
    """The status on a connection, 0 if it was closed without one."""
    with contextlib.suppress(OSError):
        connection.settimeout(40)
        content = connection.recv(4096)
        assert b"Traceback" not in content
        return int(content.split()[1]) if content else 0
    return 0


def declared_gigabyte(address: Address) -> Counter:
    """a body of 1 GB, with its length declared"""
    return _send(address, HEAD + b"Content-Length: %d\r\n\r\n" % GIGABYTE, lambda: b"x" * 2**16)


def chunked_gigabyte(address: Address) -> Counter:
    """a body of 1 GB in chunks"""
    return _send(
        address, HEAD + b"Transfer-Encoding: chunked\r\n\r\n", lambda: b"10000\r\n" + b"x" * 2**16 + b"\r\n"
    )


def _send(address: Address, head: bytes, part: Callable[[], bytes]) -> Counter:
    with socket.create_connection(address) as connection:
        connection.sendall(head)
        with contextlib.suppress(OSError):
            for _ in range(GIGABYTE // 2**16):
                connection.sendall(part())
        return Counter([answered(connection)])


def long_text(address: Address) -> Counter:
    """a text of 100 KB among 20,000 short ones, in place of numbers"""
    texts = b'["%s"%s]' % (b"x" * 100_000, b',"x"' * 20_000)
    body = b'{"signature_name": "sample", "inputs": {"seeds": [1], "truncation": %s}}' % texts
    answers = [status_of(address, "/v1/models/faces:predict", body)]
    answers.append(status_of(address, "/v1/models/faces:predict", b'{"instances": %s}' % texts))
    return Counter(answers)


def slow_heads(address: Address) -> Counter:
    """300 clients that send a header's byte a second, for 20 s"""
    return _slowly(address, HEAD + b"X-Slow: ", 300)


def slow_bodies(address: Address) -> Counter:
    """300 clients that send a body's byte a second, for 25 s"""
    return _slowly(address, HEAD + b"Content-Length: 1000\r\n\r\n", 300, 25)


def _slowly(address: Address, head: bytes, clients: int, seconds: int = 20) -> Counter:
    connections = [socket.create_connection(address) for _ in range(clients)]
    for connection in connections:
        connection.sendall(head)
    for _ in range(seconds):
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.sendall(b"1")
        time.sleep(1)
    return Counter(map(answered, connections))


def idle(address: Address) -> Counter:
    """1,000 connections that send nothing"""
    connections = [socket.create_connection(address) for _ in range(1000)]
    statuses = Counter([status_of(address, "/faces/2.png")])
    for connection in connections:
        connection.close()
    return statuses


def deaf(address: Address) -> Counter:
    """50 clients that ask for large answers and never read"""
    body = b'{"signature_name": "sample", "inputs": {"seeds": [%s], "truncation": 1}}' % b",".join(
        [b"1"] * 50
    )
    connections = [socket.create_connection(address) for _ in range(50)]
    for connection in connections:
        connection.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body)
    statuses = Counter([status_of(address, "/faces/3.png")])
    for connection in connections:
        connection.close()
    return statuses


def flood(address: Address) -> Counter:
    """200 grids of 400 faces at once, more than the queue holds"""
    with ThreadPoolExecutor(200) as pool:
        return Counter(
            pool.map(
                lambda number: status_of(address, f"/grid.png?seeds={number}-{number + 399}"), range(200)
            )
        )


def noise(address: Address) -> Counter:
    """2,000 bodies of random bytes and broken JSON, and 500 requests that aren't HTTP"""
    random.seed(0)
    pieces = [
        b"{",
        b"}",
        b"[",
        b"]",
        b'"inputs"',
        b":",
        b",",
        b"NaN",
        b"1e308",
        b"-1",
        b"9" * 30,
        b'"seeds"',
        b"\xff",
        b"\0",
    ]
    bodies = [b"".join(random.choices(pieces, k=random.randrange(20))) for _ in range(1000)]
    bodies += [random.randbytes(random.randrange(200)) for _ in range(1000)]
    statuses = Counter(status_of(address, "/v1/models/faces:predict", body) for body in bodies)
    for _ in range(500):
        with socket.create_connection(address) as connection:
            connection.sendall(random.randbytes(300) + b"\r\n\r\n")
            statuses[answered(connection)] += 1
    return statuses


def traversal(address: Address) -> Counter:
    """paths that lead out of the page's folder"""
    statuses = Counter()
    for path in (
        "/page/../../../setup.cfg",
        "/page/%2e%2e/%2e%2e/cli.py",
        "/docs/swagger/..%2f..%2fpip/__init__.py",
        "/page//etc/passwd",
        "/faces/..%2f1.png",
        "/page/..\\..\\cli.py",
    ):
        with socket.create_connection(address) as connection:
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            status = answered(connection)
            assert status != 200, path
            statuses[status] += 1
    return statuses


if __name__ == "__main__":
    main()
