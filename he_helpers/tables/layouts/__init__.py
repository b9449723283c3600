"""Layouts: which number of the table lies in which slot of which ciphertext.

Values   one number a ciphertext: any grouping, the naive way
Rows     the columns of a row side by side in one ciphertext: any grouping
Aligned  for each announced grouping, a slot for each group and column; the members of a group lie at the same slot of
         successive ciphertexts, so that adding whole ciphertexts adds up every group at once. The largest group decides
         how many ciphertexts there are, and smaller ones leave their slots empty in most of them: 20,000 rows of one
         group beside 500 groups of one row take 154 MB. Encrypt such groups as two tables
Rotated  the members of a group in several neighbouring slots, too; the server adds these up by rotating the sums

A layout is a frozen object that says what was chosen. It is the same for the encrypting side, the server and the
decrypting side: a packing (where a table's numbers lie) and a placement (where its sums lie) follow from the layout and
from public labels alone.
"""

from he_helpers.tables.layouts.aligned import Aligned
from he_helpers.tables.layouts.catalogue import LAYOUTS, advised_layout, layout_from_fields, require_layout
from he_helpers.tables.layouts.layout import Layout, Packing, Placement, SumOfTable
from he_helpers.tables.layouts.rotated import Rotated, sum_of_neighbours
from he_helpers.tables.layouts.rows import Rows, Values

__all__ = [
    "LAYOUTS",
    "Aligned",
    "Layout",
    "Packing",
    "Placement",
    "Rotated",
    "Rows",
    "SumOfTable",
    "Values",
    "advised_layout",
    "layout_from_fields",
    "require_layout",
    "sum_of_neighbours",
]
