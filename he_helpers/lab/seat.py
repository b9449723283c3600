"""A notebook's first step: entering a role."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from he_helpers.lab.workspace import Workspace, WrongRole, enter_role

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


@dataclass(frozen=True, repr=False)
class Seat:
    """What a person in a role has before them.

    role: the role's name; None for a notebook that belongs to nobody in particular.
    folder: the role's own folder; None without a role.
    server: the address of the server, such as "http://127.0.0.1:8000".
    handover: the folder of what people hand over in person.
    """

    role: str | None
    folder: Path | None
    server: str
    handover: Path

    def passphrase(self) -> str:
        """What this person knows by heart. Raises WrongRole without a role."""
        if self.role is None:
            raise WrongRole("This notebook has no role, so there is nobody to know a passphrase. Enter a role first.")
        return Workspace(self.handover.parent).passphrase(self.role)

    def __repr__(self) -> str:
        # Without folder and address, which are different on every machine and would be stored with a
        # notebook.
        return f"<Seat of the {self.role}>" if self.role else "<Seat without a role>"


def enter(role: str | None, notebook: str | None = None) -> Seat:
    """Makes this process act in `role`, and gives its seat.

    It finds or starts the server; quietly makes, in processes of the proper roles, what the notebooks
    before `notebook` ("04") would have left, and takes away what an earlier run of `notebook` itself left;
    and, in a notebook, registers the cell magic `%%role`, shortens tracebacks and sets the style of
    figures. Notebooks that make and that use the same dataset take turns (`turns`). Entering the same role again is
    harmless.

    Raises UnknownRole, WrongRole when this process is in another role, ServerNotStarted, CatchUpFailed, and
    ValueError for a notebook that the course does not have.
    """
    # Each of these loads more than a plain `import he_helpers.lab` should.
    from he_helpers.lab.catch_up import catch_up
    from he_helpers.lab.server_process import find_or_start_server
    from he_helpers.lab.turns import take_turns

    if role is not None:
        enter_role(role)
    workspace = Workspace()
    server = find_or_start_server(workspace)
    shell = _shell()
    if notebook is not None:
        take_turns(shell, workspace, notebook)
        catch_up(workspace, notebook)
    if shell is not None:
        _prepare_notebook(shell, workspace)
    return Seat(role, workspace.folder(role) if role else None, server, workspace.handover)


def _shell() -> InteractiveShell | None:
    """The notebook's own shell; None in a process that is no notebook."""
    if "IPython" not in sys.modules:
        return None
    from IPython import get_ipython

    return get_ipython()


def _prepare_notebook(shell: InteractiveShell, workspace: Workspace) -> None:
    """What only a notebook has: the magic, short tracebacks and the style of figures."""
    from he_helpers.lab.compact_errors import use_compact_errors
    from he_helpers.lab.figures import apply_style
    from he_helpers.lab.role_kernel import register_role_magic

    apply_style()
    use_compact_errors(shell)
    register_role_magic(shell, workspace)
