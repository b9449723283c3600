"""What the layouts cost against what they must cost, and the rotated layout."""

import math

import numpy as np
import pandas as pd
import pytest

from he_helpers.parameters import BFVParameters, CKKSParameters, PaillierParameters, plaintext_prime
from he_helpers.schemes.errors import DamagedBytes, DepthExhausted, ShapeMismatch, UnsupportedOperation
from he_helpers.schemes.public.interface import Ciphertext
from he_helpers.schemes.secret import paillier, pyfhel_bfv, pyfhel_ckks
from he_helpers.tables import (
    Aligned,
    EncryptedAggregate,
    EncryptedTable,
    Labels,
    Query,
    Rotated,
    Rows,
    Values,
    aggregate,
)
from he_helpers.tables.layouts import sum_of_neighbours
from tests.schemes.conftest import key_pair
from tests.sealing import open_fields, seal_fields
from tests.tables.conftest import LABELS, PAIRS

STEPS = [2**i for i in range(7)]
BFV = BFVParameters(4096, (53, 53), plaintext_prime(27, 4096))


@pytest.fixture(scope="module")
def rotating():
    return pyfhel_bfv(BFV, galois_keys=STEPS).generate_keys()


@pytest.fixture(scope="module")
def heart():
    """A table of the shape of the heart study: 4,238 people in two groups, fifteen numbers."""
    random = np.random.default_rng(1)
    frame = pd.DataFrame(random.integers(0, 5000, (4238, 15)), columns=[f"c{i}" for i in range(15)])
    return frame.assign(male=np.where(np.arange(4238) < 1819, "1", "0"))


def least_bytes(values, parameters):
    """Whole ciphertexts, two polynomials modulo q each, or a number modulo n squared."""
    if isinstance(parameters, PaillierParameters):
        return math.ceil(values / parameters.slot_count) * 2 * parameters.modulus_bits / 8
    return math.ceil(values / parameters.ring_dimension) * 2 * parameters.ring_dimension * parameters.data_bits / 8


# Sums of neighbouring slots


@pytest.mark.slow
@pytest.mark.parametrize("parts", [1, 2, 4, 32])
@pytest.mark.parametrize("labels", [["A"], ["A", "B"]])
def test_rotated_sums_agree_with_pandas(rotating, parts, labels):
    random = np.random.default_rng(parts)
    rows = 77
    frame = pd.DataFrame({"A": random.choice(list("xyz"), rows), "B": random.choice(list("pq"), rows)})
    frame = frame.assign(n=random.integers(-90, 90, rows) / 10, m=random.integers(0, 9, rows), o=1)
    options = {"decimals": 1, "layout": Rotated(groupings=[labels, []], partial_sums=parts)}
    sent = EncryptedTable.encrypt(frame, ["A", "B"], rotating.public, **options)
    received = EncryptedTable.from_bytes(sent.to_bytes())
    assert received.to_bytes() == sent.to_bytes() and received.description()["layout"] == "rotated"
    for grouping in (labels, []):
        groups = frame.groupby(grouping) if grouping else frame.groupby(np.zeros(rows, dtype=int))
        for columns in (["n", "m", "o"], ["m"]):
            for statistic in ("sum", "mean"):
                query = Query(statistic, tuple(grouping), tuple(columns))
                answer = aggregate(received, query)
                assert answer.to_bytes() == aggregate(sent, query).to_bytes()
                found = EncryptedAggregate.from_bytes(answer.to_bytes()).decrypt(rotating.secret)
                assert np.allclose(found, getattr(groups[columns], statistic)(), rtol=0, atol=1e-9)
    assert sent.group_by("B").count().decrypt(None)["count"].sum() == rows


def test_ckks_rotates_too():
    keys = pyfhel_ckks(CKKSParameters(8192, (54, 36, 54), 36), galois_keys=[1, 2, 4]).generate_keys()
    frame = pd.DataFrame({"L": list("aabbbab"), "n": [0.5, 1, 2, -3, 4.25, 7, 0]})
    table = EncryptedTable.encrypt(frame, ["L"], keys.public, decimals=2, layout=Rotated(partial_sums=4))
    assert len(table.ciphertexts) == 1
    assert table.group_by("L").sum().decrypt(keys.secret)["n"].to_dict() == {"a": 8.5, "b": 3.25}


def test_neighbours_against_numpy(rotating):
    values = np.arange(4096) % 97
    for count in (1, 2, 16):
        found = rotating.secret.decrypt(sum_of_neighbours(rotating.public.encrypt(values, terms=count), count))
        expected = [sum(np.roll(half, -i) for i in range(count)) for half in np.split(values, 2)]
        assert found.tolist() == np.concatenate(expected).tolist()


def test_a_group_takes_no_more_slots_than_it_needs(rotating, population):
    table = EncryptedTable.encrypt(
        population, LABELS, rotating.public, decimals=1, layout=Rotated(groupings=PAIRS, partial_sums=32)
    )
    assert [table.packing.parts(tuple(pair)) for pair in PAIRS] == [2, 32, 4]
    assert [len(c) for c in table.ciphertexts] == list(table.packing.lengths()) == [76 * 5 * 2, 8 * 5 * 32, 38 * 5 * 4]
    for pair in PAIRS:
        found = table.group_by(*pair).sum().decrypt(rotating.secret)
        assert (found == population.groupby(pair)[list(found.columns)].sum().round(1)).all(axis=None)


def test_unused_slots_give_the_table_away(rotating):
    """Why a rotated result must be masked for anybody who must not see the rows."""
    frame = pd.DataFrame({"L": list("aaabb"), "n": [11, 22, 33, 44, 55]})
    table = EncryptedTable.encrypt(frame, ["L"], rotating.public, layout=Rotated(partial_sums=4))
    [sums] = table.group_by("L").sum().ciphertexts
    everything = Ciphertext(sums.key, sums.native, sums.key.slot_count, 0, sums.bound, sums.consumed)
    slots = rotating.secret.decrypt(everything)
    differences = (slots[:8] - slots[1:9]).reshape(-1, 4)
    assert differences[::-1].cumsum(axis=0)[::-1].ravel().tolist() == [11, 22, 33, 0, 44, 55, 0, 0]


# What is refused


@pytest.mark.parametrize("parts", [3, 6, 12])
def test_parts_are_a_power_of_two(rotating, population, parts):
    with pytest.raises(ShapeMismatch, match=f"a power of two, and not {parts}"):
        EncryptedTable.encrypt(population, LABELS, rotating.public, decimals=1, layout=Rotated(partial_sums=parts))


def test_parts_are_at_most_half_of_the_slots():
    """BFV turns each half of its slots by itself, and no rotation adds one half to the other."""
    labels = Labels.from_frame(pd.DataFrame({"L": ["a"] * 8}))
    assert Rotated(partial_sums=4).pack(labels, 1, 8).parts(("L",)) == 4
    with pytest.raises(ShapeMismatch, match="at most 4, half of the slots, and not 8"):
        Rotated(partial_sums=8).pack(labels, 1, 8)


def test_a_forged_number_of_parts(rotating):
    frame = pd.DataFrame({"L": list("aaaabbbb"), "n": range(8)})
    table = EncryptedTable.encrypt(frame, ["L"], rotating.public, layout=Rotated(partial_sums=4))
    header, *others = open_fields(table.to_bytes(), "table")
    assert header[-1] == {"name": "rotated", "groupings": [["L"]], "partial_sums": 4}
    for parts in (0, 3, 2, 8192, -4, True, "4", 4.0):
        with pytest.raises(DamagedBytes):
            layout = header[-1] | {"partial_sums": parts}
            EncryptedTable.from_bytes(seal_fields("table", [[*header[:-1], layout], *others]))
    fields = open_fields(table.group_by("L").sum().to_bytes(), "aggregate")
    for parts in (0, 3, 2, 2**21, -4):
        layout = fields[3] | {"partial_sums": parts}
        with pytest.raises(DamagedBytes):
            EncryptedAggregate.from_bytes(seal_fields("aggregate", [*fields[:3], layout, *fields[4:]]))


@pytest.mark.parametrize("name", ["pyfhel-bfv", "tenseal-bfv", "tenseal-ckks", "paillier"])
def test_keys_that_cannot_rotate_are_refused_when_encrypting(name):
    frame = pd.DataFrame({"L": list("aabb"), "n": [1, 2, 3, 4]})
    with pytest.raises(UnsupportedOperation):
        EncryptedTable.encrypt(frame, ["L"], key_pair(name).public, layout=Rotated(partial_sums=2))


def test_too_little_noise_budget_is_refused_when_encrypting(heart):
    """The course's own plaintext modulus of 34 bits leaves no room for seven rotations of nineteen layers."""
    keys = pyfhel_bfv(galois_keys=STEPS).generate_keys()
    with pytest.raises(DepthExhausted):
        EncryptedTable.encrypt(heart, ["male"], keys.public, layout=Rotated(partial_sums=128))


# Sizes


def test_the_best_layout_is_near_its_theoretical_size(rotating, heart, population):
    values = heart[heart.columns.drop("male")].size
    for layout, count in ((Aligned(partial_sums=136), 18), (Rotated(partial_sums=128), 19)):
        table = EncryptedTable.encrypt(heart, ["male"], rotating.public, layout=layout)
        assert len(table.ciphertexts) == count
        data = len(table.to_bytes()) - len(table.key.to_bytes())
        assert 1 < data / least_bytes(values, BFV) <= 1.5
        found = table.group_by("male").sum().decrypt(rotating.secret)
        assert (found == heart.groupby("male").sum()).all(axis=None)
    table = EncryptedTable.encrypt(
        population, LABELS, rotating.public, decimals=1, layout=Rotated(groupings=PAIRS, partial_sums=32)
    )
    data = len(table.to_bytes()) - len(table.key.to_bytes())
    assert 1 < data / (3 * least_bytes(152 * 5, BFV)) <= 1.5


def test_the_population_job_of_whoever_holds_the_secret_key(population):
    keys = key_pair("tenseal-bfv")
    table = EncryptedTable.encrypt(population, LABELS, keys.secret, decimals=1, layout=Aligned(groupings=PAIRS))
    data = table.to_bytes()
    assert len(data) <= 800_000
    for pair in PAIRS:
        found = EncryptedTable.from_bytes(data).group_by(*pair).sum().decrypt(keys.secret)
        assert (found == population.groupby(pair)[list(found.columns)].sum().round(1)).all(axis=None)


@pytest.mark.slow
def test_lanes_aligned_to_groups_are_near_their_theoretical_size(population):
    parameters = PaillierParameters(2048, 32)
    keys = paillier(parameters).generate_keys()
    table = EncryptedTable.encrypt(population, LABELS, keys.secret, decimals=1, layout=Aligned(groupings=PAIRS))
    assert len(table.ciphertexts) == 49
    assert 1 < len(table.to_bytes()) / (3 * least_bytes(152 * 5, parameters)) <= 1.6


@pytest.mark.slow
@pytest.mark.parametrize("layout, count", [(Values(), 760), (Rows(), 152), (Aligned(groupings=PAIRS), 25)])
def test_numbers_of_ciphertexts(layout, count, population, monkeypatch):
    key = key_pair("tenseal-bfv").public
    # The library's own encryption takes nearly all of the time, and what is encrypted is not looked at.
    monkeypatch.setattr(type(key), "_encrypt", lambda self, vector: None)
    table = EncryptedTable.encrypt(population, LABELS, key, decimals=1, layout=layout)
    assert len(table.ciphertexts) == table.packing.ciphertext_count == count
