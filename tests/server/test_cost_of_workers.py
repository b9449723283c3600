"""What the detour through a worker costs, beside the same work in this process.

Of a table in time of the processors, which other work on the machine changes little; of a query, which mostly waits for
its worker, on the clock.
"""

import sys
import tempfile
import time
from statistics import median
from weakref import WeakValueDictionary

import pandas as pd
import pytest

from he_helpers.schemes.public import tenseal
from he_helpers.server.http.jobs import Jobs
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
# So often before it is timed: what is imported and made once is there then.
WARM = 3


@pytest.fixture(scope="module")
def pool():
    # Both sides do the same work: a context that a worker kept is one that it need not build.
    pool = WorkerPool("tests.server.forgetful_tasks")
    pool.start()
    yield pool
    pool.close()


@pytest.fixture(scope="module")
def jobs(pool):
    return Jobs(pool)


@pytest.fixture(scope="module")
def table():
    """The population table, 152 rows and 5 columns, for all pairs of its labels: 25 ciphertexts."""
    frame = pd.read_csv(ROOT / "data" / "population_projections.csv")
    return EncryptedTable.encrypt(
        frame, LABELS, key_pair("tenseal-bfv").public, decimals=1, layout=Aligned(groupings=PAIRS)
    )


def seconds(step, clock):
    started = clock()
    step()
    return clock() - started


def paired(here, there, clock=time.perf_counter, times=TIMES):
    """The times of both, one after the other, so many times."""
    return [(seconds(here, clock), seconds(there, clock)) for _ in range(times)]


def processor_time_of(pool):
    """A clock: what this process and the workers of ``pool`` have taken of the processors; elsewhere than on Linux, the
    time that has passed."""
    if sys.platform != "linux":
        return time.perf_counter
    # Linux has a clock for each process, whose number is made of the process's.
    clocks = [time.CLOCK_PROCESS_CPUTIME_ID, *((~number << 3) | 2 for number in pool.numbers())]
    return lambda: sum(map(time.clock_gettime, clocks))


def test_a_table_costs_a_tenth_more_at_most(pool, jobs, table, monkeypatch):
    """Searched for secrets, read and added up, as an upload and one aggregation."""
    # Nor does it find one in use, since it holds no table; this process holds keys of tests.
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

        paired(here, there, times=WARM)
        clock = processor_time_of(pool)
        found = []
        for _ in range(ROUNDS):
            found.append(median(after / before for before, after in paired(here, there, clock)) - 1)
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

    paired(here, there, times=WARM)
    found = []
    for _ in range(ROUNDS):
        found.append(median(after - before for before, after in paired(here, there)))
        if found[-1] <= MOST_OF_A_QUERY:
            break
    print(f"a worker costs {found[-1] * 1000:.1f} ms; rounds: {', '.join(f'{cost * 1000:.1f}' for cost in found)}")
    assert found[-1] <= MOST_OF_A_QUERY
