"""The exercises of notebook 06, "Decide what may be decrypted, and release it"."""

from he_helpers.lab.exercises.checkers import Numbers, Words
from he_helpers.lab.exercises.exercise import Exercise, Wrong

_REQUESTS = (
    "sum by Region",
    "sum by Quarter",
    "sum by Region and Quarter",
    "sum by Region and Branch",
    "count by Branch",
)

_LEAKS = (
    "a table that lost one branch, under the same name",
    "a table that lost one branch, under another name",
    "three results that give one branch together",
    "a group of three branches",
    "a sum of which two branches hold 95 %",
    "two results, and a figure that one branch has published",
)
_MISSED = (_LEAKS[1], _LEAKS[5])

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
        id="06-3",
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
        hint="It counts contributors, looks at dominance, and puts together all results that you approved on a dataset "
        "*of one name*.",
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
                [*_MISSED, _LEAKS[2]],
                "However many results were approved on a dataset, it looks at what they tell together.",
                when=lambda words: _LEAKS[2] in words,
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
            Wrong([_LEAKS[1]], "That one you have seen yourself. What else is in none of *your own results*?"),
        ),
        solution="""
            solution = [
                "a table that lost one branch, under another name",
                "two results, and a figure that one branch has published",
            ]
        """,
        because="What somebody knows from elsewhere no review can list; only noise, or fewer results, helps.",
    ),
)
