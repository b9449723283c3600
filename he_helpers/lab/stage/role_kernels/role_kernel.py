"""The cell magic `%%role NAME`: runs a cell in a second kernel, whose process has entered that role.

A notebook belongs to one role. Where another one answers in the same story, its cells begin with `%%role
analyst`: they run in a process of their own, with its own variables and the role's folder as working
directory, and their outputs appear here. The kernel starts with the first such cell, keeps its variables
from cell to cell, and ends with the notebook's own. In it, `seat` is the role's seat, as from `lab.enter`.

Text, tables, figures and errors are shown as they came, below a mark of the role. Widgets are shown as text,
since their state lives in the other kernel; a cell cannot ask for input.
"""

from __future__ import annotations

import atexit
import contextlib
import queue
import signal
import sys
import tempfile
from typing import IO, TYPE_CHECKING, Any

from he_helpers.errors import HEError
from he_helpers.files import private_folder
from he_helpers.lab.stage.role_kernels.kernels import COLOUR, WIDGET, start_kernel, stop_kernel
from he_helpers.lab.stage.role_kernels.role_mark import mark_of_cell
from he_helpers.lab.workspace.doing import doing
from he_helpers.lab.workspace.workspace import Workspace, check_role, entered_role

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

_START_SECONDS = 60
_POLL_SECONDS = 0.2
_END_SECONDS = 4.0  # after half of it the process is killed


class RoleCellError(HEError):
    """An error of a cell that ran as another role; its class has the name of the error's own class there."""

    def __init__(self, message: str, lines: list[str]) -> None:
        super().__init__(message)
        self._lines = lines

    def _render_traceback_(self) -> list[str]:
        # IPython shows this in place of the frames here, which say nothing about the error there.
        return self._lines


class RoleKernelDied(HEError, RuntimeError):
    """The kernel of a role ended without being asked to."""


class RoleKernel:
    """A kernel whose process has entered `role`. Starting one takes a second or two."""

    def __init__(self, role: str, workspace: Workspace) -> None:
        check_role(role)
        self.role = role
        # Not by Workspace.folder, which would refuse this process the folder of another role.
        folder = private_folder(workspace.root / role)
        with tempfile.TemporaryFile() as log:
            try:
                self._manager, self._client = start_kernel(workspace, role, folder, log, _START_SECONDS)
            except RuntimeError as error:
                raise RoleKernelDied(f"The kernel of the {role} did not start: {error}.{_tail(log)}") from None
        self._manager.shutdown_wait_time = _END_SECONDS
        try:
            self.run(f"from he_helpers import lab\nseat = lab.enter({role!r})", _Quiet())
        except BaseException:
            self.close()
            raise

    def run(self, code: str, show: _Show | _Quiet) -> None:
        """Runs `code` and gives every output to `show`.

        Raises RoleCellError for an error of the code, KeyboardInterrupt when it was interrupted, and
        RoleKernelDied when the process ended. An interrupt here interrupts the code there; a second one
        ends the kernel.
        """
        self._check_alive("since its last cell")
        asked = self._client.execute(code, allow_stdin=False, stop_on_error=False)
        error = self._follow(asked, show)
        with contextlib.suppress(queue.Empty):
            while True:
                self._client.shell_channel.get_msg(timeout=0)
        if error is not None:
            raise _error_of(error)

    def _follow(self, asked: str, show: _Show | _Quiet) -> dict[str, Any] | None:
        """Gives the outputs of the request `asked` to `show`; returns the content of its error, if any."""
        error = None
        interrupted = False
        while True:
            try:
                message = self._client.iopub_channel.get_msg(timeout=_POLL_SECONDS)
                if message["parent_header"].get("msg_id") != asked:
                    continue
                if _ends(message, asked):
                    return error
                if message["msg_type"] == "error":
                    error = message["content"]
                else:
                    show(message["msg_type"], message["content"])
            except queue.Empty:
                self._check_alive("in the middle of the cell")
            except KeyboardInterrupt:
                if interrupted:
                    self.close()
                    raise
                interrupted = True
                self._manager.interrupt_kernel()

    def _check_alive(self, when: str) -> None:
        if self.alive:
            return
        # jupyter_client declares nothing of the process that its provisioner holds.
        code = self._manager.provisioner.process.returncode  # type: ignore[union-attr]
        how = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"
        raise RoleKernelDied(
            f"The kernel of the {self.role} ended {when} ({how}). Its variables are gone: the next "
            f"%%role {self.role} cell starts a new one, so run that role's cells again from the first."
        )

    @property
    def alive(self) -> bool:
        """Whether the process lives."""
        return self._manager.is_alive()

    def close(self) -> None:
        """Ends the process. Closing twice is harmless."""
        stop_kernel(self._manager, self._client)


class _Quiet:
    """Shows nothing."""

    def __call__(self, kind: str, content: dict[str, Any]) -> None:
        pass


class _Show:
    """Shows outputs in the notebook of `shell` as if its own kernel had made them, below the mark of the role."""

    def __init__(self, shell: InteractiveShell, role: str) -> None:
        self._display = shell.display_pub
        self._mark = mark_of_cell(role)
        self._marked = False

    def mark(self) -> None:
        """Shows the mark, unless it stands there already."""
        if not self._marked:
            self._display.publish(self._mark)
            self._marked = True

    def __call__(self, kind: str, content: dict[str, Any]) -> None:
        if kind in ("stream", "display_data", "execute_result"):
            self.mark()
        if kind == "stream":
            stream = sys.stderr if content["name"] == "stderr" else sys.stdout
            stream.write(content["text"])
            stream.flush()
        elif kind in ("display_data", "execute_result", "update_display_data"):
            data = {mime: value for mime, value in content["data"].items() if mime != WIDGET}
            self._display.publish(
                data,
                content.get("metadata"),
                transient=content.get("transient"),
                update=kind == "update_display_data",
            )
        elif kind == "clear_output":
            self._display.clear_output(wait=content["wait"])
            self._marked = False


class RoleMagic:
    """`%%role NAME` for one notebook: its kernels, started when first used."""

    def __init__(self, shell: InteractiveShell, workspace: Workspace) -> None:
        self._shell = shell
        self._workspace = workspace
        self._kernels: dict[str, RoleKernel] = {}
        atexit.register(self.close)

    def __call__(self, line: str, cell: str) -> None:
        """Runs `cell` as the role that `line` names; a comment may follow the name."""
        role = line.partition("#")[0].strip()
        check_role(role)
        if role == entered_role():
            raise ValueError(f"This notebook is the {role}'s already: leave out the line %%role {role}.")
        if role not in self._kernels:
            with doing(f"Starting a process for the {role}: a few seconds."):
                self._kernels[role] = RoleKernel(role, self._workspace)
        # The first line stands for the magic's own, so that line numbers in errors are those of the cell as
        # written.
        code = cell if cell.lstrip().startswith("%%") else f"# %%role {role}\n{cell}"
        show = _Show(self._shell, role)
        show.mark()
        try:
            self._kernels[role].run(code, show)
        finally:
            if not self._kernels[role].alive:
                self._kernels.pop(role).close()

    def close(self) -> None:
        """Ends all of the kernels."""
        while self._kernels:
            self._kernels.popitem()[1].close()


def register_role_magic(shell: InteractiveShell, workspace: Workspace) -> None:
    """Gives `shell` the cell magic `%%role`. Doing it twice keeps the kernels that run."""
    if "role" not in shell.magics_manager.magics["cell"]:
        # IPython's decorator of this method hides that it is bound to the shell.
        shell.register_magic_function(RoleMagic(shell, workspace), "cell", "role")  # type: ignore[arg-type]


def _tail(log: IO[bytes]) -> str:
    log.seek(0)
    lines = log.read().decode(errors="replace").splitlines()[-5:]
    return "".join(f"\n  {line}" for line in ["The last lines of its log:", *lines]) if lines else ""


def _ends(message: dict[str, Any], asked: str) -> bool:
    return (
        message["parent_header"].get("msg_id") == asked
        and message["msg_type"] == "status"
        and message["content"]["execution_state"] == "idle"
    )


def _error_of(content: dict[str, Any]) -> BaseException:
    """The error here that stands for the error there: of the same name, with the same message and
    traceback."""
    if content["ename"] == "KeyboardInterrupt":
        return KeyboardInterrupt()
    kind = type(content["ename"], (RoleCellError,), {"__doc__": RoleCellError.__doc__})
    return kind(content["evalue"], [COLOUR.sub("", line) for line in content["traceback"]])
