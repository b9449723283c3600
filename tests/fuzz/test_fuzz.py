"""Thousands of changed uploads and messages end no server, and what does end a worker is named: the control."""

import subprocess
import sys
from random import Random

import pytest

from he_helpers.tables import EncryptedTable, Query, aggregate
from tests.fuzz import changes, protobuf, seal_stream
from tests.fuzz.campaign import HONEST_EVERY, ROOT, fuzz
from tests.sealing import open_fields, seal_fields

pytestmark = pytest.mark.slow

# Fixed, so that the tests do not depend on chance; make fuzz takes another one each time.
SEED = 20_260
BODIES = 2_000
# One of these is a vector of TenSEAL without a ciphertext.
CONTROL = range(10)


@pytest.fixture(scope="module")
def pairs():
    return changes.make_key_pairs()


@pytest.fixture(scope="module")
def tables(pairs):
    return changes.make_tables(pairs)


def test_no_body_ends_a_server_or_is_a_failure_of_it(tmp_path):
    """No answer of 5xx at all, and every honest request in between is answered right."""
    report = fuzz(range(BODIES), SEED, tmp_path / "servers", tmp_path / "kept")
    print(f"seed {SEED}: {report}")
    assert not report.failures, str(report)
    assert report.honest == BODIES // HONEST_EVERY + 1
    # Some of the changes get through every check, and are computed on.
    assert report.answers[201] > BODIES // 20 and report.answers[200] > BODIES // 40
    assert report.answers[422] > BODIES // 4
    assert set(report.answers) <= {200, 201, 204, 409, 413, 422}, str(report)


def test_a_body_that_does_end_its_worker_is_survived_and_named(tmp_path):
    """The control: a parser that dies of one of the changes."""
    report = fuzz(CONTROL, SEED, tmp_path / "servers", tmp_path / "kept", module="tests.fuzz.frail_server")
    assert not report.failures, str(report)
    assert report.honest == 2
    # The first worker had done other jobs before, so a fresh one was given the same bytes.
    assert report.deaths == {"read_dataset (signal SIGSEGV, exit code None)": 2}, str(report)


def test_a_server_that_fails_is_noticed(tmp_path):
    """The control of the other kind: without workers the same parser ends the server, and the campaign says so."""
    report = fuzz(CONTROL, SEED, tmp_path / "servers", tmp_path / "kept", module="tests.fuzz.bare_server")
    assert any("not answered" in what for what in report.failures.values()), str(report)
    assert any("ended with status -11" in what for what in report.failures.values()), str(report)
    assert list((tmp_path / "kept").iterdir())


def test_the_same_seed_makes_the_same_changes(tables):
    for name, table in tables.items():
        changed = [changes.change_table(table, Random(number)) for number in range(20)]
        assert changed == [changes.change_table(table, Random(number)) for number in range(20)], name
        assert len(set(changed)) > 12


# What the changes are made of


def test_a_message_is_read_and_written_as_it_was(tables):
    for name in ("tenseal-bfv", "tenseal-ckks, open"):
        _, key, ciphertexts = open_fields(tables[name], "table")
        vector = ciphertexts[0][7]
        context = open_fields(key, "public key")[4]
        for data in (vector, context):
            assert protobuf.write_message(protobuf.read_message(data)) == data
        assert [field.number for field in protobuf.read_message(vector)][:2] == [1, 2]
        different = {protobuf.change_message(vector, Random(number)) for number in range(200)}
        assert len(different) > 50


def test_a_stream_is_read_and_written_as_it_was(tables):
    for name in ("pyfhel-bfv", "pyfhel-ckks", "tenseal-ckks, open", "tenseal-bfv, open"):
        native = open_fields(tables[name], "table")[2][0][7]
        stream = protobuf.read_message(native)[1].value if name.startswith("tenseal") else native
        assert seal_stream.is_open(stream)
        ciphertext = seal_stream.SEALCiphertext.from_bytes(stream)
        assert ciphertext.to_bytes() == stream
        assert (ciphertext.polynomials, ciphertext.ntt_form) == (2, name.split(",")[0].endswith("ckks"))
        assert len(ciphertext.numbers) == 16 * ciphertext.ring_dimension * ciphertext.primes
        changed = {seal_stream.change_ciphertext(ciphertext, Random(number)).to_bytes() for number in range(100)}
        assert len(changed) > 50


RAW = """
import sys
import tenseal as ts
context = ts.context(ts.SCHEME_TYPE.BFV, poly_modulus_degree=4096, plain_modulus=1032193)
context.make_context_public()
vector = ts.bfv_vector(context, [1, 2, 3])
data = vector.serialize()
from tests.fuzz import protobuf
fields = protobuf.read_message(data)
if sys.argv[1] == "changed":
    fields = [field for field in fields if field.number != 2]
vector + ts.bfv_vector_from(context, protobuf.write_message(fields))
print("survived")
"""


@pytest.mark.parametrize("what, survives", [("as it was", True), ("changed", False)])
def test_one_of_the_changes_ends_the_process_of_tenseal_itself(what, survives):
    """Sizes without a ciphertext, outside of this package's checks: why the work is done in workers."""
    done = subprocess.run([sys.executable, "-c", RAW, what], cwd=ROOT, capture_output=True, text=True)
    assert (done.stdout == "survived\n") == survives
    assert (done.returncode == 0) == survives


def test_the_tables_that_are_changed_are_taken_as_they_are(tables, pairs):
    """Those with made-up ciphertexts as well: a change is refused for what it changed."""
    for name, table in tables.items():
        header, key, ciphertexts = open_fields(table, "table")
        assert seal_fields("table", [header, key, ciphertexts]) == table
        answer = aggregate(EncryptedTable.from_bytes(table), Query.from_dict(changes.QUERY))
        if "open" not in name:
            found = answer.decrypt(pairs[name].secret)
            assert found.to_dict() == {"n": {"a": 10, "b": 16}, "m": {"a": 3, "b": 4}}, name
