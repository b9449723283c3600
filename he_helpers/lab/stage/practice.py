"""A server for practice: with a store of its own whose operator the learner plays, without harm to the course's server.

It lies in the folder of what is handed over, so that every role can reach its file; a real server's folder is closed.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

from he_helpers.audit.chain import START, leaf_of, next_digest
from he_helpers.files import private_folder, write_private
from he_helpers.lab.stage.seat import Seat
from he_helpers.lab.workspace.server_process import ServerProcess
from he_helpers.lab.workspace.workspace import Workspace

_ROLES = ("administrator", "analyst")
_OF_CHAIN = ("nonce", "leaf", "digest")
_ALL_EVENTS = "SELECT * FROM audit_events ORDER BY sequence"


class PracticeServer(ServerProcess):
    """A running server with accounts for the administrator and the analyst: at first nothing else is in its store.

    name: of its folder; the first one, "first", takes away what an earlier run left. copy_of: another one, of whose
    store this one gets a copy, with the same accounts. ``store`` is its SQLite file, and ``events()`` what its trail
    holds. It lives until stop(), or until the next first one begins. Raises ServerNotStarted.
    """

    def __init__(self, seat: Seat, name: str = "first", copy_of: PracticeServer | None = None) -> None:
        root = private_folder(seat.handover / "practice")
        for left in [root / name] if copy_of else [folder for folder in root.iterdir() if folder.is_dir()]:
            if left.exists():
                ServerProcess(Workspace(seat.handover.parent), "server", left).stop()
        if copy_of is None:
            shutil.rmtree(root)
        folder = private_folder(root / name)
        super().__init__(Workspace(seat.handover.parent), "server", folder)
        self.store = folder / "store.sqlite3"
        if copy_of is None:
            self._make_accounts(private_folder(folder / "tokens"))
        else:
            shutil.copytree(copy_of.store.parent / "tokens", folder / "tokens", copy_function=shutil.copy2)
            os.close(os.open(self.store, os.O_CREAT, 0o600))
            with closing(sqlite3.connect(copy_of.store)) as source, closing(sqlite3.connect(self.store)) as target:
                source.backup(target)
        self.server = self.launch()

    def __repr__(self) -> str:
        return f"PracticeServer({self.store.parent.name!r}, {len(self.events())} events)"

    def events(self) -> list[dict[str, Any]]:
        """The rows of the trail as they lie in the store, in order."""
        with closing(sqlite3.connect(self.store, timeout=30)) as database:
            database.row_factory = sqlite3.Row
            return [dict(row) for row in database.execute(_ALL_EVENTS)]

    def execute(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Run an SQL statement on the store, as its operator can with any tool; returns the rows that it gives."""
        with closing(sqlite3.connect(self.store, timeout=30)) as database, database:
            return database.execute(statement, values).fetchall()

    def put_back(self, events: list[dict[str, Any]]) -> None:
        """Put these rows in the place of the whole trail."""
        places = ", ".join("?" * len(events[0]))
        with closing(sqlite3.connect(self.store, timeout=30)) as database, database:
            database.execute("DELETE FROM audit_events")
            rows = [tuple(event.values()) for event in events]
            database.executemany(f"INSERT INTO audit_events VALUES ({places})", rows)

    def forge(self, number: int, detail: str) -> None:
        """Change an event's ``detail`` as a careful operator does: a leaf that fits, and all later digests anew."""
        before, forged = START, []
        for event in self.events():
            if event["sequence"] == number:
                event["detail"] = detail
                said = {name: value for name, value in event.items() if name not in _OF_CHAIN}
                event["leaf"] = leaf_of(bytes.fromhex(event["nonce"]), {**said, "custodians": []}).hex()
            before = next_digest(before, bytes.fromhex(event["leaf"]))
            forged.append({**event, "digest": before.hex()})
        self.put_back(forged)

    def _make_accounts(self, tokens: Path) -> None:
        from he_helpers.server.release.accounts import add_account
        from he_helpers.server.storage.store import Store

        store = Store.in_folder(self.store.parent)
        for role in _ROLES:
            write_private(tokens / role, add_account(store, role, role).encode("ascii"))
        store.close()

    def _command(self) -> list[str]:
        run = [sys.executable, "-m", "he_helpers.server", "run", "--folder", str(self.store.parent), "--port", "0"]
        # One learner alone asks it.
        return [*run, "--workers", "1"]


def practice_seat(seat: Seat, server: str = "first", person: str = "practice") -> Seat:
    """The seat of the same role at a practice server, with a folder of its own below the role's.

    The folder is new when the first practice server is. person: another folder, as of somebody new in the same role.
    """
    assert seat.folder is not None and seat.role in _ROLES, "administrator and analyst have accounts there"
    at_server = seat.handover / "practice" / server
    token, folder = (at_server / "tokens" / seat.role).read_bytes(), seat.folder / person
    if folder.exists() and (folder / "token").read_bytes() != token:
        shutil.rmtree(folder)
    write_private(private_folder(folder) / "token", token)
    return Seat(seat.role, folder, (at_server / "address").read_text("utf-8").strip(), seat.handover)
