"""The exercises of notebook 09, "Predict with a linear model"."""

from he_helpers.lab.exercises.checkers import Ciphertexts, Numbers
from he_helpers.lab.exercises.exercise import Exercise, Source, Wrong

_HUNDREDTHS = Ciphertexts(Numbers(10025))

_KEYS = """
    import phe
    public_key, private_key = phe.generate_paillier_keypair(n_length=512)
    answers = {"age": 35, "healthy_eating": 7, "active_lifestyle": 4, "gender": 1}
    encrypted = {name: public_key.encrypt(answer) for name, answer in answers.items()}
"""

_SERVICE = """
    def ask(age, healthy_eating, active_lifestyle, gender):
        answers = -14671 * age + 4693871 * healthy_eating - 1887074 * active_lifestyle - 106407 * gender
        return (10471621 + answers) / 10**4
"""
_MODEL = [1047.1621, -1.4671, 469.3871, -188.7074, -10.6407]

EXERCISES = (
    Exercise(
        id="09-1",
        level="predict",
        prompt="""
            What will the customer decrypt? Work it out from the company's cell and the four answers (35, 7, 4 and 1),
            before the customer decrypts it below. Then compare it with what the plain model said of this person.
        """,
        hint="Follow the cell line by line: four products, one of each answer, are added up.",
        wanted="the number",
        name="predicted_score",
        checker=Numbers(2481),
        wrong=(
            Wrong(3528, "This has the intercept in it. In which line of the company's cell is that added?"),
            Wrong(
                3516.053, "So the plain model says. The cell on ciphertexts does not compute the same thing: read it."
            ),
            Wrong(
                2493.19,
                "This has the weights with their decimals. Which ones are in the company's cell?",
                when=lambda numbers: numbers.shape == () and 2492 < numbers.entries[0] < 2495,
            ),
            Wrong(4015, "Two of the weights are negative, and so are their products."),
            Wrong(2503, "The last weight is negative: its product is taken away."),
            Wrong(268, "This is the sum of the weights: each is multiplied by an answer first."),
        ),
        solution="solution = 35 * -1 + 7 * 469 + 4 * -189 + 1 * -11",
        because="It is 1,035 less than the plain model says. Rounding is not the cause: it has made the sum 12 larger.",
    ),
    Exercise(
        id="09-2",
        level="write",
        prompt="""
            Why integers, when `phe` can multiply by floats? It writes a float as an integer times a power of 16. The
            power, the *exponent*, travels in the clear, and shows how large the weight is: the two floats above have
            different ones. In fixed point all weights have the same number of decimals, and the exponent is 0.

            Another company gives a discount of $0.5 \\cdot \\text{age} + 12.25 \\cdot \\text{healthy\\_eating} - 3$.
            Compute it from the ciphertexts in `encrypted`, in fixed point with *two* decimals: all factors are
            integers, and so is what the result decrypts to, a hundred times the discount.
        """,
        hint="""
            Multiply each of the three numbers of the formula by 100. Which operation does each of them need: a
            product with a ciphertext, or a sum?
        """,
        wanted="the ciphertext, before it is decrypted,",
        name="discount",
        checker=_HUNDREDTHS,
        wrong=(
            Wrong(
                Source('answer = encrypted["age"] * 50 + encrypted["healthy_eating"] * 1225'),
                "The last number of the formula is missing: it is a kind of intercept.",
                when=lambda value: _HUNDREDTHS.decrypts_to(value, 10325),
            ),
            Wrong(
                Source('answer = encrypted["age"] * 50 + encrypted["healthy_eating"] * 1225 - 3'),
                "The 3 is in whole units, and the products are in hundredths.",
                when=lambda value: _HUNDREDTHS.decrypts_to(value, 10322),
            ),
            Wrong(
                Source('answer = encrypted["age"] * 0.5 + encrypted["healthy_eating"] * 12.25 - 3'),
                "It decrypts to the discount itself: the weights were floats, and their exponents travel in the clear.",
                when=lambda value: _HUNDREDTHS.decrypts_to(value, 100.25),
            ),
            Wrong(
                Source('answer = encrypted["age"] * 50 + encrypted["healthy_eating"] * 1225 + 300'),
                "The 3 is taken away in the formula.",
                when=lambda value: _HUNDREDTHS.decrypts_to(value, 10625),
            ),
            Wrong(
                Source('answer = encrypted["age"] * 50 + encrypted["healthy_eating"] * 12 - 300'),
                "A weight was cut off at the point: 12.25 has two decimals, and both are needed.",
                when=lambda value: _HUNDREDTHS.decrypts_to(value, 1534),
            ),
        ),
        given=_KEYS,
        key="private_key",
        solution='solution = encrypted["age"] * 50 + encrypted["healthy_eating"] * 1225 - 300',
        because="The customer divides by 100 and reads 100.25. With integers as factors, nothing in the clear tells "
        "0.5 from 12.25.",
    ),
    Exercise(
        id="09-3",
        level="think",
        prompt="""
            Find the company's model: the intercept, and the weights of age, healthy eating, active lifestyle and
            gender, in this order. You may use `ask` as often as you like, with any four integers.
        """,
        hint="What does `ask` give when all of the four answers are 0? And what when one of them is 1?",
        wanted="the list of the five numbers, to within 0.01,",
        name="found_model",
        checker=Numbers(_MODEL, tolerance=0.01),
        wrong=(
            Wrong(
                [1047.1621, 1045.695, 1516.5492, 858.4547, 1036.5214],
                "Each of the last four still contains the intercept.",
                when=lambda numbers: len(numbers.entries) == 5 and all(number > 800 for number in numbers.entries),
            ),
            Wrong(
                [10471621, -14671, 4693871, -1887074, -106407],
                "These are the integers of the fixed point; divide them by $10^4$.",
                when=lambda numbers: bool(numbers.entries) and max(map(abs, numbers.entries)) > 10**5,
            ),
            Wrong(
                [1047, -1, 469, -189, -11],
                "These are rounded to whole numbers. How many decimals does `ask` give?",
                when=lambda numbers: numbers.shape == (5,) and all(number % 1 == 0 for number in numbers.entries),
            ),
            Wrong(
                [1020.7543, *_MODEL[1:]],
                "The four weights are right. The first number is the score of somebody whose answers are not all 0: "
                "their share is still in it.",
                when=lambda numbers: (
                    numbers.shape == (5,)
                    and max(abs(one - right) for one, right in zip(numbers.entries[1:], _MODEL[1:], strict=True)) < 0.01
                ),
            ),
            Wrong(_MODEL[1:], "The four weights are there, and the intercept is missing: it comes first."),
            Wrong([*_MODEL[1:], _MODEL[0]], "All five are there; the intercept comes first."),
            Wrong(
                [993.1, -0.59, 466.4, -184.5, 2.3],
                "This is what the data card says of all 1,000 people; the company has trained with 800. Ask it.",
            ),
        ),
        given=_SERVICE,
        solution="""
            found = [ask(0, 0, 0, 0)]
            for question in ([1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]):
                found.append(ask(*question) - found[0])
            solution = found
        """,
        because="Five exact scores give five unknowns. Answers within their ranges would do as well: then it takes a "
        "system of five equations.",
    ),
)
