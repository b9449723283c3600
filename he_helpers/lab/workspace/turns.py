"""Notebooks that make, and that use, the same dataset take turns while their cells run.

Notebook 04 takes the dataset of an earlier run away and makes it anew; 05 and 06 use it. When both are told to run at
the same moment, the second one waits until the first one's cells have run. Between cells that are run by hand nobody
waits: a notebook that is idle lets the others pass.
"""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from he_helpers.files import release_lock, take_lock
from he_helpers.lab.workspace.doing import doing
from he_helpers.lab.workspace.workspace import Workspace

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

_MAKES = {"04"}
_USE = {"05", "06", "17"}
_IDLE_SECONDS = 3.0
_POLL_SECONDS = 0.2
_turn_of: WeakKeyDictionary[InteractiveShell, Turn] = WeakKeyDictionary()


class Turn:
    """The right of one notebook to go on: of one that makes the dataset alone, of those that use it together.

    folder: what is locked, by the operating system; nothing is written there.
    """

    def __init__(self, folder: Path, alone: bool) -> None:
        self._shared = not alone
        self._descriptor = os.open(folder, os.O_RDONLY)
        self._changing = threading.Lock()
        self._held = self._busy = False
        self._idle_since = time.monotonic()
        threading.Thread(target=self._pass_on_when_idle, daemon=True).start()

    def take(self, *_: object) -> None:
        """Wait until no other notebook stands in the way; say so when that takes a moment."""
        if self._taken():
            return
        with doing("Waiting for another notebook, whose cells use the same dataset just now."):
            while not self._taken():
                time.sleep(_POLL_SECONDS)

    def _taken(self) -> bool:
        with self._changing:
            if self._held or take_lock(self._descriptor, shared=self._shared):
                self._held = self._busy = True
                return True
            return False

    def rest(self, *_: object) -> None:
        """The cell has run: others may pass when no further one follows soon."""
        with self._changing:
            self._busy, self._idle_since = False, time.monotonic()

    def _pass_on_when_idle(self) -> None:
        while True:
            time.sleep(_POLL_SECONDS)
            with self._changing:
                if self._held and not self._busy and time.monotonic() - self._idle_since > _IDLE_SECONDS:
                    release_lock(self._descriptor)
                    self._held = False


def take_turns(shell: InteractiveShell | None, workspace: Workspace, notebook: str) -> None:
    """Make `notebook`, which runs in `shell`, take turns with the others from this cell on; once for a shell."""
    if shell is None or notebook not in _MAKES | _USE or shell in _turn_of:
        return
    turn = Turn(workspace.handover, alone=notebook in _MAKES)
    _turn_of[shell] = turn
    shell.events.register("pre_run_cell", turn.take)
    shell.events.register("post_run_cell", turn.rest)
    turn.take()
