"""The exercises of the notebooks 14, "Mend broken programs" and "Mend more broken programs".

Most show a symptom, and the program is to be mended. The first notebook has those up to 14-8.
"""

from functools import lru_cache

from he_helpers.lab.exercises.checkers import Case, Condition, Conditions, Function, Numbers, Words
from he_helpers.lab.exercises.exercise import Exercise, Source, Wrong

# Imported in the notebook's first code cell.
_IMPORTS = """
import numpy as np
import tenseal as ts
from phe import paillier
from Pyfhel import Pyfhel
from he_helpers.parameters import plaintext_prime
"""
_SQUARE = """
def square(values):
    context = ts.context(
        ts.SCHEME_TYPE.CKKS, 8192, coeff_mod_bit_sizes=[60, 30, 60]
    )
    context.global_scale = 2**40
    vector = ts.ckks_vector(context, values)
    return (vector * vector).decrypt()
"""
_CUBE = """
def cube(values):
    context = ts.context(
        ts.SCHEME_TYPE.CKKS, 8192, coeff_mod_bit_sizes=[60, 40, 60]
    )
    context.global_scale = 2**40
    vector = ts.ckks_vector(context, values)
    return (vector * vector * vector).decrypt()
"""
_PAYROLL = """
def payroll(salaries):
    context = ts.context(
        ts.SCHEME_TYPE.BFV, 4096, plain_modulus=1032193
    )
    total = ts.bfv_vector(context, [salaries[0]])
    for salary in salaries[1:]:
        total = total + ts.bfv_vector(context, [salary])
    return total.decrypt()[0]
"""
_FOURTH = """
def fourth_power(values):
    context = ts.context(
        ts.SCHEME_TYPE.BFV, 4096, plain_modulus=1032193
    )
    vector = ts.bfv_vector(context, values)
    square = vector * vector
    return (square * square).decrypt()
"""
_WEIGH = """
def weigh(values, weight):
    context = ts.context(
        ts.SCHEME_TYPE.CKKS, 8192, coeff_mod_bit_sizes=[60, 40, 60]
    )
    context.global_scale = 2**40
    return (ts.ckks_vector(context, values) * weight).decrypt()
"""
_ADD_SLOTS = """
def add_slots(values):
    context = ts.context(
        ts.SCHEME_TYPE.CKKS, 8192, coeff_mod_bit_sizes=[60, 40, 60]
    )
    context.global_scale = 2**40
    return ts.ckks_vector(context, values).sum().decrypt()[0]
"""
_KEY_MESSAGE = """
def key_message():
    context = ts.context(
        ts.SCHEME_TYPE.BFV, 4096, plain_modulus=1032193
    )
    return context.serialize(save_secret_key=True)
"""
_FOR_A_SUM = """
def for_a_sum():
    context = ts.context(
        ts.SCHEME_TYPE.CKKS, 8192, coeff_mod_bit_sizes=[60, 40, 60]
    )
    context.global_scale = 2**40
    context.generate_galois_keys()
    return context.serialize()
"""
_WEIGHTED = """
public_key, private_key = paillier.generate_paillier_keypair(n_length=1024)

def weighted(amounts, weights):
    total = public_key.encrypt(0)
    for amount, weight in zip(amounts, weights):
        total = total + public_key.encrypt(amount) * weight
    return private_key.decrypt(total)
"""
_MEAN = """
def mean(values):
    context = ts.context(
        ts.SCHEME_TYPE.CKKS, 8192, coeff_mod_bit_sizes=[40, 20, 40]
    )
    context.global_scale = 2**20
    total = ts.ckks_vector(context, [0.0])
    for value in values:
        total = total + ts.ckks_vector(context, [value])
    return (total * (1 / len(values))).decrypt()[0]
"""
_KEEP = """
def keep(value):
    context = ts.context(
        ts.SCHEME_TYPE.CKKS, 8192, coeff_mod_bit_sizes=[40, 20, 40]
    )
    context.global_scale = 2**62
    return ts.ckks_vector(context, [value]).decrypt()[0]
"""
_ENGINE = """
def engine():
    helper = Pyfhel()
    helper.contextGen(
        scheme="bfv", n=8192, t_bits=20, qi_sizes=[60] * 5, sec=0
    )
    return helper
"""


def _broken(program: str, symptom: str) -> str:
    return f"{program.strip()}\n\n{symptom}"


def _answer(program: str, *changes: tuple[str, str]) -> Source:
    """A program with these changes, as an answer."""
    name = program.partition("def ")[2].partition("(")[0]
    for old, new in changes:
        assert old in program, old
        program = program.replace(old, new)
    return Source(f"{program.strip()}\n\nanswer = {name}")


def _mended(program: str, *changes: tuple[str, str]) -> str:
    return _answer(program, *changes).lines.replace("\nanswer = ", "\nsolution = ")


def _gives(*numbers, distance=1, case=0):
    """Tells whether that call gave about these numbers; one of them stands for a number that is no list, too."""

    def tells(outcomes):
        if len(outcomes) <= case or outcomes[case].value is None:
            return False
        entries = outcomes[case].value.entries
        pairs = zip(entries, numbers, strict=False)
        return len(entries) == len(numbers) and all(abs(entry - number) <= distance for entry, number in pairs)

    return tells


def _is_garbage(outcomes):
    """Whether the first call gave two numbers far beyond the fourth powers of 7 and 11, or their squares."""
    value = outcomes[0].value
    return value is not None and value.shape == (2,) and max(map(abs, value.entries)) > 15_000


def _first_case_alone(outcomes):
    return not outcomes[0].said and bool(outcomes[1].said)


def _says(words):
    """Tells whether the first call failed with these words."""
    return lambda outcomes: words in outcomes[0].said


def _is_divided_by_a_power_of_two(outcomes):
    """Whether the first amount, 600,000, came out too small by 2, 4, 8 and so on."""
    return any(_gives(600_000 / 2**bits, distance=600_000 / 2**bits / 1000)(outcomes) for bits in range(1, 20))


def _fits_but_is_off(outcomes):
    """Whether both amounts, 600,000 and two million, came out within two per cent: nothing has wrapped around."""
    return _gives(600_000, distance=12_000)(outcomes) and _gives(2_000_000, distance=40_000, case=1)(outcomes)


def _amounts_and_weights(key):
    import numpy as np

    return [4, 5], np.array([2, 3])


def _a_negative_weight(key):
    import numpy as np

    return [4, 5], np.array([1, -1])


@lru_cache(maxsize=1)
def _loaded(message):
    """The context in these bytes, which each condition looks at and none changes."""
    import tenseal as ts

    return ts.context_from(message)


def _holds_no_secret_key(message):
    return not _loaded(message).is_private()


def _can_encrypt(message):
    return _loaded(message).has_public_key()


def _cannot_rotate(message):
    return not _loaded(message).has_galois_keys()


def _is_small(message):
    return len(message) < 1000


def _can_add(message):
    import tenseal as ts

    owner = ts.context(ts.SCHEME_TYPE.CKKS, 8192, coeff_mod_bit_sizes=[60, 40, 60])
    owner.global_scale = 2**40
    sent = ts.ckks_vector(owner, [3.0]).serialize()
    server = _loaded(message)
    try:
        total = ts.ckks_vector_from(server, sent) + ts.ckks_vector_from(server, sent)
    except RuntimeError:  # The ciphertext does not fit to other parameters.
        return False
    return abs(ts.ckks_vector_from(owner, total.serialize()).decrypt()[0] - 6.0) < 0.001


def _is_bfv(helper):
    return helper.scheme.name == "bfv"


def _has_the_ring(helper):
    return helper.n == 8192


def _has_room(helper):
    return helper.t > 2**19


def _meets_the_standard(helper):
    """HomomorphicEncryption.org v1.1: 128 bits, classical, ternary secret, ring dimension 8192."""
    return sum(prime.bit_length() for prime in helper.qi) <= 218


EXERCISES = (
    Exercise(
        id="14-1",
        level="predict",
        prompt="""
            A program squares under CKKS with `coeff_mod_bit_sizes=[60, 30, 60]` and `global_scale = 2**40`. The product
            has the scale $2^{80}$. TenSEAL divides it by the middle prime, of 30 bits, and then takes it for granted
            that the scale is $2^{40}$ again. By which factor is the decrypted square too large, about?
        """,
        hint="Which scale does the product really have after the division? And with which one is it read?",
        wanted="the factor",
        name="factor",
        checker=Numbers(1024, tolerance=16),
        wrong=(
            Wrong(2**50, "This is the scale that the product has. It is read with another one: divide the two."),
            Wrong(2**40, "This is the scale with which it is read, not how much too large the result is."),
            Wrong(2**20, "Look at the exponents again: what is 80 - 30, and what is expected?"),
            Wrong(10, "These are the bits by which the scale is too large. A bit doubles."),
        ),
        solution="solution = 2**80 / 2**30 / 2**40",
        because="$2^{80} / 2^{30} = 2^{50}$, read as $2^{40}$: a thousand times too large, and no word about it.",
    ),
    Exercise(
        id="14-2",
        level="write",
        prompt="""
            **Symptom.** The squares of 2 and 3 are thousands. There is no error. It is the commonest failure of all.
            Mend `square`.
        """,
        hint="The middle prime and the scale belong together. Either of them may follow the other.",
        wanted="`square`",
        name="squaring",
        checker=Function("square", (Case(([2.0, 3.0],), [4, 9]), Case(([0.5, 7.0],), [0.25, 49])), tolerance=0.01),
        wrong=(
            Wrong(
                _answer(_SQUARE),
                "It is as it was: compare the middle prime with the scale.",
                when=_gives(4096, 9216, distance=10),
            ),
            Wrong(
                _answer(_SQUARE, ("2**40", "2**20")),
                "Now the product is divided by more than its scale, and nearly nothing is left of it.",
                when=_gives(0, 0, distance=0.1),
            ),
            Wrong(
                _answer(_SQUARE, ("[60, 30, 60]", "[60, 60]")),
                "For `square([2.0, 3.0])` it stops with an error: ValueError: scale out of bounds.",
            ),
            Wrong(
                _answer(_SQUARE, ("(vector * vector).decrypt()", "vector.decrypt()")),
                "It gives the values back, and not their squares.",
                when=_gives(2, 3, distance=0.1),
            ),
        ),
        given=_IMPORTS + _SQUARE,
        start=_broken(_SQUARE, 'squares = square([2.0, 3.0])\nprint("squares:", [round(value) for value in squares])'),
        solution=_mended(_SQUARE, ("[60, 30, 60]", "[60, 40, 60]")),
        because="`global_scale` is $2$ to the bits of each middle prime, always.",
    ),
    Exercise(
        id="14-3",
        level="write",
        prompt="""
            **Symptom.** `ValueError: scale out of bounds`, at the second product. Mend `cube`. The
            `poly_modulus_degree` stays 8192, for which the stricter of two published tables
            of security allows 214 bits, all primes together.
        """,
        hint="Each product after another uses up a middle prime. How many does a cube need?",
        wanted="`cube`",
        name="cubing",
        checker=Function("cube", (Case(([2.0, 3.0],), [8, 27]), Case(([-1.0, 0.5],), [-1, 0.125])), tolerance=0.01),
        wrong=(
            Wrong(_answer(_CUBE), "For `cube([2.0, 3.0])` it stops with an error: ValueError: scale out of bounds."),
            Wrong(
                _answer(_CUBE, ("[60, 40, 60]", "[60, 40, 40, 40, 60]")),
                "It stops before anything is multiplied: these are too many bits for this ring. Add up all primes.",
                when=_says("not set correctly"),
            ),
            Wrong(
                _answer(_CUBE, ("vector * vector * vector", "vector * vector")),
                "It squares, and a cube is asked for.",
                when=_gives(4, 9),
            ),
        ),
        given=_IMPORTS + _CUBE,
        start=_broken(_CUBE, "try:\n    cube([2.0, 3.0])\nexcept ValueError as error:\n    print(error)"),
        solution=_mended(_CUBE, ("[60, 40, 60]", "[60, 40, 40, 60]")),
        because="Two products one after the other need two middle primes: 200 bits, and 214 are allowed.",
    ),
    Exercise(
        id="14-4",
        level="write",
        prompt="""
            **Symptom.** `scale out of bounds` again, and nothing was multiplied: it comes when 1.5 is encrypted. Mend
            `keep`, and leave the primes as they are.
        """,
        hint="All primes but the last are for data. How many bits do they have together, and how many has the scale?",
        wanted="`keep`",
        name="keeping",
        checker=Function("keep", (Case((1.5,), 1.5), Case((-20.25,), -20.25)), tolerance=0.01),
        wrong=(
            Wrong(
                _answer(_KEEP),
                "It is as it was: the scale is still larger than the product of the primes for data.",
                when=lambda outcomes: "scale out of bounds" in outcomes[0].said,
            ),
            Wrong(
                _answer(_KEEP, ("2**62", "2**57")),
                "The scale fits, and leaves too few bits for the whole part and its sign.",
                when=_first_case_alone,
            ),
            Wrong(
                _answer(_KEEP, ("2**62", "2**4")),
                "The scale is so small now that the noise is larger than what comes after the point.",
                when=lambda outcomes: outcomes[0].value is not None and bool(outcomes[0].said),
            ),
        ),
        given=_IMPORTS + _KEEP,
        start=_broken(_KEEP, "try:\n    keep(1.5)\nexcept ValueError as error:\n    print(error)"),
        solution=_mended(_KEEP, ("2**62", "2**20")),
        because="The message says: the scale is larger than the primes that are left, whatever the reason.",
    ),
    Exercise(
        id="14-5",
        level="write",
        prompt="""
            **Symptom.** 600,000 times 1.0 is about -448,576. 500,000 comes out right. Mend `weigh` for amounts up to
            two million; a deviation of 50 is good enough.
        """,
        hint="""
            After the product only the first prime is left, of 60 bits. The value shares it with the scale: how many
            bits remain for the whole part and its sign?
        """,
        wanted="`weigh`",
        name="weighing",
        checker=Function(
            "weigh", (Case(([600_000.0], 1.0), [600_000]), Case(([2_000_000.0], 1.0), [2_000_000])), tolerance=50
        ),
        wrong=(
            Wrong(
                _answer(_WEIGH),
                "It is as it was: 60 - 40 - 1 bits hold numbers up to half a million.",
                when=_gives(-448_576, distance=100),
            ),
            Wrong(
                _answer(_WEIGH, ("2**40", "2**36")),
                "The scale has changed alone. The middle prime has to follow it.",
                when=_is_divided_by_a_power_of_two,
            ),
            Wrong(
                _answer(_WEIGH, ("60, 40, 60", "60, 39, 60"), ("2**40", "2**39")),
                "The first amount is right, and two million do not fit: more bits are needed for the whole part.",
                when=_gives(-97_152, distance=100, case=1),
            ),
            Wrong(
                _answer(_WEIGH, ("60, 40, 60", "60, 30, 60"), ("2**40", "2**30")),
                "The amounts fit, and are off by more than 50. The shorter a middle prime, the farther it is from its "
                "scale: take off fewer bits.",
                when=_fits_but_is_off,
            ),
        ),
        given=_IMPORTS + _WEIGH,
        start=_broken(_WEIGH, "for value in (500_000.0, 600_000.0):\n    print(round(weigh([value], 1.0)[0], -1))"),
        solution=_mended(_WEIGH, ("60, 40, 60", "60, 36, 60"), ("2**40", "2**36")),
        because="First prime minus scale minus one for the sign: so many bits are for the whole part, once the other "
        "primes are used up. Passing them is silent.",
    ),
    Exercise(
        id="14-6",
        level="think",
        prompt="""
            **Symptom.** The mean of 100 and 200 is about 152.4, in every run: all means are too large by 1.6 %. Mend
            `mean` so that it is right to a hundredth. There are two ways, and one is enough.
        """,
        hint="""
            A product is divided by the middle prime, of 20 bits, and no such prime is exactly $2^{20}$; longer primes
            are nearer to their scale. So either make the difference small, or have nothing divided by that prime.
        """,
        wanted="`mean`",
        name="averaging",
        checker=Function("mean", (Case(([100.0, 200.0],), 150), Case(([1.0, 2.0, 6.0],), 3)), tolerance=0.01),
        wrong=(
            Wrong(
                _answer(_MEAN),
                "It is as it was: every product is read with a scale that is not quite the true one.",
                when=_gives(152.4, distance=0.2),
            ),
            Wrong(
                _answer(_MEAN, (").decrypt()[0]", ").decrypt()[0] / 1.016")),
                "Nearer, and not right to a hundredth. A factor found by trying fits one prime and no other; a longer "
                "scale has primes that are nearer to it.",
                when=_gives(150, distance=0.5),
            ),
            Wrong(
                _answer(_MEAN, ("(total * (1 / len(values)))", "total")),
                "This is the sum.",
                when=_gives(300),
            ),
        ),
        given=_IMPORTS + _MEAN,
        start=_broken(_MEAN, 'print("mean:", round(mean([100.0, 200.0]), 1))'),
        solution=_mended(
            _MEAN,
            ("(total * (1 / len(values))).decrypt()[0]", "total.decrypt()[0] / len(values)"),
        ),
        because="Send the sum and divide after decryption: nothing is rescaled. The other way is a longer scale with "
        "its middle prime: with 40 bits a product is off by $10^{-7}$ of its value.",
    ),
    Exercise(
        id="14-7",
        level="write",
        prompt="""
            **Symptom.** Four salaries of 300,000 add up to 167,807. No error. Mend `payroll` for totals up to ten
            million. A new plaintext modulus must be a prime that leaves 1 when divided by 8192:
            `plaintext_prime(bits, 4096)` from `he_helpers.parameters` finds one.
        """,
        hint="Slots hold numbers between minus and plus half of the plaintext modulus. How many bits does that take?",
        wanted="`payroll`",
        name="paying",
        checker=Function("payroll", (Case(([300_000] * 4,), 1_200_000), Case(([2_500_000] * 4,), 10_000_000))),
        wrong=(
            Wrong(_answer(_PAYROLL), "It is as it was: 1,200,000 is beyond half of 1,032,193.", when=_gives(167_807)),
            Wrong(
                _answer(_PAYROLL, ("1032193", "4079617")),
                "The first payroll fits now. Ten million do not: twice that must be below the modulus.",
                when=_gives(1_840_766, case=1),
            ),
            Wrong(
                _answer(_PAYROLL, ("1032193", "33554432")),
                "Any number will not do: batching needs a prime that leaves 1 when it is divided by 8192.",
                when=lambda outcomes: "not valid for batching" in outcomes[0].said,
            ),
            Wrong(
                _answer(_PAYROLL, ("return total.decrypt()[0]", "return total.decrypt()[0] % 1032193 + 1032193")),
                "One payroll is right now, by luck: a remainder does not tell how often it has wrapped around.",
                when=_gives(10_000_000 % 1032193 + 1032193, case=1),
            ),
            Wrong(
                _answer(_PAYROLL, ("1032193", "plaintext_prime(24, 4096)")),
                "The first payroll fits now. Ten million do not: the largest number is *half* of the modulus.",
                when=_first_case_alone,
            ),
        ),
        given=_IMPORTS + _PAYROLL,
        start=_broken(_PAYROLL, 'print("total:", payroll([300_000] * 4))'),
        solution=_mended(_PAYROLL, ("1032193", "plaintext_prime(25, 4096)")),
        because="Twenty million and one takes 25 bits. BFV cannot warn: the ciphertext does not know what is inside.",
    ),
    Exercise(
        id="14-8",
        level="write",
        prompt="""
            **Symptom.** The fourth powers of 7 and 11 are other numbers in each run, and 2,401 and 14,641 in none. The
            plaintext modulus is large enough for them. Mend `fourth_power`.
        """,
        hint="Notebook 02 measured what is left of the noise budget after two products. What gives more of it?",
        wanted="`fourth_power`",
        name="raising",
        checker=Function("fourth_power", (Case(([7, 11],), [2401, 14641]), Case(([-3, 20],), [81, 160_000]))),
        wrong=(
            Wrong(
                _answer(_FOURTH),
                "The noise has reached the message: there is room for one product only.",
                when=_is_garbage,
            ),
            Wrong(
                _answer(_FOURTH, ("(square * square)", "square")),
                "This is the square. A fourth power takes one more product, and more room.",
                when=_gives(49, 121),
            ),
            Wrong(
                _answer(_FOURTH, ("4096, plain_modulus=1032193", "8192, plain_modulus=114689")),
                "There is room for the noise now. But with this modulus, 160,000 wraps around.",
                when=_first_case_alone,
            ),
        ),
        given=_IMPORTS + _FOURTH,
        start=_broken(_FOURTH, 'for value in fourth_power([7, 11]):\n    print("fourth power:", lab.measured(value))'),
        solution=_mended(_FOURTH, ("4096", "8192")),
        because="A ring of 8192 allows a `coeff_modulus` twice as long: three times the room, in longer ciphertexts.",
    ),
    Exercise(
        id="14-9",
        level="write",
        prompt="""
            **Symptom.** `ValueError: the current context doesn't hold a Galois keys`. Mend `add_slots`.
        """,
        hint="The sum moves the slots of one ciphertext over each other. Which keys does moving need?",
        wanted="`add_slots`",
        name="adding_slots",
        checker=Function("add_slots", (Case(([1.0, 2.0, 3.0],), 6), Case(([0.5] * 10,), 5)), tolerance=0.001),
        wrong=(
            Wrong(
                _answer(_ADD_SLOTS),
                "Keys of the kind that the message names are still missing. A context makes each kind when asked to.",
                when=_says("Galois"),
            ),
            Wrong(
                _answer(_ADD_SLOTS, (".sum().decrypt()[0]", ".decrypt()")),
                "These are the values: nobody has added them up.",
                when=lambda outcomes: "list of" in outcomes[0].said or "table" in outcomes[0].said,
            ),
            Wrong(
                _answer(_ADD_SLOTS, (".sum().decrypt()[0]", ".decrypt()[0]")),
                "This is the first slot alone.",
                when=_gives(1),
            ),
        ),
        given=_IMPORTS + _ADD_SLOTS,
        start=_broken(
            _ADD_SLOTS, "try:\n    add_slots([1.0, 2.0, 3.0])\nexcept ValueError as error:\n    print(error)"
        ),
        solution=_mended(_ADD_SLOTS, ("    return ts", "    context.generate_galois_keys()\n    return ts")),
        because="Galois keys move slots, relinearisation keys shorten products. TenSEAL makes the latter by itself.",
    ),
    Exercise(
        id="14-10",
        level="think",
        prompt="""
            **Symptom.** None at all. `key_message` makes the bytes that a branch gets in order to encrypt and upload
            its numbers, and everything works. Look at what the receiver can do with them, and mend it: the branch
            shall be able to encrypt, and not to decrypt.
        """,
        hint="`is_private()` tells whether a context holds the secret key. What does `serialize` save by itself?",
        wanted="`key_message`",
        name="sending",
        checker=Function(
            "key_message",
            (
                Case(
                    (),
                    Conditions(
                        "the bytes of a context",
                        (
                            Condition(
                                "The receiver can decrypt: the secret key is still among the bytes.",
                                _holds_no_secret_key,
                            ),
                            Condition("The receiver cannot encrypt: the public key is missing.", _can_encrypt),
                        ),
                    ),
                ),
            ),
        ),
        wrong=(
            Wrong(
                _answer(_KEY_MESSAGE),
                "For `key_message()`: The receiver can decrypt: the secret key is still among the bytes.",
            ),
            Wrong(
                _answer(_KEY_MESSAGE, ("save_secret_key=True", "save_public_key=False")),
                "For `key_message()`: The receiver cannot encrypt: the public key is missing.",
            ),
            Wrong(
                _answer(_KEY_MESSAGE, (".serialize(save_secret_key=True)", "")),
                "For `key_message()`: The answer is of the type Context, and the bytes of a context is asked for "
                "(TypeError: A bytes-like object is required, not 'Context').",
                when=lambda outcomes: "of the type Context" in outcomes[0].said,
            ),
        ),
        given=_IMPORTS + _KEY_MESSAGE,
        start=_broken(
            _KEY_MESSAGE,
            'received = ts.context_from(key_message())\nprint("the receiver can decrypt:", received.is_private())',
        ),
        solution=_mended(_KEY_MESSAGE, ("serialize(save_secret_key=True)", "serialize()")),
        because="Whoever holds the secret key can read everything. Nothing reminds you: look before you send.",
    ),
    Exercise(
        id="14-11",
        level="predict",
        prompt="""
            A Galois key has, for each prime but the last, two polynomials with all the bits of the modulus. So its
            length grows with the number of primes without the last, and with the bits of all primes together. The 24
            Galois keys above have about 17.5 MB, for `coeff_mod_bit_sizes=[60, 40, 60]`. How many megabytes, about,
            do those for `[60, 40, 40, 60]` have?
        """,
        hint="Two primes without the last become three. And how many bits do all primes have, before and after?",
        wanted="the number of megabytes",
        name="megabytes",
        checker=Numbers(33, tolerance=1),
        wrong=(
            Wrong(17.5, "This is the length for the shorter chain. More primes make every key longer."),
            Wrong(
                26.25,
                "There are three pairs of polynomials in the place of two. And each polynomial has more bits, too.",
            ),
            Wrong(
                21.875,
                "Each polynomial has 200 bits in the place of 160. And there are more polynomials, too.",
            ),
            Wrong(35, "Only the middle primes have doubled. Count all but the last, and the bits of all."),
        ),
        solution="solution = 17.5 * (3 / 2) * (200 / 160)",
        because="A ring of 16,384 with five primes makes about 117 MB of them: such contexts people wonder about.",
    ),
    Exercise(
        id="14-12",
        level="write",
        prompt="""
            **Symptom.** The message that lets a server *add* has megabytes. Mend `for_a_sum`: less than a
            kilobyte will do.
        """,
        hint="`serialize` has a switch for each kind of key. Which of them does an addition use?",
        wanted="`for_a_sum`",
        name="shortening",
        checker=Function(
            "for_a_sum",
            (
                Case(
                    (),
                    Conditions(
                        "the bytes of a context",
                        (
                            Condition("It holds the secret key, which no server gets.", _holds_no_secret_key),
                            Condition("It still holds Galois keys, and nothing is moved.", _cannot_rotate),
                            Condition("It is still larger than a kilobyte: other keys are in it.", _is_small),
                            Condition("A server cannot add under it: keep the parameters as they are.", _can_add),
                        ),
                    ),
                ),
            ),
        ),
        wrong=(
            Wrong(_answer(_FOR_A_SUM), "For `for_a_sum()`: It still holds Galois keys, and nothing is moved."),
            Wrong(
                _answer(_FOR_A_SUM, ("    context.generate_galois_keys()\n", "")),
                "For `for_a_sum()`: It is still larger than a kilobyte: other keys are in it.",
            ),
            Wrong(
                _answer(_FOR_A_SUM, ("serialize()", "serialize(save_secret_key=True, save_galois_keys=False)")),
                "For `for_a_sum()`: It holds the secret key, which no server gets.",
            ),
        ),
        given=_IMPORTS + _FOR_A_SUM,
        start=_broken(_FOR_A_SUM, 'print("message:", lab.measured(len(for_a_sum()) / 1e3, "kB"))'),
        solution=_mended(
            _FOR_A_SUM,
            ("    context.generate_galois_keys()\n", ""),
            (
                "serialize()",
                "serialize(\n        save_public_key=False, save_galois_keys=False, save_relin_keys=False\n    )",
            ),
        ),
        because="Adding uses no key. What is left are the parameters.",
    ),
    Exercise(
        id="14-13",
        level="write",
        prompt="""
            **Symptom.** `TypeError: Don't know the precision of type <class 'numpy.int64'>`, from phe. Mend `weighted`;
            the caller's weights stay a numpy array.
        """,
        hint="Python's own integers are what phe knows. Where does a number of numpy meet an encrypted one?",
        wanted="`weighted`",
        name="weighting",
        checker=Function(
            "weighted",
            (
                Case(_amounts_and_weights, 23, call="weighted([4, 5], np.array([2, 3]))"),
                Case(_a_negative_weight, -1, call="weighted([4, 5], np.array([1, -1]))"),
            ),
        ),
        wrong=(
            Wrong(
                _answer(_WEIGHTED),
                "It is as it was: the weight is still one of numpy when it meets the encrypted amount.",
                when=lambda outcomes: "Don't know the precision" in outcomes[0].said,
            ),
            Wrong(
                _answer(_WEIGHTED, ("(amount) * weight", "(amount)")),
                "This adds the amounts without any weight.",
                when=_gives(9),
            ),
            Wrong(
                _answer(_WEIGHTED, ("(amount) * weight", "(amount) * abs(int(weight))")),
                "A weight can be negative.",
                when=_first_case_alone,
            ),
        ),
        given=_IMPORTS + _WEIGHTED,
        start=_broken(
            _WEIGHTED,
            "try:\n    weighted([4, 5], np.array([2, 3]))\nexcept TypeError as error:\n    print(error)",
        ),
        solution=_mended(_WEIGHTED, ("(amount) * weight", "(amount) * int(weight)")),
        because="`int(x)`, at the border to phe. `np.int64(3)` times a ciphertext works, the other way round not.",
    ),
    Exercise(
        id="14-14",
        level="write",
        prompt="""
            **Symptom.** None: Pyfhel takes the parameters, and five primes of 60 bits give much room. Then somebody
            looks at the table of 2018: at $n = 8192$ the modulus may have 218 bits. Mend `engine`; the ring and a
            plaintext modulus of 20 bits stay.
        """,
        hint="`sec=0` turns Pyfhel's own check off. What does `sec` say when you want 128 bits?",
        wanted="`engine`",
        name="securing",
        checker=Function(
            "engine",
            (
                Case(
                    (),
                    Conditions(
                        "an object of Pyfhel",
                        (
                            Condition("It is none for BFV any more.", _is_bfv),
                            Condition("The ring has changed: $n$ stays 8192.", _has_the_ring),
                            Condition("The modulus is longer than 218 bits at this ring.", _meets_the_standard),
                            Condition("The plaintext modulus has fewer than 20 bits.", _has_room),
                        ),
                    ),
                ),
            ),
        ),
        wrong=(
            Wrong(_answer(_ENGINE), "For `engine()`: The modulus is longer than 218 bits at this ring."),
            Wrong(
                _answer(_ENGINE, ("n=8192", "n=16384")),
                "For `engine()`: The ring has changed: $n$ stays 8192.",
            ),
            Wrong(
                _answer(_ENGINE, ("t_bits=20, qi_sizes=[60] * 5, sec=0", "t_bits=17, sec=128")),
                "For `engine()`: The plaintext modulus has fewer than 20 bits.",
            ),
            Wrong(
                _answer(
                    _ENGINE,
                    (
                        '"bfv", n=8192, t_bits=20, qi_sizes=[60] * 5, sec=0',
                        '"ckks", n=8192, scale=2**40, qi_sizes=[60, 40, 60]',
                    ),
                ),
                "For `engine()`: It is none for BFV any more.",
            ),
        ),
        given=_IMPORTS + _ENGINE,
        start=_broken(
            _ENGINE, 'bits = [prime.bit_length() for prime in engine().qi]\nprint("bits of the modulus:", sum(bits))'
        ),
        solution=_mended(_ENGINE, ("t_bits=20, qi_sizes=[60] * 5, sec=0", "t_bits=20, sec=128")),
        because="With `sec=128` Pyfhel takes 218 bits of its own choice, and ignores `qi_sizes` for BFV in silence. "
        "The stricter table of 2024 allows 214.",
    ),
    Exercise(
        id="14-15",
        level="think",
        prompt="""
            Look back at both notebooks. Which of these programs gave *wrong numbers* and no error? Choose from
            `square`, `cube`, `keep`, `weigh`, `mean`, `payroll`, `fourth_power`, `add_slots`.
        """,
        hint="Go back to the symptoms: where did an error stand below the program?",
        wanted='a list of names, such as `["cube", "weigh"]`,',
        name="silent",
        checker=Words(
            right=("square", "weigh", "mean", "payroll", "fourth_power"),
            among=("square", "cube", "keep", "weigh", "mean", "payroll", "fourth_power", "add_slots"),
        ),
        wrong=(
            Wrong(
                ["cube", "keep", "add_slots"],
                "These are those that spoke.",
                when=lambda words: words == {"cube", "keep", "add_slots"},
            ),
            Wrong(
                ["square", "payroll", "fourth_power", "weigh", "cube"],
                "`cube` ran out of levels: what did TenSEAL print?",
                when=lambda words: "cube" in words,
            ),
            Wrong(
                ["square", "weigh", "mean", "payroll", "fourth_power", "keep"],
                "`keep` had a scale that was too large: what did TenSEAL print?",
                when=lambda words: "keep" in words,
            ),
            Wrong(
                ["payroll", "fourth_power", "weigh", "add_slots"],
                "`add_slots` missed its keys: what did TenSEAL print?",
                when=lambda words: "add_slots" in words,
            ),
            Wrong(
                ["payroll", "fourth_power"],
                "BFV is silent about both of its failures. CKKS speaks of levels; of what else does it not speak?",
                when=lambda words: words == {"payroll", "fourth_power"},
            ),
            Wrong(
                ["square", "weigh", "payroll", "fourth_power"],
                "These four, yes. One more was wrong by so little that nobody may notice.",
                when=lambda words: words == {"square", "weigh", "payroll", "fourth_power"},
            ),
        ),
        solution='solution = ["square", "weigh", "mean", "payroll", "fourth_power"]',
        because="Most failures are silent: compare with the clear once, on made-up data, before anybody relies on it.",
    ),
)
