"""Exercises that no notebook has, of each kind of answer: the tests made from a declaration run on them too."""

from he_helpers.lab.exercises.checkers import Case, Ciphertexts, Condition, Conditions, Function, Numbers, Words
from he_helpers.lab.exercises.exercise import Exercise, Source, Wrong


def difference(a, b):
    return a - b


def product(a, b):
    return a * b


def joined(a, b):
    return [a, b]


A_FUNCTION = Exercise(
    id="90-1",
    level="write",
    prompt="Write a function that adds.",
    hint="It has one line.",
    wanted="`add`",
    name="adding",
    checker=Function("add", (Case((3, 4), 7), Case((0.5, 0.25), 0.75), Case((0, 0), 0)), tolerance=1e-9),
    wrong=(
        Wrong(difference, "This takes the second number away."),
        Wrong(product, "This multiplies."),
        Wrong(joined, "This makes a list of two numbers."),
        Wrong(
            Source("def answer(a, b):\n    print(a + b)"),
            "For `add(3, 4)` it prints something and gives None back: end it with `return`.",
        ),
        Wrong(
            Source("def answer(a):\n    return a"),
            "It is called with 2 arguments, `add(3, 4)`, and defined as `add(a)`.",
        ),
    ),
    start="def add(a, b):\n    return 0",
    solution="""
        def add(a, b):
            return a + b

        solution = add
    """,
    because="One line.",
)


DECISIONS = ("approve", "refuse")
CONTRIBUTORS = ({"contributors": 12}, {"contributors": 10}, {"contributors": 9})

A_DECISION = Exercise(
    id="90-2",
    level="think",
    prompt="Write a function that decides on a request: ten contributors or more are needed.",
    hint="Compare, and give back a word.",
    wanted="`decide`",
    name="deciding",
    checker=Function(
        "decide",
        tuple(
            Case((request,), Words(["approve" if request["contributors"] >= 10 else "refuse"], DECISIONS))
            for request in CONTRIBUTORS
        ),
    ),
    wrong=(
        Wrong(lambda request: "approve", "It approves whatever is asked."),
        Wrong(lambda request: "refuse", "It refuses whatever is asked."),
        Wrong(
            lambda request: "approve" if request["contributors"] > 10 else "refuse",
            "Are ten contributors enough, or one too few?",
        ),
    ),
    solution="""
        def decide(request):
            return "approve" if request["contributors"] >= 10 else "refuse"

        solution = decide
    """,
    because="A minimum is met by the number itself.",
)


BFV = """
    import tenseal as ts
    context = ts.context(ts.SCHEME_TYPE.BFV, 4096, plain_modulus=1032193)
    north = ts.bfv_vector(context, [93, 57])
    south = ts.bfv_vector(context, [81, 49])
"""
TOTALS = Ciphertexts(Numbers([174, 106]))

A_CIPHERTEXT = Exercise(
    id="90-3",
    level="write",
    prompt="Add the two without decrypting them.",
    hint="A plus sign.",
    wanted="the ciphertext",
    name="encrypted_sum",
    checker=TOTALS,
    wrong=(
        Wrong(
            Source("answer = north"),
            "This is the north alone.",
            when=lambda value: TOTALS.decrypts_to(value, [93, 57]),
        ),
        Wrong(
            Source("answer = north * south"),
            "This is the product.",
            when=lambda value: TOTALS.decrypts_to(value, [93 * 81, 57 * 49]),
        ),
        Wrong(
            Source("answer = (north + south).decrypt()"),
            "These are the right numbers in the clear: give the ciphertext, before it is decrypted.",
        ),
        Wrong(
            Source("answer = north - south"),
            "It is encrypted, and decrypts to other numbers. 0 of 2 numbers are right; number 1 is too small.",
        ),
    ),
    given=BFV,
    key="context",
    solution="solution = north + south",
    because="Nobody had to decrypt.",
)


def adds(key):
    """Two ciphertexts under the key of the notebook."""
    import tenseal as ts

    return ts.bfv_vector(key, [3, 1]), ts.bfv_vector(key, [4, 1])


A_FUNCTION_OF_CIPHERTEXTS = Exercise(
    id="90-4",
    level="write",
    prompt="Write a function that adds two ciphertexts.",
    hint="A plus sign.",
    wanted="`add`",
    name="adding_encrypted",
    checker=Function("add", (Case(adds, Ciphertexts(Numbers([7, 2])), call="add(Enc(3, 1), Enc(4, 1))"),)),
    wrong=(
        Wrong(
            Source("def answer(a, b):\n    return a"),
            "For `add(Enc(3, 1), Enc(4, 1))`: It is encrypted, and decrypts to other numbers. 0 of 2 numbers are "
            "right; number 1 is too small.",
        ),
        Wrong(
            Source("def answer(a, b):\n    return (a + b).decrypt()"),
            "For `add(Enc(3, 1), Enc(4, 1))`: These are the right numbers in the clear: give the ciphertext, before it "
            "is decrypted.",
        ),
        Wrong(
            Source("def answer(a, b):\n    return a.plus(b)"),
            "For `add(Enc(3, 1), Enc(4, 1))` it stops with an error: AttributeError: 'BFVVector' object has no "
            "attribute 'plus'.",
        ),
    ),
    given=BFV,
    key="context",
    solution="def add(a, b):\n    return a + b\n\nsolution = add",
    because="The server needs no key.",
)


def keeps_no_secret_key(answer):
    context, _ = answer
    return not context.is_private()


def adds_up(answer):
    _, total = answer
    return abs(total - 7.5) < 1e-3


def meets_128_bits(answer):
    from he_helpers.parameters import coefficient_limit

    context, _ = answer
    data = context.seal_context().data.key_context_data()
    return data.total_coeff_modulus_bit_count() <= coefficient_limit(data.parms().poly_modulus_degree(), 128)


BROKEN = """
    import tenseal as ts

    def program(bits=(58, 50, 50, 60), public=False):
        context = ts.context(ts.SCHEME_TYPE.CKKS, 8192, coeff_mod_bit_sizes=list(bits))
        context.global_scale = 2**40
        total = (ts.ckks_vector(context, [3.0]) + ts.ckks_vector(context, [4.5])).decrypt()[0]
        if public:
            context.make_context_public()
        return context, total
"""

A_MENDED_PROGRAM = Exercise(
    id="90-5",
    level="think",
    prompt="Mend the program: what it gives back goes to the server.",
    hint="Which part of the context must stay?",
    wanted="`program`",
    name="mended",
    checker=Function(
        "program",
        (
            Case(
                (),
                Conditions(
                    "a context and a number",
                    (
                        Condition("The context still holds the secret key.", keeps_no_secret_key),
                        Condition("The modulus is too large for 128 bits at this ring dimension.", meets_128_bits),
                        Condition("The total is wrong.", adds_up),
                    ),
                ),
            ),
        ),
    ),
    wrong=(
        Wrong(Source("answer = program"), "For `program()`: The context still holds the secret key."),
        Wrong(
            Source("def answer():\n    return program(public=True)"),
            "For `program()`: The modulus is too large for 128 bits at this ring dimension.",
        ),
        Wrong(
            Source(
                "def answer():\n    context, total = program((60, 40, 60), public=True)\n    return context, 2 * total"
            ),
            "For `program()`: The total is wrong.",
        ),
        Wrong(
            Source("def answer():\n    return program((60, 40, 60), public=True)[1]"),
            "For `program()`: The answer is of the type float, and a context and a number is asked for (TypeError: "
            "cannot unpack non-iterable float object).",
        ),
    ),
    given=BROKEN,
    start=BROKEN,
    solution="def mended():\n    return program((60, 40, 60), public=True)\n\nsolution = mended",
    because="The secret key stays, and 160 bits are fewer than 214.",
)

EXAMPLES = (A_FUNCTION, A_DECISION, A_CIPHERTEXT, A_FUNCTION_OF_CIPHERTEXTS, A_MENDED_PROGRAM)
