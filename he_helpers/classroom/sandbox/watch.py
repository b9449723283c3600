"""Watching the processes of a submission from outside: all of them together, which no limit of one process bounds."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

from he_helpers.classroom.sandbox.command import Limits

_EVERY_SECONDS = 0.1
_PAGE = os.sysconf("SC_PAGE_SIZE")


class Watch:
    """Kills the process `pid`, and with it all below it, once they use more than `limits`; `reason` then says what."""

    def __init__(self, pid: int, limits: Limits) -> None:
        self.reason = ""
        self._pid, self._limits = pid, limits
        self._ended = threading.Event()

    @contextlib.contextmanager
    def on(self) -> Iterator[Watch]:
        """Watches for as long as the block runs."""
        thread = threading.Thread(target=self._look, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._ended.set()
            thread.join()

    def _look(self) -> None:
        while not self._ended.wait(_EVERY_SECONDS):
            processes = list(_below(self._pid))
            if len(processes) > self._limits.processes:
                self._kill(f"its code started more than {self._limits.processes} processes")
            elif sum(map(_resident, processes)) > self._limits.memory:
                self._kill(f"its processes used more than {self._limits.memory / 2**30:g} GiB of memory together")

    def _kill(self, reason: str) -> None:
        self.reason = self.reason or reason
        # bubblewrap's processes: with the first of a namespace, all others in it are killed.
        for pid in (self._pid, *_below(self._pid)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def _below(pid: int) -> Iterator[int]:
    for children in Path("/proc", str(pid), "task").glob("[0-9]*/children"):
        for child in _read(children).split():
            yield int(child)
            yield from _below(int(child))


def _resident(pid: int) -> int:
    fields = _read(Path("/proc", str(pid), "statm")).split()
    return int(fields[1]) * _PAGE if fields else 0


def _read(file: Path) -> str:
    """What /proc says, and nothing of a process that has ended meanwhile."""
    try:
        return file.read_text()
    except OSError:
        return ""
