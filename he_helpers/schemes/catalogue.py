"""The schemes that there are: the one place that names the libraries and says what each can do.

A further library is two modules and an entry for each of its schemes here. A side is named as text, and loaded when it
is first used: Pyfhel is compiled on the learner's machine, and may not be there yet. The secret side is loaded by
``schemes.secret`` alone; nothing here can.
"""

from dataclasses import dataclass
from importlib import import_module
from importlib.machinery import PathFinder
from typing import Any

from he_helpers.parameters import (
    BFVParameters,
    CKKSParameters,
    InvalidParameters,
    PaillierParameters,
    Parameters,
    Sizes,
    expected_sizes,
)
from he_helpers.schemes.errors import UnsupportedOperation


@dataclass(frozen=True)
class SchemeEntry:
    """What is known of a scheme without loading its library.

    name: as envelopes, keys and jobs name it. library: what the library is called. package: what is imported of it.
    parameters_class: of its parameter sets; each of them does. exact: integers, not reals.
    public, secret: where its PublicKey and its Scheme lie, "module:class".
    operations: what a ciphertext can do beside sums, differences and negatives.
    compresses: whether the library compresses what it serialises. sums_half: whether a sum of slots reaches half of
    the slots only, those that are kept zero among them.
    """

    name: str
    library: str
    package: str
    parameters_class: type[Parameters]
    exact: bool
    public: str
    secret: str
    operations: frozenset[str]
    compresses: bool = False
    sums_half: bool = False

    def public_key_class(self) -> Any:
        """The PublicKey of the scheme. Raises ImportError where its library is not installed."""
        return load(self.public)

    def is_installed(self) -> bool:
        """Whether the library is there. It does not wait for one that is being compiled, as other ways to ask do."""
        return PathFinder.find_spec(self.package) is not None

    def expected_sizes(self, parameters: Parameters, levels_used: int = 0) -> Sizes:
        """What the scheme will store under ``parameters``. levels_used: by the rescalings of CKKS in a result."""
        return expected_sizes(parameters, compressed=self.compresses, levels_used=levels_used)

    def require(self, operation: str) -> None:
        """Raises UnsupportedOperation, naming who has ``operation``, where this scheme does not."""
        if operation in self.operations:
            return
        able = [entry for entry in SCHEMES.values() if operation in entry.operations]
        alike = [entry for entry in able if entry.parameters_class is self.parameters_class]
        names = ", ".join(entry.name for entry in alike or able)
        raise UnsupportedOperation(f"{self.name} has no {operation}. It is offered by: {names}.")

    def require_parameters(self, parameters: object) -> None:
        """Raises InvalidParameters where ``parameters`` are those of another scheme."""
        if not isinstance(parameters, self.parameters_class):
            raise InvalidParameters(
                f"{self.name} takes {self.parameters_class.__name__}, not {type(parameters).__name__}."
            )


def load(place: str) -> Any:
    """The class at "module:class"."""
    module, _, name = place.partition(":")
    return getattr(import_module(module), name)


_PUBLIC, _SECRET = "he_helpers.schemes.public", "he_helpers.schemes.secret"
_OF_SLOTS = frozenset({"product with a number", "product with a vector", "product of ciphertexts", "sum of slots"})

SCHEMES = {
    entry.name: entry
    for entry in (
        SchemeEntry(
            name="tenseal-bfv",
            library="TenSEAL",
            package="tenseal",
            parameters_class=BFVParameters,
            exact=True,
            public=f"{_PUBLIC}.tenseal:TenSEALBFVPublicKey",
            secret=f"{_SECRET}.tenseal:TenSEALScheme",
            operations=_OF_SLOTS,
            compresses=True,
            sums_half=True,
        ),
        SchemeEntry(
            name="tenseal-ckks",
            library="TenSEAL",
            package="tenseal",
            parameters_class=CKKSParameters,
            exact=False,
            public=f"{_PUBLIC}.tenseal:TenSEALCKKSPublicKey",
            secret=f"{_SECRET}.tenseal:TenSEALScheme",
            operations=_OF_SLOTS | {"product with a matrix"},
            compresses=True,
        ),
        SchemeEntry(
            name="pyfhel-bfv",
            library="Pyfhel",
            package="Pyfhel",
            parameters_class=BFVParameters,
            exact=True,
            public=f"{_PUBLIC}.pyfhel:PyfhelBFVPublicKey",
            secret=f"{_SECRET}.pyfhel:PyfhelScheme",
            operations=_OF_SLOTS | {"rotation"},
        ),
        SchemeEntry(
            name="pyfhel-ckks",
            library="Pyfhel",
            package="Pyfhel",
            parameters_class=CKKSParameters,
            exact=False,
            public=f"{_PUBLIC}.pyfhel:PyfhelCKKSPublicKey",
            secret=f"{_SECRET}.pyfhel:PyfhelScheme",
            operations=_OF_SLOTS | {"rotation"},
        ),
        SchemeEntry(
            name="paillier",
            library="phe",
            package="phe",
            parameters_class=PaillierParameters,
            exact=True,
            public=f"{_PUBLIC}.phe:PaillierPublicKey",
            secret=f"{_SECRET}.phe:Paillier",
            operations=frozenset({"product with a number"}),
        ),
    )
}


def scheme_entry(name: object) -> SchemeEntry:
    """The entry of the scheme of this name. Raises UnsupportedOperation."""
    entry = SCHEMES.get(name) if isinstance(name, str) else None
    if entry is None:
        raise UnsupportedOperation(f"There is no scheme {name!s:.40}; this package has {', '.join(SCHEMES)}.")
    return entry


def first_scheme(parameters: Parameters) -> SchemeEntry:
    """The first scheme of the catalogue that takes ``parameters``: TenSEAL's for BFV and CKKS."""
    return next(entry for entry in SCHEMES.values() if isinstance(parameters, entry.parameters_class))
