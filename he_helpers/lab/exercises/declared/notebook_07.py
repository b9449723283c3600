"""The exercises of notebook 07, "Query an encrypted DataFrame"."""

from he_helpers.lab.exercises.checkers import Case, Function, Numbers, Words
from he_helpers.lab.exercises.exercise import Exercise, Wrong

_BY_HAND = """
    import tenseal as ts
    from he_helpers import lab
    population = lab.load_table("population_projections")
    def encrypted_tenths(rows, year, context):
        tenths = (rows[year] * 10).round().astype(int)
        return [ts.bfv_vector(context, [number]) for number in tenths]
"""


def _counts_rows(persons):
    return "release" if len(persons) >= 10 else "refuse"


def _wants_ten_in_each_row(persons):
    return "release" if min(persons) >= 10 else "refuse"


def _more_than_ten(persons):
    return "release" if sum(persons) > 10 else "refuse"


def _releases_all(persons):
    return "release"


def _refuses_all(persons):
    return "refuse"


def _case(persons: list[float], decision: str, call: str = "") -> Case:
    return Case((persons,), Words([decision], ["release", "refuse"]), call)


EXERCISES = (
    Exercise(
        id="07-1",
        level="write",
        prompt="""
            Make a context with enough room, `plain_modulus=4079617` (a prime that allows slots, like the other), and
            add up by hand the men of Middlesbrough in **2022**. Give the decrypted number of persons.
        """,
        hint="""
            The steps are those of the cells above: choose the rows, encrypt them with `encrypted_tenths` under the
            *new* context, add, decrypt. What comes out are tenths.
        """,
        wanted="the number of persons",
        name="men_of_middlesbrough",
        checker=Numbers(69195.2, tolerance=1e-6),
        wrong=(
            Wrong(691952, "These are tenths of a person."),
            Wrong(-34024.1, "This sum has come back at the other end: which context were the rows encrypted with?"),
            Wrong(-340241, "These are tenths, and the sum has come back at the other end: use the new context."),
            Wrong(70980.7, "These are the women."),
            Wrong(69436.0, "These are the men of 2018."),
            Wrong(140175.9, "These are men and women together."),
        ),
        given=_BY_HAND,
        solution="""
            wide = ts.context(ts.SCHEME_TYPE.BFV, 4096, plain_modulus=4079617)
            is_man = (population["AREA"] == "Middlesbrough") & (population["SEX"] == "M")
            first, *others = encrypted_tenths(population[is_man], "2022", wide)
            solution = sum(others, first).decrypt()[0] / 10
        """,
        because="691,952 tenths stay below 2,039,808, half of the new modulus. A larger one leaves less room for "
        "noise.",
    ),
    Exercise(
        id="07-2",
        level="predict",
        prompt="""
            Each question takes as many ciphertexts as its groups have rows: 4, 19 and 2. Together that makes 25.

            The administrator announces a fourth question, the sums by AREA alone. The 152 rows belong in equal parts to
            4 areas. How many ciphertexts does that add to the 25? (Four groups and five years fit into the slots of
            one.)
        """,
        hint="The first row of every group lies in one ciphertext, the second in the next one. How many rows has a "
        "group?",
        wanted="the number of further ciphertexts",
        name="further_ciphertexts",
        checker=Numbers(38),
        wrong=(
            Wrong(4, "The four groups lie side by side in the same ciphertext."),
            Wrong(1, "One ciphertext has one row of each group. Where do the others go?"),
            Wrong(2, "The groups by AREA are larger than those of the question with 2 rows: divide 152 by 4."),
            Wrong(19, "A group by AREA *and* SEX has 19 rows. Now both sexes belong to one group."),
            Wrong(20, "4 times 5 slots are taken in a ciphertext; the question is how many ciphertexts there are."),
            Wrong(63, "So many there are altogether; how many come *in addition*?"),
            Wrong(152, "So many ciphertexts has the layout `Rows`. Here four rows share one."),
            Wrong(190, "The five years lie side by side in the same ciphertext."),
        ),
        solution="solution = 38",
        because="A question takes as many ciphertexts as its largest group has rows: the one with the fewest groups "
        "takes most.",
    ),
    Exercise(
        id="07-3",
        level="think",
        prompt="""
            The rule of ten protects persons. Write it for tables of any kind: `persons` lists, for one group, how many
            persons stand behind each of its rows. The sum of the group may leave if ten persons or more stand
            behind it. What does your rule say about our groups of 2 and of 4 rows?
        """,
        hint="In our table a group of two rows is such a list as `[2882.0, 3035.0]`; in a table of persons it is "
        "`[1, 1]`.",
        wanted="`may_leave`",
        name="rule_of_ten",
        checker=Function(
            "may_leave",
            (
                _case([2882.0, 3035.0], "release"),
                _case([1, 1, 1, 1], "refuse"),
                _case([1] * 19, "release", "may_leave([1] * 19)"),
                _case([3, 4, 2], "refuse"),
                _case([6, 4], "release"),
                _case([0] * 12, "refuse", "may_leave([0] * 12)"),
            ),
        ),
        wrong=(
            Wrong(_counts_rows, "This counts rows. How many persons stand behind a group of two rows of our table?"),
            Wrong(
                _wants_ten_in_each_row,
                "The rows of a group do not leave, only their sum: it need not be ten in each row.",
            ),
            Wrong(_more_than_ten, "Are ten persons enough, or one too few?"),
            Wrong(_releases_all, "It releases a sum about four persons, too."),
            Wrong(_refuses_all, "It refuses everything, a sum about thousands of persons, too."),
        ),
        start="""
            def may_leave(persons):
                if len(persons) >= 10:
                    return "release"
                return "refuse"
        """,
        solution="""
            def has_ten_persons(persons):
                if sum(persons) >= 10:
                    return "release"
                return "refuse"

            solution = has_ten_persons
        """,
        because="All groups of this table may leave, those of 2 and of 4 rows, too: each row is itself a sum over 227 "
        "persons or more. In a table of persons the same groups must stay.",
    ),
)
