"""The layouts that there are. A further one is its class, an entry here and in the front doors, and its tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from he_helpers.schemes.errors import DamagedBytes, WrongKind
from he_helpers.tables.layouts.aligned import Aligned
from he_helpers.tables.layouts.layout import Layout
from he_helpers.tables.layouts.rotated import Rotated
from he_helpers.tables.layouts.rows import Rows, Values

if TYPE_CHECKING:
    from he_helpers.advice.arrangement import TableOptions

LAYOUTS: dict[str, type[Layout]] = {kind.name: kind for kind in (Values, Rows, Aligned, Rotated)}


def require_layout(layout: Any) -> Layout:
    """``layout`` itself, if it is one. Raises WrongKind."""
    if isinstance(layout, Layout):
        return layout
    known = ", ".join(f"{kind.__name__}()" for kind in LAYOUTS.values())
    raise WrongKind(
        f"layout is an object, one of {known} of he_helpers.tables, and not {layout!r:.60}. The groupings and the "
        "partial sums are its arguments: layout=Aligned(groupings=[['Region']], partial_sums=8)."
    )


def layout_from_fields(fields: Any) -> Layout:
    """The inverse of Layout.to_fields. Raises DamagedBytes."""
    name = fields.get("name") if isinstance(fields, dict) else None
    if not isinstance(name, str) or name not in LAYOUTS:
        raise DamagedBytes(f"These bytes do not name a layout that this version knows: {', '.join(LAYOUTS)}.")
    return LAYOUTS[name].from_fields(fields)


def advised_layout(table: TableOptions, *grouping: str) -> Layout:
    """The layout that the advice names for ``table``, for sums by the labels ``grouping``; none: over all rows."""
    return LAYOUTS[table.layout].advised(grouping, table.partial_sums)
