"""The exercises of notebook 13, "Choose parameters"."""

from he_helpers.lab.exercises.checkers import Condition, Conditions, Numbers, Words
from he_helpers.lab.exercises.exercise import Exercise, Source, Wrong

_CONTEXT = """
    import tenseal as ts
    def context_of(n, chain, scale_bits):
        context = ts.context(ts.SCHEME_TYPE.CKKS, n, coeff_mod_bit_sizes=chain)
        context.global_scale = 2**scale_bits
        return context
"""


def _parameters(context):
    return context.seal_context().data.key_context_data().parms()


def _ring(context):
    return _parameters(context).poly_modulus_degree()


def _bits(context):
    return [prime.bit_count() for prime in _parameters(context).coeff_modulus()]


def _is_a_context(context):
    # The native types of SEAL are known to Python only after this.
    import tenseal.sealapi  # noqa: F401

    try:
        return context.is_private() and context.global_scale > 1
    except ValueError:  # TenSEAL's "no global scale"
        return False


def _is_within_the_limit(context):
    from he_helpers.parameters import coefficient_limit

    return sum(_bits(context)) <= coefficient_limit(_ring(context), 128)


def _is_small(context):
    return _ring(context) <= 8192


def _fits_its_primes(context):
    scale = context.global_scale
    return all(abs(2**bits / scale - 1) < 0.01 for bits in _bits(context)[1:-1])


def _cubes(context):
    import tenseal as ts

    vector = ts.ckks_vector(context, [9.5])
    return (vector * vector * vector).decrypt()[0]


def _has_levels(context):
    try:
        _cubes(context)
    except ValueError:
        return False
    return True


def _has_room_for_the_cube(context):
    """After two products two middle primes are gone; the last prime holds no data. A bit is for the sign."""
    from math import log2

    left = sum(_bits(context)[:-3])
    return left - log2(context.global_scale) - 1 >= log2(857.375)


def _is_exact_enough(context):
    return abs(_cubes(context) - 857.375) < 0.01


EXERCISES = (
    Exercise(
        id="13-1",
        level="predict",
        prompt="""
            109 bits are taken, and are about 124 bits of security by the newer table, not 128. 110 are refused, with a
            message that does not say why. Whenever you read "encryption parameters are not set correctly", add up the
            bits first.

            You need the chain `[60, 40, 40, 40, 60]` for three products in a row, with 128 bits of security against
            classical attacks. Which is the smallest `poly_modulus_degree` that the table allows?
        """,
        hint="Add up all five primes, and go down the first column until the number is large enough.",
        wanted="the number",
        name="smallest_ring",
        checker=Numbers(16384),
        wrong=(
            Wrong(8192, "The five primes have more bits together than are allowed there. The last one counts, too."),
            Wrong(4096, "Four thousand coefficients allow about a hundred bits. Add up the five primes."),
            Wrong(32768, "It is allowed, and twice as large as needed: ciphertexts, keys and times double."),
            Wrong(240, "This is the sum of the bits. Which ring allows as many?"),
        ),
        solution="solution = 16384",
        because="The chain has 240 bits. 8,192 allows 214, and 16,384 allows 430.",
    ),
    Exercise(
        id="13-2",
        level="write",
        prompt="""
            Make a context for CKKS under which `x * x * x` is right to 0.01 for $x = 9.5$: at 128 bits by the table,
            and with the smallest ring that does it. The cube is about 857.
        """,
        hint="""
            Two products in a row need two middle primes. Choose the scale by the precision (an error grows with the
            value: 857 is some 400 times the square above), the middle primes by the scale, the first one by the
            largest value, and the ring by the sum of all bits. `context_of` makes the context.
        """,
        wanted="the context",
        name="for_cubes",
        checker=Conditions(
            "a context for CKKS with a secret key",
            (
                Condition("It has no secret key, or no scale.", _is_a_context),
                Condition(
                    "The chain has more bits than the table allows at this ring: about 124 bits of security, or fewer.",
                    _is_within_the_limit,
                ),
                Condition("It works, and there is a smaller ring for as many bits.", _is_small),
                Condition("A middle prime and the scale do not belong together.", _fits_its_primes),
                Condition("The second product finds no level: `scale out of bounds`.", _has_levels),
                Condition(
                    "857 and its sign do not fit into what the first prime has above the scale.", _has_room_for_the_cube
                ),
                Condition("The cube is off by more than 0.01: the scale is too short.", _is_exact_enough),
            ),
        ),
        wrong=(
            Wrong(
                Source("answer = context_of(8192, [60, 40, 60], 40)"),
                "The second product finds no level: `scale out of bounds`.",
            ),
            Wrong(
                Source("answer = context_of(8192, [60, 48, 48, 60], 48)"),
                "The chain has more bits than the table allows at this ring: about 124 bits of security, or fewer.",
            ),
            Wrong(
                Source("answer = context_of(16384, [60, 40, 40, 60], 40)"),
                "It works, and there is a smaller ring for as many bits.",
            ),
            Wrong(
                Source("answer = context_of(8192, [60, 40, 40, 60], 30)"),
                "A middle prime and the scale do not belong together.",
            ),
            Wrong(
                Source("answer = context_of(8192, [40, 21, 21, 40], 21)"),
                "The cube is off by more than 0.01: the scale is too short.",
            ),
            Wrong(
                Source("answer = context_of(8192, [48, 40, 40, 48], 40)"),
                "857 and its sign do not fit into what the first prime has above the scale.",
            ),
            Wrong(
                Source("answer = ts.context(ts.SCHEME_TYPE.CKKS, 8192, coeff_mod_bit_sizes=[60, 40, 40, 60])"),
                "It has no secret key, or no scale.",
            ),
        ),
        given=_CONTEXT,
        solution="solution = context_of(8192, [60, 40, 40, 60], 40)",
        because="200 bits, and 214 are allowed at 8,192. The cube of 9.5 is right to about a thousandth.",
    ),
    Exercise(
        id="13-3",
        level="think",
        prompt="""
            Encrypted medical data must stay secret for thirty years. Somebody records the ciphertexts today. Which of
            the schemes should you not choose, if a quantum computer may exist by then? Choose from `BFV`, `CKKS`,
            `Paillier`.
        """,
        hint="Which of them rests on factoring, and which on ring learning with errors?",
        wanted='a list of words, such as `["BFV"]`,',
        name="not_for_long",
        checker=Words(right=("Paillier",), among=("BFV", "CKKS", "Paillier")),
        wrong=(
            Wrong([], "For one of the three an algorithm is known."),
            Wrong(
                ["BFV", "CKKS"],
                "These two rest on ring learning with errors, for which no such algorithm is known.",
                when=lambda words: words == {"BFV", "CKKS"},
            ),
            Wrong(
                ["BFV", "CKKS", "Paillier"],
                "One of them falls to a known algorithm; the others can be used with a chain from the quantum column.",
                when=lambda words: len(words) > 1,
            ),
        ),
        solution='solution = ["Paillier"]',
        because="Shor's algorithm factors. That none is known for lattices is an observation, and no proof.",
    ),
)
