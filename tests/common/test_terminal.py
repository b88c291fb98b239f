import os
import subprocess
import sys

TALK = """
import sys
from facegan_tf.common.terminal import lasting_output
with lasting_output():
    for number in range(3000):
        print("word", number, flush=True)
        print("word", number, file=sys.stderr)
open(sys.argv[1], "w").write("done")
"""


def test_work_continues_when_nobody_reads_the_pipe(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", TALK, tmp_path / "end"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    assert process.stdout.readline() == b"word 0\n"
    process.stdout.close()
    assert process.wait(timeout=60) == 0
    assert (tmp_path / "end").read_text() == "done"


def test_work_continues_when_the_terminal_is_closed(tmp_path):
    ours, theirs = os.openpty()
    process = subprocess.Popen([sys.executable, "-c", TALK, tmp_path / "end"], stdout=theirs, stderr=theirs)
    os.close(theirs)
    os.read(ours, 4)
    os.close(ours)
    assert process.wait(timeout=60) == 0
    assert (tmp_path / "end").read_text() == "done"
