"""Key pairs for the tests of advice."""

from he_helpers.advice import Fit
from he_helpers.advice.verification import scheme_for
from he_helpers.parameters import parameters_to_dict
from he_helpers.schemes.secret import KeyPair, secret_key_from_bytes
from tests.one_context import in_one_context
from tests.sealing import seal_fields

# Primes as they come after a round number: Paillier's arithmetic needs primes, and nobody's secret is kept here.
PRIMES = {
    3072: (3 * 2**1534 + 1837, 3 * 2**1534 + 2**1500 + 103),
    7680: (3 * 2**3838 + 361, 3 * 2**3838 + 2**3830 + 3883),
    15360: (3 * 2**7678 + 2005, 3 * 2**7678 + 2**7670 + 2941),
}


def keys_for(fit: Fit) -> KeyPair:
    """New keys; for Paillier the same factors under other lanes, since finding primes takes a while."""
    if fit.scheme != "paillier":
        return scheme_for(fit).generate_keys()
    factors = [f.to_bytes(1000, "big") for f in PRIMES[fit.parameters.modulus_bits]]
    fields = ["paillier", parameters_to_dict(fit.parameters), False, factors]
    return secret_key_from_bytes(seal_fields("key pair", fields))


def keys_in_one_context(fit: Fit) -> KeyPair:
    """New keys that compute as those of keys_for() do, in half the time. What the fit has no relinearisation keys for
    is refused by Pyfhel's alone."""
    return keys_for(fit) if fit.scheme == "paillier" else in_one_context(scheme_for(fit))
