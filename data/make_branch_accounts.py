"""Make branch_accounts.csv: invented quarterly accounts of 60 branches in 5 regions, 2023-Q1 to 2024-Q4.

    python data/make_branch_accounts.py            write the table
    python data/make_branch_accounts.py --check    compare it, exit code 1 on a difference

Only `random.Random(seed).random()`, whose stream Python guarantees, and the four arithmetic operations are
used, so the bytes are the same everywhere. branch_accounts.md describes the result.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from write_or_check import write_or_check

TABLE = Path(__file__).resolve().parent / "branch_accounts.csv"
HEADER = "Record ID,Region,Branch,Quarter,Revenue,Expenses,Savings,Investments,Loans"
BRANCHES = {"Centre": 12, "East": 8, "North": 16, "South": 14, "West": 10}
SEED = 20230101
SEASONS = (0.96, 0.99, 1.01, 1.04)
YEARLY_GROWTH = 0.02


def main(arguments: Sequence[str] | None = None, path: Path = TABLE) -> int:
    return write_or_check("\n".join([HEADER, *records()]) + "\n", path, arguments)


def records() -> Iterator[str]:
    stream = random.Random(SEED)

    def between(low: float, high: float) -> float:
        return low + (high - low) * stream.random()

    number = 0
    for region, count in BRANCHES.items():
        for branch in range(1, count + 1):
            # What makes one branch unlike another and stays for all quarters.
            level = between(56_000, 109_000)
            expense_share = between(0.57, 0.63)
            savings, investments, loans = between(0.30, 0.55), between(0.22, 0.48), between(0.25, 0.50)
            for year in (2023, 2024):
                trend = 1 + YEARLY_GROWTH * (year - 2023)
                for quarter, season in enumerate(SEASONS, 1):
                    revenue = level * trend * season * between(0.97, 1.03)
                    amounts = (
                        revenue,
                        revenue * (expense_share + between(-0.02, 0.02)),
                        level * trend * savings * between(0.95, 1.05),
                        level * trend * investments * between(0.95, 1.05),
                        level * trend * loans * between(0.95, 1.05),
                    )
                    number += 1
                    money = ",".join(f"{amount:.2f}" for amount in amounts)
                    yield f"{number},{region},{region} {branch:02d},{year}-Q{quarter},{money}"


if __name__ == "__main__":
    sys.exit(main())
