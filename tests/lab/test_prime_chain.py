"""The chain of primes: against parameters and what real products use up, that it can be read, and what it refuses."""

import re

import pytest

from he_helpers.lab import figures
from he_helpers.parameters import BFVParameters, CKKSParameters
from he_helpers.schemes.secret import tenseal_ckks
from tests.lab.test_drawing import assert_can_be_read, texts

PARAMETERS = CKKSParameters(16384, (60, 40, 40, 40, 60), scale_bits=40)


@pytest.mark.parametrize("products", [0, 1, 2, 3])
def test_the_chain_says_what_products_use_up(products):
    picture = figures.prime_chain(PARAMETERS, products)
    assert_can_be_read(picture)
    assert picture.table["bits"].tolist() == [60, 40, 40, 40, 60]
    uses = picture.table["use"].tolist()
    assert uses[0] == "stays: scale 40, integer part 20 bits" and uses[-1] == "for keys alone"
    # From the end: the first product takes the last prime before the one of the keys.
    assert [use.split(" product ")[0] for use in uses[1:-1]] == ["left for"] * (3 - products) + [
        "used up by"
    ] * products
    assert [int(use[-1]) for use in uses[1:-1]] == [3, 2, 1]
    assert f"{products} of 3 levels are used, and {180 - 40 * products} of 180 bits for data are left." in picture.alt
    assert sum(patch.get_hatch() is not None for patch in picture.figure.axes[0].patches) == products
    assert [text.get_text() for text in texts(picture) if "bits" in text.get_text()][0] == "60 bits"


def test_real_products_use_up_the_levels_that_are_drawn():
    keys = tenseal_ckks(CKKSParameters(), relinearisation_keys=True).generate_keys()
    fresh = keys.public.encrypt([1.5], terms=1).assuming(2)
    for ciphertext, used in ((fresh, 0), (fresh * fresh, 1)):
        uses = figures.prime_chain(keys.public.parameters, int(ciphertext.consumed)).table["use"]
        assert uses.str.startswith("used up").sum() == used


def test_a_prime_that_is_no_level_is_said_to_be_none():
    uneven = CKKSParameters(16384, (60, 30, 40, 60), scale_bits=40)
    picture = figures.prime_chain(uneven, 1)
    assert_can_be_read(picture)
    assert picture.table["use"].tolist()[1:3] == ["no level: not as long as the scale", "used up by product 1"]
    with pytest.raises(ValueError, match="levels for 0 to 1 products, not for 2"):
        figures.prime_chain(uneven, 2)


def test_blocks_of_different_use_have_different_colours():
    colours = [patch.get_facecolor() for patch in figures.prime_chain(PARAMETERS, 1).figure.axes[0].patches]
    assert len(set(colours)) == 4


def test_the_longest_chain_can_be_read():
    assert_can_be_read(figures.prime_chain(CKKSParameters(32768, (60, *[40] * 7, 60), scale_bits=40), 3))


@pytest.mark.parametrize(
    ("parameters", "products", "error", "message"),
    [
        (BFVParameters(), 0, TypeError, "under CKKS alone, and these are BFVParameters"),
        (PARAMETERS, -1, ValueError, "levels for 0 to 3 products, not for -1"),
        (CKKSParameters(32768, (60, *[40] * 8, 60)), 0, ValueError, "room for 9 primes, and this chain has 10"),
    ],
)
def test_what_does_not_fit_is_refused(parameters, products, error, message):
    with pytest.raises(error, match=re.escape(message)):
        figures.prime_chain(parameters, products)
