"""The exercises of notebook 15, "Compare the libraries"."""

from he_helpers.lab.exercises.checkers import Ciphertexts, Numbers, Words
from he_helpers.lab.exercises.exercise import Exercise, Source, Wrong

_IN_PHE = """
    import phe
    public_key, private_key = phe.generate_paillier_keypair(n_length=1024)
    north_in_phe = [public_key.encrypt(count) for count in [93, 57]]
    south_in_phe = [public_key.encrypt(count) for count in [81, 49]]
"""

_WEIGHTED = Ciphertexts(Numbers([277, 183]))


def _gives(numbers):
    """Tells whether an answer decrypts to these numbers."""
    return lambda value: _WEIGHTED.decrypts_to(value, numbers)


_ACCIDENTS = (
    "TenSEAL: another key",
    "phe: another key",
    "TenSEAL: 1.9 into BFV",
    "Pyfhel: 1.9 into BFV",
    "TenSEAL: 600,000",
    "Pyfhel: 600,000",
)

_CHOICES = tuple(f"{job}: {library}" for job in (1, 2, 3) for library in ("TenSEAL", "Pyfhel", "phe"))

EXERCISES = (
    Exercise(
        id="15-1",
        level="write",
        prompt="""
            The north counts twice, and the cases of an emergency tent, 10 and 20, are added, which need not be
            encrypted. In TenSEAL this is one line, and it decrypts to two numbers:

            ```python
            north * 2 + south + [10, 20]
            ```

            Write it in phe, from `north_in_phe` and `south_in_phe`: a list of two encrypted numbers.
        """,
        hint="""
            phe has operators for one number at a time: go through both lists and `[10, 20]` together. What do `*` and
            `+` do to two lists of Python?
        """,
        wanted="the list of the two encrypted numbers",
        name="weighted_in_phe",
        checker=_WEIGHTED,
        key="private_key",
        wrong=(
            Wrong(
                Source("answer = [a + b + c for a, b, c in zip(north_in_phe, south_in_phe, [10, 20])]"),
                "The north counts twice, and is in it once.",
                when=_gives([184, 126]),
            ),
            Wrong(
                Source("answer = [a * 2 + b for a, b in zip(north_in_phe, south_in_phe)]"),
                "The cases of the tent are missing.",
                when=_gives([267, 163]),
            ),
            Wrong(
                Source("answer = [(a + b) * 2 + c for a, b, c in zip(north_in_phe, south_in_phe, [10, 20])]"),
                "The north counts twice; the south does not.",
                when=_gives([358, 232]),
            ),
            Wrong(
                Source("answer = north_in_phe * 2 + south_in_phe"),
                "Between lists of Python, `*` repeats and `+` joins: these are more than two ciphertexts.",
                when=lambda value: value.numbers.shape != () and value.numbers.shape[0] > 2,
            ),
            Wrong(
                Source("answer = north_in_phe[0] * 2 + south_in_phe[0] + 10"),
                "This is one ciphertext, of the first number. phe needs one for each.",
                when=lambda value: value.numbers.shape == (),
            ),
        ),
        given=_IN_PHE,
        solution="""
            together = zip(north_in_phe, south_in_phe, [10, 20])
            solution = [a * 2 + b + c for a, b, c in together]
        """,
        because="One ciphertext for each number, and an ordinary loop. What TenSEAL does in one call takes as many "
        "calls as there are numbers.",
    ),
    Exercise(
        id="15-2",
        level="predict",
        prompt="""
            - *another key*: a ciphertext is decrypted with the secret key of somebody else;
            - *1.9 into BFV*: 1.9 is encrypted by the calls above, `ts.bfv_vector(context, [1.9])` and
              `engine.encryptInt(np.array([1.9]))`;
            - *600,000*: 300,000 and 300,000 are encrypted and added, with the plaintext modulus 1,032,193.

            Which of these raise an error? Choose from `"TenSEAL: another key"`, `"phe: another key"`,
            `"TenSEAL: 1.9 into BFV"`, `"Pyfhel: 1.9 into BFV"`, `"TenSEAL: 600,000"`, `"Pyfhel: 600,000"`. Decide
            before you read on.
        """,
        hint="""
            What would a library have to know in order to notice it? A ciphertext of SEAL is two polynomials and
            nothing else; an encrypted number of phe is an object with fields. And look at the types: Pyfhel gets an
            array of numpy, TenSEAL a list.
        """,
        wanted='a list such as `["TenSEAL: another key"]`',
        name="raise_errors",
        checker=Words(right=("phe: another key", "Pyfhel: 1.9 into BFV"), among=_ACCIDENTS),
        wrong=(
            Wrong(
                ["TenSEAL: 600,000", "Pyfhel: 600,000"],
                "To notice that a sum is too large, whoever adds would have to see how large the numbers are.",
                when=lambda words: any("600,000" in word for word in words),
            ),
            Wrong(
                ["TenSEAL: another key", "phe: another key"],
                "Two polynomials of TenSEAL look alike under every key. What could be compared?",
                when=lambda words: "TenSEAL: another key" in words,
            ),
            Wrong(
                ["phe: another key", "TenSEAL: 1.9 into BFV", "Pyfhel: 1.9 into BFV"],
                "One of the two libraries makes a whole number of 1.9 by itself. It is the one that takes lists.",
                when=lambda words: "TenSEAL: 1.9 into BFV" in words,
            ),
            Wrong(["phe: another key"], "That one does, and it is not the only one."),
            Wrong(
                ["Pyfhel: 1.9 into BFV"],
                "That one does. In which library does an encrypted number know its public key?",
            ),
        ),
        solution='solution = ["phe: another key", "Pyfhel: 1.9 into BFV"]',
        because="Two of six. The other four give numbers, and nothing tells that they are wrong. See the next cells.",
    ),
    Exercise(
        id="15-3",
        level="think",
        prompt="""
            Which library for which job? No library twice.

            1. Forty sensors each send one whole number an hour, over a link where every byte is paid for. A server
               adds them up. In a year nobody will care about them.
            2. Counts of a register, exact, to stay secret for thirty years. The server moves the slots of a ciphertext
               by 1 and by 8 places, and the keys that it gets must be small.
            3. Fifty measured values a person, with decimals, encrypted. The server multiplies them by a matrix of
               weights and squares each result, in as few lines of code as possible.

            Give a list of three, from `"1: TenSEAL"`, `"1: Pyfhel"`, `"1: phe"`, `"2: TenSEAL"` and so on.
        """,
        hint="""
            Begin with the job whose data must outlast a quantum computer: which library does that rule out? Then look
            at the rows *product of two ciphertexts*, *move slots* and *times a known matrix*.
        """,
        wanted='a list such as `["1: TenSEAL", "2: phe", "3: Pyfhel"]`',
        name="chosen",
        checker=Words(right=("1: phe", "2: Pyfhel", "3: TenSEAL"), among=_CHOICES),
        wrong=(
            Wrong(
                ["1: phe", "1: Pyfhel", "3: TenSEAL"],
                "Each job gets one library, and each library one job.",
                when=lambda words: len({word[0] for word in words}) < len(words) or len(words) > 3,
            ),
            Wrong(
                ["1: TenSEAL", "2: phe", "3: Pyfhel"],
                "Thirty years, and a key that a quantum computer would break: look at job 2 again.",
                when=lambda words: "2: phe" in words,
            ),
            Wrong(
                ["1: Pyfhel", "2: TenSEAL", "3: phe"],
                "phe cannot multiply one ciphertext by another. How would it square? Look at job 3 again.",
                when=lambda words: "3: phe" in words,
            ),
            Wrong(
                ["1: phe", "2: TenSEAL", "3: Pyfhel"],
                "TenSEAL has no call that moves slots, and Pyfhel none that multiplies by a matrix.",
                when=lambda words: "2: TenSEAL" in words or "3: Pyfhel" in words,
            ),
            Wrong(
                ["1: TenSEAL", "2: Pyfhel"],
                "How many bytes has a ciphertext for one number? Look at job 1 again.",
                when=lambda words: "1: TenSEAL" in words or "1: Pyfhel" in words,
            ),
        ),
        solution='solution = ["1: phe", "2: Pyfhel", "3: TenSEAL"]',
        because="768 bytes in place of 61,000; a call that moves slots, small keys for it, and no known quantum "
        "attack; `@` and products under CKKS. For most other jobs two of the three would do.",
    ),
)
