"""Datasets in the store: an encrypted table under a name, with its owner and its smallest group size."""

import hashlib
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from he_helpers.server.accounts import Account
from he_helpers.server.audit import SERVER, record_event
from he_helpers.server.problems import Problem
from he_helpers.server.store import Store, datasets

_ABOUT = (
    datasets.c.name,
    datasets.c.owner,
    datasets.c.minimum_group_size,
    datasets.c.contributor_label,
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
    """

    name: str
    owner: str
    minimum_group_size: int
    contributor_label: str | None
    size: int
    digest: str
    set_aside: str | None = field(compare=False)

    def check_in_use(self) -> None:
        """Raise Problem (set-aside) if the server no longer computes on it."""
        if self.set_aside is not None:
            raise Problem(
                "set-aside",
                f"The server no longer computes on the dataset {self.name!r}: {self.set_aside} Its data administrator "
                "can delete it, and upload a table that was encrypted anew.",
            )


def digest_of(content: bytes) -> str:
    """The SHA-256 digest of ``content``, 64 hexadecimal characters."""
    return hashlib.sha256(content).hexdigest()


def add_dataset(
    store: Store,
    owner: Account,
    name: str,
    minimum_group_size: int,
    contributor_label: str | None,
    content: bytes,
    description: dict[str, Any],
    label_part: bytes,
) -> bool:
    """Store a dataset with its ``label_part`` (the bytes of its TableHeader); False if the same one is there already.

    Raises Problem (name-taken) if the name holds another one.
    """
    digest = digest_of(content)

    def step(connection: Connection) -> bool:
        known = connection.execute(select(*_ABOUT).where(datasets.c.name == name)).first()
        if known is None:
            connection.execute(
                insert(datasets).values(
                    name=name,
                    owner=owner.name,
                    minimum_group_size=minimum_group_size,
                    contributor_label=contributor_label,
                    description=description,
                    label_part=label_part,
                    size=len(content),
                    digest=digest,
                    content=content,
                )
            )
            record_event(
                connection,
                account=owner.name,
                role=owner.role,
                action="dataset stored",
                dataset=name,
                detail=f"{len(content)} bytes, SHA-256 {digest}, smallest group {minimum_group_size}, "
                + (f"contributors by {contributor_label!r}" if contributor_label else "contributors are rows"),
                owner=owner.name,
            )
            return True
        settings = (known.owner, known.digest, known.minimum_group_size, known.contributor_label)
        if settings == (owner.name, digest, minimum_group_size, contributor_label):
            return False
        raise Problem(
            "name-taken",
            f"The name {name!r} is taken by another dataset"
            + (
                " of yours, or by this one under another smallest group size or contributor label. "
                if known.owner == owner.name
                else ". "
            )
            + "Nothing was overwritten. Choose another name, or delete the other one first if it is yours.",
        )

    return store.write(step)


def find_dataset(connection: Connection, name: str, account: Account) -> Dataset:
    """The dataset ``name``, if ``account`` may know of it: its owner, or any analyst.

    Raises Problem: not-found, with the names that the account can see, or wrong-role for another
    administrator's.
    """
    row = connection.execute(select(*_ABOUT).where(datasets.c.name == name)).first()
    if row is None:
        visible = select(datasets.c.name).order_by(datasets.c.name)
        if account.role == "administrator":
            visible = visible.where(datasets.c.owner == account.name)
        known = list(connection.scalars(visible))
        raise Problem(
            "not-found",
            f"There is no dataset {name!r}. "
            + (f"Known are: {', '.join(known)}." if known else "There is none yet."),
            known=known,
        )
    if account.role == "administrator" and row.owner != account.name:
        raise Problem("wrong-role", f"The dataset {name!r} belongs to another data administrator.")
    return Dataset(**row._mapping)


def describe_dataset(store: Store, name: str, account: Account) -> dict[str, Any]:
    """What the server can read of a dataset: labels, columns, sizes; the values are ciphertexts."""
    with store.reading() as connection:
        dataset = find_dataset(connection, name, account)
        description = connection.scalar(select(datasets.c.description).where(datasets.c.name == name))
    return _described(dataset, description)


def describe_datasets(store: Store, account: Account) -> list[dict[str, Any]]:
    """The descriptions of all datasets, by name: an administrator's own ones, for an analyst all."""
    wanted = select(*_ABOUT, datasets.c.description).order_by(datasets.c.name)
    if account.role == "administrator":
        wanted = wanted.where(datasets.c.owner == account.name)
    with store.reading() as connection:
        rows = connection.execute(wanted).all()
    return [_described(Dataset(*row[:-1]), row.description) for row in rows]


def read_content(connection: Connection, name: str) -> bytes:
    """The bytes of the dataset ``name``, which is there."""
    return connection.scalar(select(datasets.c.content).where(datasets.c.name == name))


def read_label_part(connection: Connection, name: str) -> bytes:
    """The label part of the dataset ``name``, which is there."""
    return connection.scalar(select(datasets.c.label_part).where(datasets.c.name == name))


def set_dataset_aside(store: Store, dataset: Dataset, reason: str) -> None:
    """Compute on ``dataset`` no more, because of ``reason``: a sentence that its owner and analysts may read.

    Repeated, or after the dataset was deleted or replaced, it changes nothing.
    """

    def step(connection: Connection) -> None:
        found = update(datasets).where(datasets.c.name == dataset.name, datasets.c.digest == dataset.digest)
        changed = connection.execute(found.where(datasets.c.set_aside.is_(None)).values(set_aside=reason))
        if changed.rowcount:
            record_event(
                connection,
                account=SERVER,
                role=SERVER,
                action="dataset set aside",
                dataset=dataset.name,
                detail=reason,
                owner=dataset.owner,
            )

    store.write(step)


def delete_dataset(store: Store, name: str, account: Account) -> None:
    """Delete a dataset and the requests on it; their audit events stay."""

    def step(connection: Connection) -> None:
        dataset = find_dataset(connection, name, account)
        connection.execute(delete(datasets).where(datasets.c.name == name))
        record_event(
            connection,
            account=account.name,
            role=account.role,
            action="dataset deleted",
            dataset=name,
            detail=f"SHA-256 {dataset.digest}",
            owner=dataset.owner,
        )

    store.write(step)


def _described(dataset: Dataset, description: dict[str, Any]) -> dict[str, Any]:
    return {
        **description,
        "name": dataset.name,
        "owner": dataset.owner,
        "minimum_group_size": dataset.minimum_group_size,
        "contributor_label": dataset.contributor_label,
        "bytes": dataset.size,
        "digest": dataset.digest,
        "set_aside": dataset.set_aside,
    }
