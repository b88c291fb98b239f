import signal
import subprocess
import sys
import time

import pytest

from facegan_tf.training.signals import on_first_signal

# One call that never comes back to the interpreter's loop, as a step of a large net is.
STUCK = """
import ctypes, sys
from facegan_tf.training.signals import on_first_signal
with on_first_signal(lambda: print("asked", flush=True)):
    print("ready", flush=True)
    libc = ctypes.CDLL(None)
    while True:
        libc.usleep(100_000)
"""


def test_a_second_ctrl_c_leaves_at_once_though_the_first_was_not_followed():
    with subprocess.Popen(
        [sys.executable, "-c", STUCK], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == "asked\n"
        process.send_signal(signal.SIGTERM)  # only Ctrl-C again is meant so
        time.sleep(0.5)
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=10) == 130


def test_without_a_signal_nothing_is_asked_and_the_handlers_come_back():
    before = [signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)]
    with on_first_signal(lambda: pytest.fail("asked")) as watch:
        assert [signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)] != before
    assert watch.received is None
    assert [signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)] == before


def test_a_signal_is_noted():
    asked = []
    with on_first_signal(lambda: asked.append(True)) as watch:
        signal.raise_signal(signal.SIGTERM)
        for _ in range(100):
            if watch.received:
                break
            time.sleep(0.05)
    assert watch.received == signal.SIGTERM
    assert asked == [True]


def test_under_nohup_a_closed_terminal_ends_nothing():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with on_first_signal(lambda: pytest.fail("asked")) as watch:
            signal.raise_signal(signal.SIGHUP)
            time.sleep(0.2)
        assert watch.received is None
    finally:
        signal.signal(signal.SIGHUP, before)
