"""What the detour through a worker costs, beside the same work in this process."""

import tempfile
import time
from statistics import median
from weakref import WeakValueDictionary

import pandas as pd
import pytest

from he_helpers.schemes.public import tenseal
from he_helpers.server.http.jobs import TASKS, Jobs
from he_helpers.server.release import evaluation
from he_helpers.tables import Aligned, EncryptedTable
from he_helpers.workers import WorkerPool
from tests.schemes.conftest import key_pair
from tests.server.conftest import ROOT
from tests.tables.conftest import LABELS, PAIRS

pytestmark = pytest.mark.slow

MOST_OF_A_TABLE, MOST_OF_A_QUERY = 0.10, 0.020  # a part of the time in this process; seconds more than that
# Other work on the machine makes single measurements worse, in one round more than in another. A cost that is there
# is there in every round.
ROUNDS, TIMES = 8, 15


@pytest.fixture(scope="module")
def jobs():
    pool = WorkerPool(TASKS)
    pool.start()
    yield Jobs(pool)
    pool.close()


@pytest.fixture(scope="module")
def table():
    """The population table, 152 rows and 5 columns, for all pairs of its labels: 25 ciphertexts."""
    frame = pd.read_csv(ROOT / "data" / "population_projections.csv")
    return EncryptedTable.encrypt(
        frame, LABELS, key_pair("tenseal-bfv").public, decimals=1, layout=Aligned(groupings=PAIRS)
    )


def seconds(step):
    started = time.perf_counter()
    step()
    return time.perf_counter() - started


def paired(here, there):
    """The times of both, one after the other, so many times."""
    return [(seconds(here), seconds(there)) for _ in range(TIMES)]


def test_a_table_costs_a_tenth_more_at_most(jobs, table, monkeypatch):
    """Searched for secrets, read and added up, as an upload and one aggregation."""
    # A process that works for a server holds no table, so it finds no context in use; this one holds keys of tests.
    monkeypatch.setattr(tenseal, "_contexts_in_use", WeakValueDictionary())
    content = table.to_bytes()
    query = {"statistic": "sum", "group_by": PAIRS[0], "columns": [column.name for column in table.columns]}
    with tempfile.TemporaryFile() as file:
        file.write(content)
        file.seek(0)

        def here():
            evaluation.read_dataset(content)
            evaluation.compute_aggregate(content, query)

        def there():
            jobs.read_dataset("ann", file)
            jobs.compute_aggregate("ann", content, query)

        paired(here, there)
        found = []
        for _ in range(ROUNDS):
            found.append(median(after / before for before, after in paired(here, there)) - 1)
            if found[-1] <= MOST_OF_A_TABLE:
                break
    print(f"a worker costs {found[-1]:+.1%}; rounds: {', '.join(f'{cost:+.1%}' for cost in found)}")
    assert found[-1] <= MOST_OF_A_TABLE


def test_a_query_costs_a_few_milliseconds_more(jobs, table):
    label_part = table.header.to_bytes()
    query = {"statistic": "count", "group_by": ["AREA"], "columns": []}

    def here():
        evaluation.check_query(label_part, query, 1, None)

    def there():
        jobs.check_query("eve", label_part, query, 1, None)

    paired(here, there)
    found = []
    for _ in range(ROUNDS):
        found.append(median(after - before for before, after in paired(here, there)))
        if found[-1] <= MOST_OF_A_QUERY:
            break
    print(f"a worker costs {found[-1] * 1000:.1f} ms; rounds: {', '.join(f'{cost * 1000:.1f}' for cost in found)}")
    assert found[-1] <= MOST_OF_A_QUERY
