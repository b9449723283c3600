"""The exercises of notebook 17, "Search a server"."""

import base64

from he_helpers.lab.exercises.checkers import Case, Function, Words
from he_helpers.lab.exercises.exercise import Exercise, Source, Wrong

_FORMS = ("raw", "between", "hexadecimal", "base64", "backwards")

_SECRET = bytes.fromhex("9c41d7e208b35fa6")
_RAW, _TURNED = _SECRET, _SECRET[::-1]
_HEX, _BASE64 = _SECRET.hex().encode(), base64.b64encode(_SECRET)
_NOISE = bytes(range(32, 122))


def file_with(*parts):
    """Noise with these parts in it."""
    return b"".join(_NOISE + part for part in parts) + _NOISE


def case(what, count, *parts):
    """A call of the exercise: what stands in the file, and how many places there are."""
    return Case((file_with(*parts), _SECRET), count, call=f"places({what}, secret)")


def every_form(data, secret):
    """What is asked for."""
    forms = (secret, secret[::-1], secret.hex().encode(), base64.b64encode(secret))
    return sum(data.count(form) for form in forms)


def raw_alone(data, secret):
    return data.count(secret)


def first_place(data, secret):
    return data.find(secret)


def without_other_order(data, secret):
    return every_form(data, secret) - data.count(secret[::-1])


def without_hexadecimal(data, secret):
    return every_form(data, secret) - data.count(secret.hex().encode())


def without_base64(data, secret):
    return every_form(data, secret) - data.count(base64.b64encode(secret))


def once_each(data, secret):
    forms = (secret, secret[::-1], secret.hex().encode(), base64.b64encode(secret))
    return sum(form in data for form in forms)


_KEYS = ("file", "half", "worker", "base64", "seed", "yesterday", "elsewhere")

EXERCISES = (
    Exercise(
        id="17-1",
        level="predict",
        prompt="""
            The secret lies in a file in one of these forms:

            - `raw`: its eight bytes alone,
            - `between`: its eight bytes, with other bytes before and after them,
            - `hexadecimal`: as hexadecimal text,
            - `base64`: as base64 text,
            - `backwards`: its eight bytes, the last one first.

            Which of the forms does `content.find(secret)` *miss*?
        """,
        hint="`find` compares byte by byte, from left to right. `secret.hex()` has sixteen letters for eight bytes.",
        wanted='a list of words, such as `["raw", "between"]`,',
        name="missed_forms",
        checker=Words(right=_FORMS[2:], among=_FORMS),
        wrong=(
            Wrong(list(_FORMS[:2]), "These are the forms that it finds. Which ones does it miss?"),
            Wrong(
                list(_FORMS[1:]),
                "In the file above it stood between other bytes, and was found.",
                when=lambda words: "between" in words,
            ),
            Wrong([_FORMS[2], _FORMS[3]], "Both are missed. Does `find` also look from right to left?"),
            Wrong([_FORMS[4]], "That one is missed. Text has other bytes: `b'\\x9c'` is one byte, and `9c` are two."),
            Wrong([], "It misses some of them: whatever has other bytes, or the same bytes in another order."),
        ),
        solution='solution = ["hexadecimal", "base64", "backwards"]',
        because="And many more: encrypted, cut into pieces, or as the *seed*, a number from which a key is computed.",
    ),
    Exercise(
        id="17-2",
        level="write",
        prompt="""
            Write a function `places(data, secret)`, both of them `bytes`. It gives back at how many places of `data`
            the secret stands, in any of four forms: raw, with its bytes in the other order, as hexadecimal text
            (`secret.hex()`), and as base64 text (`base64.b64encode(secret)`).
        """,
        hint="""
            `data.count(form)` counts one form. `secret[::-1]` turns the order round, and `secret.hex()` is text:
            `.encode()` makes bytes of it. Add up four counts.
        """,
        wanted="`places`",
        name="counting",
        checker=Function(
            "places",
            (
                case("noise", 0),
                case("raw", 1, _RAW),
                case("raw twice", 2, _RAW, _RAW),
                case("hexadecimal", 1, _HEX),
                case("other order", 1, _TURNED),
                case("base64", 1, _BASE64),
                case("each form, raw twice", 5, _RAW, _HEX, _TURNED, _BASE64, _RAW),
            ),
        ),
        wrong=(
            Wrong(raw_alone, "It finds the raw bytes, and none of the other forms."),
            Wrong(first_place, "`find` gives a place, and -1 for none. How often it stands there, `count` tells."),
            Wrong(without_other_order, "It misses the bytes in the other order."),
            Wrong(without_hexadecimal, "It misses hexadecimal text."),
            Wrong(without_base64, "It misses base64."),
            Wrong(once_each, "A form that stands there twice counts twice: `in` says only whether."),
            Wrong(
                Source("""
                    def answer(data, secret):
                        return data.count(secret) + data.count(secret.hex())
                """),
                "For `places(noise, secret)` it stops with an error: TypeError: argument should be integer or "
                "bytes-like object, not 'str'.",
            ),
        ),
        given="import base64",
        start="def places(data, secret):\n    return data.count(secret)",
        solution="""
            def places_solved(data, secret):
                forms = [
                    secret, secret[::-1],
                    secret.hex().encode(), base64.b64encode(secret),
                ]
                return sum(data.count(form) for form in forms)

            solution = places_solved
        """,
        because="Each form that one thinks of is one needle more. The forms that nobody thinks of are the problem.",
    ),
    Exercise(
        id="17-3",
        level="think",
        prompt="""
            The search has found no secret, and all of its controls. Which of these may be true *all the same*?

            - `file`: the key lies in a file of the server's folder,
            - `half`: half of the key lies in the server's memory,
            - `worker`: the key lies in the memory of one of the server's workers,
            - `base64`: the key lies in the database, as base64 text,
            - `seed`: the seed from which the key was drawn lies in a file,
            - `yesterday`: the key lay in the server's memory yesterday, and was overwritten,
            - `elsewhere`: the key lies on another computer of the operator.
        """,
        hint="What was searched: certain bytes, in certain processes and files, at one moment. Four are outside.",
        wanted='a list of words, such as `["file", "half"]`,',
        name="all_the_same",
        checker=Words(right=_KEYS[3:], among=_KEYS),
        wrong=(
            Wrong(
                ["half", *_KEYS[3:]],
                "Half of a key holds several of the six windows, each of them whole.",
                when=lambda words: "half" in words,
            ),
            Wrong(
                ["worker", *_KEYS[3:]],
                "`collect` copies the memory of the workers, too.",
                when=lambda words: "worker" in words and "file" not in words,
            ),
            Wrong(
                ["file", *_KEYS[3:]],
                "The files were searched: the column `files` of the leaky process shows that a key is found there.",
                when=lambda words: "file" in words,
            ),
            Wrong(["base64"], "That one, yes: no needle was made of it. And what was not there to be searched?"),
            Wrong(["elsewhere"], "That one, yes. What could escape the search on this very computer?"),
        ),
        solution='solution = ["base64", "seed", "yesterday", "elsewhere"]',
        because="Also memory that was swapped to disk, and a key that comes tomorrow.",
    ),
)
