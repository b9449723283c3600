"""The common look of figures: their colours, their width and matplotlib's settings.

Colours are those of Okabe and Ito (2008), distinguishable without colour vision; areas are hatched, and marks differ,
as well. The background is opaque white, so that the dark text stays readable in a dark theme.

Nothing here loads matplotlib, which takes half a second: most kernels, which set the style when they begin, never draw.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import ModuleType
from typing import TYPE_CHECKING, Any

from cycler import cycler

if TYPE_CHECKING:
    from matplotlib.typing import RcKeyType

OKABE_ITO = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#56B4E9", "#CC79A7", "#F0E442", "#000000")
WIDTH_INCHES = 7.0
DOTS_PER_INCH = 144

STYLE: dict[RcKeyType, Any] = {
    "figure.figsize": (WIDTH_INCHES, 3.6),
    "figure.facecolor": "white",
    "figure.constrained_layout.use": True,
    "savefig.facecolor": "white",
    "axes.facecolor": "white",
    "axes.edgecolor": "#333333",
    "axes.labelcolor": "#111111",
    "axes.prop_cycle": cycler(color=OKABE_ITO),
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#DDDDDD",
    "text.color": "#111111",
    "xtick.color": "#111111",
    "ytick.color": "#111111",
    "font.family": "DejaVu Sans",
    "font.size": 11.0,
    "hatch.linewidth": 0.8,
    "legend.frameon": False,
    "lines.linewidth": 2.0,
}

_MATPLOTLIB = "matplotlib"


def apply_style() -> None:
    """Makes the common style that of every figure of this process: now, or as soon as matplotlib is loaded.

    What is set by hand after that stays. Doing it twice is harmless.
    """
    loaded = sys.modules.get(_MATPLOTLIB)
    if loaded is not None:
        loaded.rcParams.update(STYLE)
    elif not any(isinstance(finder, _StyledMatplotlib) for finder in sys.meta_path):
        sys.meta_path.insert(0, _StyledMatplotlib())


class _StyledMatplotlib(MetaPathFinder):
    """Finds matplotlib where Python's own finder does, and has its loader set the style."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != _MATPLOTLIB:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.origin is not None:
            spec.loader = _StylingLoader(fullname, spec.origin)
        return spec


class _StylingLoader(SourceFileLoader):
    def exec_module(self, module: ModuleType) -> None:
        super().exec_module(module)
        module.rcParams.update(STYLE)
