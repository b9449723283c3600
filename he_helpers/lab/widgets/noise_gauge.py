"""A real ciphertext of BFV whose noise grows with every button that is pressed, until decryption fails."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import tenseal as ts

from he_helpers.lab.figures import BFVInside, Picture, ciphertext_bar
from he_helpers.lab.measuring import inside_bfv
from he_helpers.lab.widgets.live_picture import LivePicture
from he_helpers.lab.widgets.panel import button, row_of, whole_number
from he_helpers.parameters import plaintext_prime
from he_helpers.schemes.library_errors import LIBRARY_ERRORS

_START = 2
_ADDED = 1
_MOST_SHOWN = 8
_RING = 8192
_CHAIN = (53, 53, 53, 55)
_PLAINTEXT_BITS = 18


class NoiseGauge(LivePicture):
    """A ciphertext of 2, and buttons that compute on it: the bar of what is inside after each step, its noise budget,
    and what it decrypts to beside the same computation in the clear.

    context: a private TenSEAL context of BFV with relinearisation keys; its own one if None: ring dimension 8192, a
    coefficient modulus of 159 bits for data, a plaintext modulus of 18 bits, which is enough for four products.

    Each button is a method, too, so that a cell can press it: ``add``, ``square``, ``multiply``, ``start_again``. What
    stands in the clear is computed modulo the plaintext modulus, as the scheme does: that a number is too large for it
    is another mistake than too much noise, and cannot be seen in the ciphertext. The last eight steps are shown.

    Raises WrongKind for a context that is none, or not private or not of BFV.
    """

    def __init__(self, context: ts.Context | None = None) -> None:
        self._context = context if context is not None else _own_context()
        self.factor = whole_number("plain number", 0, 10**6, 3)
        buttons = [
            button(f"Add a fresh ciphertext of {_ADDED}", self.add),
            button("Multiply by itself", self.square),
            row_of([button("Multiply by the plain number", self.multiply), self.factor]),
            button("Start again", self.start_again),
        ]
        super().__init__(
            buttons,
            "Buttons: add a fresh ciphertext, multiply by itself, multiply by a plain number, start again.",
        )
        self.start_again()

    @property
    def inside(self) -> BFVInside:
        """What is inside the ciphertext now."""
        return list(self._steps.values())[-1]

    def start_again(self) -> None:
        """A fresh ciphertext of 2."""
        vector = ts.bfv_vector(self._context, [_START])
        self._vector, self.in_the_clear, self._count = vector, _START, 0
        self._steps = {"fresh": inside_bfv(self._context, vector)}
        self._rows = {"fresh": self._row()}
        self._renew()

    def add(self) -> None:
        """Add a fresh ciphertext of 1."""
        fresh = ts.bfv_vector(self._context, [_ADDED])
        self._compute(f"+ fresh {_ADDED}", lambda: self._vector + fresh, self.in_the_clear + _ADDED)

    def square(self) -> None:
        """Multiply the ciphertext by itself, and relinearise: TenSEAL does this at once."""
        self._compute("× itself", lambda: self._vector * self._vector, self.in_the_clear**2)

    def multiply(self) -> None:
        """Multiply by the number of the field ``factor``, which stays in the clear."""
        factor = self.factor.value
        self._compute(f"× {factor:,}", lambda: self._vector * factor, self.in_the_clear * factor)

    @property
    def decrypted(self) -> int:
        return self._vector.decrypt(self._context.secret_key())[0]

    @property
    def is_right(self) -> bool:
        """Whether it decrypts to what was computed in the clear."""
        return self.decrypted == self.in_the_clear

    def _compute(self, name: str, operation: Callable[[], ts.BFVVector], in_the_clear: int) -> None:
        """The next step; whatever the library refuses changes nothing."""
        try:
            vector = operation()
            inside = inside_bfv(self._context, vector)
        except LIBRARY_ERRORS as error:
            self.show(
                self.picture, f"{name}: the library refuses this ({error}). The ciphertext is as it was.", wrong=True
            )
            return
        modulus = self._context.seal_context().data.key_context_data().parms().plain_modulus().value()
        half = modulus // 2
        self._vector, self.in_the_clear = vector, (in_the_clear + half) % modulus - half
        self._count += 1
        step = f"{self._count}: {name}"
        self._steps[step] = inside
        self._rows[step] = self._row()
        self._renew()

    def _row(self) -> dict[str, str]:
        """What a step decrypts to; a wrong number is another one at each run, and so is named and not shown."""
        in_the_clear = f"{self.in_the_clear:,}"
        return {
            "decrypted": in_the_clear if self.is_right else "a wrong number",
            "in the clear, modulo t": in_the_clear,
        }

    def _renew(self) -> None:
        shown = list(self._steps)[-_MOST_SHOWN:]
        bar = ciphertext_bar({step: self._steps[step] for step in shown})
        rows = pd.DataFrame.from_dict({step: self._rows[step] for step in shown}, orient="index")
        picture = Picture(bar.figure, bar.alt, bar.table[["room [bits]"]].join(rows))
        if self.is_right:
            left = f"Noise budget left: ≈ {self.inside.room_bits:.0f} bits."
            if self.inside.loss:
                left = "That is the very limit: less than 1 bit of noise budget is left, which SEAL counts as none."
            self.show(picture, f"Decryption is right: {self.in_the_clear:,}. {left}", wrong=bool(self.inside.loss))
            return
        lost = f"in place of {self.in_the_clear:,}. No noise budget is left, and nothing brings the message back."
        self.show(
            picture, f"Decryption gives {self.decrypted:,} {lost}", True, f"Decryption gives a wrong number {lost}"
        )


def _own_context() -> ts.Context:
    return ts.context(
        ts.SCHEME_TYPE.BFV,
        _RING,
        plain_modulus=plaintext_prime(_PLAINTEXT_BITS, _RING),
        coeff_mod_bit_sizes=list(_CHAIN),
        n_threads=1,
    )
