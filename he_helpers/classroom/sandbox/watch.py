"""Watching the processes of a submission from outside: all of them together, which no limit of one process bounds."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

import psutil

from he_helpers.classroom.sandbox.command import Limits

_EVERY_SECONDS = 0.1


class Watch:
    """Kills the process `pid`, and with it all below it, once they use more than `limits`; `reason` then says what."""

    def __init__(self, pid: int, limits: Limits) -> None:
        self.reason = ""
        self._first, self._limits = psutil.Process(pid), limits
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
            below, memory = self._below(), 0
            for process in below:
                with contextlib.suppress(psutil.Error):
                    memory += process.memory_info().rss
            if len(below) > self._limits.processes:
                self._kill(f"its code started more than {self._limits.processes} processes")
            elif memory > self._limits.memory:
                self._kill(f"its processes used more than {self._limits.memory / 2**30:g} GiB of memory together")

    def _kill(self, reason: str) -> None:
        self.reason = self.reason or reason
        # bubblewrap's processes: with the first of a namespace, all others in it are killed.
        for process in (*self._below(), self._first):
            with contextlib.suppress(psutil.Error):
                process.kill()

    def _below(self) -> list[psutil.Process]:
        """All processes of the submission; none once it has ended."""
        try:
            return self._first.children(recursive=True)
        except psutil.Error:
            return []
