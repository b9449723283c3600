"""The exercises of notebook 18, "See what answers tell"."""

from itertools import combinations, product

import numpy as np
import pandas as pd

from he_helpers.lab.exercises.checkers import Case, Function, Numbers, Questions, Words
from he_helpers.lab.exercises.exercise import Exercise, Wrong

_SUBTRACTIONS = (
    "Depot North - Region North",
    "Region East - Depot East",
    "Region North - Region East",
    "Coffee yes - Bread yes",
)

_LEAKS = (
    "a difference of two results",
    "three results that tell one branch together",
    "a gap: one person without heart rate",
    "a sum of which one branch has nine tenths",
    "the same table, uploaded under another name",
    "an amount that a branch has published itself",
)


def town(seed: int, twins: tuple[int, int]) -> pd.DataFrame:
    """60 branches with 20 labels of yes and no. Those at the two places differ in one branch, all others in many."""
    generator = np.random.default_rng(seed)
    answers = np.array([generator.permutation(60) < 30 for _ in range(20)])
    answers[twins[1]] = answers[twins[0]]
    answers[twins[1], seed] ^= True
    names = [f"label {place}" for place in range(1, 21)]
    index = [f"branch {place}" for place in range(1, 61)]
    return pd.DataFrame(np.where(answers.T, "yes", "no"), index=index, columns=names)


_TOWNS = {"town_1": town(1, (3, 14)), "town_2": town(2, (18, 6)), "town_3": town(3, (9, 10))}


def _cases() -> tuple[Case, ...]:
    return tuple(
        Case((labels,), Questions(labels, minimum=5, most=10), call=f"ten_questions({name})")
        for name, labels in _TOWNS.items()
    )


def _differences(labels):
    """In how many branches each two labels differ; column by column pandas would take a second for a judgement."""
    answers = {name: labels[name].to_numpy() for name in labels}
    return {(one, other): int((answers[one] != answers[other]).sum()) for one, other in product(labels, repeat=2)}


def _first_ten(labels):
    return list(labels)[:10]


def _everything(labels):
    return list(labels)


def _only_one_of_them(labels):
    differences = _differences(labels)
    return [pair[0] for pair in combinations(labels, 2) if differences[pair] < 5]


def _most_different(labels):
    pairs = sorted(combinations(labels, 2), key=_differences(labels).__getitem__)
    return list(dict.fromkeys([*pairs[-1], *pairs[-2]]))


def _with_themselves(labels):
    chosen = []
    for pair, difference in _differences(labels).items():
        if difference < 5:
            chosen += pair
    return chosen[:10]


def _nothing(labels):
    return []


def _fixed(labels):
    return ["label 4", "label 15"]


EXERCISES = (
    Exercise(
        id="18-1",
        level="predict",
        prompt="""
            The labels are in the open: everybody can see which branch is in which group. Which of these
            subtractions gives the revenue of *one* branch?

            ```python
            "Depot North - Region North"
            "Region East - Depot East"
            "Region North - Region East"
            "Coffee yes - Bread yes"
            ```
        """,
        hint="Which branches are in the first group and not in the second? And are any in the second, and not in the "
        "first?",
        wanted="a list of these texts",
        name="gives_one_branch",
        checker=Words(right=_SUBTRACTIONS[:2], among=_SUBTRACTIONS),
        wrong=(
            Wrong([_SUBTRACTIONS[0]], "That one, yes. East 08 is missing somewhere else, too."),
            Wrong([_SUBTRACTIONS[1]], "That one, yes. East 08 has been counted somewhere else, too."),
            Wrong(
                list(_SUBTRACTIONS[:3]),
                "North and East have no branch in common: 16 branches less 8 others are no branch.",
                when=lambda words: _SUBTRACTIONS[2] in words,
            ),
            Wrong(
                [*_SUBTRACTIONS[:2], _SUBTRACTIONS[3]],
                "Coffee and bread are sold by 16 branches each, and nearly all of these are different ones.",
                when=lambda words: _SUBTRACTIONS[3] in words,
            ),
            Wrong([], "Look at East 08: which groups is it in?"),
        ),
        solution='solution = ["Depot North - Region North", "Region East - Depot East"]',
        because="Both give East 08, with a plus sign: each first group holds all of the second, and East 08 besides. "
        "A question by region *and* depot would be refused, for there East 08 is alone. It is a *complementary cell*: "
        "a refused one that is computed from released ones, the total minus the others.",
    ),
    Exercise(
        id="18-2",
        level="write",
        prompt="""
            Both subtractions are of *two* results, and a review that compares in pairs finds them. Now take three, of
            which no two tell anything.

            Coffee is sold by the branches 01 to 03 of each region, and by West 10. Bread is sold by the branches 04 to
            06 of each region, and by West 10. Cheese is sold by the branches 01 to 06. Each of the
            three has a sum of those that say yes. Which combination of these sums leaves West 10 alone? Compute the
            revenue of West 10 from `answers`, and give it as a whole number.
        """,
        hint="Add coffee and bread. Who is in that sum once, and who twice? Then take cheese away. "
        '`answers["Revenue by Coffee"].loc["yes", "Revenue"]` is the sum of coffee.',
        wanted="one number",
        name="revenue_of_west_10",
        checker=Numbers(234326),
        wrong=(
            Wrong(468652, "West 10 sells coffee *and* bread: how often is it in this sum?"),
            Wrong(134429, "Coffee less bread: both have 15 other branches, which do not cancel."),
            Wrong(10613973, "Coffee and bread together: 30 branches of these sell cheese as well."),
            Wrong(5374201, "This is all of coffee: West 10 and 15 others. Which sums take the others away?"),
            Wrong(5239772, "This is all of bread: West 10 and 15 others. Which sums take the others away?"),
            Wrong(4771120, "Cheese less coffee: the 15 branches of bread are left, and West 10 is taken away."),
            Wrong(4905549, "Cheese less bread: the 15 branches of coffee are left, and West 10 is taken away."),
            Wrong(-468652, "Cheese is what is taken away. And how often is West 10 in coffee and bread together?"),
            Wrong(-234326, "The size is right. Cheese is what is taken away."),
            Wrong(10145321, "This is all of cheese, 30 branches, and West 10 is none of them."),
        ),
        given="""
            import pandas as pd
            def sums(no, yes):
                return pd.DataFrame({"Revenue": [no, yes]}, index=["no", "yes"])
            answers = {
                "Revenue by Coffee": sums(14725707, 5374201),
                "Revenue by Bread": sums(14860136, 5239772),
                "Revenue by Cheese": sums(9954587, 10145321),
            }
        """,
        solution="""
            yes = {}
            for label in ("Coffee", "Bread", "Cheese"):
                yes[label] = answers[f"Revenue by {label}"].loc["yes", "Revenue"]
            solution = int(yes["Coffee"] + yes["Bread"] - yes["Cheese"]) // 2
        """,
        because="In coffee and bread together the 30 branches of cheese are once, and West 10 twice. This is a "
        "*tracker* of three results; each is a sum over 16 branches or more.",
    ),
    Exercise(
        id="18-3",
        level="write",
        prompt="""
            Every leak is found. The order counts: bread and cheese came first, so coffee is refused, and `Region` after
            `Depot`. A refusal tells something, too: that two groupings differ in few branches. The labels told that
            before.

            Now the game. A town has 60 branches and 20 labels of yes and no. The review has a minimum of 5
            contributors and nothing else, and every group of every label has more. You may ask ten questions, each
            a sum by one label. Write `ten_questions(labels)`: `labels` has a row for each branch and a column for
            each label, named `label 1` to `label 20`, and the function gives a list of at most ten of these names.
            You win if the answers together tell a sum of fewer than 5 branches.

            It is played in three towns. Then the same questions are put to a review with the ledger.
        """,
        hint="Two labels tell something when they nearly agree. `for first, second in combinations(labels, 2):` goes "
        "through all pairs of names, and `(labels[first] != labels[second]).sum()` says in how many branches they "
        "differ.",
        wanted="`ten_questions`",
        name="attack",
        checker=Function("ten_questions", _cases()),
        wrong=(
            Wrong(_first_ten, "Ten labels that have nothing to do with each other tell nothing: compare them first."),
            Wrong(_everything, "These are 20 questions, and 10 are allowed."),
            Wrong(_only_one_of_them, "You found labels that nearly agree, and ask one of the two. What is subtracted?"),
            Wrong(_most_different, "These differ in very many branches: so many stand behind the difference, too."),
            Wrong(_with_themselves, "Each label agrees with itself, and that fills the list: take two different ones."),
            Wrong(_nothing, "The list is empty, so nothing is asked: no two labels pass your comparison."),
            Wrong(_fixed, "This wins in the first town alone: look for the labels in the table that you get."),
        ),
        given="from itertools import combinations",
        start="""
            def ten_questions(labels):
                return list(labels)[:10]
        """,
        solution="""
            def questions(labels):
                chosen = []
                for first, second in combinations(labels, 2):
                    differ = (labels[first] != labels[second]).sum()
                    if differ < 5:
                        chosen += [first, second]
                return chosen[:10]

            solution = questions
        """,
        because="The minimum looks at one question at a time. The ledger refuses the second of the two labels, and the "
        "rest tells nothing, whatever is added and subtracted.",
    ),
    Exercise(
        id="18-4",
        level="think",
        prompt="""
            Which of these does the *ledger* not see, so that another rule, noise or your own care has to help?

            ```python
            "a difference of two results"
            "three results that tell one branch together"
            "a gap: one person without heart rate"
            "a sum of which one branch has nine tenths"
            "the same table, uploaded under another name"
            "an amount that a branch has published itself"
            ```
        """,
        hint="The ledger knows which rows are in which group, and which questions about this dataset were approved. It "
        "knows no amount.",
        wanted="a list of these texts",
        name="not_seen_by_the_ledger",
        checker=Words(right=_LEAKS[2:], among=_LEAKS),
        wrong=(
            Wrong(
                list(_LEAKS[1:]),
                "Two results or three make no difference to it: it looks at all combinations.",
                when=lambda words: _LEAKS[0] in words or _LEAKS[1] in words,
            ),
            Wrong(list(_LEAKS[3:]), "A gap hides in the amounts of a single result: which rule found it?"),
            Wrong([_LEAKS[2], *_LEAKS[4:]], "Who has how much of a sum is seen in the amounts only."),
            Wrong(list(_LEAKS[2:5]), "Where would the ledger have read of a figure that a branch has published?"),
            Wrong([*_LEAKS[2:4], _LEAKS[5]], "Whose record is compared: that of a table, or that of a name?"),
        ),
        solution="""
            solution = [
                "a gap: one person without heart rate",
                "a sum of which one branch has nine tenths",
                "the same table, uploaded under another name",
                "an amount that a branch has published itself",
            ]
        """,
        because="The first of these the plan finds, the second the rule of dominance. Of the last two only noise with "
        "a budget takes care, and of the third only if one budget is kept for all names.",
    ),
)
