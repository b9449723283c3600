"""Measured numbers carry the course's mark, which the check of stored outputs masks."""

import math

import pandas as pd
import pytest

from he_helpers import lab


@pytest.mark.parametrize(
    ("value", "digits", "shown"),
    [
        (0.00414, 2, "≈ 0.0041 s"),
        (0.0000414, 2, "≈ 4.1e-05 s"),
        (1.23, 2, "≈ 1.2 s"),
        (9.96, 2, "≈ 10 s"),
        (45.67, 3, "≈ 45.7 s"),
        (123_456, 3, "≈ 123,000 s"),
        (-0.5, 1, "≈ -0.5 s"),
        (0, 2, "≈ 0 s"),
    ],
)
def test_a_measured_number_is_shown_with_the_mark_and_its_unit(value, digits, shown):
    assert str(lab.measured(value, "s", digits=digits)) == shown


def test_it_looks_alike_wherever_it_is_shown():
    number = lab.measured(0.0041, "s")
    assert repr(number) == f"{number}" == "≈ 0.0041 s"
    assert "<td>≈ 0.0041 s</td>" in pd.DataFrame({"one guess": [number]}).to_html()
    assert str(lab.measured(12.3)) == "≈ 12"


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_has_no_digits_is_refused(value):
    with pytest.raises(ValueError, match="finite"):
        lab.measured(value, "s")


def test_no_digits_are_refused():
    with pytest.raises(ValueError, match="1 significant digit"):
        lab.measured(1.0, "s", digits=0)
