"""How a job's table is put into ciphertexts, and how large a slot can become there.

rows     a row a ciphertext, its columns side by side; sums over the rows add whole ciphertexts
columns  a column a ciphertext (or several), its rows side by side; sums over the rows rotate the slots (Galois keys)
values   a value a ciphertext
"""

import math
from dataclasses import dataclass

from he_helpers.parameters.job import Job


@dataclass(frozen=True)
class Arrangement:
    """``used`` slots in each of ``ciphertexts``; ``results`` ciphertexts come back.

    columns_added: how many ciphertexts a weighted sum adds; rows_added: how many a sum adds; slots_added: how many
    slots are summed by rotations afterwards.
    """

    name: str
    used: int
    ciphertexts: int
    results: int
    columns_added: int
    rows_added: int
    slots_added: int

    @property
    def words(self) -> str:
        return {
            "rows": "a row a ciphertext, sums add ciphertexts",
            "columns": "a column a ciphertext" + (", sums rotate the slots" if self.slots_added > 1 else ""),
            "values": "a value a ciphertext",
        }[self.name]


def by_rows(job: Job, slots: int) -> Arrangement:
    blocks = math.ceil(job.columns / slots)
    return Arrangement("rows", min(job.columns, slots), job.rows * blocks, blocks, 1, job.rows, 1)


def by_columns(job: Job, slots: int) -> Arrangement:
    used = min(job.rows, slots)
    chunks = math.ceil(job.rows / used)
    results = (1 if job.weighted else job.columns) * (1 if job.sums else chunks)
    added = job.columns if job.weighted else 1
    return Arrangement(
        "columns", used, job.columns * chunks, results, added, chunks if job.sums else 1, used if job.sums else 1
    )


def by_values(job: Job) -> Arrangement:
    results = (1 if job.weighted else job.columns) * (1 if job.sums else job.rows)
    added = job.columns if job.weighted else 1
    return Arrangement("values", 1, job.rows * job.columns, results, added, job.rows if job.sums else 1, 1)


def bounds(job: Job, arrangement: Arrangement, largest: float, weight: float, exact: bool) -> dict[str, float]:
    """The largest absolute value of a slot after each step, beginning with ``largest``.

    They are those that a ciphertext of this course keeps track of itself: a last ciphertext that is partly empty counts
    as full.
    """
    steps = {"data": largest}
    bound = largest
    for depth in range(1, job.product_depth + 1):
        bound = steps[f"product {depth}"] = bound * largest
    if job.weighted:
        bound = bound * (max(1, weight) if exact else weight)
        bound = steps["weighted sum"] = bound * arrangement.columns_added
    if job.sums:
        bound = steps["sum"] = bound * arrangement.rows_added * arrangement.slots_added
    return steps
