"""Datasets in the store: an encrypted table under a name, with its owner and its smallest group size.

Names are unique among all owners, since analysts see all datasets by name. So whoever uploads can learn that a name is
used by another administrator; everything else about another one's dataset is answered as if there were none.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, BinaryIO

from sqlalchemy import Connection, Row, Select, bindparam, delete, insert, select, update

from he_helpers.server.http.bodies import Body
from he_helpers.server.http.problems import Problem
from he_helpers.server.release.accounts import Account
from he_helpers.server.release.audit import SERVER, record_event
from he_helpers.server.release.custodians import add_custodians, custodians_of, datasets_of
from he_helpers.server.storage.paging import LARGEST_PAGE, Page
from he_helpers.server.storage.schema import dataset_parts, datasets
from he_helpers.server.storage.store import Store

# How many bytes of a dataset are in memory at a time while it is stored or copied.
PART_BYTES = 2**20

_ABOUT = (
    datasets.c.name,
    datasets.c.owner,
    datasets.c.minimum_group_size,
    datasets.c.contributor_label,
    datasets.c.threshold,
    datasets.c.size,
    datasets.c.digest,
    datasets.c.set_aside,
)


@dataclass(frozen=True)
class Dataset:
    """A dataset without its bytes: ``digest`` is their SHA-256 in hexadecimal, ``size`` their number.

    No group of fewer than ``minimum_group_size`` contributors is answered. ``contributor_label`` is the label whose
    values tell contributors apart; None: each row is one. ``set_aside`` is the reason for which the server no longer
    computes on it, None while it does. Two are equal when they are the same dataset, set aside or not.

    A result is released by ``threshold`` of its ``custodians`` together; None and none of them: by the owner.
    """

    name: str
    owner: str
    minimum_group_size: int
    contributor_label: str | None
    threshold: int | None
    size: int
    digest: str
    set_aside: str | None = field(compare=False)
    custodians: tuple[str, ...]

    def check_in_use(self) -> None:
        """Raise Problem (set-aside) if the server no longer computes on it."""
        if self.set_aside is not None:
            raise self.no_longer_in_use(self.set_aside)

    def no_longer_in_use(self, reason: str) -> Problem:
        """What is answered to whoever wants something computed on it, once it is set aside for this ``reason``."""
        return Problem("set-aside", f"The server no longer computes on the dataset {self.name!r}: {reason}")


def add_dataset(
    store: Store,
    owner: Account,
    name: str,
    body: Body,
    *,
    minimum_group_size: int,
    contributor_label: str | None,
    description: dict[str, Any],
    label_part: bytes,
    custodians: Sequence[str] = (),
    threshold: int | None = None,
) -> bool:
    """Store a dataset with its ``label_part`` (the bytes of its TableHeader); False if the same one is there already.

    custodians, threshold: see Dataset. Raises Problem: wrong-role, name-taken if the name holds another one,
    quota-exceeded, unknown-name for a custodian who has no account.
    """
    owner.check_role("administrator")
    about = {
        "owner": owner.name,
        "minimum_group_size": minimum_group_size,
        "contributor_label": contributor_label,
        "threshold": threshold,
        "size": body.size,
        "digest": body.sha256,
    }

    def step(connection: Connection) -> bool:
        known = connection.execute(select(*_ABOUT).where(datasets.c.name == name)).first()
        if known is not None:
            same = custodians_of(connection, [name])[name] == tuple(sorted(custodians))
            if same and all(known._mapping[member] == value for member, value in about.items()):
                return False
            raise _taken(name, own=known.owner == owner.name)
        store.quotas.check_new_dataset(connection, owner.name, body.size + len(label_part))
        described = {"description": description, "summary": summary_of(description), "label_part": label_part}
        connection.execute(insert(datasets), {"name": name, **described, **about})
        add_custodians(connection, name, custodians)
        store_parts(connection, name, body)
        _record(
            connection,
            owner,
            "dataset stored",
            name,
            owner.name,
            f"{body.size} bytes, SHA-256 {body.sha256}, smallest group {minimum_group_size}, "
            + (f"contributors by {contributor_label!r}" if contributor_label else "contributors are rows")
            + (f", released by {threshold} of {', '.join(sorted(custodians))}" if custodians else ""),
        )
        return True

    return store.write(step)


def store_parts(connection: Connection, name: str, body: Body) -> None:
    """Write the bytes of the dataset ``name``, of which none are there."""
    body.file.seek(0)
    for part, some in enumerate(iter(lambda: body.file.read(PART_BYTES), b"")):
        connection.execute(insert(dataset_parts), {"dataset": name, "part": part, "content": some})


def summary_of(description: dict[str, Any]) -> dict[str, Any]:
    """A description for listings, with the number of values in the place of a label's values."""
    return {**description, "labels": {label: len(of) for label, of in description["labels"].items()}}


def find_dataset(connection: Connection, name: str, account: Account) -> Dataset:
    """The dataset ``name``, if ``account`` may know of it: its owner, its custodians, or any analyst.

    Raises Problem (not-found) with names that the account can see. Another administrator's dataset is not found either.
    """
    row = connection.execute(_one_visible_to(account.role), {"account": account.name, "name": name}).first()
    if row is None:
        listed = _visible(select(datasets.c.name), account.role).order_by(datasets.c.name).limit(LARGEST_PAGE)
        known = list(connection.scalars(listed, {"account": account.name}))
        raise Problem(
            "not-found",
            f"There is no dataset {name!r}. " + (f"Known are: {', '.join(known)}." if known else "There is none yet."),
            known=known,
        )
    return _dataset(row, custodians_of(connection, [name])[name])


def find_own_dataset(connection: Connection, name: str, account: Account) -> Dataset:
    """The dataset ``name`` of ``account``. Raises Problem: wrong-role for who is no administrator, not-found."""
    account.check_role("administrator")
    return find_dataset(connection, name, account)


def describe_dataset(store: Store, name: str, account: Account) -> dict[str, Any]:
    """What the server can read of a dataset: labels, columns, sizes; the values are ciphertexts."""
    with store.reading() as connection:
        dataset = find_dataset(connection, name, account)
        description = connection.execute(select(datasets.c.description).where(datasets.c.name == name)).scalar_one()
    return _described(dataset, description)


def list_datasets(store: Store, account: Account, page: Page) -> list[dict[str, Any]]:
    """The datasets of a page, by name: an administrator's own ones, a custodian's, for an analyst all.

    Each is described as in `describe_dataset`, with the number of values in the place of a label's values.
    """
    wanted = page.of(_visible(select(*_ABOUT, datasets.c.summary), account.role), datasets.c.name)
    with store.reading() as connection:
        rows = connection.execute(wanted, {"account": account.name}).all()
        custodians = custodians_of(connection, [row.name for row in rows])
    return [_described(_dataset(row, custodians[row.name]), row.summary) for row in rows]


def copy_content(connection: Connection, name: str, file: BinaryIO) -> None:
    """Write the bytes of the dataset ``name``, which is there, into ``file``; not much of it is in memory at a time."""
    # Each part by a query of its own: a driver that fetches all rows of a query at once would hold them all.
    parts = select(dataset_parts.c.part).where(dataset_parts.c.dataset == name).order_by(dataset_parts.c.part)
    for part in connection.scalars(parts).all():
        wanted = select(dataset_parts.c.content).where(dataset_parts.c.dataset == name, dataset_parts.c.part == part)
        file.write(connection.execute(wanted).scalar_one())


def read_content(connection: Connection, name: str) -> bytes:
    """The bytes of the dataset ``name``, which is there."""
    file = io.BytesIO()
    copy_content(connection, name, file)
    return file.getvalue()


def read_label_part(connection: Connection, name: str) -> bytes:
    """The label part of the dataset ``name``, which is there."""
    return connection.execute(select(datasets.c.label_part).where(datasets.c.name == name)).scalar_one()


def set_dataset_aside(store: Store, dataset: Dataset, reason: str) -> None:
    """Compute on ``dataset`` no more, because of ``reason``: what happened, and what its owner can do, in words
    that its owner and analysts may read.

    Repeated, or after the dataset was deleted or replaced, it changes nothing.
    """

    def step(connection: Connection) -> None:
        found = update(datasets).where(datasets.c.name == dataset.name, datasets.c.digest == dataset.digest)
        changed = connection.execute(found.where(datasets.c.set_aside.is_(None)).values(set_aside=reason))
        if changed.rowcount:
            _record(connection, Account(SERVER, SERVER), "dataset set aside", dataset.name, dataset.owner, reason)

    store.write(step)


def delete_dataset(store: Store, name: str, account: Account) -> None:
    """Delete a dataset and the requests on it; their audit events stay. Its bytes leave the store's files."""

    def step(connection: Connection) -> None:
        dataset = find_own_dataset(connection, name, account)
        # Before it goes: with it goes who its custodians were, and they may read the event.
        _record(connection, account, "dataset deleted", name, dataset.owner, f"SHA-256 {dataset.digest}")
        connection.execute(delete(datasets).where(datasets.c.name == name))

    store.write(step)
    store.reclaim()


def _visible(wanted: Select, role: str) -> Select:
    """Those that an account of this role sees; ``account`` is its name."""
    if role == "administrator":
        return wanted.where(datasets.c.owner == bindparam("account"))
    if role == "custodian":
        return wanted.where(datasets.c.name.in_(datasets_of(bindparam("account"))))
    return wanted


# Written once for each role: each step on a dataset or a request looks its dataset up.
@cache
def _one_visible_to(role: str) -> Select:
    return _visible(select(*_ABOUT), role).where(datasets.c.name == bindparam("name"))


def _taken(name: str, own: bool) -> Problem:
    return Problem(
        "name-taken",
        f"The name {name!r} is taken by another dataset"
        + (
            " of yours, or by this one under another smallest group size, contributor label or custodians. Delete the "
            "other one first, or choose another name. "
            if own
            else ". Choose another name. "
        )
        + "Nothing was overwritten.",
    )


def _record(connection: Connection, by: Account, action: str, name: str, owner: str, detail: str) -> None:
    record_event(
        connection,
        account=by.name,
        role=by.role,
        action=action,
        dataset=name,
        detail=detail,
        owner=owner,
        custodians=custodians_of(connection, [name])[name],
    )


def _dataset(row: Row, custodians: tuple[str, ...]) -> Dataset:
    return Dataset(**{column.name: row._mapping[column.name] for column in _ABOUT}, custodians=custodians)


def _described(dataset: Dataset, description: dict[str, Any]) -> dict[str, Any]:
    return {
        **description,
        "name": dataset.name,
        "owner": dataset.owner,
        "minimum_group_size": dataset.minimum_group_size,
        "contributor_label": dataset.contributor_label,
        "threshold": dataset.threshold,
        "custodians": list(dataset.custodians),
        "bytes": dataset.size,
        "digest": dataset.digest,
        "set_aside": dataset.set_aside,
    }
