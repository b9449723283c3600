"""A dataset that moves to another key: the same table, encrypted anew by its owner, in the place of the old one."""

from typing import Any

from sqlalchemy import Connection, delete, select, update

from he_helpers.server.http.bodies import Body
from he_helpers.server.http.problems import Problem
from he_helpers.server.release.accounts import Account
from he_helpers.server.release.audit import record_event
from he_helpers.server.release.datasets.datasets import Dataset, find_own_dataset, store_parts, summary_of
from he_helpers.server.storage.schema import aggregates, dataset_parts, datasets, release_requests
from he_helpers.server.storage.store import Store

# The action of the trail.
MOVED = "dataset moved to a new key"
# What a table says whatever its key is.
_OF_THE_TABLE = ("rows", "labels", "columns", "groupings")


def move_dataset(
    store: Store,
    owner: Account,
    name: str,
    body: Body,
    *,
    replaces: str,
    minimum_group_size: int,
    contributor_label: str | None,
    description: dict[str, Any],
    label_part: bytes,
) -> bool:
    """Put ``body`` in the place of the dataset whose bytes have the SHA-256 ``replaces``, in one transaction.

    Returns False if it is there already. Requests that are decided stay, with aggregates and results under the old key;
    those that are not are computed anew. Raises Problem: wrong-role, not-found, name-taken for another dataset than
    ``replaces``, invalid-content for another table, wrong-order while an approved result waits, quota-exceeded.
    """

    def step(connection: Connection) -> bool:
        known = find_own_dataset(connection, name, owner)
        if known.digest == body.sha256:
            return False
        if known.digest != replaces:
            raise Problem("name-taken", f"The dataset {name!r} is another one than that to be replaced. It stays.")
        if known.threshold is not None:
            raise Problem("wrong-role", "The key of this dataset is shared by custodians: its owner cannot change it.")
        same = (known.minimum_group_size, known.contributor_label) == (minimum_group_size, contributor_label)
        _check_same_table(connection, known, description, same)
        _free_requests(connection, name, owner)
        store.quotas.check_new_bytes(connection, owner.name, max(0, body.size - known.size))
        store.quotas.check_new_event(connection, owner.name)
        connection.execute(
            update(datasets)
            .where(datasets.c.name == name)
            .values(
                description=description,
                summary=summary_of(description),
                label_part=label_part,
                size=body.size,
                digest=body.sha256,
                set_aside=None,
            )
        )
        connection.execute(delete(dataset_parts).where(dataset_parts.c.dataset == name))
        store_parts(connection, name, body)
        record_event(
            connection,
            account=owner.name,
            role=owner.role,
            action=MOVED,
            dataset=name,
            detail=f"{body.size} bytes, SHA-256 {body.sha256}, in the place of {known.digest}",
            owner=owner.name,
        )
        return True

    moved = store.write(step)
    if moved:
        store.reclaim()
    return moved


def _check_same_table(connection: Connection, known: Dataset, description: dict[str, Any], same: bool) -> None:
    stored = connection.execute(select(datasets.c.description).where(datasets.c.name == known.name)).scalar_one()
    if not same or any(stored[member] != description[member] for member in _OF_THE_TABLE):
        raise Problem(
            "invalid-content",
            f"This is not the table of the dataset {known.name!r} under another key: rows, labels, columns, groupings, "
            "smallest group or contributor label differ. Delete the dataset first, and upload the other table then.",
        )


def _free_requests(connection: Connection, name: str, owner: Account) -> None:
    """Drop the aggregates of requests that wait for a decision: they are under the old key."""
    on_it = release_requests.c.dataset == name
    approved = connection.scalars(select(release_requests.c.id).where(on_it, release_requests.c.status == "approved"))
    if waiting := approved.all():
        raise Problem(
            "wrong-order",
            f"{len(waiting)} approved results on the dataset {name!r} have not been released, and after the move they "
            "could not be. Release them first.",
        )
    undecided = select(release_requests).where(on_it, release_requests.c.status == "aggregated")
    for request in connection.execute(undecided).all():
        connection.execute(delete(aggregates).where(aggregates.c.request == request.id))
        back = update(release_requests).where(release_requests.c.id == request.id)
        connection.execute(back.values(status="requested"))
        record_event(
            connection,
            account=owner.name,
            role=owner.role,
            action="aggregate dropped",
            dataset=name,
            request=request.id,
            detail="the dataset moves to a new key",
            owner=owner.name,
            analyst=request.analyst,
        )
