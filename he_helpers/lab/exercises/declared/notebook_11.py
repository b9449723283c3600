"""The exercises of notebook 11, "Compute ratios"."""

from he_helpers.lab.exercises.checkers import Ciphertexts, Numbers
from he_helpers.lab.exercises.exercise import Exercise, Source, Wrong

# The first branch of each region, in hundreds of thousands, and the start for a range from 2 to 5.
_REVENUES = (2.8582077, 3.2852765, 2.5053371, 4.4263679, 2.7669762)
_PROFITS = (1.1842629, 1.2314973, 1.0093622, 1.774132, 1.0396633)
_START = 2 / 7

# Two iterations are off by 2.6e-3, three by less than 2e-5.
_QUOTIENTS = Ciphertexts(
    Numbers([profit / revenue for profit, revenue in zip(_PROFITS, _REVENUES, strict=True)], tolerance=2e-4)
)


def _decrypts_to_products(*exponents):
    """Tells whether an answer decrypts to profit times start times (1 + e**exponent) for each of the exponents."""
    numbers = []
    for profit, revenue in zip(_PROFITS, _REVENUES, strict=True):
        number = profit * _START
        for exponent in exponents:
            number *= 1 + (1 - revenue * _START) ** exponent
        numbers.append(number)
    return lambda value: _QUOTIENTS.decrypts_to(value, numbers)


_BY_HAND = f"""
    import numpy as np
    import tenseal as ts
    ckks = ts.context(ts.SCHEME_TYPE.CKKS, 8192, coeff_mod_bit_sizes=[50, 36, 36, 36, 50])
    ckks.global_scale = 2**36
    p = ts.ckks_vector(ckks, np.array({_PROFITS}) * 2 / 7)
    x = ts.ckks_vector(ckks, np.array({_REVENUES}) * 2 / 7)
    e = 1 - x
    once = p * (1 + e)
    e2 = e * e
    twice = once * (1 + e2)
"""

EXERCISES = (
    Exercise(
        id="11-1",
        level="predict",
        prompt="""
            Now divisors lie between 1 and 20, so the start is 2 / (1 + 20). What is the fewest number of iterations
            after which the relative error is below 0.001 for all of them?
        """,
        hint="""
            At both ends of the range $e$ is the same, but for its sign. Compute it for the divisor 1. Then square it
            again and again: the first square is the error after one iteration.
        """,
        wanted="the number of iterations",
        name="iterations_needed",
        checker=Numbers(7),
        wrong=(
            Wrong(6, "After six iterations the error is $e^{64}$. Is it below 0.001?"),
            Wrong(8, "One fewer is enough: look at the error before the last squaring."),
            Wrong(
                70,
                "An iteration *squares* the error; it does not multiply it by $e$.",
                when=lambda numbers: numbers.entries in ((69,), (70,)),
            ),
            Wrong(128, "This is the exponent; how many squarings make it?"),
            Wrong(12, "A range twice as wide does not take twice as many iterations. Square and count."),
        ),
        solution="""
            error, iterations = 1 - 1 * 2 / (1 + 20), 0
            while error >= 0.001:
                error, iterations = error**2, iterations + 1
            solution = iterations
        """,
        because="$e$ begins at 19/21, and $e^{128}$ is about 3e-6, where $e^{64}$ is 0.0017. A range twice as wide "
        "costs one iteration more.",
    ),
    Exercise(
        id="11-2",
        level="write",
        prompt="""
            No division anywhere. An iteration has two products, and takes one level, 36 bits: neither of the two waits
            for the other. The quotients are off because two iterations are few, and one level is left.

            Write the third iteration, in the server's place: two lines on `twice` and `e2`. Nothing is decrypted. If
            you meet `scale out of bounds`, run the cell that makes `e2` and `twice` again before you go on: where a
            second factor has more levels than the first, TenSEAL takes it down to the same level, and leaves it there.
        """,
        hint="Look at the formula: which power of $e$ is in the third bracket, and of what is it the square?",
        wanted="the ciphertext of the quotients after three iterations",
        name="three_iterations",
        key="ckks",
        checker=_QUOTIENTS,
        wrong=(
            Wrong(
                Source("answer = twice"),
                "These are the quotients after two iterations.",
                when=_decrypts_to_products(1, 2),
            ),
            Wrong(
                Source("answer = twice * (1 + e2)"),
                "The bracket of the second iteration was taken once more: square `e2` first.",
                when=_decrypts_to_products(1, 2, 2),
            ),
            Wrong(
                Source("answer = twice * (1 + e2 * e)"),
                "This bracket has $e^3$: each power is the square of the one before.",
                when=_decrypts_to_products(1, 2, 3),
            ),
            Wrong(
                Source("answer = once * (1 + e2 * e2)"),
                "The bracket of the second iteration is missing: go on from `twice`.",
                when=_decrypts_to_products(1, 4),
            ),
        ),
        given=_BY_HAND,
        solution="""
            e4 = e2 * e2
            solution = twice * (1 + e4)
        """,
        because="It takes the third level. A fourth iteration would end in the error `scale out of bounds`.",
    ),
    Exercise(
        id="11-3",
        level="think",
        prompt="""
            You are the analyst now, and have `seen_profit` and `seen_revenue`: two products with the same secret
            factor. Find the revenue.
        """,
        hint="""
            Both numbers are multiples of the factor. Is there a function in the module `math` for what two integers
            have in common?
        """,
        wanted="the revenue in hundredths, an integer,",
        name="unblinded_revenue",
        checker=Numbers(26784269),
        wrong=(
            Wrong(
                2**120 + 1,
                "That is as long as the factor. Which number did the factor multiply?",
                when=lambda numbers: any(number > 10**20 for number in numbers.entries),
            ),
            Wrong(10122640, "This is the profit. The revenue is the other amount."),
            Wrong(16661629, "These are the expenses, revenue less profit."),
            Wrong(267842.69, "The right revenue, in whole units; the number in hundredths is asked for."),
            Wrong(329649, "From the quotient, a float, with a denominator up to a million. Use the two integers."),
            Wrong(
                26784268.5,
                "Close: with `/` the long integers become floats. Divide with `//`.",
                when=lambda numbers: any(0 < abs(number - 26784269) < 2 for number in numbers.entries),
            ),
        ),
        given="seen_profit, seen_revenue = 10122640 * (2**127 + 45), 26784269 * (2**127 + 45)",
        solution="""
            from math import gcd

            solution = seen_revenue // gcd(seen_profit, seen_revenue)
        """,
        because="The greatest common divisor takes the factor out, however long it is. Here profit and revenue have "
        "no divisor in common; otherwise the revenue is found divided by a small number.",
    ),
)
