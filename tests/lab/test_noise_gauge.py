"""The noise gauge, pressed by code: what it says is what the ciphertext holds, and errors lose nothing."""

import re

import pytest
import tenseal as ts

from he_helpers.lab.widgets import NoiseGauge
from he_helpers.schemes.errors import WrongKind


@pytest.fixture(scope="module")
def gauge():
    return NoiseGauge()


@pytest.fixture(autouse=True)
def begin(gauge, without_pixels):
    with without_pixels():
        gauge.start_again()
        gauge.factor.value = 3


def rooms(gauge):
    return [int(found) for found in re.findall(r"room ≈? ?(\d+)", gauge.picture.alt)]


def test_a_fresh_ciphertext_stands_there_first(gauge):
    assert gauge.decrypted == gauge.in_the_clear == 2
    assert gauge.picture.table.index.tolist() == ["fresh"]
    assert re.fullmatch(r"Decryption is right: 2. Noise budget left: ≈ 13\d bits.", gauge.said)


def test_each_button_computes_and_costs_what_it_does(undrawn, gauge):
    gauge.add()
    gauge.multiply()
    gauge.square()
    assert gauge.decrypted == gauge.in_the_clear == ((2 + 1) * 3) ** 2
    table = gauge.picture.table
    assert table.index.tolist() == ["fresh", "1: + fresh 1", "2: × 3", "3: × itself"]
    assert table["decrypted"].tolist() == table["in the clear, modulo t"].tolist() == ["2", "3", "9", "81"]
    fresh, added, times_3, squared = rooms(gauge)
    assert fresh - added <= 1 and 1 <= added - times_3 <= 2 and 25 < times_3 - squared < 40


def test_products_go_on_until_decryption_fails(undrawn, gauge):
    for _ in range(4):
        gauge.square()
    assert gauge.is_right and not gauge.inside.loss
    gauge.square()
    assert not gauge.is_right and gauge.inside.loss
    assert gauge.said.startswith(f"Decryption gives {gauge.decrypted:,} in place of {gauge.in_the_clear:,}.")
    assert gauge.picture.table["decrypted"].tolist()[-2:] == ["65,536", "a wrong number"]
    gauge.start_again()
    assert gauge.is_right and len(gauge.picture.table) == 1


def test_what_is_stored_has_no_digits_that_differ_from_run_to_run(gauge, without_pixels):
    def five_squares():
        with without_pixels():
            gauge.start_again()
            for _ in range(4):
                gauge.square()
        gauge.square()
        return gauge.as_stored()

    first, again = five_squares(), five_squares()
    for kind in ("text/plain", "text/html"):
        masked = [re.sub(r" *≈ \d+|base64,[^\"]+", "", stored[kind]) for stored in (first, again)]
        assert masked[0] == masked[1] and "in place of" in masked[0]
    assert f'alt="{gauge.picture.alt}"' in again["text/html"] and "appear when the cell is run" in again["text/html"]
    bundle = gauge._repr_mimebundle_()
    assert bundle["text/plain"] == again["text/plain"] and "application/vnd.jupyter.widget-view+json" in bundle


def test_the_clear_computation_wraps_around_as_the_scheme_does(undrawn, gauge):
    gauge.factor.value = 200_000
    gauge.multiply()
    assert gauge.decrypted == gauge.in_the_clear != 400_000


def test_what_the_library_refuses_changes_nothing(undrawn, gauge):
    gauge.add()
    before = gauge.picture
    gauge.factor.value = 0
    gauge.multiply()
    assert "× 0: the library refuses this (result ciphertext is transparent)" in gauge.said
    assert gauge.picture is before and gauge.decrypted == 3
    gauge.factor.value = 2
    gauge.multiply()
    assert gauge.decrypted == gauge.in_the_clear == 6


def test_the_last_eight_steps_are_shown(undrawn, gauge):
    for _ in range(9):
        gauge.add()
    assert gauge.picture.table.index.tolist() == [f"{step}: + fresh 1" for step in range(2, 10)]


def test_another_context(undrawn, gauge):
    own = ts.context(ts.SCHEME_TYPE.BFV, 4096, plain_modulus=1032193, coeff_mod_bit_sizes=[36, 36, 37], n_threads=1)
    small = NoiseGauge(own)
    small.square()
    assert small.inside.modulus_bits == pytest.approx(72, abs=0.1) and small.decrypted == 4
    own.make_context_public()
    with pytest.raises(WrongKind, match="private TenSEAL context"):
        NoiseGauge(own)
