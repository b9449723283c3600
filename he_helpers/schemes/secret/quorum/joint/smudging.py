"""How much noise a partial decryption carries, and what remains of the noise budget.

A partial decryption is c1 s + noise for a share s of the key. Without the noise, c1 s gives s away; and all partial
decryptions together give the noise of the ciphertext, which depends on the whole key and on who encrypted what. The
noise here is uniform in -2^b to 2^b - 1 for each coefficient, independent for each set and ciphertext, and at least the
noise of one set is unknown to any k - 1 custodians. A shift of a coefficient by x makes two such distributions differ
by a statistical distance of |x| / 2^(b+1). So for N coefficients of a ciphertext whose noise is at most E

    b = ceil(log2(N E)) + statistical bits - 1

keeps the distance for one ciphertext at 2^-(statistical bits): whoever has fewer than k shares sees no more than the
result, up to that, and m ciphertexts tell at most m times as much. (ePrint 2020/304 takes normal noise with a variance
of 2^lambda that of the ciphertext; ePrint 2025/699 uniform noise, as here.)

E is M times what the ciphertext declares (``Ciphertext.consumed``) for M sets: the key is a sum of M keys. That bound
fails with a probability of 2^-40 (``parameters.noise``). A ciphertext that somebody else made can hold any noise, and
flooding does not hide what is larger than E: only ciphertexts that were computed by oneself are decrypted.
"""

import math
from dataclasses import dataclass

from he_helpers.parameters import BFVParameters, InvalidParameters
from he_helpers.parameters.noise import bfv_noise_limit, bfv_sum_noise


@dataclass(frozen=True)
class Smudging:
    """``noise`` is the largest of a ciphertext that may be decrypted (E), ``bits`` is b, ``total`` bounds the noise
    after all partial decryptions have been added, and ``budget_left`` is the noise budget that it leaves, in bits."""

    noise: float
    bits: int
    total: float
    budget_left: float


def smudging(parameters: BFVParameters, sets: int, terms: int, statistical_bits: int) -> Smudging:
    """For sums of up to ``terms`` fresh ciphertexts, and shares of ``sets`` sets.

    Raises InvalidParameters where less than one bit of the noise budget would remain.
    """
    noise = sets * bfv_sum_noise(parameters, terms)
    bits = math.ceil(math.log2(parameters.ring_dimension * noise)) + statistical_bits - 1
    total = noise + sets * 2.0**bits
    left = math.log2(bfv_noise_limit(parameters)) - math.log2(total)
    if left < 1:
        raise InvalidParameters(
            f"No room for smudging: it takes {bits + math.log2(sets):.0f} bits with {sets} shares and "
            f"{statistical_bits} statistical bits, and these parameters correct "
            f"{math.log2(bfv_noise_limit(parameters)):.0f} bits of noise. Choose more or longer primes, such as "
            "(53, 53, 53, 55) in a ring of 8192, a shorter plaintext modulus, fewer terms or fewer custodians."
        )
    return Smudging(noise, bits, total, left)
