"""The bar of a ciphertext: what it says of each step, that its parts are as long as their bits, and what it refuses."""

import math
import re
from itertools import pairwise

import pytest

from he_helpers.lab import figures
from he_helpers.lab.figures import BFVInside, CKKSInside
from tests.lab.test_drawing import assert_can_be_read, texts

TOY = {"fresh": BFVInside.of(4096, 16, -3), "sum of 8": BFVInside.of(4096, 16, 24), "product": BFVInside(12, 4, 9)}
REAL = {
    "fresh": BFVInside(53, 34, 7.2, measured=True),
    "sum of 152 fresh ciphertexts": BFVInside(53, 34, 11, measured=True),
    "after 1 product": BFVInside(53, 34, 19, measured=True),
}
LONG = {"fresh": BFVInside(821, 20, 8), "after 9 products": BFVInside(821, 20, 300.25)}
CKKS = {
    "fresh": CKKSInside(140, 40, 5, 12),
    "after 1 product": CKKSInside(100, 40, 10, 14, dropped_bits=40),
    "small values": CKKSInside(60, 40, -8.5, 15.5, dropped_bits=80, measured=True),
    "doubled": CKKSInside(60, 40, 23, 24, dropped_bits=80),
    "noise over the point": CKKSInside(60, 40, 9, 44, dropped_bits=80),
    "noise over all": CKKSInside(60, 40, 3, 44, dropped_bits=80),
}
STEPS = {"toy": TOY, "real": REAL, "long": LONG, "ckks": CKKS, "ckks, long": {"fresh": CKKSInside(820, 40, 5, 12)}}


def bars_of(picture):
    """The parts of each bar, from the left: their hatch and the place of their edges, the bars from the top."""
    rows = {}
    for patch in picture.figure.axes[0].patches:
        if abs(patch.get_height() - 0.36) < 1e-9:
            rows.setdefault(patch.get_y(), []).append((patch.get_hatch(), patch.get_x(), patch.get_width()))
    return [rows[y] for y in sorted(rows, reverse=True)]


@pytest.mark.parametrize("name", STEPS)
def test_a_bar_can_be_read(name):
    picture = figures.ciphertext_bar(STEPS[name])
    assert_can_be_read(picture)
    assert picture.table.index.tolist() == list(STEPS[name])


def test_the_words_of_bfv():
    assert figures.ciphertext_bar(TOY).alt == (
        "Inside a ciphertext of BFV, in bits, from the most significant one to the least. "
        "fresh, modulus 12: message 4, room 5.4, noise 2.6. "
        "sum of 8, modulus 12: message 4, room 2.4, noise 5.6. "
        "product, modulus 12: lost, the noise has reached the message: message, lost 4, room 0, noise 9."
    )
    assert "fresh, modulus 53: message 34, room ≈ 12, noise ≈ 7." in figures.ciphertext_bar(REAL).alt


def test_the_words_of_ckks():
    assert figures.ciphertext_bar(CKKS).alt == (
        "Inside a ciphertext of CKKS, in bits, from the most significant one to the least. "
        "fresh, modulus 140: headroom 95, integer part 5, digits 28, noise 12. "
        "after 1 product, modulus 100: dropped 40, headroom 50, integer part 10, digits 26, noise 14. "
        "small values, modulus 60: dropped 80, headroom 20, integer part 0, digits ≈ 24, noise ≈ 16. "
        "doubled, modulus 60: lost, the value needs 3 bits more than the modulus has left: "
        "dropped 80, headroom 0, integer part, lost 23, digits, lost 16, noise 24. "
        "noise over the point, modulus 60: dropped 80, headroom 11, integer part 9, digits 0, noise 44. "
        "noise over all, modulus 60: lost, the noise covers every digit: "
        "dropped 80, headroom 17, integer part, lost 3, digits, lost 0, noise 44."
    )


def test_the_table_has_the_numbers_of_the_words():
    table = figures.ciphertext_bar(REAL).table
    assert table.columns.tolist() == ["modulus [bits]", "message [bits]", "room [bits]", "noise [bits]", "decrypts"]
    assert table.loc["fresh"].tolist() == ["53", "34", "≈ 12", "≈ 7", "yes"]
    # SEAL finds no room on every run, so that the numbers of a lost message are compared.
    assert table.loc["after 1 product"].tolist() == ["53", "34", "0", "19", "no"]
    table = figures.ciphertext_bar(CKKS).table
    assert table.loc["doubled"].tolist() == ["60", "80", "0", "23", "16", "24", "no"]
    assert table["decrypts"].tolist() == ["yes", "yes", "yes", "no", "yes", "no"]


@pytest.mark.parametrize("name", STEPS)
def test_the_parts_are_as_long_as_their_bits_and_touch_each_other(name):
    bars = bars_of(figures.ciphertext_bar(STEPS[name]))
    assert len(bars) == len(STEPS[name])
    totals = [sum(width for _, _, width in bar) for bar in bars]
    assert totals == pytest.approx([totals[0]] * len(bars))  # here all steps have one modulus, with what is dropped
    for bar, inside in zip(bars, STEPS[name].values(), strict=True):
        whole = inside.modulus_bits + getattr(inside, "dropped_bits", 0)
        for (_, left, width), (_, right, _) in pairwise(bar):
            assert left + width == pytest.approx(right)
        noise = min(inside.noise_bits, whole) / whole * totals[0]
        assert bar[-1][2] == pytest.approx(max(noise, 0.06)) and bar[-1][0] == ".."


def test_what_is_lost_or_dropped_has_a_hatch_of_its_own():
    hatches = [[hatch for hatch, _, _ in bar] for bar in bars_of(figures.ciphertext_bar(CKKS))]
    assert hatches == [
        [None, None, "\\\\", ".."],
        ["//", None, None, "\\\\", ".."],
        ["//", None, "\\\\", ".."],
        ["//", "xx", "xx", ".."],
        ["//", None, None, ".."],
        ["//", None, ".."],
    ]
    assert [hatch for hatch, _, _ in bars_of(figures.ciphertext_bar(TOY))[-1]] == ["xx", ".."]


def test_what_does_not_fit_into_the_bar_stands_under_it():
    words = [text.get_text() for text in texts(figures.ciphertext_bar(LONG))]
    assert words.count("message 20; noise 8") == 1 and words.count("message 20") == 1
    assert "noise 300.2" in words and "821 bits" in words


def test_the_legend_names_what_is_seen_once_and_nothing_else():
    words = [text.get_text() for text in texts(figures.ciphertext_bar(CKKS))]
    assert words[-6:] == [
        "dropped by products",
        "headroom",
        "integer part with sign",
        "value, lost",
        "digits after the point that are right",
        "noise",
    ]
    assert "message, lost" not in [text.get_text() for text in texts(figures.ciphertext_bar({"fresh": TOY["fresh"]}))]


def test_bits_from_numbers():
    assert BFVInside.of(2**12, 2**4, 0) == BFVInside(12, 4, 0)
    assert BFVInside.of(2**12, 2**4, 127).loss == "" and BFVInside.of(2**12, 2**4, 128).loss
    assert CKKSInside.of(2**140, 2**40, -12.5, 2**-31, dropped=2**40) == CKKSInside(140, 40, math.log2(25), 10, 40)


def test_twelve_steps_with_long_names_can_be_read():
    steps = {f"after {number} additions of the same ciphertext": BFVInside(53, 34, 7) for number in range(12)}
    assert_can_be_read(figures.ciphertext_bar(steps))
    with pytest.raises(ValueError, match="room for 1 to 12 steps, not 13"):
        figures.ciphertext_bar({**steps, "more": BFVInside(53, 34, 7)})


@pytest.mark.parametrize(
    ("steps", "error", "message"),
    [
        ({}, ValueError, "1 to 12 steps, not 0"),
        ({"a": BFVInside(12, 4, 2), "b": CKKSInside(60, 40, 5, 12)}, TypeError, "these are BFVInside and CKKSInside"),
        ({"a": 12}, TypeError, "these are int"),
    ],
)
def test_steps_that_do_not_fit_are_refused(steps, error, message):
    with pytest.raises(error, match=re.escape(message)):
        figures.ciphertext_bar(steps)


@pytest.mark.parametrize(
    ("kind", "bits", "message"),
    [
        (BFVInside, (12, 12, 3), "message of 12 bits does not fit into a modulus of 12 bits"),
        (BFVInside, (12, 0, 3), "message of 0 bits does not fit"),
        (BFVInside, (12, 4, -1), "noise_bits is a number of bits, 0 or more, and this is -1"),
        (BFVInside, (math.nan, 4, 1), "modulus_bits is a number of bits"),
        (CKKSInside, (60, math.inf, 4, 1), "scale_bits is a number of bits"),
        (CKKSInside, (60, 40, 4, 1, -1), "dropped_bits is a number of bits"),
        (CKKSInside, (60, 40, -math.inf, 1), "is every value 0?"),
    ],
)
def test_bits_that_cannot_be_are_refused(kind, bits, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        kind(*bits)
    with pytest.raises(ValueError, match="is every value 0"):
        CKKSInside.of(2**60, 2**40, 0, 0)
