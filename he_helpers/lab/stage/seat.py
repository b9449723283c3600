"""What a person in a role has before them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from he_helpers.lab.workspace.workspace import Workspace, WrongRole


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
