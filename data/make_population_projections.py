"""Make population_projections.csv: 4 areas x 19 age groups x 2 sexes, 2018 to 2022, from published sums.

    python data/make_population_projections.py            write the table
    python data/make_population_projections.py --check    compare it, exit code 1 on a difference

Two steps for each year. Iterative proportional fitting spreads the published sums over the 152 cells as
evenly as they allow (Deming and Stephan, Annals of Mathematical Statistics 11 (1940), 427-444). An integer
program then rounds every cell up or down so that all sums hold exactly, with the smallest sum of rounding
errors. Needs scipy; population_projections.md describes the result.
"""

from __future__ import annotations

import csv
import math
import sys
from collections.abc import Sequence
from decimal import Decimal
from itertools import product
from pathlib import Path

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from write_or_check import write_or_check

HERE = Path(__file__).resolve().parent
TABLE = HERE / "population_projections.csv"
LABELS = ("AREA", "AGE GROUP", "SEX")
YEARS = ("2018", "2019", "2020", "2021", "2022")
SWEEPS = 200  # the fit is at the last bits of a float after about 40
COST_UNIT = 1_000_000  # costs are whole millionths, far above the solver's tolerance of 1e-6 of one
INFEASIBLE = 2  # scipy.optimize.milp's status

Sum = tuple[list[int], dict[str, int]]
"""A published sum: the positions of the cells that it adds up, and its total in tenths for each year."""


def main(arguments: Sequence[str] | None = None, path: Path = TABLE) -> int:
    cells, sums = published_sums()
    columns = [reconstruct(len(cells), [(at, totals[year]) for at, totals in sums]) for year in YEARS]
    verify(columns, sums)
    lines = [",".join(LABELS + YEARS)]
    for cell, values in zip(cells, zip(*columns, strict=True), strict=True):
        lines.append(",".join([*cell, *(f"{value // 10}.{value % 10}" for value in values)]))
    return write_or_check("\n".join(lines) + "\n", path, arguments)


def published_sums() -> tuple[list[tuple[str, ...]], list[Sum]]:
    """The cells (AREA, AGE GROUP, SEX) in published, that is lexicographic, order, and all published sums."""
    rows = []
    for path in sorted((HERE / "published").glob("population_summed_over_*.csv")):
        with path.open(newline="", encoding="ascii") as file:
            rows.extend(csv.DictReader(file))
    values = [sorted({row[label] for row in rows if label in row}) for label in LABELS]
    cells = list(product(*values))
    sums = []
    for row in rows:
        kept = [(position, row[label]) for position, label in enumerate(LABELS) if label in row]
        at = [i for i, cell in enumerate(cells) if all(cell[position] == value for position, value in kept)]
        sums.append((at, {year: tenths(row[year]) for year in YEARS}))
    return cells, sums


def tenths(text: str) -> int:
    """The exact number of tenths in a decimal text: "14509.0" is 145090."""
    value = Decimal(text) * 10
    if value != int(value):
        raise ValueError(f"published sum {text!r} has more than one decimal; tenths were expected")
    return int(value)


def reconstruct(size: int, sums: list[tuple[list[int], int]]) -> list[int]:
    """One year: `size` cells in tenths whose sums are exactly those given.

    Where every sum is a whole number of persons, as in 2018, the cells are whole persons too.
    """
    unit = 10 if all(total % 10 == 0 for _, total in sums) else 1
    in_units = [(at, total // unit) for at, total in sums]
    return [unit * value for value in round_to_sums(fit(size, in_units), in_units)]


def fit(size: int, sums: list[tuple[list[int], int]]) -> list[float]:
    """Iterative proportional fitting from a table of ones.

    Plain floats and `math.fsum`, whose results are the same on every platform; numpy's sums are not.
    """
    cells = [1.0] * size
    for _ in range(SWEEPS):
        for at, total in sums:
            factor = total / math.fsum(cells[i] for i in at)
            for i in at:
                cells[i] *= factor
    return cells


def round_to_sums(fitted: list[float], sums: list[tuple[list[int], int]]) -> list[int]:
    """Round each cell up or down so that every sum holds, with the smallest sum of rounding errors.

    Rounding a cell with fraction f up instead of down changes its error from f to 1 - f. The costs are
    integers, and a second program proves that no other choice is as good: whatever solver finds it, on any
    platform, the result is the same.
    """
    down = [math.floor(value) for value in fitted]
    costs = [round(COST_UNIT * (1 - 2 * (value - floor))) for value, floor in zip(fitted, down, strict=True)]
    matrix = np.zeros((len(sums), len(fitted)))
    for row, (at, _) in enumerate(sums):
        matrix[row, at] = 1
    missing = [total - sum(down[i] for i in at) for at, total in sums]
    exact = LinearConstraint(matrix, missing, missing)

    up = choose(costs, [exact])
    if up is None:
        raise RuntimeError("no rounding reproduces the published sums")
    # signs @ x is the number of cells in which x differs from `up`, less sum(up): at least one must differ.
    signs = np.array([[1 - 2 * choice for choice in up]])
    second = choose(costs, [exact, LinearConstraint(signs, 1 - sum(up), np.inf)])
    if second is not None and total_cost(costs, second) <= total_cost(costs, up):
        raise RuntimeError("two roundings are equally good; raise COST_UNIT to tell them apart")
    return [floor + choice for floor, choice in zip(down, up, strict=True)]


def choose(costs: list[int], constraints: list[LinearConstraint]) -> list[int] | None:
    """The cheapest choice of cells to round up (1, else 0), or None where the constraints allow none."""
    solution = milp(
        costs, constraints=constraints, bounds=Bounds(0, 1), integrality=np.ones(len(costs)), options={"mip_rel_gap": 0}
    )
    if solution.status == INFEASIBLE:
        return None
    if not solution.success:
        raise RuntimeError(f"the solver stopped early: {solution.message}")
    return [round(value) for value in solution.x]


def total_cost(costs: list[int], up: list[int]) -> int:
    return sum(cost * choice for cost, choice in zip(costs, up, strict=True))


def verify(columns: list[list[int]], sums: list[Sum]) -> None:
    """Check with integers, independently of the solver, what the table promises."""
    for year, column in zip(YEARS, columns, strict=True):
        if min(column) < 0:
            raise RuntimeError(f"{year}: a negative value")
        for at, totals in sums:
            if sum(column[i] for i in at) != totals[year]:
                raise RuntimeError(f"{year}: the cells {at} do not sum to {totals[year]} tenths")


if __name__ == "__main__":
    sys.exit(main())
