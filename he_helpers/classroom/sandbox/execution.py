"""Running a submission's notebook between the walls: whatever its code does, the notebook comes back with outputs."""

from __future__ import annotations

import tempfile
import time
from contextlib import suppress
from pathlib import Path
from queue import Empty
from typing import Any

from jupyter_client.blocking import BlockingKernelClient
from jupyter_client.provisioning import LocalProvisioner
from nbformat import NotebookNode
from nbformat.v4 import new_output, output_from_msg

from he_helpers.classroom.sandbox.command import STANDARD, Limits, NoSandbox
from he_helpers.classroom.sandbox.kernel import SandboxedKernel
from he_helpers.classroom.sandbox.watch import Watch

# A notebook is begun anew without the cell that took its kernel down, so often; then what is left counts as not run.
_FRESH_STARTS = 3
_START_SECONDS = 60
_INTERRUPT_SECONDS = 10
_LOOK_SECONDS = 0.5
_OUTPUTS = ("stream", "display_data", "execute_result", "error")


class _Ended(Exception):
    """The kernel is gone, or was given up; its message says why."""


def run_untrusted(notebook: NotebookNode, limits: Limits = STANDARD) -> None:
    """Execute the code cells of `notebook` in a sandboxed kernel, in order, and put their outputs into it.

    An error in a cell is an output, and the next cell runs. A cell that ends or blocks the kernel, or uses more than
    its limit, gets an error output that says so; the notebook is then run anew without it, so that the other cells
    count. Once the time of the whole run is over, cells that have not begun are not run. Raises NoSandbox, and nothing
    for what the code does.
    """
    until = time.monotonic() + limits.seconds
    code = [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip()]
    refused: dict[str, str] = {}
    while True:
        ended = _run([cell for cell in code if cell.id not in refused], limits, until)
        if ended is None:
            break
        cell, reason = ended
        refused[cell.id] = f"The kernel was ended: {reason}."
        if len(refused) > _FRESH_STARTS or time.monotonic() > until:
            for later in code[code.index(cell) + 1 :]:
                refused.setdefault(later.id, f"Not run, because an earlier cell ended the kernel: {reason}.")
            break
    for cell in code:
        if cell.id in refused:
            cell.outputs = [_error("KernelEnded", refused[cell.id])]


def _run(cells: list[NotebookNode], limits: Limits, until: float) -> tuple[NotebookNode, str] | None:
    """Run through these cells; returns the one that ended the kernel, and why, or None."""
    with tempfile.TemporaryDirectory(prefix="he-grading-") as folder:
        shared = Path(folder)
        manager = SandboxedKernel(
            shared=shared, limits=limits, transport="ipc", connection_file=str(shared / "kernel.json")
        )
        with open(shared / "log", "w+b") as log:
            manager.start_kernel(stdout=log, stderr=log, cwd=folder)
            process = manager.provisioner
            assert isinstance(process, LocalProvisioner) and process.pid is not None
            client = manager.blocking_client()
            try:
                client.start_channels(stdin=False, hb=False)
                try:
                    client.wait_for_ready(timeout=_START_SECONDS)
                except RuntimeError as error:
                    log.seek(0)
                    raise NoSandbox(f"No kernel answers in the sandbox: {log.read(1000).decode()!r}") from error
                with Watch(process.pid, limits).on() as watch:
                    for cell in cells:
                        if time.monotonic() > until:
                            cell.outputs = [_error("NotRun", f"Not run: {_time_is_over(limits)}.")]
                            continue
                        try:
                            _execute(cell, manager, client, limits, until)
                        except _Ended as ended:
                            return cell, watch.reason or str(ended)
            finally:
                client.stop_channels()
                manager.shutdown_kernel(now=True)
    return None


def _execute(
    cell: NotebookNode, manager: SandboxedKernel, client: BlockingKernelClient, limits: Limits, until: float
) -> None:
    """Run one cell and store its outputs. Raises _Ended where the kernel does not answer afterwards."""
    cell.outputs, cell.execution_count = [], None
    asked = client.execute(cell.source, allow_stdin=False, stop_on_error=False)
    deadline = min(time.monotonic() + limits.cell_seconds, until)
    printed = 0
    while True:
        try:
            message = client.get_iopub_msg(timeout=_LOOK_SECONDS)
        except Empty:
            if not manager.is_alive():
                raise _Ended("its process has ended") from None
            message = None
        except ValueError:
            message = None  # no whole message: one that an interruption cut off, or that code made up
        if message and message["parent_header"].get("msg_id") == asked:
            kind, content = message["msg_type"], message["content"]
            if kind == "status" and content.get("execution_state") == "idle":
                return
            printed += len(str(content))
            if printed > limits.output:
                raise _Ended(f"the cell displayed more than {limits.output / 2**20:g} MiB")
            if kind in _OUTPUTS:
                # Code can send what it likes in the kernel's name, outputs without their parts too.
                with suppress(AttributeError, KeyError, TypeError, ValueError):
                    _add(cell, output_from_msg(message))
        if time.monotonic() > deadline:
            _interrupt(manager, client)
            why = _time_is_over(limits) if deadline == until else f"it had taken {limits.cell_seconds} seconds"
            sentence = f"The cell was stopped: {why}. Is there a loop that does not end?"
            cell.outputs.append(_error("CellTimeout", sentence))
            return


def _add(cell: NotebookNode, output: NotebookNode) -> None:
    last = cell.outputs[-1] if cell.outputs else None
    if last and output.output_type == last.output_type == "stream" and output.name == last.name:
        last.text += output.text
    else:
        cell.outputs.append(output)


def _interrupt(manager: SandboxedKernel, client: BlockingKernelClient) -> None:
    """Stop the running cell. Raises _Ended where the kernel does not answer afterwards."""
    manager.interrupt_kernel()
    asked = client.kernel_info()
    deadline = time.monotonic() + _INTERRUPT_SECONDS
    while time.monotonic() < deadline:
        # Before the answer come replies to earlier cells, which nobody has read, and what was cut off.
        with suppress(Empty, ValueError):
            if client.get_shell_msg(timeout=_LOOK_SECONDS)["parent_header"].get("msg_id") == asked:
                return
    raise _Ended("the cell took too long, in a single step that nothing interrupts, such as a power of long numbers")


def _time_is_over(limits: Limits) -> str:
    return f"the {limits.seconds} seconds of the notebook were over"


def _error(name: str, sentence: str) -> Any:
    return new_output("error", ename=name, evalue=sentence, traceback=[f"{name}: {sentence}"])
