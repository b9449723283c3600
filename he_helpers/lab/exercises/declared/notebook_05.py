"""The exercises of notebook 05, "Aggregate without reading"."""

from he_helpers.lab.exercises.checkers import Case, Ciphertexts, Function, Numbers, Words
from he_helpers.lab.exercises.exercise import Exercise, Source, Wrong

_PRACTICE = """
    import tenseal as ts
    no_keys = {
        "save_public_key": False, "save_secret_key": False,
        "save_galois_keys": False, "save_relin_keys": False,
    }
    home = ts.context(ts.SCHEME_TYPE.BFV, 4096, plain_modulus=1032193)
    away = ts.context_from(home.serialize(**no_keys))
    north = ts.bfv_vector_from(away, ts.bfv_vector(home, [93, 57]).serialize())
    south = ts.bfv_vector_from(away, ts.bfv_vector(home, [81, 49]).serialize())
"""

_LINES = (
    "north + south",
    "north * 3",
    "north + [1, 1]",
    "north * south",
    "(north + south).decrypt()",
    "ts.bfv_vector(away, [5, 5])",
)
_WITHOUT_KEYS = _LINES[:3]

_NUMBERS = ([93, 57], [81, 49], [64, 40], [12, 7], [30, 21], [5, 2])


def uploaded(key):
    """Six ciphertexts under the practice key."""
    import tenseal as ts

    return [ts.bfv_vector(key, numbers) for numbers in _NUMBERS]


def first_three(key):
    return uploaded(key), range(3)


def every_second(key):
    return uploaded(key), range(1, 6, 2)


def one_alone(key):
    return uploaded(key), range(4, 5)


TOTALS = Ciphertexts(Numbers([238, 146]))


def gives(numbers):
    """Tells whether the first three ciphertexts were added up to these numbers."""
    return lambda outcomes: bool(outcomes[0].value) and TOTALS.decrypts_to(outcomes[0].value, numbers)


_WHO = (
    "TenSEAL, by an error",
    "the server's own checks",
    "the administrator, who re-computes from the uploaded copy",
    "anybody who has the uploaded ciphertexts and re-computes",
    "the analyst, from the numbers alone",
    "whoever decrypts, from the noise",
)

EXERCISES = (
    Exercise(
        id="05-1",
        level="predict",
        prompt="""
            `north` and `south` are ciphertexts under `away`, which has no keys at all. Which of these six lines work?

            ```python
            north + south
            north * 3
            north + [1, 1]
            north * south
            (north + south).decrypt()
            ts.bfv_vector(away, [5, 5])
            ```

            Give a list of lines, each as text in quotes. Decide before you try.
        """,
        hint="""
            Ask of each line what it needs. Two of them need the secret or the public key. A product of two
            *ciphertexts* has three parts (notebook 02), and TenSEAL at once makes two of them again. A product with a
            number has two.
        """,
        wanted='a list such as `["north + south"]`',
        name="works_without_keys",
        checker=Words(right=_WITHOUT_KEYS, among=_LINES),
        wrong=(
            Wrong(["north + south"], "Adding works. Numbers that are not encrypted can be used without a key, too."),
            Wrong(
                ["north + south", "north * 3", "north + [1, 1]", "ts.bfv_vector(away, [5, 5])"],
                "Encrypting something new takes the public key. Which context has one?",
                when=lambda words: _LINES[5] in words and _LINES[4] not in words,
            ),
            Wrong(
                ["north + south", "(north + south).decrypt()"],
                "If that worked, every operator could read every table: decrypting takes the secret key.",
                when=lambda words: _LINES[4] in words,
            ),
            Wrong(
                ["north + south", "north * 3", "north + [1, 1]", "north * south"],
                "A product of two ciphertexts has a third part; TenSEAL wants relinearisation keys to remove it.",
                when=lambda words: _LINES[3] in words,
            ),
        ),
        given=_PRACTICE,
        solution="""
            lines = [
                "north + south", "north * 3", "north + [1, 1]", "north * south",
                "(north + south).decrypt()", "ts.bfv_vector(away, [5, 5])",
            ]
            solution = []
            for line in lines:
                try:
                    eval(line)  # runs the text as a line of Python
                    solution.append(line)
                except ValueError:
                    continue  # this line does not work
        """,
        because="Sums and known factors need no key, so a table that is only added up travels without any.",
    ),
    Exercise(
        id="05-2",
        level="write",
        prompt="""
            Write a function `add_up(ciphertexts, places)`. `ciphertexts` is a list of vectors of TenSEAL, and `places`
            a range such as the two above. It gives back the sum of those ciphertexts that lie at these places: a
            ciphertext. The check calls it with ciphertexts under your practice key.
        """,
        hint="""
            Begin with the ciphertext at the first place, `ciphertexts[places[0]]`, and add the one at each further
            place in a loop over `places[1:]`.
        """,
        wanted="`add_up`",
        name="adds_up",
        checker=Function(
            "add_up",
            (
                Case(first_three, TOTALS, call="add_up(six, range(0, 3))"),
                Case(every_second, Ciphertexts(Numbers([98, 58])), call="add_up(six, range(1, 6, 2))"),
                Case(one_alone, Ciphertexts(Numbers([30, 21])), call="add_up(six, range(4, 5))"),
            ),
        ),
        wrong=(
            Wrong(
                Source("""
                    def answer(ciphertexts, places):
                        total = ciphertexts[0]
                        for ciphertext in ciphertexts[1:]:
                            total = total + ciphertext
                        return total
                """),
                "It adds up all six ciphertexts, whatever `places` says: those by quarter would be counted, too.",
                when=gives([285, 176]),
            ),
            Wrong(
                Source("""
                    def answer(ciphertexts, places):
                        total = ciphertexts[places[0]]
                        for place in places:
                            total = total + ciphertexts[place]
                        return total
                """),
                "The ciphertext at the first place is counted twice: just what a server must not do.",
                when=gives([331, 203]),
            ),
            Wrong(
                Source("""
                    def answer(ciphertexts, places):
                        total = ciphertexts[places[0]]
                        for place in range(places[0] + 1, places[-1] + 1):
                            total = total + ciphertexts[place]
                        return total
                """),
                "For `add_up(six, range(1, 6, 2))`: It is encrypted, and decrypts to other numbers. 0 of 2 numbers "
                "are right; number 1 is too large.",
            ),
            Wrong(
                Source("""
                    def answer(ciphertexts, places):
                        total = ciphertexts[places[0]]
                        for place in places[1:]:
                            total = total + ciphertexts[place]
                        return total.decrypt()
                """),
                "For `add_up(six, range(0, 3))`: These are the right numbers in the clear: give the ciphertext, before "
                "it is decrypted.",
            ),
        ),
        given=_PRACTICE,
        key="home",
        start="def add_up(ciphertexts, places):\n    return ciphertexts[0]",
        solution="""
            def add_up_solved(ciphertexts, places):
                total = ciphertexts[places[0]]
                for place in places[1:]:
                    total = total + ciphertexts[place]
                return total

            solution = add_up_solved
        """,
        because="Neither the function nor the places need a key: the labels, which are in the open, say where to add.",
    ),
    Exercise(
        id="05-3",
        level="think",
        prompt="""
            The forgery is well formed, has the key's fingerprint and a right digest, and decrypts to numbers that look
            like any others: 7,925,886.20 for the revenue of Centre, in place of 8,131,079.44. Encryption hides; it
            gives no *integrity*.

            Who *can* notice that one ciphertext was added twice, and by what? Choose from:

            ```python
            "TenSEAL, by an error"
            "the server's own checks"
            "the administrator, who re-computes from the uploaded copy"
            "anybody who has the uploaded ciphertexts and re-computes"
            "the analyst, from the numbers alone"
            "whoever decrypts, from the noise"
            ```
        """,
        hint="""
            The operator runs the server, and can change whatever it checks. And what would you see in a revenue of 7.9
            million where 8.1 million is right, if you did not know the right one?
        """,
        wanted="a list of these texts",
        name="can_notice",
        checker=Words(right=_WHO[2:4], among=_WHO),
        wrong=(
            Wrong(
                [_WHO[2]],
                "The administrator can. But what does re-computing take? Nothing that the administrator alone has.",
            ),
            Wrong(
                [_WHO[0], _WHO[2]],
                "TenSEAL has just added them, without a word: it knows of no table and no question.",
                when=lambda words: _WHO[0] in words,
            ),
            Wrong(
                [_WHO[1], _WHO[2], _WHO[3]],
                "The operator decides what the server checks. Nobody can rely on checks of the one who might lie.",
                when=lambda words: _WHO[1] in words,
            ),
            Wrong(
                [_WHO[2], _WHO[3], _WHO[5]],
                "The forgery has as many additions as the honest sum, so its noise is hardly different.",
                when=lambda words: _WHO[5] in words,
            ),
            Wrong(
                [_WHO[2], _WHO[3], _WHO[4]],
                "A sum that is somewhat off looks like any other sum: the numbers alone do not tell.",
                when=lambda words: _WHO[4] in words,
            ),
        ),
        solution="""
            solution = [
                "the administrator, who re-computes from the uploaded copy",
                "anybody who has the uploaded ciphertexts and re-computes",
            ]
        """,
        because="Same ciphertexts, same additions, same bytes: comparing takes a copy, and no key.",
    ),
)
