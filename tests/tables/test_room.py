"""What is encrypted can be added up: into the slots, the noise budget and the decimals, or it is refused beforehand."""

import re

import numpy as np
import pandas as pd
import pytest

from he_helpers import parameters as parameters_module
from he_helpers.advice import Job, advise
from he_helpers.parameters import BFVParameters, CKKSParameters, plaintext_prime
from he_helpers.parameters.noise import ckks_sum_error
from he_helpers.schemes.errors import DepthExhausted, ShapeMismatch, ValueOutOfRange
from he_helpers.schemes.secret import paillier, pyfhel_bfv, pyfhel_ckks, tenseal_bfv, tenseal_ckks
from he_helpers.tables import Aligned, EncryptedTable, Labels, Rotated, Rows, encrypted_table
from he_helpers.tables.room import sum_error
from tests.one_context import in_one_context
from tests.schemes.conftest import key_pair
from tests.tables.conftest import LAYOUTS

SCHEMES = {"tenseal-bfv": tenseal_bfv, "tenseal-ckks": tenseal_ckks, "paillier": paillier}


@pytest.fixture(scope="module")
def short_of_noise():
    """The default ring and chain with plaintext moduli of 40 and 44 bits."""
    parameters = {b: BFVParameters(4096, (53, 53), plaintext_prime(b, 4096)) for b in (40, 44)}
    return {b: in_one_context(tenseal_bfv(parameters[b])) for b in parameters}


def one_group(values):
    return pd.DataFrame({"L": ["a"] * len(values), "n": values})


def refused(keys, frame, error, **options):
    """The message, after making sure that nothing was encrypted."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(keys.public), "_encrypt", lambda *_: pytest.fail("something has been encrypted"))
        with pytest.raises(error) as caught:
            EncryptedTable.encrypt(frame, ["L"], keys.public, **options)
    return str(caught.value)


def sums_are_right(keys, frame, **options):
    table = EncryptedTable.from_bytes(EncryptedTable.encrypt(frame, ["L"], keys.public, **options).to_bytes())
    found = table.group_by("L").sum().decrypt(keys.secret)
    decimals = options.get("decimals", 0)
    assert (found["n"] == frame.groupby("L")["n"].sum().round(decimals)).all()


def advised(message, scheme):
    """A key pair under the parameters that a message names."""
    [words] = re.findall(r"the parameters (\w+\(.*\))", message)
    chosen = SCHEMES[scheme](eval(words, vars(parameters_module)))
    return chosen.generate_keys() if scheme == "paillier" else in_one_context(chosen)


# Bytes


@pytest.mark.parametrize("name", ["tenseal-bfv", "tenseal-ckks", "pyfhel-bfv", "paillier"])
def test_a_table_of_gigabytes_is_refused_with_its_size(name):
    """100,000 rows in one group at partial_sums=1 are as many ciphertexts."""
    keys = key_pair(name)
    frame = one_group(np.zeros(100_000, dtype=int))
    each = len(keys.public.encrypt([1]).to_bytes())
    message = refused(keys, frame, ShapeMismatch, largest_bytes=70_000 * each)
    assert "100,000 ciphertexts" in message and "larger partial_sums than 1," in message
    [announced] = re.findall(r"about ([\d,]+) bytes", message)
    assert 0.8 < int(announced.replace(",", "")) / (100_000 * each) < 1.25
    message = refused(keys, frame, ShapeMismatch, layout=Rows(), largest_bytes=100 * each)
    assert "Use layout=Aligned(groupings=[[...]], partial_sums=...), which" in message


def test_the_limit_without_a_word_is_a_gibibyte():
    frame, keys = one_group(np.zeros(100_000, dtype=int)), key_pair("tenseal-bfv")
    assert "at most 1,073,741,824 are allowed" in refused(keys, frame, ShapeMismatch)


def test_what_the_message_names_is_enough():
    keys, frame = key_pair("tenseal-bfv"), one_group([1, 2, 3])
    [needed] = re.findall(r"largest_bytes=(\d+)", refused(keys, frame, ShapeMismatch, largest_bytes=100_000))
    refused(keys, frame, ShapeMismatch, largest_bytes=int(needed) - 1)
    sums_are_right(keys, frame, largest_bytes=int(needed))
    sums_are_right(keys, frame, layout=Aligned(partial_sums=3), largest_bytes=100_000)


# The noise budget of BFV


@pytest.mark.slow
def test_more_than_a_thousand_rows_in_one_group():
    frame = one_group(np.arange(1025) % 7)
    sums_are_right(key_pair("tenseal-bfv"), frame)


@pytest.mark.slow
@pytest.mark.parametrize(
    "bits, rows, layout", [(40, 500, LAYOUTS[0]), *((44, 2, layout) for layout in LAYOUTS)], ids=str
)
def test_a_sum_beyond_the_noise_budget_names_what_fits(short_of_noise, bits, rows, layout):
    keys, frame = short_of_noise[bits], one_group(np.arange(rows) % 7)
    message = refused(keys, frame, DepthExhausted, layout=layout)
    assert f"add up to {rows} terms each" in message
    [over] = re.findall(r"needs (\d+\.\d) bits more than the noise budget", message)
    too_much = keys.public.consumption_of_sum(rows) / keys.public.consumption_limit
    assert too_much > 1 and 2 ** float(over) == pytest.approx(too_much, rel=0.04)
    [parts] = re.findall(r"partial_sums=(\d+)", message)
    assert int(parts) == 2 and (layout == Aligned() or "layout=Aligned(groupings=[[...]], partial_sums=2)" in message)
    sums_are_right(keys, frame, layout=Aligned(partial_sums=int(parts)))
    sums_are_right(advised(message, "tenseal-bfv"), frame, layout=layout)


def test_zeros_beyond_the_noise_budget_name_what_fits(short_of_noise):
    frame = one_group(np.zeros(3, dtype=int))
    message = refused(short_of_noise[44], frame, DepthExhausted)
    sums_are_right(advised(message, "tenseal-bfv"), frame)


def test_a_great_table_is_refused_at_once():
    frame = one_group(np.ones(10**6, dtype=int))
    message = refused(key_pair("tenseal-bfv"), frame, DepthExhausted)
    assert "add up to 1,000,000 terms each" in message and "partial_sums=4" in message


def test_too_many_rotations_name_partial_sums():
    parameters = BFVParameters(4096, (53, 53), plaintext_prime(40, 4096))
    keys = pyfhel_bfv(parameters, galois_keys=[1, 2, 4, 8]).generate_keys()
    frame = one_group(np.arange(32) % 7)
    words = re.escape("Use layout=Aligned(groupings=[[...]], partial_sums=1), or the parameters")
    with pytest.raises(DepthExhausted, match=words):
        EncryptedTable.encrypt(frame, ["L"], keys.public, layout=Rotated(partial_sums=16))
    sums_are_right(keys, frame.head(4), layout=Rotated(partial_sums=2))


def test_a_received_table_that_cannot_be_added_up(short_of_noise, monkeypatch):
    keys = short_of_noise[44]
    monkeypatch.setattr(encrypted_table, "check_room", lambda *_: None)
    data = EncryptedTable.encrypt(one_group([1, 2, 3]), ["L"], keys.public).to_bytes()
    with pytest.raises(DepthExhausted, match="3 terms each"):
        EncryptedTable.from_bytes(data)


@pytest.mark.parametrize("layout", [Aligned(), Aligned(partial_sums=3), Rows()], ids=repr)
def test_the_check_counts_what_the_sum_uses_up(layout):
    keys = key_pair("tenseal-bfv")
    table = EncryptedTable.encrypt(one_group(range(20)), ["L"], keys.public, layout=layout)
    consumed = max(keys.public.consumption_of_sum(kind.ciphertexts, kind.rotations) for kind in table.packing.sums())
    assert [total.consumed for total in table.group_by("L").sum().ciphertexts] == [consumed]


# The capacity of a slot


@pytest.mark.parametrize("scheme", ["tenseal-bfv", "paillier"])
@pytest.mark.parametrize("decimals", [0, 2])
def test_a_value_above_its_share_is_named_with_its_row(scheme, decimals):
    keys = key_pair(scheme)
    largest = keys.public.capacity // 10 // 10**decimals + 1
    frame = one_group([1, 2, -largest, 4, 5, 6, 7, 8, 9, 10])
    message = refused(keys, frame, ValueOutOfRange, decimals=decimals)
    assert f"Column 'n', row 2: the value {-largest:,.12g} exceeds" in message and "sum of 10 ciphertexts" in message
    assert "partial_sums=2" in message
    sums_are_right(keys, frame, decimals=decimals, layout=Aligned(partial_sums=2))
    if scheme == "tenseal-bfv":
        sums_are_right(advised(message, scheme), frame, decimals=decimals)


# The decimals of CKKS


@pytest.mark.parametrize("scheme", ["tenseal-ckks", "pyfhel-ckks", "tenseal-bfv", "paillier"])
@pytest.mark.parametrize("value", [0.126, 54721.9, -0.5, 1e-6])
def test_what_would_be_rounded_away_is_refused(scheme, value):
    message = refused(key_pair(scheme), one_group([3, value, 5]), ValueOutOfRange)
    assert "Column 'n' has values with more than 0 decimals, the first in row 1" in message
    assert f"{value:.15g}" in message


@pytest.mark.slow
def test_decimals_that_the_parameters_do_not_carry():
    keys = in_one_context(tenseal_ckks(CKKSParameters(8192, (60, 60), 30)))
    frame = one_group([1.1234, 2.0001, -3.5, 7.25] * 25)
    message = refused(keys, frame, ValueOutOfRange, decimals=4)
    assert "Column 'n' is announced with 4 decimals" in message and "a scale of 30 bits can be off by 0.00" in message
    assert "Use decimals=2 for it" in message
    sums_are_right(keys, frame.round(2), decimals=2)
    with pytest.raises(ValueOutOfRange, match="announced with 3 decimals"):
        EncryptedTable.encrypt(frame.round(3), ["L"], keys.public, decimals={"n": 3})
    keys = advised(message, "tenseal-ckks")
    sums_are_right(keys, frame, decimals=4)
    fits = advise(Job(rows=100, columns=1, largest=7.25, decimals=4, scheme="tenseal-ckks")).fits
    assert [fit.parameters for fit in fits if fit.arrangement.name == "rows"] == [keys.public.parameters]


def test_the_most_decimals_that_are_taken_come_back_right():
    """Many sums under a scale of 25 bits, each rounded to the last decimal that is accepted; with partial sums, too."""
    random = np.random.default_rng(6)
    for make, name in ((tenseal_ckks, "tenseal"), (pyfhel_ckks, "pyfhel")):
        keys = in_one_context(make(CKKSParameters(4096, (56, 50), 25)))
        frame = pd.DataFrame({"L": np.arange(2000 * 4) % 500, "n": random.integers(-500, 500, 8000) / 10})
        for parts in (1, 4):
            table = EncryptedTable.encrypt(frame, ["L"], keys.public, decimals=1, layout=Aligned(partial_sums=parts))
            assert sum_error(table.packing, 50, keys.public.parameters) < 0.05, name
            found = table.group_by("L").sum().decrypt(keys.secret)
            assert (found["n"] == frame.groupby("L")["n"].sum().round(1)).all()


def test_the_error_of_a_sum_counts_its_slots():
    """A hundred rows in four slots of 25 ciphertexts, which whoever decrypts adds up, or the server by rotations."""
    labels = Labels.from_frame(pd.DataFrame({"L": ["a"] * 100}))
    key = key_pair("tenseal-ckks").public
    for layout, rotated in ((Aligned(partial_sums=4), False), (Rotated(partial_sums=4), True)):
        packing = layout.pack(labels, 1, key.slot_count)
        assert sum_error(packing, 50, key.parameters) == ckks_sum_error(key.parameters, 25, 50, 4, rotated)
    assert ckks_sum_error(key.parameters, 25, 50, 4, True) > ckks_sum_error(key.parameters, 25, 50, 1, True)


def test_means_are_rounded_sums_divided_by_counts():
    frame = one_group([0.1, 0.2, 0.4])
    for scheme in ("tenseal-ckks", "pyfhel-ckks", "tenseal-bfv"):
        keys = key_pair(scheme)
        table = EncryptedTable.encrypt(frame, ["L"], keys.public, decimals=1)
        assert table.group_by("L").mean().decrypt(keys.secret)["n"].tolist() == [7 / 30]


@pytest.mark.parametrize("scheme", ["tenseal-ckks", "pyfhel-ckks", "tenseal-bfv", "paillier"])
def test_sums_of_integers_are_integers(scheme):
    keys = key_pair(scheme)
    frame = pd.DataFrame({"L": list("aab"), "n": [1, 2, -3], "m": [0.5, 0.25, 1.0]})
    table = EncryptedTable.encrypt(frame, ["L"], keys.public, decimals={"m": np.int64(2)})
    pd.testing.assert_frame_equal(table.group_by("L").sum().decrypt(keys.secret), frame.groupby("L").sum())
    pd.testing.assert_frame_equal(table.group_by("L").mean().decrypt(keys.secret), frame.groupby("L").mean())


@pytest.mark.parametrize("decimals", [True, np.bool_(True), 1.0, "1", -1, 13])
def test_decimals_are_a_whole_number(decimals):
    with pytest.raises(ShapeMismatch, match="needs 0 to 12 decimals"):
        EncryptedTable.encrypt(one_group([1]), ["L"], key_pair("paillier").public, decimals=decimals)
