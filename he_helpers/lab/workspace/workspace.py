"""The folders of the course: one for each role, one for what people hand over, one for what they know by
heart.

    workspace/
        administrator/  analyst/  server/    one folder a role; only that role's processes use it
        company/  customer/                  the roles of encrypted prediction, notebooks 09 and 10
        person/  research/                   the roles of the health screening, notebook 12
        custodian_1/ ... custodian_3/        who share a key, notebook 20
        nobody/                              what a notebook without a role keeps
        handover/                            what people give each other in person: addresses and public keys
        in_mind/                             random passphrases that stand for what a person knows by heart

On a real system each role works on a machine of its own. Here they are processes of one person, so the
operating system cannot keep them apart; the workspace does, by refusing a process that has entered one role
the folder of another. That catches mistakes, not attacks: whoever runs the course owns all of its files.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from pathlib import Path

from he_helpers.errors import HEError
from he_helpers.files import FolderNotMade, alone_with, private_folder, read_private, write_private

# Who has an account at the server, which has the same name, and the role of that account there.
ACCOUNTS = {
    "administrator": "administrator",
    "analyst": "analyst",
    "custodian_1": "custodian",
    "custodian_2": "custodian",
    "custodian_3": "custodian",
}
_WITHOUT_ACCOUNT = ("server", "company", "customer", "person", "research")
# The custodians last: the colour of a role goes by its place.
ROLES = ("administrator", "analyst", *_WITHOUT_ACCOUNT, "custodian_1", "custodian_2", "custodian_3")
WORKSPACE_VARIABLE = "HE_COURSE_WORKSPACE"
ROLE_VARIABLE = "HE_COURSE_ROLE"
_NOBODY = "nobody"
_OF_ALL = ("handover", "in_mind")
_LONGEST_PASSPHRASE = 1000
PROJECT = Path(__file__).resolve().parents[3]


class WrongRole(HEError, PermissionError):
    """A process of one role asked for something that belongs to another role."""


class UnknownRole(HEError, ValueError):
    """A role that the course does not have."""


class NoWorkspace(HEError, OSError):
    """The workspace's folder cannot be made or written to."""


class Workspace:
    """The folders of one run of the course.

    `root` is the workspace's folder; without it, the environment variable HE_COURSE_WORKSPACE names it, and
    without that it is `workspace/` in the project. Nothing is created before it is asked for; every folder
    has mode 0700. A folder or a passphrase that another account has laid there, or can get at, is refused
    (ExposedFile), and so is a symbolic link inside the workspace (UnreadableFile). NoWorkspace is raised where the
    folder cannot be made, in a checkout that is read-only for instance.
    """

    def __init__(self, root: str | os.PathLike[str] | None = None) -> None:
        self.root = Path(root or os.environ.get(WORKSPACE_VARIABLE) or PROJECT / "workspace").expanduser().resolve()

    def __repr__(self) -> str:
        return f"Workspace({self.root.name!r})"

    @property
    def handover(self) -> Path:
        """The folder of what people hand over in person; every role may read and write it."""
        return self._made("handover")

    def folder(self, role: str | None, make: bool = True) -> Path:
        """The folder of `role`; None: of nobody in particular, for a notebook without a role.

        make: False to make nothing, for one who only looks whether something is there.
        Raises UnknownRole, and WrongRole when this process has entered another role, or one at all for None.
        """
        if role is not None:
            check_role(role)
        if entered_role() not in (None, role):
            whose = f"of the {role}" if role else "of nobody in particular"
            raise WrongRole(
                f"The folder {whose} is closed to you: this process {_who()}. "
                + (
                    f"What the {role} gives away lies in the folder handover/ or comes over HTTP from the server; to "
                    f"act as the {role}, use %%role {role}."
                    if role
                    else "It is open in a notebook that has entered no role, such as 00."
                )
            )
        name = role or _NOBODY
        return self._made(name) if make else self.root / name

    def passphrase(self, role: str) -> str:
        """The passphrase that the person in `role` knows by heart: random, made once, the same ever after.

        Raises UnknownRole, and WrongRole unless this process has entered that very role.
        """
        check_role(role)
        if entered_role() != role:
            raise WrongRole(
                f"Only the {role} knows the {role}'s passphrase, and this process {_who()}. "
                f"Begin with lab.enter({role!r}), or run the cell as that role with %%role {role}."
            )
        folder = self._made("in_mind")
        file = folder / role
        with alone_with(folder):
            if not file.exists():
                write_private(file, secrets.token_urlsafe(24).encode("ascii"))
        return read_private(file, _LONGEST_PASSPHRASE).decode("ascii")

    def clear(self) -> None:
        """Take away all that the course has made here, keys included, and nothing else that lies in the folder.

        Raises WrongRole in a process that has entered a role.
        """
        if entered_role() is not None:
            raise WrongRole(f"A workspace is cleared for all roles at once, and this process {_who()}.")
        for name in (*ROLES, _NOBODY, *_OF_ALL):
            shutil.rmtree(self.root / name, ignore_errors=True)
        with contextlib.suppress(OSError):
            self.root.rmdir()

    def _made(self, name: str) -> Path:
        try:
            private_folder(self.root)
            return private_folder(self.root / name)
        except FolderNotMade as error:
            raise NoWorkspace(
                f"The folder {self.root} for the roles' files cannot be made or written to ({error.reason}). Name "
                f"another one in the shell, and start again: export {WORKSPACE_VARIABLE}=~/he-course-workspace"
            ) from None


def check_role(role: str) -> None:
    """Raises UnknownRole, listing the roles, when the course has no such role."""
    if role not in ROLES:
        raise UnknownRole(f"There is no role {role!r}. The roles are: {', '.join(ROLES)}.")


def entered_role() -> str | None:
    """The role that this process has entered, or None."""
    return os.environ.get(ROLE_VARIABLE) or None


def enter_role(role: str) -> None:
    """Makes this process, and the processes that it starts, act in `role` for as long as it lives.

    Raises UnknownRole, and WrongRole when the process has entered another role before.
    """
    check_role(role)
    entered = entered_role()
    if entered is not None and entered != role:
        raise WrongRole(
            f"This process {_who()} and stays that. Restart the kernel to begin as the {role}, or run single "
            f"cells as the {role} with %%role {role}."
        )
    os.environ[ROLE_VARIABLE] = role


def environment_for(workspace: Workspace, role: str | None) -> dict[str, str]:
    """The environment of a new Python process that acts in `role` (None: in no role) in `workspace`."""
    environment = {name: value for name, value in os.environ.items() if name != ROLE_VARIABLE}
    environment[WORKSPACE_VARIABLE] = str(workspace.root)
    # The process may run in another folder than this one, where `import he_helpers` has to work all the same.
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(PROJECT), os.environ.get("PYTHONPATH")]))
    # Threads for large matrices, which nothing here multiplies, would look for work as long as numpy's import takes.
    environment.setdefault("OPENBLAS_NUM_THREADS", "1")
    if role is not None:
        environment[ROLE_VARIABLE] = role
    return environment


def _who() -> str:
    entered = entered_role()
    return f"acts as the {entered}" if entered else "has entered no role"
