"""The cheapest parameter set of one scheme for a job, with the reason for each number, or the reason why there is none.

Everything here is arithmetic on the published tables and the estimates in ``noise``; nothing is encrypted.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

from he_helpers.advice.arrangement import Arrangement, bounds, by_alignment, by_columns, by_inputs, by_rows, by_values
from he_helpers.advice.job import Job
from he_helpers.parameters.noise import (
    bfv_fresh_noise,
    bfv_key_switching_noise,
    bfv_noise_limit,
    bfv_product_noise,
    bfv_slot_sum_noise,
    ckks_drift,
    ckks_fresh_error,
    ckks_key_switching_error,
    ckks_sum_error,
    float_error,
)
from he_helpers.parameters.security import SHOR, coefficient_limit, limit_words
from he_helpers.parameters.sets import (
    CHECK_SLOTS,
    BFVParameters,
    CKKSParameters,
    InvalidParameters,
    PaillierParameters,
    Parameters,
    coefficient_primes,
    plaintext_prime,
)
from he_helpers.parameters.sizes import Sizes
from he_helpers.parameters.tables import FACTORING_TABLE, STANDARD_TABLE
from he_helpers.schemes.catalogue import SCHEMES

_LONGEST_PRIME = 60  # SEAL's limit
_SHORTEST_SCALE = 15
_ERROR_SHARE = 2.0**-10  # an error above this share of the largest result is no result


class DoesNotFit(Exception):
    """Why no parameter set of a scheme does the job. Caught by advise()."""


@dataclass(frozen=True)
class Fit:
    """A parameter set that does the job.

    scheme; arrangement: for sums with what to pass to EncryptedTable.encrypt (``arrangement.tables``); parameters;
    relinearisation_keys and galois_keys: whether it needs them; terms: what to announce to PublicKey.encrypt;
    expected_error: an upper estimate of the largest absolute error of a result, in the unit of the result; reasons: a
    sentence for each number; sizes; cost: an estimate of the whole work in units of 0.1 ms of one processor core, good
    for comparing, not for predicting.
    """

    job: Job
    scheme: str
    arrangement: Arrangement
    parameters: Parameters
    relinearisation_keys: bool
    galois_keys: bool
    terms: int
    expected_error: float
    reasons: dict[str, str] = field(hash=False)
    sizes: Sizes
    cost: float

    @property
    def upload_bytes(self) -> int:
        return self.arrangement.ciphertexts * self.sizes.ciphertext

    @property
    def result_bytes(self) -> int:
        return self.arrangement.results * self.sizes.result

    @property
    def key_bytes(self) -> int:
        """What the server needs: the keys for evaluation. Additions need none in TenSEAL and Pyfhel."""
        keys = self.sizes
        needed = self.relinearisation_keys * keys.relinearisation_keys + self.galois_keys * keys.galois_keys
        return needed or (keys.public_key if isinstance(self.parameters, PaillierParameters) else 0)


def fits_of(job: Job, scheme: str) -> Iterator[Fit | str]:
    """For each arrangement that ``scheme`` could use: a Fit, or the reason why not, with the arrangement in front."""
    for name in _arrangements(job, scheme):
        try:
            yield _FITTERS[SCHEMES[scheme].parameters_class](job, scheme, name)
        except DoesNotFit as reason:
            yield f"{_arranged(job, scheme, name, 1024).words.split(',')[0]} ({name}): {reason}"


def _arrangements(job: Job, scheme: str) -> list[str]:
    operations = SCHEMES[scheme].operations
    if job.is_table:
        return ["aligned", "rows", *["rotated"] * ("rotation" in operations)]
    if "sum of slots" not in operations:
        return ["values"] if job.weighted and job.sums else ["rows"] if job.sums else ["columns"]
    if job.weighted:
        return ["columns", "inputs", "products"]
    return ["rows", "columns"] if job.sums else ["columns"]


def _arranged(job: Job, scheme: str, name: str, slots: int) -> Arrangement:
    if name == "values":
        return by_values(job)
    if name == "rows":
        return by_rows(job, slots)
    if name in ("aligned", "rotated"):
        return by_alignment(job, slots, name)
    sums_slots = name == "inputs" or name == "columns" and job.sums
    if SCHEMES[scheme].sums_half and sums_slots:
        slots = slots // 2 - CHECK_SLOTS
    return by_columns(job, slots) if name == "columns" else by_inputs(job, slots, name)


def _fit_paillier(job: Job, scheme: str, name: str) -> Fit:
    if job.product_depth:
        raise DoesNotFit("Paillier adds and multiplies by public numbers; it has no product of ciphertexts")
    if job.quantum:
        raise DoesNotFit(SHOR)
    modulus = FACTORING_TABLE[job.security]
    # More lanes mean fewer terms in each, and shorter lanes: the lane's length is tried from the shortest on.
    lane_bits = max(8, max(job.integer_largest, job.integer_weight).bit_length() + 1)
    while lane_bits <= modulus - 2:
        parameters = PaillierParameters(modulus, lane_bits)
        arrangement = _arranged(job, scheme, name, parameters.slot_count)
        steps = bounds(job, arrangement, job.integer_largest, job.integer_weight, True)
        largest = int(max(*steps.values(), job.integer_weight))
        terms = max(1, parameters.capacity // job.integer_largest)
        if _largest_tracked(job, arrangement, parameters, terms) <= parameters.capacity:
            break
        lane_bits += 1
    else:
        raise DoesNotFit(f"a result can have {largest.bit_length()} bits, and the modulus has {modulus}")
    reasons = {
        "key length": f"a modulus of {modulus} bits gives {job.security}-bit {job.attacker} security (NIST SP 800-57)",
        "lane": f"{lane_bits} bits hold the sign and the largest result, {_number(largest)}; a ciphertext has "
        f"{parameters.slot_count}",
        "headroom": _headroom_words(job, arrangement, steps, parameters.capacity),
    }
    sizes = SCHEMES[scheme].expected_sizes(parameters)
    factor = (modulus / 3072) ** 2.6
    additions = arrangement.ciphertexts - arrangement.results
    powers = arrangement.ciphertexts if job.weighted else 0
    cost = factor * (250 * arrangement.ciphertexts + 0.1 * additions + 1.5 * powers + 70 * arrangement.results)
    return Fit(job, scheme, arrangement, parameters, False, False, terms, 0.0, reasons, sizes, cost)


def _fit_bfv(job: Job, scheme: str, name: str) -> Fit:
    failures = []
    for ring in STANDARD_TABLE[job.security]:
        arrangement = _arranged(job, scheme, name, BFVParameters.slots_of_ring(ring))
        steps = bounds(job, arrangement, job.integer_largest, job.integer_weight, True)
        largest = int(max(*steps.values(), job.integer_weight))
        found = _plaintext_modulus(job, arrangement, ring, largest)
        if found is None:
            raise DoesNotFit(
                f"a result can be {_number(largest)} as a fixed-point integer, which needs a plaintext modulus of "
                f"{(2 * largest + 1).bit_length()} bits, and SEAL takes at most {_LONGEST_PRIME}"
            )
        modulus, terms = found
        switches = bool(job.product_depth) or arrangement.slots_added > 1
        limit = coefficient_limit(ring, job.security, job.quantum)
        parameters = _bfv_chain(job, arrangement, ring, modulus, switches, limit)
        if parameters is not None:
            break
        failures.append(f"ring dimension {ring} permits {limit} bits, too few")
    else:
        raise DoesNotFit(
            f"the noise of these operations with a plaintext modulus of {modulus.bit_length()} bits needs a longer "
            f"coefficient modulus than the {limit_words(ring, job.security, job.quantum)}, the largest ring dimension"
        )
    noise = _bfv_noise(job, arrangement, parameters)
    budget = math.log2(bfv_noise_limit(parameters))
    reasons = {
        "ring dimension": _ring_words(failures, ring, arrangement),
        "moduli chain": f"{parameters.data_bits} bits carry a plaintext modulus of {modulus.bit_length()} bits, about "
        f"{math.log2(noise):.0f} bits of noise and {budget - math.log2(noise):.0f} to spare; the last prime, "
        f"{parameters.coefficient_modulus_bits[-1]} bits, "
        + ("keeps the noise of key switching small" if switches else "is as short as can be: no key is switched"),
        "plaintext modulus": f"a prime of {modulus.bit_length()} bits above twice the largest result, "
        f"{_number(largest)}, and 1 modulo {2 * ring}, so that there are slots",
        "headroom": _headroom_words(job, arrangement, steps, parameters.capacity),
        "security": limit_words(ring, job.security, job.quantum) + f"; this chain has {parameters.total_bits}",
    }
    return _lattice_fit(job, scheme, arrangement, parameters, terms, 0.0, reasons)


def _plaintext_modulus(job: Job, arrangement: Arrangement, ring: int, largest: int) -> tuple[int, int] | None:
    for bits in range((2 * largest + 1).bit_length(), _LONGEST_PRIME + 1):
        try:
            modulus = plaintext_prime(bits, ring)
        except InvalidParameters:
            continue
        # The chain comes later; the capacity does not depend on it.
        parameters = BFVParameters(ring, plaintext_modulus=modulus)
        terms = parameters.capacity // job.integer_largest
        if terms and _largest_tracked(job, arrangement, parameters, terms) <= parameters.capacity:
            return modulus, terms
    return None


def _bfv_chain(
    job: Job, arrangement: Arrangement, ring: int, modulus: int, switches: bool, limit: int
) -> BFVParameters | None:
    shortest = _shortest_prime(ring)
    t_bits = modulus.bit_length()
    # The noise grows with the other primes and falls with the last one: no chain has less of it than this one.
    least = _bfv_noise(job, arrangement, BFVParameters(ring, (shortest, _LONGEST_PRIME), modulus)) * 2 * modulus
    if least >= 2.0**limit:
        return None
    for data_bits in range(max(t_bits + 2, shortest, math.floor(math.log2(least))), limit - shortest + 1):
        parts = _balanced(data_bits)
        special = max(parts) if switches else shortest
        # TenSEAL refuses a plaintext modulus that is one of the primes, and those of one length are the same.
        special += special == t_bits
        if t_bits in parts or min(parts) < shortest or special > _LONGEST_PRIME or data_bits + special > limit:
            continue
        parameters = BFVParameters(ring, (*parts, special), modulus)
        noise = _bfv_noise(job, arrangement, parameters)
        # A product of primes is below 2^data_bits. For most chains that decides it, and finding primes takes longer.
        if noise * 2 * modulus < 2.0**data_bits and _has_primes(parameters) and noise <= bfv_noise_limit(parameters):
            return parameters
    return None


def _bfv_noise(job: Job, arrangement: Arrangement, parameters: BFVParameters) -> float:
    fresh = noise = bfv_fresh_noise(parameters)
    for _ in range(job.product_depth):
        noise = bfv_product_noise(parameters, noise, fresh)
    if job.weighted:
        noise *= _weight_noise(job, arrangement, parameters) * arrangement.columns_added
    noise *= arrangement.rows_added
    if arrangement.slots_added > 1:
        noise = bfv_slot_sum_noise(parameters, noise)
    return noise + bfv_key_switching_noise(parameters) * (job.product_depth > 0)


def _weight_noise(job: Job, arrangement: Arrangement, parameters: BFVParameters) -> float:
    """What a weight multiplies the noise by. A vector becomes a polynomial with coefficients of any size."""
    if arrangement.name in ("inputs", "products"):
        return parameters.plaintext_modulus * math.sqrt(parameters.ring_dimension)
    return max(1, job.integer_weight)


def _fit_ckks(job: Job, scheme: str, name: str) -> Fit:
    if job.largest_error == 0:
        raise DoesNotFit("CKKS always has an error, and the job wants an exact result: allow a precision above 0")
    failures, best = [], math.inf
    for ring in STANDARD_TABLE[job.security]:
        arrangement = _arranged(job, scheme, name, CKKSParameters.slots_of_ring(ring))
        steps = bounds(job, arrangement, job.largest, job.largest_weight, False)
        limit = coefficient_limit(ring, job.security, job.quantum)
        if max(steps.values()) >= 2.0 ** (_LONGEST_PRIME - _SHORTEST_SCALE):
            raise DoesNotFit(
                f"a result can be {_number(max(steps.values()))}, and a first prime of {_LONGEST_PRIME} bits leaves no "
                "room for a scale beside it"
            )
        result = list(steps.values())[-1] * arrangement.parts
        found, wanted = None, min(job.largest_error, _ERROR_SHARE * result)
        if job.is_table:
            # A table takes only decimals that its sums have right.
            wanted = min(wanted, 0.5 * 10.0**-job.decimals)
        for parameters, terms in _ckks_chains(job, arrangement, ring, max(*steps.values(), job.largest_weight), limit):
            error = _ckks_error(job, arrangement, parameters)
            best = min(best, error)
            if error <= wanted:
                found = parameters, terms, error
                break
        if found:
            break
        failures.append(f"ring dimension {ring} permits {limit} bits, too few")
    else:
        within_reach = "no chain is" if best == math.inf else f"an error of {best:.2g} is"
        raise DoesNotFit(
            f"an error of {wanted:.2g} at results up to {_number(max(steps.values()))} needs a longer scale than a "
            f"first prime of {_LONGEST_PRIME} bits and {job.levels} levels in "
            f"{limit_words(ring, job.security, job.quantum)} leave; {within_reach} within reach"
        )
    parameters, terms, error = found
    first, *_, special = parameters.coefficient_modulus_bits
    drift = ckks_drift(parameters, job.levels)
    reasons = {
        "ring dimension": _ring_words(failures, ring, arrangement),
        "moduli chain": f"a first prime of {first} bits for the scale, the value and its sign; {job.levels} of "
        f"{parameters.scale_bits} bits, one for each product after the other; the last, {special} bits, "
        + ("keeps the noise of key switching small" if _switches(job, arrangement) else "is as short as can be"),
        "scale": f"{parameters.scale_bits} bits are the shortest that keep the error at {error:.1g}, below {wanted:.1g}"
        + (f"; {drift:.1g} of the result is lost because the libraries overwrite the scale" if job.levels else ""),
        "headroom": _headroom_words(job, arrangement, steps, parameters.capacity),
        "security": limit_words(ring, job.security, job.quantum) + f"; this chain has {parameters.total_bits}",
    }
    return _lattice_fit(job, scheme, arrangement, parameters, terms, error, reasons)


def _ckks_chains(
    job: Job, arrangement: Arrangement, ring: int, largest: float, limit: int
) -> Iterator[tuple[CKKSParameters, int]]:
    """Chains with a growing scale, and the terms to announce."""
    shortest, levels, switches = _shortest_prime(ring), job.levels, _switches(job, arrangement)
    value_bits = 1 + max(1, math.ceil(math.log2(largest * (1 + _ERROR_SHARE))))
    for scale in range(shortest if levels else _SHORTEST_SCALE, _LONGEST_PRIME):
        lowest = max(shortest, scale + value_bits)
        # A bit more of room lets the declared bound come closer to the data, and that counts in every product.
        for first in range(lowest, lowest + 4):
            special = max(first, scale) if switches else shortest
            if first > _LONGEST_PRIME or first + levels * scale + special > limit:
                if first == lowest:
                    # Longer scales need more.
                    return
                break
            chain = (first, *[scale] * levels, special)
            parameters = CKKSParameters(ring, chain, scale)
            # The declared bound is a multiple of 2^-20; two of these are kept above the data.
            terms = int(parameters.capacity / (job.largest + 2.0**-19))
            tracked = _largest_tracked(job, arrangement, parameters, terms) if terms else math.inf
            if tracked * (1 + _ERROR_SHARE) <= parameters.capacity and _has_primes(parameters):
                yield parameters, terms
                break


def _ckks_error(job: Job, arrangement: Arrangement, parameters: CKKSParameters) -> float:
    fresh = ckks_fresh_error(parameters)
    switching = ckks_key_switching_error(parameters)
    error, value = fresh + float_error(job.largest), job.largest
    for _ in range(job.product_depth):
        error = error * job.largest + value * fresh + error * fresh + switching
        value *= job.largest
    if job.weighted:
        # The weight itself is rounded to the scale, and rescaling rounds once more.
        # A vector of weights has the error of encoding in each slot.
        rounding = fresh if arrangement.name in ("inputs", "products") else 2.0**-parameters.scale_bits
        error = error * job.largest_weight + value * rounding + fresh
        error, value = error * arrangement.columns_added, value * job.largest_weight * arrangement.columns_added
    added = arrangement.rows_added * arrangement.slots_added
    if arrangement.name == "rotated":
        # At least what a table is held to, where the first slots get most of the error of a rotation.
        rows, slots = arrangement.rows_added, arrangement.slots_added
        error = max(error * rows * slots, ckks_sum_error(parameters, rows, job.largest, slots, rotated=True))
    elif arrangement.slots_added > 1:
        # The rotations add up all slots; what is in the unused ones is noise. The sum of the slots is a multiple of one
        # coefficient of the noise, which is smaller by sqrt(N) than the noise in a slot.
        slots, root = parameters.slot_count, math.sqrt(parameters.ring_dimension)
        error = (error * arrangement.rows_added + 16 * switching) * slots / (2 * root)
    else:
        error *= arrangement.rows_added * arrangement.parts
        added *= arrangement.parts
    value *= added
    return error + value * ckks_drift(parameters, job.levels) + float_error(value)


def _lattice_fit(
    job: Job,
    scheme: str,
    arrangement: Arrangement,
    parameters: BFVParameters | CKKSParameters,
    terms: int,
    error: float,
    reasons: dict[str, str],
) -> Fit:
    ring, primes = parameters.ring_dimension, len(parameters.coefficient_modulus_bits)
    levels_used = job.levels if isinstance(parameters, CKKSParameters) else 0
    sizes = SCHEMES[scheme].expected_sizes(parameters, levels_used)
    transform = ring / 4096 * primes * math.log2(ring) / 24
    switch = 10 * transform * (primes - 1)
    products = arrangement.ciphertexts * job.product_depth
    turns = math.log2(arrangement.slots_added) if arrangement.name == "rotated" else math.log2(ring)
    rotations = math.ceil(turns) * arrangement.results if arrangement.slots_added > 1 else 0
    passes = arrangement.ciphertexts * (1 + job.weighted)
    cost = 12 * transform * (arrangement.ciphertexts + arrangement.results) + 0.2 * transform * passes
    cost += (products * 3 + rotations) * switch
    return Fit(
        job,
        scheme,
        arrangement,
        parameters,
        job.product_depth > 0,
        arrangement.slots_added > 1,
        terms,
        error,
        reasons,
        sizes,
        cost,
    )


def _largest_tracked(job: Job, arrangement: Arrangement, parameters: Parameters, terms: int) -> float:
    """The bound that the ciphertexts declare at their largest, when ``terms`` is announced to encrypt."""
    declared = parameters.share(terms)
    if not isinstance(parameters, CKKSParameters):
        steps = bounds(job, arrangement, declared, job.integer_weight, True)
        return max(*steps.values(), job.integer_weight)
    if declared < job.largest:
        return math.inf
    steps = bounds(job, arrangement, declared, job.largest_weight, False)
    return max(*steps.values(), job.largest_weight)


def _switches(job: Job, arrangement: Arrangement) -> bool:
    return bool(job.product_depth) or arrangement.slots_added > 1


def _shortest_prime(ring: int) -> int:
    """Bits of primes that are plentiful enough modulo twice the ring dimension."""
    return int(math.log2(ring)) + 9


def _balanced(bits: int) -> tuple[int, ...]:
    count = math.ceil(bits / _LONGEST_PRIME)
    return tuple(bits // count + (i < bits % count) for i in range(count))


def _has_primes(parameters: BFVParameters | CKKSParameters) -> bool:
    try:
        coefficient_primes(parameters.ring_dimension, parameters.coefficient_modulus_bits)
    except InvalidParameters:
        return False
    return True


def _ring_words(failures: list[str], ring: int, arrangement: Arrangement) -> str:
    smaller = f": {failures[-1]}" if failures else ""
    return f"the smallest of the tables whose limit suffices{smaller}; {arrangement.used} of its slots are used"


def _headroom_words(job: Job, arrangement: Arrangement, steps: dict[str, float], capacity: float) -> str:
    terms = arrangement.columns_added * arrangement.rows_added * arrangement.slots_added
    what = f"{terms:,} terms of the largest value" if terms > 1 else "the largest value"
    return f"{what} reach {_number(max(steps.values()))}; {_number(capacity)} fit"


def _number(value: float) -> str:
    if value < 1e15:
        return f"{value:,.0f}" if value == int(value) or value >= 1000 else f"{value:,.4g}"
    return f"{value:.3g}" if value < 1e300 else "more than 1e300"


_FITTERS = {PaillierParameters: _fit_paillier, BFVParameters: _fit_bfv, CKKSParameters: _fit_ckks}
