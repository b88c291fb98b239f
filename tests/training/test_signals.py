import importlib.util
import signal
import subprocess
import sys
import time

import pytest

from facegan_tf.training import signals
from facegan_tf.training.signals import STOPPING, on_first_signal

# A single call that never returns to the interpreter's loop, as a step of a large net can be.
STUCK = """
import ctypes, sys
from facegan_tf.training.signals import on_first_signal
with on_first_signal(lambda: print("asked", flush=True)):
    print("ready", flush=True)
    libc = ctypes.CDLL(None)
    while True:
        libc.usleep(100_000)
"""


@pytest.fixture
def stuck():
    with subprocess.Popen(
        [sys.executable, "-c", STUCK], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "ready\n"
        yield process
        process.kill()


@pytest.fixture
def default_hangup():
    """SIGHUP as a process has it that was not started under nohup."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


def test_a_second_ctrl_c_exits_at_once_even_if_the_first_had_no_effect(stuck):
    stuck.send_signal(signal.SIGINT)
    assert stuck.stdout.readline() == "asked\n"
    stuck.send_signal(signal.SIGTERM)  # only a second Ctrl-C exits at once
    time.sleep(0.5)
    assert stuck.poll() is None
    stuck.send_signal(signal.SIGINT)
    assert stuck.wait(timeout=10) == 130


def test_the_message_names_the_signal_and_how_to_exit_at_once(stuck):
    stuck.send_signal(signal.SIGUSR1)
    assert stuck.stdout.readline() == "asked\n"
    assert stuck.stderr.readline() == "\n"
    assert stuck.stderr.readline() == (
        "SIGUSR1: finishing this step, then saving. Ctrl-C again exits at once, without saving.\n"
    )


def test_without_a_signal_nothing_is_asked_and_the_handlers_come_back(default_hangup):
    before = [signal.getsignal(signum) for signum in STOPPING]
    with on_first_signal(lambda: pytest.fail("asked")) as watch:
        assert all(signal.getsignal(s) != b for s, b in zip(STOPPING, before, strict=True))
    assert watch.received is None
    assert [signal.getsignal(signum) for signum in STOPPING] == before


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGXCPU"])
def test_each_signal_that_announces_the_end_asks_to_stop_once(default_hangup, name):
    asked = []
    with on_first_signal(lambda: asked.append(True)) as watch:
        signal.raise_signal(signal.Signals[name])
        deadline = time.monotonic() + 10
        while not (watch.received and asked) and time.monotonic() < deadline:
            time.sleep(0.01)
    assert watch.received == signal.Signals[name]
    assert asked == [True]


@pytest.mark.parametrize("name", ["SIGHUP", "SIGUSR1", "SIGUSR2", "SIGXCPU"])
def test_a_signal_that_is_ignored_or_used_by_somebody_else_asks_for_nothing(name):
    theirs = []
    signum = signal.Signals[name]
    for handler in (signal.SIG_IGN, lambda *_: theirs.append(True)):  # SIGHUP under nohup; an own program's
        before = signal.signal(signum, handler)
        try:
            with on_first_signal(lambda: pytest.fail("asked")) as watch:
                signal.raise_signal(signum)
                time.sleep(0.2)
            assert watch.received is None
            assert signal.getsignal(signum) == handler
        finally:
            signal.signal(signum, before)
    assert theirs == [True]


def test_a_suspended_process_is_not_asked_to_stop():
    assert not {signal.SIGCONT, signal.SIGTSTP, signal.SIGURG, signal.SIGWINCH} & set(STOPPING)


def test_windows_has_fewer_signals_and_one_of_its_own(monkeypatch):
    import enum

    windows = enum.IntEnum("Signals", {"SIGINT": 2, "SIGTERM": 15, "SIGBREAK": 21})
    monkeypatch.setattr(signal, "Signals", windows)
    for name in ("SIGHUP", "SIGUSR1", "SIGUSR2", "SIGXCPU"):
        monkeypatch.delattr(signal, name)
    spec = importlib.util.spec_from_file_location("signals_on_windows", signals.__file__)
    there = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(there)
    assert [signum.name for signum in there.STOPPING] == ["SIGINT", "SIGTERM", "SIGBREAK"]
