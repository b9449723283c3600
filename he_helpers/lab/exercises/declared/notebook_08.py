"""The exercises of notebook 08, "Compute statistics"."""

from he_helpers.lab.exercises.checkers import Case, Function, Numbers, Words
from he_helpers.lab.exercises.exercise import Exercise, Wrong

_SUMS = """
    from he_helpers import lab
    study = lab.load_table("heart_study", missing="keep")
    glucose = study[study["TenYearCHD"] == "1"]["glucose"]
    total = int(glucose.sum())
"""

_RELEASED = """
    from he_helpers import lab
    study = lab.load_table("heart_study", missing="keep")
    would_leave = {}
    for label in ("male", "currentSmoker", "TenYearCHD"):
        groups = study.groupby(label)["heartRate"].agg(["size", "count"])
        would_leave[label] = groups.set_axis(["rows", "n(heartRate)"], axis="columns")
"""

_FACTS = ("woman", "man", "smokes", "does not smoke", "fell ill", "did not fall ill")


def _looks_at_rows(rows, counts):
    return "refuse" if rows < 10 else "approve"


def _looks_at_counts(rows, counts):
    return "refuse" if any(0 < number < 10 for number in [rows, *counts]) else "approve"


def _looks_at_gaps(rows, counts):
    return "refuse" if any(0 < rows - count < 10 for count in counts) else "approve"


def _refuses_ten(rows, counts):
    numbers = [rows, *counts, *(rows - count for count in counts)]
    return "refuse" if any(0 < number <= 10 for number in numbers) else "approve"


def _refuses_none(rows, counts):
    numbers = [rows, *counts, *(rows - count for count in counts)]
    return "refuse" if any(number < 10 for number in numbers) else "approve"


def _refuses_a_count_of_none(rows, counts):
    if any(number < 10 for number in [rows, *counts]):
        return "refuse"
    return "refuse" if any(0 < rows - count < 10 for count in counts) else "approve"


def _looks_at_the_first(rows, counts):
    numbers = [rows, counts[0], rows - counts[0]]
    return "refuse" if any(0 < number < 10 for number in numbers) else "approve"


def _case(rows: int, counts: list[int], decision: str) -> Case:
    return Case((rows, counts), Words([decision], ["approve", "refuse"]))


EXERCISES = (
    Exercise(
        id="08-1",
        level="predict",
        prompt="""
            All digits of pandas: nothing was divided under encryption, and the sums are whole numbers, so nothing was
            lost.

            Now somebody forgets the mask: the gaps of these 644 people enter as zeros, and the sum is divided by 644.
            Which mean comes out? First guess whether it is larger or smaller than the right one; then compute it from
            `total`, and give it with its decimals.
        """,
        hint="A zero adds nothing to the sum. What does it add to the number of people?",
        wanted="the wrong mean",
        name="mean_with_zeros",
        checker=Numbers(51783 / 644, tolerance=0.06),
        wrong=(
            Wrong(89.127367, "This is the right mean, over those who have a value."),
            Wrong(80, "Nearly: give it with at least one decimal."),
            Wrong(51783 / 4238, "Divide by the 644 people of this group: the others are not in `total`."),
            Wrong(51783 / 63, "581 people have a value, 63 have none; divide by all of them."),
            Wrong(0, "The zeros do not take the other values away.", when=lambda numbers: numbers.entries == (0,)),
            Wrong(
                100,
                "A zero pulls the mean down, not up.",
                when=lambda numbers: numbers.shape == () and numbers.entries[0] > 89.2,
            ),
        ),
        given=_SUMS,
        solution="solution = total / 644",
        because="Almost 9 mg/dl below the right mean, and nothing in the result shows it. The sum itself is right: "
        "only the divisor needs the mask.",
    ),
    Exercise(
        id="08-2",
        level="think",
        prompt="""
            One person of the study has no heart rate. Read `would_leave`, which holds a table for each of the labels,
            with the analyst's eyes: what does it tell about this person? Of each of the three pairs choose one:
            `"woman"` or `"man"`, `"smokes"` or `"does not smoke"`, `"fell ill"` or `"did not fall ill"`.
        """,
        hint='In each table compare two columns: `would_leave["male"][["rows", "n(heartRate)"]]`. A label is 1 for a '
        "man, for somebody who smokes, and for somebody who fell ill.",
        wanted="the list of three texts",
        name="without_heart_rate",
        checker=Words(["woman", "does not smoke", "did not fall ill"], _FACTS),
        wrong=(
            Wrong(["woman"], "That is right; the two other tables tell more about the same person."),
            Wrong(["man", "smokes", "fell ill"], "These are the groups in which nothing is missing."),
            Wrong(
                ["woman", "man"],
                "Choose one of each pair: the person belongs to one group of each table.",
                when=lambda words: any(
                    {one, other} <= words for one, other in zip(_FACTS[::2], _FACTS[1::2], strict=True)
                ),
            ),
            Wrong(
                ["man", "does not smoke", "did not fall ill"],
                'Look at `would_leave["male"]`: in which row do the two numbers differ?',
                when=lambda words: "man" in words,
            ),
            Wrong(
                ["woman", "smokes", "did not fall ill"],
                'Look at `would_leave["currentSmoker"]`: in which row do the two numbers differ?',
                when=lambda words: "smokes" in words,
            ),
            Wrong(
                ["woman", "does not smoke", "fell ill"],
                'Look at `would_leave["TenYearCHD"]`: in which row do the two numbers differ?',
                when=lambda words: "fell ill" in words,
            ),
        ),
        given=_RELEASED,
        solution="""
            # In which group of each table is one value missing? It is "0" in all of them.
            missing = {}
            for label, groups in would_leave.items():
                missing[label] = groups["rows"] - groups["n(heartRate)"]
            assert all(gaps["0"] == 1 for gaps in missing.values())
            solution = ["woman", "does not smoke", "did not fall ill"]
        """,
        because="Three numbers that each looked harmless tell of one person whether she fell ill.",
    ),
    Exercise(
        id="08-3",
        level="write",
        prompt="""
            The reason would have been false: these sums *do* contain differences below 10. Encrypted masks hide a gap
            from the server, not from whoever gets the sums.

            Small counts leave in another way, too. The sums say that 25 people have had a stroke (`prevalentStroke`),
            and that 18 of these do not smoke. Suppose you refuse the number of the smokers: anybody computes it from
            these two, $25 - 18 = 7$. This is *complementary disclosure*; one of the two has to be refused as well.

            Mend the decision. `rows` is the size of a group, `counts` the list of all counts of it that would leave,
            such as numbers of present values or of yes-answers. Refuse as soon as any number that the analyst can read
            *or compute with `rows`* stands for 1 to 9 people.
        """,
        hint="Besides `rows` and the counts, look at `rows - count` for each count. A difference of 0 tells about "
        "nobody.",
        wanted="`decide_on_group`",
        name="mended_decision",
        checker=Function(
            "decide_on_group",
            (
                _case(644, [644, 581], "approve"),
                _case(3594, [3594, 3593], "refuse"),
                _case(2094, [2094, 7], "refuse"),
                _case(9, [9], "refuse"),
                _case(644, [634, 10], "approve"),
                _case(644, [641], "refuse"),
                _case(644, [0, 644], "approve"),
            ),
        ),
        wrong=(
            Wrong(_looks_at_rows, "This looks at the size of the group alone, as the naive decision did."),
            Wrong(_looks_at_counts, "What does the analyst get by subtracting a count from `rows`?"),
            Wrong(
                _looks_at_gaps, "This looks at the differences alone. Seven smokers with a stroke leave as they are."
            ),
            Wrong(_refuses_ten, "Ten people are enough."),
            Wrong(_refuses_none, "A count or a difference of 0 tells about nobody, and everything would be refused."),
            Wrong(_refuses_a_count_of_none, "A count of 0 tells about nobody: [0, 644] may leave."),
            Wrong(_looks_at_the_first, "`counts` may have several numbers: look at each of them."),
        ),
        start="""
            def decide_on_group(rows, counts):
                if rows < 10:
                    return "refuse"
                return "approve"
        """,
        solution="""
            def mended(rows, counts):
                gaps = [rows - count for count in counts]
                for number in [rows, *counts, *gaps]:
                    if 0 < number < 10:
                        return "refuse"
                return "approve"

            solution = mended
        """,
        because="Now the reason that is written down would be true, for each group by itself.",
    ),
)
