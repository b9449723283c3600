"""What a role's own client sent to the server and got from it, and what lies where now, renewed as cells run.

Counted are the bodies of the requests and answers of one client, in the process of the notebook. What other roles send
is not seen here: their processes have clients of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from IPython.core.getipython import get_ipython

from he_helpers.lab.figures import Picture, Role, Step, sequence, who_holds_what
from he_helpers.lab.figures.protocol.course import ROLES
from he_helpers.lab.notebook.measured import measured
from he_helpers.lab.stage.seat import Seat
from he_helpers.lab.widgets.live_picture import as_html
from he_helpers.lab.widgets.panel import Panel
from he_helpers.lab.workspace.workspace import WrongRole
from he_helpers.text import printable_line

if TYPE_CHECKING:
    from he_helpers.roles.connection import Exchange
    from he_helpers.roles.participant import Participant

_MOST_STEPS = 12
_SERVER = "server"
_KEYS = "public_keys"
# What travels, by the method and by the resource: the first part of the path and what stands behind the name or id.
_WORDS = {
    ("GET", "datasets"): "list of datasets",
    ("GET", "requests"): "list of requests",
    ("GET", "audit"): "audit trail",
    ("PUT", "datasets", "*"): "encrypted table, labels",
    ("GET", "datasets", "*"): "description of a dataset",
    ("DELETE", "datasets", "*"): "deletion of a dataset",
    ("PUT", "requests", "*"): "request for an aggregate",
    ("GET", "requests", "*"): "description of a request",
    ("POST", "requests", "*", "aggregation"): "call to add up",
    ("GET", "requests", "*", "aggregate"): "encrypted sums",
    ("PUT", "requests", "*", "decision"): "decision",
    ("PUT", "requests", "*", "result"): "sealed result",
    ("GET", "requests", "*", "result"): "sealed result",
}


class LiveProtocol(Panel):
    """The exchanges of ``participant``, who sits at ``seat``, with the server, and who holds what.

    As the last line of a cell it shows what has moved since the participant was made, and goes on as further cells run.
    Steps of one kind that follow each other are one arrow, and the last twelve are drawn; the table has all of them.
    ``exchanges`` is that table as numbers: times, sent and received in bytes. ``renew`` draws anew in code.

    Raises WrongRole for a seat without a role.
    """

    def __init__(self, seat: Seat, participant: Participant) -> None:
        if seat.role is None or seat.folder is None:
            raise WrongRole("This notebook has no role, so no client of its own talks to the server.")
        super().__init__([], "Newer arrows and sizes, after each further cell.")
        self._role = next(role for role in ROLES if role.name == seat.role)
        self._folder = seat.folder
        self._connection = participant.connection
        self._seen: Exchange | None = None
        self.exchanges = pd.DataFrame()
        self.renew()
        self._follow_cells()

    def renew(self) -> None:
        """Draw what has moved until now."""
        exchanges = list(self._connection.exchanges)
        self._seen = exchanges[-1] if exchanges else None
        self.exchanges = _table(exchanges)
        holdings = who_holds_what(self._role.name, [self._own_role(), _server(exchanges)])
        if not exchanges:
            self._put([holdings], "Nothing has moved between you and the server yet.")
            return
        steps = list(_steps(exchanges, self._role.name))[-_MOST_STEPS:]
        arrows = sequence(self._role.name, steps, [self._role, _of_course(_SERVER)])
        sent, received = map(_kilobytes, (self.exchanges["sent"].sum(), self.exchanges["received"].sum()))
        shown = self.exchanges.astype(object)
        for column in ("sent", "received"):
            shown[column] = shown[column].map(_kilobytes)
        self._put(
            [Picture(arrows.figure, arrows.alt, shown), holdings],
            f"Exchanges of your client with the server: {len(exchanges)}, {sent} sent and {received} received. "
            "What other roles exchange with the server is not seen from here.",
        )

    def _put(self, pictures: list[Picture], said: str) -> None:
        self.put("".join(map(as_html, pictures)), "\n".join(picture.alt for picture in pictures), said)

    def _follow_cells(self) -> None:
        """In a notebook, renew after each cell; an older picture, as of a cell that is run again, stays as it is."""
        shell = get_ipython()
        if shell is None:
            return
        for callback in list(shell.events.callbacks["post_run_cell"]):
            if isinstance(getattr(callback, "__self__", None), LiveProtocol):
                shell.events.unregister("post_run_cell", callback)
        shell.events.register("post_run_cell", self._after_a_cell)

    def _after_a_cell(self, *_: Any) -> None:
        exchanges = self._connection.exchanges
        if exchanges and exchanges[-1] is not self._seen:
            self.renew()

    def _own_role(self) -> Role:
        """This role, with what lies in its own folder now."""
        held = [f"{name}: {_kilobytes(size)}" for name, size in _sizes(self._folder)]
        secret = any((self._folder / _KEYS).glob("*.key"))
        return Role(self._role.name, self._role.title, secret, tuple(held) or ("nothing",), self._role.reads)


def _of_course(name: str) -> Role:
    return next(role for role in ROLES if role.name == name)


def _server(exchanges: Iterable[Exchange]) -> Role:
    """The server, with all that this client ever sent: that something was deleted there is the server's word."""
    server = _of_course(_SERVER)
    accepted = [exchange for exchange in exchanges if exchange.sent and 200 <= exchange.status < 300]
    got = tuple(f"{row.Index}{_times(row.times)}: {_kilobytes(row.sent)}" for row in _table(accepted).itertuples())
    return Role(server.name, server.title, False, got or ("nothing from this client yet",), server.reads)


def _sizes(folder: Path) -> list[tuple[str, int]]:
    """What lies in a role's folder, with the bytes of each file and of each folder's files."""
    found = [
        (path.name, sum(file.stat().st_size for file in (path, *path.rglob("*")) if file.is_file()))
        for path in sorted(folder.iterdir())
    ]
    return [(printable_line(name), size) for name, size in found if size]


def _name(exchange: Exchange) -> str:
    """What travels, in words; a refused exchange carries the reason back."""
    first, *rest = exchange.path
    known = (exchange.method, first, *["*"][: len(rest)], *rest[1:])
    words = _WORDS.get(known, f"{exchange.method} {first}")
    return words if 200 <= exchange.status < 300 else f"{words}: refused ({exchange.status})"


def _steps(exchanges: Iterable[Exchange], role: str) -> Iterator[Step]:
    """An arrow for each run of exchanges of one kind: towards the server for what is put there or asked of it, from the
    server for what is fetched."""
    for (method, words), run in groupby(exchanges, key=_kind):
        members = list(run)
        fetched = method == "GET"
        size = sum(exchange.received if fetched else exchange.sent for exchange in members)
        said = words + _times(len(members)) + (f": {_kilobytes(size)}" if size else "")
        yield Step(_SERVER, role, said) if fetched else Step(role, _SERVER, said)


def _times(count: int) -> str:
    return f", {count} times" if count > 1 else ""


def _kind(exchange: Exchange) -> tuple[str, str]:
    return exchange.method, _name(exchange)


def _table(exchanges: Iterable[Exchange]) -> pd.DataFrame:
    """A row for each kind: how often, and the bytes in both directions."""
    rows = [(_name(exchange), 1, exchange.sent, exchange.received) for exchange in exchanges]
    frame = pd.DataFrame(rows, columns=["what", "times", "sent", "received"])
    return frame.groupby("what", sort=False).sum()


def _kilobytes(size: int) -> str:
    return str(measured(size / 1000, "kB"))
