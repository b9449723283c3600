"""The exercises of notebook 06, "Decide what may be decrypted, and release it"."""

from he_helpers.lab.exercises.checkers import Case, Function, Numbers, Words
from he_helpers.lab.exercises.exercise import Exercise, Source, Wrong

_REQUESTS = (
    "sum by Region",
    "sum by Quarter",
    "sum by Region and Quarter",
    "sum by Region and Branch",
    "count by Branch",
)

_DECISIONS = ("approve", "refuse")
# Amounts of the contributors, the minimum, and what is right.
_GROUPS = (
    ([30, 25, 20, 15, 10], 5, "approve"),
    ([10, 20, 30, 40], 5, "refuse"),
    ([50, 40, 4, 3, 3], 5, "refuse"),
    ([2, 3, 5, 40, 50], 5, "refuse"),
    ([4, 3, 2, 1, 90], 5, "refuse"),
    ([45, 40, 5, 5, 5], 5, "approve"),
    ([11, 12, 13, 14, 15, 16, 17, 18, 19], 10, "refuse"),
    ([90, 5, 5], 5, "refuse"),
)


def may_leave(amounts, minimum):
    """The rule of the exercise."""
    two = sum(sorted(amounts)[-2:])
    return "approve" if len(amounts) >= minimum and two / sum(amounts) <= 0.85 else "refuse"


def approves(amounts, minimum):
    return "approve"


def counts_alone(amounts, minimum):
    return "approve" if len(amounts) >= minimum else "refuse"


def first_two(amounts, minimum):
    return "approve" if len(amounts) >= minimum and sum(amounts[:2]) / sum(amounts) <= 0.85 else "refuse"


def largest_alone(amounts, minimum):
    return "approve" if len(amounts) >= minimum and max(amounts) / sum(amounts) <= 0.85 else "refuse"


def strictly(amounts, minimum):
    two = sum(sorted(amounts)[-2:])
    return "approve" if len(amounts) >= minimum and two / sum(amounts) < 0.85 else "refuse"


def more_than_the_minimum(amounts, minimum):
    return "approve" if len(amounts) > minimum and sum(sorted(amounts)[-2:]) / sum(amounts) <= 0.85 else "refuse"


def either(amounts, minimum):
    return "approve" if len(amounts) >= minimum or sum(sorted(amounts)[-2:]) / sum(amounts) <= 0.85 else "refuse"


def dominance_alone(amounts, minimum):
    return "approve" if sum(sorted(amounts)[-2:]) / sum(amounts) <= 0.85 else "refuse"


def always_five(amounts, minimum):
    return may_leave(amounts, 5)


_LEAKS = (
    "a table that lost one branch, under the same name",
    "a table that lost one branch, under another name",
    "three results that give one branch together",
    "a group of three branches",
    "a sum of which two branches hold 95 %",
    "two results, and a figure that one branch has published",
)
_MISSED = (_LEAKS[1], _LEAKS[2], _LEAKS[5])

EXERCISES = (
    Exercise(
        id="06-1",
        level="predict",
        prompt="""
            Which of these requests does the server turn down?

            ```python
            "sum by Region"
            "sum by Quarter"
            "sum by Region and Quarter"
            "sum by Region and Branch"
            "count by Branch"
            ```
        """,
        hint="For each request, think of its smallest group: how many different branches have a row in it?",
        wanted="a list of these texts",
        name="turned_down",
        checker=Words(right=_REQUESTS[3:], among=_REQUESTS),
        wrong=(
            Wrong(
                list(_REQUESTS[2:]),
                "East in one quarter has only 8 rows. But of how many branches are they?",
                when=lambda words: _REQUESTS[2] in words and _REQUESTS[3] in words,
            ),
            Wrong([_REQUESTS[3]], "That one, yes. A count adds up no amounts, and it, too, has groups."),
            Wrong([_REQUESTS[4]], "That one, yes. Which other request has groups of a single branch?"),
            Wrong([_REQUESTS[2]], "East in one quarter has 8 rows, one from each of its branches: is 8 too few?"),
            Wrong([], "The rule is broken by some of them: look for groups of a single branch."),
        ),
        solution='solution = ["sum by Region and Branch", "count by Branch"]',
        because="Their groups are single branches. A region in one quarter has 8 branches or more.",
    ),
    Exercise(
        id="06-2",
        level="write",
        prompt="""
            Write a function `may_leave(amounts, minimum)`. `amounts` lists what each contributor adds to a sum, in any
            order and none below zero. It gives back `"approve"` if there are at least `minimum` contributors and the
            two largest hold at most 85 % of the sum; else `"refuse"`.
        """,
        hint="`sorted(amounts)[-2:]` are the two largest. What part of `sum(amounts)` is their sum?",
        wanted="`may_leave`",
        name="leaving",
        checker=Function(
            "may_leave",
            tuple(Case((amounts, minimum), Words([right], _DECISIONS)) for amounts, minimum, right in _GROUPS),
        ),
        wrong=(
            Wrong(approves, "It approves whatever is asked."),
            Wrong(counts_alone, "It counts contributors, and refuses nothing for what the two largest hold."),
            Wrong(first_two, "It takes the first two of the list. They come in any order: find the two largest."),
            Wrong(largest_alone, "It asks what the largest one holds. Here the two largest *together* count."),
            Wrong(strictly, "Exactly 85 % is still allowed: the rule says at most."),
            Wrong(more_than_the_minimum, "As many contributors as the minimum are enough: the rule says at least."),
            Wrong(either, "It approves where one of the two conditions holds. Both must."),
            Wrong(dominance_alone, "It asks what the two largest hold, and never how many contributors there are."),
            Wrong(always_five, "The minimum is not always 5: it comes with each call."),
            Wrong(
                Source("""
                    def answer(amounts, minimum):
                        return len(amounts) >= minimum and sum(sorted(amounts)[-2:]) <= 0.85 * sum(amounts)
                """),
                "For `may_leave([30, 25, 20, 15, 10], 5)`: The answer is of the type bool, and words in "
                "quotes are asked for.",
            ),
        ),
        start='def may_leave(amounts, minimum):\n    return "approve"',
        solution="""
            def may_leave_solved(amounts, minimum):
                two_largest = sum(sorted(amounts)[-2:])
                if len(amounts) < minimum or two_largest > 0.85 * sum(amounts):
                    return "refuse"
                return "approve"

            solution = may_leave_solved
        """,
        because="The server can check the first half only: it counts contributors by labels, and sees no amounts.",
    ),
    Exercise(
        id="06-3",
        level="write",
        prompt="""
            Both reviews found nothing. Now be the analyst, who has nothing but the two released tables, `released` and
            `later`. What was the revenue of the branch that closed, over all quarters? Give it with its two decimals.
        """,
        hint='A column minus another one is computed place by place: `released["Revenue"] - later["Revenue"]`.',
        wanted="one number",
        name="revenue_of_one_branch",
        checker=Numbers(830967.66, tolerance=0.01),
        wrong=(
            Wrong(-830967.66, "The size is right. Which of the two tables holds the branch that closed?"),
            Wrong(10603559.47, "This is the whole of North before. What is left when North afterwards is taken away?"),
            Wrong(9772591.81, "This is North without the branch. The branch itself is what is missing here."),
            Wrong(
                830968,
                "That is nearly it. The released sums are exact: do not round them to whole units.",
                when=lambda numbers: len(numbers.entries) == 1 and 830966 < numbers.entries[0] < 830969,
            ),
            Wrong(83096766, "This is in hundredths. The released tables have whole units, with two decimals."),
        ),
        given="""
            import pandas as pd
            regions = ["Centre", "East", "North", "South", "West"]
            revenue = [8131079.44, 5668459.94, 10603559.47, 9462882.66, 5951762.92]
            released = pd.DataFrame({"Revenue": revenue}, index=regions)
            later = released.copy()
            later.loc["North", "Revenue"] = 9772591.81
        """,
        solution="""
            difference = released["Revenue"] - later["Revenue"]
            solution = round(difference["North"], 2)
        """,
        because="Two sums over 15 and 16 branches, each of them allowed, and one subtraction.",
    ),
    Exercise(
        id="06-4",
        level="think",
        prompt="""
            What does the review *miss*? Choose from:

            ```python
            "a table that lost one branch, under the same name"
            "a table that lost one branch, under another name"
            "three results that give one branch together"
            "a group of three branches"
            "a sum of which two branches hold 95 %"
            "two results, and a figure that one branch has published"
            ```
        """,
        hint="It counts contributors, looks at dominance, and compares *pairs* of results on datasets *of one name*.",
        wanted="a list of these texts",
        name="missed",
        checker=Words(right=_MISSED, among=_LEAKS),
        wrong=(
            Wrong(
                [_LEAKS[0], *_MISSED],
                "The last finding was about just that: a table that had lost a branch, under its old name.",
                when=lambda words: _LEAKS[0] in words,
            ),
            Wrong(
                [_LEAKS[3], *_MISSED],
                "Three branches are fewer than five: the server turns such a group down, and the review finds it, too.",
                when=lambda words: _LEAKS[3] in words,
            ),
            Wrong(
                [_LEAKS[4], *_MISSED],
                "That is dominance, which the review computes from the announced sums by region and branch.",
                when=lambda words: _LEAKS[4] in words,
            ),
            Wrong([_LEAKS[1]], "That one you have seen yourself. What else is no *pair of your own results*?"),
        ),
        solution="""
            solution = [
                "a table that lost one branch, under another name",
                "three results that give one branch together",
                "two results, and a figure that one branch has published",
            ]
        """,
        because="What somebody knows otherwise no review can list; against it only noise, or fewer results, helps.",
    ),
)
