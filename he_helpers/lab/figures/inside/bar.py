"""The bar of a ciphertext: message, room and noise of BFV; headroom, value and noise of CKKS. One bar for each step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from he_helpers.lab.figures.canvas import FAINT, INK, SMALL_POINTS, Canvas, lines_high, text_width, tint, wrapped
from he_helpers.lab.figures.inside import bits
from he_helpers.lab.figures.inside.bits import BFVInside, CKKSInside, Part
from he_helpers.lab.figures.legend import Entry, Legend
from he_helpers.lab.figures.picture import Picture
from he_helpers.lab.figures.theme import WIDTH_INCHES

_Inside = BFVInside | CKKSInside
_MOST_STEPS = 12
_PAD = 0.12
_BAR_HIGH = 0.36
_UNDER = 0.04
_NAME_WIDE = 1.5
_THINNEST = 0.06  # inches: a part of 1 bit among hundreds would not be seen
_BEFORE_LETTERING = 0.08
_EMPTY = "#FFFFFF"
_GONE = "#EEEEEE"
# In the order of the legend.
_LOOKS: dict[str, tuple[str, dict[str, Any]]] = {
    bits.MESSAGE: ("message", {"facecolor": tint(0)}),
    bits.LOST_MESSAGE: ("message, lost", {"facecolor": _GONE, "hatch": "xx"}),
    bits.ROOM: ("room = noise budget", {"facecolor": _EMPTY}),
    bits.DROPPED: ("dropped by products", {"facecolor": _GONE, "hatch": "//"}),
    bits.HEADROOM: ("headroom", {"facecolor": _EMPTY}),
    bits.INTEGER: ("integer part with sign", {"facecolor": tint(0)}),
    bits.LOST_INTEGER: ("value, lost", {"facecolor": _GONE, "hatch": "xx"}),
    bits.DIGITS: ("digits after the point that are right", {"facecolor": tint(2), "hatch": "\\\\"}),
    bits.LOST_DIGITS: ("value, lost", {"facecolor": _GONE, "hatch": "xx"}),
    bits.NOISE: ("noise", {"facecolor": tint(3), "hatch": ".."}),
}


def ciphertext_bar(steps: Mapping[str, BFVInside] | Mapping[str, CKKSInside]) -> Picture:
    """Draws what is inside a ciphertext after each step: a bar as long as the bits of its coefficient modulus, the most
    significant bit at the left.

    steps: 1 to 12, by their name, of one scheme: ``{"fresh": BFVInside(53, 34, 7), "after 1 product": ...}``, or what
    ``lab.measuring.inside_bfv`` and ``inside_ckks`` find in real ciphertexts.

    BFV: message, room (the noise budget that is left), noise. CKKS: dropped by products, headroom, integer part, digits
    after the point that are right, noise: the digits that are wrong. Numbers are bits, with at most one decimal;
    measured ones are whole and have the course's mark ≈. A step whose message or value is lost is drawn and said so.
    What is too thin to be seen is drawn 0.06 inches wide.

    Raises ValueError for another number of steps, TypeError for steps of two schemes, or of none.
    """
    insides: dict[str, _Inside] = dict(steps)
    if not 1 <= len(insides) <= _MOST_STEPS:
        raise ValueError(f"A picture has room for 1 to {_MOST_STEPS} steps, not {len(insides)}.")
    kinds = sorted({type(inside).__name__ for inside in insides.values()})
    if kinds not in (["BFVInside"], ["CKKSInside"]):
        raise TypeError(
            f"The steps of a picture are all BFVInside or all CKKSInside, and these are {' and '.join(kinds)}. "
            "Draw a picture for each scheme."
        )
    scheme = kinds[0].removesuffix("Inside")
    return Picture(_Drawing(insides).drawn(), _in_words(insides, scheme), _as_table(insides))


class _Drawing:
    """Measures the lettering, then draws."""

    def __init__(self, steps: Mapping[str, _Inside]) -> None:
        widest = max(text_width(word, weight="bold") for name in steps for word in name.split())
        whole = max(text_width(name, weight="bold") for name in steps)
        self._name_wide = max(widest, min(_NAME_WIDE, whole)) + _PAD
        self._totals = [f"{Part('', inside.modulus_bits, 0).number} bits" for inside in steps.values()]
        total_wide = max(text_width(total, SMALL_POINTS) for total in self._totals) + _PAD
        self._left = _PAD + self._name_wide
        longest = max(_length(inside) for inside in steps.values())
        self._inch_per_bit = (WIDTH_INCHES - self._left - total_wide - _PAD) / longest
        self._steps = {wrapped(name, self._name_wide, weight="bold"): inside for name, inside in steps.items()}
        self._widths = [self._widths_of(inside) for inside in steps.values()]
        self._under = [
            self._under_bar(inside, widths) for inside, widths in zip(steps.values(), self._widths, strict=True)
        ]
        seen = {part.name for inside in steps.values() for part in inside.parts if part.length > 0}
        entries = {words: looks for name, (words, looks) in _LOOKS.items() if name in seen}
        self._legend = Legend([Entry(words, looks) for words, looks in entries.items()], _PAD)

    def _widths_of(self, inside: _Inside) -> list[float]:
        """In inches; what a thin part takes more than its share, the longest gives."""
        exact = [part.length * self._inch_per_bit for part in inside.parts]
        widths = [max(width, _THINNEST) if width > 0 else 0.0 for width in exact]
        widths[widths.index(max(widths))] -= sum(widths) - sum(exact)
        return widths

    def _under_bar(self, inside: _Inside, widths: Sequence[float]) -> str:
        """What does not fit into the bar."""
        outside = [
            part.words
            for part, width in zip(inside.parts, widths, strict=True)
            if part.length > 0 and not _inside_bar(part, width)
        ]
        said = [f"lost: {inside.loss}"] if inside.loss else []
        return wrapped("; ".join([*said, *outside]), WIDTH_INCHES - self._left - _PAD, SMALL_POINTS, "bold")

    def drawn(self) -> Figure:
        heights = [
            max(lines_high(name.count("\n") + 1), _BAR_HIGH + _lines_under(under)) + _PAD
            for name, under in zip(self._steps, self._under, strict=True)
        ]
        head = lines_high(1, SMALL_POINTS) + _UNDER
        height = _PAD + head + sum(heights) + self._legend.high + _PAD
        canvas = Canvas(height)
        y = height - _PAD - head
        self._draw_head(canvas, y + head / 2 + _UNDER / 2)
        for place, name in enumerate(self._steps):
            self._draw_step(canvas, place, name, y)
            y -= heights[place]
        self._legend.draw(canvas, y)
        return canvas.figure

    def _draw_head(self, canvas: Canvas, y: float) -> None:
        end = self._left + max(sum(widths) for widths in self._widths)
        small = {"fontsize": SMALL_POINTS, "color": FAINT}
        canvas.text(self._left, y, "most significant bit", ha="left", **small)
        canvas.text(end, y, "least significant bit", ha="right", **small)

    def _draw_step(self, canvas: Canvas, place: int, name: str, top: float) -> None:
        inside, middle = self._steps[name], top - _BAR_HIGH / 2
        lines = name.count("\n")
        canvas.text(_PAD, middle if not lines else top, name, ha="left", va="top" if lines else "center", weight="bold")
        left = self._left
        for part, width in zip(inside.parts, self._widths[place], strict=True):
            if not width:
                continue
            _, looks = _LOOKS[part.name]
            canvas.axes.bar(
                left, _BAR_HIGH, width, bottom=top - _BAR_HIGH, align="edge", edgecolor=INK, linewidth=0.8, **looks
            )
            if words := _inside_bar(part, width):
                ground = {"boxstyle": "square,pad=0.15", "facecolor": looks["facecolor"], "edgecolor": "none"}
                canvas.text(
                    left + width / 2, middle, words, fontsize=SMALL_POINTS, bbox=ground if "hatch" in looks else None
                )
            left += width
        canvas.text(left + _PAD / 2, middle, self._totals[place], ha="left", fontsize=SMALL_POINTS)
        canvas.text(
            self._left,
            top - _BAR_HIGH - _UNDER,
            self._under[place],
            ha="left",
            va="top",
            fontsize=SMALL_POINTS,
            weight="bold" if inside.loss else "normal",
        )


def _inside_bar(part: Part, width: float) -> str:
    """What is written into this part of a bar: its name and number, its number, or nothing, as the width allows."""
    for words in (part.words, part.number):
        if text_width(words, SMALL_POINTS) + 2 * _BEFORE_LETTERING <= width:
            return words
    return ""


def _lines_under(words: str) -> float:
    return lines_high(words.count("\n") + 1, SMALL_POINTS) + _UNDER if words else 0


def _length(inside: _Inside) -> float:
    return sum(part.length for part in inside.parts)


def _in_words(steps: Mapping[str, _Inside], scheme: str) -> str:
    said = [f"Inside a ciphertext of {scheme}, in bits, from the most significant one to the least."]
    for name, inside in steps.items():
        modulus = Part("modulus", inside.modulus_bits, 0).words
        lost = f"lost, {inside.loss}: " if inside.loss else ""
        parts = ", ".join(part.words for part in inside.parts if part.name != bits.DROPPED or part.bits)
        said.append(f"{name}, {modulus}: {lost}{parts}.")
    return " ".join(said)


def _as_table(steps: Mapping[str, _Inside]) -> pd.DataFrame:
    """A row for each step: the modulus and the parts in bits, as they are shown; and what decrypting gives."""
    rows = {}
    for name, inside in steps.items():
        row = {"modulus [bits]": Part("", inside.modulus_bits, 0).number}
        row |= {f"{part.name.removesuffix(', lost')} [bits]": part.number for part in inside.parts}
        rows[name] = row | {"decrypts": "no" if inside.loss else "yes"}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("step")
