"""Parameter sets of the schemes, the published security tables, and advice for a job.

    job = Job(rows=1000, columns=5, largest=100_000, decimals=2, operations=("sums",))
    print(advise(job))

``he_helpers.schemes.verification.verify`` runs a job at its limits under the advice; it needs keys, so it lies above.
"""

from he_helpers.parameters.advice import Advice, ImpossibleJob, advise
from he_helpers.parameters.fitting import Fit
from he_helpers.parameters.job import InvalidJob, Job
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
    share,
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
    "Advice",
    "BFVParameters",
    "CKKSParameters",
    "FACTORING_TABLE",
    "Fit",
    "GUIDELINES_2024_QUANTUM_TABLE",
    "GUIDELINES_2024_TABLE",
    "ImpossibleJob",
    "InsecureParameters",
    "InvalidJob",
    "InvalidParameters",
    "Job",
    "LOWEST_SECURITY_LEVEL",
    "PaillierParameters",
    "Parameters",
    "STANDARD_QUANTUM_TABLE",
    "STANDARD_TABLE",
    "SecurityAssessment",
    "Sizes",
    "advise",
    "assess_security",
    "coefficient_limit",
    "coefficient_primes",
    "expected_sizes",
    "limit_words",
    "parameters_from_dict",
    "parameters_to_dict",
    "plaintext_prime",
    "require_security",
    "share",
]
