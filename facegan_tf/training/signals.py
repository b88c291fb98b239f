"""Ctrl-C, SIGTERM and a closed terminal: ask for an orderly end, noticed even while a long step runs."""

import contextlib
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Ctrl-C; what ends a pre-empted machine's processes; a closed terminal."""


class Interrupted(Exception):
    """A signal ended the work in order; `signum` says which, and so the exit code 128 + signum."""

    def __init__(self, signum: int):
        super().__init__(signal.Signals(signum).name)
        self.signum = signum


class SignalWatch:
    """Which signal, if any, has asked for the end."""

    received: int | None = None


@contextlib.contextmanager
def on_first_signal(ask_to_stop: Callable[[], None]) -> Iterator[SignalWatch]:
    """In the block, the first signal of `ENDING` calls `ask_to_stop`; a second SIGINT leaves at once.

    Python runs its handlers between bytecodes, and a step of a large net is minutes in one call. So
    a thread reads the signals from the wake-up descriptor, which the interpreter writes to at once. Under
    `nohup`, which has SIGHUP ignored, a closed terminal ends nothing. Does nothing outside the main thread,
    where Python allows no handlers.
    """
    watch = SignalWatch()
    if threading.current_thread() is not threading.main_thread():
        yield watch
        return
    heeded = [s for s in ENDING if s != signal.SIGHUP or signal.getsignal(s) != signal.SIG_IGN]

    def attend() -> None:
        while received := reader.recv(1):
            signum = received[0]
            if signum not in heeded:
                continue
            if watch.received is None:
                watch.received = signum
                ask_to_stop()
                print(
                    f"\n{signal.Signals(signum).name}: finishing this step, then saving. "
                    "Ctrl-C again leaves at once, without saving.",
                    file=sys.stderr,
                    flush=True,
                )
            elif signum == signal.SIGINT:
                os._exit(128 + signum)

    reader, writer = socket.socketpair()
    writer.setblocking(False)
    thread = threading.Thread(target=attend, daemon=True)
    thread.start()
    previous_descriptor = signal.set_wakeup_fd(writer.fileno())
    previous = {s: signal.signal(s, lambda *_: None) for s in heeded}
    try:
        yield watch
    finally:
        for signum, handler in previous.items():
            signal.signal(signum, handler)
        signal.set_wakeup_fd(previous_descriptor)
        writer.close()  # ends the thread
        thread.join()
        reader.close()
