"""How secure a parameter set is, by the published tables; the stricter one counts."""

from dataclasses import dataclass

from he_helpers.errors import HEError
from he_helpers.parameters.sets import PaillierParameters, Parameters
from he_helpers.parameters.tables import (
    FACTORING_TABLE,
    GUIDELINES_2024_TABLE,
    LOWEST_SECURITY_LEVEL,
    STANDARD_TABLE,
)


class InsecureParameters(HEError, ValueError):
    """A parameter set below the security level that was asked for."""


@dataclass(frozen=True)
class SecurityAssessment:
    """``bits`` of security (0 when below every table), the ``source``, and a ``disagreement`` of the tables, if any."""

    bits: int
    source: str
    disagreement: str = ""


def assess_security(parameters: Parameters) -> SecurityAssessment:
    """Look the parameters up in the published tables; where two tables disagree, the stricter one counts."""
    if isinstance(parameters, PaillierParameters):
        levels = [level for level, bits in FACTORING_TABLE.items() if parameters.modulus_bits >= bits]
        return SecurityAssessment(max(levels, default=0), "NIST SP 800-57")
    dimension, total = parameters.ring_dimension, parameters.total_bits
    levels = [level for level, table in STANDARD_TABLE.items() if total <= table[dimension]]
    newer_limit = GUIDELINES_2024_TABLE[128][dimension]
    if levels and total > newer_limit:
        return SecurityAssessment(
            0,
            "ePrint 2024/463",
            f"{total} bits pass the standard of 2018 at {max(levels)}-bit security "
            f"(limit {STANDARD_TABLE[max(levels)][dimension]} bits), "
            f"and exceed the guidelines of 2024 (limit {newer_limit} at 128 bits)",
        )
    return SecurityAssessment(max(levels, default=0), "HomomorphicEncryption.org v1.1 and ePrint 2024/463")


def require_security(parameters: Parameters, insecure_for_teaching: bool = False) -> None:
    """Refuse parameters below LOWEST_SECURITY_LEVEL, unless the caller says in words that they are for teaching.

    Raises InsecureParameters, naming the table and its limit.
    """
    found = assess_security(parameters)
    if found.bits >= LOWEST_SECURITY_LEVEL or insecure_for_teaching:
        return
    if isinstance(parameters, PaillierParameters):
        what = f"A Paillier modulus of {parameters.modulus_bits} bits"
        limit = f"{FACTORING_TABLE[112]} bits give {LOWEST_SECURITY_LEVEL}-bit security"
    else:
        what = f"A coefficient modulus of {parameters.total_bits} bits at ring dimension {parameters.ring_dimension}"
        largest = GUIDELINES_2024_TABLE[128][parameters.ring_dimension]
        limit = found.disagreement or f"at most {largest} bits give 128-bit security"
    raise InsecureParameters(
        f"{what} is not secure: {limit} ({found.source}). Choose other parameters, or pass "
        "insecure_for_teaching=True to use them all the same."
    )


def coefficient_limit(ring_dimension: int, level: int) -> int:
    """The largest bit length of the coefficient modulus that every table accepts at ``level`` (128, 192 or 256)."""
    tables = (table[level] for table in (STANDARD_TABLE, GUIDELINES_2024_TABLE) if level in table)
    return min(table[ring_dimension] for table in tables)


def limit_words(ring_dimension: int, level: int) -> str:
    """The limit, whose it is, and what the other table says where the two disagree."""
    limit, older = coefficient_limit(ring_dimension, level), STANDARD_TABLE[level][ring_dimension]
    where = f"at ring dimension {ring_dimension} and {level}-bit security"
    if limit == older:
        only = "" if level in GUIDELINES_2024_TABLE else ", the only table for this level"
        return f"at most {limit} bits {where} (HomomorphicEncryption.org v1.1{only})"
    return (
        f"at most {limit} bits {where} (ePrint 2024/463; the tables disagree, HomomorphicEncryption.org v1.1 allows "
        f"{older}, and the stricter one counts)"
    )
