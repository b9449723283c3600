"""A notebook's first step: entering a role."""

from __future__ import annotations

from typing import TYPE_CHECKING

from he_helpers.lab.stage.seat import Seat
from he_helpers.lab.workspace.doing import notebook_shell
from he_helpers.lab.workspace.workspace import Workspace, enter_role

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


def enter(role: str | None, notebook: str | None = None) -> Seat:
    """Makes this process act in `role`, and gives its seat.

    It finds or starts the server; makes, in processes of the proper roles, what the notebooks before `notebook`
    ("04") would have left, and takes away what an earlier run of `notebook` itself left; and, in a notebook, says
    each of this while it is done, registers the cell magic `%%role`, shortens tracebacks, sets the style of
    figures and says who one is. Notebooks that make and that use the same dataset take turns (`turns`). Entering
    the same role again is harmless.

    Raises UnknownRole, WrongRole when this process is in another role, ServerNotStarted, CatchUpFailed, and
    ValueError for a notebook that the course does not have.
    """
    # Each of these loads more than a plain `import he_helpers.lab` should.
    from he_helpers.lab.stage.catch_up import catch_up
    from he_helpers.lab.workspace.server_process import find_or_start_server
    from he_helpers.lab.workspace.turns import take_turns

    if role is not None:
        enter_role(role)
    workspace = Workspace()
    server = find_or_start_server(workspace)
    shell = notebook_shell()
    if notebook is not None:
        take_turns(shell, workspace, notebook)
        catch_up(workspace, notebook)
    if shell is not None:
        _prepare_notebook(shell, workspace, role)
    return Seat(role, workspace.folder(role) if role else None, server, workspace.handover)


def _prepare_notebook(shell: InteractiveShell, workspace: Workspace, role: str | None) -> None:
    """What only a notebook has: the magic, short tracebacks, the style of figures and the mark of the role."""
    from he_helpers.lab.figures.theme import apply_style
    from he_helpers.lab.notebook.compact_errors import use_compact_errors
    from he_helpers.lab.stage.role_kernels.role_kernel import register_role_magic
    from he_helpers.lab.stage.role_kernels.role_mark import mark_of_seat

    apply_style()
    use_compact_errors(shell)
    register_role_magic(shell, workspace)
    shell.display_pub.publish(mark_of_seat(role, workspace))
