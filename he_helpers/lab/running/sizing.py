"""How much memory and processor time each notebook takes, with the processes of all roles: `make sizing`.

    python -m he_helpers.lab.running.sizing [07 08_encrypted_statistics ...]

Runs each in a new workspace, stores nothing, and prints a table. Linux only: memory is the proportional set size, in
which pages that several processes share count once.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil  # with ipykernel, which needs it too
from tqdm.auto import tqdm

from he_helpers.errors import HEError
from he_helpers.lab.running.execute import execute, notebooks_of, served
from he_helpers.lab.workspace.workspace import PROJECT, WORKSPACE_VARIABLE, Workspace

_EVERY_SECONDS = 0.3


class NotMeasured(HEError, RuntimeError):
    """This system does not say how much memory a process has to itself."""


@dataclass(frozen=True)
class Use:
    """What a notebook used.

    memory: bytes at its peak. left: bytes of what goes on running when its kernel has ended, the servers.
    processor, seconds: processor time, and time on the clock.
    """

    name: str
    memory: int
    left: int
    processor: float
    seconds: float


class Meter:
    """Looks at the processes of a workspace, all that were started in it and below them, every 0.3 s.

    memory, left: bytes at the peak so far, and at the last look. processor: seconds so far, of which each process may
    lack its last 0.3 s.
    """

    def __init__(self, workspace: Workspace) -> None:
        self.memory = self.left = 0
        self._root = str(workspace.root)
        self._latest: dict[tuple[int, float], float] = {}
        self._ended = threading.Event()

    @property
    def processor(self) -> float:
        return sum(self._latest.values())

    @contextmanager
    def on(self) -> Iterator[Meter]:
        """Measures for as long as the block runs. Raises NotMeasured elsewhere than on Linux."""
        if not psutil.LINUX:
            raise NotMeasured("Memory by proportional set size can be read on Linux alone. Measure there.")
        thread = threading.Thread(target=self._look_often, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._ended.set()
            thread.join()
            self._look()

    def _look_often(self) -> None:
        while not self._ended.wait(_EVERY_SECONDS):
            self._look()

    def _look(self) -> None:
        memory = 0
        for process in self._processes():
            with suppress(psutil.Error):
                memory += process.memory_full_info().pss
                times = process.cpu_times()
                self._latest[process.pid, process.create_time()] = times.user + times.system
        self.memory, self.left = max(self.memory, memory), memory

    def _processes(self) -> set[psutil.Process]:
        found = set()
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if process.environ().get(WORKSPACE_VARIABLE) == self._root:
                    # A worker of the server has an environment of its own.
                    found |= {process, *process.children(recursive=True)}
        return found


def measure(path: Path) -> Use:
    """Run the notebook at `path` in a new workspace and say what it used. Raises NotMeasured, NotebookFailed."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="he-course-") as root, served(Workspace(root)) as workspace:
        with Meter(workspace).on() as meter:
            execute(path, workspace)
        return Use(path.stem, meter.memory, meter.left, meter.processor, time.monotonic() - began)


def table_of(uses: Sequence[Use]) -> str:
    """The uses as a table in Markdown, with memory in MB (10**6 bytes)."""
    lines = ["| notebook | memory, MB | stays, MB | processor, s | on the clock, s |", "|---|---|---|---|---|"]
    for use in uses:
        memory = f"{use.memory / 1e6:.0f} | {use.left / 1e6:.0f}"
        lines.append(f"| {use.name} | {memory} | {use.processor:.0f} | {use.seconds:.0f} |")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m he_helpers.lab.running.sizing", description="Measures what the notebooks need."
    )
    parser.add_argument("names", nargs="*", help="only these notebooks, such as 03")
    chosen = parser.parse_args(arguments)
    uses = []
    try:
        for path in tqdm(notebooks_of(PROJECT / "notebooks", chosen.names), unit="notebook", disable=None):
            uses.append(measure(path))
    except HEError as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        if uses:
            print(table_of(uses))
    return 0


if __name__ == "__main__":
    sys.exit(main())
