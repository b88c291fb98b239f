"""Processes that stay alive and do what they are asked, with one JSON object per line in each direction.

Needs only the standard library: PyTorch's environment has none of our packages.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any


class StepProcess:
    """A script of this folder in a process of its own, with its own Python."""

    def __init__(self, python: str, script: str, arguments: dict[str, Any], environment: dict[str, str]):
        """arguments: become `--name value`. environment: variables to set besides those of this process."""
        flags = [text for name, value in arguments.items() for text in (f"--{name}", str(value))]
        self._errors = tempfile.TemporaryFile("w+", errors="replace")  # noqa: SIM115 (`close` closes it)
        self._process = subprocess.Popen(
            [python, str(Path(__file__).with_name(script)), *flags],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            env=os.environ | environment,
        )

    def ask(self, action: str, **details: Any) -> dict[str, Any]:
        """Send a request; return the answer. Raises RuntimeError if the action fails or the process ends."""
        assert self._process.stdin and self._process.stdout
        try:
            self._process.stdin.write(json.dumps({"action": action} | details) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            self._errors.seek(0)
            raise RuntimeError(f"the process ended:\n{self._errors.read()[-2000:]}")
        answer = json.loads(line)
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._errors):
            if stream:
                stream.close()


def serve(actions: dict[str, Callable[..., dict[str, Any]]]) -> None:
    """Answer requests from standard input until it ends. Anything else printed goes to standard error."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = actions[request.pop("action")](**request)
        except Exception:
            answer = {"error": traceback.format_exc()[-2000:]}
        print(json.dumps(answer), file=answers, flush=True)


def memory_mib() -> dict[str, float]:
    """Resident memory of this process in MiB: `now`, and its `peak` so far."""
    status = Path("/proc/self/status")
    if status.exists():
        fields = dict(line.split(":", 1) for line in status.read_text().splitlines())
        kib = {"now": fields["VmRSS"], "peak": fields["VmHWM"]}
        return {name: int(value.split()[0]) / 1024 for name, value in kib.items()}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20  # bytes on macOS
    return {"now": peak, "peak": peak}
