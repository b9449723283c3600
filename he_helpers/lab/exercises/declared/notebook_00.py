"""The exercises of notebook 00, "Start here"."""

from he_helpers.lab.exercises.checkers import Numbers, Words
from he_helpers.lab.exercises.exercise import Exercise, Wrong

_TENSEAL = """
    import tenseal as ts
    context = ts.context(ts.SCHEME_TYPE.BFV, 4096, plain_modulus=1032193)
    encrypted_total = ts.bfv_vector(context, [93, 57]) + ts.bfv_vector(context, [81, 49])
"""

EXERCISES = (
    Exercise(
        id="00-1",
        level="write",
        prompt="""
            This is the first exercise: a text, a cell for your answer, and a solution. Put the answer in the place of
            `lab.your_turn("00-1")`, and run the cell: it says what is wrong with an answer. You can try as often as you
            like, and also go on and come back later. Hint and solution are folded; the three dots below the answer
            unfold the solution's code.

            A third branch, west, reports a revenue of 70 and expenses of 44. Encrypt them under the same context, add
            them to `encrypted_total`, and decrypt the total of the three branches.
        """,
        hint="""
            `encrypted_total` is a ciphertext like any other: `+` takes it as it is. The lines that you need are like
            the last three of the cell with the five lines.
        """,
        wanted="the list that you decrypt",
        name="three_branches",
        checker=Numbers([244, 150]),
        wrong=(
            Wrong([70, 44], "This is the west alone: add the total of the other two."),
            Wrong([174, 106], "This is still the total of two branches: `+` gives a new ciphertext."),
            Wrong([163, 101], "The south is missing: add to `encrypted_total`, not to `encrypted_north`."),
            Wrong([174, 106, 70, 44], "`+` has joined two Python lists. Add the ciphertexts, and decrypt the result."),
            Wrong(394, "This is revenue plus expenses. Give both totals, in a list, as `decrypt()` does."),
        ),
        given=_TENSEAL,
        solution="""
            encrypted_west = ts.bfv_vector(context, [70, 44])
            solution = (encrypted_total + encrypted_west).decrypt()
        """,
        because="One more addition, and one decryption at the end: nobody had to open the west's ciphertext by itself.",
    ),
    Exercise(
        id="00-2",
        level="predict",
        prompt="""
            The context holds whole numbers from -516,096 to 516,096: one for each remainder of a division by the
            *plaintext modulus*, 1,032,193. A sum beyond the upper end comes out smaller by the whole modulus. North and
            south report a revenue of 300,000 each, and the two ciphertexts are added. Which number does `decrypt()`
            show? Say it before you try it.
        """,
        hint="The sum in the clear is 600,000. Is it beyond the upper end? Then what is left of it?",
        wanted="the number",
        name="shown",
        checker=Numbers(-432_193, modulus=1_032_193),
        wrong=(
            Wrong(600_000, "This is the sum in the clear, and it does not lie between the two ends."),
            Wrong(432_193, "The size is right. Is 600,000 minus 1,032,193 above or below zero?"),
            Wrong(516_096, "The sum does not stop at the upper end: it goes on from the lower end."),
            Wrong(-432_192, "Nearly: from the upper end to the lower one is a step, too. Take away the modulus."),
            Wrong(83_904, "This is smaller by half of the modulus: take away the whole of it."),
            Wrong(0, "The sum is not lost: another number comes out."),
        ),
        given=_TENSEAL,
        solution="""
            large = ts.bfv_vector(context, [300_000])
            solution = (large + large).decrypt()[0]
        """,
        because="It wraps around without a warning: whoever chooses a context must know how large a sum can become.",
    ),
    Exercise(
        id="00-3",
        level="think",
        prompt="""
            A hospital encrypts the blood values of 200 patients, and uploads them. A server adds them up by ward when a
            doctor asks for it. What can the people who run the server read? Choose from

            - `values`: the blood values,
            - `rows`: how many there are,
            - `wards`: which row belongs to which ward,
            - `time`: when they were uploaded,
            - `question`: what the doctor asked,
            - `sums`: the sum of each ward.
        """,
        hint="Go through the list above this exercise. What does the server need, in order to add up the right rows?",
        wanted='a list of words, such as `["values", "sums"]`,',
        name="readable",
        checker=Words(
            right=("rows", "wards", "time", "question"),
            among=("values", "rows", "wards", "time", "question", "sums"),
        ),
        wrong=(
            Wrong(
                ["values", "wards"],
                "The values are encrypted, and the server has no secret key.",
                when=lambda words: "values" in words,
            ),
            Wrong(
                ["wards", "sums"],
                "The sums are ciphertexts as well: adding opens none.",
                when=lambda words: "sums" in words,
            ),
            Wrong(
                ["rows", "time", "question"],
                "How would the server add up by ward, if it did not know which row belongs to which?",
                when=lambda words: bool(words) and "wards" not in words,
            ),
            Wrong(
                ["rows", "wards", "time"],
                "What did the doctor send to the server, and in which form?",
                when=lambda words: bool(words) and "question" not in words,
            ),
        ),
        solution='solution = ["rows", "wards", "time", "question"]',
        because="Encryption hides the numbers; how many, of which ward, when, and the question stay in the open.",
    ),
)
