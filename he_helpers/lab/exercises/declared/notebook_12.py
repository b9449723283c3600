"""The exercises of notebook 12, "Screen a person"."""

from he_helpers.lab.exercises.checkers import Ciphertexts, Numbers
from he_helpers.lab.exercises.exercise import Exercise, Source, Wrong

_SCORE = Ciphertexts(Numbers(-10290))

_ENCRYPTED = """
    import phe
    public_key, private_key = phe.generate_paillier_keypair(n_length=512)
    in_integers = {
        "glucose": 98, "hdl_cholesterol": 48, "systolic_pressure": 122, "body_mass_index": 274, "age": 45, "female": 1,
        "mexican_american": 0, "family_history": 1,
    }
    encrypted = {name: public_key.encrypt(value) for name, value in in_integers.items()}
    weights = {
        "glucose": 79, "hdl_cholesterol": -39, "systolic_pressure": 18, "body_mass_index": 70, "age": 28,
        "female": 661, "mexican_american": 412, "family_history": 481,
    }
    def summed(factor, intercept):
        total = intercept
        for name, weight in weights.items():
            total = encrypted[name] * weight * (1 if name == "body_mass_index" else factor) + total
        return total
"""

EXERCISES = (
    Exercise(
        id="12-1",
        level="think",
        prompt="""
            The "risk" says nothing but the random factor, and is another one each time. Does the factor at least hide
            the glucose from the other users, who all have the same private key?

            Somebody else has used the demonstration three times in one week, with the same glucose. You saw the
            server's encrypted replies pass, and decrypted them, since all users have the same private key: 5647707,
            8145657 and 4606641. You do not know the factors. What is the glucose?
        """,
        hint="Each of the three is the glucose times some whole number. Python has `math.gcd`, after `import math`.",
        wanted="the number",
        name="their_glucose",
        checker=Numbers(117),
        wrong=(
            Wrong(98, "That is your own. Which number divides all three of theirs?"),
            Wrong(3, "It divides all three, but there is a larger one that does."),
            Wrong(
                39,
                "It divides all three, but there is a larger one that does, and a glucose is above 50.",
                when=lambda numbers: numbers.shape == () and numbers.entries[0] in (9, 13, 39),
            ),
            Wrong(5647707, "This is the first reply itself, the glucose times a factor."),
        ),
        solution="""
            import math

            solution = math.gcd(5647707, 8145657, 4606641)
        """,
        because="Random factors seldom have a common divisor: that of a few replies is the value.",
    ),
    Exercise(
        id="12-2",
        level="predict",
        prompt="""
            The division by 1,000 comes after decryption, where it is exact and free. Sums are exact, too: no digit is
            lost.

            One of the eight answers has a decimal itself: a body mass index of 27.4. It is encrypted as the integer
            274, in tenths. Times a coefficient in thousandths, that gives ten-thousandths, and all other products have
            to be brought to the same unit.

            By which integer does the server multiply the encrypted glucose, so that its product is in
            ten-thousandths, too? The coefficient is 0.079, and the glucose is encrypted in whole units.
        """,
        hint="A glucose of 1 must come out as 0.079, written in ten-thousandths.",
        wanted="the integer",
        name="factor_of_glucose",
        checker=Numbers(790),
        wrong=(
            Wrong(79, "That gives thousandths, as in the cell above."),
            Wrong(7900, "That would be hundred-thousandths: one zero too many."),
            Wrong(
                0.079,
                "Paillier multiplies by integers.",
                when=lambda numbers: numbers.shape == () and 0 < numbers.entries[0] < 1,
            ),
            Wrong(
                10, "That makes ten-thousandths of thousandths. The coefficient itself belongs into the factor, too."
            ),
            Wrong(77420, "This is the product with 98; the server knows the coefficient and not the glucose."),
        ),
        solution="solution = 79 * 10",
        because="All products then have four decimals, as that of the body mass index has.",
    ),
    Exercise(
        id="12-3",
        level="write",
        prompt="""
            Be the server: compute the whole score from the ciphertexts in `encrypted`, the thousandths in `weights`
            and the intercept, -13.415. It shall decrypt to ten-thousandths. You do not hold the private key.
        """,
        hint="""
            Let a loop over `weights` add up the products. All but that of the body mass index are multiplied by 10,
            and so is the intercept's -13415.
        """,
        wanted="the ciphertext, before it is decrypted,",
        name="encrypted_score",
        checker=_SCORE,
        wrong=(
            Wrong(
                Source("answer = summed(10, 0)"),
                "The intercept is missing.",
                when=lambda value: _SCORE.decrypts_to(value, 123860),
            ),
            Wrong(
                Source("answer = summed(10, 134150)"),
                "The intercept is below 0.",
                when=lambda value: _SCORE.decrypts_to(value, 258010),
            ),
            Wrong(
                Source("answer = summed(1, 0)"),
                "The intercept is missing, and the products are not in one unit: only the body mass index has tenths.",
                when=lambda value: _SCORE.decrypts_to(value, 29648),
            ),
            Wrong(
                Source("answer = summed(10, -13415)"),
                "The intercept is in thousandths, and the sum in ten-thousandths.",
                when=lambda value: _SCORE.decrypts_to(value, 110445),
            ),
            Wrong(
                Source("answer = summed(1, -13415)"),
                "Only the body mass index is in tenths: the other products, and the intercept, are ten times too small "
                "beside it.",
                when=lambda value: _SCORE.decrypts_to(value, 16233),
            ),
            Wrong(
                Source('answer = summed(10, -134150) + encrypted["body_mass_index"] * 630'),
                "The body mass index is in tenths already; it needs no further factor of 10.",
                when=lambda value: _SCORE.decrypts_to(value, 162330),
            ),
            Wrong(
                Source("answer = summed(10, -13.415)"),
                "The intercept is in whole units, and the sum in ten-thousandths.",
                when=lambda value: _SCORE.decrypts_to(value, 123846.585),
            ),
        ),
        given=_ENCRYPTED,
        key="private_key",
        solution="""
            score = -134150
            for name, weight in weights.items():
                if name != "body_mass_index":
                    weight = weight * 10
                score = encrypted[name] * weight + score
            solution = score
        """,
        because="The person divides by 10,000 and reads -1.0290, as in the clear.",
    ),
    Exercise(
        id="12-4",
        level="think",
        prompt="""
            A man of 52 tells a friend: "My chance is 5.1 %." The friend knows that he is not Mexican American, has a
            parent with diabetes, a glucose of 91, a blood pressure of 118 and a body mass index of 24.2. Which HDL
            cholesterol has he? The coefficients are in `coefficients`, the intercept is -13.415.
        """,
        hint="""
            First go back from the chance $p$ to $x$: it is `math.log(p / (1 - p))`. Then all terms of the sum are
            known but one.
        """,
        wanted="the number",
        name="his_cholesterol",
        checker=Numbers(63, tolerance=0.5),
        wrong=(
            Wrong(-62.9, "A coefficient is below 0: which sign has the unknown term?"),
            Wrong(
                64.2,
                "Almost: the chance has to be divided by what it lacks to 1, before the logarithm.",
                when=lambda numbers: numbers.shape == () and 63.5 < numbers.entries[0] < 65,
            ),
            Wrong(
                20.5,
                "The logarithm is the natural one, `math.log`.",
                when=lambda numbers: numbers.shape == () and 20 < numbers.entries[0] < 21,
            ),
            Wrong(
                406.9,
                "No HDL cholesterol is so high. Is the intercept in your sum?",
                when=lambda numbers: numbers.shape == () and 400 < numbers.entries[0] < 410,
            ),
            Wrong(
                79.8,
                "A term is in your sum that is 0 for him: look at `female` and at the group.",
                when=lambda numbers: (
                    numbers.shape == ()
                    and (79 < numbers.entries[0] < 81 or 73 < numbers.entries[0] < 74 or 90 < numbers.entries[0] < 91)
                ),
            ),
            Wrong(
                750.8,
                "No HDL cholesterol is so high. When the intercept changes sides, it changes its sign.",
                when=lambda numbers: numbers.shape == () and 750 < numbers.entries[0] < 752,
            ),
            Wrong(
                50.6,
                "Is the parent with diabetes in your sum? It is the family history, coded 1.",
                when=lambda numbers: numbers.shape == () and 50 < numbers.entries[0] < 51,
            ),
        ),
        given="""
            import math
            coefficients = {
                "glucose": 0.079, "hdl_cholesterol": -0.039, "systolic_pressure": 0.018, "body_mass_index": 0.070,
                "age": 0.028, "family_history": 0.481,
            }
        """,
        solution="""
            known = {"glucose": 91, "systolic_pressure": 118, "body_mass_index": 24.2,
                     "age": 52, "family_history": 1}
            rest = math.log(0.051 / (1 - 0.051)) + 13.415
            for name, value in known.items():
                rest = rest - coefficients[name] * value
            solution = rest / coefficients["hdl_cholesterol"]
        """,
        because="A rounded percentage gives a blood value to the unit. Encryption ends where the result is told.",
    ),
)
