"""Models that are evaluated on ciphertexts: a linear one in exact integers, a logistic one by a polynomial.

A linear model is trained in the clear. Its weights become fixed-point integers, because that is what BFV and Paillier
multiply by, and whoever owns it computes the score of inputs that somebody else has encrypted:

    score = intercept + sum of weight_i x input_i

What goes back must not tell the weights. `score` is the pure part: the same ciphertexts give the same bytes to
everybody, so its result has to go through `rerandomise` before it leaves.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from he_helpers.errors import HEError
from he_helpers.schemes.errors import KeyMismatch, ShapeMismatch, UnsupportedOperation
from he_helpers.schemes.public.interface import Ciphertext, PublicKey

NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
MOST_INPUTS = 100
MOST_DECIMALS = 12

_Text = Annotated[str, Field(max_length=1000)]
_Name = Annotated[str, Field(min_length=1, max_length=200)]
_Decimals = Annotated[int, Field(ge=0, le=MOST_DECIMALS)]


class WrongInputs(HEError, ValueError):
    """The inputs are not those that the model needs."""


class ModelInput(BaseModel):
    """One input: its range in the clear, with both ends, and how many decimals of it are encrypted."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    name: _Name
    minimum: float
    maximum: float
    decimals: _Decimals = 0
    unit: _Text = ""

    @model_validator(mode="after")
    def _check_range(self) -> Self:
        if not (np.isfinite([self.minimum, self.maximum]).all() and self.minimum < self.maximum):
            raise ValueError(f"the range of {self.name!r} needs a finite minimum below its maximum")
        return self

    @property
    def largest(self) -> float:
        """The largest absolute value in the range."""
        return max(abs(self.minimum), abs(self.maximum))


class LinearModel(BaseModel):
    """A linear model in fixed point, as it stands in a JSON file.

    weights: for each input, round(weight x 10^weight_decimals); intercept: likewise.
    An input is encrypted as the integer round(value x 10^decimals); the decrypted score is an integer with `decimals`
    decimals. Immutable. ``LinearModel.model_validate_json`` reads a file, strictly; it raises pydantic's
    ValidationError, which is a ValueError.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    name: Annotated[str, Field(pattern=NAME_PATTERN)]
    title: _Text
    inputs: Annotated[tuple[ModelInput, ...], Field(min_length=1, max_length=MOST_INPUTS)]
    weights: dict[str, int]
    intercept: int
    weight_decimals: _Decimals
    source: _Text

    @model_validator(mode="after")
    def _check_weights(self) -> Self:
        names = [entry.name for entry in self.inputs]
        if len(set(names)) < len(names) or set(self.weights) != set(names):
            raise ValueError("every input has a name of its own and exactly one weight")
        if not any(self.weights.values()):
            raise ValueError("a model needs a weight that is not zero")
        return self

    @classmethod
    def from_floats(
        cls,
        name: str,
        title: str,
        inputs: Sequence[ModelInput],
        weights: Mapping[str, float],
        intercept: float,
        weight_decimals: int,
        source: str,
    ) -> Self:
        """The model with its weights rounded to ``weight_decimals`` decimals; see `rounding_error_bound`."""
        factor = 10**weight_decimals
        return cls(
            name=name,
            title=title,
            inputs=tuple(inputs),
            weights={key: round(float(weight) * factor) for key, weight in weights.items()},
            intercept=round(float(intercept) * factor),
            weight_decimals=weight_decimals,
            source=source,
        )

    @property
    def decimals(self) -> int:
        """Decimals of the decrypted score: those of the weights and the most that an input has."""
        return self.weight_decimals + max(entry.decimals for entry in self.inputs)

    @property
    def factors(self) -> dict[str, int]:
        """The integers that the encrypted inputs are multiplied by, which brings all products to `decimals`."""
        most = max(entry.decimals for entry in self.inputs)
        return {entry.name: self.weights[entry.name] * 10 ** (most - entry.decimals) for entry in self.inputs}

    @property
    def terms(self) -> int:
        """What a customer passes to PublicKey.encrypt as ``terms``, so that no score can wrap around.

        A power of 256 that is at least twice the sum of the absolute factors: half of the capacity is left for the
        intercept. It tells the customer the length of that sum in bytes, and no more.
        """
        total = 2 * sum(abs(factor) for factor in self.factors.values())
        return 256 ** ((total.bit_length() + 7) // 8)

    def rounding_error_bound(self) -> float:
        """The largest difference between this model's score and that of the weights before they were rounded.

        Each rounded weight is off by half a unit of its last decimal at most, which its input multiplies; the
        intercept likewise. Holds for inputs within their ranges, in the unit of the score.
        """
        return (1 + sum(entry.largest for entry in self.inputs)) / (2 * 10**self.weight_decimals)

    def description(self) -> dict:
        """What its users may know: everything but the weights and the intercept. JSON-able."""
        shown = self.model_dump(mode="json", exclude={"weights", "intercept"})
        return {**shown, "decimals": self.decimals, "terms": self.terms}


class LogisticModel(BaseModel):
    """A logistic model whose probability is a polynomial of degree 4 in z = intercept + sum of weight_i x input_i.

    Inputs are scaled to -1 ... 1 by their ranges (`scale_input`); weights and intercept are for these. coefficients: of
    z^0 to z^4, fitted to 1 / (1 + exp(-z)) over a range of z that all inputs of interest lead to; outside it the
    polynomial runs away. Immutable.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    name: Annotated[str, Field(pattern=NAME_PATTERN)]
    inputs: Annotated[tuple[ModelInput, ...], Field(min_length=1, max_length=MOST_INPUTS)]
    weights: dict[str, float]
    intercept: float
    coefficients: tuple[float, float, float, float, float]

    @model_validator(mode="after")
    def _check_weights(self) -> Self:
        if set(self.weights) != {entry.name for entry in self.inputs} or len(self.weights) < len(self.inputs):
            raise ValueError("every input has a name of its own and exactly one weight")
        if not self.coefficients[4] or not all(self.weights.values()):
            raise ValueError("neither a weight nor the coefficient of z^4 is zero")
        return self


def encode_input(entry: ModelInput, values: Sequence[float] | np.ndarray) -> np.ndarray:
    """The integers (int64, 1-D) that stand for ``values``, of which each lies within the range of ``entry``.

    Raises WrongInputs for a value that is missing, infinite or outside the range.
    """
    vector = np.atleast_1d(np.asarray(values, dtype=np.float64))
    outside = ~((vector >= entry.minimum) & (vector <= entry.maximum))
    if outside.any():
        raise WrongInputs(
            f"{entry.name} is a number from {entry.minimum:g} to {entry.maximum:g} {entry.unit}".rstrip()
            + f"; {int(outside.sum())} of {vector.size} values are not, the first at position "
            f"{int(np.flatnonzero(outside)[0])}. Correct them before encrypting."
        )
    return np.rint(vector * 10**entry.decimals).astype(np.int64)


def scale_input(entry: ModelInput, values: Sequence[float] | np.ndarray) -> np.ndarray:
    """``values`` (1-D, float64) scaled so that the range of ``entry`` becomes -1 ... 1. Raises WrongInputs."""
    encode_input(entry, values)
    vector = np.atleast_1d(np.asarray(values, dtype=np.float64))
    return (2 * vector - entry.minimum - entry.maximum) / (entry.maximum - entry.minimum)


def score(model: LinearModel, key: PublicKey, inputs: Mapping[str, Ciphertext]) -> Ciphertext:
    """The score of encrypted inputs, under the same key: a vector as long as theirs, with ``model.decimals`` decimals.

    inputs: a ciphertext for each input of the model, all of one length, of an exact scheme (Paillier, BFV). The result
    is a function of the ciphertexts and the weights alone: whoever has the ciphertexts can test guesses of the weights
    against it, so pass it through `rerandomise` before it leaves.

    Raises WrongInputs, KeyMismatch, ShapeMismatch, UnsupportedOperation (CKKS), ValueOutOfRange (encrypted with too
    few ``terms``) and DepthExhausted (parameters without room for these weights).
    """
    _check_inputs(model, key, inputs)
    if not key.exact:
        raise UnsupportedOperation(
            f"This model is scored in exact integers, and {key.scheme_name} is not exact. Encrypt with Paillier or BFV."
        )
    products = [inputs[name] * factor for name, factor in model.factors.items() if factor]
    return sum(products[1:], products[0]) + model.intercept * 10 ** (model.decimals - model.weight_decimals)


def score_logistic(model: LogisticModel, key: PublicKey, inputs: Mapping[str, Ciphertext]) -> Ciphertext:
    """The probabilities of encrypted inputs, under CKKS with relinearisation keys and three levels.

    inputs: a ciphertext for each input of the model, all of one length, of values scaled by `scale_input`.

    The weights take one level, and a polynomial of degree 4 two more: z is computed as z' = z x |c4|^(1/4), so that
    z'^4 needs no coefficient, and the factors of the other powers are divided accordingly.

    Raises WrongInputs, KeyMismatch, ShapeMismatch, UnsupportedOperation (not CKKS, no relinearisation keys),
    ValueOutOfRange and DepthExhausted.
    """
    _check_inputs(model, key, inputs)
    if key.exact:
        raise UnsupportedOperation(
            f"Probabilities are fractions, and {key.scheme_name} computes with integers. Encrypt with CKKS."
        )
    stretch = abs(model.coefficients[4]) ** 0.25
    c0, c1, c2, c3, c4 = (factor / stretch**power for power, factor in enumerate(model.coefficients))
    terms = [inputs[name] * (stretch * weight) for name, weight in model.weights.items()]
    z = sum(terms[1:], terms[0]) + stretch * model.intercept
    square = z * z
    fourth = square * square
    lower = square * c2 + (z * c3) * square + z * c1
    return (lower + fourth if c4 > 0 else lower - fourth) + c0


def rerandomise(ciphertext: Ciphertext, key: PublicKey) -> Ciphertext:
    """The same numbers in other bytes: a fresh encryption of zero is added under the whole public ``key``.

    The result also stops telling what was done: its declared bound and noise are set to the largest that the key
    allows, since both were computed from the weights. (The level of CKKS stays: the ciphertext itself shows it.) Under
    Paillier the ciphertext is then as good as a fresh one, whatever was multiplied before. Under BFV the noise, which
    whoever holds the secret key can measure, still depends on the weights; hiding that takes noise flooding, which this
    function does not do.

    Raises UnsupportedOperation for a key that cannot encrypt, and KeyMismatch.
    """
    zeros = key.encrypt(np.zeros(len(ciphertext), dtype=np.int64), terms=int(key.capacity) if key.exact else 2**20)
    fresh = ciphertext + zeros
    consumed = key.consumption_limit if key.exact else fresh.consumed
    return Ciphertext(ciphertext.key, fresh.native, fresh.length, fresh.padding, key.capacity, consumed)


def _check_inputs(model: LinearModel | LogisticModel, key: PublicKey, inputs: Mapping[str, Ciphertext]) -> None:
    needed = set(model.weights)
    if set(inputs) != needed:
        missing, unknown = sorted(needed - set(inputs)), len(set(inputs) - needed)
        raise WrongInputs(
            f"The model {model.name!r} needs exactly the inputs {', '.join(model.weights)}; "
            f"missing: {', '.join(missing) or 'none'}; not known to it: {unknown or 'none'}."
        )
    for ciphertext in inputs.values():
        if ciphertext.key.fingerprint != key.fingerprint:
            raise KeyMismatch(
                f"An input is encrypted under key {ciphertext.key.fingerprint[:8]}, and the key at hand is "
                f"{key.fingerprint[:8]}. Encrypt all inputs under one key, and send that one."
            )
    lengths = {len(ciphertext) for ciphertext in inputs.values()}
    if len(lengths) > 1:
        raise ShapeMismatch(f"All inputs hold the same number of values; these hold {sorted(lengths)}.")
