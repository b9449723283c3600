"""Parameter sets of the schemes, the published security tables, and what follows from a set alone."""

from he_helpers.parameters.noise import ckks_sum_error
from he_helpers.parameters.security import (
    InsecureParameters,
    SecurityAssessment,
    assess_security,
    coefficient_limit,
    limit_words,
    require_security,
)
from he_helpers.parameters.sets import (
    BFVParameters,
    CKKSParameters,
    InvalidParameters,
    PaillierParameters,
    Parameters,
    coefficient_primes,
    parameters_from_dict,
    parameters_to_dict,
    plaintext_prime,
)
from he_helpers.parameters.sizes import Sizes, expected_sizes
from he_helpers.parameters.tables import (
    FACTORING_TABLE,
    GUIDELINES_2024_QUANTUM_TABLE,
    GUIDELINES_2024_TABLE,
    LOWEST_SECURITY_LEVEL,
    STANDARD_QUANTUM_TABLE,
    STANDARD_TABLE,
)

__all__ = [
    "BFVParameters",
    "CKKSParameters",
    "FACTORING_TABLE",
    "GUIDELINES_2024_QUANTUM_TABLE",
    "GUIDELINES_2024_TABLE",
    "InsecureParameters",
    "InvalidParameters",
    "LOWEST_SECURITY_LEVEL",
    "PaillierParameters",
    "Parameters",
    "STANDARD_QUANTUM_TABLE",
    "STANDARD_TABLE",
    "SecurityAssessment",
    "Sizes",
    "assess_security",
    "ckks_sum_error",
    "coefficient_limit",
    "coefficient_primes",
    "expected_sizes",
    "limit_words",
    "parameters_from_dict",
    "parameters_to_dict",
    "plaintext_prime",
    "require_security",
]
