"""The exercises of notebook 10, "Predict with a logistic model"."""

from __future__ import annotations

from typing import Any

import numpy as np

from he_helpers.lab.exercises.checkers import Case, Condition, Conditions, Function, Numbers
from he_helpers.lab.exercises.exercise import Exercise, Source, Wrong

_VALUES = (0.5, -1.0, -3.0)


def fresh_vector(key: Any) -> tuple[Any]:
    """A vector of CKKS with two levels, under a key of its own."""
    import tenseal as ts

    context = ts.context(ts.SCHEME_TYPE.CKKS, 4096, coeff_mod_bit_sizes=[33, 22, 22, 28])
    context.global_scale = 2**22
    return (ts.ckks_vector(context, _VALUES),)


def is_a_vector(answer: Any) -> bool:
    return len(answer.ciphertext()) == 1


def is_the_polynomial(answer: Any) -> bool:
    z = np.array(_VALUES)
    return bool(np.abs(np.array(answer.decrypt()) - (0.5 + 0.25 * z - 0.02 * z**3)).max() < 0.03)


_CUBIC = Function(
    "cubic",
    (
        Case(
            fresh_vector,
            Conditions(
                "a vector of TenSEAL",
                (
                    Condition("This is no vector of TenSEAL.", is_a_vector),
                    Condition("It decrypts to other numbers than the polynomial gives.", is_the_polynomial),
                ),
            ),
            call="cubic(Enc(0.5, -1, -3))",
        ),
    ),
)

# The clinic's model, rounded: enough to judge a patient.
_INTERCEPT = 0.45
_WEIGHTS = np.array([0.25, 1.43, 0.75, -0.28, 1.77, 1.36])
_COEFFICIENTS = np.array([0.497098, 0.243384, 0.007161, -0.013771, -0.001947])


def probability_of(answer: Any) -> float:
    """What the clinic's polynomial gives for six scaled values."""
    z = _INTERCEPT + np.asarray(answer, dtype=float) @ _WEIGHTS
    return float(_COEFFICIENTS @ z ** np.arange(5))


def has_six_numbers(answer: Any) -> bool:
    return np.asarray(answer, dtype=float).shape == (6,)


def is_within_the_ranges(answer: Any) -> bool:
    return bool(np.abs(np.asarray(answer, dtype=float)).max() <= 1)


def is_no_probability(answer: Any) -> bool:
    return not 0 <= probability_of(answer) <= 1


def is_far_below(answer: Any) -> bool:
    return probability_of(answer) < -1


EXERCISES = (
    Exercise(
        id="10-1",
        level="predict",
        prompt="""
            A fresh ciphertext `z` is raised to $z^4$: as `z * z * z * z`, or as `square * square`, with
            `square = z * z`. How many levels does each of the two ways take? Say it first;
            `coeff_modulus_size()` tells, as above.
            To try it, make a fresh vector for each way, `v = ts.ckks_vector_from(public, sent)`: in this notebook `z`
            is a plain number, and `x`, needed below, would lose levels.
        """,
        hint="Write down what each product multiplies. How many products lie one after the other?",
        wanted="a list of two numbers",
        name="levels_of_fourth",
        checker=Numbers([3, 2]),
        wrong=(
            Wrong([4, 2], "Four factors are joined by fewer products."),
            Wrong([3, 3], "The second way has two products in all: how could it take more levels than products?"),
            Wrong([4, 4], "The exponent is not the number of products. Count these, one after the other."),
            Wrong([2, 1], "`z * z` is one product. How many more does each of the two ways have after it?"),
            Wrong([3, 1], "The second way also computes `z * z` before it multiplies the squares."),
            Wrong([2, 3], "Python multiplies from the left: `((z * z) * z) * z`. Which of the two ways is the longer?"),
        ),
        solution="solution = [3, 2]",
        because="Squares of squares double the exponent with each level. `polyval` of degree 4 takes one more, for the "
        "product of $z^4$ and its coefficient.",
    ),
    Exercise(
        id="10-2",
        level="write",
        prompt="""
            Write a function `cubic(z)` of an encrypted vector that computes $0.5 + 0.25 z - 0.02 z^3$ with *two*
            levels, with products and sums of your own and without `polyval`. The check calls it with a vector that
            has no third level.
        """,
        hint="`z * z * z * -0.02` has three products one after the other. Which two products could stand side by side?",
        wanted="`cubic`",
        name="cubic_by_hand",
        checker=_CUBIC,
        wrong=(
            Wrong(
                Source("def answer(z):\n    return z * z * z * -0.02 + z * 0.25 + 0.5"),
                "For `cubic(Enc(0.5, -1, -3))` it stops with an error: ValueError: scale out of bounds.",
            ),
            Wrong(
                Source("def answer(z):\n    return (z * 0.02) * (z * z) + z * 0.25 + 0.5"),
                "For `cubic(Enc(0.5, -1, -3))`: It decrypts to other numbers than the polynomial gives.",
            ),
            Wrong(
                Source("def answer(z):\n    print((z * -0.02) * (z * z) + z * 0.25 + 0.5)"),
                "For `cubic(Enc(0.5, -1, -3))` it prints something and gives None back: end it with `return`.",
            ),
            Wrong(
                Source("def answer(z):\n    z = z.decrypt()[0]\n    return 0.5 + 0.25 * z - 0.02 * z**3"),
                "For `cubic(Enc(0.5, -1, -3))`: The answer is of the type float, and a vector of TenSEAL is asked for "
                "(AttributeError: 'float' object has no attribute 'ciphertext').",
            ),
        ),
        start="def cubic(z):\n    return z * z * z * -0.02 + z * 0.25 + 0.5",
        solution="""
            def cubic(z):
                return (z * -0.02) * (z * z) + z * 0.25 + 0.5

            solution = cubic
        """,
        because="`z * -0.02` and `z * z` stand on the same level, and their product on the next one.",
    ),
    Exercise(
        id="10-3",
        level="think",
        prompt="""
            The encrypted way is as good as the plain one. But look at the last line above: most people stay healthy,
            so always saying no is nearly as often right. That a model computes correctly under encryption does not
            make it a good model.

            And these patients were like those of the training. Break the model with one who is not: find a patient
            whose six scaled values are all allowed, from -1 to 1, and for whom the encrypted "probability" would be
            below -1. The variables `weights`, `intercept` and `polynomial` are there to try with.
        """,
        hint="For which $z$ is the polynomial below -1? Which values make $z$ as large as possible?",
        wanted="the list of the six values",
        name="broken_patient",
        checker=Conditions(
            "a list of six numbers",
            (
                Condition("Six numbers are asked for, one for each input of the model.", has_six_numbers),
                Condition("A value lies outside -1 to 1: `scale_input` would refuse it.", is_within_the_ranges),
                Condition("For this patient the polynomial still gives something between 0 and 1.", is_no_probability),
                Condition("This is no probability any more, and it is not below -1 yet: go on.", is_far_below),
            ),
        ),
        wrong=(
            Wrong([0, 0, 0, 0, 0, 0], "For this patient the polynomial still gives something between 0 and 1."),
            Wrong([5, 5, 5, 5, 5, 5], "A value lies outside -1 to 1: `scale_input` would refuse it."),
            Wrong([1, 1, 1, 1, 1], "Six numbers are asked for, one for each input of the model."),
            Wrong([-1, -1, -1, 1, -1, -1], "This is no probability any more, and it is not below -1 yet: go on."),
        ),
        given="""
            import numpy as np
            weights = np.array([0.25, 1.43, 0.75, -0.28, 1.77, 1.36])
        """,
        solution="solution = np.sign(weights).tolist()",
        because="Its $z$ is far above 2, where the fit ends. The clinic cannot see it. From the weights it "
        "can compute beforehand how far $z$ can go, and fit over all of that, at the price of a larger error.",
    ),
)
