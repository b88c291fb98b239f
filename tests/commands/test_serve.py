"""`facegan serve` as a process: its address, its signals, and what it refuses before it loads anything."""

import http.client
import signal
import socket
import subprocess
import sys
import urllib.parse

import pytest

from facegan_tf.serving.sampling import write_samples
from tests.helpers.command_line import call
from tests.helpers.paths import ROOT

START_SECONDS = 240
"""The machine may be busy."""


@pytest.fixture
def server(run):
    command = [sys.executable, "-m", "facegan_tf", "serve", str(run), "--port", "0", "--name", "mine"]
    command += ["--allow-origin", "https://example.org"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT)
    yield process
    process.kill()
    process.wait()


@pytest.mark.slow
def test_it_prints_its_address_draws_like_sample_and_finishes_open_requests(run, server, tmp_path):
    address = server.stdout.readline().strip()
    url = urllib.parse.urlsplit(address)
    assert (url.scheme, url.hostname) == ("http", "127.0.0.1")
    write_samples(run, tmp_path / "samples", count=3, seed=1)
    connection = http.client.HTTPConnection(url.hostname, url.port, timeout=START_SECONDS)
    for seed in (1, 2, 3):
        connection.request("GET", f"/faces/{seed}.png")
        assert connection.getresponse().read() == (tmp_path / "samples" / f"face_{seed:06d}.png").read_bytes()
    connection.request("GET", "/v1/models/mine", headers={"Origin": "https://example.org"})
    answer = connection.getresponse()
    assert answer.headers["access-control-allow-origin"] == "https://example.org"
    assert b"AVAILABLE" in answer.read()
    connection.request("GET", "/walk.gif?seeds=1-20&frames=20&size=100")
    server.send_signal(signal.SIGTERM)
    answer = connection.getresponse()
    content = answer.read()
    assert (answer.status, content[:6], content[-1:]) == (200, b"GIF89a", b";")
    connection.close()
    assert server.wait(START_SECONDS) in (-signal.SIGTERM, 128 + signal.SIGTERM)
    assert "Traceback" not in server.stderr.read()


def test_wrong_addresses_are_refused_before_the_run_is_read(tmp_path, capsys):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        for flags, name in (
            (["--port", port], f"--port {port}"),
            (["--port", 70000], "--port 70000"),
            (["--host", "no.such.host.invalid"], "--host no.such.host.invalid"),
            (["--name", "a/b"], "--name a/b"),
        ):
            code, out, err = call(capsys, "serve", tmp_path / "nothing", *flags)
            assert (code, out) == (2, "") and name in err


def test_a_path_that_is_not_a_model_is_refused(tmp_path, capsys):
    code, _, err = call(capsys, "serve", tmp_path, "--port", 0)
    assert code == 2 and str(tmp_path) in err
