"""An explorer of parameters: sliders on one side, the consequences of what is chosen on the other.

Nothing is encrypted, so an answer comes at once; notebook 10 measures what stands here as a prediction.
"""

from __future__ import annotations

import math
from typing import Any

import ipywidgets as widgets
import pandas as pd

from he_helpers.parameters import (
    FACTORING_TABLE,
    STANDARD_TABLE,
    BFVParameters,
    CKKSParameters,
    InvalidParameters,
    PaillierParameters,
    Parameters,
    assess_security,
    coefficient_primes,
    expected_sizes,
    plaintext_prime,
)
from he_helpers.parameters.noise import (
    bfv_fresh_noise,
    bfv_noise_limit,
    bfv_product_noise,
    ckks_drift,
    ckks_fresh_error,
)

SCHEMES = {"BFV": "tenseal-bfv", "CKKS": "tenseal-ckks", "Paillier": "paillier"}
_CHOICES = ("scheme", "ring_dimension", "outer_bits", "inner_primes", "inner_bits", "scale_bits", "plaintext_bits")
_LATTICE = {"ring_dimension", "outer_bits", "inner_primes", "inner_bits"}
_SHOWN = {
    "BFV": _LATTICE | {"plaintext_bits"},
    "CKKS": _LATTICE | {"scale_bits"},
    "Paillier": {"key_length", "lane_bits"},
}


def consequences(scheme: str, parameters: Parameters) -> pd.Series:
    """What ``parameters`` mean under ``scheme`` ("BFV", "CKKS" or "Paillier"), as words, one for each consequence."""
    sizes = expected_sizes(SCHEMES[scheme], parameters)
    words = {"security": assess_security(parameters).words}
    if isinstance(parameters, PaillierParameters):
        words |= {
            "values in a ciphertext": f"{parameters.lanes:,}",
            "largest value or sum": f"{2 ** (parameters.lane_bits - 1) - 1:,}",
            "products of ciphertexts": "none",
            "error": "none",
        }
        count = parameters.lanes
    else:
        count = parameters.ring_dimension // (1 if isinstance(parameters, BFVParameters) else 2)
        words |= {"values in a ciphertext": f"{count:,}"}
        words |= _bfv(parameters) if isinstance(parameters, BFVParameters) else _ckks(parameters)
    words |= {
        "ciphertext": _bytes(sizes.ciphertext),
        "a value": _bytes(sizes.ciphertext / count),
        "public key": _bytes(sizes.public_key),
        "relinearisation keys": _bytes(sizes.relinearisation_keys),
        "Galois keys": _bytes(sizes.galois_keys),
    }
    return pd.Series(words, name="consequence")


class Explorer:
    """Sliders for every parameter of the three schemes; ``parameters`` and ``consequences`` follow them.

    Each slider is an attribute: scheme, ring_dimension, outer_bits (first and last prime), inner_primes (how many
    between them), inner_bits (how long), scale_bits, plaintext_bits, key_length, lane_bits. Setting its ``value`` in
    code moves it, too.
    """

    def __init__(self) -> None:
        self.scheme = _widget(widgets.ToggleButtons, "scheme", options=list(SCHEMES), value="CKKS")
        rings = list(STANDARD_TABLE[128])
        self.ring_dimension = _widget(widgets.SelectionSlider, "ring dimension", options=rings, value=8192)
        self.outer_bits = _widget(widgets.IntSlider, "outer primes [bits]", min=20, max=60, value=60)
        self.inner_primes = _widget(widgets.IntSlider, "inner primes", min=0, max=14, value=1)
        self.inner_bits = _widget(widgets.IntSlider, "inner primes [bits]", min=20, max=60, value=40)
        self.scale_bits = _widget(widgets.IntSlider, "scale [bits]", min=10, max=59, value=40)
        self.plaintext_bits = _widget(widgets.IntSlider, "plaintext modulus [bits]", min=12, max=60, value=20)
        lengths = list(FACTORING_TABLE.values())
        self.key_length = _widget(widgets.SelectionSlider, "key length [bits]", options=lengths, value=3072)
        self.lane_bits = _widget(widgets.IntSlider, "lane [bits]", min=8, max=128, value=48)
        self._table = widgets.HTML()
        knobs = [getattr(self, name) for name in (*_CHOICES, "key_length", "lane_bits")]
        self._panel = widgets.HBox([widgets.VBox(knobs), self._table])
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
            return consequences(self.scheme.value, self.parameters)
        except InvalidParameters as error:
            return pd.Series({"not possible": str(error)}, name="consequence")

    def _renew(self, _: Any = None) -> None:
        for name in (*_CHOICES[1:], "key_length", "lane_bits"):
            getattr(self, name).layout.display = None if name in _SHOWN[self.scheme.value] else "none"
        with pd.option_context("display.max_colwidth", None):
            self._table.value = self.consequences.to_frame().to_html()

    def _repr_mimebundle_(self, **options: Any) -> Any:
        # The widgets' own text form is long and changes with their version; stored notebooks keep this one.
        bundle = self._panel._repr_mimebundle_(**options)
        return {**bundle, "text/plain": repr(self)}

    def __repr__(self) -> str:
        return f"Explorer({self.scheme.value}: {', '.join(sorted(_SHOWN[self.scheme.value]))})"


def _widget(kind: type, description: str, **options: Any) -> Any:
    if kind is not widgets.ToggleButtons:
        options["layout"] = widgets.Layout(width="26em")
    return kind(description=description, style={"description_width": "11em"}, **options)


def _bfv(parameters: BFVParameters) -> dict[str, str]:
    limit, fresh = bfv_noise_limit(parameters), bfv_fresh_noise(parameters)
    noise, depth = fresh, 0
    while (noise := bfv_product_noise(parameters, noise, fresh)) <= limit:
        depth += 1
    return {
        "largest value or sum": f"{(parameters.plaintext_modulus - 1) // 2:,}",
        "noise budget": f"about {max(0.0, math.log2(limit / fresh)):.0f} bits: {_about(limit / fresh)} additions",
        "products of ciphertexts": f"{depth} one after the other",
        "error": "none",
    }


def _ckks(parameters: CKKSParameters) -> dict[str, str]:
    room = parameters.coefficient_modulus_bits[0] - parameters.scale_bits - 1
    drift = ckks_drift(parameters, parameters.levels) if parameters.levels else 0
    return {
        "largest value or sum": f"{2**room:,}",
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
