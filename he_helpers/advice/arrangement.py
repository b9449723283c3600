"""How a job's table is put into ciphertexts, and how large a slot can become there.

rows      a row a ciphertext, its columns side by side; sums over the rows add whole ciphertexts
aligned   many rows a ciphertext; sums over the rows add whole ciphertexts, and whoever decrypts adds up the parts
rotated   as aligned, and the server adds up the parts by rotating the slots (Galois keys)
columns   a column a ciphertext (or several), its rows side by side; sums over the rows rotate the slots (Galois keys)
inputs    a row a ciphertext for weighted sums: the weights multiply slots, which rotations add up (Galois keys)
products  as inputs, and whoever decrypts adds up the products, and sees them
values    a value a ciphertext

The first three are layouts of an EncryptedTable, under the same names.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from he_helpers.advice.job import Job

_WORDS = {
    "rows": "a row a ciphertext, sums add ciphertexts",
    "aligned": "many rows a ciphertext, whoever decrypts adds up the parts of a sum",
    "rotated": "many rows a ciphertext, sums rotate the slots",
    "columns": "a column a ciphertext",
    "inputs": "a row a ciphertext, weighted sums rotate the slots",
    "products": "a row a ciphertext, whoever decrypts adds up the weighted products",
    "values": "a value a ciphertext",
}


@dataclass(frozen=True)
class TableOptions:
    """How EncryptedTable takes the rows of the groups that have ``smallest_group`` to ``largest_group`` rows.

    ``layout`` is the name of a layout there, whose object tables.advised_layout() makes.
    """

    layout: str
    partial_sums: int
    decimals: int
    smallest_group: int
    largest_group: int

    @property
    def words(self) -> str:
        arguments = "" if self.layout == "rows" else f"groupings=[[...]], partial_sums={self.partial_sums}"
        sizes = f"{self.smallest_group:,}"
        if self.smallest_group < self.largest_group:
            sizes += f" to {self.largest_group:,}"
        return f"layout={self.layout.title()}({arguments}), decimals={self.decimals}, for groups of {sizes} rows"


@dataclass(frozen=True)
class Arrangement:
    """``used`` slots in each of ``ciphertexts``; ``results`` ciphertexts come back.

    columns_added: how many ciphertexts a weighted sum adds; rows_added: how many a sum adds; slots_added: how many
    slots are summed by rotations afterwards; parts: how many slots whoever decrypts adds up. tables: for the layouts of
    an EncryptedTable, what to pass to it, a table for each entry.
    """

    name: str
    used: int
    ciphertexts: int
    results: int
    columns_added: int
    rows_added: int
    slots_added: int
    parts: int = 1
    tables: tuple[TableOptions, ...] = ()

    @property
    def words(self) -> str:
        tables = f", in {len(self.tables)} tables by the size of the groups" if len(self.tables) > 1 else ""
        return _WORDS[self.name] + (", sums rotate the slots" if self._sums_rows_by_rotation else tables)

    @property
    def _sums_rows_by_rotation(self) -> bool:
        return self.name == "columns" and self.slots_added > 1


def by_rows(job: Job, slots: int) -> Arrangement:
    blocks = math.ceil(job.columns / slots)
    groups = job.group_sizes
    tables = (TableOptions("rows", 1, job.decimals, min(groups), max(groups)),) if job.is_table else ()
    used, results = min(job.columns, slots), blocks * len(groups)
    # Such a table answers every grouping, so it keeps room for the sum over all rows.
    return Arrangement("rows", used, job.rows * blocks, results, 1, job.rows, 1, tables=tables)


def by_alignment(job: Job, slots: int, name: str) -> Arrangement:
    """``aligned`` or ``rotated``, with the partial sums, and the tables, that need the fewest ciphertexts."""
    tables = _tables(job, slots, name, tuple(sorted(job.group_sizes)))
    parts = max(table.parts for table in tables)
    return Arrangement(
        name,
        used=max(min(slots, table.cells) for table in tables),
        ciphertexts=sum(table.depth * table.vectors for table in tables),
        results=sum(table.vectors for table in tables),
        columns_added=1,
        rows_added=max(table.depth for table in tables),
        slots_added=parts if name == "rotated" else 1,
        parts=parts if name == "aligned" else 1,
        tables=tuple(
            TableOptions(name, table.parts, job.decimals, table.sizes[0], table.sizes[-1]) for table in tables
        ),
    )


@dataclass(frozen=True)
class _Table:
    """The groups of these ``sizes``, rising, in slots that hold ``parts`` of each group and column."""

    sizes: tuple[int, ...]
    columns: int
    slots: int
    parts: int

    @property
    def depth(self) -> int:
        return math.ceil(self.sizes[-1] / self.parts)

    @property
    def cells(self) -> int:
        return self.columns * len(self.sizes) * self.parts

    @property
    def vectors(self) -> int:
        return math.ceil(self.cells / self.slots)

    @property
    def weight(self) -> int:
        """Ciphertexts to encrypt and to decrypt."""
        return (self.depth + 1) * self.vectors


def _tables(job: Job, slots: int, name: str, sizes: tuple[int, ...]) -> list[_Table]:
    """One table, or two and more where groups differ so much in size that most of its slots would be empty."""
    whole = _table(job, slots, name, sizes)
    splits = (position for position in range(1, len(sizes)) if sizes[position - 1] < sizes[position])
    pairs = ([_table(job, slots, name, part) for part in (sizes[:at], sizes[at:])] for at in splits)
    best = min(pairs, key=lambda pair: sum(table.weight for table in pair), default=[whole])
    if sum(table.weight for table in best) >= whole.weight:
        return [whole]
    return [table for part in best for table in _tables(job, slots, name, part.sizes)]


def _table(job: Job, slots: int, name: str, sizes: tuple[int, ...]) -> _Table:
    options = (_Table(sizes, job.columns, slots, parts) for parts in _possible_parts(job, slots, name, sizes))
    return min(options, key=lambda table: (table.weight, table.parts))


def _possible_parts(job: Job, slots: int, name: str, sizes: tuple[int, ...]) -> Iterator[int]:
    """Numbers of parts up to the rows of the largest group: powers of two to rotate, else those that fill vectors."""
    most = sizes[-1]
    if name == "rotated":
        yield from (1 << k for k in range((slots // 2).bit_length()) if 1 << k < 2 * most and 1 << k <= sum(sizes))
        return
    yield 1
    cells = job.columns * len(sizes)
    for vectors in range(1, 5):
        yield min(most, slots, max(1, vectors * slots // cells))


def by_columns(job: Job, slots: int) -> Arrangement:
    used = min(job.rows, slots)
    chunks = math.ceil(job.rows / used)
    results = (1 if job.weighted else job.columns) * (1 if job.sums else chunks)
    added = job.columns if job.weighted else 1
    return Arrangement(
        "columns", used, job.columns * chunks, results, added, chunks if job.sums else 1, used if job.sums else 1
    )


def by_inputs(job: Job, slots: int, name: str) -> Arrangement:
    """``inputs`` or ``products``."""
    used = min(job.columns, slots)
    blocks = math.ceil(job.columns / used)
    rows_added, results = (job.rows, 1) if job.sums else (1, job.rows)
    slots_added, parts = (used, 1) if name == "inputs" else (1, used)
    return Arrangement(name, used, job.rows * blocks, results, blocks, rows_added, slots_added, parts)


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
    if job.sums or arrangement.slots_added > 1:
        bound = steps["sum"] = bound * arrangement.rows_added * arrangement.slots_added
    return steps
