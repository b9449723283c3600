"""An explorer of parameters: fields on one side, the consequences of what is chosen on the other.

Nothing is encrypted, so an answer comes at once; notebook 13 measures what stands here as a prediction.

The fields are drop-down lists and number fields and no sliders: those of ipywidgets have no name for a screen reader,
and one over a list of numbers speaks a position in place of the number.
"""

from __future__ import annotations

import math
from html import escape
from typing import Any

import ipywidgets as widgets
import pandas as pd

from he_helpers.parameters import (
    FACTORING_TABLE,
    LOWEST_SECURITY_LEVEL,
    STANDARD_TABLE,
    BFVParameters,
    CKKSParameters,
    InvalidParameters,
    PaillierParameters,
    Parameters,
    assess_security,
    coefficient_primes,
    plaintext_prime,
)
from he_helpers.parameters.noise import (
    bfv_fresh_noise,
    bfv_noise_limit,
    bfv_product_noise,
    ckks_drift,
    ckks_fresh_error,
)
from he_helpers.schemes.catalogue import first_scheme

SCHEMES = ("BFV", "CKKS", "Paillier")
_CHOICES = ("scheme", "ring_dimension", "outer_bits", "inner_primes", "inner_bits", "scale_bits", "plaintext_bits")
_PAILLIER = ("key_length", "lane_bits")
_LATTICE = {"ring_dimension", "outer_bits", "inner_primes", "inner_bits"}
_SHOWN = {
    "BFV": _LATTICE | {"plaintext_bits"},
    "CKKS": _LATTICE | {"scale_bits"},
    "Paillier": set(_PAILLIER),
}

_FIELD = {"style": {"description_width": "11em"}, "layout": {"width": "22em", "max_width": "100%"}}
_REFUSED = "refused by this course"
# The consequences stand beside the fields where there is room, and below them on a narrow page. Colours are the page's
# own, light or dark; a refused set has a heavy red bar and says so in words.
_STYLE = """<style>
.he-consequences { border-collapse: collapse; max-width: 100%; line-height: 1.4; }
.he-verdict { font-weight: bold; line-height: 1.4; margin: 4px 8px; }
.he-consequences th, .he-consequences td { text-align: left; vertical-align: top; padding: 2px 8px;
  white-space: normal; overflow-wrap: anywhere; border: none; }
.he-consequences th { font-weight: normal; min-width: 8em; }
.he-consequences td { font-weight: bold; }
.he-refused { border-left: 6px solid #d32f2f; }
</style>"""


def consequences(parameters: Parameters) -> pd.Series:
    """What ``parameters`` mean, as words, one for each consequence; sizes as TenSEAL or phe stores them."""
    sizes = first_scheme(parameters).expected_sizes(parameters)
    words = {
        "security": assess_security(parameters).words + _refusal(parameters),
        "security against quantum computers": assess_security(parameters, quantum=True).words,
        "values in a ciphertext": f"{parameters.slot_count:,}",
        "largest value or sum": f"{int(parameters.capacity):,}",
    }
    if isinstance(parameters, PaillierParameters):
        words |= {
            "products of ciphertexts": "none",
            "error": "none",
        }
    else:
        words |= _bfv(parameters) if isinstance(parameters, BFVParameters) else _ckks(parameters)
    words |= {
        "ciphertext": _bytes(sizes.ciphertext),
        "a value": _bytes(sizes.ciphertext / parameters.slot_count),
        "public key": _bytes(sizes.public_key),
        "relinearisation keys": _bytes(sizes.relinearisation_keys),
        "Galois keys": _bytes(sizes.galois_keys),
    }
    return pd.Series(words, name="consequence")


class Explorer:
    """Fields for every parameter of the three schemes; ``parameters`` and ``consequences`` follow them.

    Each field is an attribute: scheme, ring_dimension, outer_bits (first and last prime), inner_primes (how many
    between them), inner_bits (how long), scale_bits, plaintext_bits, key_length, lane_bits. Setting its ``value`` in
    code changes it, too.
    """

    def __init__(self) -> None:
        self.scheme = _choice("scheme", list(SCHEMES), "CKKS")
        self.ring_dimension = _choice("ring dimension", list(STANDARD_TABLE[128]), 8192)
        self.outer_bits = _number("outer primes [bits]", 20, 60, 60)
        self.inner_primes = _number("inner primes", 0, 14, 1)
        self.inner_bits = _number("inner primes [bits]", 20, 60, 40)
        self.scale_bits = _number("scale [bits]", 10, 59, 40)
        self.plaintext_bits = _number("plaintext modulus [bits]", 12, 60, 20)
        self.key_length = _choice("key length [bits]", list(FACTORING_TABLE.values()), 3072)
        self.lane_bits = _number("lane [bits]", 8, 128, 48)
        # From nothing up: with a minimal width of its own the table would not shrink to a narrow page.
        self._table = widgets.HTML(layout=widgets.Layout(flex="1 1 24em", min_width="0", max_width="100%"))
        knobs = [getattr(self, name) for name in (*_CHOICES, *_PAILLIER)]
        fields = widgets.VBox(knobs, layout=widgets.Layout(flex="0 1 auto", max_width="100%"))
        self._panel = widgets.Box(
            [fields, self._table], layout=widgets.Layout(flex_flow="row wrap", align_items="flex-start", width="100%")
        )
        for knob in knobs:
            knob.observe(self._renew, names="value")
        self._renew()

    @property
    def parameters(self) -> Parameters:
        """The chosen parameter set. Raises InvalidParameters where the choice cannot be one."""
        if self.scheme.value == "Paillier":
            return PaillierParameters(self.key_length.value, self.lane_bits.value)
        ring, outer = self.ring_dimension.value, self.outer_bits.value
        chain = (outer, *[self.inner_bits.value] * self.inner_primes.value, outer)
        coefficient_primes(ring, chain)
        if self.scheme.value == "BFV":
            return BFVParameters(ring, chain, plaintext_prime(self.plaintext_bits.value, ring))
        return CKKSParameters(ring, chain, self.scale_bits.value)

    @property
    def consequences(self) -> pd.Series:
        """A series of words; the only entry "not possible" says why where the choice cannot be a parameter set."""
        try:
            return consequences(self.parameters)
        except InvalidParameters as error:
            return pd.Series({"not possible": str(error)}, name="consequence")

    def _renew(self, _: Any = None) -> None:
        shown = self._shown_fields()
        for name in (*_CHOICES, *_PAILLIER):
            getattr(self, name).layout.display = None if name in shown else "none"
        self._table.value = _as_html(self.consequences)

    def _repr_mimebundle_(self, **options: Any) -> Any:
        # The widgets' own text form is long and changes with their version; stored notebooks keep these.
        bundle = self._panel._repr_mimebundle_(**options)
        return {**bundle, "text/plain": repr(self), "text/html": self._as_stored()}

    def _as_stored(self) -> str:
        """What is chosen and what follows from it, where no kernel answers: without the fields."""
        fields = (getattr(self, name) for name in self._shown_fields())
        chosen = "; ".join(f"{field.description}: {field.value}" for field in fields)
        after = "The fields appear when this cell is run."
        return f"<p>{escape(chosen)}</p>{_as_html(self.consequences)}<p>{after}</p>"

    def _shown_fields(self) -> list[str]:
        return [name for name in (*_CHOICES, *_PAILLIER) if name == "scheme" or name in _SHOWN[self.scheme.value]]

    def __repr__(self) -> str:
        return f"Explorer({self.scheme.value}: {', '.join(sorted(_SHOWN[self.scheme.value]))})"


def _choice(description: str, options: list, value: Any) -> widgets.Dropdown:
    return widgets.Dropdown(description=description, options=options, value=value, **_FIELD)


def _number(description: str, low: int, high: int, value: int) -> widgets.BoundedIntText:
    return widgets.BoundedIntText(description=description, min=low, max=high, value=value, **_FIELD)


def _refusal(parameters: Parameters) -> str:
    if assess_security(parameters).level >= LOWEST_SECURITY_LEVEL:
        return ""
    return f"; {_REFUSED}, except with insecure_for_teaching=True"


def _as_html(words: pd.Series) -> str:
    """A table below a verdict, which a screen reader reads out when it appears. What is refused or impossible is marked
    in words, by a sign and by a bar."""
    if words.index[0] == "not possible":
        verdict = "⚠ Not possible"
    else:
        verdict = "⚠ Too little security" if _REFUSED in words["security"] else "✓ Accepted by this course"
    rows = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td>{_breakable(text)}</td></tr>' for name, text in words.items()
    )
    mark = " he-refused" if verdict.startswith("⚠") else ""
    said = f'<p class="he-verdict" role="status">{verdict}</p>'
    return f'{_STYLE}{said}<table class="he-consequences{mark}">{rows}</table>'


def _breakable(text: str) -> str:
    """As HTML, in which a long name of code may be broken between its words."""
    return escape(text).replace("_", "_<wbr>").replace("=", "=<wbr>")


def _bfv(parameters: BFVParameters) -> dict[str, str]:
    limit, fresh = bfv_noise_limit(parameters), bfv_fresh_noise(parameters)
    noise, depth = fresh, 0
    while (noise := bfv_product_noise(parameters, noise, fresh)) <= limit:
        depth += 1
    return {
        "noise budget": f"about {max(0.0, math.log2(limit / fresh)):.0f} bits: {_about(limit / fresh)} additions",
        "products of ciphertexts": f"{depth} one after the other",
        "error": "none",
    }


def _ckks(parameters: CKKSParameters) -> dict[str, str]:
    drift = ckks_drift(parameters, parameters.levels) if parameters.levels else 0
    return {
        "products of ciphertexts": f"{parameters.levels} one after the other",
        "error": f"at most {ckks_fresh_error(parameters):.0e} when fresh",
        "lost by the overwritten scale": f"{drift:.0e} of the result after all levels",
    }


def _about(count: float) -> str:
    return f"{int(count):,}" if count < 10**6 else f"{count:.0e}"


def _bytes(count: float) -> str:
    if not count:
        return "not used"
    for unit, size in (("MB", 1e6), ("kB", 1e3)):
        if count >= size:
            return f"{count / size:.3g} {unit}"
    return f"{count:.3g} bytes"
