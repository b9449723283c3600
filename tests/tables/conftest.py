"""Key pairs for tables (those of the scheme tests), and the population table."""

from pathlib import Path

import pandas as pd
import pytest

from he_helpers.tables import Aligned, Rotated, Rows, Values
from tests.schemes.conftest import SCHEMES, key_pair

LABELS = ["AREA", "AGE GROUP", "SEX"]
PAIRS = [["AREA", "AGE GROUP"], ["AREA", "SEX"], ["AGE GROUP", "SEX"]]

# One of each kind, with arguments where it takes some; and those whose sums need no key for rotations.
EVERY_LAYOUT = [
    Values(),
    Rows(),
    Aligned(groupings=[["A"], ["B", "A"], []], partial_sums=3),
    Rotated(groupings=[["A"]], partial_sums=4),
]
LAYOUTS = [Aligned(), Rows(), Values()]


@pytest.fixture(params=SCHEMES)
def keys(request):
    return key_pair(request.param)


@pytest.fixture(scope="session")
def population():
    return pd.read_csv(Path(__file__).parents[2] / "data" / "population_projections.csv")
