"""The measurement of large tables, on a small one: it runs, and work is counted by ciphertexts."""

import numpy as np
import pandas as pd
import pytest

from he_helpers.lab.measuring.scale import scale_costs
from he_helpers.tables import Aligned, EncryptedTable, Labels
from tests.schemes.conftest import key_pair


def test_the_measurement_runs():
    costs = scale_costs(rows=2000, repetitions=1)
    assert list(costs.index) == ["encrypt", "load", "load, context included", "aggregate", "load_table"]
    assert (costs[["raw", "helper"]] > 0).all(axis=None)
    assert np.allclose(costs["helper / raw"], costs["helper"] / costs["raw"])  # of one pair the medians are the pair


def test_rows_are_read_once_and_aggregates_read_none(monkeypatch):
    """Encrypting and loading find the groups of each grouping once; sums and counts do not look at rows at all."""
    frame = pd.DataFrame({"L": list("abc") * 1000, "M": list("xy") * 1500, "n": 1})
    passes = []
    combined = Labels._combined
    monkeypatch.setattr(Labels, "_combined", lambda self, grouping: passes.append(grouping) or combined(self, grouping))
    table = EncryptedTable.encrypt(frame, ["L", "M"], key_pair("tenseal-bfv").public, layout=Aligned(partial_sums=300))
    # Once for the sizes, once for the place of each row.
    assert sorted(passes) == [("L",), ("L",), ("M",), ("M",)]
    passes.clear()
    received = EncryptedTable.from_bytes(table.to_bytes())
    assert sorted(passes) == [("L",), ("M",)]
    monkeypatch.setattr(Labels, "_combined", lambda *_: pytest.fail("an aggregate has read the rows"))
    assert received.group_by("L").sum().counts == received.group_by("L").count().counts == [1000] * 3
