"""Rounding of released sums to multiples of a base."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd


def round_to_base(table: pd.DataFrame, base: int) -> pd.DataFrame:
    """Each number as the nearest multiple of ``base``, int64; halves go to the even multiple.

    A number is off by at most base / 2. Rounded cells need not add up to the rounded total: n cells and their total
    differ by at most (n + 1) base / 2. Rounding hides nothing for certain: a sum that is known but for one amount still
    bounds this amount, to within base, and the difference of two rounded sums bounds the difference.
    """
    import pandas as pd

    rounded = {name: (np.rint(table[name].to_numpy(np.float64) / base) * base).astype(np.int64) for name in table}
    return pd.DataFrame(rounded, index=table.index)
