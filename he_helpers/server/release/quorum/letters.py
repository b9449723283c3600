"""A relay of sealed letters: custodians make a key together, and no two of them need be there at the same time.

The server sees who writes to whom, when, and how much. What is in a letter it cannot read. A letter waits until who it
is for takes it away; how many of an account may wait, and how large, is bounded by the quotas.
"""

from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select

from he_helpers.server.http.problems import Problem
from he_helpers.server.release.accounts import Account
from he_helpers.server.release.audit import record_event
from he_helpers.server.storage.paging import Page
from he_helpers.server.storage.schema import accounts, letters
from he_helpers.server.storage.store import Store

# A dealer of shares is an administrator; so may be who uploads under a key that custodians made.
CORRESPONDENTS = ("custodian", "administrator")


def send_letter(store: Store, sender: Account, recipient: str, name: str, sealed: bytes) -> bool:
    """Keep a letter for ``recipient``; False if the same one waits already.

    Raises Problem: wrong-role, not-found for who is no custodian or administrator, name-taken if another letter of that
    name from this sender waits, quota-exceeded.
    """
    sender.check_role(*CORRESPONDENTS)

    def step(connection: Connection) -> bool:
        role = connection.scalar(select(accounts.c.role).where(accounts.c.name == recipient))
        if role not in CORRESPONDENTS:
            raise Problem("not-found", "There is no custodian or administrator of that name here.")
        waiting = _find(connection, sender.name, recipient, name)
        if waiting is not None:
            if waiting.content == sealed:
                return False
            raise Problem(
                "name-taken",
                f"A letter of yours with the name {name!r} waits for {recipient!r} already. Choose another name.",
            )
        store.quotas.check_new_letter(connection, sender.name, len(sealed))
        values = {"sender": sender.name, "recipient": recipient, "name": name, "content": sealed}
        connection.execute(insert(letters), values)
        _record(connection, sender, "letter sent", Account(recipient, role), f"{name}, {len(sealed)} bytes")
        return True

    return store.write(step)


def list_letters(store: Store, account: Account, page: Page) -> list[dict[str, Any]]:
    """The letters of a page that wait for ``account``, in the order in which they came: number, sender, name, bytes."""
    shown = (letters.c.number, letters.c.sender, letters.c.name, func.length(letters.c.content).label("bytes"))
    wanted = select(*shown).where(letters.c.recipient == account.name)
    with store.reading() as connection:
        return [dict(row._mapping) for row in connection.execute(page.of(wanted, letters.c.number))]


def read_letter(store: Store, account: Account, sender: str, name: str) -> bytes:
    """The bytes of a letter to ``account``. Raises Problem (not-found)."""
    with store.reading() as connection:
        return _find_own(connection, account, sender, name).content


def take_letter_away(store: Store, account: Account, sender: str, name: str) -> None:
    """Remove a letter to ``account``. Raises Problem (not-found)."""

    def step(connection: Connection) -> None:
        letter = _find_own(connection, account, sender, name)
        connection.execute(delete(letters).where(letters.c.number == letter.number))
        role = connection.execute(select(accounts.c.role).where(accounts.c.name == sender)).scalar_one()
        _record(connection, account, "letter taken away", Account(sender, role), name)

    store.write(step)


def _find(connection: Connection, sender: str, recipient: str, name: str) -> Row | None:
    of_both = letters.c.sender == sender, letters.c.recipient == recipient
    return connection.execute(select(letters).where(*of_both, letters.c.name == name)).first()


def _find_own(connection: Connection, account: Account, sender: str, name: str) -> Row:
    letter = _find(connection, sender, account.name, name)
    if letter is None:
        raise Problem("not-found", "No letter of that name from that sender waits for you.")
    return letter


def _record(connection: Connection, by: Account, action: str, other: Account, detail: str) -> None:
    """Append an event that both may read."""
    both = (by, other)
    record_event(
        connection,
        account=by.name,
        role=by.role,
        action=action,
        detail=f"{detail}, {'to' if action == 'letter sent' else 'from'} {other.name}",
        owner=next((one.name for one in both if one.role == "administrator"), None),
        custodians=sorted({one.name for one in both if one.role == "custodian"}),
    )
