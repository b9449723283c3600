"""How nbval runs the course's notebooks: a workspace for each, the right interpreter, and no long waits.

    python -m pytest --nbval --nbval-current-env --nbval-cell-timeout 300 -n 2 --dist loadscope \\
        notebooks/ -p tests.notebooks.plugin

A cell tagged `linux-only` runs everywhere and is compared on Linux only. What `sanitise.cfg` lists, such as the digits
of measured numbers, is masked in every comparison.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from queue import Empty

import pytest
from nbval.kernel import RunningKernel
from nbval.plugin import IPyNbCell, IPyNbFile

from he_helpers.lab.stage.role_kernels.kernels import start_kernel, stop_kernel
from he_helpers.lab.workspace.server_process import stop_server
from he_helpers.lab.workspace.workspace import Workspace

ON_LINUX = sys.platform == "linux"
_OUTPUT_SECONDS = 60  # nbval's own 5 s are too few for an output that two busy cores are late with
_LOOK_SECONDS = 1
SANITISE = Path(__file__).with_name("sanitise.cfg")


class KernelDied(RuntimeError):
    """The kernel ended while a cell ran."""


class WatchedKernel(RunningKernel):
    """A kernel of the course, whose death is noticed at once, not at the cell's timeout."""

    def __init__(self, workspace: Workspace, folder: Path, startup_timeout: float) -> None:
        self.km, self.kc = start_kernel(workspace, None, folder, subprocess.DEVNULL, startup_timeout)

    def get_message(self, stream: str, timeout: float | None = None) -> dict:
        deadline = float("inf") if timeout is None else time.monotonic() + timeout
        while True:
            left = deadline - time.monotonic()
            try:
                return super().get_message(stream, timeout=max(0, min(_LOOK_SECONDS, left)))
            except Empty:
                if not self.is_alive():
                    raise KernelDied("The kernel died while this cell ran.") from None
                if left <= _LOOK_SECONDS:
                    raise

    def stop(self) -> None:
        # nbval would kill it; one that is asked to end also ends the kernels of roles that it started.
        stop_kernel(self.km, self.kc)
        del self.km


class CourseNotebook(IPyNbFile):
    """A notebook file whose kernel works in a new workspace, which goes away with it."""

    def setup(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="he-course-")
        self._workspace = Workspace(Path(self._folder.name) / "workspace")
        try:
            seconds = self.config.option.nbval_kernel_startup_timeout
            self.kernel = WatchedKernel(self._workspace, self.path.parent, seconds)
            self.setup_sanitize_files()
        except BaseException:
            self._clear()
            raise

    def get_sanitize_files(self) -> list[str]:
        return [str(SANITISE), *super().get_sanitize_files()]

    def teardown(self) -> None:
        try:
            super().teardown()
        finally:
            self._clear()

    def collect(self) -> Iterator[IPyNbCell]:
        for cell in super().collect():
            cell.output_timeout = _OUTPUT_SECONDS
            if not ON_LINUX and "linux-only" in cell.cell.metadata.get("tags", []):
                cell.options["check"] = False
            yield cell

    def _clear(self) -> None:
        stop_server(self._workspace)
        self._folder.cleanup()


@pytest.hookimpl(wrapper=True)
def pytest_collect_file(parent: pytest.Collector) -> Iterable:
    """Puts a CourseNotebook where nbval has made its own kind of file."""
    collected = yield
    return [
        CourseNotebook.from_parent(parent, path=file.path) if isinstance(file, IPyNbFile) else file
        for file in collected
    ]
