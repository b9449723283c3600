"""Jupyter kernels of this interpreter whose process works in a workspace: how each kernel of the course is started.

What is said to a kernel differs: `role_kernel` runs single cells, `execute` whole notebooks with nbclient, and the
tests the stored notebooks with nbval.
"""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import IO

from ipykernel.kernelspec import RESOURCES, get_kernel_dict, make_ipkernel_cmd
from jupyter_client.blocking import BlockingKernelClient
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager, KernelManager
from traitlets import default

from he_helpers.lab.stage.role_kernels.kernel_process import FOLDER_PREFIX
from he_helpers.lab.workspace.workspace import Workspace, environment_for

# The colours of a terminal, in tracebacks.
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
# The kind of an output whose state lives in the kernel, and ends with it.
WIDGET = "application/vnd.jupyter.widget-view+json"

_SHUTDOWN_SECONDS = 30.0  # a notebook's kernel first ends the kernels of roles that it started


class _ThisInterpreter(KernelSpecManager):
    """Answers every name with this interpreter's kernel: an installed kernel "python3" may belong to another one."""

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        command = make_ipkernel_cmd("he_helpers.lab.stage.role_kernels.kernel_process")
        return KernelSpec(resource_dir=RESOURCES, **{**get_kernel_dict(), "argv": command})


class CourseKernel(KernelManager):
    """The process of a kernel of this interpreter, whatever name of a kernel is asked for.

    It is spoken to through sockets in a folder of its own, which only this account may enter: to a port of the network
    every account of the computer can connect, and there it would get all code and all outputs.
    """

    _sockets: tempfile.TemporaryDirectory[str] | None = None

    @default("transport")
    def _default_transport(self) -> str:
        return "ipc"

    @default("connection_file")
    def _default_connection_file(self) -> str:
        self._sockets = tempfile.TemporaryDirectory(prefix=FOLDER_PREFIX)
        return str(Path(self._sockets.name) / "kernel.json")

    def cleanup_ipc_files(self) -> None:
        super().cleanup_ipc_files()
        if self._sockets is not None:
            self._sockets.cleanup()

    @default("shutdown_wait_time")
    def _default_shutdown_wait_time(self) -> float:
        return _SHUTDOWN_SECONDS

    @default("kernel_spec_manager")
    def _default_kernel_spec_manager(self) -> KernelSpecManager:
        return _ThisInterpreter(parent=self)


class AsyncCourseKernel(CourseKernel, AsyncKernelManager):
    """The same for nbclient, which awaits it."""


def start_kernel(
    workspace: Workspace, role: str | None, folder: Path, said: IO[bytes] | int, seconds: float
) -> tuple[CourseKernel, BlockingKernelClient]:
    """Start a kernel that acts in `role` (None: in no role) in `workspace`, with the working directory `folder`.

    said: the file, or the descriptor, that takes what its process writes outside cells. It ends by itself soon after
    this process was killed, and takes the folder of its sockets away. Returns when it answers and its outputs arrive
    here. Raises RuntimeError when it has ended before that, or has not answered within `seconds`.
    """
    manager = CourseKernel()
    manager.start_kernel(cwd=str(folder), env=environment_for(workspace, role), stdout=said, stderr=said)
    client = manager.client()
    try:
        client.start_channels(stdin=False, hb=False)
        client.wait_for_ready(timeout=seconds)
    except BaseException:
        stop_kernel(manager, client)
        raise
    return manager, client


def stop_kernel(manager: CourseKernel, client: BlockingKernelClient) -> None:
    """Ask the kernel to end, and kill it when it does not within the time of `manager`. Twice is harmless."""
    client.stop_channels()
    if manager.has_kernel:
        manager.shutdown_kernel()
