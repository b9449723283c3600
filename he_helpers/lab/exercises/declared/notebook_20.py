"""The exercises of notebook 20, "Share the key"."""

import hashlib

from he_helpers.lab.exercises.checkers import Case, Function, Numbers, Words
from he_helpers.lab.exercises.exercise import Exercise, Source, Wrong

_NAMES = ("one", "two", "three")
_CONTENTS = {name: f"the b of custodian {name}".encode() for name in _NAMES}
_COMMITMENTS = {name: hashlib.sha256(content).digest() for name, content in _CONTENTS.items()}


def without(things, name):
    return {other: thing for other, thing in things.items() if other != name}


def case(what, right, commitments, opened):
    """A call of the exercise, and the names that it gives."""
    return Case((commitments, opened), Words(right=right, among=_NAMES), call=f"fitting({what})")


def every_name(commitments, opened):
    return list(opened)


def those_that_do_not_fit(commitments, opened):
    return [name for name in opened if hashlib.sha256(opened[name]).digest() != commitments.get(name)]


def with_text(commitments, opened):
    return [name for name in opened if hashlib.sha256(opened[name]).hexdigest() == commitments.get(name)]


def whose_digest_is_somewhere(commitments, opened):
    return [name for name in opened if hashlib.sha256(opened[name]).digest() in commitments.values()]


_LIES = (
    "noise, two answer",
    "noise, three answer",
    "a shift, two answer",
    "a shift, three answer",
)

EXERCISES = (
    Exercise(
        id="20-1",
        level="predict",
        prompt="""
            Another line hides another secret, modulo 97 again. Custodian 1 has the point 30, and custodian 2 has 50.
            What is the secret, and which point has custodian 3?
        """,
        hint="From 1 to 2 the line goes up by as much as from 0 to 1, and from 2 to 3.",
        wanted="a list of two numbers: the secret, and the point of custodian 3",
        name="secret_and_point",
        checker=Numbers([10, 70]),
        wrong=(
            Wrong([70, 10], "These are the two numbers, in the other order: the secret first."),
            Wrong([20, 70], "20 is the slope. The secret is the value at 0, one step before custodian 1."),
            Wrong([30, 70], "30 is the point of custodian 1. The secret is one step before it."),
            Wrong([10, 80], "80 is the sum of both points. The line goes up by the same amount at each step."),
            Wrong([40, 70], "40 lies between the two points. The secret is the value at 0."),
        ),
        solution="solution = [2 * 30 - 50, 2 * 50 - 30]",
        because="The slope is 20. Custodian 3 and any other one find the same line.",
    ),
    Exercise(
        id="20-2",
        level="write",
        prompt="""
            Write a function `fitting(commitments, opened)`. Both are dictionaries by the names of custodians:
            `commitments` has the digests that came first (`hashlib.sha256(b).digest()`), `opened` what each sent
            afterwards, as `bytes`. It gives back a list of the names whose opened bytes fit their *own* commitment.
            Somebody may be missing in one of the two.
        """,
        hint="`commitments.get(name)` gives `None` where there is none. Go through the names in `opened`.",
        wanted="`fitting`",
        name="checking",
        checker=Function(
            "fitting",
            (
                case("all honest", _NAMES, _COMMITMENTS, _CONTENTS),
                case("three opens something else", _NAMES[:2], _COMMITMENTS, {**_CONTENTS, "three": b"a rogue b"}),
                case("two has not opened", ("one", "three"), _COMMITMENTS, without(_CONTENTS, "two")),
                case("one has not committed", ("two", "three"), without(_COMMITMENTS, "one"), _CONTENTS),
                case(
                    "three opens what one has sent", _NAMES[:2], _COMMITMENTS, {**_CONTENTS, "three": _CONTENTS["one"]}
                ),
            ),
        ),
        wrong=(
            Wrong(every_name, "It compares nothing: make the digest of what was opened, and compare."),
            Wrong(those_that_do_not_fit, "It gives the names that do not fit. Those that fit are asked for."),
            Wrong(
                with_text,
                "It finds nobody, not even where all are honest. The commitments are bytes: compare them with the "
                "`digest()` of what was opened. `hexdigest()` is text, and never equal to bytes.",
            ),
            Wrong(
                whose_digest_is_somewhere,
                "Custodian three opened what custodian one has sent. Compare with the *own* commitment of each.",
            ),
            Wrong(
                Source("""
                    def answer(commitments, opened):
                        return [
                            name for name in opened
                            if hashlib.sha256(opened[name]).digest() == commitments[name]
                        ]
                """),
                "For `fitting(one has not committed)` it stops with an error: KeyError: 'one'.",
            ),
        ),
        given="import hashlib",
        start="def fitting(commitments, opened):\n    return list(opened)",
        solution="""
            def fitting_solved(commitments, opened):
                names = []
                for name, content in opened.items():
                    if hashlib.sha256(content).digest() == commitments.get(name):
                        names.append(name)
                return names

            solution = fitting_solved
        """,
        because="The real commitments also cover the ceremony and the place, so that nobody can copy another's.",
    ),
    Exercise(
        id="20-3",
        level="think",
        prompt="""
            Two of three are needed. Each pair knows a share, and both of a pair send the same bytes for it, smudging
            included. Custodian 2 lies about the share that it has with custodian 3. It sends *noise*, or it adds a
            multiple of `q` / `t`, a *shift*: then other numbers come out, and no more noise than usual. Which lies does
            nobody notice?

            ```python
            "noise, two answer"     # custodians 1 and 2
            "noise, three answer"
            "a shift, two answer"   # custodians 1 and 2
            "a shift, three answer"
            ```
        """,
        hint="Noise shows by itself. A shift shows where a second copy of the same share is there. Who has one?",
        wanted="a list of these texts",
        name="unnoticed",
        checker=Words(right=_LIES[2:3], among=_LIES),
        wrong=(
            Wrong(
                [_LIES[0], _LIES[2]],
                "Noise is noticed: the noise budget is gone. With two answers nothing can be read then.",
                when=lambda words: bool({_LIES[0], _LIES[1]} & words),
            ),
            Wrong(
                [_LIES[2], _LIES[3]],
                "Custodian 3 sends the same share unshifted: the two copies differ, which is noticed.",
                when=lambda words: _LIES[3] in words,
            ),
            Wrong([], "One of them is not noticed: custodian 1 has no copy of the share of 2 and 3."),
        ),
        solution='solution = ["a shift, two answer"]',
        because="So let all three answer where it matters, or know one of the sums beforehand. Way 2 has proofs.",
    ),
)
