"""The error of a division by Goldschmidt's products while the range of the divisors and the iterations are changed.

Computed in the clear, with numpy: the products as ``computing.approximations`` takes them, each of them off by the
factor scale / prime that the libraries leave when they divide a prime of the chain out and keep the scale. These primes
are the real ones. The noise of encryption is left out: it is said beside, and tests compare with real ciphertexts.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from he_helpers.computing import DivisorRange
from he_helpers.lab.figures import Picture
from he_helpers.lab.figures.theme import STYLE, WIDTH_INCHES
from he_helpers.lab.widgets.live_picture import LivePicture
from he_helpers.lab.widgets.panel import choice, whole_number
from he_helpers.parameters import CKKSParameters, coefficient_primes
from he_helpers.parameters.noise import ckks_fresh_error

# What both published tables accept at ring dimension 16384.
SETS = {
    "30 bits": CKKSParameters(16384, (45, *10 * [30], 60), 30),
    "40 bits": CKKSParameters(16384, (50, *8 * [40], 60), 40),
    "44 bits": CKKSParameters(16384, (60, *7 * [44], 60), 44),
}
_POINTS = 401
_HIGHEST = 10_000
_LEAST = 1e-15  # below that, double precision computes no further
_EXACT, _DRIFT = "exact arithmetic", "with the primes of the chain"
_LOOKS: dict[str, dict[str, Any]] = {
    _EXACT: {"linestyle": ":", "marker": "s", "markersize": 9, "fillstyle": "none"},
    _DRIFT: {"linestyle": "-", "marker": "o"},
}


class DivisionExplorer(LivePicture):
    """The relative error for divisors from 1 to ``highest`` after ``iterations``, and the largest one after each number
    of iterations: in exact arithmetic, and with the primes of the chain, whose distance from the scale adds up.

    sets: the parameter sets to choose from, by name; three at ring dimension 16384, by the length of the scale, if
    None. Each field is an attribute, and setting its ``value`` in code changes it, too: scale (the name of the set),
    highest, iterations. A set with fewer levels bounds the iterations.

    Raises ValueError without a set, or for one with fewer than two levels: the start takes one, each iteration another.
    """

    def __init__(self, sets: Mapping[str, CKKSParameters] | None = None) -> None:
        self._sets = dict(SETS if sets is None else sets)
        if not self._sets or any(parameters.levels < 2 for parameters in self._sets.values()):
            raise ValueError("Give one parameter set or more, each with two levels or more: a division takes so many.")
        name = list(self._sets)[-1]
        most = self._sets[name].levels - 1
        self.scale = choice("scale", list(self._sets), name)
        self.highest = whole_number("highest divisor", 2, _HIGHEST, 10)
        self.iterations = whole_number("iterations", 1, most, min(4, most))
        super().__init__([self.scale, self.highest, self.iterations], "Fields: scale, highest divisor, iterations.")
        for field in (self.scale, self.highest, self.iterations):
            field.observe(self._renew, names="value")
        self._renew()

    @property
    def errors(self) -> pd.DataFrame:
        """The largest relative error after each number of iterations that the levels allow: two columns, exact
        arithmetic and with the primes of the chain."""
        curves = self._curves()
        return pd.DataFrame(
            {name: [curve.max() for curve in of_name] for name, of_name in curves.items()},
            index=pd.RangeIndex(1, self._parameters.levels, name="iterations"),
        )

    @property
    def _parameters(self) -> CKKSParameters:
        return self._sets[self.scale.value]

    def _divisors(self) -> np.ndarray:
        return np.geomspace(1, self.highest.value, _POINTS)

    def _curves(self) -> dict[str, list[np.ndarray]]:
        """The relative errors over the divisors, after each number of iterations."""
        parameters, declared = self._parameters, DivisorRange(1, self.highest.value)
        primes = coefficient_primes(parameters.ring_dimension, parameters.coefficient_modulus_bits)[-2:0:-1]
        drifts = [2**parameters.scale_bits / prime for prime in primes[: parameters.levels]]
        return {
            _EXACT: relative_errors(self._divisors(), declared, [1.0] * parameters.levels),
            _DRIFT: relative_errors(self._divisors(), declared, drifts),
        }

    def _renew(self, _: Any = None) -> None:
        most = self._parameters.levels - 1
        if self.iterations.max != most:
            self.iterations.max = most  # ipywidgets lowers the value itself, which renews once more
        curves, errors = self._curves(), self.errors
        at = self.iterations.value
        words = errors.map(_shown)
        best = errors[_DRIFT].idxmin()
        said = (
            f"Divisors from 1 to {self.highest.value:,}, scale of {self.scale.value}: after {at} "
            f"{_iterations(at)} a relative error of {words.loc[at, _DRIFT]}, in exact arithmetic "
            f"{words.loc[at, _EXACT]}. The smallest one is {words.loc[best, _DRIFT]}, after {best}. The noise of "
            f"encryption, below {ckks_fresh_error(self._parameters):.0e} of a fresh number, is left out."
        )
        drawn = _drawn(self._divisors(), {name: of_name[at - 1] for name, of_name in curves.items()}, errors, at)
        self.show(Picture(drawn, _in_words(words, at), words), said)


def relative_errors(divisors: np.ndarray, declared: DivisorRange, drifts: list[float]) -> list[np.ndarray]:
    """The relative errors of 1 / divisor after 1, 2, 3 ... iterations, as ``computing.approximations`` computes.

    divisors: 1-D, in units of the range's lowest. drifts: the factor that each product leaves, in the order in which
    they are taken; the first is that of the start, so that there is an iteration less than drifts.
    """
    start = 2 * declared.lowest / (declared.lowest + declared.highest)

    def products() -> Any:
        quotients = np.full_like(divisors, start * drifts[0])
        remainders = 1 - divisors * start * drifts[0]
        for drift in drifts[1:]:
            quotients = quotients * (1 + remainders) * drift
            yield quotients
            remainders = remainders * remainders * drift

    return [np.abs(quotients * divisors - 1) for quotients in islice(products(), len(drifts) - 1)]


def _drawn(divisors: np.ndarray, curves: Mapping[str, np.ndarray], errors: pd.DataFrame, at: int) -> Figure:
    with plt.rc_context(STYLE):
        figure, (left, right) = plt.subplots(1, 2, figsize=(WIDTH_INCHES, 3.6), sharey=True)
        for name, looks in _LOOKS.items():
            left.plot(divisors, np.maximum(curves[name], _LEAST), linestyle=looks["linestyle"], label=name)
            right.plot(errors.index, np.maximum(errors[name], _LEAST), **looks)
        right.axvline(at, color="#333333", linewidth=1.2, linestyle=(0, (4, 3)))
        left.set(xlabel="divisor", ylabel="relative error", xscale="log", yscale="log", ylim=(_LEAST / 3, 30))
        ends = [divisors[0], divisors[len(divisors) // 2], divisors[-1]]
        left.set_xticks(ends, [f"{round(end, 1):,g}" for end in ends])
        left.set_xticks([], minor=True)
        right.set(xlabel="iterations", xticks=errors.index)
        left.set_title(f"after {at} {_iterations(at)}", fontsize="medium")
        right.set_title("the largest, after each number", fontsize="medium")
        figure.legend(loc="outside upper center", ncols=2)
    plt.close(figure)
    return figure


def _shown(error: float) -> str:
    return f"{error:.0e}" if error >= _LEAST else f"below {_LEAST:.0e}"


def _iterations(count: int) -> str:
    return "iteration" if count == 1 else "iterations"


def _in_words(words: pd.DataFrame, at: int) -> str:
    """words: the errors as they are shown."""
    rows = "; ".join(f"{count}: {row[_EXACT]} and {row[_DRIFT]}" for count, row in words.iterrows())
    return (
        f"Left: the relative error over the divisors, after {at} {_iterations(at)}. Right: the largest one after each "
        f"number of iterations, in exact arithmetic and with the primes of the chain: {rows}."
    )
