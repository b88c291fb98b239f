"""Signals that mean "you are about to be stopped": training ends cleanly, even during a long step."""

import contextlib
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator

_ALWAYS_HANDLED = ("SIGINT", "SIGTERM")
_HANDLED_UNLESS_TAKEN = ("SIGHUP", "SIGUSR1", "SIGUSR2", "SIGXCPU", "SIGBREAK")
STOPPING = tuple(
    signal.Signals[name]
    for name in (*_ALWAYS_HANDLED, *_HANDLED_UNLESS_TAKEN)
    if name in signal.Signals.__members__  # Windows has only SIGINT, SIGTERM and SIGBREAK
)
"""Ctrl-C, a closed terminal, and what schedulers and container platforms send (see docs/reliability.md).

SIGTSTP, SIGSTOP and SIGCONT are not among them: they suspend and continue a process.
"""


class Interrupted(Exception):
    """A signal stopped the work cleanly; `signum` is its number, and 128 + `signum` the exit code."""

    def __init__(self, signum: int):
        super().__init__(signal.Signals(signum).name)
        self.signum = signum


class SignalWatch:
    """`received` is the number of the signal that asked to stop, or None."""

    received: int | None = None


@contextlib.contextmanager
def on_first_signal(ask_to_stop: Callable[[], None]) -> Iterator[SignalWatch]:
    """In the block, the first signal of `STOPPING` calls `ask_to_stop`; a second Ctrl-C exits at once.

    Python runs signal handlers only between bytecodes, and a step of a large net is a single call that can
    take minutes. So a thread reads the signals from the wake-up descriptor, which the interpreter writes to
    at once. Apart from SIGINT and SIGTERM, a signal that is ignored or already has a handler is left alone:
    `nohup` ignores SIGHUP, and a program that calls `train` may use SIGUSR1 for itself. Outside the main
    thread, where Python allows no handlers, this does nothing.
    """
    watch = SignalWatch()
    if threading.current_thread() is not threading.main_thread():
        yield watch
        return
    handled = _handled()

    def watch_signals() -> None:
        while received := reader.recv(1):
            signum = received[0]
            if signum not in handled:
                continue
            if watch.received is None:
                watch.received = signum
                ask_to_stop()
                print(
                    f"\n{signal.Signals(signum).name}: finishing this step, then saving. "
                    "Ctrl-C again exits at once, without saving.",
                    file=sys.stderr,
                    flush=True,
                )
            elif signum == signal.SIGINT:
                os._exit(128 + signum)

    reader, writer = socket.socketpair()  # sockets, because Windows takes no pipe for the wake-up
    writer.setblocking(False)
    thread = threading.Thread(target=watch_signals, daemon=True)
    thread.start()
    previous_descriptor = signal.set_wakeup_fd(writer.fileno())
    previous = {signum: signal.signal(signum, lambda *_: None) for signum in handled}
    try:
        yield watch
    finally:
        for signum, handler in previous.items():
            signal.signal(signum, handler)
        signal.set_wakeup_fd(previous_descriptor)
        writer.close()  # ends the thread
        thread.join()
        reader.close()


def _handled() -> tuple[signal.Signals, ...]:
    """The signals of `STOPPING` that nobody else uses."""
    return tuple(
        signum
        for signum in STOPPING
        if signum.name in _ALWAYS_HANDLED or signal.getsignal(signum) == signal.SIG_DFL
    )
