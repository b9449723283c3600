"""How secure a parameter set is, by the published tables; the stricter one counts.

A level (128, 192, 256) is granted where every table that lists it grants it. Between the levels, the bits of security
are interpolated. For one distribution of the secret they are nearly proportional to N / log2 q: the script of ePrint
2024/463 starts its searches from a straight line of log2 q over the ring dimension N for each level. So at one N

    log2 q = a / bits + b,        with a and b from the two nearest entries of the tables.

The tables keep to it themselves: a and b from the levels 128 and 256 predict 192 bits where the third entry lies to
within 2 bits (classical, ring dimensions from 2048 on) and 5 bits (quantum, from 4096 on).
"""

from dataclasses import dataclass
from fractions import Fraction

from he_helpers.errors import HEError
from he_helpers.parameters.sets import PaillierParameters, Parameters
from he_helpers.parameters.tables import (
    FACTORING_TABLE,
    GUIDELINES_2024_QUANTUM_TABLE,
    GUIDELINES_2024_TABLE,
    LOWEST_SECURITY_LEVEL,
    STANDARD_QUANTUM_TABLE,
    STANDARD_TABLE,
)

_STANDARD, _GUIDELINES, _FACTORING = "HomomorphicEncryption.org v1.1", "ePrint 2024/463", "NIST SP 800-57"
# For each kind of attacker: where the table is from, and the table; the stricter one last.
_TABLES = {
    False: {_STANDARD: STANDARD_TABLE, _GUIDELINES: GUIDELINES_2024_TABLE},
    True: {_STANDARD: STANDARD_QUANTUM_TABLE, _GUIDELINES: GUIDELINES_2024_QUANTUM_TABLE},
}
_LEVELS = tuple(STANDARD_TABLE)
SHOR = "Shor's algorithm factors a modulus of any length on a large quantum computer (Shor 1994)"


class InsecureParameters(HEError, ValueError):
    """A parameter set below the security level that was asked for."""


@dataclass(frozen=True)
class SecurityAssessment:
    """What the published tables say of a parameter set.

    bits: about how many bits of security, rounded down, at most 256, where the tables end; 0 where no table grants any.
    level: the largest level that every table grants; 0 where they agree on none, also if ``bits`` is above 0.
    quantum: whether the attacker has a large quantum computer.
    source: the table that decided. disagreement: of the tables, if any. why_none: the reason where ``bits`` is 0.
    """

    bits: int
    level: int
    quantum: bool
    source: str
    disagreement: str = ""
    why_none: str = ""

    @property
    def words(self) -> str:
        """For instance "about 124 bits, classical: ..."; "none" where ``bits`` is 0."""
        kind = _kind(self.quantum)
        if not self.bits:
            return f"none, {kind}: {self.why_none}"
        about = "" if self.bits == self.level else "about "
        return f"{about}{self.bits} bits, {kind}: {self.disagreement or self.source}"


def assess_security(parameters: Parameters, *, quantum: bool = False) -> SecurityAssessment:
    """Look the parameters up in the published tables; where two tables disagree, the stricter one counts."""
    if isinstance(parameters, PaillierParameters):
        return _assess_factoring(parameters, quantum)
    ring, total = parameters.ring_dimension, parameters.total_bits
    level = max((level for level in _LEVELS if total <= coefficient_limit(ring, level, quantum)), default=0)
    standard = _TABLES[quantum][_STANDARD]
    granted = max((level for level in _LEVELS if total <= standard[level][ring]), default=0)
    if not granted:
        return SecurityAssessment(
            0, 0, quantum, _STANDARD, why_none=f"no published table grants 128 bits to {total} bits at ring dimension "
            f"{ring}; the limit is {coefficient_limit(ring, 128, quantum)} bits ({_GUIDELINES})"
        )  # fmt: skip
    bits = _interpolated(ring, total, quantum)
    if granted == level:
        return SecurityAssessment(bits, level, quantum, f"{_STANDARD} and {_GUIDELINES}")
    return SecurityAssessment(
        bits,
        level,
        quantum,
        _GUIDELINES,
        f"{total} bits pass the standard of 2018 at {granted}-bit security (limit {standard[granted][ring]} bits), "
        f"and exceed the guidelines of 2024 (limit {coefficient_limit(ring, granted, quantum)} at {granted} bits)",
    )


def _assess_factoring(parameters: PaillierParameters, quantum: bool) -> SecurityAssessment:
    if quantum:
        return SecurityAssessment(0, 0, True, "Shor 1994", why_none=SHOR)
    level = max((level for level, bits in FACTORING_TABLE.items() if parameters.modulus_bits >= bits), default=0)
    why_none = "" if level else f"below the shortest modulus of {_FACTORING}, {min(FACTORING_TABLE.values())} bits"
    return SecurityAssessment(level, level, False, _FACTORING, why_none=why_none)


def _interpolated(ring_dimension: int, total: int, quantum: bool) -> int:
    """Bits of security by the formula at the head of this module, rounded down and at most 256."""
    limits = {level: coefficient_limit(ring_dimension, level, quantum) for level in _LEVELS}
    lower, upper = (128, 192) if total > limits[192] else (192, 256)
    slope = Fraction(limits[lower] - limits[upper]) / (Fraction(1, lower) - Fraction(1, upper))
    offset = limits[lower] - slope / lower
    return min(int(slope / (total - offset)), 256) if total > limits[256] else 256


def require_security(parameters: Parameters, insecure_for_teaching: bool = False) -> None:
    """Refuse parameters below LOWEST_SECURITY_LEVEL, unless the caller says in words that they are for teaching.

    Lattices need 128 bits, where their tables begin. Classical security is what counts here.
    Raises InsecureParameters, naming the table and its limit.
    """
    found = assess_security(parameters)
    if found.level >= LOWEST_SECURITY_LEVEL or insecure_for_teaching:
        return
    if isinstance(parameters, PaillierParameters):
        what, least = f"A Paillier modulus of {parameters.modulus_bits} bits", LOWEST_SECURITY_LEVEL
        limit = f"{FACTORING_TABLE[least]} bits give {least}-bit security ({_FACTORING})"
        have = f"{found.bits} bits of security or less" if found.bits else "none that a table lists"
    else:
        what, least = f"A coefficient modulus of {parameters.total_bits} bits", 128
        what += f" at ring dimension {parameters.ring_dimension}"
        largest = coefficient_limit(parameters.ring_dimension, least)
        limit = f"{found.disagreement or f'at most {largest} bits give {least}-bit security'} ({_GUIDELINES})"
        have = f"about {found.bits} bits of security" if found.bits else "no security that a table lists"
    raise InsecureParameters(
        f"{what} gives {have}, and at least {least} bits are needed: {limit}. Choose other parameters, or pass "
        "insecure_for_teaching=True to use them all the same."
    )


def coefficient_limit(ring_dimension: int, level: int, quantum: bool = False) -> int:
    """The largest bit length of the coefficient modulus that every table accepts at ``level`` (128, 192 or 256)."""
    tables = (table[level] for table in _TABLES[quantum].values())
    return min(table[ring_dimension] for table in tables if ring_dimension in table)


def limit_words(ring_dimension: int, level: int, quantum: bool = False) -> str:
    """The limit, against which attacker, whose it is, and what the other table says where the two disagree."""
    limit = coefficient_limit(ring_dimension, level, quantum)
    older = _TABLES[quantum][_STANDARD][level][ring_dimension]
    where = f"at ring dimension {ring_dimension} and {level}-bit {_kind(quantum)} security"
    if limit == older:
        return f"at most {limit} bits {where} ({_STANDARD}, the only table for this level)"
    return (
        f"at most {limit} bits {where} ({_GUIDELINES}; the tables disagree, {_STANDARD} allows {older}, and the "
        "stricter one counts)"
    )


def _kind(quantum: bool) -> str:
    return "quantum" if quantum else "classical"
