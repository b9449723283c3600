"""The exercises of notebook 01, "Add behind a lock"."""

from he_helpers.lab.exercises.checkers import Ciphertexts, Numbers
from he_helpers.lab.exercises.exercise import Exercise, Source, Wrong

_PAILLIER = """
    import math
    p, q = 13, 17
    n = p * q
    n2 = n * n
    private_key = math.lcm(p - 1, q - 1)
    def encrypt(count, r):
        return pow(1 + n, count, n2) * pow(r, n, n2) % n2
    def decrypt(ciphertext):
        opened = pow(ciphertext, private_key, n2)
        return (opened - 1) // n * pow(private_key, -1, n) % n
    north, south, west = encrypt(9, r=5), encrypt(12, r=7), encrypt(5, r=11)
"""
_WEIGHTED = Ciphertexts(Numbers(38))

EXERCISES = (
    Exercise(
        id="01-1",
        level="write",
        prompt="""
            You are the hospital in the south, with 12 cases. Your random number is 7. Compute the two factors and their
            product from the formula, without calling `encrypt`.
        """,
        hint="`pow(a, b, c)` has three places. The count is one exponent, the public key the other. What is $c$ here?",
        wanted="the ciphertext, a number,",
        name="the_south",
        checker=Numbers(23177),
        wrong=(
            Wrong(2653, "This is the first factor alone: the count can be read from it. The lock is missing."),
            Wrong(48592, "This is the second factor alone: the count is missing."),
            Wrong([2653, 48592], "These are the two factors. The ciphertext is their product, modulo $n^2$."),
            Wrong(30393, "The count and the random number have changed places."),
            Wrong(193, "This is computed modulo $n$; a ciphertext lies below $n^2$."),
            Wrong(37753, "$r$ is raised to another power than the count: look at the second factor again."),
            Wrong(18571, "$r$ itself is no lock: raise it to the power of the public key first."),
            Wrong(
                2404,
                "The two factors are added; the formula multiplies them.",
                when=lambda number: number.shape == () and number.entries[0] in (2404, 2653 + 48592),
            ),
            Wrong(41449, "This is the ciphertext of the north: take the south's count and random number."),
            Wrong(0, "A power of $n$ vanishes modulo $n^2$: the first factor is a power of $1 + n$."),
            Wrong(
                2653 * 48592,
                "A ciphertext lies below $n^2$: take the remainder of the product, too.",
                when=lambda number: number.shape == () and number.entries[0] >= 221**2,
            ),
        ),
        given=_PAILLIER,
        solution="""
            first_factor = pow(1 + n, 12, n2)
            second_factor = pow(7, n, n2)
            solution = first_factor * second_factor % n2
        """,
        because="You needed the count, a random number and $n$, and nothing that is secret.",
    ),
    Exercise(
        id="01-2",
        level="write",
        prompt="""
            You are the server. The hospital in the west sees only one patient in three, so its count shall be taken
            three times. Two late cases shall be added to the total. Compute the ciphertext of

            north + south + 3 · west + 2

            from `north`, `south`, `west` and `n`. You do not hold the private key: do not use `private_key` or
            `decrypt`.
        """,
        hint="""
            There are four terms. What does each of them become on the side of the ciphertexts: a ciphertext, a power
            of one, or a power of $1 + n$? And what does each plus sign become?
        """,
        wanted="the ciphertext",
        name="weighted_total",
        checker=_WEIGHTED,
        wrong=(
            Wrong(
                Source("answer = (north + south + 3 * west + 2) % n2"),
                "This calculates with ciphertexts as if they were counts. Which operation on ciphertexts adds counts?",
                when=lambda value: _WEIGHTED.decrypts_to(value, 166),
            ),
            Wrong(
                Source("answer = north * south * pow(west, 3, n2) * 2 % n2"),
                "Multiplying by 2 does not add 2: the 2 has to be in the exponent of $1 + n$.",
                when=lambda value: _WEIGHTED.decrypts_to(value, 188),
            ),
            Wrong(
                Source("answer = (north * south * pow(west, 3, n2) + 2) % n2"),
                "2 is added to the ciphertext. Which operation on a ciphertext adds a known number to the count?",
                when=lambda value: _WEIGHTED.decrypts_to(value, 103),
            ),
            Wrong(
                Source("answer = north * south * 3 * west * pow(1 + n, 2, n2) % n2"),
                "Three times a ciphertext is not the ciphertext of three times the count: which power is?",
                when=lambda value: _WEIGHTED.decrypts_to(value, 39) or _WEIGHTED.decrypts_to(value, 189),
            ),
            Wrong(
                Source("answer = north * south * west * pow(1 + n, 2, n2) % n2"),
                "The west is counted once.",
                when=lambda value: _WEIGHTED.decrypts_to(value, 28),
            ),
            Wrong(
                Source("answer = pow(north * south * west, 3, n2) * pow(1 + n, 2, n2) % n2"),
                "All three hospitals are taken three times, not the west alone.",
                when=lambda value: _WEIGHTED.decrypts_to(value, 80),
            ),
            Wrong(
                Source("answer = north * south * pow(west, 3, n2) % n2"),
                "The two late cases are missing.",
                when=lambda value: _WEIGHTED.decrypts_to(value, 36),
            ),
            Wrong(
                38,
                "This is the total in the clear. The server does not know it: give the ciphertext.",
                when=lambda value: _WEIGHTED.decrypts_to(value, 204),
            ),
        ),
        given=_PAILLIER,
        key="decrypt",
        solution="solution = north * south * pow(west, 3, n2) * pow(1 + n, 2, n2) % n2",
        because="A sum with known weights needs no private key, and nobody has learned a single count.",
    ),
    Exercise(
        id="01-3",
        level="predict",
        prompt="""
            The server takes the north's 9 cases times $n - 1$: it computes `pow(north, n - 1, n2)`. Which number does
            `decrypt` give? It gives remainders modulo $n$, and $n$ is 221. Say it before you try it.
        """,
        hint="In the clear it is $9 (n - 1) = 9 n - 9$. What is left of $9n$ modulo $n$, and of the rest?",
        wanted="the number that you expect",
        name="times_n_minus_one",
        checker=Numbers(212),
        wrong=(
            Wrong(1980, "This is the product in the clear. `decrypt` gives a remainder modulo 221."),
            Wrong(-9, "This is what it stands for. `decrypt` shows a number from 0 to 220: which one?"),
            Wrong(9, "Times $n$ plus 1 it would be 9. Here one 9 is taken away."),
            Wrong(220, "This is $n - 1$ itself; it is taken 9 times."),
            Wrong(0, "Times $n$ it would be 0. Here one 9 is taken away."),
        ),
        given=_PAILLIER,
        solution="solution = decrypt(pow(north, n - 1, n2))",
        because="212 is 221 - 9: added to a ciphertext of 9 it gives 0. It is what $-9$ is modulo $n$.",
    ),
    Exercise(
        id="01-4",
        level="think",
        prompt="""
            Another office has the public key 8633, and you have seen the ciphertext 23491622 under it. Break the
            lock: find the two primes, make the private key, and decrypt. How many cases are inside?
        """,
        hint="""
            Both primes have two digits. Try all numbers from 2 on: which one divides 8633 without a remainder? Then
            take the lines of `private_key` and of `decrypt`, with the other office's numbers in the place of ours.
        """,
        wanted="the number of cases",
        name="their_cases",
        checker=Numbers(1234),
        wrong=(
            Wrong(
                89,
                "This is one of the two primes. Find the other one, and make the private key of both.",
                when=lambda number: number.shape == () and number.entries[0] in (89, 97),
            ),
            Wrong(8448, "This is $(p - 1)(q - 1)$ of their primes, and no number of cases yet: decrypt."),
            Wrong([89, 97], "These are the two primes. Now make the private key of them, and decrypt."),
            Wrong(1056, "This is their private key. Now decrypt with it."),
            Wrong(8154, "This still contains the private key as a factor: divide by it, modulo 8633."),
            Wrong(29, "This is decrypted with our key and our $n$: `decrypt` knows no others."),
        ),
        given=_PAILLIER,
        solution="""
            their_n, their_ciphertext = 8633, 23491622
            [first_prime] = [d for d in range(2, 90) if their_n % d == 0]
            second_prime = their_n // first_prime
            their_key = math.lcm(first_prime - 1, second_prime - 1)
            opened = pow(their_ciphertext, their_key, their_n**2)
            solution = (opened - 1) // their_n * pow(their_key, -1, their_n) % their_n
        """,
        because="A public key of four digits protects nothing: its primes are found at once, and the key follows.",
    ),
)
