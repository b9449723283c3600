"""The exercises of notebook 21, "Audit without a key"."""

from he_helpers.lab.exercises.checkers import Case, Function, Numbers, Words
from he_helpers.lab.exercises.exercise import Exercise, Wrong

_KEPT = ["5f", "a1", "07", "c9"]

_CASES = ("early", "removed", "unwritten", "apart", "order", "head")
_NOT_FOUND = ("early", "unwritten", "apart")


def _counted_from_zero(kept, shown):
    for number, digest in enumerate(kept):
        if shown[number : number + 1] != [digest]:
            return number
    return 0


def _counted_from_zero_and_cut_is_an_error(kept, shown):
    for number, digest in enumerate(kept):
        if shown[number] != digest:
            return number
    return 0


def _cut_is_an_error(kept, shown):
    for number, digest in enumerate(kept, start=1):
        if shown[number - 1] != digest:
            return number
    return 0


def _only_equal(kept, shown):
    for number, (ours, theirs) in enumerate(zip(kept, shown, strict=False), start=1):
        if ours != theirs:
            return number
    return 0 if len(kept) == len(shown) else min(len(kept), len(shown)) + 1


def _cut_is_fine(kept, shown):
    for number, (ours, theirs) in enumerate(zip(kept, shown, strict=False), start=1):
        if ours != theirs:
            return number
    return 0


EXERCISES = (
    Exercise(
        id="21-1",
        level="predict",
        prompt="""
            Another trail has six events. Somebody changes the fourth one and computes all digests anew. Which of the
            digests 1 to 6 differ from those that you kept?
        """,
        hint="Each digest is made of the digest before it and of its own event. Go along from the first one.",
        wanted="a list of numbers",
        name="differing",
        checker=Numbers([4, 5, 6]),
        wrong=(
            Wrong([4], "The digest of event 5 is made of the digest of event 4, too. What becomes of it?"),
            Wrong([4, 5], "Both, yes. And what is the digest of event 6 made of?"),
            Wrong([1, 2, 3], "These are as you kept them. Which ones are not?"),
            Wrong([5, 6], "These two, yes. And the digest that the changed event itself went into?"),
            Wrong([1, 2, 3, 4, 5, 6], "Digest 1 is made of 32 zero bytes and event 1. Has any of these changed?"),
            Wrong([1, 2, 3, 4], "A digest holds what came before it. Which ones come after the change?"),
        ),
        solution="solution = [4, 5, 6]",
        because="A change goes on to every later digest. The last speaks for all, the first that differs says where.",
    ),
    Exercise(
        id="21-2",
        level="write",
        prompt="""
            Write `def first_change(kept, shown):`. Both are lists of digests, `kept[0]` that of event 1. It returns the
            number of the first event that is not as you kept it: changed, or no longer there. It returns 0 where the
            trail that is shown goes on from yours. Put the function's name in the place of the placeholder.
        """,
        hint="Go through `kept` with `enumerate(kept, start=1)`. When is event `number` not there in `shown`?",
        wanted="a function",
        name="first_change",
        checker=Function(
            "first_change",
            (
                Case((_KEPT, [*_KEPT, "3e"]), 0),
                Case((_KEPT, ["5f", "a1", "88", "2b", "3e"]), 3),
                Case((_KEPT, ["5f", "a1"]), 3),
                Case((_KEPT, ["90", "31", "88", "2b"]), 1),
                Case(([], ["5f"]), 0),
            ),
        ),
        wrong=(
            Wrong(
                _counted_from_zero,
                "It finds the right event and gives the number before: events are counted from 1, and a list from 0.",
            ),
            Wrong(
                _counted_from_zero_and_cut_is_an_error,
                "It gives the number before: events are counted from 1, and a list from 0. And a trail can be cut off.",
            ),
            Wrong(
                _cut_is_an_error,
                "A trail that was cut off is shorter than `kept`: then there is no digest to compare with.",
            ),
            Wrong(_only_equal, "A trail may grow: what comes after the last digest in `kept` is no change."),
            Wrong(_cut_is_fine, "Where `shown` ends early, an event that you have seen is no longer there."),
        ),
        solution="""
            def first_change(kept, shown):
                for number, digest in enumerate(kept, start=1):
                    if number > len(shown) or shown[number - 1] != digest:
                        return number
                return 0

            solution = first_change
        """,
        because="This is what a witness does. More events at the end are no change: a trail grows.",
    ),
    Exercise(
        id="21-3",
        level="think",
        prompt="""
            You keep all leaves and your signed heads, and look once a day. Which of these do you *not* find in this
            way, neither today nor later?

            - `early`: an event is changed after it was written, and before you or any other witness looks,
            - `removed`: an event that you have seen is removed, and the later ones are numbered anew,
            - `unwritten`: a step is taken and never written down,
            - `apart`: two people are told two stories, and never compare their heads,
            - `order`: two events that you have seen change places,
            - `head`: another witness shows you a signed head of 8 events, and its digest is not your digest 8.
        """,
        hint="For each one, ask: does anything in your own folder, or in a head that you get, contradict it?",
        wanted='a list of words, such as `["removed", "order"]`,',
        name="not_found",
        checker=Words(right=_NOT_FOUND, among=_CASES),
        wrong=(
            Wrong(["removed", "order", "head"], "These are found. Which ones are not?"),
            Wrong(
                ["removed", *_NOT_FOUND],
                "You hold the leaf of every event that you have seen: one that is gone is missed, whatever its number.",
                when=lambda words: "removed" in words,
            ),
            Wrong(
                ["order", *_NOT_FOUND],
                "You hold the leaves in their order. Two that stand elsewhere are seen.",
                when=lambda words: "order" in words,
            ),
            Wrong(
                ["head", *_NOT_FOUND],
                "Two heads of one length that differ are found at once. Who lied is another question.",
                when=lambda words: "head" in words,
            ),
            Wrong(["early"], "That one, yes. Which others leave nothing in your hands that contradicts them?"),
            Wrong(["unwritten", "apart"], "These two, yes. What do you hold of an event that nobody has seen yet?"),
        ),
        solution='solution = ["early", "unwritten", "apart"]',
        because="A chain protects what was seen, from then on. So look often, and compare heads in person.",
    ),
)
