"""The process in which fuzz_images.py and fuzz_shards.py try their cases. Not to be started by hand."""

import os
import resource
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any

HARM = ("traceback", "hang", "death")
"""Outcomes that no case should have."""


class Worker:
    """Tries cases in a process of its own, which is restarted after a case that ended it."""

    def __init__(self, attempt: Callable[[Any], tuple[str, str]], limit: float) -> None:
        """attempt: returns the outcome of a case, and its reason. limit: seconds for a case."""
        self.attempt, self.limit = attempt, limit
        self.printed = tempfile.TemporaryFile()  # noqa: SIM115, it lives as long as the worker
        self._start()

    def _start(self) -> None:
        self.connection, theirs = get_context("fork").Pipe()
        self.process = get_context("fork").Process(target=self._serve, args=(theirs,), daemon=True)
        self.process.start()
        theirs.close()

    def _serve(self, connection: Connection) -> None:
        os.dup2(self.printed.fileno(), sys.stderr.fileno())
        while True:
            case = connection.recv()
            started = time.perf_counter()
            try:
                outcome, reason = self.attempt(case)
            except BaseException:
                outcome, reason = "traceback", traceback.format_exc()
            seconds = time.perf_counter() - started
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            connection.send((outcome, reason, seconds, peak * (1 if sys.platform == "darwin" else 1024)))

    def outcome(self, case: Any) -> tuple[str, str, float, int]:
        """Outcome, reason, seconds, and the process's peak memory so far in bytes."""
        self.connection.send(case)
        try:
            if self.connection.poll(self.limit):
                return self.connection.recv()
            outcome, reason = "hang", f"longer than {self.limit:g} s"
        except EOFError:
            self.process.join()
            outcome, reason = "death", f"exit code {self.process.exitcode}"
        self.process.kill()
        self.process.join()
        self._start()
        return outcome, reason, self.limit, 0
