"""Who shares the key of a dataset, so that its results are released by some of them together and not by its owner."""

from collections.abc import Collection

from sqlalchemy import BindParameter, Connection, Select, bindparam, insert, select

from he_helpers.server.http.problems import Problem
from he_helpers.server.storage.schema import accounts, dataset_custodians

# Written once: each step on a dataset or a request asks for them.
_OF_DATASETS = (
    select(dataset_custodians)
    .where(dataset_custodians.c.dataset.in_(bindparam("datasets", expanding=True)))
    .order_by(dataset_custodians.c.custodian)
)


def add_custodians(connection: Connection, dataset: str, custodians: Collection[str]) -> None:
    """Note the ``custodians`` of a new dataset. Raises Problem (unknown-name) for one who has no such account."""
    if not custodians:
        return
    known = connection.scalars(
        select(accounts.c.name).where(accounts.c.name.in_(custodians), accounts.c.role == "custodian")
    )
    missing = sorted(set(custodians) - set(known))
    if missing:
        raise Problem(
            "unknown-name",
            f"These are no accounts of custodians here: {', '.join(missing)}. The server's operator makes accounts.",
        )
    rows = [{"dataset": dataset, "custodian": custodian} for custodian in custodians]
    connection.execute(insert(dataset_custodians), rows)


def custodians_of(connection: Connection, datasets: Collection[str]) -> dict[str, tuple[str, ...]]:
    """The custodians of each of ``datasets``, sorted; those whose owner decides have none."""
    found: dict[str, tuple[str, ...]] = dict.fromkeys(datasets, ())
    for dataset, custodian in connection.execute(_OF_DATASETS, {"datasets": list(datasets)}):
        found[dataset] += (custodian,)
    return found


def datasets_of(custodian: str | BindParameter[str]) -> Select:
    """The names of the datasets whose key ``custodian`` shares, as a query."""
    return select(dataset_custodians.c.dataset).where(dataset_custodians.c.custodian == custodian)
