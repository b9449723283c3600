"""The exercises of notebook 03, "Generate keys"."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from he_helpers.lab.exercises.checkers import Case, Condition, Conditions, Function, Numbers, Words
from he_helpers.lab.exercises.exercise import Exercise, Source, Wrong


@lru_cache(maxsize=1)
def _administrators_context() -> Any:
    """A context of TenSEAL with all that it can hold, the secret key too."""
    import tenseal as ts

    context = ts.context(ts.SCHEME_TYPE.BFV, 4096, plain_modulus=1032193)
    context.generate_galois_keys()
    return context


def _a_copy(_: Any) -> tuple[Any]:
    """A function that spoils the context that it is given spoils a copy."""
    return (_administrators_context().copy(),)


@lru_cache(maxsize=1)
def _loaded(data: bytes) -> Any:
    """The context in these bytes, which each condition looks at and none changes: with all keys they have megabytes."""
    import tenseal as ts

    return ts.context_from(data)


def _is_bytes(data: Any) -> bool:
    return isinstance(data, bytes)


def _is_public(data: bytes) -> bool:
    return not _loaded(data).is_private()


def _encrypts(data: bytes) -> bool:
    return bool(_loaded(data).has_public_key())


def _multiplies(data: bytes) -> bool:
    return bool(_loaded(data).has_relin_keys())


def _is_below_a_megabyte(data: bytes) -> bool:
    return len(data) < 1_000_000


def _fits_the_secret_key(data: bytes) -> bool:
    import tenseal as ts

    partner = ts.bfv_vector(_loaded(data), [12, 7])
    product = ts.bfv_vector_from(_administrators_context(), (partner * partner).serialize())
    return product.decrypt() == [144, 49]


_TENSEAL = """
    import tenseal as ts
    context = ts.context(ts.SCHEME_TYPE.BFV, 4096, plain_modulus=1032193)
"""

_PROGRAM = """
    theirs = ts.context(ts.SCHEME_TYPE.BFV, 4096, plain_modulus=1032193)
    for_server = theirs.copy()
    theirs.make_context_public()
    backup = seat.folder / "backup"
    for_server.secret_key().data.save(str(backup))
    files = {
        "a": theirs.serialize(save_secret_key=True),
        "b": for_server.serialize(save_secret_key=True),
        "c": for_server.serialize(),
        "d": backup.read_bytes(),
    }
    backup.unlink()
"""
_SEAT = """
    import tempfile
    from pathlib import Path
    from types import SimpleNamespace
    import tenseal as ts
    seat = SimpleNamespace(folder=Path(tempfile.mkdtemp()))
"""

_SECONDS_A_YEAR = 365 * 24 * 3600
_POSSIBILITIES = 7776**4
_YEARS = round(_POSSIBILITIES / 2 * 0.1 / 1000 / _SECONDS_A_YEAR)


@dataclass(frozen=True)
class _About:
    """Tells of an answer whether it is one number, within a thousandth of this one."""

    number: int

    def __call__(self, numbers: Any) -> bool:
        return numbers.shape == () and abs(numbers.entries[0] - self.number) * 1000 <= self.number


EXERCISES = (
    Exercise(
        id="03-1",
        level="write",
        prompt="""
            A partner shall encrypt numbers under your key and multiply the ciphertexts. They never move slots, and
            they must not decrypt. Change the function so that it gives back the bytes of a context for them, from your
            own context with all its keys. It shall have less than a megabyte. The check calls it with another context,
            and tries all that.
        """,
        hint="""
            Which of the five parts does a partner need who encrypts and multiplies? For each part that they do not
            need, `serialize` has a switch; the names are in the list `parts`.
        """,
        wanted="the name of the function, `for_partner`,",
        name="partners_context",
        checker=Function(
            "for_partner",
            (
                Case(
                    _a_copy,
                    Conditions(
                        "the bytes of a context",
                        (
                            Condition(
                                "It does not give bytes back: `return` what `serialize` makes of the context.",
                                _is_bytes,
                            ),
                            Condition(
                                "Whoever loads these bytes can decrypt: the secret key is inside.",
                                _is_public,
                            ),
                            Condition(
                                "With this context the partner cannot encrypt: a key is missing.",
                                _encrypts,
                            ),
                            Condition(
                                "Encrypting works, and multiplying does not: which keys shorten a product?",
                                _multiplies,
                            ),
                            Condition(
                                "All of it works, and it has more than a megabyte: one part, the largest, is not "
                                "needed.",
                                _is_below_a_megabyte,
                            ),
                            Condition(
                                "Products under this context do not decrypt with your secret key: make it from the "
                                "context that the function is given.",
                                _fits_the_secret_key,
                            ),
                        ),
                    ),
                    call="for_partner(context)",
                ),
            ),
        ),
        wrong=(
            Wrong(
                Source("def answer(context):\n    return context.serialize(save_secret_key=True)"),
                "For `for_partner(context)`: Whoever loads these bytes can decrypt: the secret key is inside.",
            ),
            Wrong(
                Source("def answer(context):\n    context.make_context_public()\n    return context"),
                "For `for_partner(context)`: It does not give bytes back: `return` what `serialize` makes of the "
                "context.",
            ),
            Wrong(
                Source("def answer(context):\n    context.make_context_public()\n    return context.serialize()"),
                "For `for_partner(context)`: All of it works, and it has more than a megabyte: one part, the largest, "
                "is "
                "not needed.",
            ),
            Wrong(
                Source(
                    "def answer(context):\n    return context.serialize(save_relin_keys=False, save_galois_keys=False)"
                ),
                "For `for_partner(context)`: Encrypting works, and multiplying does not: which keys shorten a product?",
            ),
            Wrong(
                Source("def answer(context):\n    return context.serialize(save_public_key=False)"),
                "For `for_partner(context)`: With this context the partner cannot encrypt: a key is missing.",
            ),
            Wrong(
                Source(
                    "def answer(_):\n"
                    "    new = ts.context(ts.SCHEME_TYPE.BFV, 4096, plain_modulus=1032193)\n"
                    "    return new.serialize()"
                ),
                "For `for_partner(context)`: Products under this context do not decrypt with your secret key: make it "
                "from the context that the function is given.",
            ),
        ),
        given=_TENSEAL,
        start="""
            def for_partner(context):
                return context.serialize(save_secret_key=True)
        """,
        solution="""
            def without_galois_keys(context):
                return context.serialize(save_galois_keys=False)

            solution = without_galois_keys
        """,
        because="`serialize` leaves the secret key out unless it is told otherwise, and `is_private()` proves it for "
        "the "
        "bytes that you are about to send.",
    ),
    Exercise(
        id="03-2",
        level="think",
        prompt="""
            A colleague has prepared four files for the server, and says: "I called `make_context_public`, so they are
            harmless." The answer cell begins with the program that made them. Which of the files would you refuse to
            send? Read the program, then load the files and ask: `ts.context_from` and `is_private()` are all that you
            need.
        """,
        hint="""
            `make_context_public` changes one object. Is it `theirs` or `for_server`? What does the other one, a copy,
            know of that? A file that cannot be loaded as a context is not harmless for that reason: see in the
            program what it is.
        """,
        wanted='a list of letters, such as `["a", "c"]`,',
        name="refused",
        checker=Words(right=("b", "d"), among=("a", "b", "c", "d")),
        wrong=(
            Wrong(
                ["a", "b", "d"],
                "`save_secret_key=True` saves the secret key of a context that has one. Has `theirs` still one?",
                when=lambda letters: "a" in letters,
            ),
            Wrong(
                ["b", "c", "d"],
                "The *object* `for_server` holds the secret key. What does `serialize()` leave out when nothing is "
                "said?",
                when=lambda letters: "c" in letters,
            ),
            Wrong(
                ["d"],
                "Load each of the files: the sizes do not tell. One of them decrypts, though its name says that it is "
                "for "
                "the server.",
                when=lambda letters: bool(letters) and "b" not in letters,
            ),
            Wrong(
                ["b"],
                "One more: it is no context, so `context_from` refuses it. What did the colleague save into it?",
                when=lambda letters: "d" not in letters and bool(letters),
            ),
        ),
        given=_SEAT + _PROGRAM,
        start=_PROGRAM,
        solution="""
            solution = []
            for letter, file in files.items():
                try:
                    if ts.context_from(file).is_private():
                        solution.append(letter)
                except ValueError:  # no context: the program says what it is
                    solution.append(letter)
        """,
        because="A copy that was made before keeps its key. The sizes would have misled you: the two dangerous files "
        "are the smaller ones. With the secret key inside, the receiver can make the evaluation keys, and TenSEAL "
        "leaves them out.",
    ),
    Exercise(
        id="03-3",
        level="predict",
        prompt="""
            A passphrase has four words of that list, drawn at random. A thief of the file has 1,000 machines, and each
            makes one guess in a tenth of a second. On average the right one comes after half of all possibilities.
            After how many years? Estimate it first; then compute it, with years of 365 days.
        """,
        hint="""
            How many passphrases of four words are there? Half of them, times the seconds of a guess, divided by the
            machines, gives seconds.
        """,
        wanted="the number of years",
        name="years",
        checker=Numbers(_YEARS, tolerance=100),
        wrong=(
            Wrong(2 * _YEARS, "This is the time for *all* possibilities.", when=_About(2 * _YEARS)),
            Wrong(
                1000 * _YEARS,
                "So long it takes on one machine, and the thief has 1,000 of them.",
                when=_About(1000 * _YEARS),
            ),
            Wrong(
                4 * 7776 / 2 * 0.1 / 1000 / _SECONDS_A_YEAR,
                "Each of the words is one of 7,776: the possibilities multiply, they do not add.",
                when=lambda numbers: len(numbers.entries) == 1 and 0 < numbers.entries[0] < 1,
            ),
            Wrong(_YEARS * 365, "These are days.", when=_About(_YEARS * 365)),
            Wrong(_YEARS * _SECONDS_A_YEAR, "These are seconds.", when=_About(_YEARS * _SECONDS_A_YEAR)),
            Wrong(
                _POSSIBILITIES,
                "This is how many passphrases there are.",
            ),
        ),
        solution="""
            on_average = 7776**4 / 2
            solution = on_average * 0.1 / 1000 / (365 * 24 * 3600)
        """,
        because="Four random words hold against a thousand machines, not against ten million: seven months. Each word "
        "more "
        "makes it 7,776 times as long.",
    ),
)
