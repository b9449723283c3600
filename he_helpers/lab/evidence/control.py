"""The control of a search: a process that holds what is looked for, so that nothing found elsewhere tells something."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence

from he_helpers.lab.workspace.workspace import Workspace, environment_for


@contextlib.contextmanager
def process_that_holds(
    contents: Iterable[bytes],
    folder: str | os.PathLike[str],
    modules: Sequence[str] = (),
    context: bytes = b"",
) -> Iterator[int]:
    """A small Python process in which the search must find something: the positive control of the proof.

    It keeps `contents` in memory, in the SQLite database planted.sqlite and in the file planted.bin of
    `folder`, and has imported `modules`. With a serialised private `context` of TenSEAL it has loaded this key, as a
    server that decrypts would. Gives the process's number, and ends the process afterwards.

    Raises RuntimeError when the process ends before it holds all that.
    """
    process = subprocess.Popen(
        [sys.executable, "-c", _HOLDER, str(folder), str(len(context)), *modules],
        env=environment_for(Workspace(), None),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin is not None and process.stdout is not None, "both are pipes"
    try:
        process.stdin.write(context + b"".join(contents))
        process.stdin.close()
        if process.stdout.readline() != b"ready\n":
            raise RuntimeError(f"The process that should hold the contents ended early; exit code {process.wait()}.")
        yield process.pid
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


_HOLDER = """
import ctypes, importlib, pathlib, sqlite3, sys, time
folder, length, *modules = sys.argv[1:]
if sys.platform == "linux":  # open to processes of the same user: PR_SET_PTRACER, PR_SET_PTRACER_ANY
    ctypes.CDLL(None).prctl(0x59616D61, ctypes.c_ulong(-1), 0, 0, 0)
for name in modules:
    importlib.import_module(name)
if int(length):
    import tenseal
    key = tenseal.context_from(sys.stdin.buffer.read(int(length)))
contents = sys.stdin.buffer.read()
pathlib.Path(folder, "planted.bin").write_bytes(contents)
with sqlite3.connect(pathlib.Path(folder, "planted.sqlite")) as database:
    database.execute("CREATE TABLE IF NOT EXISTS planted (contents BLOB)")
    database.execute("INSERT INTO planted VALUES (?)", (contents,))
database.close()
print("ready", flush=True)
time.sleep(3600)
"""
