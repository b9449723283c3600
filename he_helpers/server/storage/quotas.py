"""How much may be kept in the store, by an account and by all of them."""

from dataclasses import dataclass, fields

from sqlalchemy import Connection, Select, bindparam, func, literal, select

from he_helpers.server.http.problems import Problem
from he_helpers.server.storage.schema import (
    aggregates,
    audit_events,
    custodian_answers,
    datasets,
    letters,
    release_requests,
    results,
)

_CLOSED = ("refused", "released")


@dataclass(frozen=True)
class Quotas:
    """The most that the store keeps.

    The bytes of an account are those of its datasets with their labels, of all aggregates and sealed results on them,
    of the partial decryptions that it left, and of the letters that it sent and that still wait. A request is open
    until it is refused or its result is released. The events of an account are those of the audit trail that it caused;
    who has caused too many begins nothing new, and brings what was begun to its end: a few events more for each dataset
    and request.
    """

    account_bytes: int = 4 * 2**30
    account_datasets: int = 200
    account_open_requests: int = 200
    account_letters: int = 1000
    account_events: int = 100_000
    total_bytes: int = 16 * 2**30

    def __post_init__(self) -> None:
        for limit in fields(self):
            if getattr(self, limit.name) < 1:
                raise ValueError(f"The quota {limit.name} is a whole number, at least 1.")

    def check_new_dataset(self, connection: Connection, owner: str, size: int) -> None:
        """Raise Problem (quota-exceeded) if ``owner`` may not add a dataset of ``size`` bytes."""
        kept = connection.execute(select(func.count()).where(datasets.c.owner == owner)).scalar_one()
        if kept >= self.account_datasets:
            raise Problem(
                "quota-exceeded",
                f"This account keeps {kept:,} datasets, and {self.account_datasets:,} is the most here. "
                "Delete one that is no longer needed, or ask the server's operator for more.",
            )
        self.check_new_bytes(connection, owner, size)
        self.check_new_event(connection, owner)

    def check_new_bytes(self, connection: Connection, owner: str, size: int) -> None:
        """Raise Problem (quota-exceeded) if ``size`` bytes more of the account ``owner`` are too many."""
        kept = _kept_bytes(connection, owner)
        if kept + size > self.account_bytes:
            raise Problem(
                "quota-exceeded",
                f"What is kept for {owner!r} takes {kept:,} bytes with the aggregates and results on it; {size:,} more "
                f"would pass the {self.account_bytes:,} that an account may take here. Their owner can delete datasets "
                "that are no longer needed, or ask the server's operator for more.",
            )
        if _kept_bytes(connection) + size > self.total_bytes:
            raise Problem(
                "quota-exceeded",
                f"The server has no room for {size:,} bytes more. Delete datasets that are no longer needed, or ask "
                "the server's operator for more.",
            )

    def check_new_request(self, connection: Connection, analyst: str) -> None:
        """Raise Problem (quota-exceeded) if ``analyst`` may not file one more request."""
        theirs = release_requests.c.analyst == analyst
        is_open = release_requests.c.status.not_in(_CLOSED)
        open_requests = connection.execute(select(func.count()).where(theirs, is_open)).scalar_one()
        if open_requests >= self.account_open_requests:
            raise Problem(
                "quota-exceeded",
                f"This account has {open_requests:,} open requests, and {self.account_open_requests:,} is the most "
                "here. Wait until some of them are released or refused.",
            )
        self.check_new_event(connection, analyst)

    def check_new_letter(self, connection: Connection, sender: str, size: int) -> None:
        """Raise Problem (quota-exceeded) if ``sender`` may not have one more letter of ``size`` bytes wait."""
        waiting = connection.execute(select(func.count()).where(letters.c.sender == sender)).scalar_one()
        if waiting >= self.account_letters:
            raise Problem(
                "quota-exceeded",
                f"{waiting:,} letters of this account wait, and {self.account_letters:,} is the most here. A letter "
                "goes when who it is for takes it away.",
            )
        self.check_new_bytes(connection, sender, size)
        self.check_new_event(connection, sender)

    def check_new_event(self, connection: Connection, account: str) -> None:
        """Raise Problem (quota-exceeded) if ``account`` may not cause one more event by something new."""
        caused = connection.execute(select(func.count()).where(audit_events.c.account == account)).scalar_one()
        if caused >= self.account_events:
            raise Problem(
                "quota-exceeded",
                f"The audit trail keeps all that an account does, and {self.account_events:,} events is the most here. "
                "This account can begin nothing new; ask the server's operator for more.",
            )


def _kept_bytes(connection: Connection, owner: str | None = None) -> int:
    """The bytes kept for ``owner``, or for everybody."""
    return int(connection.execute(_KEPT if owner is None else _KEPT_FOR, {"by": owner}).scalar_one())


def _total(*sums: Select) -> Select:
    """All ``sums`` together, of which each may be of nothing."""
    return select(sum((func.coalesce(one.scalar_subquery(), 0) for one in sums), literal(0)))


# Written once, and one statement: it takes longer to put them together than to have them answered.
_OF_DATASETS = (
    select(func.sum(datasets.c.size + func.length(datasets.c.label_part))),
    *(
        select(func.sum(func.length(table.c.content))).select_from(table.join(release_requests).join(datasets))
        for table in (aggregates, results)
    ),
)
_PARTIALS = select(func.sum(func.length(custodian_answers.c.content)))
_LETTERS = select(func.sum(func.length(letters.c.content)))
_KEPT = _total(*_OF_DATASETS, _PARTIALS, _LETTERS)
_KEPT_FOR = _total(
    *(query.where(datasets.c.owner == bindparam("by")) for query in _OF_DATASETS),
    _PARTIALS.where(custodian_answers.c.custodian == bindparam("by")),
    _LETTERS.where(letters.c.sender == bindparam("by")),
)
