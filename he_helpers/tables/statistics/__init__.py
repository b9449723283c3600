"""Statistics of an encrypted table with missing values, out of nothing but sums.

Mean, variance, covariance, correlation and histogram counts are all functions of sums over rows: of values, squares,
products, and of zeros and ones. The data administrator derives these columns once, as integers, and
encrypts them; server and aggregation only add. Divisions and roots come after decryption, on exact integers. What is
computed is what pandas computes: ``var``, ``std``, ``cov`` with n - 1, pairs over the rows in which both are present.

A MomentPlan says which columns there are, and both sides derive the same names from it:

    "age"  "age^2"            sums of values and squares; a missing value counts as 0
    "n(BMI)"                  how many values are present (a *mask*: 1 where there is one)
    "age*BMI"                 sum of products
    "age|BMI"  "age^2|BMI"    sums over the rows in which BMI is present too
    "BMI in [20, 25)"         how many values lie in a bin

Values enter as fixed-point integers (value x 10^decimals), so every sum of integers is exact.
"""

from he_helpers.tables.statistics.derived import moments
from he_helpers.tables.statistics.group_sums import GroupSums
from he_helpers.tables.statistics.plan import ROWS, Histogram, Measure, Moment, MomentPlan
from he_helpers.tables.statistics.results import covariances, histogram_counts, summarise
from he_helpers.tables.statistics.small_counts import small_counts, small_counts_among

__all__ = [
    "GroupSums",
    "Histogram",
    "Measure",
    "Moment",
    "MomentPlan",
    "ROWS",
    "covariances",
    "histogram_counts",
    "moments",
    "small_counts",
    "small_counts_among",
    "summarise",
]
