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
    north, south, west, east = encrypt(9, r=5), encrypt(12, r=7), encrypt(5, r=11), encrypt(4, r=9)
"""
_WEIGHTED = Ciphertexts(Numbers(42))

EXERCISES = (
    Exercise(
        id="01-1",
        level="write",
        prompt="""
            First you are the hospital in the east, with 4 cases. Your random number is 9. Encrypt the cases from the
            formula, without calling `encrypt`.

            Then you are the server. The hospital in the west sees only one patient in three, so its count shall be
            taken three times. Two late cases shall be added to the total. Compute the ciphertext of

            north + south + 3 · west + east + 2

            from the four ciphertexts and `n`. Neither of the two holds the private key: do not use `private_key` or
            `decrypt`.
        """,
        hint="""
            The east: `pow(a, b, c)` has three places. The count is one exponent, the public key the other. What is $c$
            here? The server: there are five terms. What does each of them become on the side of the ciphertexts: a
            ciphertext, a power of one, or a power of $1 + n$? And what does each plus sign become?
        """,
        wanted="the ciphertext of the total",
        name="weighted_total",
        checker=_WEIGHTED,
        wrong=(
            Wrong(
                Source("answer = (north + south + 3 * west + east + 2) % n2"),
                "This calculates with ciphertexts as if they were counts. Which operation on ciphertexts adds counts?",
                when=lambda value: _WEIGHTED.decrypts_to(value, 220),
            ),
            Wrong(
                Source("answer = north * south * pow(west, 3, n2) * east * 2 % n2"),
                "Multiplying by 2 does not add 2: the 2 has to be in the exponent of $1 + n$.",
                when=lambda value: _WEIGHTED.decrypts_to(value, 192),
            ),
            Wrong(
                Source("answer = (north * south * pow(west, 3, n2) * east + 2) % n2"),
                "2 is added to the ciphertext. Which operation on a ciphertext adds a known number to the count?",
                when=lambda value: _WEIGHTED.decrypts_to(value, 172),
            ),
            Wrong(
                Source("answer = north * south * 3 * west * east * pow(1 + n, 2, n2) % n2"),
                "Three times a ciphertext is not the ciphertext of three times the count: which power is?",
                when=lambda value: _WEIGHTED.decrypts_to(value, 43),
            ),
            Wrong(
                Source("answer = north * south * west * east * pow(1 + n, 2, n2) % n2"),
                "The west is counted once.",
                when=lambda value: _WEIGHTED.decrypts_to(value, 32),
            ),
            Wrong(
                Source("answer = pow(north * south * west, 3, n2) * east * pow(1 + n, 2, n2) % n2"),
                "More hospitals than the west are taken three times.",
                when=lambda value: _WEIGHTED.decrypts_to(value, 84) or _WEIGHTED.decrypts_to(value, 92),
            ),
            Wrong(
                Source("answer = north * south * pow(west, 3, n2) * east % n2"),
                "The two late cases are missing.",
                when=lambda value: _WEIGHTED.decrypts_to(value, 40),
            ),
            Wrong(
                Source("answer = north * south * pow(west, 3, n2) * pow(1 + n, 2, n2) % n2"),
                "The east's count is missing, or its first factor, the power of $1 + n$.",
                when=lambda value: _WEIGHTED.decrypts_to(value, 38),
            ),
            Wrong(
                Source("answer = north * south * pow(west, 3, n2) * encrypt(9, r=4) * pow(1 + n, 2, n2) % n2"),
                "In the east's ciphertext, the count and the random number have changed places.",
                when=lambda value: _WEIGHTED.decrypts_to(value, 47),
            ),
            Wrong(
                Source("answer = north * south * pow(west, 3, n2) * pow(1 + n, 4, n2) * 9 * pow(1 + n, 2, n2) % n2"),
                "In the east's ciphertext, $r$ itself is no lock: raise it to the power of the public key.",
                when=lambda value: _WEIGHTED.decrypts_to(value, 64),
            ),
            Wrong(
                Source("answer = encrypt(4, r=9)"),
                "This is the east alone, and rightly encrypted. Now add, as the server.",
                when=lambda value: _WEIGHTED.decrypts_to(value, 4),
            ),
            Wrong(
                42,
                "This is the total in the clear. The server does not know it: give the ciphertext.",
                when=lambda value: _WEIGHTED.decrypts_to(value, 151),
            ),
        ),
        given=_PAILLIER,
        key="decrypt",
        solution="""
            east = pow(1 + n, 4, n2) * pow(9, n, n2) % n2
            solution = north * south * pow(west, 3, n2) * east * pow(1 + n, 2, n2) % n2
        """,
        because="The east needed its count, a random number and $n$; a sum with known weights needs no private key. "
        "Nobody has learned a single count.",
    ),
    Exercise(
        id="01-2",
        level="predict",
        prompt="""
            The server takes the north's 9 cases times $n - 1$: it computes `pow(north, n - 1, n2)`. Which number does
            `decrypt` give? It gives remainders modulo $n$, and $n$ is 221. Say it before you try it.
        """,
        hint="In the clear it is $9 (n - 1) = 9 n - 9$. What is left of $9n$ modulo $n$, and of the rest?",
        wanted="the number",
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
        id="01-3",
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
