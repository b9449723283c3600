"""A stranger's table is read and added up in a process that has no key and may die; this one parses none of it."""

import subprocess
import sys

import pandas as pd
import pytest

from he_helpers.parameters import PaillierParameters
from he_helpers.quarantine import compute_aggregate, read_table, reading
from he_helpers.schemes import DamagedBytes
from he_helpers.schemes.records import open_message, seal_message
from he_helpers.schemes.secret import paillier, pyfhel_bfv, tenseal_bfv, tenseal_ckks
from he_helpers.server.process.import_guard import is_forbidden
from he_helpers.tables import Aligned, EncryptedTable, Query, Rotated, Rows, Values, aggregate
from he_helpers.tables.header import TableRecord
from he_helpers.workers import Limits
from tests.quarantine.planted import planted_pool
from tests.waiting import wait_until

pytestmark = pytest.mark.slow


def frame(region="south"):
    return pd.DataFrame(
        {"region": ["north", region] * 4, "year": ["2024"] * 4 + ["2025"] * 4, "revenue": range(8), "loans": range(8)}
    )


def table_of(key, region="south", **options):
    return EncryptedTable.encrypt(frame(region), ["region", "year"], key, **options)


@pytest.fixture(scope="module")
def pair():
    return tenseal_bfv().generate_keys()


@pytest.fixture(scope="module")
def content(pair):
    return table_of(pair.public).to_bytes()


@pytest.fixture(scope="module")
def pool():
    with planted_pool() as made:
        yield made


@pytest.fixture
def planted(pool, monkeypatch):
    monkeypatch.setattr(reading, "_pool", lambda: pool)
    return pool


@pytest.mark.parametrize("layout", [Values(), Rows(), Aligned()])
def test_a_table_of_any_layout_is_read(pair, layout):
    table = table_of(pair.public, layout=layout)
    assert read_table(table.to_bytes()).to_bytes() == table.header.to_bytes()


def test_a_table_whose_sums_take_rotations_is_read():
    table = table_of(pyfhel_bfv(galois_keys=[1, 2]).generate_keys().public, layout=Rotated(partial_sums=2))
    assert read_table(table.to_bytes()).to_bytes() == table.header.to_bytes()


@pytest.mark.parametrize("scheme", [tenseal_ckks(), paillier(PaillierParameters(2048))], ids=lambda scheme: scheme.name)
def test_a_table_of_another_scheme_is_read(scheme):
    table = table_of(scheme.generate_keys().public)
    assert read_table(table.to_bytes()).key_fingerprint == table.key.fingerprint


def test_the_answer_has_the_bytes_that_it_has_everywhere(pair, content):
    query = Query("mean", ("region",), ("revenue",))
    assert compute_aggregate(content, query) == aggregate(EncryptedTable.from_bytes(content), query).to_bytes()
    with pytest.raises(DamagedBytes, match="no label 'town'"):
        compute_aggregate(content, Query("sum", ("town",), ("revenue",)))


def with_other_ciphertexts(content, other):
    """The header and the key of ``content`` with the ciphertexts of ``other``, in an envelope that fits."""
    record, others = (open_message(data, TableRecord) for data in (content, other))
    return seal_message(TableRecord(record.header, record.key, others.ciphertexts))


def test_what_cannot_be_read_is_refused_with_its_reason(pair, content):
    with pytest.raises(DamagedBytes, match="truncated|altered"):
        read_table(content[:-1])
    with pytest.raises(DamagedBytes, match="belongs to key"):
        read_table(with_other_ciphertexts(content, table_of(tenseal_bfv().generate_keys().public).to_bytes()))
    with pytest.raises(DamagedBytes, match="holds a key pair"):
        read_table(pair.secret.to_bytes())


@pytest.mark.parametrize(
    "what, told", [("crashes", "signal SIGSEGV"), ("exits", "exit code 3"), ("hangs", "3 s"), ("grows", "of memory")]
)
def test_a_table_that_ends_its_process_is_refused(planted, pair, content, monkeypatch, what, told):
    monkeypatch.setattr(reading, "LIMITS", Limits(seconds=3))
    deadly = table_of(pair.public, region=f"read_table {what}").to_bytes()
    with pytest.raises(DamagedBytes, match=told):
        read_table(deadly)
    assert read_table(content).rows == 8


def test_the_process_has_nothing_of_the_secret_side(planted, content):
    """The control is that what it needs is in the list."""
    read_table(content)
    modules = planted.run("import_module", name="he_helpers.tables")["modules"]
    assert {"tenseal", "he_helpers.quarantine.tasks"} <= set(modules)
    assert not [name for name in modules if is_forbidden(name) or name == "pandas"]


def test_the_own_process_loads_no_library_that_could_parse(content, tmp_path):
    """The control is what the same process loads when it reads the table itself."""
    file = tmp_path / "table"
    file.write_bytes(content)
    program = (
        "import sys; from pathlib import Path; from he_helpers.quarantine import compute_aggregate, read_table\n"
        "from he_helpers.tables import EncryptedTable, Query; content = Path(sys.argv[1]).read_bytes()\n"
        "read_table(content); compute_aggregate(content, Query('sum', ('region',), ('revenue',)))\n"
        "print('tenseal' in sys.modules); EncryptedTable.from_bytes(content); print('tenseal' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program, file], capture_output=True, text=True)
    assert done.stdout.split() == ["False", "True"], done.stderr


def test_the_process_is_gone_soon_after(content):
    read_table(content)
    assert len(reading._pool().numbers()) == 1
    wait_until(lambda: reading._pool().numbers() == [])
