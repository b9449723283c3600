"""Dealing the shares of a Paillier key."""

import secrets
from collections.abc import Iterable

import gmpy2

from he_helpers.parameters import PaillierParameters, require_security
from he_helpers.schemes.public.phe import PaillierPublicKey
from he_helpers.schemes.secret.quorum.interface import checked_custodians
from he_helpers.schemes.secret.quorum.records import PaillierKeyRecord
from he_helpers.schemes.secret.quorum.threshold_paillier.key import PaillierShare, ThresholdPaillierKey, to_bytes
from he_helpers.schemes.secret.quorum.threshold_paillier.primes import two_primes


def threshold_paillier(
    parameters: PaillierParameters | None,
    custodians: Iterable[str],
    threshold: int,
    *,
    insecure_for_teaching: bool = False,
) -> tuple[ThresholdPaillierKey, dict[str, PaillierShare]]:
    """The QuorumKey and the shares, by the custodians' names, of a fresh key; None: the default parameters.

    When this returns, the primes are forgotten: nobody can decrypt alone any more. Who ran it could have kept them.

    Raises InvalidQuorum, InsecureParameters.
    """
    parameters = PaillierParameters() if parameters is None else parameters
    require_security(parameters, insecure_for_teaching)
    names = checked_custodians(custodians, threshold)
    p, q = two_primes(parameters.modulus_bits)
    n, m = p * q, (p - 1) // 2 * ((q - 1) // 2)
    # 0 modulo m and 1 modulo n.
    secret = m * gmpy2.invert(m, n)
    polynomial = [secret, *(secrets.randbelow(int(n * m)) for _ in range(threshold - 1))]
    shares = {name: _value(polynomial, place + 1, n * m) for place, name in enumerate(names)}
    # A random square generates the squares but for a chance of about four times one in the smallest factor of n m.
    v = gmpy2.powmod(1 + secrets.randbelow(int(n * n - 1)), 2, n * n)
    factorial = gmpy2.fac(len(names))
    values = tuple(to_bytes(gmpy2.powmod(v, factorial * share, n * n)) for share in shares.values())
    public = PaillierPublicKey(int(n), parameters)
    record = PaillierKeyRecord(base=to_bytes(v), values=values)
    key = ThresholdPaillierKey(public, names, threshold, insecure_for_teaching, record)
    return key, {name: PaillierShare(key, name, int(share)) for name, share in shares.items()}


def _value(polynomial: list[gmpy2.mpz], place: int, modulus: gmpy2.mpz) -> gmpy2.mpz:
    """Of the polynomial, its coefficients from the lowest, by Horner's rule."""
    total = gmpy2.mpz(0)
    for coefficient in reversed(polynomial):
        total = (total * place + coefficient) % modulus
    return total
