"""The exercises of notebook 02, "Look inside a ciphertext"."""

from he_helpers.lab.exercises.checkers import Numbers
from he_helpers.lab.exercises.exercise import Exercise, Wrong

_Q = 17 * 2**20 + 1
_RING = """
    import numpy as np
    n, q, t = 8, 17 * 2**20 + 1, 17
    delta = q // t
    rng = np.random.default_rng(seed=2026)
    def times(a, b):
        product = np.convolve(a, b)
        product[: n - 1] -= product[n:]
        return product[:n] % q
    def centred(polynomial):
        return (np.array(polynomial) + q // 2) % q - q // 2
    secret_key = rng.integers(-1, 2, size=n)
    c1 = rng.integers(0, q, size=n)
    c0 = (delta * np.array([3, 1, 4, 1, 5, 9, 2, 6]) + rng.integers(-9, 9, size=n) - times(c1, secret_key)) % q
    def decrypt(ciphertext):
        inside = (ciphertext[0] + times(ciphertext[1], secret_key)) % q
        return np.round(inside * t / q).astype(int) % t
"""
_THEIRS = """
    their_a = np.array(
        [2091557, 2258984, 344883, 1796088,
         6571289, 7424576, 12097714, 13647448]
    )
    their_b = np.array(
        [1372276, 16202394, 12538285, 17090518,
         5130160, 4076282, 2788005, 17498427]
    )
"""

EXERCISES = (
    Exercise(
        id="02-1",
        level="predict",
        prompt="""
            What is $x^7$ times $3x^2$ in this ring? Give the list of the eight coefficients, the one of $x^0$ first,
            with negative numbers written as such. Say it before you let `times` compute it.
        """,
        hint="Without the rules it is $3x^9$, and $x^9$ is $x^8$ times $x$. Which of the eight places is that of $x$?",
        wanted="the list of eight numbers",
        name="product_of_two",
        checker=Numbers([0, -3, 0, 0, 0, 0, 0, 0]),
        wrong=(
            Wrong([0, 3, 0, 0, 0, 0, 0, 0], "The place is right. What does $x^8$ count as?"),
            Wrong([-3, 0, 0, 0, 0, 0, 0, 0], "$x^9$ is $x^8$ times $x$: one factor $x$ is left."),
            Wrong([3, 0, 0, 0, 0, 0, 0, 0], "$x^8$ counts as $-1$, and a factor $x$ is left."),
            Wrong([0, 0, -3, 0, 0, 0, 0, 0], "The first number of the list belongs to $x^0$, the next one to $x$."),
            Wrong(
                [0, _Q - 3, 0, 0, 0, 0, 0, 0],
                "This is a remainder from 0 to $q - 1$, as `times` gives it. Which negative number has the same one?",
                when=lambda numbers: (
                    numbers.shape == (8,)
                    and all((a - b) % _Q == 0 for a, b in zip(numbers.entries, [0, -3, 0, 0, 0, 0, 0, 0], strict=True))
                ),
            ),
            Wrong([0, 0, 0, 0, 0, 0, 0, 0, 0, 3], "There is no place for $x^9$: it comes back at the beginning."),
        ),
        given=_RING,
        solution="""
            seventh = [0, 0, 0, 0, 0, 0, 0, 1]
            three_squares = [0, 0, 3, 0, 0, 0, 0, 0]
            solution = centred(times(seventh, three_squares)).tolist()
        """,
        because="$x^9 = x^8 \\cdot x = -x$. So the coefficients of a product are mixed from all the others.",
    ),
    Exercise(
        id="02-2",
        level="write",
        prompt="""
            Multiply the ciphertext `c0, c1` by 3: in the way of `add`, with the two parts alone and without the key.
            Then decrypt the new ciphertext.
        """,
        hint="Three times a ciphertext is the ciphertext plus itself plus itself. What becomes of each part?",
        wanted="the list that `decrypt` gives back",
        name="three_times",
        checker=Numbers([9, 3, 12, 3, 15, 10, 6, 1]),
        wrong=(
            Wrong([3, 1, 4, 1, 5, 9, 2, 6], "This is the message as it was: decrypt the *new* ciphertext."),
            Wrong([9, 3, 12, 3, 15, 27, 6, 18], "So it is in the clear; decryption gives remainders modulo 17."),
            Wrong(
                [[0] * 8, [0] * 8],
                "These are the two parts of a ciphertext: now decrypt them, `decrypt((first, second))`.",
                when=lambda numbers: len(numbers.shape) == 2 and numbers.shape[0] == 2,
            ),
            Wrong([6, 2, 8, 2, 10, 1, 4, 12], "This is twice the message: one more addition is missing."),
            Wrong(
                [0] * 8,
                "Several numbers are far off: the random parts cancel out only if *both* parts are multiplied.",
                when=lambda numbers: (
                    len(numbers.entries) == 8
                    and all(0 <= number <= 16 for number in numbers.entries)
                    and sum(a != b for a, b in zip(numbers.entries, [9, 3, 12, 3, 15, 10, 6, 1], strict=True)) > 4
                ),
            ),
        ),
        given=_RING,
        solution="solution = decrypt((3 * c0 % q, 3 * c1 % q)).tolist()",
        because="A ciphertext times a known number needs no key. The noise has become three times as large, too.",
    ),
    Exercise(
        id="02-3",
        level="think",
        prompt="""
            $n$ has to be large, and ours is not: eight coefficients of $-1$, $0$ or $1$ make $3^8 = 6{,}561$ secret
            keys. The answer cell holds the public key of somebody whose secret key is nowhere in this notebook. Find
            it. Only for the right one, `their_b + times(their_a, key)` is small: no coefficient is beyond 3 or below
            -3. A computer can try them all; `itertools.product([-1, 0, 1], repeat=8)` gives them.
        """,
        hint="""
            In a loop over all keys, compute the sum with `times`, bring it into the range around zero with `centred`,
            and look at the largest absolute value.
        """,
        wanted="the list of the eight numbers that you found",
        name="their_key",
        checker=Numbers([1, 1, -1, 0, 0, 0, -1, 1]),
        wrong=(
            Wrong([1, -1, -1, 0, 0, 0, -1, 0], "This is our own secret key, which does not fit their public key."),
            Wrong(
                [[1, 1, -1, 0, 0, 0, -1, 1]],
                "This is a list of keys. Take the one that fits out of it, with `[0]`.",
                when=lambda numbers: len(numbers.shape) == 2 and numbers.shape[0] == 1,
            ),
            Wrong([0, 0, 0, 0, 0, 0, 0, 0], "With zeros, their `b` alone would have to be small, and it is not."),
            Wrong(
                [2, 1, -1, 0, 0, 0, -1, 1],
                "A secret key has coefficients of -1, 0 and 1 and no others.",
                when=lambda numbers: any(abs(number) > 1 for number in numbers.entries),
            ),
            Wrong(
                [1, 1, -1, 0, 0, 0, -1, -1],
                "With this key some coefficient is far from zero. Use `centred` before you judge, and look at absolute "
                "values: -900 is not small.",
                when=lambda numbers: numbers.shape == (8,),
            ),
        ),
        given=_RING + _THEIRS,
        start=_THEIRS,
        solution="""
            from itertools import product

            for key in product([-1, 0, 1], repeat=8):
                if max(abs(centred(their_b + times(their_a, key)))) <= 3:
                    fitting = key
            solution = list(fitting)
        """,
        because="Each further coefficient makes it three times as long: $3^{4096}$ keys nobody tries, and the attacks "
        "known to be better than trying still take $2^{124}$ classical steps for the context of notebook 00.",
    ),
)
