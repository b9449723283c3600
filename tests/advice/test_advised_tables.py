"""Advice for sums names a layout that EncryptedTable takes: tables are encrypted as advised, and the sums are right."""

import dataclasses
import re
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from he_helpers.advice import Fit, ImpossibleJob, Job, advise, fitting
from he_helpers.advice.arrangement import bounds, by_values
from he_helpers.parameters.noise import ckks_fresh_error
from he_helpers.schemes.secret import KeyPair
from he_helpers.tables import Aligned, EncryptedTable, Rotated, Rows, advised_layout
from tests.advice.keys import keys_in_one_context

pytestmark = pytest.mark.slow

SKEWED = (700, 90, *[3] * 10, *[1] * 170)
JOBS = {
    "one group": Job(600, 3, 1000, 2),
    "wide": Job(3, 700, 50, 1),
    "one row": Job(1, 5, 100_000, 2),
    "large values": Job(300, 2, 10**9, 0),
    "equal groups": Job(24, 2, 100, 1, groups=(4,) * 6),
    "skewed groups": Job(sum(SKEWED), 2, 100, 2, groups=SKEWED),
    "quantum": Job(200, 2, 100, 2, quantum=True),
    "192 bits": Job(200, 2, 100, 2, security=192),
    "coarse": Job(500, 2, 1000, 2, precision=1),
}
# A ciphertext of Paillier takes 10 ms: one job of it is run.
WITH_PAILLIER = ("equal groups",)


def frame_for(job: Job, generator: np.random.Generator) -> pd.DataFrame:
    """A table at the job's limits: the first row has the largest values, half of the others do."""
    scale = 10**job.decimals
    most = int(job.largest * scale)
    numbers = generator.integers(-most, most + 1, (job.rows, job.columns))
    numbers[generator.random(job.rows) < 0.5] = most
    numbers[0] = most
    frame = pd.DataFrame(numbers / scale, columns=[f"c{i}" for i in range(job.columns)])
    frame["group"] = np.repeat([f"g{i:04}" for i in range(len(job.group_sizes))], job.group_sizes)
    return frame.sample(frac=1, random_state=1).reset_index(drop=True)


@pytest.fixture(scope="module")
def keys_of() -> Callable[[Fit], KeyPair]:
    """Keys for a fit; several fits of these jobs have the same parameters. What has large keys gets its own."""
    made: dict[tuple[str, str], KeyPair] = {}

    def keys_of(fit: Fit) -> KeyPair:
        if fit.galois_keys:
            return keys_in_one_context(fit)
        made_of = fit.scheme, repr(fit.parameters)
        if made_of not in made:
            made[made_of] = keys_in_one_context(fit)
        return made[made_of]

    return keys_of


def sums_as_advised(fit: Fit, keys: KeyPair, frame: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """The decrypted sums of all tables, and how many ciphertexts were encrypted."""
    # Paillier's secret key takes a quarter of the time.
    key = keys.secret if fit.scheme == "paillier" else keys.public
    size = frame.groupby("group")["group"].transform("size")
    found, ciphertexts = [], 0
    for table in fit.arrangement.tables:
        rows = frame[size.between(table.smallest_group, table.largest_group)]
        layout = advised_layout(table, "group")
        encrypted = EncryptedTable.encrypt(rows, ["group"], key, layout=layout, decimals=table.decimals)
        found.append(encrypted.group_by("group").sum().decrypt(keys.secret))
        ciphertexts += len(encrypted.ciphertexts)
    return pd.concat(found).sort_index(), ciphertexts


@pytest.mark.parametrize("name", JOBS)
def test_a_table_encrypted_as_advised_has_the_right_sums(name, keys_of):
    job = JOBS[name]
    frame = frame_for(job, np.random.default_rng(len(name)))
    expected = frame.groupby("group").sum()
    fits = [fit for fit in advise(job).fits if fit.scheme != "paillier" or name in WITH_PAILLIER]
    assert {fit.arrangement.name for fit in fits} >= {"aligned"}
    for fit in fits:
        if fit.arrangement.name == "rows" and fit.arrangement.ciphertexts > 50:
            continue
        found, ciphertexts = sums_as_advised(fit, keys_of(fit), frame)
        assert ciphertexts == fit.arrangement.ciphertexts
        assert (found - expected).abs().to_numpy().max() <= max(fit.expected_error, 1e-6), (fit.scheme, fit.arrangement)


def test_groups_of_very_different_size_get_tables_of_their_own():
    job = Job(20_500, 3, 1000, 2, groups=(20_000,) + (1,) * 500)
    fit = advise(job).best
    large, small = sorted(fit.arrangement.tables, key=lambda table: -table.largest_group)
    assert (large.smallest_group, small.largest_group) == (20_000, 1)
    # All values fit into 16 ciphertexts of 4096 slots; in one table of equal groups it would be more than a thousand.
    assert fit.arrangement.ciphertexts <= 20 and fit.upload_bytes < 10**6
    assert "in 2 tables by the size of the groups" in fit.arrangement.words
    assert len(advise(dataclasses.replace(job, groups=(41,) * 500)).best.arrangement.tables) == 1
    two = advise(Job(20_001, 3, 1000, 2, groups=(20_000, 1))).best.arrangement.tables
    assert [(table.smallest_group, table.largest_group) for table in two] == [(1, 1), (20_000, 20_000)]


def test_parts_to_rotate_go_up_to_the_rows():
    """As many as EncryptedTable takes: a power of two that is at most the number of rows."""
    for rows, parts in ((512, 512), (513, 512), (511, 256), (1, 1)):
        fits = advise(Job(rows, 1, 100, scheme="pyfhel-bfv")).fits
        rotated = next(fit.arrangement for fit in fits if fit.arrangement.name == "rotated")
        assert rotated.tables[0].partial_sums == parts


def test_the_advice_names_layouts_of_encrypt():
    fits = advise(JOBS["one group"]).fits
    layouts = {fit.arrangement.name: advised_layout(fit.arrangement.tables[0], "a", "b") for fit in fits}
    parts = layouts["aligned"].partial_sums
    assert layouts["rows"] == Rows() and layouts["aligned"] == Aligned(groupings=[["a", "b"]], partial_sums=parts)
    assert layouts["rotated"] == Rotated(groupings=[["a", "b"]], partial_sums=layouts["rotated"].partial_sums)
    for fit in fits:
        [table] = fit.arrangement.tables
        [words] = re.findall(r"layout=(\w+\(.*\)), decimals=2, for", table.words.replace("[[...]]", "[['a', 'b']]"))
        assert words == repr(advised_layout(table, "a", "b"))
    headrooms = {fit.arrangement.name: fit.reasons["headroom"] for fit in fits if fit.scheme == "pyfhel-bfv"}
    assert headrooms["rows"].startswith("600 terms of the largest value reach 60,000,000;")
    # 3 columns of one group in 4096 or 2048 slots, so all 600 rows lie beside each other.
    assert headrooms["aligned"].startswith("the largest value reach 100,000;")
    words = str(advise(JOBS["one group"]))
    assert "EncryptedTable.encrypt: layout=Rows(), decimals=2, for groups of 600 rows" in words
    assert f"layout=Aligned(groupings=[[...]], partial_sums={parts}), decimals=2, for groups of 600 rows" in words
    assert "for groups of 90 to 700 rows" in str(advise(JOBS["skewed groups"]))
    for fit in fits:
        assert advised_layout(fit.arrangement.tables[0]).groupings in (None, ((),))


def test_one_row_of_many_inputs_needs_one_ciphertext():
    """With a column a ciphertext it took 784, of 3.4 GB together."""
    job = Job(1, 784, 1, 3, ("weighted sums",), product_depth=8, weight_decimals=2, precision=1e-2)
    advice = advise(job)
    names = {fit.arrangement.name: fit for fit in advice.fits if fit.scheme == "tenseal-ckks"}
    assert names["columns"].upload_bytes > 3e9
    best = advice.best
    assert best.arrangement.name == "products"
    assert best.upload_bytes + best.key_bytes + best.result_bytes < 60e6
    assert names["inputs"].galois_keys and names["inputs"].upload_bytes < 5e6
    assert not names["products"].galois_keys
    assert "whoever decrypts adds up the weighted products" in names["products"].arrangement.words


@pytest.mark.parametrize("exact, smallest_factor", [(True, 1), (False, 0.5)])
def test_the_bound_of_a_slot_grows_with_every_step(exact, smallest_factor):
    """3 cubed by two products, times 0.5 (an exact scheme keeps the bound), times 40 columns, times 7 rows."""
    job = Job(7, 40, 3, 0, ("sums", "weighted sums"), product_depth=2, largest_weight=0.5)
    steps = bounds(job, by_values(job), 3, 0.5, exact)
    weighted = 27 * smallest_factor * 40
    assert steps == {"data": 3, "product 1": 9, "product 2": 27, "weighted sum": weighted, "sum": weighted * 7}


@pytest.mark.parametrize(
    "scheme, operations, name, ciphertexts, results",
    [
        ("paillier", ("sums", "weighted sums"), "values", 120, 1),
        ("paillier", ("weighted sums",), "columns", 40, 1),
        ("tenseal-ckks", ("sums", "weighted sums"), "inputs", 3, 1),
        ("tenseal-ckks", ("weighted sums",), "inputs", 3, 3),
        ("tenseal-ckks", ("weighted sums",), "products", 3, 3),
        ("tenseal-ckks", ("weighted sums",), "columns", 40, 1),
        ("tenseal-ckks", ("sums",), "rows", 3, 1),
    ],
)
def test_how_many_ciphertexts_three_rows_of_forty_columns_take(scheme, operations, name, ciphertexts, results):
    fits = advise(Job(3, 40, 10, 1, operations, precision=0.5, scheme=scheme)).fits
    arrangement = next(fit.arrangement for fit in fits if fit.arrangement.name == name)
    assert (arrangement.ciphertexts, arrangement.results) == (ciphertexts, results)


@pytest.mark.parametrize("depth", [0, 1])
@pytest.mark.parametrize("operations", [("weighted sums",), ("sums", "weighted sums")])
def test_weighted_sums_know_both_arrangements_of_a_row(operations, depth):
    job = Job(3, 40, 10, 1, operations, product_depth=depth, largest_weight=2, weight_decimals=1, precision=0.5)
    for scheme in ("tenseal-bfv", "tenseal-ckks", "pyfhel-bfv", "pyfhel-ckks"):
        names = {fit.arrangement.name for fit in advise(dataclasses.replace(job, scheme=scheme)).fits}
        assert names == {"columns", "inputs", "products"}


def test_a_vector_of_weights_is_counted_with_the_error_of_its_encoding():
    """The drift of the scale is larger, so that no measurement shows it: the two estimates are compared."""
    job = Job(3, 40, 1000, 1, ("weighted sums",), largest_weight=2, precision=5, scheme="tenseal-ckks")
    fit = next(fit for fit in advise(job).fits if fit.arrangement.name == "products")
    by_numbers = dataclasses.replace(fit.arrangement, name="columns")
    encoding = 40 * 1000 * ckks_fresh_error(fit.parameters)
    more = fit.expected_error - fitting._ckks_error(job, by_numbers, fit.parameters)
    assert 0.9 * encoding < more < 1.1 * encoding


def test_jobs_that_are_no_table_name_no_layout():
    for job in (Job(20, 2, 10, product_depth=1), Job(20, 2, 10, 0, ("weighted sums",))):
        assert all(not fit.arrangement.tables for fit in advise(job).fits)
    with pytest.raises(ImpossibleJob) as caught:
        advise(Job(10**6, 2, 10**30, security=256, scheme="tenseal-bfv", groups=(10**6,)))
    assert all(changed.groups == (10**6,) for changed in caught.value.changes)
