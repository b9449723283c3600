"""What both diagrams of roles share: a column for each role, the trust boundary between them, "you are here"."""

from __future__ import annotations

from collections.abc import Sequence

from he_helpers.lab.figures.canvas import FAINT, INK, SMALL_POINTS, Canvas, lines_high, tint, wrapped
from he_helpers.lab.figures.protocol.course import Role, colours_of

_MARGIN = 0.12
_GAP = 0.34  # between two columns, with the trust boundary in its middle
_BOUNDARY = "trust boundary"
_HERE = "you are here"
_HERE_HIGH = 0.36
_LEAST_COLUMN = 1.2
_TITLE_HIGH = 0.34
BOUNDARY_HIGH = 0.26


class Columns:
    """Where the column of each role stands, and how high its heads are. Raises ValueError for roles that do not fit.

    roles: 2 to 4, of different names, from left to right; here: the name of one of them, or None for nobody.
    """

    def __init__(self, roles: Sequence[Role], here: str | None, width: float) -> None:
        names = [role.name for role in roles]
        most = int((width - 2 * _MARGIN + _GAP) // (_LEAST_COLUMN + _GAP))
        if not 2 <= len(roles) <= most:
            raise ValueError(f"A diagram shows 2 to {most} roles side by side, not {len(roles)}.")
        if len(set(names)) < len(names):
            raise ValueError(f"Each role needs a name of its own, and these are {', '.join(names)}.")
        if here is not None and here not in names:
            raise ValueError(f"Nobody here is called {here!r}. The roles are {', '.join(names)}; None marks nobody.")
        self.roles = tuple(roles)
        self.here = here
        self.width = (width - 2 * _MARGIN - (len(roles) - 1) * _GAP) / len(roles)
        self.lefts = [_MARGIN + number * (self.width + _GAP) for number in range(len(roles))]
        self.centres = {role.name: left + self.width / 2 for role, left in zip(roles, self.lefts, strict=True)}
        self.colours = colours_of(names)
        self._titles = [wrapped(role.title, self.width - 0.2, weight="bold") for role in roles]
        self.title_high = max(title.count("\n") for title in self._titles) * lines_high(1) + _TITLE_HIGH
        self.top_high = self.title_high + (_HERE_HIGH if here is not None else 0)

    def draw_heads(self, canvas: Canvas, top: float) -> None:
        """The titles, and the mark of the one who is here, below ``top``."""
        bottom = top - self.top_high
        for role, left, title in zip(self.roles, self.lefts, self._titles, strict=True):
            is_here = role.name == self.here
            canvas.box(
                left,
                bottom,
                self.width,
                self.title_high,
                facecolor=tint(self.colours[role.name]),
                linewidth=2.6 if is_here else 1.0,
                zorder=3,
            )
            canvas.text(self.centres[role.name], bottom + self.title_high / 2, title, weight="bold", zorder=4)
            if is_here:
                canvas.text(
                    self.centres[role.name],
                    top - _HERE_HIGH / 2 + 0.03,
                    f"▼ {_HERE}",
                    color="white",
                    weight="bold",
                    zorder=4,
                    bbox={"boxstyle": "round,pad=0.3", "facecolor": INK, "edgecolor": INK},
                )

    def draw_boundary(self, canvas: Canvas, top: float) -> None:
        """A dashed line between each two roles, from ``top`` to its name, which takes BOUNDARY_HIGH at the bottom."""
        for left in self.lefts[1:]:
            x = left - _GAP / 2
            canvas.axes.plot([x, x], [BOUNDARY_HIGH, top], color=FAINT, linewidth=1.4, linestyle=(0, (5, 3)), zorder=1)
            canvas.text(x, BOUNDARY_HIGH / 2, _BOUNDARY, fontsize=SMALL_POINTS, color=FAINT)

    def in_words(self) -> str:
        """For the alternative text: who stands where, what lies between them, and who is here."""
        titles = [role.title for role in self.roles]
        said = f"From left to right: {', '.join(titles)}, with the trust boundary between each two of them."
        return said if self.here is None else f"{said} You are here: {self.title_of(self.here)}."

    def title_of(self, name: str) -> str:
        return next(role.title for role in self.roles if role.name == name)
